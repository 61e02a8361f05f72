"""The compare tab: one matter in several counties, and two documents article by article."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

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
from web.reader import issued
from web.render import escape

log = logging.getLogger("xiangui")

TOPICS = tuple((Path(__file__).parent / "topics.txt").read_text(encoding="utf-8").split("\n")[:-1])
"""Matters that most rules settle, as everyday questions."""
SHOWN = ("全部条文", "数字、期限不同的", "只有一方有的")
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
            f'<div class="said">{_lines(s.lead, s.text)}<p class="from">{_cited(s.citations, rules, regulations)}</p></div>'
            for s in statements
        )
        refused = "".join(
            f'<div class="unsaid"><p><strong>{escape(r.reason.value)}</strong>　{escape(r.message)}</p>'
            + (f'<p class="from">最接近的条文：{_sources(r.nearest, rules, regulations)}</p>' if r.nearest else "")
            + "</div>"
            for r in refusals
        )
        if said or refused:
            rows.append(f'<tr><th scope="row">{escape(county or "—")}</th><td>{said}{refused}</td></tr>')
    difference = f'<p class="difference">{escape(answer.difference)}</p>' if answer.difference else ""
    notes = "".join(f'<p class="note">{escape(note)}</p>' for note in answer.notes)
    return (
        f'<div role="status"><h3>{escape(answer.question)}</h3>{difference}</div>'
        '<table class="counties"><thead><tr><th scope="col">县</th><th scope="col">规定</th></tr></thead>'
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
        return '<p class="error" role="alert">两边选的是同一份规则，请换一份。</p>'
    names = _names(left, right)
    rows = [_Row(pair) for pair in align(left, right)]
    kept = [row for row in rows if row.belongs(shown)]
    body = "".join(row.html((left, right), names, regulations) for row in kept)
    paired = sum(row.paired for row in rows)
    figures = sum(row.belongs(SHOWN[1]) for row in rows)
    alone = [sum(row.pair.right is None for row in rows), sum(row.pair.left is None for row in rows)]
    count = (
        f"对上 {paired} 条，其中 {figures} 条的数字、期限不同；"
        f"只有{names[0]}有的 {alone[0]} 条，只有{names[1]}有的 {alone[1]} 条。"
    )
    heads = "".join(
        f"<p><b>{escape(name)}</b> 《{escape(r.title)}》<br><small>{escape(r.doc_number or issued(r))}</small></p>"
        for name, r in zip(names, (left, right), strict=True)
    )
    nothing = "" if kept else '<p class="hint">没有这样的条文。</p>'
    return (
        f'<p role="status" class="count">{escape(count)}</p>{_legend(names)}'
        f'<div class="sides heads">{heads}</div>{nothing}<ol class="pairs">{body}</ol>'
    )


def _names(left: Regulation, right: Regulation) -> tuple[str, str]:
    if left.county != right.county:
        return left.county, right.county
    return tuple(f"{r.county}（{(r.issued_on or '日期不详')[:4]}）" for r in (left, right))  # type: ignore[return-value]


def _legend(names: tuple[str, str]) -> str:
    return (
        '<p class="legend"><b>图例</b> '
        f'<span><mark class="only one">实线</mark> 只有{escape(names[0])}写了</span> '
        f'<span><mark class="only two">虚线</mark> 只有{escape(names[1])}写了</span> '
        '<span><strong class="figure">3天</strong> 数字、期限，对方没有</span> '
        "<span>没有线的文字两边相同</span></p>"
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
        told = f'<p class="figures">数字、期限不同：{escape("；".join(figures))}</p>' if figures else ""
        return f'<li><p class="state">{escape(self._state(names))}</p><div class="sides">{cells}</div>{told}</li>'

    def _state(self, names: tuple[str, str]) -> str:
        if not self.paired:
            return f"只有{names[0 if self.pair.left is not None else 1]}有"
        if not any(side.only for side in self.sides):
            state = "文字相同"
        else:
            state = "部分相近" if self.pair.likeness < _PARTLY else "相近"
        return state + ("，位置不同" if self.pair.moved else "")

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
                return f'<div class="side none"><p>{escape(names[at])}没有对应的条文</p></div>'
            link = _link(rule, near, regulations)
            return f'<div class="side none"><p>{escape(names[at])}没有单独的条文，相近内容在{link}</p></div>'
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


# the tab -------------------------------------------------------------------------------------


def compare_tab(assistant: Assistant, browse: Browse) -> None:
    """Lay the tab out; to be called inside ``gr.Tab``.

    Args:
        assistant: who answers.
        browse: the browse tab, where links to articles open.

    """

    def answer(topic: str, counties: list[str]) -> str:
        if not (topic or "").strip():
            return '<p class="error" role="alert">请先选一件事，或自己写一个问题。</p>'
        if not counties:
            return '<p class="error" role="alert">请至少选一个县。</p>'
        try:
            return comparison(ask(assistant, topic.strip()[:_LONGEST], counties), assistant.index.regulations)
        except XianguiError as error:
            return f'<p class="error" role="alert">{escape(str(error))}</p>'
        except Exception:  # the page must outlive any one question; the log has the trace
            log.exception("a comparison failed")
            return '<p class="error" role="alert">没能对照，请换个说法再试。</p>'

    def documents(left: str, right: str, shown: str) -> str:
        regulations = assistant.index.regulations
        rules = {r.id: r for r in regulations}
        if left not in rules or right not in rules:
            return '<p class="error" role="alert">请在两边各选一份规则。</p>'
        return beside(rules[left], rules[right], regulations, shown)

    quiet = {"show_progress": "hidden", "api_visibility": "private"}
    parts = []
    with gr.Column(elem_id="compare"):
        gr.HTML('<h2 class="rule-title">一件事，各县怎么规定</h2>', js_on_load=None, apply_default_css=False)
        with gr.Row():
            topic = gr.Dropdown(
                list(TOPICS),
                value=TOPICS[0],
                allow_custom_value=True,
                label="什么事",
                info="选一件，或直接写一个问题",
                scale=2,
                min_width=280,
                elem_id="compare-topic",
            )
            counties = gr.CheckboxGroup(
                assistant.counties,
                value=assistant.counties,
                label="哪些县",
                scale=2,
                min_width=280,
                elem_id="compare-counties",
            )
        start = gr.Button("对照", variant="primary", elem_id="compare-ask")
        parts.append(gr.HTML("", js_on_load=SCRIPT, apply_default_css=False, elem_id="compare-table"))
        gr.on([start.click], answer, [topic, counties], parts[0], **quiet)

        gr.HTML('<h2 class="rule-title">两份规则，逐条对照</h2>', js_on_load=None, apply_default_css=False)
        choices = [(f"{r.county}　{r.doc_number or issued(r)}", r.id) for r in assistant.index.regulations]
        first, second = choices[0][1], choices[min(1, len(choices) - 1)][1]
        with gr.Row():
            left = gr.Dropdown(choices, value=first, label="左边", min_width=240, elem_id="compare-left")
            right = gr.Dropdown(choices, value=second, label="右边", min_width=240, elem_id="compare-right")
            shown = gr.Radio(list(SHOWN), value=SHOWN[0], label="显示", min_width=280, elem_id="compare-shown")
        lay = gr.Button("逐条对照", elem_id="compare-lay")
        parts.append(gr.HTML("", js_on_load=SCRIPT, apply_default_css=False, elem_id="compare-documents"))
        gr.on([lay.click, shown.change], documents, [left, right, shown], parts[1], **quiet)
    for part in parts:
        part.visit(browse.visit, None, browse.outputs, **quiet)
