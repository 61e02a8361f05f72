"""Two texts about the same matter -> what only one of them says, in runs long enough to read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise

from index.words import normalise, word_edges
from ingest.law import Span

_SHORTEST = 4
"""Characters that both texts must have in common, between two differences, to be told apart from them."""
_MARKER = re.compile(r"(?m)^\s*[（(][一二三四五六七八九十]+[）)]")
_DIGITS = r"[0-9０-９一二三四五六七八九十百千半两]"
_FIGURE = re.compile(
    rf"每(?:个)?(?:{_DIGITS}+)?(?:季度|半年|半月|年度|[年月周日天])|{_DIGITS}+分之{_DIGITS}+|"
    rf"{_DIGITS}+(?:\s*[-—～~至]\s*{_DIGITS}+)?\s*"
    r"(?:个?工作日|个?小时|分钟|个?季度|个?月|个?星期|周|年|日|天|次|人|名|件|篇|辆|页|字|[%％]|万?元)(?!号)"
)
"""A number with its unit, a share or an interval: what a reader must not overlook."""


@dataclass(frozen=True, slots=True)
class Side:
    """What one text has that the other has not.

    Attributes:
        only: the runs that stand in this text alone.
        figures: numbers, shares and time limits that stand in this text alone.

    """

    only: tuple[Span, ...]
    figures: tuple[Span, ...]


def differ(left: str, right: str) -> tuple[Side, Side]:
    """Compare two texts word by word; white space and the width of characters make no difference."""
    first, second = _words(left), _words(right)
    matcher = SequenceMatcher(None, [w for w, _ in first], [w for w, _ in second], autojunk=False)
    blocks = [b for b in matcher.get_matching_blocks() if b.size]
    kept = [
        block
        for at, block in enumerate(blocks)
        if _length(first[block.a : block.a + block.size]) >= _SHORTEST
        or (at == 0 and block.a == block.b == 0)
        or (at == len(blocks) - 1 and block.a + block.size == len(first) and block.b + block.size == len(second))
    ]
    only_left = _gaps([(block.a, block.a + block.size) for block in kept], first)
    only_right = _gaps([(block.b, block.b + block.size) for block in kept], second)
    figures_left, figures_right = figures(left), figures(right)
    common = set(figures_left.values()) & set(figures_right.values())
    return (
        Side(only_left, tuple(span for span, figure in figures_left.items() if figure not in common)),
        Side(only_right, tuple(span for span, figure in figures_right.items() if figure not in common)),
    )


def figures(text: str) -> dict[Span, str]:
    """Find numbers with a unit, shares and intervals: where they stand, and how they read without spaces."""
    return {Span(*match.span()): re.sub(r"\s", "", normalise(match[0])) for match in _FIGURE.finditer(text)}


def _words(text: str) -> list[tuple[str, Span]]:
    """Cut a text into words and marks, each with its place; white space and numbers of 项 are left out."""
    markers = [match.span() for match in _MARKER.finditer(text)]
    words = []
    for start, end in pairwise(sorted(word_edges(text) | {len(text)})):
        word = re.sub(r"\s", "", normalise(text[start:end]))
        if word and not any(first < end and start < last for first, last in markers):
            words.append((word, Span(start, end)))
    return words


def _length(words: list[tuple[str, Span]]) -> int:
    return sum(len(re.sub(r"\W", "", word)) for word, _ in words)


def _gaps(kept: list[tuple[int, int]], words: list[tuple[str, Span]]) -> tuple[Span, ...]:
    """Return the runs of words between those that both texts have; marks at their edges are left out."""
    spans = []
    for (_, start), (end, _) in pairwise([(0, 0), *kept, (len(words), len(words))]):
        run = words[start:end]
        while run and not re.search(r"\w", run[0][0]):
            run = run[1:]
        while run and not re.search(r"\w", run[-1][0]):
            run = run[:-1]
        if run:
            spans.append(Span(run[0][1].start, run[-1][1].end))
    return tuple(spans)
