"""A run folder -> one HTML file, in Chinese, that needs nothing else: for who decides whether to use the assistant."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from eval.case import TYPES, Case
from eval.intervals import Interval, Weighted, interval, mean_of_means
from eval.labels import GROUPS, JUDGED, NOTES, OTHER, SECTIONS, section
from eval.metrics import SCORERS, Score, Summary, summarise
from eval.origin import command, date, made_with_rows, origin
from eval.plots import Bin, bins, latency, reliability, stacked, thresholds, trade
from eval.report import MEDIANS, NAMES, Run, read_run, type_name
from eval.verdict import (
    GUARDED,
    GUARDED_HARM,
    MEANING,
    READY,
    READY_HARM,
    Outcome,
    gold_article,
    outcome,
    percent,
    share,
    verdict,
    why,
)

REPORT = "report.html"
JUDGE = "judge.jsonl"
COLOURS: dict[str, str] = {
    Outcome.RIGHT: "#2f6f4f",
    Outcome.PARTIAL: "#f0c75e",
    Outcome.WRONG: "#b3541e",
    Outcome.SILENCED: "#6b2c55",
}
_WORTH = 0.03
"""Least gain in the share right that is worth answering less for."""
_WORST_FIRST = (Outcome.SILENCED, Outcome.WRONG, Outcome.PARTIAL, Outcome.RIGHT)
_MANY = 24
_FEW = 3
_REST = "其余"


class Row(NamedTuple):
    """A figure as it is shown."""

    name: str
    note: str
    value: str
    range: str
    cases: int


class Shown(NamedTuple):
    """A case as it is shown: what was asked, what was said, what would have been right, and why it is not.

    Attributes:
        found: articles found, five a county, best first, each with whether it answers.
        cited: articles cited, once each.

    """

    case: Case
    prediction: Mapping[str, Any]
    outcome: Outcome
    kind: str
    counties: tuple[str, ...]
    found: Mapping[str, list[tuple[str, bool]]]
    cited: list[str]
    why: list[tuple[str, str]]


def write_report(folder: Path, out: Path | None = None) -> Path:
    """Write the report of a finished run and return where; the same run gives the same bytes.

    Raises:
        CaseError: the folder holds no finished run.

    """
    path = out or folder / REPORT
    written = render_html(read_run(folder), _judged(folder))
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".part")
    draft.write_text(written, encoding="utf-8")
    os.replace(draft, path)
    return path


def render_html(run: Run, judged: Sequence[Mapping[str, Any]] = ()) -> str:
    """Lay a run out as a page; what a language model judged of it stands in a table of its own."""
    outcomes = [outcome(row) for row in run.scores]
    here = Path(__file__).parent
    script = (here / "report.js").read_text(encoding="utf-8")
    pages = Environment(
        loader=FileSystemLoader(here), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    shown = [_shown(*row, o) for row, o in zip(zip(*run[:3], strict=True), outcomes, strict=True)]
    return pages.get_template("report.html.j2").render(
        verdict=verdict(run, outcomes),
        cards=[(o, share([other is o for other in outcomes]), MEANING[o], COLOURS[o]) for o in Outcome],
        lines=(percent(READY), percent(READY_HARM), percent(GUARDED), percent(GUARDED_HARM)),
        sections=_sections(run),
        judged=_judgements(judged),
        judge=next((row["model"] for row in judged), ""),
        groups=list(_groups(run, outcomes)),
        plots=list(_plots(run, outcomes)),
        shown=shown,
        failures=[s for o in _WORST_FIRST for s in shown if s.outcome is o and (s.why or o is not Outcome.RIGHT)],
        types=list(dict.fromkeys(s.kind for s in shown)),
        counties=list(dict.fromkeys(county for s in shown for county in s.counties)),
        outcomes=list(Outcome),
        made_with=list(made_with_rows(run.made_with)),
        command=command(run.made_with),
        origin=origin(run.made_with),
        date=date(run.made_with.get("finished_at")),
        tuned=Path(str(run.made_with.get("cases", ""))).stem == "dev",
        percent=percent,
        style=Markup((here / "report.css").read_text(encoding="utf-8")),
        script=Markup(script),
        digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def _sections(run: Run) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {title: [] for title in [*SECTIONS, OTHER]}
    for name in SCORERS:
        value = summarise(run.cases, run.scores, name)
        if value is not None:
            found[section(name)].append(_row(name, value))
    return {title: rows for title, rows in found.items() if rows}


def _judged(folder: Path) -> list[Mapping[str, Any]]:
    """Read what a language model judged of the answers, a row a case; nothing where none was asked."""
    path = folder / JUDGE
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def _judgements(judged: Sequence[Mapping[str, Any]]) -> list[Row]:
    found = []
    for name in JUDGED:
        values = [Weighted(row[name]["value"], 1) for row in judged if row[name]["value"] is not None]
        if values:
            found.append(
                Row(JUDGED[name], "", f"{mean_of_means([values]):.1%}", _ends(interval([values])), len(values))
            )
    return found


def _ends(found: Interval | None) -> str:
    return f"{found.low:.1%}–{found.high:.1%}" if found else ""


def _row(name: str, value: Summary) -> Row:
    label, note = NAMES.get(name, name), NOTES.get(name, "")
    if name in MEDIANS:
        digits = 0 if name == "latency_ms" else 1
        return Row(label, note, f"{value.median:.{digits}f} / {value.p90:.{digits}f}", "", value.count)
    return Row(label, note, f"{value.mean:.1%}", _ends(value.interval), value.count)


def _groups(run: Run, outcomes: Sequence[Outcome]) -> Iterator[tuple[str, dict[str, Counter[str]], Markup]]:
    """Count how cases ended, by each thing that they are grouped by, and draw it."""
    for name, labels in run.groups.items():
        counts: dict[str, Counter[str]] = {}
        for own, o in zip(labels, outcomes, strict=True):
            for label in own:
                counts.setdefault(label, Counter())[o] += 1
        title = GROUPS.get(name, name)
        rows = _gathered(counts, name)
        picture = stacked(
            f"by-{len(title)}-{name}", f"按{title}：各有多少题全对、不完整、引错、误说未规定", rows, COLOURS
        )
        yield title, rows, Markup(picture)


def _gathered(counts: Mapping[str, Counter[str]], name: str) -> dict[str, Counter[str]]:
    """Name and order the groups; those with the fewest cases are put together at the end."""
    if name == "type":
        ordered = sorted(counts, key=lambda kind: TYPES.index(kind) if kind in TYPES else len(TYPES))
        return {type_name(kind): counts[kind] for kind in ordered}
    ordered = sorted(counts, key=lambda label: -counts[label].total())
    few = [label for n, label in enumerate(ordered) if n >= _MANY or counts[label].total() < _FEW]
    if len(few) < 2:
        return {label: counts[label] for label in ordered}
    rest = sum((counts[label] for label in few), Counter[str]())
    return {label: counts[label] for label in ordered if label not in few} | {f"{_REST} {len(few)} 个": rest}


def _plots(run: Run, outcomes: Sequence[Outcome]) -> Iterator[tuple[str, str, Markup]]:
    """Draw what is not by group: heading, what it says, picture."""
    answered = [
        (float(p["confidence"]), o is Outcome.RIGHT)
        for p, o in zip(run.predictions, outcomes, strict=True)
        if not p["refused"] and p.get("confidence") is not None
    ]
    sure, right = [p for p, _ in answered], [r for _, r in answered]
    if found := bins(sure, right):
        parts = "；".join(f"{b.name}的 {b.answers} 个，对 {b.right:.0%}" for b in found)
        note = (
            "把握是系统给每个回答报的概率：规则确实规定了所问的事。它不说回答全不全，所以把握高的也会漏。"
            f"点在虚线下方，就是报高了。{_deviation(found)}把握{parts}。竖线是 95% 区间。"
        )
        yield "把握可信吗", note, Markup(reliability("reliability", f"把握与实际全对的比例：{parts}", found))
    if tried := thresholds(sure, right, len(run.cases)):
        kept = [(least, next((t for t in tried if t.confidence >= least), None)) for least in (0.5, 0.8, 0.95)]
        chosen = [(f"只显示把握在 {least:.0%} 以上的，答 ", t) for least, t in kept if t]
        parts = "；".join(
            f"{how}{t.answered:.0%} 的题，其中 {t.right:.0%} 全对" for how, t in [("现在答 ", tried[0]), *chosen]
        )
        gain = max((t.right for _, t in chosen), default=0) - tried[0].right
        note = f"{'会准一些' if gain >= _WORTH else '几乎不会，只是少答'}。{parts}。"
        yield "少答一些会更准吗", note, Markup(trade("trade", f"所答全对的比例随作答比例的变化：{parts}", tried))
    times = [float(p["latency_ms"]) for p in run.predictions]
    note = "系统从收到问题到写出回答的时间，不含网页显示。每次运行会略有不同。"
    yield "要等多久", note, Markup(latency("latency", "回答所需毫秒数的分布", times))


def _deviation(found: Sequence[Bin]) -> str:
    """Name the ranges whose confidence is outside the interval of what is right."""
    high = [b.name for b in found if b.interval and b.confidence > b.interval.high]
    low = [b.name for b in found if b.interval and b.confidence < b.interval.low]
    said = [f"{'、'.join(names)}的报{how}了" for names, how in ((high, "高"), (low, "低")) if names]
    return f"{'，'.join(said)}。" if said else "没有明显偏离的。"


def _shown(case: Case, prediction: Mapping[str, Any], row: Mapping[str, Score], how: Outcome) -> Shown:
    found: dict[str, list[tuple[str, bool]]] = {}
    for hit in prediction["retrieved"]:
        own = found.setdefault(hit["county"], [])
        if len(own) < 5:
            own.append((_number(hit), gold_article(case, hit)))
    counties = tuple(dict.fromkeys([case.county, *(gold.county for gold in case.gold)]))
    cited = list(dict.fromkeys(_article(citation) for citation in prediction["citations"]))
    return Shown(case, prediction, how, type_name(case.type), counties, found, cited, why(row, NAMES))


def _article(row: Mapping[str, Any]) -> str:
    if row["article"] == 0:
        return f"{row['county']}印发通知"
    return f"{row['county']}{_number(row)}"


def _number(row: Mapping[str, Any]) -> str:
    return f"第{row['article']}条" + (f"之{row['branch']}" if row.get("branch") else "")
