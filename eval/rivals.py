"""What is compared in the benchmark of retrieval: llama-index as its documentation has it, and ours."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple, Protocol

from llama_index.core import Document, VectorStoreIndex
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.llms import MockLLM
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.retrievers import QueryFusionRetriever
from llama_index.core.retrievers.fusion_retriever import FUSION_MODES
from llama_index.core.schema import BaseNode, TextNode
from llama_index.retrievers.bm25 import BM25Retriever
from pydantic import PrivateAttr

from assistant.ask import Assistant
from assistant.settings import Settings
from eval.case import Case
from index.build import build
from index.dense import Embedder
from index.library import Library, bank_of, ranking_of
from index.models import open_embedder
from index.points import read_points
from index.search import SearchIndex
from index.settings import IndexSettings
from index.words import cut_words
from ingest.law import Regulation

TOP = 5
"""Chunks that a llama-index retriever returns here."""
_HELD = 0.5
"""Least share of an article in a chunk for the chunk to count as that article."""


class Found(NamedTuple):
    """One result: the county it is of, and the articles that it holds (at least half of)."""

    county: str
    articles: frozenset[int]


class Rival(Protocol):
    """A way to find articles."""

    def build(self, regulations: Sequence[Regulation], folder: Path) -> None:
        """Index the regulations; ``folder`` is empty and may be written to."""
        ...

    def find(self, case: Case) -> list[Found]:
        """Return results, best first."""
        ...

    def whole(self) -> float:
        """Share of the counties' articles that one indexed text holds from end to end."""
        ...


class Ours:
    """Our search: the counties that the question is about, ten articles of each."""

    def __init__(self, settings: IndexSettings) -> None:
        self._settings = settings
        self._embedder = open_embedder(settings.embedding, settings.embedding_instruction)

    def build(self, regulations: Sequence[Regulation], folder: Path) -> None:
        """Build a whole index on disk and open it."""
        build(
            regulations,
            bank_of(self._settings),
            read_points(leave_out=self._settings.leave_out),
            self._embedder,
            Path(),
            folder,
        )
        index = SearchIndex(folder, self._embedder, ranking_of(self._settings, self._embedder))
        self._assistant = Assistant(_Opened(index), Settings(home=folder))

    def find(self, case: Case) -> list[Found]:
        """Search each county asked about, or all where none is named."""
        found = self._assistant.find(case.question, case.history, case.ui_county)
        return [Found(county, frozenset({hit.article.number})) for county, hits in found.items() for hit in hits]

    def whole(self) -> float:
        """Every article is a passage of its own."""
        return 1.0


class _Opened(Library):
    """An index that is not in use anywhere else."""

    def __init__(self, index: SearchIndex) -> None:
        self._index = index

    def index(self) -> SearchIndex:
        return self._index


class _Embedding(BaseEmbedding):
    """Our model as llama-index wants it."""

    _embedder: Embedder = PrivateAttr()

    def __init__(self, embedder: Embedder) -> None:
        super().__init__(model_name="bundled", embed_batch_size=512)
        self._embedder = embedder

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._embedder.question(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._embedder.question(query)

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._embedder.texts([text])[0]

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return self._embedder.texts(texts)


class LlamaIndex:
    """llama-index over chunks of its SentenceSplitter (1,024 tokens, 20 of overlap)."""

    def __init__(self, settings: IndexSettings, *, vectors: bool, words: bool, jieba: bool = False) -> None:
        self._embedding = _Embedding(open_embedder(settings.embedding))
        self._vectors, self._words, self._jieba = vectors, words, jieba

    def build(self, regulations: Sequence[Regulation], folder: Path) -> None:
        """Split, embed and index, as the tutorials do, in memory."""
        texts = {r.id: "\n".join(a.text for a in r.articles) for r in regulations}
        documents = [Document(text=texts[r.id], id_=r.id, metadata={"county": r.county}) for r in regulations]
        nodes = SentenceSplitter(chunk_size=1024, chunk_overlap=20).get_nodes_from_documents(documents)
        self._counties = {node.node_id: str(node.metadata["county"]) for node in nodes}
        self._articles, self._whole = _articles_of(nodes, {r.id: r for r in regulations if r.county})
        parts: list[BaseRetriever] = []
        if self._vectors:
            parts.append(VectorStoreIndex(nodes, embed_model=self._embedding).as_retriever(similarity_top_k=TOP))
        if self._words:
            cut: Sequence[BaseNode] = nodes
            if self._jieba:
                cut = [TextNode(id_=n.node_id, text=" ".join(cut_words(n.get_content()))) for n in nodes]
            parts.append(BM25Retriever.from_defaults(nodes=list(cut), similarity_top_k=TOP, language="en"))
        self._retrievers = parts
        self._fusion = QueryFusionRetriever(
            parts,
            llm=MockLLM(),
            num_queries=1,
            similarity_top_k=TOP,
            mode=FUSION_MODES.RECIPROCAL_RANK,
            use_async=False,
        )

    def find(self, case: Case) -> list[Found]:
        """Ask with all that the user has said, as a chat would pass it on."""
        text = " ".join([*(turn["content"] for turn in case.history if turn["role"] == "user"), case.question])
        if self._words and self._jieba and not self._vectors:
            text = " ".join(cut_words(text))
        retriever = self._retrievers[0] if len(self._retrievers) == 1 else self._fusion
        ids = [result.node.node_id for result in retriever.retrieve(text)]
        return [Found(self._counties[i], self._articles.get(i, frozenset())) for i in ids]

    def whole(self) -> float:
        """Share of articles that no chunk border cuts."""
        return self._whole


def _articles_of(
    nodes: Iterable[BaseNode], regulations: Mapping[str, Regulation]
) -> tuple[dict[str, frozenset[int]], float]:
    """Tell which articles each chunk holds, and the share of all articles that some chunk holds whole."""
    articles: dict[str, frozenset[int]] = {}
    whole: set[tuple[str, int]] = set()
    for node in nodes:
        regulation = regulations.get(str(node.ref_doc_id))
        if regulation is None or not isinstance(node, TextNode):
            continue
        first, last = node.start_char_idx or 0, node.end_char_idx or 0
        starts = accumulate((len(a.text) + 1 for a in regulation.articles), initial=0)
        held = set()
        for article, start in zip(regulation.articles, starts, strict=False):
            shared = min(last, start + len(article.text)) - max(first, start)
            if shared >= _HELD * len(article.text):
                held.add(article.number)
            if shared == len(article.text):
                whole.add((regulation.id, article.number))
        articles[node.node_id] = frozenset(held)
    return articles, len(whole) / sum(len(r.articles) for r in regulations.values())


OURS = "xiangui"
RIVALS: dict[str, Callable[[IndexSettings], Rival]] = {
    "llama-index tutorial (vectors, top 5)": lambda s: LlamaIndex(s, vectors=True, words=False),
    "BM25Retriever, default tokenizer": lambda s: LlamaIndex(s, vectors=False, words=True),
    "BM25Retriever, jieba": lambda s: LlamaIndex(s, vectors=False, words=True, jieba=True),
    "QueryFusionRetriever (vectors + BM25)": lambda s: LlamaIndex(s, vectors=True, words=True),
    OURS: Ours,
}
"""All that are compared, each to be made from settings."""
