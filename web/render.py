"""Answers -> HTML. Every text of a document or a user is escaped, here and in the modules used here."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from assistant.answer import Answer, Citation, Refusal, Source, Statement, plain_text
from ingest.corpus import in_force
from ingest.law import Article, Regulation
from web.examples import SITUATIONS
from web.markup import escape, marks, t
from web.source import article_html, find_article, plain_article
from web.suggest import Suggestion
from web.texts import say

__all__ = ["Turn", "conversation", "escape"]

REASONS = ("missed", "miscited", "incomplete")
"""Why an answer is no use, by the names of their texts."""
_THUMB = (
    '<svg viewBox="0 0 20 20" aria-hidden="true"><path d="M2 9h3.2v9H2zM6.4 9.2 10 2c1.5 0 2.4 1 2.1 2.4L11.4 8h5.2'
    'c1 0 1.7.9 1.5 1.9l-1.3 6.6c-.2.9-.9 1.5-1.8 1.5H6.4z"/></svg>'
)
"""Drawn, since an office PC may have no font with 👍."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A question and, as far as it is there, its answer.

    Attributes:
        question: as asked.
        answer: None while it is being looked for.
        finished: whether the answer is complete.
        error: shown instead of an answer.
        stopped: whether the reader stopped it; what was there by then is shown.
        suggestions: questions that may follow.
        county: county that was chosen, or None.
        role: role that was chosen, or None.
        replaced: the turns that this one stands in for, since a question was edited; for undoing it.
        useful: what the reader said of the answer, or None.

    """

    question: str
    answer: Answer | None = None
    finished: bool = True
    error: str | None = None
    stopped: bool = False
    suggestions: tuple[Suggestion, ...] = ()
    county: str | None = None
    role: str | None = None
    replaced: tuple[Turn, ...] = ()
    useful: bool | None = None

    @property
    def running(self) -> bool:
        """Whether more is to come."""
        return not self.stopped and self.error is None and (self.answer is None or not self.finished)


def conversation(
    turns: Sequence[Turn],
    regulations: Iterable[Regulation],
    *,
    feedback: bool = False,
    notice: str = "",
    more: bool = False,
) -> str:
    """Write the whole conversation.

    Args:
        turns: oldest first; none gives the welcome with its examples.
        regulations: the documents that answers may cite.
        feedback: whether the reader can say what an answer is worth.
        notice: a sentence below the last turn.
        more: whether something is to come although the last turn is complete.

    """
    shelf = Shelf(regulations)
    running = more or (bool(turns) and turns[-1].running)
    said = f'<p class="notice" role="status">{escape(notice)}</p>' if notice else ""
    if not turns:
        return f'<div class="turns" data-running="false">{_welcome()}{said}</div>'
    written = []
    for n, turn in enumerate(turns):
        open_ = {"last": n == len(turns) - 1, "idle": not running, "feedback": feedback}
        written.append(_turn(n, turn, shelf, **open_))
    return (
        f'<div class="turns" role="log" aria-live="off"{marks("log", "aria-label")} data-running="{str(running).lower()}">'
        f"{''.join(written)}{said}</div>{shelf.html()}"
    )


def _welcome() -> str:
    groups = "".join(
        f'<section class="situation"><h3>{t_pair(situation.zh, situation.en)}</h3><ul>'
        + "".join(f"<li>{_ask_button(question)}</li>" for question in situation.questions)
        + "</ul></section>"
        for situation in SITUATIONS
    )
    return (
        f'<div class="welcome">{t("welcome", "h2")}{t("welcome_hint", "p", "hint")}'
        f'<div class="situations" role="group"{marks("examples", "aria-label")}>{groups}</div></div>'
    )


def t_pair(zh: str, en: str) -> str:
    """Write a name that carries its English with it."""
    return f'<span data-en="{escape(en)}">{escape(zh)}</span>'


def _ask_button(question: str, county: str | None = None, *, idle: bool = True) -> str:
    for_county = f' data-county="{escape(county)}"' if county else ""
    return (
        f'<button type="button" class="ask" data-ask="{escape(question)}"{for_county} lang="zh-CN"'
        f"{'' if idle else ' disabled'}>{escape(question)}</button>"
    )


def _turn(n: int, turn: Turn, shelf: Shelf, *, last: bool, idle: bool, feedback: bool) -> str:
    edit = (
        f'<button type="button" class="edit" data-edit="{n}" data-question="{escape(turn.question)}"'
        f"{marks('edit_name', 'aria-label', n=n + 1)}{'' if idle else ' disabled'}>{t('edit')}</button>"
    )
    asked = f'<div class="asked"><h2 lang="zh-CN">{escape(turn.question)}</h2>{edit}</div>'
    body = _replaced(n, turn, idle=idle)
    if turn.error is not None:
        body += f'<p class="error" role="alert">{escape(turn.error)}</p>'
    elif turn.answer is not None:
        body += _answer(n, turn, turn.answer, shelf, feedback=feedback)
    if turn.running:
        body += t(_waiting(turn.answer), "p", "busy")
    elif turn.stopped:
        body += t("stopped" if turn.answer else "stopped_empty", "p", "stopped")
    if turn.suggestions and last:
        asks = "".join(f"<li>{_ask_button(s.question, s.county, idle=idle)}</li>" for s in turn.suggestions)
        body += f'<div class="suggestions">{t("suggestions", "h3")}<ul>{asks}</ul></div>'
    return (
        f'<section class="turn" data-turn="{n}"{marks("turn", "aria-label", n=n + 1)}>{asked}'
        f'<div class="answered">{body}</div></section>'
    )


def _waiting(answer: Answer | None) -> str:
    """Name what is waited for."""
    if answer is None:
        return "running"
    return "running_rest" if len(answer.settled) < len(answer.counties) else "running_llm"


def _replaced(n: int, turn: Turn, *, idle: bool) -> str:
    if not turn.replaced or not idle:
        return ""
    undo = f'<button type="button" class="undo" data-undo="{n}">{t("undo")}</button>'
    return f'<p class="replaced">{t("replaced", count=len(turn.replaced))}{undo}</p>'


def _answer(n: int, turn: Turn, answer: Answer, shelf: Shelf, *, feedback: bool) -> str:
    numbers = {citation: number for number, citation in enumerate(answer.citations, start=1)}
    sources = _Sources(f"t{n}", shelf)
    parts: list[str] = []
    if answer.resolved != answer.question and len(answer.resolved) > len(answer.question):
        parts.append(t("understood", "p", "resolved", text=answer.resolved))
    if answer.difference:
        parts.append(f'<p class="difference">{escape(answer.difference)}</p>')
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
        parts.append(f'<p class="see-also">{t("see_also")}：{"、".join(links)}</p>')
    parts += [f'<p class="note">{escape(note)}</p>' for note in answer.notes]
    written = f'<div class="said" lang="zh-CN">{"".join(parts)}</div>{sources.html()}'
    return written if turn.running else written + _foot(n, answer, turn.useful, feedback=feedback)


def _foot(n: int, answer: Answer, useful: bool | None, *, feedback: bool) -> str:
    """Write who wrote the answer, and what can be done with it."""
    mode = ""
    if answer.statements:
        mode = f'<span class="mode">{t("llm" if answer.mode == "llm" else "extractive", "strong")} · {t("verbatim")}</span>'
    copy = f'<button type="button" class="copy" data-copy="{escape(plain_text(answer))}">{t("copy_answer")}</button>'
    return f'<div class="foot">{mode}<span class="tools">{copy}{_votes(n, useful) if feedback else ""}</span></div>'


def _votes(n: int, useful: bool | None) -> str:
    """Write the buttons that say what an answer is worth; the reasons open when it is no use."""
    up, down = (f' aria-pressed="{str(useful is pressed).lower()}"' for pressed in (True, False))
    reasons = "".join(
        f'<button type="button" data-vote="down" data-reason="{reason}">{t(reason)}</button>' for reason in REASONS
    )
    return (
        f'<span class="votes" role="group" data-of="{n}"{marks("vote", "aria-label")}>'
        f'<button type="button" data-vote="up"{marks("useful", "aria-label")}{up}>{_THUMB}</button>'
        f'<button type="button" class="down" data-vote="ask"{marks("useless", "aria-label")}{down} aria-expanded="false">{_THUMB}</button></span>'
        f'<span class="reasons" role="group" data-of="{n}"{marks("why", "aria-label")} hidden>{t("why")}{reasons}</span>'
    )


def _table(rows: Sequence[tuple[str | None, str]]) -> str:
    """Write a comparison, a row a county."""
    written = "".join(f'<tr><th scope="row">{escape(county or "—")}</th><td>{body}</td></tr>' for county, body in rows)
    return (
        f'<table class="compare"><thead><tr>{t("county_column", "th")}{t("rule_column", "th")}</tr></thead>'
        f"<tbody>{written}</tbody></table>"
    )


def _statement(statement: Statement, numbers: dict[Citation, int], sources: _Sources) -> str:
    cited = "".join(sources.button(c.source, c, str(numbers[c]), "mark-number") for c in statement.citations)
    lead = f'<span class="lead">{escape(statement.lead)}</span>' if statement.lead else ""
    lines = [f"<p>{escape(line)}" for line in statement.text.split("\n")]
    lines[0] = lines[0].replace("<p>", f"<p>{lead}", 1)
    return f'<div class="statement">{"</p>".join(lines)}{cited}</p></div>'


def _refusal(refusal: Refusal, sources: _Sources) -> str:
    listed = ""
    for key, places in (("nearest", refusal.nearest), ("elsewhere", refusal.elsewhere)):
        if places:
            rows = "".join(f"<li>{sources.button(s, None, s.label, 'label')}</li>" for s in places)
            listed += f'{t(key, "p", "nearest")}<ul class="nearest">{rows}</ul>'
    return (
        f'<div class="refusal"><p><strong>{escape(refusal.reason.value)}</strong>{escape(refusal.message)}</p>'
        f"{listed}</div>"
    )


def _list(numbers: dict[Citation, int], sources: _Sources) -> str:
    rows = []
    for citation, number in numbers.items():
        label = citation.source.label
        slip = t("slip", kind="slip-note") if citation.slips else ""
        rows.append(
            f'<li><span class="number">{number}</span><span class="label">'
            f"{sources.button(citation.source, citation, label, 'label')}{slip}"
            f'<span class="quoted">{escape(citation.quote)}</span></span>'
            f'<button type="button" class="copy" data-copy="{escape(label)}">{t("copy_citation")}</button></li>'
        )
    return f'<ol class="sources"{marks("sources", "aria-label")}>{"".join(rows)}</ol>'


class Shelf:
    """The documents, and the articles beside those cited, each written once for the whole conversation."""

    def __init__(self, regulations: Iterable[Regulation]) -> None:
        kept = list(regulations)
        self.rules = {r.id: r for r in kept}
        self.in_force: Collection[str] = {r.id for r in in_force(kept)}
        self._number = {r.id: n for n, r in enumerate(kept)}
        self._written: dict[str, Article] = {}

    def beside(self, regulation: Regulation, article: Article | None) -> list[tuple[str, Article]]:
        """Return the articles before and after one, each with the id of the element that holds its text."""
        if article is None:
            return []
        at = regulation.articles.index(article)
        near = [regulation.articles[n] for n in (at - 1, at + 1) if 0 <= n < len(regulation.articles)]
        keyed = [(f"a{self._number[regulation.id]}-{a.number}-{a.branch or 0}", a) for a in near]
        self._written.update(keyed)
        return keyed

    def html(self) -> str:
        """Write those articles, hidden."""
        each = "".join(f'<div id="{key}">{plain_article(article)}</div>' for key, article in self._written.items())
        return f'<div class="shelf" lang="zh-CN" hidden>{each}</div>'


class _Sources:
    """The articles that a turn points to, written once each and hidden until they are asked for."""

    def __init__(self, key: str, shelf: Shelf) -> None:
        self._key = key
        self._shelf = shelf
        self._written: dict[tuple[Source, Citation | None], str] = {}

    def button(self, source: Source, citation: Citation | None, text: str, kind: str) -> str:
        """Write a button that shows a source."""
        self._written.setdefault((source, citation), self._article(source, citation))
        number = list(self._written).index((source, citation))
        label = escape(source.label)
        quote = f' data-quote="{escape(citation.quote)}"' if citation else ""
        name = f' aria-label="{escape(say("sources"))} {escape(text)}：{label}"' if kind == "mark-number" else ""
        return (
            f'<button type="button" class="cite {kind}" data-source="{self._key}-s{number}" data-label="{label}"'
            f"{quote}{name}>{escape(text)}</button>"
        )

    def html(self) -> str:
        """Write the hidden sources."""
        return "".join(
            f'<div hidden class="source" data-of="{self._key}" id="{self._key}-s{number}">{text}</div>'
            for number, text in enumerate(self._written.values())
        )

    def _article(self, source: Source, citation: Citation | None) -> str:
        regulation = self._shelf.rules.get(source.locator.regulation)
        if regulation is None:
            return t("gone", "p", "error")
        beside = self._shelf.beside(regulation, find_article(regulation, source.locator))
        current = regulation.id in self._shelf.in_force
        return article_html(
            regulation, source, citation, list(self._shelf.rules.values()), in_force=current, neighbours=beside
        )
