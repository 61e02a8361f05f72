"""Evaluation cases: questions written from the regulations, with the articles that answer them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from assistant.places import find_places
from ingest.corpus import ingest
from ingest.errors import CaseError
from ingest.law import Regulation

CASES = Path(__file__).parent / "cases"
TYPES = (
    "fact",
    "procedure",
    "list",
    "article_lookup",
    "colloquial",
    "scenario",
    "comparison",
    "multi_turn",
    "unanswerable",
)


NEAREST = 0.3
SHARED = 0.15


@dataclass(frozen=True, slots=True)
class Gold:
    """An article that answers, and the words of it that do."""

    county: str
    article: int
    quote: str
    regulation: str | None = None
    branch: int | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """A question and what a right answer holds.

    Attributes:
        id: unique in its file.
        type: one of ``TYPES``.
        history: earlier messages, oldest first.
        question: as the user asks it.
        county: label for reports; never given to the assistant.
        gold: every article that answers; empty where none does.
        facts: words that any right answer holds, each out of a gold quote.
        answerable: false where the rules are silent.
        note: for reviewers.
        ui_county: the county chosen on the page, given to the assistant.

    """

    id: str
    type: str
    question: str
    county: str
    gold: tuple[Gold, ...]
    facts: tuple[str, ...]
    answerable: bool
    history: tuple[dict[str, str], ...] = ()
    note: str = ""
    ui_county: str | None = field(default=None)


def read_cases(path: Path) -> tuple[Case, ...]:
    """Read a JSON-lines file of cases.

    Raises:
        CaseError: a line is no case, or an id stands twice; names file and line.

    """
    cases: dict[str, Case] = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CaseError(f"{path}：读不出来（{error}）") from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            case = Case(
                **{
                    **row,
                    "gold": tuple(Gold(**gold) for gold in row["gold"]),
                    "facts": tuple(row["facts"]),
                    "history": tuple(row.get("history", ())),
                }
            )
        except (ValueError, KeyError, TypeError) as error:
            raise CaseError(f"{path}:{number}：不是一条用例（{error}）") from error
        if case.id in cases:
            raise CaseError(f"{path}:{number}：编号 {case.id} 重复")
        if case.type not in TYPES:
            raise CaseError(f"{path}:{number}：没有 {case.type} 这个类型，应是 {'、'.join(TYPES)} 之一")
        cases[case.id] = case
    if not cases:
        raise CaseError(f"{path}：没有用例")
    return tuple(cases.values())


def check(cases: Iterable[Case], regulations: Iterable[Regulation] | None = None) -> list[str]:
    """Prove cases against the texts: quotes stand in their articles, facts in the quotes.

    Returns one line a fault.
    """
    rules = tuple(regulations) if regulations is not None else ingest().regulations
    texts = {(r.county, a.number, a.branch): squeeze(a.text) for r in rules for a in r.articles}
    faults = []
    for case in cases:
        if case.answerable != bool(case.gold):
            faults.append(f"{case.id}：answerable 与 gold 不一致")
        for gold in case.gold:
            text = texts.get((gold.county, gold.article, gold.branch))
            if text is None:
                faults.append(f"{case.id}：{gold.county}没有第 {gold.article} 条")
            elif not gold.quote or squeeze(gold.quote) not in text:
                faults.append(f"{case.id}：引文不在{gold.county}第 {gold.article} 条中：{gold.quote}")
        quotes = [squeeze(gold.quote) for gold in case.gold]
        faults += [
            f"{case.id}：事实不在任何引文中：{fact}"
            for fact in case.facts
            if not any(squeeze(fact) in q for q in quotes)
        ]
    return faults


def check_independence(cases: Iterable[Case], trained: Iterable[str]) -> list[str]:
    """Prove that cases are not questions of training again, nor the rule's words again.

    No question is nearer than ``NEAREST`` (Jaccard of character bigrams) to one trained on, and
    colloquial and scenario questions share at most ``SHARED`` of their bigrams with the gold
    quotes, county names aside. Follow-ups and questions for an article by its number are too
    short to be compared. Returns one line a fault.
    """
    known = [(text, _pairs(text)) for text in trained]
    faults = []
    for case in cases:
        words = _pairs(case.question) if case.type not in ("article_lookup", "multi_turn") else set()
        near = [
            (len(words & other) / len(words | other), text)
            for text, other in known
            if len(words & other) > NEAREST * max(len(words), len(other))
        ]
        if near and max(near)[0] > NEAREST:
            faults.append(f"{case.id}：与训练用的问题太近（{max(near)[0]:.2f}）：{max(near)[1]}")
        if case.type in ("colloquial", "scenario") and case.gold:
            own = _pairs(find_places(case.question, [gold.county for gold in case.gold]).rest)
            held = {pair for gold in case.gold for pair in _pairs(gold.quote)}
            if len(own & held) > SHARED * len(own):
                faults.append(f"{case.id}：与原文共用 {len(own & held) / len(own):.0%} 的双字")
    return faults


def _pairs(text: str) -> set[str]:
    """Return the pairs of neighbouring letters, punctuation and white space aside."""
    letters = re.sub(r"[\W_]", "", text)
    return {letters[i : i + 2] for i in range(len(letters) - 1)}


def squeeze(text: str) -> str:
    """Delete white space: all comparisons of text are made so, and nothing else is changed."""
    return re.sub(r"\s", "", text)
