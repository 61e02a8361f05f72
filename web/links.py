"""A place in a rule <-> an address that can be pasted anywhere: /?county=昌乐县&article=46&paragraph=2."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from assistant.places import short_name
from ingest.corpus import in_force, locate
from ingest.law import Article, Locator, Regulation
from ingest.numerals import NUMERAL, to_chinese, to_int

_ARTICLE = re.compile(rf"第?(?P<article>{NUMERAL})条?(?:(?:之|-)(?P<branch>{NUMERAL}))?")
_PART = re.compile(rf"第?[（(]?(?P<number>{NUMERAL})[）)]?[款项]?")
_LONGEST = 40
"""Characters of a parameter that are read and repeated in a message."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a link leads.

    Attributes:
        regulation: the document.
        article: the 条, or None for the whole document or its notice.
        notice: the notice (印发通知) and colophon; ``article`` is None.
        paragraph: number of the 款.
        item: number of the 项.

    """

    regulation: Regulation
    article: Article | None = None
    notice: bool = False
    paragraph: int | None = None
    item: int | None = None

    @property
    def locator(self) -> Locator:
        """The key of the place; article 0 for the notice and for the whole document."""
        if self.article is None:
            return Locator(self.regulation.id, 0)
        return locate(self.regulation, self.article, self.paragraph, self.item)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A link that leads nowhere, and why, in a sentence for the user."""

    message: str


def link(
    county: str,
    article: int | None = None,
    branch: int | None = None,
    paragraph: int | None = None,
    item: int | None = None,
    issued: str | None = None,
) -> str:
    """Write the address of a place.

    Args:
        county: full name.
        article: number of the 条; 0 is the notice, None the whole document.
        branch: the number after 之.
        paragraph: number of the 款.
        item: number of the 项.
        issued: date of issue, where the document is not the county's rule in force.

    """
    number = None if article is None else f"{article}-{branch}" if branch is not None else str(article)
    given = {"county": county, "article": number, "paragraph": paragraph, "item": item, "issued": issued}
    return "/?" + urlencode({name: value for name, value in given.items() if value is not None})


def link_to(regulation: Regulation, regulations: Iterable[Regulation], locator: Locator | None = None) -> str:
    """Write the address of a place in a document, or of the whole document, relative to the page.

    The date of issue is named only where the county alone would lead to another document.
    """
    of_county = [r for r in regulations if r.county == regulation.county]
    issued = None if _chosen(of_county) is regulation else regulation.issued_on or regulation.id
    if locator is None:
        return link(regulation.county, issued=issued).removeprefix("/")
    place = (locator.article, locator.branch, locator.paragraph, locator.item)
    return link(regulation.county, *place, issued=issued).removeprefix("/")


def read_link(given: Mapping[str, str], regulations: Sequence[Regulation]) -> Place | Unreadable | None:
    """Find the place that an address names.

    Short names of counties, Chinese and full-width numbers and 第…条 are understood.

    Returns:
        None where the address names no county and no article; Unreadable where it names what is not here.

    """
    county, number = _text(given, "county"), _text(given, "article")
    if not county and not number:
        return None
    names = "、".join(dict.fromkeys(r.county for r in regulations))
    if not county:
        return Unreadable(f"链接没有写明哪个县，请在链接里加上 county=县名。现有：{names}。")
    of_county = [r for r in regulations if county in (r.county, short_name(r.county))]
    if not of_county:
        return Unreadable(f"没有收入“{county}”的规则。现有：{names}。")
    issued = _text(given, "issued")
    if issued:
        named = [r for r in of_county if issued in (r.issued_on, r.id)]
        if not named:
            return Unreadable(f"没有收入{of_county[0].county} {issued} 印发的规则。")
        of_county = named
    regulation = _chosen(of_county)
    if not number:
        return Place(regulation)
    return _find(regulation, number, _text(given, "paragraph"), _text(given, "item"))


def _chosen(of_county: Sequence[Regulation]) -> Regulation:
    """Take the county's rule in force, of several the latest."""
    return max(in_force(of_county) or of_county, key=lambda r: r.issued_on or "")


def _find(regulation: Regulation, number: str, paragraph: str, item: str) -> Place | Unreadable:
    if number in ("0", "印发通知"):
        return Place(regulation, notice=True)
    match = _ARTICLE.fullmatch(number)
    wanted = _number(match["article"]) if match else None
    branch = _number(match["branch"]) if match and match["branch"] else None
    if match is None or wanted is None or (match["branch"] and branch is None):
        return Unreadable(f"没有看懂条号“{number}”，请写成 article=46 或 article=四十六。")
    article = next((a for a in regulation.articles if (a.number, a.branch) == (wanted, branch)), None)
    if article is None:
        last = to_chinese(regulation.articles[-1].number)
        return Unreadable(f"{regulation.county}的规则没有{_called(wanted, branch)}，最后一条是第{last}条。")
    return _inside(Place(regulation, article), paragraph, item)


def _inside(place: Place, paragraph: str, item: str) -> Place | Unreadable:
    """Find the 款 and 项; where only a 项 is named, it is that of the first 款 that has it."""
    assert place.article is not None
    numbers = [_part(text) if text else None for text in (paragraph, item)]
    for text, number, kind in zip((paragraph, item), numbers, "款项", strict=True):
        if text and number is None:
            return Unreadable(f"没有看懂{kind}号“{text}”，请写成数字，例如 2。")
    at, inner = numbers
    where = str(locate(place.regulation, place.article))
    paragraphs = [p for p in place.article.paragraphs if at in (None, p.number)]
    if not paragraphs:
        return Unreadable(f"{place.regulation.county}的规则{where}只有 {len(place.article.paragraphs)} 款。")
    if inner is not None:
        holding = [p.number for p in paragraphs if any(i.number == inner for i in p.items)]
        if not holding:
            return Unreadable(f"{place.regulation.county}的规则{where}没有第 {inner} 项。")
        at = holding[0]
    return Place(place.regulation, place.article, False, at, inner)


def _text(given: Mapping[str, str], name: str) -> str:
    """Read a parameter without spaces, full-width characters made half-width."""
    return re.sub(r"\s", "", unicodedata.normalize("NFKC", str(given.get(name) or "")))[:_LONGEST]


def _part(text: str) -> int | None:
    match = _PART.fullmatch(text)
    return _number(match["number"]) if match else None


def _number(text: str) -> int | None:
    try:
        number = to_int(text)
    except ValueError:
        return None
    return number if 1 <= number <= 9999 else None


def _called(number: int, branch: int | None) -> str:
    return f"第{to_chinese(number)}条" + (f"之{to_chinese(branch)}" if branch is not None else "")
