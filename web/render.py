"""Answers -> HTML. Every text of a document or a user is escaped here, and nowhere else made HTML.

Besides HTML's own characters, ``$ { }`` are escaped: Gradio fills its components from templates
in which they have a meaning.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from assistant.answer import Answer, Citation, Refusal, Source, Statement
from ingest.corpus import label_document
from ingest.law import Article, Regulation, Slip, Span

MODES = {"extractive": "原文摘录", "llm": "大模型转述，已核验"}


@dataclass(frozen=True, slots=True)
class Turn:
    """A question and, as far as it is there, its answer.

    Attributes:
        question: as asked.
        answer: None while it is being looked for.
        finished: whether the answer is complete.
        error: shown instead of an answer.

    """

    question: str
    answer: Answer | None = None
    finished: bool = True
    error: str | None = None


def escape(text: str) -> str:
    """Make a text harmless in HTML, in attributes and in Gradio's templates."""
    escaped = html.escape(text, quote=True)
    return escaped.replace("$", "&#36;").replace("{", "&#123;").replace("}", "&#125;").replace("`", "&#96;")


def conversation(turns: Sequence[Turn], regulations: Iterable[Regulation]) -> str:
    """Write the whole conversation."""
    rules = {r.id: r for r in regulations}
    written = [_turn(f"t{n}", turn, rules) for n, turn in enumerate(turns)]
    if not written:
        written = ['<p class="hint">用平常的话提问，例如“副县长外出要跟谁请假”。回答只取自规则原文，点编号看出处。</p>']
    return f'<div class="turns" role="log" aria-live="polite" aria-label="对话">{"".join(written)}</div>'


def _turn(key: str, turn: Turn, rules: dict[str, Regulation]) -> str:
    asked = f'<div class="asked"><span class="who">问</span><p>{escape(turn.question)}</p></div>'
    if turn.error is not None:
        body = f'<p class="error" role="alert">{escape(turn.error)}</p>'
    elif turn.answer is None:
        body = '<p class="busy">正在查找…</p>'
    else:
        body = _answer(key, turn.answer, rules, finished=turn.finished)
    return f'<section class="turn">{asked}<div class="answered"><span class="who">答</span><div>{body}</div></div></section>'


def _answer(key: str, answer: Answer, rules: dict[str, Regulation], *, finished: bool) -> str:
    numbers = {citation: n for n, citation in enumerate(answer.citations, start=1)}
    parts: list[str] = []
    if answer.resolved != answer.question and len(answer.resolved) > len(answer.question):
        parts.append(f'<p class="resolved">理解为：{escape(answer.resolved)}</p>')
    if answer.difference:
        parts.append(f'<p class="difference">{escape(answer.difference)}</p>')
    sources = _Sources(key, rules)
    rows = [
        (county, "".join([*(_statement(s, numbers, sources) for s in said), *(_refusal(r, sources) for r in refused)]))
        for county, said, refused in answer.grouped
        if said or refused
    ]
    parts.append(_table(rows) if len(answer.counties) > 1 else "".join(body for _, body in rows))
    if numbers:
        parts.append(_list(numbers, sources))
    if answer.related:
        links = (
            sources.button(r.source, None, r.label, "label") if r.source else escape(r.label) for r in answer.related
        )
        parts.append(f'<p class="see-also">另见：{"、".join(links)}</p>')
    parts += [f'<p class="note">{escape(note)}</p>' for note in answer.notes]
    if not finished:
        parts.append('<p class="busy">正在查找其余各县…</p>')
    elif numbers:
        parts.append(f'<p class="mode">{MODES.get(answer.mode, answer.mode)} · 引文与原文逐字一致</p>')
    return "".join(parts) + sources.html()


def _table(rows: Sequence[tuple[str | None, str]]) -> str:
    """Write a comparison, a row a county."""
    written = "".join(f'<tr><th scope="row">{escape(county or "—")}</th><td>{body}</td></tr>' for county, body in rows)
    return f'<table class="compare"><thead><tr><th scope="col">县</th><th scope="col">规定</th></tr></thead><tbody>{written}</tbody></table>'


def _statement(statement: Statement, numbers: dict[Citation, int], sources: _Sources) -> str:
    marks = "".join(sources.button(c.source, c, str(numbers[c]), "mark-number") for c in statement.citations)
    lead = f'<span class="lead">{escape(statement.lead)}</span>' if statement.lead else ""
    lines = [f"<p>{escape(line)}" for line in statement.text.split("\n")]
    lines[0] = lines[0].replace("<p>", f"<p>{lead}", 1)
    return f'<div class="statement">{"</p>".join(lines)}{marks}</p></div>'


def _refusal(refusal: Refusal, sources: _Sources) -> str:
    nearest = "".join(f"<li>{sources.button(s, None, s.label, 'label')}</li>" for s in refusal.nearest)
    listed = f'<p class="nearest">最接近的条文：</p><ul class="nearest">{nearest}</ul>' if nearest else ""
    others = "".join(f"<li>{sources.button(s, None, s.label, 'label')}</li>" for s in refusal.elsewhere)
    listed += f'<p class="nearest">其他县的规定：</p><ul class="nearest">{others}</ul>' if others else ""
    reason = escape(refusal.reason.value)
    return f'<div class="refusal"><p><strong>{reason}</strong>　{escape(refusal.message)}</p>{listed}</div>'


def _list(numbers: dict[Citation, int], sources: _Sources) -> str:
    rows = []
    for citation, number in numbers.items():
        slip = '<span class="slip-note">原文如此</span>' if citation.slips else ""
        rows.append(
            f"<li><span>{number}</span>{sources.button(citation.source, citation, citation.source.label, 'label')}{slip}"
            f'<button type="button" class="copy" data-copy="{escape(citation.source.label)}"'
            f' aria-label="复制引用 {escape(citation.source.label)}">复制引用</button></li>'
        )
    return f'<ol class="sources" aria-label="出处">{"".join(rows)}</ol>'


class _Sources:
    """The articles that a turn points to, written once each and hidden until they are asked for."""

    def __init__(self, key: str, rules: dict[str, Regulation]) -> None:
        self._key = key
        self._rules = rules
        self._written: dict[tuple[Source, Citation | None], str] = {}

    def button(self, source: Source, citation: Citation | None, text: str, kind: str) -> str:
        """Write a button that shows a source."""
        number = (
            list(self._written).index((source, citation)) if (source, citation) in self._written else len(self._written)
        )
        self._written.setdefault((source, citation), self._article(source, citation))
        name = escape(f"查看出处：{source.label}")
        quote = escape(citation.quote) if citation else ""
        return (
            f'<button type="button" class="cite {kind}" data-source="{self._key}-s{number}" title="{escape(source.label)}'
            f'{"&#10;" + quote if quote else ""}" aria-label="{name}">{escape(text)}</button>'
        )

    def html(self) -> str:
        """Write the hidden sources."""
        return "".join(
            f'<div hidden id="{self._key}-s{number}">{text}</div>' for number, text in enumerate(self._written.values())
        )

    def _article(self, source: Source, citation: Citation | None) -> str:
        regulation = self._rules.get(source.locator.regulation)
        if regulation is None:
            return '<p class="error">这份规则已不在索引中。</p>'
        return article_html(regulation, source, citation)


def article_html(regulation: Regulation, source: Source, citation: Citation | None) -> str:
    """Write an article in its document, the quote highlighted and the slips of the source named."""
    locator = source.locator
    found = [a for a in regulation.articles if (a.number, a.branch) == (locator.article, locator.branch)]
    article: Article | None = found[0] if found else None
    text = article.text if article else regulation.notice
    chapter = str(article.chapter) if article and article.chapter else ("印发通知" if article is None else "")
    slips = [s for s in regulation.slips if article and s.article == article.number]
    heading = escape(source.label)
    issued = f"{escape(regulation.issued_on)} 印发" if regulation.issued_on else "印发日期不详"
    body = _marked(text, citation.span if citation else None, slips)
    copies = f'<button type="button" class="copy" data-copy="{heading}">复制引用</button>'
    if citation is not None:
        copies += f'<button type="button" class="copy" data-copy="“{escape(citation.quote)}”——{heading}">复制引文和出处</button>'
    return (
        f'<div class="document"><p class="title">{escape(label_document(regulation))}</p>'
        f'<p class="meta">{escape(regulation.county)} · {issued}{" · " + escape(chapter) if chapter else ""}</p>'
        f"<h3>{escape(str(locator)) if article is None else escape(_article_name(source))}</h3>"
        f'<div class="text">{body}</div><p class="actions">{copies}</p></div>'
    )


def _article_name(source: Source) -> str:
    locator = source.locator
    return str(type(locator)(locator.regulation, locator.article, locator.branch))


def _marked(text: str, mark: Span | None, slips: Sequence[Slip]) -> str:
    """Write a text line by line, with the quote in <mark> and slips underlined."""
    odd = [(Span(at, at + len(s.text)), s) for s in slips if (at := text.find(s.text)) >= 0]
    edges = {0, len(text), *(e for span, _ in odd for e in span), *(mark or ())}
    edges |= {i for i, c in enumerate(text) if c == "\n"} | {i + 1 for i, c in enumerate(text) if c == "\n"}
    cuts = sorted(edges)
    written = "<p>"
    for start, end in pairwise(cuts):
        run = text[start:end]
        if run == "\n":
            written += "</p><p>"
            continue
        piece = escape(run)
        for span, slip in odd:
            if span.start <= start and end <= span.end:
                note = '<sup class="slip-note">原文如此</sup>' if end == span.end else ""
                piece = f'<span class="slip" title="原文如此：{escape(slip.note)}">{piece}</span>{note}'
        written += f"<mark>{piece}</mark>" if mark and mark.start <= start and end <= mark.end else piece
    return written + "</p>"
