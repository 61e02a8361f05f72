"""The parts of a regulation, from the document down to a 项, and the key that names them.

Frozen dataclasses without logic of their own. Offsets are in characters. ``span`` is a place in
the text of the article; ``source`` is a place in the source file as decoded.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from ingest.numerals import to_chinese


class Span(NamedTuple):
    """A half-open range of characters, ``text[start:end]``."""

    start: int
    end: int


class Piece(NamedTuple):
    """A run of an article's text that stands, unaltered, at ``source`` in the file."""

    at: int
    source: Span


@dataclass(frozen=True, slots=True)
class Locator:
    """The key of a place in a regulation: what is parsed, searched, cited and scored.

    Attributes:
        regulation: id of the regulation.
        article: number of the 条; 0 is the notice (印发通知) that the regulation came with.
        branch: the number after 之 (第四十六条之一 is 1).
        paragraph: number of the 款, or None for the whole article.
        item: number of the 项, or None for the whole 款.
        sole: the article has a single 款, so that quoting leaves the 款 out. Not part of the key.

    """

    regulation: str
    article: int
    branch: int | None = None
    paragraph: int | None = None
    item: int | None = None
    sole: bool = field(default=False, compare=False)

    def __str__(self) -> str:
        """Name the place in the form for quoting: 第四十六条第一款第三项."""
        if self.article == 0:
            return "印发通知"
        written = f"第{to_chinese(self.article)}条"
        if self.branch is not None:
            written += f"之{to_chinese(self.branch)}"
        if self.paragraph is not None and not self.sole:
            written += f"第{to_chinese(self.paragraph)}款"
        if self.item is not None:
            written += f"第{to_chinese(self.item)}项"
        return written


@dataclass(frozen=True, slots=True)
class Item:
    """A 项; ``text`` is without its marker （一） and bullet, ``span`` is where that text stands."""

    number: int
    text: str
    span: Span
    source: Span


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A 款: ``text`` is without its items; ``span`` covers the introduction and all items."""

    number: int
    text: str
    items: tuple[Item, ...]
    span: Span
    source: Span


@dataclass(frozen=True, slots=True)
class Chapter:
    """A heading, 章 or (``level``) 编 or 节, with its title, inner spaces removed: 第一章 总则."""

    number: int
    title: str
    source: Span
    level: str = "章"

    def __str__(self) -> str:
        """Write the heading as one line."""
        return f"第{to_chinese(self.number)}{self.level} {self.title}".rstrip()


@dataclass(frozen=True, slots=True)
class Article:
    """A 条: its text after the number, 款 and 项 separated by line feeds.

    ``pieces`` map the text back to the source: outside of them stand only those line feeds.
    """

    number: int
    branch: int | None
    chapter: Chapter | None
    text: str
    paragraphs: tuple[Paragraph, ...]
    pieces: tuple[Piece, ...]
    source: Span


@dataclass(frozen=True, slots=True)
class Repair:
    """Something in the source that was read otherwise than it is written, and where.

    Attributes:
        kind: short name, the same for all repairs of the sort.
        line: 1-based line of the source.
        source: the characters concerned.
        text: those characters.
        note: what was made of them.

    """

    kind: str
    line: int
    source: Span
    text: str
    note: str


@dataclass(frozen=True, slots=True)
class Slip:
    """A slip of the source that stays as it is (原文如此): the words, and what is odd about them."""

    article: int
    text: str
    note: str


@dataclass(frozen=True, slots=True)
class Repeal:
    """The regulation that this one repeals, as far as its repeal clause says."""

    title: str
    doc_number: str | None
    issued: str | None


@dataclass(frozen=True, slots=True)
class Regulation:
    """One document.

    Attributes:
        id: stable name, ``title@date``.
        title: as on the document, without 《》.
        county: full name of the county, 昌乐县.
        doc_number: 文号, or None where the source has none or a broken one.
        doc_number_raw: the broken 文号 as the source has it.
        issued_on: ISO date of issue (印发), or None.
        adopted_by: the clause of the notice that names the meeting, verbatim, or None.
        repeals: what this regulation repeals, or None.
        notice: lines of the notice before the rule and of the colophon after it, verbatim,
            separated by line feeds: what 印发通知 citations quote.
        articles: in order.
        chapters: in order.
        repairs: all repairs, in order.
        slips: slips of the source known by name.
        front: source range before the rule.
        colophon: source range after the last article (empty where there is none).
        file: name of the source file.
        source_hash: SHA-256 of the decoded source.

    """

    id: str
    title: str
    county: str
    doc_number: str | None
    doc_number_raw: str | None
    issued_on: str | None
    adopted_by: str | None
    repeals: Repeal | None
    notice: str
    articles: tuple[Article, ...]
    chapters: tuple[Chapter, ...]
    repairs: tuple[Repair, ...]
    slips: tuple[Slip, ...]
    front: Span
    colophon: Span
    file: str
    source_hash: str
