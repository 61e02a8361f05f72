"""The rules to read: the tree of documents, an article in its document, a whole document. All HTML."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby

from ingest.corpus import in_force, label_document, locate
from ingest.law import Article, Locator, Regulation, Span
from web.links import Place, Unreadable, link_to
from web.lookup import hits
from web.marks import marked, provisions, slips_of
from web.markup import escape, t
from web.markup import marks as named
from web.source import issued as issued_html
from web.texts import say

HINT = t("browse_hint", "p", "hint")
_NAME = 18
"""Characters of an article's first words that name it in the tree."""


def view(place: Place | Unreadable | None, regulations: Sequence[Regulation], words: str = "") -> str:
    """Write what a link leads to; ``words`` are highlighted."""
    if place is None:
        return HINT
    if isinstance(place, Unreadable):
        return f'<p class="error" role="alert">{escape(place.message)}</p>{HINT}'
    if place.notice:
        return _notice(place.regulation, regulations, words)
    if place.article is None:
        return _whole(place.regulation, regulations, words)
    return _article(place, place.article, regulations, words)


# the tree ------------------------------------------------------------------------------------


def tree(regulations: Sequence[Regulation]) -> str:
    """Write the documents, county by county; chapters come when one is opened."""
    rows = []
    for county, group in groupby(regulations, key=lambda r: r.county):
        for regulation in group:
            name = escape(regulation.doc_number) if regulation.doc_number else issued_html(regulation)
            about = f"{name} · {t('articles', count=len(regulation.articles))}"
            rows.append(
                f'<li><details class="rule" data-regulation="{escape(regulation.id)}"><summary>'
                f"<strong>{escape(county)}</strong> {_status(regulation, regulations)}"
                f'<small>{about}</small></summary><div class="inside"></div></details></li>'
            )
    return f'<nav class="tree"{named("tree", "aria-label")}><ul>{"".join(rows)}</ul></nav>'


def chapters(regulation: Regulation, regulations: Sequence[Regulation]) -> str:
    """Write the chapters and articles of a document, for the inside of the tree."""
    whole, notice = link_to(regulation, regulations), link_to(regulation, regulations, Locator(regulation.id, 0))
    written = [
        f'<p class="ways"><a href="{escape(whole)}">{t("full")}</a> <a href="{escape(notice)}">{t("notice")}</a></p>'
    ]
    for chapter, group in groupby(regulation.articles, key=lambda a: a.chapter):
        articles = list(group)
        rows = "".join(
            f'<li><a href="{escape(link_to(regulation, regulations, locate(regulation, a)))}">'
            f"<b>{locate(regulation, a)}</b> {escape(first_words(a))}</a></li>"
            for a in articles
        )
        if chapter is None:
            written.append(f"<ul>{rows}</ul>")
            continue
        span = f"{locate(regulation, articles[0])}至{locate(regulation, articles[-1])}"
        written.append(
            f'<details class="chapter"><summary>{escape(str(chapter))} <small>{span}</small></summary>'
            f"<ul>{rows}</ul></details>"
        )
    return "".join(written)


def first_words(article: Article) -> str:
    """Name an article by its first words, cut at a mark where there is one."""
    line = article.text.split("\n", 1)[0].strip()
    if len(line) <= _NAME:
        return line.rstrip("。；：:;")
    cut = [match.start() for match in re.finditer(r"[，,。；;：:]", line[: _NAME + 1])]
    return line[: cut[-1]] if cut and cut[-1] >= _NAME // 2 else line[:_NAME] + "…"


# documents -----------------------------------------------------------------------------------


def issued(regulation: Regulation) -> str:
    """Say when a document was issued, as far as the source tells."""
    if not regulation.issued_on:
        return "印发日期不详"
    year, month, day = (int(part) for part in regulation.issued_on.split("-"))
    return f"{year}年{month}月{day}日印发"


def _status(regulation: Regulation, regulations: Sequence[Regulation]) -> str:
    current = any(r.id == regulation.id for r in in_force(regulations))
    return f'<span class="status{"" if current else " ended"}">{t("current" if current else "repealed")}</span>'


def _head(regulation: Regulation, regulations: Sequence[Regulation], chapter: str) -> str:
    """Write title, 文号, dates and state of a document."""
    number = regulation.doc_number
    raw = regulation.doc_number_raw
    named = escape(number) if number else t("number_broken", raw=raw) if raw else t("number_none")
    adopted = [escape(regulation.adopted_by.split("》", 1)[-1])] if regulation.adopted_by else []
    facts = [named, issued_html(regulation), *adopted]
    if regulation.repeals is not None:
        old = regulation.repeals.doc_number or (f"{regulation.repeals.issued}印发" if regulation.repeals.issued else "")
        facts.append(t("repeals", what=f"《{regulation.repeals.title}》{f'（{old}）' if old else ''}"))
    listed = "".join(f"<li>{fact}</li>" for fact in facts)
    place = f'<p class="chapter-name">{escape(chapter)}</p>' if chapter else ""
    return (
        f'<p class="title">《{escape(regulation.title)}》 {_status(regulation, regulations)}</p>'
        f'<ul class="facts">{listed}</ul>{place}'
    )


def _actions(regulation: Regulation, regulations: Sequence[Regulation], locator: Locator, text: str) -> str:
    """Write the buttons that copy, and the way to the whole document."""
    label = f"{label_document(regulation)}{locator}"
    address = link_to(regulation, regulations, locator)
    whole = link_to(regulation, regulations)
    return (
        '<p class="actions">'
        f'<button type="button" class="copy" data-copy="{escape(label)}">{t("copy_citation")}</button>'
        f'<button type="button" class="copy" data-copy="“{escape(text)}”——{escape(label)}">{t("copy_text")}</button>'
        f'<button type="button" class="copy" data-copy="{escape(address)}" data-link>{t("copy_link")}</button>'
        f'<a class="whole" href="{escape(whole)}&amp;at={locator.article}">{t("see_full")}</a></p>'
    )


def _opened(place: str, regulation: Regulation, name: str, body: str) -> str:
    return (
        f'<article class="opened" aria-label="{escape(f"《{regulation.title}》{name}")}" data-place="{escape(place)}" data-regulation="{escape(regulation.id)}" tabindex="-1">'
        f'<p class="back"><button type="button">{t("back")}</button></p>{body}</article>'
    )


def _article(place: Place, article: Article, regulations: Sequence[Regulation], words: str) -> str:
    regulation, locator = place.regulation, place.locator
    alone = locate(regulation, article)

    def href(paragraph: int, item: int | None) -> str:
        return link_to(regulation, regulations, locate(regulation, article, paragraph, item))

    marks = [*hits(article.text, words), *slips_of(article, regulation.slips)]
    at = (place.paragraph, place.item)
    part = t("cited_part", "p", "part", label=str(locator)) if place.paragraph else ""
    return _opened(
        link_to(regulation, regulations, alone),
        regulation,
        str(alone),
        _head(regulation, regulations, str(article.chapter) if article.chapter else "")
        + _beside(regulation, regulations, article, -1)
        + f"<h3>{escape(str(alone))}</h3>{part}{provisions(article, marks, href, at)}"
        + _actions(regulation, regulations, locator, quoted(place, article))
        + _beside(regulation, regulations, article, 1),
    )


def quoted(place: Place, article: Article) -> str:
    """Return the verbatim words of a place: the whole article, or the 款 or 项 that it names."""
    for paragraph in article.paragraphs:
        if paragraph.number != place.paragraph:
            continue
        for item in paragraph.items:
            if item.number == place.item:
                return item.text
        return article.text[slice(*paragraph.span)]
    return article.text


def _beside(regulation: Regulation, regulations: Sequence[Regulation], article: Article, step: int) -> str:
    """Write the way to the article before or after, with its beginning."""
    at = regulation.articles.index(article) + step
    if not 0 <= at < len(regulation.articles):
        return t("first_article" if step < 0 else "last_article", "p", "beside none")
    other = regulation.articles[at]
    address = link_to(regulation, regulations, locate(regulation, other))
    begin = re.sub(r"\s+", " ", other.text)
    begin = begin[:60] + "…" if len(begin) > 60 else begin
    return (
        f'<p class="beside"><a href="{escape(address)}" rel="{"prev" if step < 0 else "next"}">'
        f"{t('before' if step < 0 else 'after', label=str(locate(regulation, other)))}</a> <span>{escape(begin)}</span></p>"
    )


def _notice(regulation: Regulation, regulations: Sequence[Regulation], words: str) -> str:
    locator = Locator(regulation.id, 0)
    return _opened(
        link_to(regulation, regulations, locator),
        regulation,
        "印发通知",
        _head(regulation, regulations, "")
        + f"{t('notice_and_end', 'h3')}{_notice_text(regulation, words)}"
        + _actions(regulation, regulations, locator, regulation.notice),
    )


def _notice_text(regulation: Regulation, words: str) -> str:
    marks = hits(regulation.notice, words)
    return f'<div class="notice"><p>{marked(regulation.notice, Span(0, len(regulation.notice)), marks)}</p></div>'


def _whole(regulation: Regulation, regulations: Sequence[Regulation], words: str) -> str:
    """Write the whole document: notice, chapters, articles."""
    parts = [f"<details>{t('notice_and_end', 'summary')}{_notice_text(regulation, words)}</details>"]
    for chapter, group in groupby(regulation.articles, key=lambda a: a.chapter):
        if chapter is not None:
            parts.append(f"<h3>{escape(str(chapter))}</h3>")
        for article in group:
            locator = locate(regulation, article)
            address = link_to(regulation, regulations, locator)
            marks = [*hits(article.text, words), *slips_of(article, regulation.slips)]
            key = f"{article.number}{f'-{article.branch}' if article.branch else ''}"
            parts.append(
                f'<section class="one" data-article="{key}"><h4><a href="{escape(address)}">{locator}</a></h4>'
                f"{provisions(article, marks)}</section>"
            )
    jump = "".join(
        f'<option value="{a.number}{f"-{a.branch}" if a.branch else ""}">{locate(regulation, a)}</option>'
        for a in regulation.articles
    )
    address = link_to(regulation, regulations)
    return _opened(
        address,
        regulation,
        "全文",
        _head(regulation, regulations, "")
        + f'<p class="actions"><label>{t("jump")} <select class="jump"><option value=""{named("jump_pick")}>{say("jump_pick")}</option>{jump}</select></label>'
        f'<button type="button" class="copy" data-copy="{escape(label_document(regulation))}">{t("copy_name")}</button>'
        f'<button type="button" class="copy" data-copy="{escape(address)}" data-link>{t("copy_link")}</button></p>'
        + "".join(parts),
    )
