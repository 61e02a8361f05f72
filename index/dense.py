"""Vectors in Chroma, reached through llama-index: the only place where either is called.

Both, and sentence-transformers, are imported where they are used: that takes seconds, which a command that asks nothing need not wait.

Chroma is embedded and persistent. Each county has its own collections, of whole articles and of their parts (款, 项).
A search asks one regulation, which has some two hundred passages: their vectors are read from Chroma once, and compared
with the question exactly.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from itertools import groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from chromadb import Collection
    from llama_index.core.schema import BaseNode
    from llama_index.vector_stores.chroma import ChromaVectorStore

_BATCH = 512
"""Texts embedded at once."""
_PLACE = ("county", "regulation", "article", "branch", "paragraph", "item")
"""What is kept of a part."""
_STORED = 5000
"""Entries stored at once: with each store the collection's keys are written anew, however many they are."""


class Entry(NamedTuple):
    """What is stored: a key, the text to embed, and flat metadata, ``county`` and ``regulation`` among it."""

    key: str
    text: str
    metadata: dict[str, str | int]


class Embedder:
    """A sentence-transformers model, read from a folder and never from the network.

    llama-index's own wrapper cannot hold a static embedding, whose texts may be of any length.
    """

    def __init__(self, path: Path, instruction: str = "") -> None:
        """Load a model.

        Args:
            path: its folder.
            instruction: put before a question, as some models want it, and before nothing else.

        """
        from sentence_transformers import SentenceTransformer

        # Half-precision weights are for the disk: a vector's length does not always fit in them.
        self._model = SentenceTransformer(str(path), device="cpu", local_files_only=True).float()
        self.path = path
        self.instruction = instruction

    @cached_property
    def digest(self) -> str:
        """Digest of the model's files; a search does not need it."""
        return model_hash(self.path)

    def question(self, text: str) -> list[float]:
        """Embed a question; the vector has length 1."""
        return self.questions([text])[0]

    def questions(self, texts: Sequence[str]) -> list[list[float]]:
        """Embed questions; each vector has length 1."""
        return self.texts([self.instruction + text for text in texts])

    def texts(self, texts: Sequence[str]) -> list[list[float]]:
        """Embed texts that are to be found; each vector has length 1."""
        return [vector.tolist() for vector in self.array(texts)]

    def array(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Embed texts, a row each."""
        vectors = self._model.encode(list(texts), batch_size=_BATCH, normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(vectors, dtype=np.float32)


class DenseIndex:
    """The collections of one generation: for each county one of articles and one of their parts."""

    def __init__(self, folder: Path) -> None:
        import chromadb
        from chromadb.config import Settings as ChromaSettings

        settings = ChromaSettings(anonymized_telemetry=False, allow_reset=False)
        self._client = chromadb.PersistentClient(str(folder), settings=settings)
        self._stores = {collection.name: _store_of(collection) for collection in self._client.list_collections()}

    def add(self, kind: str, entries: Iterable[Entry], embedder: Embedder, advance: Callable[[int], None]) -> None:
        """Embed and store entries; ``advance`` is told how many more are done."""
        for _, group in groupby(entries, key=lambda entry: entry.metadata["county"]):
            while batch := list(islice(group, _STORED)):
                self._store(kind, batch, embedder)
                advance(len(batch))

    def _store(self, kind: str, entries: Sequence[Entry], embedder: Embedder) -> None:
        name = _name(kind, str(entries[0].metadata["county"]))
        if name not in self._stores:
            collection = self._client.create_collection(name, configuration={"hnsw": {"space": "cosine"}})
            self._stores[name] = _store_of(collection)
        vectors = embedder.array([entry.text for entry in entries])
        if kind == "articles":
            from llama_index.core.schema import TextNode

            nodes: list[BaseNode] = [
                TextNode(id_=entry.key, text=entry.text, metadata=entry.metadata, embedding=vector.tolist())
                for entry, vector in zip(entries, vectors, strict=True)
            ]
            self._stores[name].add(nodes)
        else:  # words and document stand with the article; of 260,000 parts they would take as long as all else
            self._stores[name].client.add(
                ids=[entry.key for entry in entries],
                embeddings=vectors,
                metadatas=[{key: value for key, value in e.metadata.items() if key in _PLACE} for e in entries],
            )

    def vectors(self, kind: str, county: str, regulation: str) -> dict[str, npt.NDArray[np.float32]]:
        """Return the vector, of length 1, of each passage of a regulation by its key.

        Args:
            kind: articles or parts.
            county: whose collection is read.
            regulation: its id; a county may have several.

        """
        store = self._stores.get(_name(kind, county))
        if store is None:
            return {}
        found = store.client.get(where={"regulation": regulation}, include=["embeddings"])
        return dict(zip(found["ids"], np.asarray(found["embeddings"], dtype=np.float32), strict=True))

    def close(self) -> None:
        """Let go of the files."""
        self._client.close()  # type: ignore[attr-defined]  # declared on the class that is built, not on its interface


def _store_of(collection: Collection) -> ChromaVectorStore:
    from llama_index.vector_stores.chroma import ChromaVectorStore

    return ChromaVectorStore(chroma_collection=collection)


def _name(kind: str, county: str) -> str:
    """Name a collection; Chroma allows letters and digits only."""
    return f"{kind}-{hashlib.sha256(county.encode()).hexdigest()[:24]}"


def model_hash(path: Path) -> str:
    """Digest of all files of a model that decide its vectors."""
    digest = hashlib.sha256()
    for file in sorted(path.rglob("*")):
        if file.suffix in {".json", ".safetensors"} and file.name not in {"ranking.json", "writing.json"}:
            digest.update(file.relative_to(path).as_posix().encode() + file.read_bytes())
    return digest.hexdigest()
