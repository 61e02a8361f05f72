"""A conversation as a document that can be taken away: what is said in it, and as Markdown.

``transcribe`` decides what is said, in which order and under which number; Markdown here and Word
in ``web.word`` only write it down.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto

from assistant.answer import Answer, Citation, Refusal, Source, Statement
from ingest.law import Slip
from web.kept import Conversation, SavedTurn
from web.texts import say

SOURCES = "引用清单"
NOTICE = "回答供查阅，办理公务以正式文件为准。"


class Kind(Enum):
    """What a line is, which its look follows."""

    STATEMENT = auto()
    REFUSAL = auto()
    ENTRY = auto()
    NOTE = auto()


@dataclass(frozen=True, slots=True)
class Line:
    """A paragraph of an answer.

    Attributes:
        kind: what it is.
        text: what it says; line feeds are breaks within it.
        marks: numbers in the list of citations.
        head: words before the text that stand out.

    """

    kind: Kind
    text: str
    marks: tuple[int, ...] = ()
    head: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """An answer for several counties: a row a county."""

    rows: tuple[tuple[str, tuple[Line, ...]], ...]


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question, when and how it was asked, and what was answered."""

    heading: str
    question: str
    answered: tuple[Line | Comparison, ...]


@dataclass(frozen=True, slots=True)
class Listed:
    """A place in the list of citations: its number, its label, every quote from it, the slips in them."""

    number: int
    label: str
    quotes: tuple[str, ...]
    slips: tuple[Slip, ...]


@dataclass(frozen=True, slots=True)
class Transcript:
    """A whole conversation, ready to be written down."""

    title: str
    date: str
    exchanges: tuple[Exchange, ...]
    sources: tuple[Listed, ...]
    notice: str
    written_at: datetime


def transcribe(conversation: Conversation, turns: Sequence[SavedTurn]) -> Transcript:
    """Set out a conversation; a place has one number in all of it, in the order of first mention."""
    cited = [c for turn in turns if turn.asked.answer is not None for c in turn.asked.answer.citations]
    numbers = {source: n for n, source in enumerate(dict.fromkeys(c.source for c in cited), start=1)}
    corpora = "、".join(dict.fromkeys(turn.asked.corpus[:12] for turn in turns if turn.asked.corpus))
    return Transcript(
        title=one_line(conversation.title),
        date=f"{conversation.updated_at:%Y}年{conversation.updated_at.month}月{conversation.updated_at.day}日",
        exchanges=tuple(_exchange(n, turn, numbers) for n, turn in enumerate(turns, start=1)),
        sources=tuple(_listed(source, n, cited) for source, n in numbers.items()),
        notice=NOTICE + (f"所据规则文本的校验码：{corpora}。" if corpora else ""),
        written_at=conversation.updated_at,
    )


def _exchange(number: int, turn: SavedTurn, numbers: dict[Source, int]) -> Exchange:
    asked = turn.asked
    when = f"{turn.asked_at:%Y-%m-%d %H:%M}"
    chosen = [part for part in (asked.county, asked.role) if part]
    heading = one_line(f"问题{number}（{'，'.join([when, *chosen])}）")
    answered: tuple[Line | Comparison, ...] = ()
    if asked.answer is not None:
        answered = tuple(_answer(asked.answer, numbers))
    if asked.error is not None:
        answered += (Line(Kind.REFUSAL, clean(asked.error)),)
    return Exchange(heading, clean(asked.question), answered)


def _answer(answer: Answer, numbers: dict[Source, int]) -> Iterable[Line | Comparison]:
    if answer.resolved != answer.question and len(answer.resolved) > len(answer.question):
        yield Line(Kind.NOTE, f"理解为：{clean(answer.resolved)}")
    if answer.difference:
        yield Line(Kind.NOTE, answer.difference)
    rows = [
        (county or "—", (*(_statement(s, numbers) for s in said), *(line for r in refused for line in _refusal(r))))
        for county, said, refused in answer.grouped
        if said or refused
    ]
    if len(answer.counties) > 1:
        yield Comparison(tuple(rows))
    else:
        yield from (line for _, lines in rows for line in lines)
    if answer.related:
        yield Line(Kind.NOTE, f"另见：{'、'.join(related.label for related in answer.related)}")
    yield from (Line(Kind.NOTE, clean(note)) for note in answer.notes)
    if answer.statements:
        yield Line(Kind.NOTE, f"{say(answer.mode)} · {say('verbatim')}")


def _statement(statement: Statement, numbers: dict[Source, int]) -> Line:
    marks = dict.fromkeys(numbers[citation.source] for citation in statement.citations)
    return Line(Kind.STATEMENT, clean(statement.lead + statement.text), tuple(marks))


def _refusal(refusal: Refusal) -> Iterable[Line]:
    yield Line(Kind.REFUSAL, clean(refusal.message), head=refusal.reason.value)
    for heading, places in (("最接近的条文：", refusal.nearest), ("其他县的规定：", refusal.elsewhere)):
        if places:
            yield Line(Kind.NOTE, heading)
            yield from (Line(Kind.ENTRY, source.label) for source in places)


def _listed(source: Source, number: int, cited: Sequence[Citation]) -> Listed:
    here = [citation for citation in cited if citation.source == source]
    quotes = tuple(dict.fromkeys(clean(citation.quote) for citation in here))
    return Listed(number, source.label, quotes, tuple(dict.fromkeys(slip for c in here for slip in c.slips)))


def clean(text: str) -> str:
    """Replace what no document holds: control characters, halves of surrogate pairs; line ends become line feeds."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]", "\ufffd", text)


def one_line(text: str) -> str:
    """Write a text for a heading."""
    return " ".join(clean(text).split())


def file_name(title: str, when: datetime, suffix: str) -> str:
    """Name a file after a title so that Windows, too, takes the name: 请假的事_20260501.docx.

    Without dots and with the date, no name is one of Windows' own (CON, con.txt).
    """
    name = "".join("_" if c in '<>:"/\\|?*.' or unicodedata.category(c)[0] in "CZ" else c for c in title)
    name = re.sub("_+", "_", name).strip("_ ")
    name = name.encode()[:_NAME_BYTES].decode(errors="ignore").rstrip("_ ") or "对话"
    return f"{name}_{when:%Y%m%d}.{suffix}"


_NAME_BYTES = 120
"""UTF-8 bytes of a title in a file name; file systems take 255 for the whole."""


def to_markdown(transcript: Transcript) -> str:
    """Write a transcript as Markdown (GFM), in which nothing that was typed or quoted is markup."""
    blocks = [f"# {escape_markdown(transcript.title)}", f"县规问答 · {transcript.date}"]
    for exchange in transcript.exchanges:
        blocks.append(f"## {escape_markdown(exchange.heading)}")
        blocks.append(_quoted(exchange.question))
        for part in exchange.answered:
            blocks.append(_markdown_table(part) if isinstance(part, Comparison) else _markdown_line(part, "\\\n"))
    if transcript.sources:
        blocks.append(f"## {SOURCES}")
    for listed in transcript.sources:
        blocks.append(f"\\[{listed.number}\\] {escape_markdown(listed.label)}")
        blocks += [_quoted(quote) for quote in listed.quotes]
        blocks += [escape_markdown(f"原文如此：{slip.text}（{slip.note}）") for slip in listed.slips]
    blocks += ["---", escape_markdown(transcript.notice)]
    return "\n\n".join(blocks) + "\n"


def _quoted(text: str) -> str:
    return "> " + _markdown_text(text, "\\\n").replace("\n", "\n> ")


def _markdown_line(line: Line, line_break: str) -> str:
    written = _markdown_text(line.text, line_break)
    if line.head:
        written = f"**{escape_markdown(line.head)}**　{written}"
    written += "".join(f"\\[{mark}\\]" for mark in line.marks)
    return f"- {written}" if line.kind is Kind.ENTRY and line_break != _CELL_BREAK else written


_CELL_BREAK = "<br>"


def _markdown_table(comparison: Comparison) -> str:
    rows = [
        f"| {escape_markdown(county)} | {_CELL_BREAK.join(_markdown_line(line, _CELL_BREAK) for line in lines)} |"
        for county, lines in comparison.rows
    ]
    return "\n".join(["| 县 | 规定 |", "| --- | --- |", *rows])


def _markdown_text(text: str, line_break: str) -> str:
    """Write lines with breaks between them; an empty line, which would end the paragraph, holds a space."""
    return line_break.join(escape_markdown(line) or "&#32;" for line in text.split("\n"))


_MARKUP = re.compile(r"[\\`*_\[\]<>&#|~$!@^=]|(?<=[hHtTpPsS]):(?=//)|(?<=[wW]{3})\.")
_LINE_START = re.compile(r"^([+-])|^(\d{1,9})([.)])")


def escape_markdown(text: str) -> str:
    """Write one line so that Markdown shows it as it is: no markup, no HTML, no link, no list."""
    escaped = _MARKUP.sub(lambda found: "\\" + found[0], text)
    indent = len(escaped) - len(escaped.lstrip())
    start = "".join(f"&#{ord(c)};" for c in escaped[:indent])
    rest = _LINE_START.sub(lambda f: f"\\{f[1]}" if f[1] else f"{f[2]}\\{f[3]}", escaped[indent:])
    return start + rest
