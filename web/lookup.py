"""Exact search in the text of the rules: every article that holds all the words."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from urllib.parse import quote

from assistant.places import short_name
from ingest.corpus import label_document, locate
from ingest.law import Article, Locator, Regulation, Span
from web.links import link_to
from web.marks import Mark, marked
from web.markup import escape, t

LISTED = 300
"""Articles that are listed at most; all are counted."""
_AROUND = 28
"""Characters shown before and after a place that was found."""
_SNIPPETS = 3


@dataclass(frozen=True, slots=True)
class Found:
    """An article, or (``article`` None) the notice, that holds all the words."""

    regulation: Regulation
    article: Article | None
    spans: tuple[Span, ...]

    @property
    def text(self) -> str:
        """The text that the spans are places of."""
        return self.article.text if self.article else self.regulation.notice

    @property
    def locator(self) -> Locator:
        """The key of the article or notice."""
        return locate(self.regulation, self.article) if self.article else Locator(self.regulation.id, 0)


def find(words: str, regulations: Iterable[Regulation], county: str | None = None) -> list[Found]:
    """Find all articles that hold all the words, in the order of the documents.

    White space within the text and the width of characters do not matter; spaces part the words.

    Args:
        words: what is looked for.
        regulations: where.
        county: only in the rules of this one.

    """
    wanted = _wanted(words)
    if not wanted:
        return []
    found = []
    for regulation in regulations:
        if county not in (None, regulation.county):
            continue
        for article in (None, *regulation.articles):
            spans = places(article.text if article else regulation.notice, wanted)
            if spans:
                found.append(Found(regulation, article, spans))
    return found


def _wanted(words: str) -> list[str]:
    return list(dict.fromkeys(_folded(words).split()))


def places(text: str, wanted: Sequence[str]) -> tuple[Span, ...]:
    """Find where words stand; empty unless every one stands somewhere. Overlapping places are joined."""
    kept = [(at, folded) for at, character in enumerate(text) for folded in _folded(character) if folded.strip()]
    flat = "".join(character for _, character in kept)
    spans: list[Span] = []
    for word in wanted:
        at = flat.find(word)
        if at < 0:
            return ()
        while at >= 0:
            spans.append(Span(kept[at][0], kept[at + len(word) - 1][0] + 1))
            at = flat.find(word, at + len(word))
    joined: list[Span] = []
    for span in sorted(spans):
        if joined and span.start < joined[-1].end:
            joined[-1] = Span(joined[-1].start, max(span.end, joined[-1].end))
        else:
            joined.append(span)
    return tuple(joined)


def hits(text: str, words: str) -> list[Mark]:
    """Mark the words where they stand in a text."""
    return [Mark(span) for word in _wanted(words) for span in places(text, [word])]


def results(words: str, regulations: Sequence[Regulation], county: str | None = None) -> str:
    """Write what was found, or what to do where nothing was."""
    if not _wanted(words):
        return ""
    found = find(words, regulations, county)
    shown = " ".join(_wanted(words))[:60]
    if not found:
        told = t("found_none_in", county=county, words=shown) if county else t("found_none", words=shown)
        return f'<p role="status" class="count">{told}</p>'
    total = sum(len(each.spans) for each in found)
    counties = len({each.regulation.county for each in found})
    head = t("found", words=shown, counties=counties, articles=len(found), places=total)
    head += t("found_first", count=LISTED) if len(found) > LISTED else ""
    groups = groupby(found[:LISTED], key=lambda each: each.regulation.id)
    listed = "".join(_group(list(group), words, regulations) for _, group in groups)
    return f'<p role="status" class="count">{head}</p><div class="found">{listed}</div>'


def _group(found: Sequence[Found], words: str, regulations: Sequence[Regulation]) -> str:
    regulation = found[0].regulation
    rows = "".join(
        f'<li><a href="{escape(address(link_to(regulation, regulations, each.locator), words))}">'
        f"{escape(str(each.locator))}</a>{_snippets(each)}</li>"
        for each in found
    )
    name = short_name(regulation.county)
    return (
        f'<h3 title="{escape(label_document(regulation))}">{escape(regulation.county)}</h3>'
        f'<ul aria-label="{escape(name)}">{rows}</ul>'
    )


def address(href: str, words: str) -> str:
    """Add to a link the words that are to be highlighted where it leads."""
    return f"{href}&find={quote(words)}"


def _snippets(found: Found) -> str:
    """Write the first places with some words around each; places near each other share one."""
    text = found.text
    windows: list[Span] = []
    for span in found.spans:
        start, end = max(0, span.start - _AROUND), min(len(text), span.end + _AROUND)
        if windows and start <= windows[-1].end:
            windows[-1] = Span(windows[-1].start, end)
        else:
            windows.append(Span(start, end))
    marks = [Mark(span) for span in found.spans]
    shown = [
        f"{'…' if w.start else ''}{marked(text, w, marks).replace('<br>', ' ')}{'…' if w.end < len(text) else ''}"
        for w in windows[:_SNIPPETS]
    ]
    more = t("found_more", kind="more", count=len(windows) - _SNIPPETS) if len(windows) > _SNIPPETS else ""
    return f"<p>{'　'.join(shown)}{more}</p>"


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).lower()
