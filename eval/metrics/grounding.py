"""Whether the words of an answer are borne out by what it quotes, told without a model.

A clause that is one of the quotes' own is. Of any other, each number, deadline, modal word and
office-holder must stand in the quotes, and those of the clause that it comes nearest to must not be
missing: 不得公开 does not bear out 公开.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from assistant.cite import claims
from assistant.units import clauses
from eval.case import Case, squeeze
from eval.metrics.parts import UNSCORED, Prediction, Rules, Score
from index.words import bigrams

_MARKS = re.compile(r"(?:\[\d+\])+$", re.M)
_SOURCES = re.compile(r"^\n?\[1\] 《", re.M)
_HEADING = re.compile(r"^【[^】]+】$", re.M)
_DEADLINE = re.compile(r"[一二两三四五六七八九十半\d]+个?(?:工作日|自然日|小时|分钟|日|天|周|月|年)")
_QUOTED = re.compile(r"“([^”]+)”")
_ALIKE = 0.4
"""Share of a clause's bigrams that another must hold to be what it was made of."""


class _Stated(NamedTuple):
    """Words of an answer and the quotes that are to bear them out.

    ``abridged``: they sum several counties up; not all that the quotes say need be in them, but what
    they put in quotation marks must stand in the quotes.
    """

    text: str
    quotes: str
    introductions: str
    abridged: bool = False


def grounded(case: Case, prediction: Prediction, rules: Rules) -> Score:
    """Share of the answer's statements whose numbers, deadlines, modal words and offices their quotes hold."""
    stated = list(_statements(prediction, rules))
    if not stated:
        return UNSCORED
    faults = [fault for one in stated if (fault := _fault(one)) is not None]
    return Score(1 - len(faults) / len(stated), "；".join(faults))


def _statements(prediction: Prediction, rules: Rules) -> Iterator[_Stated]:
    """Cut the answer as shown at its marks [1]; what has none is borne out by all quotes."""
    citations: Sequence[Mapping[str, object]] = prediction["citations"]
    if not citations:
        return
    everything = "\n".join(str(c["quote"]) for c in citations)
    introductions = "\n".join(_introduction(c, rules) for c in citations)
    sources = _SOURCES.search(prediction["answer"])
    body = prediction["answer"][: sources.start()] if sources else prediction["answer"]
    at = 0
    for marks in _MARKS.finditer(body):
        before, *sections = _HEADING.split(body[at : marks.start()])
        if at == 0 and sections:
            yield _Stated(before, everything, introductions, abridged=True)
        cited = [citations[n - 1] for n in map(int, re.findall(r"\d+", marks[0])) if 0 < n <= len(citations)]
        led = "\n".join(_introduction(c, rules) for c in cited)
        yield _Stated([before, *sections][-1], "\n".join(str(c["quote"]) for c in cited), led)
        at = marks.end()
    if at == 0:
        yield _Stated(body, everything, introductions)


def _introduction(citation: Mapping[str, object], rules: Rules) -> str:
    """Return the words that introduce the list which a cited 项 stands in."""
    if citation["item"] is None:
        return ""
    places = [
        paragraph.text
        for (county, number, branch), article in rules.articles.items()
        if (county, number, branch) == (citation["county"], citation["article"], citation.get("branch"))
        for paragraph in article.paragraphs
        if paragraph.number == citation["paragraph"]
    ]
    return "\n".join(places)


def _fault(stated: _Stated) -> str | None:
    quoted = clauses(stated.quotes)
    held = _told(stated.quotes + "\n" + stated.introductions)
    for clause in clauses(stated.text):
        if not clause or clause in quoted:
            continue
        said = _told(clause)
        extra = sorted(set(said) - set(held))
        if extra:
            return f"引文里没有“{extra[0]}”：{clause}"
        if stated.abridged:
            words = [word for run in _QUOTED.findall(clause) for word in run.split("、")]
            misquoted = [word for word in words if word not in squeeze(stated.quotes)]
            if misquoted:
                return f"引文里没有“{misquoted[0]}”：{clause}"
            continue
        missing = sorted(_told(_nearest(clause, quoted)) - said)
        if missing:
            return f"漏了引文里的“{missing[0]}”：{clause}"
    return None


def _told(text: str) -> Counter[str]:
    """Count what may not be changed: numbers, deadlines, modal words and office-holders."""
    found = sum(claims(text).values(), Counter[str]())
    found.update(_DEADLINE.findall(squeeze(text)))
    return found


def _nearest(clause: str, quoted: Sequence[str]) -> str:
    """Return the quoted clause that most of a clause's bigrams stand in; empty where none is alike."""
    words = set(bigrams(clause))
    shares = [(len(words & set(bigrams(other))) / max(len(words), 1), -n) for n, other in enumerate(quoted)]
    share, place = max(shares, default=(0.0, 0))
    return quoted[-place] if share >= _ALIKE else ""
