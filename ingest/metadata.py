"""What stands around the rule: title, county, 文号, dates, who adopted it, what it repeals.

A value that the source has in a broken form is None, never guessed, and the break is reported.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from ingest.clean import Line
from ingest.errors import SourceError
from ingest.law import Article, Repair, Repeal, Span

DOC_NUMBER = re.compile(r"[\u4e00-\u9fff]{1,12}[〔\[［（(]\d{4}[〕\]］）)]\s*第?\d{1,4}\s*号")
"""A whole 文号: 乐政发〔2022〕7号."""
_BROKEN_NUMBER = re.compile(r"[\u4e00-\u9fff]{2,6}[〔\[［]\d+\s*(?:号)?")
_DATE = re.compile(r"(\d{4})\s*年\s*(\d{1,2})\s*月\s*(\d{1,2})\s*日")
_BROKEN_DATE = re.compile(r"\d{4}年\d{1,2}月\d{1,2}(?![\d日])|(?<!\d)\d{5,6}日")
_COUNTY = re.compile(
    r"^(?:[\u4e00-\u9fff]{2,7}(?:省|自治区))?(?:[\u4e00-\u9fff]{2,4}(?:市|州|盟|地区))?"
    r"([\u4e00-\u9fff]{1,9}?(?:自治县|自治旗|林区|特区|县|旗|区|市))(?=人民政府|政府)"
)
_ADOPTED = re.compile(r"《[^》]+》已经?[^。]*?通过")
_REPEAL = re.compile(
    r"(?:(?P<issued>[\d年月日 ]*?)\s*印发的)?《(?P<title>[^》]+)》(?:[（(](?P<number>[^）)]*)[）)])?同时废止"
)
_PARENTHESIS = re.compile(r"[（(].*[）)]")
_CONTENTS = re.compile(r"目\s*录|第.{1,4}[编章节]\s.*")


@dataclass(frozen=True, slots=True)
class Metadata:
    """See the attributes of the same names of ``Regulation``."""

    title: str
    county: str
    doc_number: str | None
    doc_number_raw: str | None
    issued_on: str | None
    adopted_by: str | None
    repeals: Repeal | None
    repairs: tuple[Repair, ...]


def read_metadata(
    front: Sequence[Line], colophon: Sequence[Line], articles: Sequence[Article], text: str, file: str
) -> Metadata:
    """Read the metadata from the lines before and after the rule and from its last articles.

    ``text`` is the whole source, ``file`` its name for messages.

    Raises:
        SourceError: there is no title, or no county can be read from it.

    """
    title = _title(front, file)
    number, raw, repairs = _doc_number(front)
    repeals = _repeals(articles)
    repairs += [
        Repair("日期残缺", line.number, _within(line, match), match[0], "原文如此，不作推断")
        for line in front
        for match in _BROKEN_DATE.finditer(line.text)
    ]
    repairs += _broken_repeal(articles, text)
    adopted = next((match for line in front if (match := _ADOPTED.search(line.text))), None)
    return Metadata(
        title=title,
        county=_county(title, front, file),
        doc_number=number,
        doc_number_raw=raw,
        issued_on=_issued_on(front, colophon),
        adopted_by=adopted[0] if adopted else None,
        repeals=repeals,
        repairs=tuple(repairs),
    )


def _title(front: Sequence[Line], file: str) -> str:
    above = [line for line in front if not _PARENTHESIS.fullmatch(line.text) and not _CONTENTS.fullmatch(line.text)]
    if not above:
        raise SourceError(file, None, "没有找到题目：第一条之前应有一行题目，如“某县人民政府工作规则”")
    title = above[-1].text
    if len(above) > 1 and len(title) <= 8 and above[-2].text.endswith("人民政府"):
        title = above[-2].text + title
    return re.sub(r"\s", "", title).strip("《》")


def _county(title: str, front: Sequence[Line], file: str) -> str:
    for text in (title, *(re.sub(r"\s", "", line.text) for line in front)):
        match = _COUNTY.match(text)
        if match is not None:
            return match[1]
    raise SourceError(file, None, f"从题目“{title}”和通知中看不出是哪个县的规则")


def _doc_number(front: Sequence[Line]) -> tuple[str | None, str | None, list[Repair]]:
    for line in front:
        match = DOC_NUMBER.fullmatch(line.text)
        if match is not None:
            return re.sub(r"\s", "", match[0]), None, []
    for line in front:
        broken = _BROKEN_NUMBER.fullmatch(line.text)
        if broken is not None:
            repair = Repair("文号残缺", line.number, _within(line, broken), broken[0], "文号按未知处理")
            return None, broken[0], [repair]
    return None, None, []


def _issued_on(front: Sequence[Line], colophon: Sequence[Line]) -> str | None:
    """Take the date printed with 印发; else the date line of the notice, else one in the heading."""
    printed = [line.text for line in colophon if re.search(r"日\s*印发?$", line.text)]
    signed = [line.text for line in front if _DATE.fullmatch(re.sub(r"\s", "", line.text))]
    headed = [line.text for line in front if _PARENTHESIS.fullmatch(line.text)]
    for text in (*printed, *reversed(signed), *headed):
        match = _DATE.search(text)
        if match is not None:
            try:
                return date(int(match[1]), int(match[2]), int(match[3])).isoformat()
            except ValueError:
                continue
    return None


def _repeals(articles: Sequence[Article]) -> Repeal | None:
    for article in reversed(articles):
        match = _REPEAL.search(article.text)
        if match is not None:
            issued = _DATE.search(match["issued"] or "")
            number = re.sub(r"\s", "", match["number"] or "")
            return Repeal(
                match["title"],
                number if DOC_NUMBER.fullmatch(number) else None,
                re.sub(r"\s", "", issued[0]) if issued else None,
            )
    return None


def _broken_repeal(articles: Sequence[Article], text: str) -> list[Repair]:
    """Report a repeal clause whose 文号 or date is broken."""
    repairs: list[Repair] = []
    for article in articles:
        if "同时废止" not in article.text:
            continue
        for kind, pattern in (("日期残缺", _BROKEN_DATE), ("文号残缺", _BROKEN_NUMBER)):
            for match in pattern.finditer(text, *article.source):
                if not DOC_NUMBER.match(text, match.start()):
                    line = text.count("\n", 0, match.start()) + 1
                    repairs.append(Repair(kind, line, Span(*match.span()), match[0], "原文如此，不作推断"))
    return repairs


def _within(line: Line, match: re.Match[str]) -> Span:
    return Span(line.start + match.start(), line.start + match.end())
