"""An article -> what can be quoted by itself: clauses that end in 。 or ；, and 项."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from ingest.law import Article, Paragraph, Span

SENTENCE_END = "。！？!?\n"
_CLAUSE_END = SENTENCE_END + "；;"
CLOSING = "”’」』）)》"
EXCEPTS = r"(?:除外|不在此限|另有规定的?)[。；;]?\s*$"
_LIMITS = re.compile(rf"^\s*(?:但是?|不过|除外|其中|否则|除[^，,。；;]{{1,30}}外)|{EXCEPTS}")
"""Begins or ends a clause that takes something back of the one before it."""


class Unit(NamedTuple):
    """A clause of a 款, or a 项.

    Attributes:
        span: where it stands in the text of the article.
        paragraph: number of its 款.
        item: number of the 项, or None.
        sentence: the sentences that it is part of; of a 项, the 项; of a list, the list.
        whole: it is a whole list with the words that introduce it.

    """

    span: Span
    paragraph: int
    item: int | None
    sentence: Span
    whole: bool = False


def cut(article: Article) -> Iterator[Unit]:
    """Cut an article into units, in order.

    A clause that limits the one before it (但…, …除外) is not cut off from it: alone, the first
    would say more than the rule.
    """
    for paragraph in article.paragraphs:
        words = Span(paragraph.span.start, paragraph.span.start + len(paragraph.text))
        sentences = list(split(article.text, words, SENTENCE_END))
        for clause in _limited(article.text, split(article.text, words, _CLAUSE_END)):
            within = [s for s in sentences if s.start < clause.end and clause.start < s.end]
            yield Unit(clause, paragraph.number, None, Span(within[0].start, within[-1].end))
        for item in paragraph.items:
            yield Unit(item.span, paragraph.number, item.number, item.span)


def lists(article: Article) -> Iterator[Unit]:
    """Yield the whole lists of an article, each with the sentence that introduces it."""
    for paragraph in article.paragraphs:
        if paragraph.items:
            span = Span(list_start(paragraph, article.text), paragraph.span.end)
            yield Unit(span, paragraph.number, None, span, whole=True)


def list_start(paragraph: Paragraph, text: str) -> int:
    """Find where the sentence begins that introduces a 款's list; its start, where nothing does."""
    words = Span(paragraph.span.start, paragraph.span.start + len(paragraph.text))
    return max((sentence.start for sentence in split(text, words, SENTENCE_END)), default=paragraph.span.start)


def candidates(article: Article) -> list[Unit]:
    """Return all that can be chosen from an article: clauses, 项 and whole lists."""
    return [*cut(article), *lists(article)]


def _limited(text: str, clauses: Iterator[Span]) -> Iterator[Span]:
    """Join a clause that limits the one before it to that one."""
    joined: list[Span] = []
    for clause in clauses:
        if joined and _LIMITS.search(text[slice(*clause)]):
            joined[-1] = Span(joined[-1].start, clause.end)
        else:
            joined.append(clause)
    yield from joined


def split(text: str, span: Span, ends: str) -> Iterator[Span]:
    """Cut a span after each of the characters that end a part, and the quotation marks that close it."""
    start = at = span.start
    while at < span.end:
        if text[at] in ends:
            at += 1
            while at < span.end and text[at] in CLOSING:
                at += 1
            if text[start:at].strip():
                yield Span(start, at)
            start = at
        else:
            at += 1
    if text[start : span.end].strip():
        yield Span(start, span.end)


def clauses(text: str) -> list[str]:
    """Cut any text into clauses, without white space and what ends them."""
    spans = _limited(text, split(text, Span(0, len(text)), _CLAUSE_END))
    return [re.sub(r"\s", "", text[slice(*span)]).strip(_CLAUSE_END) for span in spans]
