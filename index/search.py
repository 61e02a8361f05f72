"""A question -> the articles of one regulation that answer it, best first.

Four channels look at every article: BM25 over character bigrams and over words (both over the
article extended with its questions), the nearest passage, and the nearest question of the bank.
Their values are comparable between questions, so one logistic function of them gives the score:
the probability that the article answers. A second one tells whether the rule answers at all
(see ``ranking``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from index import passage, ranking
from index.build import question_key
from index.dense import DenseIndex, Embedder
from index.lexical import CUTTERS, LexicalIndex
from index.passage import Passage
from index.questions import BankQuestion, read_asked
from ingest.corpus import read_corpus
from ingest.law import Article, Regulation

NEAREST_PASSAGES = 60
NEAREST_QUESTIONS = 60
"""How many vectors of each kind are looked at; the rest counts as not similar."""


class Similar(NamedTuple):
    """A question of the bank near to the one asked, with its cosine."""

    question: BankQuestion
    cosine: float


@dataclass(frozen=True, slots=True)
class Hit:
    """An article that was found.

    Attributes:
        passage: its nearest passage.
        article: the article itself.
        score: probability, 0 to 1, that the article answers the question.
        channels: value of each channel, 0 where it did not find the article.
        similar: the article's questions near to the one asked, nearest first.

    """

    passage: Passage
    article: Article
    score: float
    channels: dict[str, float]
    similar: tuple[Similar, ...]


class Query(NamedTuple):
    """A question made ready: searched in several regulations, it is embedded once."""

    text: str
    vector: list[float]
    lexical: dict[str, npt.NDArray[np.float32]]


class _Look(NamedTuple):
    """What the channels saw: values a row an article, and what each row was nearest through."""

    values: npt.NDArray[np.float64]
    best: dict[int, Passage]
    similar: dict[int, list[Similar]]


class SearchIndex:
    """One complete generation, opened for reading."""

    def __init__(self, folder: Path, embedder: Embedder, weights: ranking.Ranking) -> None:
        self.regulations: tuple[Regulation, ...] = read_corpus(folder / "corpus")
        self._embedder = embedder
        self._ranking = weights
        self._dense = DenseIndex(folder / "chroma")
        self._lexical = {name: LexicalIndex.load(folder / name, name) for name in CUTTERS}
        self._passages = {
            part.key: (i, part)
            for r in self.regulations
            for i, a in enumerate(r.articles)
            for part in passage.cut(r, a)
        }
        self._questions = {
            question_key(regulation, number, n): (number, question)
            for (regulation, number), group in read_asked(folder / "questions.jsonl").items()
            for n, question in enumerate(group)
        }
        self._offsets: dict[str, int] = {}
        for regulation in self.regulations:
            self._offsets[regulation.id] = sum(
                len(r.articles) for r in self.regulations[: self.regulations.index(regulation)]
            )

    def prepare(self, text: str) -> Query:
        """Embed and cut a question once, for any number of regulations."""
        return Query(
            text, self._embedder.question(text), {name: index.scores(text) for name, index in self._lexical.items()}
        )

    def search(self, query: Query, regulation: Regulation, most: int = 10) -> list[Hit]:
        """Return the ``most`` likeliest articles of a regulation, best first."""
        values, best, similar = self._look(query, regulation)
        scores = self._ranking.score(values)
        order = np.argsort(-scores, kind="stable")[:most]
        return [
            Hit(
                passage=best.get(i) or next(passage.cut(regulation, regulation.articles[i])),
                article=regulation.articles[i],
                score=float(scores[i]),
                channels=dict(zip(ranking.CHANNELS, map(float, values[i]), strict=True)),
                similar=tuple(similar.get(i, ())),
            )
            for i in map(int, order)
        ]

    def evidence(self, query: Query, hits: Sequence[Hit]) -> float:
        """Return the probability, 0 to 1, that the regulation of these hits answers the question."""
        best = np.array([hits[0].channels[name] for name in ranking.CHANNELS])
        margin = ranking.log_odds(hits[0].score) - ranking.log_odds(hits[1].score) if len(hits) > 1 else 0.0
        return self._ranking.evidence(ranking.evidence_features(best, margin, self._anywhere(query)))

    def _anywhere(self, query: Query) -> npt.NDArray[np.float64]:
        return np.array([query.lexical[name].max(initial=0.0) for name in ranking.LEXICAL], dtype=np.float64)

    def values(self, query: Query, regulation: Regulation) -> npt.NDArray[np.float64]:
        """Return the channels' values, a row an article, a column a channel in ``ranking.CHANNELS``."""
        return self._look(query, regulation).values

    def similarity(self, query: Query, texts: Sequence[str]) -> list[float]:
        """Cosine of a question with each of some texts."""
        if not texts:
            return []
        return [float(v) for v in np.asarray(self._embedder.texts(texts)) @ np.asarray(query.vector)]

    def close(self) -> None:
        """Let go of the files."""
        self._dense.close()

    def _look(self, query: Query, regulation: Regulation) -> _Look:
        count, start = len(regulation.articles), self._offsets[regulation.id]
        values = np.zeros((count, len(ranking.CHANNELS)), dtype=np.float64)
        column = {name: values[:, i] for i, name in enumerate(ranking.CHANNELS)}
        for name, scores in query.lexical.items():
            column[name][:] = scores[start : start + count]
        best = self._nearest_passages(query, regulation, column["passage"])
        similar = self._nearest_questions(query, regulation, column["question"])
        return _Look(values, best, similar)

    def _nearest_passages(
        self, query: Query, regulation: Regulation, into: npt.NDArray[np.float64]
    ) -> dict[int, Passage]:
        best: dict[int, Passage] = {}
        for key, cosine in self._dense.nearest("passages", query.vector, regulation.id, NEAREST_PASSAGES):
            i, part = self._passages[key]
            if i not in best:
                best[i] = part
                into[i] = max(0.0, cosine)
        return best

    def _nearest_questions(
        self, query: Query, regulation: Regulation, into: npt.NDArray[np.float64]
    ) -> dict[int, list[Similar]]:
        similar: dict[int, list[Similar]] = {}
        numbers = {a.number: i for i, a in enumerate(regulation.articles) if a.branch is None}
        for key, cosine in self._dense.nearest("questions", query.vector, regulation.id, NEAREST_QUESTIONS):
            number, question = self._questions[key]
            i = numbers[number]
            into[i] = max(into[i], cosine)
            similar.setdefault(i, []).append(Similar(question, cosine))
        return similar
