"""What ``eval.bench`` measured -> docs/performance.md and the plot beside it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from eval.bench import BATCH, PARTS, WITH_BANK, Row, machine

PLOT = "performance.svg"
_KINDS = {"plain": "without questions", "bank": "with the bank's questions copied"}
_TITLES = {
    "ingest": "Parsing",
    "index": "Index",
    "ask": "Asking",
    "serve": "Page",
    "batch": "A table of questions",
}


def write_report(found: Mapping[str, Sequence[Row]], out: Path) -> None:
    """Write the document, and the plot where growth was measured; parts that were not measured are left out."""
    parts = [_HEAD.format(machine=machine())]
    for part in PARTS:
        if part in found:
            parts.append(f"## {_TITLES[part]}\n\n" + _NOTES.get(part, "") + _table(found[part]))
    grown = _grown(found)
    if grown:
        parts.append(_GROWTH.format(most=WITH_BANK) + "".join(_growth_table(kind, grown[kind]) for kind in grown))
        _plot(grown, out.with_name(PLOT))
        parts.append(f"![growth]({PLOT})\n")
    out.write_text("\n".join(parts), encoding="utf-8")


def _grown(found: Mapping[str, Sequence[Row]]) -> dict[str, dict[int, Sequence[Row]]]:
    grown: dict[str, dict[int, Sequence[Row]]] = {}
    for name in sorted(found, key=lambda name: [int(n) for n in re.findall(r"\d+", name)]):
        match = re.fullmatch(r"growth-(\d+)-(\w+)", name)
        if match:
            grown.setdefault(match[2], {})[int(match[1])] = found[name]
    return grown


def _table(rows: Iterable[Row]) -> str:
    lines = [
        [row.name, _number(row.median), "" if row.p95 is None else _number(row.p95), row.unit, str(row.times)]
        for row in rows
    ]
    return _markdown(["", "median", "p95", "unit", "times"], lines)


def _growth_table(kind: str, by_times: Mapping[int, Sequence[Row]]) -> str:
    """Lay out sizes side by side, each value with its ratio to the smallest size's."""
    names = [(row.name, row.unit) for row in next(iter(by_times.values()))]
    lines = []
    for place, (name, unit) in enumerate(names):
        values = [rows[place].median for rows in by_times.values()]
        cells = [_number(values[0]), *(f"{_number(v)} (×{v / values[0]:.1f})" for v in values[1:])]
        lines.append([f"{name}, {unit}", *cells])
    return f"\nCopies {_KINDS[kind]}:\n\n" + _markdown(["", *(f"{n} × 5 counties" for n in by_times)], lines)


def _markdown(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "".join("| " + " | ".join(line) + " |\n" for line in [heads, ["---"] * len(heads), *rows])


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def _plot(grown: Mapping[str, Mapping[int, Sequence[Row]]], out: Path) -> None:
    """Plot each value against the size of the corpus, both on logarithmic scales."""
    import matplotlib as mpl
    from matplotlib.figure import Figure  # an extra

    with mpl.rc_context({"svg.hashsalt": "xiangui", "svg.fonttype": "none"}):
        figure = Figure(figsize=(8, 4), layout="constrained")
        for axes, kind in zip(figure.subplots(1, len(grown), squeeze=False)[0], grown, strict=True):
            sizes = list(grown[kind])
            for place, row in enumerate(next(iter(grown[kind].values()))):
                values = [rows[place].median for rows in grown[kind].values()]
                axes.plot(sizes, values, marker="o", label=f"{row.name}, {row.unit}")
            axes.set(xscale="log", yscale="log", xlabel="times five counties", title=_KINDS[kind])
        axes.legend(fontsize="x-small")
        figure.savefig(out, metadata={"Date": None})


_HEAD = """# Performance

Written by `make bench`; do not edit. Machine: {machine}. Medians of one run; each part in a process of its own. Memory is the most that the process and the largest of those it started held, libraries and model included. `python -m eval bench --parts ask,batch` measures some parts again, `--times 1,10` leaves the largest corpus out, `--resume` keeps what was measured before; what was measured last is kept in `<home>/bench/`.
"""
_NOTES = {
    "ask": "The cases of dev. Where a county is silent, the other counties' rules are searched too.\n\n",
    "batch": f"`python -m eval answer`: {BATCH} different questions of the bank, start of the processes included; no question twice, so that none is saved. CPU ms: of all processes, for each question.\n\n",
}
_GROWTH = """## Growth

The five counties again and again under invented names; each county has its own collections in Chroma. Up to {most} times, the bank's questions are copied too (17,358 for each five counties); beyond, and in the first table, there are none. Questions of one county, of dev: those that are answered, and three that are not, for which all other counties are searched.
"""
