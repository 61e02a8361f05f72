"""Nothing is shown that is not proved: quotes, numbers, duties and office-holders of a statement.

A statement passes only if each quote is what stands at its place, to the last character, and if
every number, deadline, modal word and office-holder of the statement stands in its quotes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from assistant.answer import Citation, Statement
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
    """A statement that is not proved, and why."""

    statement: Statement
    why: str


class Verified(NamedTuple):
    """The statements that are proved, and the others."""

    statements: tuple[Statement, ...]
    failures: tuple[Failure, ...]


def verify(statements: Iterable[Statement], regulations: Iterable[Regulation]) -> Verified:
    """Sort statements into proved and not proved."""
    by_id = {regulation.id: regulation for regulation in regulations}
    passed: list[Statement] = []
    failed: list[Failure] = []
    for statement in statements:
        why = _fault(statement, by_id)
        if why is None:
            passed.append(statement)
        else:
            failed.append(Failure(statement, why))
    return Verified(tuple(passed), tuple(failed))


def _fault(statement: Statement, regulations: Mapping[str, Regulation]) -> str | None:
    """Say what is not proved, or None."""
    if not statement.citations:
        return "没有引用"
    for citation in statement.citations:
        regulation = regulations.get(citation.source.locator.regulation)
        if regulation is None or regulation.county != statement.county:
            return f"引用的不是{statement.county}的规则"
        if not is_verbatim(citation, regulation):
            return f"引文与{citation.source.label}不一致"
    return unsupported(statement.text, "\n".join(citation.quote for citation in statement.citations))


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


def unsupported(text: str, quotes: str) -> str | None:
    """Name the first number, modal word or office-holder of a text that its quotes do not hold.

    A word counts as often as the quotes hold it, and longest words first, so that 县长 is not
    taken from 副县长 nor 可以 from 不可以.
    """
    said, held = _claims(text), _claims(quotes)
    for kind in said:
        extra = set(said[kind]) - set(held[kind])
        if extra:
            return f"{kind}“{min(extra)}”不在引文中"
    return None


def _claims(text: str) -> dict[str, Counter[str]]:
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
