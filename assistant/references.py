"""Articles named in a question: 第四十六条第二款, 46条, 第46条第二款第(三)项, 73-75条, 第七十三条和七十六条."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ingest.law import Article, Regulation
from ingest.numerals import NUMERAL, to_int

_SUB = rf"(?:第?\s*(?P<paragraph>{NUMERAL})\s*款)?\s*的?\s*(?:第?\s*[（(]?\s*(?P<item>{NUMERAL})\s*[）)]?\s*项)?"
_ARTICLE = re.compile(
    rf"(?P<ordinal>第)?\s*(?P<article>{NUMERAL})\s*条(?:\s*之\s*(?P<branch>{NUMERAL}))?\s*的?\s*{_SUB}"
)
_LISTED = re.compile(
    r"(?<![\u4e00-\u9fff\d])(?P<article>[一二三四五六七八九]?十[一二三四五六七八九]?)、(?=\s*(?:讲|说|规定|是|写|这|$))"
)
_SUB_ONLY = re.compile(
    rf"第\s*(?P<paragraph>{NUMERAL})\s*款\s*的?\s*(?:第?\s*[（(]?\s*(?P<item>{NUMERAL})\s*[）)]?\s*项)?|第\s*[（(]?\s*(?P<only>{NUMERAL})\s*[）)]?\s*项"
)
_BESIDE = re.compile(r"\s*(?:的)?(?:(?P<after>后面|后边|之后|接下来)|前面|前边|之前)(?:的|那|紧挨着的?)*一?条(?!件)")
"""After an article, names the one next to it: 第三条后面那条."""
_FROM_END = re.compile(rf"(?:最后|末尾|结尾)(?:的|那)?一条|倒数第?\s*(?P<number>{NUMERAL})\s*条")
_CHAPTER = re.compile(rf"第\s*(?P<chapter>{NUMERAL})\s*章")
_NEXT_ITEM = re.compile(rf"\s*[和与、及跟]\s*(?:第\s*)?[（(]?\s*(?P<item>{NUMERAL})\s*[）)]?\s*项")
_OTHER_LAW = re.compile(r"《(?P<title>[^》]+)》\s*$")
_COUNTED = re.compile(r"\s*(?:群众|意见|建议|要求|措施|线索|短信|消息|信息|原则|纪律|禁令|标准|内容|[”」’\"'])")
_COUNTS = re.compile(r"(?:那|这|个|细则|办法|有|到|了|共|提|列|出|[“「‘\"'])\s*$")
_WIDEST = 20
"""A range of more articles is no question that can be answered by quoting."""


class Reference(NamedTuple):
    """An article named outright, and the 款 and 项 if they are named too.

    Attributes:
        article: its number; counted from the end (-1 the last) if it is negative.
        branch: of 第四十六条之一, 1.
        paragraph: number of the 款.
        item: number of the 项.
        chapter: all articles of this 章 instead.
        county: named for this county's rule alone (昌乐83条和沂源75条).

    """

    article: int
    branch: int | None = None
    paragraph: int | None = None
    item: int | None = None
    chapter: int | None = None
    county: str | None = None


class Named(NamedTuple):
    """References of a question in order, and the question without them."""

    references: tuple[Reference, ...]
    rest: str


def find_references(text: str, previous: Reference | None = None) -> Named:
    """Find the articles that a question names.

    Args:
        text: the question.
        previous: the article that the conversation was about, which a bare 第二款 belongs to.

    """
    found: list[Reference] = []
    rest = text
    for match in _ARTICLE.finditer(text):
        if not _is_reference(match, text):
            continue
        reference = Reference(
            to_int(match["article"]), _number(match["branch"]), _number(match["paragraph"]), _number(match["item"])
        )
        start, before = _earlier(text[: match.start()], reference.article)
        found += [Reference(number) for number in before]
        end = match.end()
        beside = _BESIDE.match(text, end)
        if beside is not None:
            reference, end = Reference(reference.article + (1 if beside["after"] else -1)), beside.end()
        found.append(reference)
        while reference.item is not None and (other := _NEXT_ITEM.match(text, end)) is not None:
            found.append(reference._replace(item=_number(other["item"])))
            end = other.end()
        rest = rest.replace(text[start:end], " ", 1)
    if len(found) == 1 and found[0].paragraph is None and found[0].item is None:  # 六十三条讲报文，第2款怎么说
        sub = _SUB_ONLY.search(rest)
        if sub is not None:
            found = [found[0]._replace(paragraph=_number(sub["paragraph"]), item=_number(sub["item"] or sub["only"]))]
            rest = rest.replace(sub[0], " ", 1)
    for words, reference in () if found else _by_place(text):
        found.append(reference)
        rest = rest.replace(words, " ", 1)
    if not found:
        for match in _LISTED.finditer(text):
            found.append(Reference(to_int(match["article"])))
            rest = rest.replace(match[0], " ", 1)
    if not found and previous is not None:
        sub = _SUB_ONLY.search(text)
        if sub is not None:
            paragraph = _number(sub["paragraph"]) or (previous.paragraph if sub["only"] else None)
            found.append(previous._replace(paragraph=paragraph, item=_number(sub["item"] or sub["only"])))
            rest = rest.replace(sub[0], " ", 1)
    return Named(tuple(dict.fromkeys(found)), rest)


def _by_place(text: str) -> Iterator[tuple[str, Reference]]:
    """Yield what names articles by where they stand, and which: 最后一条, 倒数第二条, 第一章."""
    for match in _FROM_END.finditer(text):
        yield match[0], Reference(-(_number(match["number"]) or 1))
    for match in _CHAPTER.finditer(text):
        yield match[0], Reference(0, chapter=_number(match["chapter"]))


def _is_reference(match: re.Match[str], text: str) -> bool:
    """Tell 第三条 and 46条 from 三条意见 and from an article of another law."""
    try:
        number = to_int(match["article"])
    except ValueError:
        return False
    other = _OTHER_LAW.search(text[: match.start()])
    if other is not None and "工作规则" not in other["title"]:
        return False
    joined = re.search(rf"(?:{NUMERAL})\s*条?\s*[至到~～—、和与及跟-]\s*$", text[: match.start()])
    if text[: match.start()].endswith("倒数"):
        return False
    if match["ordinal"] or joined:
        return True  # 第0条 is one that does not exist
    written_out = match["article"][0].isdigit() or len(match["article"]) > 1
    counted = _COUNTED.match(text, match.end()) or _COUNTS.search(text[: match.start()])
    return number > 0 and written_out and not counted


def _earlier(text: str, last: int) -> tuple[int, list[int]]:
    """Read the numbers joined before a reference: 七十三条和, 73-, 第七十三、."""
    start = len(text)
    numbers: list[int] = []
    while True:
        match = re.search(
            rf"第?\s*(?P<number>{NUMERAL})\s*条?\s*(?P<join>至|到|~|～|—|-|、|和|与|及|跟|以及)\s*第?\s*$", text[:start]
        )
        if match is None:
            return start, sorted(numbers)
        if "条" in match[0] and match["join"] not in "至到~～—-":
            return start, sorted(numbers)  # a reference of its own, found by itself
        try:
            number = to_int(match["number"])
        except ValueError:
            return start, sorted(numbers)
        if match["join"] in "至到~～—-":
            if not number < last <= number + _WIDEST:
                return start, sorted(numbers)
            numbers += list(range(number, last))
        else:
            numbers.append(number)
        start, last = match.start(), number


def resolve(references: Iterable[Reference], rule: Regulation) -> list[Reference]:
    """Return the articles that references come to in a rule; one that does not exist stays as it is."""
    found: list[Reference] = []
    for reference in references:
        if reference.county not in (None, rule.county):
            continue
        if reference.chapter is not None:
            inside = [a for a in rule.articles if _in_chapter(a, reference.chapter)]
            found += [Reference(a.number, a.branch) for a in inside] or [reference]
        elif -len(rule.articles) <= reference.article < 0:
            article = rule.articles[reference.article]
            found.append(reference._replace(article=article.number, branch=article.branch))
        else:
            found.append(reference)
    return found


def _in_chapter(article: Article, number: int) -> bool:
    return article.chapter is not None and (article.chapter.level, article.chapter.number) == ("章", number)


def _number(text: str | None) -> int | None:
    """Read a number; one that is none (百百) is 0, which no place has."""
    try:
        return to_int(text) if text else None
    except ValueError:
        return 0
