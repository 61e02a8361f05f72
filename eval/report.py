"""A run folder -> what a reader wants to know: figures by type and county, and each failure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from eval.case import TYPES, Case, read_cases
from eval.intervals import Weighted, interval, mean_of_means
from eval.metrics import SCORERS, Score, Summary, summarise, weigh
from eval.run import PREDICTIONS, RUN, SCORES
from ingest.errors import CaseError

NAMES = {
    "hit@1": "首条命中",
    "recall@5": "前五召回",
    "recall@10": "前十召回",
    "mrr": "首个正确的位次倒数",
    "ndcg@10": "nDCG@10",
    "citation_precision": "引用准确",
    "citation_recall": "引用完整",
    "paragraph_precision": "款准确",
    "paragraph_recall": "款完整",
    "item_precision": "项准确",
    "item_recall": "项完整",
    "county_right": "县不错",
    "facts": "要点",
    "verbatim": "逐字",
    "grounded": "有据",
    "refusal_right": "应拒已拒",
    "refusal_wrong": "误拒",
    "cell_right": "逐格正确",
    "cell_silenced": "误作未规定",
    "cell_shown": "逐县都答",
    "strict": "全对",
    "concision": "简洁",
    "length_ratio": "篇幅倍数",
    "latency_ms": "毫秒",
}


TYPE_NAMES = {
    "fact": "事实",
    "procedure": "程序",
    "list": "清单",
    "article_lookup": "按条号查",
    "colloquial": "口语",
    "scenario": "情景",
    "comparison": "多县比较",
    "multi_turn": "追问",
    "unanswerable": "规则未规定",
}


class Run(NamedTuple):
    """What a run folder holds, in the order of the cases.

    Attributes:
        groups: what the cases are grouped by (type, county, …): a case's labels.
        made_with: what ``run.json`` says.

    """

    cases: tuple[Case, ...]
    predictions: list[Mapping[str, Any]]
    scores: list[Mapping[str, Score]]
    groups: Mapping[str, list[tuple[str, ...]]] = MappingProxyType({})
    made_with: Mapping[str, Any] = MappingProxyType({})


def type_name(kind: str) -> str:
    """Name a type of case in Chinese."""
    return TYPE_NAMES.get(kind, kind)


def read_run(folder: Path) -> Run:
    """Read a finished run.

    Raises:
        CaseError: the folder holds no finished run.

    """
    try:
        cases = read_cases(folder / "cases.jsonl")
        predictions = [json.loads(line) for line in (folder / PREDICTIONS).read_text(encoding="utf-8").splitlines()]
        rows = [json.loads(line) for line in (folder / SCORES).read_text(encoding="utf-8").splitlines()]
        made_with = json.loads((folder / RUN).read_text(encoding="utf-8"))
        scores: list[Mapping[str, Score]] = [{name: Score(**row[name]) for name in SCORERS} for row in rows]
        if not len(cases) == len(predictions) == len(rows):
            raise CaseError("用例、预测、得分的行数不同")
        return Run(cases, predictions, scores, _groups(rows), made_with)
    except (CaseError, OSError, ValueError, KeyError, TypeError) as error:
        raise CaseError(
            f"{folder} 里没有完整的一次运行（{error}）。请先运行：python -m eval run --out {folder}"
        ) from error


def _groups(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[tuple[str, ...]]]:
    """Find what rows of scores are labelled with: whatever is text, or a list of texts, in one of them."""
    names = [name for name in dict.fromkeys(name for row in rows for name in row) if name not in {"id", *SCORERS}]
    labels = {name: [_labels(row.get(name)) for row in rows] for name in names}
    return {name: found for name, found in labels.items() if any(found)}


def _labels(value: object) -> tuple[str, ...]:
    labels = value if isinstance(value, list) else [value]
    return tuple(dict.fromkeys(label for label in labels if isinstance(label, str) and label))


def summary(run: Run, where: Sequence[bool] | None = None) -> dict[str, Summary | None]:
    """Summarise every score, over all cases or those marked in ``where``."""
    kept = [i for i in range(len(run.cases)) if where is None or where[i]]
    cases = [run.cases[i] for i in kept]
    scores = [run.scores[i] for i in kept]
    return {name: summarise(cases, scores, name) for name in SCORERS}


def render(run: Run, most_failures: int = 30) -> RenderableType:
    """Lay a run out for the terminal."""
    overall = summary(run)
    table = Table(title=f"评测结果（{len(run.cases)} 例）")
    for column in ("", "平均", "95% 区间", "例数"):
        table.add_column(column, justify="right" if column else "left")
    for name in SCORERS:
        value = overall[name]
        if value is not None:
            shown = value.interval if name not in MEDIANS else None
            table.add_row(
                NAMES[name], _cell(name, value), f"{shown.low:.3f}–{shown.high:.3f}" if shown else "", str(value.count)
            )
    groups = Table(title="按类型和按县")
    groups.add_column("")
    groups.add_column("例数", justify="right")
    for name in _BY_GROUP:
        groups.add_column(NAMES[name], justify="right")
    for attribute in ("type", "county"):
        labels = [str(getattr(case, attribute)) for case in run.cases]
        for label in dict.fromkeys(labels):
            marks = [other == label for other in labels]
            figures = summary(run, marks)
            groups.add_row(label, str(sum(marks)), *(_cell(name, figures[name]) for name in _BY_GROUP))
        groups.add_section()
    lines = [
        Text(f"{case.id} {case.question}\n    {'；'.join(why)}")
        for case, row in zip(run.cases, run.scores, strict=True)
        if (why := [f"{NAMES[name]} {value.why}" for name, value in row.items() if value.why])
    ]
    more = [Text(f"……另有 {len(lines) - most_failures} 例，见 {SCORES}")] if len(lines) > most_failures else []
    return Group(table, groups, Text("不足之处：") if lines else Text("没有不足之处。"), *lines[:most_failures], *more)


def render_left_out(runs: Mapping[str, Run]) -> RenderableType:
    """Lay out what each county gets that was left out, and the mean of them."""
    table = Table(title="每县各自没有题库时（平均为各县之平均，方括号内为 95% 区间）")
    table.add_column("")
    for name in _LEFT_OUT:
        table.add_column(name, justify="right")
    for county, run in runs.items():
        table.add_row(county, *(_mean([weighted]) for weighted in _left_out(run)))
    columns = zip(*(_left_out(run) for run in runs.values()), strict=True)
    table.add_section()
    table.add_row("平均", *(_mean([rows for rows in column if rows]) for column in columns))
    return table


_LEFT_OUT = {
    "首条命中": ("hit@1", TYPES),
    "前五召回": ("recall@5", TYPES),
    "口语和情景首条命中": ("hit@1", ("colloquial", "scenario")),
    "误拒": ("refusal_wrong", TYPES),
    "应拒已拒": ("refusal_right", TYPES),
    "全对": ("strict", TYPES),
}


def _left_out(run: Run) -> list[list[Weighted]]:
    found = []
    for name, types in _LEFT_OUT.values():
        kept = [i for i, case in enumerate(run.cases) if case.type in types]
        found.append(weigh([run.cases[i] for i in kept], [run.scores[i] for i in kept], name))
    return found


def _mean(groups: Sequence[Sequence[Weighted]]) -> str:
    if not all(groups):
        return "—"
    between = interval(groups)
    shown = f" [{between.low:.3f}, {between.high:.3f}]" if between else ""
    return f"{mean_of_means(groups):.3f}{shown} ({sum(map(len, groups))})"


MEDIANS = ("latency_ms", "length_ratio")
"""Scores that are shown by their middle, and not by their mean."""
_BY_GROUP = (
    "hit@1",
    "recall@5",
    "citation_precision",
    "citation_recall",
    "facts",
    "refusal_right",
    "refusal_wrong",
    "strict",
    "length_ratio",
    "latency_ms",
)


def _cell(name: str, value: Summary | None) -> str:
    if value is None:
        return "—"
    if name == "latency_ms":
        return f"{value.median:.0f}"
    if name == "length_ratio":
        return f"{value.median:.1f}/{value.p90:.1f}"
    return f"{value.mean:.3f}"
