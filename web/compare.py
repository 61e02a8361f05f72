"""The compare tab: one matter in several counties, and two documents article by article."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import gradio as gr

from assistant.answer import Answer, Citation, Source
from assistant.ask import Assistant
from assistant.places import short_name
from ingest.corpus import locate
from ingest.errors import XianguiError
from ingest.law import Article, Regulation
from web.align import Pair, align
from web.browse import SCRIPT, Browse
from web.differ import Side, differ
from web.links import link_to
from web.marks import Mark, provisions, slips_of
from web.markup import escape, t
from web.reader import issued
from web.source import issued as issued_html
from web.texts import say

log = logging.getLogger("xiangui")

TOPICS = tuple((Path(__file__).parent / "topics.txt").read_text(encoding="utf-8").split("\n")[:-1])
"""Matters that most rules settle, as everyday questions."""
SHOWN = (say("shown_all"), say("shown_figures"), say("shown_alone"))
_LONGEST = 500
_PARTLY = 0.3
"""Likeness below which two articles have only part in common."""


# one matter ----------------------------------------------------------------------------------


def ask(assistant: Assistant, topic: str, counties: Sequence[str]) -> Answer:
    """Put a question to the rules of several counties; those named in the question come first."""
    named = "、".join(counties) + "：" if 0 < len(counties) < len(assistant.counties) else ""
    return assistant.ask(f"{named}{topic}")


def comparison(answer: Answer, regulations: Sequence[Regulation]) -> str:
    """Write an answer as a table, a row a county, each citation a link to its article."""
    rules = {r.id: r for r in regulations}
    rows = []
    for county, statements, refusals in answer.grouped:
        said = "".join(
            f'<div class="statement">{_lines(s.lead, s.text)}</div><p class="from">{_cited(s.citations, rules, regulations)}</p>'
            for s in statements
        )
        refused = "".join(
            f'<div class="refusal"><p><strong>{escape(r.reason.value)}</strong>{escape(r.message)}</p>'
            + (f'<p class="nearest">{t("nearest")}：{_sources(r.nearest, rules, regulations)}</p>' if r.nearest else "")
            + "</div>"
            for r in refusals
        )
        if said or refused:
            rows.append(f'<tr><th scope="row">{escape(county or "—")}</th><td>{said}{refused}</td></tr>')
    difference = f'<p class="difference">{escape(answer.difference)}</p>' if answer.difference else ""
    notes = "".join(f'<p class="note">{escape(note)}</p>' for note in answer.notes)
    return (
        f'<div role="status"><h3 lang="zh-CN">{escape(answer.question)}</h3>{difference}</div>'
        f'<table class="compare counties"><thead><tr>{t("county_column", "th")}{t("rule_column", "th")}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table>{notes}"
    )


def _lines(lead: str, text: str) -> str:
    first, *rest = text.split("\n")
    opened = f'<span class="lead">{escape(lead)}</span>' if lead else ""
    return f"<p>{opened}{escape(first)}</p>" + "".join(f"<p>{escape(line)}</p>" for line in rest)


def _cited(citations: Sequence[Citation], rules: dict[str, Regulation], regulations: Sequence[Regulation]) -> str:
    return _sources(list(dict.fromkeys(c.source for c in citations)), rules, regulations)


def _sources(sources: Sequence[Source], rules: dict[str, Regulation], regulations: Sequence[Regulation]) -> str:
    written = []
    for source in sources:
        rule = rules.get(source.locator.regulation)
        name = escape(source.label)
        written.append(
            f'<a href="{escape(link_to(rule, regulations, source.locator))}">{name}</a>' if rule is not None else name
        )
    return "；".join(written)


# two documents -------------------------------------------------------------------------------


def beside(left: Regulation, right: Regulation, regulations: Sequence[Regulation], shown: str = SHOWN[0]) -> str:
    """Write two documents side by side.

    Args:
        left: one document.
        right: the other.
        regulations: all documents, for links.
        shown: one of ``SHOWN``.

    """
    if left.id == right.id:
        return _told("compare_same")
    names = _names(left, right)
    rows = [_Row(pair) for pair in align(left, right)]
    kept = [row for row in rows if row.belongs(shown)]
    body = "".join(row.html((left, right), names, regulations) for row in kept)
    paired = sum(row.paired for row in rows)
    figures = sum(row.belongs(SHOWN[1]) for row in rows)
    alone = [sum(row.pair.right is None for row in rows), sum(row.pair.left is None for row in rows)]
    given: dict[str, Any] = {"left": names[0], "right": names[1], "first": alone[0], "second": alone[1]}
    count = t("compare_count", paired=paired, figures=figures, **given)
    heads = "".join(
        f"<p><b>{escape(name)}</b> 《{escape(r.title)}》<br><small>{escape(r.doc_number) if r.doc_number else issued_html(r)}</small></p>"
        for name, r in zip(names, (left, right), strict=True)
    )
    nothing = "" if kept else t("compare_nothing", "p", "hint")
    return (
        f'<p role="status" class="count">{count}</p>{_legend(names)}'
        f'<div class="sides heads">{heads}</div>{nothing}<ol class="pairs">{body}</ol>'
    )


def _names(left: Regulation, right: Regulation) -> tuple[str, str]:
    if left.county != right.county:
        return left.county, right.county
    return tuple(f"{r.county}（{(r.issued_on or '日期不详')[:4]}）" for r in (left, right))  # type: ignore[return-value]


def _legend(names: tuple[str, str]) -> str:
    return (
        f'<p class="legend">{t("legend", "b")} '
        f"<span>{t('legend_solid', 'mark', 'only one')} {t('legend_only', name=names[0])}</span> "
        f"<span>{t('legend_dashed', 'mark', 'only two')} {t('legend_only', name=names[1])}</span> "
        f'<span><strong class="figure">3天</strong> {t("legend_figure")}</span> {t("legend_rest")}</p>'
    )


class _Row:
    """A pair of articles with what differs between them."""

    def __init__(self, pair: Pair) -> None:
        self.pair = pair
        self.sides: tuple[Side, Side] = (Side((), ()), Side((), ()))
        if pair.left is not None and pair.right is not None:
            self.sides = _differ(pair.left.text, pair.right.text)

    @property
    def paired(self) -> bool:
        return self.pair.left is not None and self.pair.right is not None

    def belongs(self, shown: str) -> bool:
        """Tell whether the row is among those to be shown."""
        if shown == SHOWN[1]:
            return any(side.figures for side in self.sides)
        return shown != SHOWN[2] or not self.paired

    def html(
        self, rules: tuple[Regulation, Regulation], names: tuple[str, str], regulations: Sequence[Regulation]
    ) -> str:
        articles = (self.pair.left, self.pair.right)
        cells = "".join(self._cell(at, article, rules, names, regulations) for at, article in enumerate(articles))
        figures = [
            f"{names[at]}“{'”“'.join(dict.fromkeys(article.text[slice(*s)] for s in self.sides[at].figures))}”"
            for at, article in enumerate(articles)
            if article is not None and self.sides[at].figures
        ]
        told = f'<p class="figures">{t("figures")}：{escape("；".join(figures))}</p>' if figures else ""
        return f'<li><p class="state">{self._state(names)}</p><div class="sides">{cells}</div>{told}</li>'

    def _state(self, names: tuple[str, str]) -> str:
        if not self.paired:
            return t("state_alone", name=names[0 if self.pair.left is not None else 1])
        if not any(side.only for side in self.sides):
            state = "state_same"
        else:
            state = "state_partly" if self.pair.likeness < _PARTLY else "state_like"
        return t(state) + (t("state_moved") if self.pair.moved else "")

    def _cell(
        self,
        at: int,
        article: Article | None,
        rules: tuple[Regulation, Regulation],
        names: tuple[str, str],
        regulations: Sequence[Regulation],
    ) -> str:
        rule = rules[at]
        if article is None:
            near = self.pair.near
            if near is None:
                return f'<div class="side none">{t("side_none", "p", name=names[at])}</div>'
            link = _link(rule, near, regulations)
            return f'<div class="side none"><p>{t("side_near", name=names[at])} {link}</p></div>'
        kind = "only one" if at == 0 else "only two"
        marks = [Mark(span, "strong", "figure") for span in self.sides[at].figures]
        marks += [Mark(span, "mark", kind) for span in self.sides[at].only]
        marks += slips_of(article, rule.slips)
        head = f"<h3><span>{escape(short_name(names[at]))}</span> {_link(rule, article, regulations)}</h3>"
        return f'<div class="side">{head}{provisions(article, marks)}</div>'


@lru_cache(maxsize=2048)
def _differ(left: str, right: str) -> tuple[Side, Side]:
    return differ(left, right)


def _link(rule: Regulation, article: Article, regulations: Sequence[Regulation]) -> str:
    locator = locate(rule, article)
    return f'<a href="{escape(link_to(rule, regulations, locator))}">{escape(str(locator))}</a>'


def _told(key: str) -> str:
    """Write what is wrong."""
    return f'<p class="error" role="alert">{t(key)}</p>'


# the tab -------------------------------------------------------------------------------------


def compare_tab(assistant: Assistant, browse: Browse) -> None:
    """Lay the tab out; to be called inside ``gr.Tab``.

    Args:
        assistant: who answers.
        browse: the browse tab, where links to articles open.

    """

    def answer(topic: str, counties: list[str]) -> Iterator[str]:
        if not (topic or "").strip() or not counties:
            yield _told("compare_no_counties" if topic else "compare_no_topic")
            return
        yield t("running", "p", "busy")
        try:
            yield comparison(ask(assistant, topic.strip()[:_LONGEST], counties), assistant.index.regulations)
        except XianguiError as error:
            yield f'<p class="error" role="alert">{escape(str(error))}</p>'
        except Exception:  # the page must outlive any one question; the log has the trace
            log.exception("a comparison failed")
            yield _told("compare_failed")

    def documents(left: str, right: str, shown: str) -> str:
        regulations = assistant.index.regulations
        rules = {r.id: r for r in regulations}
        if left not in rules or right not in rules:
            return _told("compare_no_documents")
        return beside(rules[left], rules[right], regulations, shown)

    quiet = {"show_progress": "hidden", "api_visibility": "private"}
    parts = []
    with gr.Column(elem_id="compare"):
        gr.HTML(t("compare_matter", "h2", "rule-title"), js_on_load=None, apply_default_css=False)
        with gr.Row(elem_classes="fields"):
            topic = gr.Dropdown(
                list(TOPICS),
                value=TOPICS[0],
                allow_custom_value=True,
                label=say("topic"),
                info=say("topic_info"),
                scale=2,
                min_width=280,
                elem_id="compare-topic",
            )
            counties = gr.CheckboxGroup(
                assistant.counties,
                value=assistant.counties,
                label=say("counties"),
                scale=2,
                min_width=280,
                elem_id="compare-counties",
            )
        start = gr.Button(say("compare"), variant="primary", min_width=96, scale=0, elem_id="compare-ask")
        parts.append(
            gr.HTML("", js_on_load=SCRIPT, apply_default_css=False, elem_id="compare-table", elem_classes="own")
        )
        gr.on([start.click], answer, [topic, counties], parts[0], **quiet)

        gr.HTML(t("compare_articles", "h2", "rule-title"), js_on_load=None, apply_default_css=False)
        choices = [(f"{r.county}　{r.doc_number or issued(r)}", r.id) for r in assistant.index.regulations]
        first, second = choices[0][1], choices[min(1, len(choices) - 1)][1]
        with gr.Row(elem_classes="fields"):
            left = gr.Dropdown(choices, value=first, label=say("left"), min_width=240, elem_id="compare-left")
            right = gr.Dropdown(choices, value=second, label=say("right"), min_width=240, elem_id="compare-right")
            shown = gr.Radio(list(SHOWN), value=SHOWN[0], label=say("shown"), min_width=280, elem_id="compare-shown")
        lay = gr.Button(say("compare_lay"), variant="primary", min_width=96, scale=0, elem_id="compare-lay")
        parts.append(
            gr.HTML("", js_on_load=SCRIPT, apply_default_css=False, elem_id="compare-documents", elem_classes="own")
        )
        gr.on([lay.click, shown.change], documents, [left, right, shown], parts[1], **quiet)
    for part in parts:
        part.visit(browse.visit, None, browse.outputs, **quiet)
