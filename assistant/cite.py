"""Nothing is shown that is not proved.

A quote is proved if it is what stands at its place, to the last character; a statement with one that
is not is dropped. A statement's words are proved only if they are whole clauses of one of its quotes
in one run: a change of who, when, whether or how much cannot be told from a harmless one by any list
of words (副县长 and 县长 exchanged, 不得 moved to the next clause). Words that are not proved are
replaced by the quotes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from assistant.answer import Citation, Statement
from assistant.units import clauses
from ingest.law import Regulation
from ingest.numerals import to_int

_NUMBER = re.compile(
    r"(?:[一二两三四五六七八九十百千]+|\d+)(?:个|名|人|次|年|月|周|天|日|小时|工作日|分之|以上|以下|％|%|条|款|项|篇|辆|件|种|字|季度|半)"
)
_DIGITS = re.compile(r"\d+")
_MODALS = (
    "不得",
    "不准",
    "不能",
    "不应",
    "禁止",
    "严禁",
    "可以",
    "可",
    "应当",
    "应",
    "必须",
    "须",
    "一律",
    "一般",
    "原则上",
    "除外",
)
_OFFICES = (
    "负责常务工作的副县长",
    "常务副县长",
    "分管副县长",
    "副县长",
    "县长",
    "县委书记",
    "党组书记",
    "主要负责人",
    "分管负责人",
    "主要领导",
    "分管领导",
    "办公室主任",
    "办公室副主任",
    "副主任",
    "主任",
    "局长",
    "镇长",
    "乡镇长",
    "党组成员",
    "县政府办公室",
    "县司法局",
    "县审计局",
    "县财政局",
    "县政府",
    "县委",
    "市政府",
    "市委",
    "法律顾问",
)


class Failure(NamedTuple):
    """A statement that was dropped, or whose words were replaced by its quotes, and why."""

    statement: Statement
    why: str


class Verified(NamedTuple):
    """What may be shown, in the order given; what was dropped; what is shown in the rule's words instead."""

    statements: tuple[Statement, ...]
    failures: tuple[Failure, ...]
    replaced: tuple[Failure, ...] = ()


def verify(statements: Iterable[Statement], regulations: Iterable[Regulation]) -> Verified:
    """Drop statements whose citations are wrong, and replace words that are not proved."""
    by_id = {regulation.id: regulation for regulation in regulations}
    passed: list[Statement] = []
    failed: list[Failure] = []
    replaced: list[Failure] = []
    for statement in statements:
        why = _fault(statement, by_id)
        if why is not None:
            failed.append(Failure(statement, why))
            continue
        why = unproved(statement)
        if why is not None:
            replaced.append(Failure(statement, why))
            statement = replace(statement, text="\n".join(citation.quote for citation in statement.citations))
        passed.append(statement)
    return Verified(tuple(passed), tuple(failed), tuple(replaced))


def _fault(statement: Statement, regulations: Mapping[str, Regulation]) -> str | None:
    """Say what is wrong with the citations, or None."""
    if not statement.citations:
        return "没有引用"
    for citation in statement.citations:
        regulation = regulations.get(citation.source.locator.regulation)
        if regulation is None or regulation.county != statement.county:
            return f"引用的不是{statement.county}的规则"
        if not is_verbatim(citation, regulation):
            return f"引文与{citation.source.label}不一致"
    if statement.lead and not _introduces(statement, regulations):
        return "列举的引导语与原文不一致"
    return None


def _introduces(statement: Statement, regulations: Mapping[str, Regulation]) -> bool:
    """Tell whether a lead ends the introduction of the list that the first citation stands in."""
    locator = statement.citations[0].source.locator
    return any(
        (article.number, article.branch, paragraph.number) == (locator.article, locator.branch, locator.paragraph)
        and paragraph.text.strip().endswith(statement.lead)
        for article in regulations[locator.regulation].articles
        for paragraph in article.paragraphs
    )


def unproved(statement: Statement) -> str | None:
    """Say why a statement's words are not proved by its quotes, or None if they are.

    They are if they are all its quotes, or whole clauses of one quote in one run; the county's name
    before them and a number that counts the statements say nothing.
    """
    quotes = [citation.quote for citation in statement.citations]
    lead = rf"^\s*(?:\d{{1,2}}\s*[.、．]\s*)?(?:{re.escape(statement.county)}(?:规定)?\s*[：:]\s*)?"
    words = clauses(re.sub(lead, "", statement.text, count=1))
    if words and (words == clauses("\n".join(quotes)) or any(is_run(words, clauses(quote)) for quote in quotes)):
        return None
    return _unsupported(statement.text, "\n".join(quotes)) or "不是引文中完整的句子"


def is_run(words: Sequence[str], quoted: Sequence[str]) -> bool:
    """Tell whether some clauses stand one after another in others."""
    return any(quoted[i : i + len(words)] == words for i in range(len(quoted) - len(words) + 1))


def is_verbatim(citation: Citation, regulation: Regulation) -> bool:
    """Tell whether the quote stands at its place, character for character, within its 款 and 项."""
    locator = citation.source.locator
    if locator.article == 0:
        return regulation.notice[slice(*citation.span)] == citation.quote != ""
    for article in regulation.articles:
        if (article.number, article.branch) == (locator.article, locator.branch):
            break
    else:
        return False
    start, end = 0, len(article.text)
    if locator.paragraph is not None:
        paragraph = next((p for p in article.paragraphs if p.number == locator.paragraph), None)
        if paragraph is None:
            return False
        start, end = paragraph.span
        if locator.item is not None:
            item = next((i for i in paragraph.items if i.number == locator.item), None)
            if item is None:
                return False
            start, end = item.span
    inside = start <= citation.span.start and citation.span.end <= end
    return inside and article.text[slice(*citation.span)] == citation.quote != ""


def _unsupported(text: str, quotes: str) -> str | None:
    """Name the first number, modal word or office-holder that the quotes do not hold, for the log.

    Longest words first, so that 县长 is not taken from 副县长 nor 可以 from 不可以.
    """
    said, held = claims(text), claims(quotes)
    for kind in said:
        extra = set(said[kind]) - set(held[kind])
        if extra:
            return f"{kind}“{min(extra)}”不在引文中"
    return None


def claims(text: str) -> dict[str, Counter[str]]:
    """Count the numbers, modal words and office-holders that a text names."""
    squeezed = re.sub(r"\s", "", text)
    numbers = Counter(_canonical(match[0]) for match in _NUMBER.finditer(squeezed))
    numbers.update(_DIGITS.findall(squeezed))
    return {"数字": numbers, "情态词": _longest_first(squeezed, _MODALS), "职务": _longest_first(squeezed, _OFFICES)}


def _canonical(number: str) -> str:
    """Write 两次 and 2次 alike."""
    match = re.match(r"[一二两三四五六七八九十百千]+|\d+", number)
    if match is None:
        return number
    try:
        return f"{to_int(match[0])}{number[match.end() :]}"
    except ValueError:
        return number


def _longest_first(text: str, words: Iterable[str]) -> Counter[str]:
    found: Counter[str] = Counter()
    for word in sorted(words, key=len, reverse=True):
        count = text.count(word)
        if count:
            found[word] = count
            text = text.replace(word, "\u0000")
    return found
