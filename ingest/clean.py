"""Source text -> lines, each with its place and with what its line feed means.

Texts come from web pages and PDF files: page breaks split sentences, and some blocks are wrapped
at a fixed width. Nothing is altered here; ``parse`` joins lines by what is found out.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from itertools import groupby

END_MARKS = frozenset("。！？；：!?;:…")
_CLOSING = "”’」』）)》〉】\"'"
_WIDEST_WRAP = 50.0
"""A printed page has 28 to 40 characters a line; longer lines are whole paragraphs."""
_INDENT = 3.0
"""A paragraph's first line is indented by two characters; punctuation hangs over by one."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line that is not blank.

    Attributes:
        number: 1-based number in the source.
        start: offset of its first character that is no white space.
        text: its characters without surrounding white space.
        fills: it fills the width of a hard-wrapped block and another line follows in the block,
            so its line feed says nothing about the sentence.

    """

    number: int
    start: int
    text: str
    fills: bool


def is_finished(text: str) -> bool:
    """Tell whether the text ends as a sentence, an item or an introduction ends."""
    return text.rstrip(_CLOSING)[-1:] in END_MARKS if text else True


def split_lines(text: str) -> list[Line]:
    """Cut the source into its lines, blank ones left out, hard-wrapped ones recognised."""
    found: list[Line] = []
    offset = 0
    rows: list[tuple[int, int, str]] = []
    for number, row in enumerate(text.split("\n"), start=1):
        stripped = row.strip()
        rows.append((number, offset + len(row) - len(row.lstrip()), stripped))
        offset += len(row) + 1
    for is_blank, group in groupby(rows, key=lambda row: not row[2]):
        if not is_blank:
            block = list(group)
            filling = _filling([row[2] for row in block])
            found += [Line(*row, fills=fills) for row, fills in zip(block, filling, strict=True)]
    return found


def _filling(block: list[str]) -> list[bool]:
    """Mark the lines of a block of consecutive lines that were broken for want of width."""
    widths = [_width(row) for row in block]
    widest = max(widths)
    wrapped = widest <= _WIDEST_WRAP and any(not is_finished(row) for row in block[:-1])
    last = len(block) - 1
    return [wrapped and i < last and width >= widest - _INDENT for i, width in enumerate(widths)]


def _width(text: str) -> float:
    """Width in full-width characters, a half-width one counting half."""
    return sum(1.0 if unicodedata.east_asian_width(c) in "WFA" else 0.5 for c in text)
