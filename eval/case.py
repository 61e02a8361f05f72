"""Evaluation cases: questions written from the regulations, with the articles that answer them."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
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
    """An article that answers, and the words of it that do.

    Attributes:
        county: whose rule it is.
        article: number of the 条.
        quote: the words of it that answer; they tell the 款 and 项 too.
        regulation: id of the rule, where the county has several.
        branch: the number after 之.
        group: golds of a case with the same group answer equally: any one of them is enough.

    """

    county: str
    article: int
    quote: str
    regulation: str | None = None
    branch: int | None = None
    group: str | None = None


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
        silent: counties of a comparison for which 未规定 is right.

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
    silent: tuple[str, ...] = ()


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
                    "silent": tuple(row.get("silent", ())),
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
    """Prove cases against the texts.

    Quotes stand in their articles, facts in the quotes; of a group any one answers for its county,
    and has one fact or more where others of the group have one; a county is silent or has gold, not
    both. Returns one line a fault.
    """
    rules = tuple(regulations) if regulations is not None else ingest().regulations
    texts = {(r.county, a.number, a.branch): squeeze(a.text) for r in rules for a in r.articles}
    known = {rule.county for rule in rules}
    return [
        f"{case.id}：{fault}"
        for case in cases
        for fault in (*_quote_faults(case, texts), *_group_faults(case), *_silent_faults(case, known))
    ]


def _quote_faults(case: Case, texts: Mapping[tuple[str, int, int | None], str]) -> Iterator[str]:
    if case.answerable != bool(case.gold):
        yield "answerable 与 gold 不一致"
    for gold in case.gold:
        text = texts.get((gold.county, gold.article, gold.branch))
        if text is None:
            yield f"{gold.county}没有第 {gold.article} 条"
        elif not gold.quote or squeeze(gold.quote) not in text:
            yield f"引文不在{gold.county}第 {gold.article} 条中：{gold.quote}"
    for fact in case.facts:
        if not any(holds(gold, fact) for gold in case.gold):
            yield f"事实不在任何引文中：{fact}"


def _group_faults(case: Case) -> Iterator[str]:
    for name, members in groups(case.gold).items():
        if len(members) < 2:
            yield f"组“{name}”里只有一条；能互相替代的至少要两条"
        if len({gold.county for gold in members}) > 1:
            yield f"组“{name}”里有几个县；一个县的答案不能替代另一个县的"
        held = [any(holds(gold, fact) for fact in case.facts) for gold in members]
        if any(held) and not all(held):
            yield f"组“{name}”里有的引文没有事实，有的有；哪一条都应当算答全"


def _silent_faults(case: Case, known: Collection[str]) -> Iterator[str]:
    if case.silent and case.type != "comparison":
        yield "silent 只用于 comparison"
    for county in dict.fromkeys(case.silent):
        if county not in known:
            yield f"silent 里的{county}没有收入规则"
        if county in {gold.county for gold in case.gold}:
            yield f"{county}既有 gold 又在 silent 里"
        if case.silent.count(county) > 1:
            yield f"silent 里{county}写了两次"


def groups(gold: Iterable[Gold]) -> dict[str, list[Gold]]:
    """Put those together of which any one is enough."""
    found: dict[str, list[Gold]] = {}
    for one in gold:
        if one.group is not None:
            found.setdefault(one.group, []).append(one)
    return found


def holds(gold: Gold, fact: str) -> bool:
    """Tell whether a fact stands in a gold quote, white space aside."""
    return squeeze(fact) in squeeze(gold.quote)


def check_independence(cases: Iterable[Case], trained: Iterable[str]) -> list[str]:
    """Prove that cases are not questions of training again, nor the rule's words again.

    No question is nearer than ``NEAREST`` (Jaccard of character bigrams) to one trained on, and
    colloquial and scenario questions share at most ``SHARED`` of their bigrams with the gold
    quotes, county names aside. Follow-ups and questions for an article by its number are too
    short to be compared. Returns one line a fault.
    """
    known = list(dict.fromkeys(trained))
    sizes, holders = [], defaultdict[str, list[int]](list)
    for n, text in enumerate(known):
        pairs = _pairs(text)
        sizes.append(len(pairs))
        for pair in pairs:
            holders[pair].append(n)
    faults = []
    for case in cases:
        words = _pairs(case.question) if case.type not in ("article_lookup", "multi_turn") else set()
        shared = Counter(n for pair in words for n in holders.get(pair, ()))
        near = [(both / (len(words) + sizes[n] - both), known[n]) for n, both in shared.items()]
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
