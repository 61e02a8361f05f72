"""A question -> the articles of one regulation that answer it, best first.

Five channels look at every article: BM25 over character bigrams and over words (both over the
article extended with its questions), the vector of the whole article, that of its nearest passage,
and that of its nearest question of the bank.
Their values are comparable between questions, so one logistic function of them gives the score:
the probability that the article answers. A second one tells whether the rule answers at all
(see ``ranking``). A reranker, where one is configured, puts the best of them in its own order.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from index import passage, ranking
from index.build import KNOWN, POINTS
from index.dense import DenseIndex, Embedder
from index.known import KnownQuestions
from index.lexical import CUTTERS, LexicalIndex
from index.models import Reranker
from index.named import named_in
from index.passage import Passage
from index.points import PointIndex, highest, is_same
from index.questions import BankQuestion, read_asked
from index.words import cut_words
from ingest.corpus import in_force, read_corpus
from ingest.law import Article, Regulation

NEAREST_PASSAGES = 60
NEAREST_QUESTIONS = 60
"""How many vectors of each kind are looked at; the rest counts as not similar."""
_ARTICLES_KEPT = 4096
"""Of so many articles the vectors of the parts are kept once they have been looked at."""
_QUESTIONS_KEPT = 64
"""So many questions are kept ready: one is asked of every county, and again with each follow-up."""
RERANKED = 10
"""How many articles a reranker puts in order."""


class Similar(NamedTuple):
    """A question of the bank near to the one asked, with its cosine."""

    question: BankQuestion
    cosine: float


class Hit(NamedTuple):
    """An article that was found.

    Attributes:
        passage: its nearest passage.
        article: the article itself.
        score: probability, 0 to 1, that the article answers the question.
        channels: value of each of ``ranking.CHANNELS``, 0 where it did not find the article.
        similar: the article's questions near to the one asked, nearest first.

    """

    passage: Passage
    article: Article
    score: float
    channels: tuple[float, ...]
    similar: tuple[Similar, ...]


class Query(NamedTuple):
    """A question made ready: searched in several regulations, it is embedded once.

    Attributes:
        text: the question.
        vector: to compare with passages.
        plain: the same without the model's instruction, to compare with other questions.
        lexical: value of each lexical channel for every article of the index.

    """

    text: str
    vector: list[float]
    plain: list[float]
    lexical: dict[str, npt.NDArray[np.float32]]


class _Look(NamedTuple):
    """What the channels saw: values a row an article, and what each row was nearest through."""

    values: npt.NDArray[np.float64]
    best: dict[int, Passage]
    similar: dict[int, list[Similar]]


class _Passages(NamedTuple):
    """Passages of a regulation, each with the place of its article, and their vectors, a row each."""

    places: list[tuple[int, Passage]]
    vectors: npt.NDArray[np.float32]


class _Cut(NamedTuple):
    """A regulation cut in whole articles, in order, and their parts."""

    articles: _Passages
    parts: _Passages


class _Answered(NamedTuple):
    """The questions that a regulation answers, each with the place of its article, and their rows among the known."""

    rows: npt.NDArray[np.int64]
    questions: list[tuple[int, BankQuestion]]


class SearchIndex:
    """One complete generation, opened for reading."""

    def __init__(
        self, folder: Path, embedder: Embedder, weights: ranking.Ranking, reranker: Reranker | None = None
    ) -> None:
        self.regulations: tuple[Regulation, ...] = read_corpus(folder / "corpus")
        self.in_force = in_force(self.regulations)
        self._embedder = embedder
        self._ranking = weights
        self._reranker = reranker
        self._dense = DenseIndex(folder / "chroma")
        self._known = KnownQuestions.load(folder / KNOWN)
        self._points = PointIndex.load(folder / POINTS, self._known)
        self._lexical = {name: LexicalIndex.load(folder / name, name) for name in CUTTERS}
        self._passages: dict[str, _Cut] = {}
        self._prepared = lru_cache(_QUESTIONS_KEPT)(self._prepare)
        self._words_of = lru_cache(_QUESTIONS_KEPT)(lambda text: tuple(cut_words(text)))
        self._vectors_of = lru_cache(_ARTICLES_KEPT)(lambda texts: np.array(embedder.texts(texts)))
        self._asked = read_asked(folder / "questions.jsonl")
        self._answered: dict[str, _Answered] = {}
        written_for = {(place[0], q.county) for place, questions in self._asked.items() for q in questions}
        self._with_own = {r.id for r in self.regulations if (r.id, r.county) in written_for}
        self._of_counties = np.repeat(
            [bool(r.county) for r in self.regulations], [len(r.articles) for r in self.regulations]
        )
        ends = accumulate((len(r.articles) for r in self.regulations), initial=0)
        self._offsets = dict(zip((r.id for r in self.regulations), ends, strict=False))

    def prepare(self, text: str) -> Query:
        """Embed and cut a question once, for any number of regulations and for the follow-ups to it."""
        return self._prepared(text)

    def _prepare(self, text: str) -> Query:
        vector = self._embedder.question(text)
        plain = self._embedder.texts([text])[0] if self._embedder.instruction else vector
        return Query(text, vector, plain, {name: index.scores(text) for name, index in self._lexical.items()})

    def blend(self, query: Query, text: str) -> Query:
        """Turn a question's vectors halfway to those of a part of it."""
        part = self.prepare(text)
        return query._replace(vector=_between(query.vector, part.vector), plain=_between(query.plain, part.plain))

    def search(self, query: Query, regulation: Regulation, most: int = 10) -> list[Hit]:
        """Return the ``most`` likeliest articles of a regulation, best first."""
        values, best, similar = self._look(query, regulation)
        whole = self._cut(regulation).articles.places
        scores = self._weights(regulation.id).article.probability(values)
        order = np.argsort(-scores, kind="stable")[:most]
        found = zip(order.tolist(), scores[order].tolist(), values[order].tolist(), strict=True)
        hits = [
            Hit(best.get(i, whole[i][1]), regulation.articles[i], score, tuple(channels), tuple(similar.get(i, ())))
            for i, score, channels in found
        ]
        return hits if self._reranker is None else self._rerank(query, hits, self._reranker)

    def _rerank(self, query: Query, hits: Sequence[Hit], reranker: Reranker) -> list[Hit]:
        """Put the best hits in the reranker's order; the probabilities stay, best first."""
        best = hits[:RERANKED]
        scores = reranker.scores(query.text, [hit.article.text for hit in best])
        order = sorted(range(len(best)), key=lambda i: -scores[i])
        return [best[i]._replace(score=place.score) for place, i in zip(best, order, strict=True)] + [*hits[RERANKED:]]

    def evidence(self, query: Query, hits: Sequence[Hit]) -> float:
        """Return the probability, 0 to 1, that the regulation of these hits answers the question."""
        rule = self._weights(hits[0].passage.locator.regulation).rule
        return float(rule.probability(self.evidence_values(query, hits)))

    def evidence_values(self, query: Query, hits: Sequence[Hit]) -> npt.NDArray[np.float64]:
        """Describe how well the regulation of these hits answers (``ranking.evidence_features``)."""
        best = np.array(hits[0].channels)
        margin = ranking.log_odds(hits[0].score) - ranking.log_odds(hits[1].score) if len(hits) > 1 else 0.0
        return ranking.evidence_features(best, margin, self.anywhere(query))

    def point_values(self, query: Query, hits: Sequence[Hit]) -> npt.NDArray[np.float64]:
        """Describe the questions near to this one, first those that the regulation of these hits settles, then those that it leaves open: cosine of the nearest, mean of the nearest few."""
        names = named_in(query.text)
        similar = [each for hit in hits for each in hit.similar]
        asked = [each.cosine for each in similar if is_same(names, named_in(each.question.question))]
        settled = highest(np.array(asked, dtype=np.float32))
        left_open = self._points.near(query.plain, names, hits[0].passage.locator.regulation)
        return np.array([settled[0], settled.mean(), left_open[0], left_open.mean()], dtype=np.float64)

    def _weights(self, regulation: str) -> ranking.Weights:
        return self._ranking.own if self.has_own_questions(regulation) else self._ranking.carried

    def anywhere(self, query: Query) -> npt.NDArray[np.float64]:
        """Return the best value of each lexical channel over the articles of all counties."""
        return np.array(
            [query.lexical[name].max(initial=0.0, where=self._of_counties) for name in ranking.LEXICAL],
            dtype=np.float64,
        )

    def unknown(self, text: str) -> float:
        """Return the share, 0 to 1, of a text's words (by their length) that no article or question here holds."""
        words = self._words_of(text)
        total = sum(map(len, words))
        return sum(len(word) for word in words if word not in self._lexical["words"]) / total if total else 0.0

    def has_own_questions(self, regulation: str) -> bool:
        """Tell whether questions were written for the county of a regulation (its id), not only carried over."""
        return regulation in self._with_own

    def questions_of(self, regulation: str, article: int) -> list[BankQuestion]:
        """Return the bank's questions that an article of a regulation (its id) answers."""
        return self._asked.get((regulation, article), [])

    def similarity(self, query: Query, texts: Sequence[str]) -> npt.NDArray[np.float64]:
        """Cosine of a question with each of some texts, the parts of one article."""
        vectors: npt.NDArray[np.float64] = self._vectors_of(tuple(texts))
        return np.asarray(vectors @ np.asarray(query.vector))

    def close(self) -> None:
        """Let go of the files."""
        self._dense.close()

    def _look(self, query: Query, regulation: Regulation) -> _Look:
        count, start = len(regulation.articles), self._offsets[regulation.id]
        values = np.zeros((count, len(ranking.CHANNELS)), dtype=np.float64)
        column = {name: values[:, i] for i, name in enumerate(ranking.CHANNELS)}
        for name, scores in query.lexical.items():
            column[name][:] = scores[start : start + count]
        best = self._nearest_passages(query, regulation, column["article"], column["passage"])
        similar = self._nearest_questions(query, regulation, column["question"])
        return _Look(values, best, similar)

    def _cut(self, regulation: Regulation) -> _Cut:
        """Cut a regulation's articles, and read the vectors, the first time that it is searched."""
        if regulation.id not in self._passages:
            groups = [list(passage.cut(regulation, article)) for article in regulation.articles]
            whole = [(i, group[0]) for i, group in enumerate(groups)]
            parts = [(i, part) for i, group in enumerate(groups) for part in group[1:]]
            self._passages[regulation.id] = _Cut(
                self._read("articles", regulation, whole), self._read("parts", regulation, parts)
            )
        return self._passages[regulation.id]

    def _read(self, kind: str, regulation: Regulation, places: list[tuple[int, Passage]]) -> _Passages:
        if not places:
            return _Passages([], np.zeros((0, 0), dtype=np.float32))
        vectors = self._dense.vectors(kind, regulation.county, regulation.id)
        return _Passages(places, np.stack([vectors[part.key] for _, part in places]))

    def _nearest_passages(
        self,
        query: Query,
        regulation: Regulation,
        article: npt.NDArray[np.float64],
        passage: npt.NDArray[np.float64],
    ) -> dict[int, Passage]:
        """Fill both channels; an article is its own passage where no part of it is nearer."""
        best: dict[int, Passage] = {}
        cut = self._cut(regulation)
        for (i, whole), cosine in _nearest(cut.articles, query.vector):
            best[i] = whole
            article[i] = passage[i] = max(0.0, cosine)
        for (i, part), cosine in _nearest(cut.parts, query.vector):
            if cosine > passage[i]:
                best[i] = part
                passage[i] = cosine
        return best

    def _nearest_questions(
        self, query: Query, regulation: Regulation, into: npt.NDArray[np.float64]
    ) -> dict[int, list[Similar]]:
        similar: dict[int, list[Similar]] = {}
        answered = self._answered_by(regulation)
        cosines = self._known.cosines(query.plain)[answered.rows]
        near = _highest(cosines, NEAREST_QUESTIONS)
        for n, cosine in zip(near.tolist(), cosines[near].tolist(), strict=True):
            i, question = answered.questions[n]
            into[i] = max(into[i], cosine)
            similar.setdefault(i, []).append(Similar(question, cosine))
        return similar

    def _answered_by(self, regulation: Regulation) -> _Answered:
        """Gather the questions of a regulation the first time that it is searched."""
        if regulation.id not in self._answered:
            questions = [
                (i, question)
                for i, article in enumerate(regulation.articles)
                if article.branch is None
                for question in self.questions_of(regulation.id, article.number)
            ]
            rows = self._known.rows(question.question for _, question in questions)
            self._answered[regulation.id] = _Answered(rows, questions)
        return self._answered[regulation.id]


def _nearest(passages: _Passages, vector: Sequence[float]) -> list[tuple[tuple[int, Passage], float]]:
    """Return the passages nearest to a vector of length 1 with their cosine, nearest first."""
    if not passages.places:
        return []
    cosines = passages.vectors @ np.asarray(vector, dtype=np.float32)
    near = _highest(cosines, NEAREST_PASSAGES)
    return [(passages.places[n], cosine) for n, cosine in zip(near.tolist(), cosines[near].tolist(), strict=True)]


def _highest(values: npt.NDArray[np.float32], most: int) -> npt.NDArray[np.intp]:
    """Return the places of the ``most`` highest values, highest first."""
    places = np.arange(len(values)) if len(values) <= most else np.argpartition(-values, most)[:most]
    return places[np.argsort(-values[places], kind="stable")]


def _between(one: Sequence[float], other: Sequence[float]) -> list[float]:
    """Return the vector of length 1 halfway between two."""
    sum_ = np.asarray(one) + np.asarray(other)
    return list(sum_ / (np.linalg.norm(sum_) or 1.0))
