"""Bank questions -> the weights of the ranking.

Two thirds of the bank are indexed and the other third is asked: a question must not find itself.
For the weights of counties that have no questions, those of invented rules are asked, which the model
never saw; whether such a rule answers at all is fitted on the bank's third once more, with one county's
own questions left out after another.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from index.build import expanded_texts, is_whole, passage_entries
from index.dense import Embedder
from index.invented import invented
from index.lexical import LexicalIndex
from index.points import GAPS, STRANGERS, read_points
from index.questions import Asked, BankQuestion, for_regulations
from index.ranking import LEXICAL, Ranking, Regression, Weights, evidence_features, log_odds
from index.search import NEAREST_PASSAGES, NEAREST_QUESTIONS
from index.words import bigrams
from ingest.law import Regulation

SEED = 20221012
SILENT, SAME = 0.3, 0.85
"""Shares of a quote's bigrams in another county's article: below, the rule is silent; above, it says the same."""
HARDEST = 20
"""Articles of a question that the ranking is fitted on; the others are told apart anyway."""

Values = dict[str, npt.NDArray[np.float64]]
"""For each county the channel values of its articles, a row each."""


class Example(NamedTuple):
    """A question that the index does not hold, and what the channels say of it.

    Attributes:
        question: the bank's; of another question, which counties' rules answer it, where known.
        values: of the counties that are fitted on.
        anywhere: best values of the lexical channels over all counties.

    """

    question: BankQuestion | Mapping[str, bool]
    values: Values
    anywhere: npt.NDArray[np.float64]


def is_held_out(question: BankQuestion) -> bool:
    """Tell the third that is asked from the two that are indexed, by the question's own words."""
    return zlib.crc32(question.question.encode()) % 3 == 0


def fit(
    regulations: Sequence[Regulation],
    bank: Sequence[BankQuestion],
    embedder: Embedder,
    most: int | None = None,
    others: int | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Ranking:
    """Fit both kinds of weights for an embedding model.

    Args:
        regulations: those that the bank was written for.
        bank: its questions; the model must not have been trained on the third that is held out.
        embedder: the model.
        most: ask at most so many of the held-out questions; a slow model needs it.
        others: ask at most so many of those that not every rule answers.
        say: called with a line of progress.

    """
    asked = _some([question for question in bank if is_held_out(question)], most)
    kept = [question for question in bank if not is_held_out(question)]
    kept += [question for each in invented() if not each.held_out for question in each.questions]
    channels = _Channels(regulations, [*bank, *kept], embedder, others=others)
    counties = sorted({question.county for question in bank})
    say(f"拟合排序：问 {len(asked)} 个题库问题，各县有题库时一遍，逐县没有题库时一遍……")
    own = channels.ask(asked, kept, counties)
    carried: list[Example] = []
    for county in counties:
        carried += channels.ask(asked, [question for question in kept if question.county != county], [county])
    unseen = ask_unseen(kept, embedder, most)
    return Ranking(
        fit_weights(regulations, own, fit_article(regulations, own)),
        fit_weights(regulations, carried, fit_article([each.regulation for each in invented()], unseen)),
    )


T = TypeVar("T")


def _some(questions: Sequence[T], most: int | None) -> Sequence[T]:
    return questions if most is None or len(questions) <= most else random.Random(SEED).sample(questions, most)


def ask_unseen(kept: Sequence[BankQuestion], embedder: Embedder, most: int | None) -> list[Example]:
    """Ask the questions of the rules held out; each has only what is carried over from others."""
    held = [each for each in invented() if each.held_out]
    questions = [question for each in held for question in each.questions]
    channels = _Channels([each.regulation for each in held], [*kept, *questions], embedder, others=0)
    return channels.ask(_some(questions, most), kept, [each.regulation.county for each in held])


class _Channels:
    """The channels of ``search.SearchIndex``, computed at once for many questions and several banks."""

    def __init__(
        self,
        regulations: Sequence[Regulation],
        bank: Sequence[BankQuestion],
        embedder: Embedder,
        *,
        others: int | None = None,
    ) -> None:
        """Embed all once; ``others`` is the most that is asked of the questions that not every rule answers."""
        self._regulations = regulations
        self._others = dict(_some(list(other_questions([r.county for r in regulations])), others))
        texts = [*(question.question for question in bank), *self._others]
        self._plain = dict(zip(texts, np.array(embedder.texts(texts)), strict=True))
        self._vectors = (
            dict(zip(texts, np.array(embedder.questions(texts)), strict=True)) if embedder.instruction else self._plain
        )
        self._parts: dict[str, _Near] = {}
        self._articles: dict[str, _Near] = {}
        for regulation in regulations:
            places = {(a.number, a.branch): i for i, a in enumerate(regulation.articles)}
            entries = list(passage_entries([regulation]))
            owners = [places[int(e.metadata["article"]), int(e.metadata["branch"]) or None] for e in entries]
            near = _Near(np.array(embedder.texts([e.text for e in entries])), np.array(owners))
            whole = np.array([is_whole(entry) for entry in entries])
            self._articles[regulation.id] = _Near(near.vectors[whole], near.owners[whole])
            self._parts[regulation.id] = _Near(near.vectors[~whole], near.owners[~whole])

    def ask(
        self, asked: Sequence[BankQuestion], indexed: Sequence[BankQuestion], counties: Sequence[str]
    ) -> list[Example]:
        """Ask questions where only others are indexed; keep the values of the counties named."""
        grouped = for_regulations(indexed, self._regulations)
        texts = expanded_texts(self._regulations, grouped)
        lexical = [LexicalIndex.build(texts, name) for name in LEXICAL]
        questions = {r.id: self._questions(r, grouped) for r in self._regulations}
        examples = []
        every: list[tuple[str, BankQuestion | Mapping[str, bool]]] = [(q.question, q) for q in asked]
        for text, question in [*every, *self._others.items()]:
            words = np.stack([index.scores(text) for index in lexical], axis=1).astype(float)
            values, start = {}, 0
            for r in self._regulations:
                end = start + len(r.articles)
                if r.county in counties:
                    whole = self._articles[r.id].best(self._vectors[text], NEAREST_PASSAGES, end - start)
                    part = self._parts[r.id].best(self._vectors[text], NEAREST_PASSAGES, end - start)
                    similar = questions[r.id].best(self._plain[text], NEAREST_QUESTIONS, end - start)
                    values[r.county] = np.column_stack([words[start:end], whole, np.maximum(whole, part), similar])
                start = end
            examples.append(Example(question, values, words.max(axis=0)))
        return examples

    def _questions(self, regulation: Regulation, grouped: Asked) -> _Near:
        places = {a.number: i for i, a in enumerate(regulation.articles) if a.branch is None}
        rows = [(places[n], q.question) for (r, n), group in grouped.items() if r == regulation.id for q in group]
        return _Near(np.array([self._plain[text] for _, text in rows]), np.array([place for place, _ in rows]))


def other_questions(counties: Sequence[str]) -> Iterator[tuple[str, Mapping[str, bool]]]:
    """Yield questions that are not of the bank, each with whether the counties' rules answer it."""
    for point in read_points((STRANGERS, GAPS)):
        yield (
            point.question,
            dict.fromkeys(counties, False) if point.stranger else {c: a is not None for c, a in point.articles.items()},
        )


class _Near(NamedTuple):
    """Vectors of length 1, a row each, and the place of the article that each belongs to."""

    vectors: npt.NDArray[np.float64]
    owners: npt.NDArray[np.int64]

    def best(self, vector: npt.NDArray[np.float64], most: int, articles: int) -> npt.NDArray[np.float64]:
        """Cosine of each article's nearest row among the ``most`` nearest; 0 for the others."""
        best = np.zeros(articles)
        if len(self.vectors):
            cosines = self.vectors @ vector
            near = np.argsort(-cosines)[:most]
            np.maximum.at(best, self.owners[near], cosines[near])
        return best


def fit_weights(regulations: Sequence[Regulation], examples: Sequence[Example], article: Regression) -> Weights:
    """Fit the second regression of ``Weights``, on whole regulations.

    A question of the bank is answered by a county that has nearly the words of its quote, and not
    by one that has few of them; what lies between is left out.
    """
    words = {r.county: [set(bigrams(a.text)) for a in r.articles] for r in regulations}
    features, answers = [], []
    for example in examples:
        for county, values in example.values.items():
            answered = _is_answered(example.question, county, words[county])
            if answered is not None:
                features.append(_evidence(values, example, article))
                answers.append(answered)
    return Weights(article, regress(np.vstack(features), np.array(answers), balanced=True))


def _is_answered(question: BankQuestion | Mapping[str, bool], county: str, articles: Sequence[set[str]]) -> bool | None:
    """Tell whether a county's rule answers, None where that is not known."""
    if not isinstance(question, BankQuestion):
        return question.get(county)
    quote = set(bigrams(question.quote))
    held = max(len(quote & words) for words in articles) / max(1, len(quote))
    return None if SILENT < held < SAME else held >= SAME


def fit_article(regulations: Sequence[Regulation], examples: Sequence[Example]) -> Regression:
    """Fit the first regression of ``Weights``.

    On each question's strongest articles, with the article that answers and once more without it,
    when none may look like an answer.
    """
    places = {(r.county, a.number): i for r in regulations for i, a in enumerate(r.articles) if a.branch is None}
    rows, labels = [], []
    for question, values_of, _ in examples:
        if not isinstance(question, BankQuestion) or question.county not in values_of:
            continue
        values, gold = values_of[question.county], places[question.county, question.article]
        for present in (True, False):
            shown = values if present else np.delete(values, gold, axis=0)
            strongest = np.argsort(-shown.sum(axis=1))[:HARDEST]
            rows.append(shown[strongest])
            labels.append((strongest == gold) if present else np.zeros(len(strongest), dtype=bool))
    return regress(np.vstack(rows), np.concatenate(labels))


def _evidence(values: npt.NDArray[np.float64], example: Example, article: Regression) -> npt.NDArray[np.float64]:
    scores = article.probability(values)
    odds = sorted((log_odds(p) for p in scores), reverse=True)
    return evidence_features(values[int(np.argmax(scores))], odds[0] - odds[1], example.anywhere)


def regress(rows: npt.NDArray[np.float64], labels: npt.NDArray[np.bool_], *, balanced: bool = False) -> Regression:
    """Fit a logistic regression, with weights that can be read."""
    regression = LogisticRegression(C=10.0, max_iter=5000, class_weight="balanced" if balanced else None)
    regression.fit(rows, labels)
    return Regression(tuple(round(float(w), 4) for w in regression.coef_[0]), round(float(regression.intercept_[0]), 4))
