"""Which words of the articles found answer: a probability for each unit, and one for the whole.

Two logistic regressions, fitted on held-out bank questions (``assistant.fit``). The first looks at
a unit: how near it is to the question in meaning and in words, whether similar questions were
answered with it, and whether it holds the kind of thing asked for (who, how many, whether). The
second looks at the best of them and at the search, and tells whether the rule settles the point at
all: an article can be about the matter and be silent on what is asked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from assistant.expect import ASKS, Kind, asked_quantity
from assistant.glossary import rule_words
from assistant.roles import roles_in
from assistant.units import Unit, candidates
from assistant.wording import Gram, ngrams, odds
from index.named import named_in
from index.questions import find_verbatim
from index.ranking import Regression, log_odds
from index.search import Hit, Query, SearchIndex, Similar
from index.settings import MODEL
from index.words import bigrams
from ingest.law import Article, Span

FILE = "writing.json"
ARTICLES = 4
"""How many of the best articles are looked at for words that answer."""
_ARTICLES_KEPT = 1024
"""Of so many articles the units are kept once they have been looked at."""


_NAMED = 16
"""The sign that tells whether a unit is about another thing than the one named (``named``)."""
_OF_BEST = 17
"""So many signs of a unit, from the first, also tell whether the best unit answers at all."""


class Asked(NamedTuple):
    """A question as far as choosing words is concerned.

    Attributes:
        query: the question made ready for the search.
        topic: its words, a follow-up made whole.
        focus: the words of the last question alone.
        roles: what the asker or the person asked about is (副县长, 部门), where that is known.

    """

    query: Query
    topic: str
    focus: str
    roles: frozenset[str] = frozenset()


class Choice(NamedTuple):
    """A unit of an article found.

    Attributes:
        hit: the article.
        unit: a clause, a 项 or a whole list of it.
        probability: that it is (part of) what answers.
        other: it is about another thing than the one named, the plenary meeting for the standing one.
        roles: whom it binds, as far as it or the clause that it goes on with says.

    """

    hit: Hit
    unit: Unit
    probability: float
    other: bool = False
    roles: frozenset[str] = frozenset()

    @property
    def text(self) -> str:
        """The unit's words."""
        return self.hit.article.text[slice(*self.unit.span)]


def likeliest(choices: Iterable[Choice]) -> Choice:
    """Return the choice of the highest probability."""
    return max(choices, key=lambda choice: choice.probability)


class Weighed(NamedTuple):
    """All units of the best articles, in the order of hits and text, and whether the rule settles the point."""

    choices: list[Choice]
    settled: float


@dataclass(frozen=True, slots=True)
class Writing:
    """Weights for one kind of county.

    Attributes:
        unit: of ``describe_units``.
        settled: of ``describe_best``.
        wording: of the question's n-grams, added to the log-odds of ``settled``.

    """

    unit: Regression
    settled: Regression
    wording: Mapping[str, Gram]

    def settles(self, best: npt.NDArray[np.float64], grams: Sequence[str]) -> float:
        """Return the probability that the rule settles the point, from ``describe_best`` and ``wording``."""
        wording = max(odds(grams, self.wording), _LEAST)
        return self.settled._replace(bias=self.settled.bias + wording).probability(best).item()


_LEAST = -1.0
"""What the wording may take off the log-odds at most: by itself it rules nothing out."""


def weigh(asked: Asked, hits: Sequence[Hit], index: SearchIndex, writing: Writing) -> Weighed:
    """Weigh the units of the best articles."""
    found = [(hit, unit) for hit in hits[:ARTICLES] for unit in _read(hit.article).units]
    if not found:
        return Weighed([], 0.0)
    signs = describe_units(asked, hits, index)
    probabilities = likelihood(signs, writing.unit)
    best = describe_best(signs, probabilities, describe_search(asked.query, hits, index))
    others = signs[:, _NAMED] < 0
    roles = [bound for hit in hits[:ARTICLES] for bound in _read(hit.article).roles]
    chosen = [
        Choice(*place, float(p), bool(o), bound)
        for place, p, o, bound in zip(found, probabilities, others, roles, strict=True)
    ]
    return Weighed(chosen, writing.settles(best, wording(asked.topic, best)))


def likelihood(signs: npt.NDArray[np.float64], weights: Regression) -> npt.NDArray[np.float64]:
    """Return the probability of each unit; one about another thing than the one named hardly answers."""
    return weights.probability(signs) * np.where(signs[:, _NAMED] < 0, _OTHER, 1.0)


_OTHER = 0.05
"""What is left of the probability of words about the plenary meeting where the standing one is asked about."""
_QUANTITY = 8
"""The sign that tells whether a unit holds the quantity asked for."""


def wording(question: str, best: npt.NDArray[np.float64]) -> list[str]:
    """Return the n-grams of a question; how a quantity is asked for says little once it is there."""
    held = best[len(best) - _OF_BEST + _QUANTITY] > 0
    return [f"{_HELD}{gram}" if held else gram for gram in ngrams(question)]


_HELD = "+"
"""Marks the n-grams of questions whose quantity the best unit holds."""


def describe_units(asked: Asked, hits: Sequence[Hit], index: SearchIndex) -> npt.NDArray[np.float64]:
    """Describe each unit of the best articles by the signs of ``UNIT_SIGNS``, a row each."""
    rows = []
    best = max(log_odds(hit.score) for hit in hits[:ARTICLES])
    words, focus = asked_words(asked.topic, asked.focus)
    wanted = _wanted(asked)
    for hit in hits[:ARTICLES]:
        parts = _read(hit.article)
        if not parts.units:
            continue
        cosines = np.maximum(0.0, index.similarity(asked.query, parts.texts))
        held = shared_words(words, focus, parts.words)
        nearest, usual = known(hit.article, parts.units, hit.similar, parts.shares)
        holds = np.array([_holds(wanted, parts, i) for i in range(len(parts.units))])
        article = np.tile([log_odds(hit.score), log_odds(hit.score) - best], (len(parts.units), 1))
        relative = [column - column.max() for column in (cosines, held, nearest, usual)]
        rows.append(np.column_stack([cosines, held, nearest, usual, *relative, holds, parts.shape, article]))
    return np.vstack(rows) if rows else np.zeros((0, 0))


class _Parts(NamedTuple):
    """What the units of an article are, whatever is asked: each list holds one value a unit.

    ``shares`` keeps the quotes that have been looked for.
    """

    units: list[Unit]
    texts: tuple[str, ...]
    words: list[frozenset[str]]
    names: list[frozenset[str]]
    roles: list[frozenset[str]]
    shape: npt.NDArray[np.float64]
    shares: Shares


@lru_cache(_ARTICLES_KEPT)
def _read(article: Article) -> _Parts:
    units = candidates(article)
    texts = tuple(article.text[slice(*unit.span)] for unit in units)
    shape = [
        [unit.item is not None, unit.whole, text.rstrip()[-1:] in "：:", np.log(len(text))]
        for text, unit in zip(texts, units, strict=True)
    ]
    return _Parts(
        units,
        texts,
        [frozenset(bigrams(text)) for text in texts],
        [_names(article, unit) for unit in units],
        _roles(units, texts),
        np.array(shape),
        {},
    )


def _roles(units: Sequence[Unit], texts: Sequence[str]) -> list[frozenset[str]]:
    """Return whom each unit binds; what goes on with the clause before it (行程超过1天的，…; 并…) binds whom that binds."""
    bound: list[frozenset[str]] = []
    for i, (unit, text) in enumerate(zip(units, texts, strict=True)):
        same = i > 0 and unit.item is None and units[i - 1].paragraph == unit.paragraph
        goes_on = same and (_AND.match(text) or (units[i - 1].sentence == unit.sentence and _CASE.match(text)))
        bound.append(roles_in(text) or (bound[-1] if goes_on else frozenset()))
    return bound


_AND = re.compile(r"\s*(?:并|且|同时)")
_CASE = re.compile(r"\s*[^，,。；;]{2,20}的[，,]")


def asked_words(topic: str, focus: str) -> tuple[dict[str, None], dict[str, None]]:
    """Return the bigrams of a question, in everyday words and in the rules' own, and those of the last question alone."""
    own = dict.fromkeys(w for text in (focus, *rule_words(focus)) for w in bigrams(text))
    return dict.fromkeys(w for text in (topic, *rule_words(topic)) for w in bigrams(text)) | own, own


def shared_words(
    words: Iterable[str], focus: Container[str], pieces: Sequence[frozenset[str]]
) -> npt.NDArray[np.float64]:
    """Share of the question's words that each piece of a text holds; words that many of them hold count less.

    Args:
        words: the question's bigrams, each once.
        focus: those of the last question alone, which count twice.
        pieces: the bigrams of each piece.

    """
    counts = {word: sum(word in each for each in pieces) for word in words}
    weight = {word: (1 + (word in focus)) / count for word, count in counts.items() if count}
    total = sum(weight.values())
    return np.array([sum(w for word, w in weight.items() if word in each) / total if total else 0.0 for each in pieces])


Shares = dict[str, npt.NDArray[np.float64] | None]
"""For each quote how much of it, or of itself where that is less, each unit holds; None if the article has it not."""


def known(
    article: Article, units: Sequence[Unit], similar: Sequence[Similar], shares: Shares
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Tell how far similar questions were answered with each unit: by the nearest one, and usually.

    ``shares`` keeps what has been looked for before in these units.
    """
    held: list[tuple[float, npt.NDArray[np.float64]]] = []
    for each, cosine in similar:
        if each.quote not in shares:
            quoted = find_verbatim(each.quote, article)
            shares[each.quote] = None if quoted is None else np.array([share(quoted, unit) for unit in units])
        found = shares[each.quote]
        if cosine > 0 and found is not None:
            held.append((cosine, found))
    if not held:
        return np.zeros(len(units)), np.zeros(len(units))
    cosines = np.array([cosine for cosine, _ in held])
    rows = np.vstack([found for _, found in held])
    usual = cosines**8
    return (rows * (cosines**2)[:, None]).max(axis=0), (rows * usual[:, None]).sum(axis=0) / usual.sum()


def share(quoted: Span, unit: Unit) -> float:
    """Return how much of a quote, or of itself where that is less, a unit holds; of a whole list always of itself."""
    shared = min(quoted.end, unit.span.end) - max(quoted.start, unit.span.start)
    size = unit.span.end - unit.span.start
    return max(0, shared) / (size if unit.whole else min(quoted.end - quoted.start, size))


def _names(article: Article, unit: Unit) -> frozenset[str]:
    """Return what a unit is about of the things in ``named``: what it names, or its 款, or its article.

    An item is about what its list is about; what it names is only dealt with.
    """
    paragraph = article.paragraphs[unit.paragraph - 1]
    introduction = Span(paragraph.span.start, paragraph.span.start + len(paragraph.text))
    own = introduction if unit.item is not None or unit.whole else unit.span
    places = (own, introduction, Span(0, len(article.text)))
    return next((found for place in places if (found := named_in(article.text[slice(*place)]))), frozenset())


class _Wanted(NamedTuple):
    """What a question asks for: a quantity, kinds of things in the order of ``ASKS``, a list, roles, things named."""

    quantity: re.Pattern[str] | None
    kinds: list[re.Pattern[str] | None]
    listed: bool
    roles: frozenset[str]
    names: frozenset[str]


def _wanted(asked: Asked) -> _Wanted:
    return _Wanted(
        asked_quantity(asked.focus),
        [kind.holds if kind.asks.search(asked.focus) else None for kind in ASKS],
        bool(Kind.LIST.asks.search(asked.topic)),
        asked.roles,
        named_in(asked.topic),
    )


def _holds(wanted: _Wanted, parts: _Parts, i: int) -> list[float]:
    """For each kind of thing asked for: 1 if the unit holds it, -1 if it does not, 0 if it is not asked."""
    text, unit, roles, names = parts.texts[i], parts.units[i], parts.roles[i], parts.names[i]
    things = (wanted.quantity, *wanted.kinds)
    signs = [0.0 if thing is None else 1.0 if thing.search(text) else -1.0 for thing in things]
    is_list = 1.0 if unit.whole else 0.5 if unit.item or text.rstrip()[-1:] in "：:" else -1.0
    signs.append(is_list if wanted.listed else 0.0)
    signs.append(0.0 if not (wanted.roles and roles) else 1.0 if wanted.roles & roles else -1.0)
    signs.append(0.0 if not (wanted.names and names) else 1.0 if wanted.names & names else -1.0)
    return signs


def describe_search(query: Query, hits: Sequence[Hit], index: SearchIndex) -> npt.NDArray[np.float64]:
    """Describe what the search tells of the whole: the neighbours, then the evidence."""
    return np.concatenate([index.point_values(query, hits), index.evidence_values(query, hits)])


def describe_best(
    units: npt.NDArray[np.float64], probabilities: npt.NDArray[np.float64], searched: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Describe how well the likeliest unit answers.

    Args:
        units: ``describe_units``.
        probabilities: of these units.
        searched: ``describe_search`` of the hits.

    """
    order = np.argsort(-probabilities)
    odds = [log_odds(float(p)) for p in probabilities[order[:2]]]
    margin = odds[0] - odds[1] if len(odds) > 1 else 0.0
    return np.concatenate([searched, [odds[0], margin], units[order[0], :_OF_BEST]])


def find_writing(model: Path) -> Path:
    """Return the weights beside a model, or the bundled ones: they look at differences more than at cosines."""
    return model / FILE if (model / FILE).exists() else MODEL / FILE


def read_writing(path: Path) -> dict[str, Writing]:
    """Read weights by kind of county: ``own`` and ``carried``, as in ``index.ranking``."""
    rows = json.loads(path.read_text(encoding="utf-8"))
    return {
        kind: Writing(
            Regression(*row["unit"]), Regression(*row["settled"]), {g: Gram(*v) for g, v in row["wording"].items()}
        )
        for kind, row in rows.items()
    }


def write_writing(weights: Mapping[str, Writing], path: Path) -> None:
    """Write weights as JSON."""
    rows = {kind: {"unit": w.unit, "settled": w.settled, "wording": w.wording} for kind, w in weights.items()}
    path.write_text(json.dumps(rows, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")
