"""A cited article as it stands in its document: what the source pane shows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import pairwise

from assistant.answer import Citation, Source
from ingest.corpus import label_document, locate
from ingest.law import Article, Locator, Paragraph, Regulation, Slip, Span
from web.links import link_to
from web.markup import escape, t
from web.texts import say


def find_article(regulation: Regulation, locator: Locator) -> Article | None:
    """Return the article of a key, or None for 印发通知."""
    return next((a for a in regulation.articles if (a.number, a.branch) == (locator.article, locator.branch)), None)


def article_html(
    regulation: Regulation,
    source: Source,
    citation: Citation | None,
    regulations: Sequence[Regulation],
    *,
    in_force: bool = True,
    neighbours: Sequence[tuple[str, Article]] = (),
) -> str:
    """Write an article in its document, the place cited and the quote highlighted.

    Args:
        regulation: the document.
        source: the place.
        citation: what is quoted, or None where the place is only pointed to.
        regulations: the collection, for the link to the place.
        in_force: whether another document of the collection repeals it.
        neighbours: the articles before and after, each with the id of the element that holds its text.

    """
    locator = source.locator
    article = find_article(regulation, locator)
    before, after = (
        "".join(
            _near(key, near, regulation, article) for key, near in neighbours if _is_before(near, article) is wanted
        )
        for wanted in (True, False)
    )
    head = f"<h3>{escape(_article_name(locator))}{_where(locator)}</h3>"
    slips = [s for s in regulation.slips if article and s.article == article.number]
    text = article.text if article else regulation.notice
    body = _marked(text, citation.span if citation else None, slips, article, locator)
    return (
        f'<div class="document" lang="zh-CN" data-county="{escape(regulation.county)}">{document_head(regulation, article, in_force=in_force)}'
        f'{before}{head}<div class="text">{body}</div>{after}{_actions(regulation, source, citation, regulations)}</div>'
    )


def document_head(regulation: Regulation, article: Article | None, *, in_force: bool) -> str:
    """Write title, 文号, date, whether in force, and the chapter of an article."""
    number = escape(regulation.doc_number) if regulation.doc_number else t("no_number")
    state = t("in_force" if in_force else "repealed", kind="state" if in_force else "state over")
    if article is None:
        chapter = t("notice", kind="chapter")
    else:
        chapter = f'<span class="chapter">{escape(str(article.chapter))}</span>' if article.chapter else ""
    return (
        f'<p class="title">《{escape(regulation.title)}》</p>'
        f'<p class="meta"><span>{number}</span><span>{issued(regulation)}</span>{state}</p>'
        f'<p class="meta">{chapter}</p>'
    )


def issued(regulation: Regulation) -> str:
    """Say when a document was issued."""
    return t("issued", date=chinese_date(regulation.issued_on)) if regulation.issued_on else t("no_date")


def chinese_date(iso: str) -> str:
    """Write 2022-07-15 as 2022年7月15日."""
    year, month, day = (int(part) for part in iso.split("-"))
    return f"{year}年{month}月{day}日"


def plain_article(article: Article) -> str:
    """Write the text of an article without any mark."""
    return "".join(f"<p>{escape(line)}</p>" for line in article.text.split("\n"))


def _actions(
    regulation: Regulation, source: Source, citation: Citation | None, regulations: Sequence[Regulation]
) -> str:
    label = escape(source.label)
    written = f'<button type="button" class="copy" data-copy="{label}">{t("copy_citation")}</button>'
    if citation is not None:
        quote = escape(citation.quote)
        written += f'<button type="button" class="copy" data-copy="“{quote}”（{label}）">{t("copy_quote")}</button>'
    link = escape(link_to(regulation, regulations, source.locator))
    return f'<p class="actions">{written}<a class="whole" href="{link}">{t("whole")}</a></p>'


def _near(key: str, near: Article, regulation: Regulation, article: Article | None) -> str:
    name = t("before" if _is_before(near, article) else "after", label=str(locate(regulation, near)))
    return f'<details class="near"><summary>{name}</summary><div data-near="{escape(key)}"></div></details>'


def _is_before(near: Article, article: Article | None) -> bool:
    return article is not None and (near.number, near.branch or 0) < (article.number, article.branch or 0)


def _article_name(locator: Locator) -> str:
    return str(Locator(locator.regulation, locator.article, locator.branch))


def _where(locator: Locator) -> str:
    """Name the 款 and 项 that are cited, beside the article's number."""
    rest = str(locator).removeprefix(_article_name(locator))
    return f'<span class="where">{escape(rest)}</span>' if rest else ""


def _marked(text: str, mark: Span | None, slips: Sequence[Slip], article: Article | None, locator: Locator) -> str:
    """Write a text line by line: the 款 or 项 cited set off, the quote in <mark>, slips underlined."""
    odd = [(Span(at, at + len(s.text)), s) for s in slips if (at := text.find(s.text)) >= 0]
    written, start = "", 0
    for line in text.split("\n"):
        span = Span(start, start + len(line))
        here = article is not None and _is_cited(span, article.paragraphs, locator)
        kind = ' class="here"' if here and locator.paragraph is not None else ""
        written += f"<p{kind}>{_line(text, span, mark, odd)}</p>"
        start = span.end + 1
    return written


def _is_cited(line: Span, paragraphs: Collection[Paragraph], locator: Locator) -> bool:
    """Tell whether a line is of the 款, or of the 项, that a key names."""
    for paragraph in paragraphs:
        if paragraph.number == locator.paragraph:
            spans = [i.span for i in paragraph.items if i.number == locator.item] if locator.item else [paragraph.span]
            return any(line.start < span.end and span.start < line.end for span in spans)
    return False


def _line(text: str, line: Span, mark: Span | None, odd: Sequence[tuple[Span, Slip]]) -> str:
    edges = {*line, *(mark or ()), *(edge for span, _ in odd for edge in span)}
    cuts = sorted(edge for edge in edges if line.start <= edge <= line.end)
    written = ""
    for start, end in pairwise(cuts):
        piece = escape(text[start:end])
        for span, slip in odd:
            if span.start <= start and end <= span.end:
                note = f'<sup class="slip-note">{t("slip")}</sup>' if end == span.end else ""
                piece = f'<span class="slip" title="{escape(say("slip"))}：{escape(slip.note)}">{piece}</span>{note}'
        written += f"<mark>{piece}</mark>" if mark and mark.start <= start and end <= mark.end else piece
    return written


def collection_html(regulations: Sequence[Regulation], in_force: Collection[str]) -> str:
    """List the documents of the collection, for a pane that shows no source yet."""
    rows = "".join(
        f'<li><p class="title" lang="zh-CN">{escape(label_document(r))}</p>'
        f'<p class="meta"><span>{issued(r)}</span><span>{t("articles", count=len(r.articles))}</span>'
        f"{t('in_force') if r.id in in_force else t('repealed')}"
        f'<a class="whole" href="{escape(link_to(r, regulations))}">{t("whole")}</a></p></li>'
        for r in regulations
    )
    return f'<p class="hint">{t("pane_hint")}</p><h3>{t("collected")}</h3><ul class="collected">{rows}</ul>'
