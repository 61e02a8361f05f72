"""What is searched: the 款 and 项 of an article, each with its key and its place in the text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ingest.corpus import locate
from ingest.law import Article, Locator, Regulation, Span

_LONGEST = 160
"""Longer 款 are also searched by halves: the mean of a long text's pieces says little of each."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A searchable text.

    Attributes:
        key: unique in an index.
        text: verbatim words of the article.
        locator: the 条, 款 or 项.
        span: where the text stands in the article.

    """

    key: str
    text: str
    locator: Locator
    span: Span


def cut(regulation: Regulation, article: Article) -> Iterator[Passage]:
    """Cut one article into the article as a whole, its 款 and its 项."""
    spans: list[tuple[Locator, Span]] = [(locate(regulation, article), Span(0, len(article.text)))]
    for paragraph in article.paragraphs:
        start = paragraph.span.start
        place = locate(regulation, article, paragraph.number)
        introduction = Span(start, start + len(paragraph.text))
        if len(article.paragraphs) > 1 or paragraph.items:
            spans.append((place, introduction))
        if len(paragraph.text) > _LONGEST:
            spans += [(place, part) for part in _parts(article.text, introduction)]
        for item in paragraph.items:
            spans.append((locate(regulation, article, paragraph.number, item.number), item.span))
    for number, (locator, span) in enumerate(spans):
        yield Passage(
            f"{regulation.id}#{article.number}-{article.branch or 0}-{number}",
            article.text[slice(*span)],
            locator,
            span,
        )


def _parts(text: str, span: Span) -> Iterator[Span]:
    """Cut at sentence ends into parts of at least half the longest length."""
    start = span.start
    for at in range(span.start, span.end):
        if text[at] in "。；;" and at + 1 - start >= _LONGEST // 2 and span.end - at > _LONGEST // 4:
            yield Span(start, at + 1)
            start = at + 1
    if start > span.start:
        yield Span(start, span.end)
