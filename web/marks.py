"""An article as HTML with its 款 and 项 numbered, and any places in it marked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from ingest.law import Article, Paragraph, Slip, Span
from ingest.numerals import to_chinese
from web.render import escape


class Mark(NamedTuple):
    """A place in a text and the element around it.

    Attributes:
        span: what is marked.
        tag: name of the element.
        kind: its class, or empty.
        title: shown when pointed at, or empty.
        note: a word set behind the place, or empty.

    """

    span: Span
    tag: str = "mark"
    kind: str = ""
    title: str = ""
    note: str = ""


def slips_of(article: Article, slips: Iterable[Slip]) -> list[Mark]:
    """Mark the slips of the source that stand in an article."""
    return [
        Mark(Span(at, at + len(s.text)), "span", "slip", f"原文如此：{s.note}", "原文如此")
        for s in slips
        if s.article == article.number and (at := article.text.find(s.text)) >= 0
    ]


def marked(text: str, span: Span, marks: Sequence[Mark]) -> str:
    """Write part of a text with its marks; line feeds become line breaks."""
    edges = {span.start, span.end}
    edges |= {edge for mark in marks for edge in mark.span if span.start < edge < span.end}
    written = ""
    for start, end in pairwise(sorted(edges)):
        piece = escape(text[start:end]).replace("\n", "<br>")
        for mark in marks:
            if mark.span.start <= start and end <= mark.span.end:
                piece = _wrapped(piece, mark, last=end == mark.span.end)
        written += piece
    return written


def _wrapped(piece: str, mark: Mark, *, last: bool) -> str:
    kind = f' class="{mark.kind}"' if mark.kind else ""
    title = f' title="{escape(mark.title)}"' if mark.title else ""
    note = f'<sup class="slip-note">{escape(mark.note)}</sup>' if mark.note and last else ""
    return f"<{mark.tag}{kind}{title}>{piece}</{mark.tag}>{note}"


def provisions(
    article: Article,
    marks: Sequence[Mark] = (),
    href: Callable[[int, int | None], str] | None = None,
    at: tuple[int | None, int | None] = (None, None),
) -> str:
    """Write the 款 and 项 of an article.

    Args:
        article: the 条.
        marks: places in its text.
        href: address of a 款 and 项; without it the numbers are plain text.
        at: the 款 and 项 that the reader came for.

    """
    several = len(article.paragraphs) > 1
    written = "".join(_paragraph(article, p, marks, href, at, several=several) for p in article.paragraphs)
    return f'<div class="provisions{" several" if several else ""}">{written}</div>'


def _paragraph(
    article: Article,
    paragraph: Paragraph,
    marks: Sequence[Mark],
    href: Callable[[int, int | None], str] | None,
    at: tuple[int | None, int | None],
    *,
    several: bool,
) -> str:
    start = paragraph.span.start
    name = f"第{to_chinese(paragraph.number)}款"
    number = _number(name, name, href and href(paragraph.number, None)) if several else ""
    items = "".join(
        f'<li{_target(at == (paragraph.number, item.number))} data-item="{item.number}">'
        f"{_number(f'（{to_chinese(item.number)}）', f'{name}第{to_chinese(item.number)}项', href and href(paragraph.number, item.number))}"
        f"<div>{marked(article.text, item.span, marks)}</div></li>"
        for item in paragraph.items
    )
    text = marked(article.text, Span(start, start + len(paragraph.text)), marks)
    listed = f'<ol class="items">{items}</ol>' if items else ""
    return (
        f'<div class="paragraph"><div{_target(at == (paragraph.number, None))} data-paragraph="{paragraph.number}">'
        f"{number}<p>{text}</p></div>{listed}</div>"
    )


def _target(reached: bool) -> str:
    return ' class="target"' if reached else ""


def _number(text: str, name: str, address: str | None) -> str:
    if address is None:
        return f'<span class="number">{text}</span>'
    return f'<a class="number" href="{escape(address)}" aria-label="{name}，链接">{text}</a>'
