"""Text -> Regulation, one pass, line by line.

Only a number that is the next one due begins an article, a chapter or an item; every other line
continues an unfinished one or, after a finished one, begins a new 款. A numbering with a gap or a
repetition is refused: an article cited under a wrong number would be worse than none.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from ingest.clean import Line, is_finished, split_lines
from ingest.errors import SourceError
from ingest.law import Article, Chapter, Item, Paragraph, Piece, Regulation, Repair, Slip, Span
from ingest.metadata import read_metadata
from ingest.numerals import NUMERAL, to_chinese, to_int

_ARTICLE = re.compile(rf"第({NUMERAL})条(?:之({NUMERAL}))?(\s*)")
_LISTED = re.compile(rf"({NUMERAL})(?:[、．]|[.](?!\d))()(\s*)")
_HEADING = re.compile(rf"第({NUMERAL})([编章节])(?:\s+(.{{1,40}}))?")
_ITEM = re.compile(rf"(?P<bullet>[-•·▪]\s*)?[（(](?P<number>{NUMERAL})[）)]\s*")
_BROKEN_ITEM = re.compile(r"[）)]\s*")
_SUBITEM = re.compile(r"(?:\d{1,2}[.．、](?!\d)|[（(]\d{1,2}[）)]|[①-⑳])")
_REFERENCE = ("规定", "所", "的", "、", "和", "至", "或", "第", "款", "以", "及", "与", "中")
_COLOPHON = re.compile(
    r"抄送|主送|信息公开选项|公开(?:属性|方式)|扫码|附件\s*[:：]|（?此件|主题词|责任编辑|"
    r"\S{2,25}(?:人民政府|办公室|办公厅|委员会|局)(?:办公室)?(?:\s.*印发?)?$|\d{4}年\d{1,2}月\d{1,2}日\s*(?:印发?)?$"
)
_TITLE_WORD = re.compile(r"(?:规则|规定|办法|细则|条例|制度|准则|守则|章程|规程)(?:（.*）|\(.*\))?$")


def parse(text: str, file: str, slips: Sequence[Slip] = ()) -> Regulation:
    """Read one regulation from its source text.

    Args:
        text: the decoded source; line ends are line feeds.
        file: its name, for messages and as the record of where the text came from.
        slips: known slips of this source; those whose words are not there are left out.

    Raises:
        SourceError: no articles, a gap or a repetition in the numbering, no title or county.

    """
    lines = split_lines(text)
    body = _find_body(lines, file)
    builder = _Builder(file, listed=_is_listed(lines[body:]))
    end = len(lines)
    for i in range(body, len(lines)):
        if builder.articles and _COLOPHON.match(lines[i].text) and not builder.comes_later(lines[i + 1 :]):
            end = i
            break
        builder.take(lines[i], lines[i + 1 :])
    chapters, articles = builder.finish()
    front = Span(0, lines[body].start)
    colophon = Span(lines[end].start, len(text)) if end < len(lines) else Span(len(text), len(text))
    metadata = read_metadata(lines[:body], lines[end:], articles, text, file)
    known = {article.number: article.text for article in articles}
    return Regulation(
        id=f"{metadata.title}@{metadata.issued_on or hashlib.sha256(text.encode()).hexdigest()[:8]}",
        title=metadata.title,
        county=metadata.county,
        doc_number=metadata.doc_number,
        doc_number_raw=metadata.doc_number_raw,
        issued_on=metadata.issued_on,
        adopted_by=metadata.adopted_by,
        repeals=metadata.repeals,
        notice="\n".join(line.text for line in [*lines[:body], *lines[end:]]),
        articles=articles,
        chapters=chapters,
        repairs=tuple(sorted([*metadata.repairs, *builder.repairs], key=lambda repair: repair.source)),
        slips=tuple(slip for slip in slips if slip.text in known.get(slip.article, "")),
        front=front,
        colophon=colophon,
        file=file,
        source_hash=hashlib.sha256(text.encode()).hexdigest(),
    )


def _find_body(lines: Sequence[Line], file: str) -> int:
    """Find the first line of the rule proper: its first heading, or else its first article."""
    fallback: int | None = None
    titled = False
    for i, line in enumerate(lines):
        first = _number_of(_ARTICLE.match(line.text)) == 1
        listed = _number_of(_LISTED.match(line.text)) == 1
        heading = i > 0 and _HEADING.fullmatch(lines[i - 1].text)
        if (first or listed) and heading:
            while i > 0 and _HEADING.fullmatch(lines[i - 1].text):
                i -= 1
            return i
        if fallback is None and (first or (listed and titled)):
            fallback = i
        titled = titled or bool(_TITLE_WORD.search(line.text))
    if fallback is None:
        raise SourceError(file, None, "没有找到条文：应有以“第一条”或“一、”开头的第一条，不是规则文本")
    return fallback


def _is_listed(body: Sequence[Line]) -> bool:
    """Tell whether articles are numbered 一、 rather than 第一条."""
    first = next(line for line in body if not _HEADING.fullmatch(line.text))
    return _ARTICLE.match(first.text) is None


def _number_of(match: re.Match[str] | None) -> int | None:
    if match is None:
        return None
    try:
        return to_int(match[1])
    except ValueError:
        return None


@dataclass(slots=True)
class _Block:
    """A 款 (``item`` None) or a 项 in the making: runs of source text, joined without a character."""

    item: int | None
    text: str
    marker: int
    runs: list[Piece]


@dataclass(slots=True)
class _Draft:
    """An article in the making."""

    number: int
    branch: int | None
    chapter: Chapter | None
    start: int
    line: int
    blocks: list[_Block] = field(default_factory=list)
    inner_list: int = 0


class _Builder:
    """Takes the lines of the body, one after another, and keeps what is due next."""

    def __init__(self, file: str, *, listed: bool) -> None:
        self.file = file
        self.listed = listed
        self.pattern = _LISTED if listed else _ARTICLE
        self.spaced: bool | None = None
        self.articles: list[_Draft] = []
        self.chapters: list[Chapter] = []
        self.repairs: list[Repair] = []
        self.untitled: tuple[int, str, Line] | None = None
        self.previous: Line

    def take(self, line: Line, following: Sequence[Line]) -> None:
        """Put one line where it belongs."""
        if self._take_heading(line):
            return
        if self._take_article(line, following):
            return
        if not self.articles:
            raise SourceError(self.file, line.number, f"章名之后应是第一条，却是“{line.text[:20]}”")
        if not self._take_item(line):
            self._take_text(line)
        self.previous = line

    def comes_later(self, following: Sequence[Line]) -> bool:
        """Tell whether the article due next begins one of the lines."""
        return any(self._is_due(line) is not None for line in following)

    def finish(self) -> tuple[tuple[Chapter, ...], tuple[Article, ...]]:
        """Return headings and articles; no more lines are taken."""
        return tuple(self.chapters), tuple(_build(draft) for draft in self.articles)

    # headings -----------------------------------------------------------------------------

    def _take_heading(self, line: Line) -> bool:
        if self.untitled is not None:
            number, level, first = self.untitled
            self.untitled = None
            if self._is_due(line) is None:
                self._add_heading(number, level, line.text, Span(first.start, line.start + len(line.text)), line)
                return True
            self._add_heading(number, level, "", Span(first.start, first.start + len(first.text)), first)
        match = _HEADING.fullmatch(line.text)
        if match is None or is_finished(line.text):
            return False
        number = to_int(match[1])
        if match[3] is None:
            self.untitled = (number, match[2], line)
        else:
            self._add_heading(number, match[2], match[3], Span(line.start, line.start + len(line.text)), line)
        return True

    def _add_heading(self, number: int, level: str, title: str, source: Span, line: Line) -> None:
        same = [chapter.number for chapter in self.chapters if chapter.level == level]
        due = same[-1] + 1 if same else 1
        if level == "章" and number not in (due, 1):
            raise SourceError(
                self.file, line.number, f"章的编号不连续：应是第{to_chinese(due)}章，却是“{line.text[:20]}”"
            )
        self._end_block(line)
        self.chapters.append(Chapter(number, re.sub(r"\s", "", title), source, level))

    # articles -----------------------------------------------------------------------------

    def _is_due(self, line: Line) -> tuple[int, int | None, int] | None:
        """Return number, branch and length of the marker if the line begins the article due."""
        match = self.pattern.match(line.text)
        number = _number_of(match)
        if match is None or number is None:
            return None
        if not self.listed and not self._is_marker(match, line.text):
            return None
        branch = to_int(match[2]) if match[2] else None
        last = self.articles[-1] if self.articles else None
        if branch is None and number == (last.number + 1 if last else 1):
            return number, None, match.end()
        if branch is not None and last and (number, branch) == (last.number, (last.branch or 0) + 1):
            return number, branch, match.end()
        return None

    def _is_marker(self, match: re.Match[str], text: str) -> bool:
        """Tell an article's number from a reference to it (第三条规定的…) at the start of a line."""
        if self.spaced:
            return bool(match[3]) or match.end() == len(text)
        return not text[match.end() :].startswith(_REFERENCE) or bool(match[3])

    def _take_article(self, line: Line, following: Sequence[Line]) -> bool:
        due = self._is_due(line)
        if due is not None and self.listed and self.articles and self.articles[-1].inner_list == due[0] - 1 > 0:
            self.articles[-1].inner_list = due[0]
            due = None
        if due is None:
            self._check_numbering(line, following)
            return False
        number, branch, length = due
        if self.spaced is None and not self.listed:
            self.spaced = bool(line.text[:length] != line.text[:length].rstrip())
        self._end_block(line)
        chapter = next((c for c in reversed(self.chapters) if c.level == "章"), None)
        draft = _Draft(number, branch, chapter, line.start, line.number)
        self.articles.append(draft)
        rest = line.text[length:]
        if rest:
            draft.blocks.append(
                _Block(None, rest, 0, [Piece(0, Span(line.start + length, line.start + len(line.text)))])
            )
        self.previous = line
        return True

    def _check_numbering(self, line: Line, following: Sequence[Line]) -> None:
        """Refuse a line that begins an article, but not the one due."""
        match = self.pattern.match(line.text)
        number = _number_of(match)
        if match is None or number is None or not self.articles:
            return
        draft = self.articles[-1]
        due = draft.number + 1
        if self.listed:
            if number == draft.inner_list + 1 and number < due:
                draft.inner_list = number
                return
            wrong = number > due or (number == draft.number > 1)
        else:
            wrong = self._is_marker(match, line.text) and (bool(match[3]) or bool(is_finished(self._open_text())))
            wrong = wrong and not (match[2] and number == draft.number)
        if wrong and not self.comes_later(following):
            raise SourceError(
                self.file,
                line.number,
                f"条的编号{'重复' if number <= draft.number else '不连续'}："
                f"第{to_chinese(draft.number)}条（{draft.line} 行）之后应是第{to_chinese(due)}条，"
                f"却是“{line.text[:20]}”。请核对原文后再试",
            )

    # 款 and 项 ------------------------------------------------------------------------------

    def _open_text(self) -> str:
        blocks = self.articles[-1].blocks
        return blocks[-1].text if blocks else ""

    def _end_block(self, line: Line) -> None:
        """Report a block that a marker ends although its sentence has no end mark."""
        if self.articles and not is_finished(self._open_text()):
            text = self.previous.text[-12:]
            end = self.previous.start + len(self.previous.text)
            self._report(
                "缺句末标点", self.previous, Span(end - len(text), end), text, f"{line.number} 行另起，此处按句末处理"
            )

    def _take_item(self, line: Line) -> bool:
        draft = self.articles[-1]
        last = draft.blocks[-1].item if draft.blocks and draft.blocks[-1].item else 0
        match = _ITEM.match(line.text)
        if match is not None:
            number = to_int(match["number"])
            if number != last + 1 or not draft.blocks:
                return False
            bullet = match["bullet"] or ""
            if bullet:
                self._report("列表符号", line, Span(line.start, line.start + len(bullet)), bullet, "不是正文，略去")
            self._add_item(line, number, len(bullet), match.end())
            return True
        broken = _BROKEN_ITEM.match(line.text)
        if broken is not None and last and _balanced(self._open_text()):
            self._report(
                "项号残缺", line, Span(line.start, line.start + 1), line.text[:12], f"是第{to_chinese(last + 1)}项"
            )
            self._add_item(line, last + 1, 0, broken.end())
            return True
        return False

    def _add_item(self, line: Line, number: int, skip: int, marker_end: int) -> None:
        self._end_block(line)
        text = line.text[skip:]
        source = Span(line.start + skip, line.start + len(line.text))
        self.articles[-1].blocks.append(_Block(number, text, marker_end - skip, [Piece(0, source)]))

    def _take_text(self, line: Line) -> None:
        draft = self.articles[-1]
        source = Span(line.start, line.start + len(line.text))
        if not draft.blocks:
            draft.blocks.append(_Block(None, line.text, 0, [Piece(0, source)]))
            return
        block = draft.blocks[-1]
        unfinished = not is_finished(block.text)
        if unfinished or self.previous.fills:
            self._report(
                "断行", line, Span(line.start, line.start + min(8, len(line.text))), line.text[:8], "与上一行相连"
            )
            block.runs.append(Piece(len(block.text), source))
            block.text += line.text
        elif block.item is not None and _SUBITEM.match(line.text):
            block.runs.append(Piece(len(block.text) + 1, source))
            block.text += "\n" + line.text
        else:
            draft.blocks.append(_Block(None, line.text, 0, [Piece(0, source)]))

    def _report(self, kind: str, line: Line, source: Span, text: str, note: str) -> None:
        self.repairs.append(Repair(kind, line.number, source, text, note))


def _balanced(text: str) -> bool:
    return sum(text.count(c) for c in "（(") <= sum(text.count(c) for c in "）)")


def _build(draft: _Draft) -> Article:
    """Lay the blocks out as the article's text and group items under their 款."""
    text = ""
    pieces: list[Piece] = []
    paragraphs: list[Paragraph] = []
    for block in draft.blocks:
        at = len(text) + 1 if text else 0
        text += ("\n" if text else "") + block.text
        pieces += [Piece(at + run.at, run.source) for run in block.runs]
        source = Span(block.runs[0].source.start, block.runs[-1].source.end)
        if block.item is None:
            paragraphs.append(Paragraph(len(paragraphs) + 1, block.text, (), Span(at, len(text)), source))
            continue
        owner = paragraphs[-1]
        item = Item(
            block.item,
            block.text[block.marker :],
            Span(at + block.marker, len(text)),
            Span(source.start + block.marker, source.end),
        )
        paragraphs[-1] = Paragraph(
            owner.number,
            owner.text,
            (*owner.items, item),
            Span(owner.span.start, len(text)),
            Span(owner.source.start, source.end),
        )
    end = pieces[-1].source.end if pieces else draft.start
    return Article(
        draft.number, draft.branch, draft.chapter, text, tuple(paragraphs), tuple(pieces), Span(draft.start, end)
    )
