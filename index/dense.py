"""Vectors in Chroma, reached through llama-index: the only place where either is called.

Two collections: passages of the articles, and questions of the bank. Chroma is embedded and
persistent; its filter is one equality (the regulation), since ranges and conjunctions are slow.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from math import log
from pathlib import Path
from typing import NamedTuple

import chromadb
from chromadb.config import Settings as ChromaSettings
from llama_index.core.schema import BaseNode, TextNode
from llama_index.core.vector_stores import MetadataFilter, MetadataFilters, VectorStoreQuery
from llama_index.vector_stores.chroma import ChromaVectorStore
from sentence_transformers import SentenceTransformer

_BATCH = 512


class Entry(NamedTuple):
    """What is stored: a key, the text to embed, and flat metadata (``regulation`` is filtered by)."""

    key: str
    text: str
    metadata: dict[str, str | int]


class Embedder:
    """A sentence-transformers model, read from a folder and never from the network.

    llama-index's own wrapper cannot hold a static embedding, whose texts may be of any length.
    """

    def __init__(self, path: Path) -> None:
        # Half-precision weights are for the disk: a vector's length does not always fit in them.
        self._model = SentenceTransformer(str(path), device="cpu", local_files_only=True).float()

    def question(self, text: str) -> list[float]:
        """Embed a question; the vector has length 1."""
        return self.texts([text])[0]

    def texts(self, texts: Sequence[str]) -> list[list[float]]:
        """Embed texts that are to be found; each vector has length 1."""
        vectors = self._model.encode(list(texts), batch_size=_BATCH, normalize_embeddings=True, show_progress_bar=False)
        return [[float(value) for value in vector] for vector in vectors]


class DenseIndex:
    """The two collections of one generation."""

    def __init__(self, folder: Path) -> None:
        settings = ChromaSettings(anonymized_telemetry=False, allow_reset=False)
        self._client = chromadb.PersistentClient(str(folder), settings=settings)
        self._stores = {
            name: ChromaVectorStore(
                chroma_collection=self._client.get_or_create_collection(
                    name, configuration={"hnsw": {"space": "cosine", "ef_search": 200}}
                )
            )
            for name in ("passages", "questions")
        }

    def add(self, name: str, entries: Iterable[Entry], embedder: Embedder, advance: Callable[[int], None]) -> None:
        """Embed and store entries; ``advance`` is told how many more are done."""
        batch: list[Entry] = []
        for entry in entries:
            batch.append(entry)
            if len(batch) == _BATCH:
                self._store(name, batch, embedder)
                advance(len(batch))
                batch = []
        if batch:
            self._store(name, batch, embedder)
            advance(len(batch))

    def _store(self, name: str, entries: Sequence[Entry], embedder: Embedder) -> None:
        vectors = embedder.texts([entry.text for entry in entries])
        nodes: list[BaseNode] = [
            TextNode(id_=entry.key, text=entry.text, metadata=entry.metadata, embedding=vector)
            for entry, vector in zip(entries, vectors, strict=True)
        ]
        self._stores[name].add(nodes)

    def nearest(self, name: str, vector: Sequence[float], regulation: str, most: int) -> list[tuple[str, float]]:
        """Return the keys nearest to a vector among one regulation's, with their cosine, nearest first."""
        query = VectorStoreQuery(
            query_embedding=list(vector),
            similarity_top_k=most,
            filters=MetadataFilters(filters=[MetadataFilter(key="regulation", value=regulation)]),
        )
        found = self._stores[name].query(query)
        # ChromaVectorStore gives exp(-distance); the distance of a cosine space is 1 - cosine.
        near = [(key, 1.0 + log(s)) for key, s in zip(found.ids or [], found.similarities or [], strict=True)]
        return sorted(near, key=lambda pair: -pair[1])

    def count(self, name: str) -> int:
        """Count the stored entries."""
        return int(self._stores[name].client.count())

    def close(self) -> None:
        """Let go of the files."""
        self._client.close()  # type: ignore[attr-defined]  # declared on the class that is built, not on its interface


def model_hash(path: Path) -> str:
    """Digest of all files of a model that decide its vectors."""
    digest = hashlib.sha256()
    for file in sorted(path.rglob("*")):
        if file.suffix in {".json", ".safetensors"} and file.name != "ranking.json":
            digest.update(file.relative_to(path).as_posix().encode() + file.read_bytes())
    return digest.hexdigest()
