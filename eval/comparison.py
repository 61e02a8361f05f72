"""Two runs of the same cases: what got better, what worse, by how much, and whether that is chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from eval.case import Case
from eval.intervals import Interval, Pair, mean_difference, paired_interval
from eval.metrics import LOWER_IS_BETTER, SCORERS, Score, weigh
from eval.report import NAMES, Run
from ingest.errors import CaseError

_NOISE = frozenset({"latency_ms"})
"""Scores that differ from run to run by themselves: they are shown, but no case counts as changed by them."""


class Difference(NamedTuple):
    """One score in both runs, over the cases that have it in both.

    Attributes:
        name: of the score.
        before: mean in the first run.
        after: mean in the second.
        gain: ``after`` less ``before``.
        interval: of the gain, by paired bootstrap; None for fewer than two cases.
        scored: number of cases that have it in both.
        better: ids of the cases that got better.
        worse: ids of those that got worse.

    """

    name: str
    before: float
    after: float
    gain: float
    interval: Interval | None
    scored: int
    better: tuple[str, ...]
    worse: tuple[str, ...]


class Change(NamedTuple):
    """A case whose scores differ."""

    case: Case
    better: tuple[str, ...]
    worse: tuple[str, ...]


class Comparison(NamedTuple):
    """Two runs held against each other.

    Attributes:
        cases: those that both asked.
        left_out: ids of those that only one of them asked, or asked in another form.
        differences: of every score that both have.
        changes: of every case that changed, in the order of the cases.

    """

    cases: tuple[Case, ...]
    left_out: tuple[str, ...]
    differences: tuple[Difference, ...]
    changes: tuple[Change, ...]


def compare(before: Run, after: Run, *, common: bool = False) -> Comparison:
    """Compare two runs case by case.

    Args:
        before: the first run.
        after: the second.
        common: compare the cases that both have, where they do not have the same.

    Raises:
        CaseError: they have not asked the same cases and ``common`` is not given, or none in common.

    """
    first = {case.id: n for n, case in enumerate(before.cases)}
    places = [
        (first[case.id], n)
        for n, case in enumerate(after.cases)
        if case.id in first and before.cases[first[case.id]] == case
    ]
    cases = tuple(after.cases[n] for _, n in places)
    kept = {case.id for case in cases}
    left_out = tuple(dict.fromkeys(case.id for case in (*before.cases, *after.cases) if case.id not in kept))
    if not cases:
        raise CaseError("两次运行没有相同的用例，不能比较")
    if left_out and not common:
        raise CaseError(
            f"两次运行的用例不同：相同的 {len(cases)} 例，只有一边有或写法不同的 {len(left_out)} 例"
            f"（{'、'.join(left_out[:5])}{'……' if len(left_out) > 5 else ''}）。只比相同的请加 --common"
        )
    rows = [before.scores[n] for n, _ in places], [after.scores[n] for _, n in places]
    found = (_difference(name, cases, *rows) for name in SCORERS)
    return Comparison(cases, left_out, tuple(d for d in found if d is not None), tuple(_changes(cases, *rows)))


def _difference(
    name: str, cases: Sequence[Case], before: Sequence[Mapping[str, Score]], after: Sequence[Mapping[str, Score]]
) -> Difference | None:
    both = [n for n in range(len(cases)) if None not in (before[n][name].value, after[n][name].value)]
    if not both:
        return None
    kept = [cases[n] for n in both]
    one = weigh(kept, [before[n] for n in both], name)
    other = weigh(kept, [after[n] for n in both], name)
    pairs = [Pair(a.value, b.value, a.weight) for a, b in zip(one, other, strict=True)]
    total = sum(pair.weight for pair in pairs)
    means = [sum(pair[side] * pair.weight for pair in pairs) / total for side in (0, 1)]
    signs = [0 if name in _NOISE else _sign(name, pair.before, pair.after) for pair in pairs]
    better, worse = (tuple(c.id for c, sign in zip(kept, signs, strict=True) if sign == s) for s in (1, -1))
    return Difference(
        name, means[0], means[1], mean_difference(pairs), paired_interval(pairs), len(pairs), better, worse
    )


def _changes(
    cases: Sequence[Case], before: Sequence[Mapping[str, Score]], after: Sequence[Mapping[str, Score]]
) -> list[Change]:
    changes = []
    for case, one, other in zip(cases, before, after, strict=True):
        told: dict[int, list[str]] = {1: [], -1: []}
        for name in SCORERS:
            sign = 0 if name in _NOISE else _sign(name, one[name].value, other[name].value)
            if sign:
                why = other[name].why if sign < 0 else one[name].why
                told[sign].append(f"{NAMES[name]} {_write(one[name])}→{_write(other[name])}" + (why and f"（{why}）"))
        if told[1] or told[-1]:
            changes.append(Change(case, tuple(told[1]), tuple(told[-1])))
    return changes


def _sign(name: str, before: float | None, after: float | None) -> int:
    """Tell whether a score got better (1) or worse (-1); where it is unscored on one side, neither."""
    if before is None or after is None or abs(after - before) < 1e-9:
        return 0
    return 1 if (after > before) != (name in LOWER_IS_BETTER) else -1


def _write(score: Score) -> str:
    return "—" if score.value is None else f"{score.value:.2f}".rstrip("0").rstrip(".")


def render_comparison(comparison: Comparison, most: int = 40) -> RenderableType:
    """Lay a comparison out for the terminal; at most ``most`` cases a side."""
    table = Table(title=f"两次运行对比（相同的 {len(comparison.cases)} 例；方括号内为差的 95% 区间）")
    for column in ("", "前", "后", "差", "", "例数", "变好", "变差"):
        table.add_column(column, justify="right" if column else "left")
    for d in comparison.differences:
        shown = f"[{d.interval.low:+.3f}, {d.interval.high:+.3f}]" if d.interval else ""
        counts = ("", "") if d.name in _NOISE else (str(len(d.better)), str(len(d.worse)))
        figures = (f"{d.before:.3f}", f"{d.after:.3f}", f"{d.gain:+.3f}", shown.replace("[", r"\["))
        table.add_row(NAMES[d.name], *figures, str(d.scored), *counts, style="bold" if _sure(d) else None)
    left = f"有 {len(comparison.left_out)} 例不是两边都有，没有比。" if comparison.left_out else ""
    lines = [Text(f"加粗的，差的 95% 区间不含 0。{left}")]
    for title, side in (("变好", "better"), ("变差", "worse")):
        told = [(change.case, getattr(change, side)) for change in comparison.changes if getattr(change, side)]
        lines.append(Text(f"\n{title}的 {len(told)} 例" + ("：" if told else "")))
        lines += [Text(f"{case.id} {case.question}\n    {'；'.join(said)}") for case, said in told[:most]]
        if len(told) > most:
            lines.append(Text(f"……另有 {len(told) - most} 例"))
    return Group(table, *lines)


def _sure(difference: Difference) -> bool:
    between = difference.interval
    return between is not None and difference.name not in _NOISE and not between.low <= 0 <= between.high
