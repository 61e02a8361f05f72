"""The plots of a report, as SVG that the HTML holds inline: text stays text, the same run gives the same bytes."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from statistics import mean, median, quantiles
from typing import TYPE_CHECKING, Any, NamedTuple
from xml.etree import ElementTree

import numpy as np

from eval.intervals import Interval, Weighted, interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WIDTH = 5.2
"""Inches: on a phone the letters are still as large as those around."""
_SVG = "http://www.w3.org/2000/svg"
_LINK = "http://www.w3.org/1999/xlink"
_INK, _GREY = "#1f2937", "#5b6472"
_ACCENT, _SECOND = "#1d4f91", "#b3541e"
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "xiangui",
    "font.family": [
        "DejaVu Sans"
    ],  # comes with matplotlib, so that every machine measures alike; the page sets its own
    "font.size": 10,
    "text.color": _INK,
    "axes.labelcolor": _INK,
    "axes.edgecolor": "#9aa3b0",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": _GREY,
    "ytick.color": _INK,
}


class Bin(NamedTuple):
    """Answers of like confidence.

    Attributes:
        name: the range that their confidence is in.
        confidence: their mean confidence, 0 to 1.
        right: share that is right.
        interval: of that share.
        answers: how many they are.

    """

    name: str
    confidence: float
    right: float
    interval: Interval | None
    answers: int


class Threshold(NamedTuple):
    """What remains if answers below a confidence were not shown: shares of the questions, and of what is shown."""

    confidence: float
    answered: float
    right: float


def bins(confidence: Sequence[float], right: Sequence[bool]) -> list[Bin]:
    """Gather answers by ranges of their confidence, narrower toward the top where most of them are."""
    found = []
    for low, high in pairwise((0.0, *_EDGES, 1.0)):
        held = [(c, float(r)) for c, r in zip(confidence, right, strict=True) if low <= c < high or c == high == 1]
        if held:
            between = interval([[Weighted(r, 1) for _, r in held]])
            name = f"{low:.0%} 以上" if high == 1 else f"{low:.0%}–{high:.0%}" if low else f"不到 {high:.0%}"
            found.append(Bin(name, mean(c for c, _ in held), mean(r for _, r in held), between, len(held)))
    return found


_EDGES = (0.5, 0.8, 0.95, 0.99)


def thresholds(confidence: Sequence[float], right: Sequence[bool], questions: int) -> list[Threshold]:
    """Try each confidence as the least that is shown, from the lowest up."""
    from sklearn.metrics import precision_recall_curve  # takes seconds

    if not any(right):
        return []
    precision, _, tried = precision_recall_curve(right, confidence)
    known = np.array(confidence)
    return [
        Threshold(float(least), float((known >= least).sum()) / questions, float(share))
        for least, share in zip(tried, precision, strict=False)
    ]


def stacked(key: str, title: str, rows: Mapping[str, Mapping[str, int]], colours: Mapping[str, str]) -> str:
    """Draw one bar a group, cut by how its cases ended; the number of cases stands beside its name."""
    with _drawn(key, title, 0.9 + 0.34 * len(rows)) as (figure, axes, finish):
        names = [name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "…" for name in rows]
        _margins(figure, left=(max(map(len, names)) + 4.5) * _STYLE["font.size"] / 72, bottom=0.36, top=0.44)
        totals = [sum(row.values()) for row in rows.values()]
        start = np.zeros(len(rows))
        for name, colour in colours.items():
            counts = [row.get(name, 0) for row in rows.values()]
            width = np.array(counts) / np.maximum(totals, 1) * 100
            axes.barh(range(len(rows)), width, left=start, color=colour, label=name, height=0.68, edgecolor="white")
            for place, (count, wide) in enumerate(zip(counts, width, strict=True)):
                if wide >= 4:
                    ink = _INK if colour in _LIGHT else "white"
                    axes.text(start[place] + wide / 2, place, str(count), ha="center", va="center", color=ink, size=9)
            start += width
        axes.set(xlim=(0, 100), ylim=(len(rows) - 0.45, -0.55), xticks=range(0, 101, 20))
        axes.set_yticks(range(len(rows)), [f"{n}（{t}）" for n, t in zip(names, totals, strict=True)])
        axes.set_xticklabels([f"{x}%" for x in range(0, 101, 20)])
        axes.tick_params(axis="y", length=0)
        figure.legend(loc="upper right", ncols=len(colours), frameon=False, bbox_to_anchor=(0.99, 1.0), handlelength=1)
    return finish()


_LIGHT = ("#f0c75e",)
_LONGEST = 16
"""Letters of a group's name that are drawn."""


def reliability(key: str, title: str, found: Sequence[Bin]) -> str:
    """Draw the share right over the confidence, with intervals; on the diagonal the confidence means what it says."""
    with _drawn(key, title, 3.3) as (figure, axes, finish):
        _margins(figure)
        axes.plot([0, 100], [0, 100], color="#9aa3b0", linewidth=1, linestyle="--")
        x = [100 * b.confidence for b in found]
        y = [100 * b.right for b in found]
        ends = [b.interval or Interval(b.right, b.right) for b in found]
        spread = [[100 * (b.right - e.low) for b, e in zip(found, ends, strict=True)]]
        spread += [[100 * (e.high - b.right) for b, e in zip(found, ends, strict=True)]]
        axes.errorbar(x, y, yerr=np.maximum(spread, 0), color=_ACCENT, marker="o", capsize=3, linewidth=1.5)
        _percent(axes, "把握（系统自报）", "实际全对的比例")
    return finish()


def trade(key: str, title: str, found: Sequence[Threshold]) -> str:
    """Draw the share right of what is shown over the share of questions that are answered."""
    with _drawn(key, title, 3.3) as (figure, axes, finish):
        _margins(figure)
        axes.step(
            [100 * t.answered for t in found], [100 * t.right for t in found], color=_ACCENT, where="mid", linewidth=1.5
        )
        axes.plot(100 * found[0].answered, 100 * found[0].right, marker="o", color=_SECOND)
        axes.annotate(
            "现在",
            (100 * found[0].answered, 100 * found[0].right),
            xytext=(0, -16),
            textcoords="offset points",
            ha="center",
            color=_SECOND,
        )
        _percent(axes, "给出回答的问题所占比例", "所给回答全对的比例")
        axes.set_ylim(min(50, *(100 * t.right - 5 for t in found)), 101)
    return finish()


def latency(key: str, title: str, milliseconds: Sequence[float]) -> str:
    """Draw how many answers took how long, on a logarithmic axis, with the middle and the 90th percentile."""
    from matplotlib.ticker import MaxNLocator  # with the rest of matplotlib, only for a report

    with _drawn(key, title, 2.5) as (figure, axes, finish):
        _margins(figure, top=0.3)
        values = np.maximum(np.array(milliseconds, dtype=float), 0.1)
        low, high = np.floor(np.log10(values.min()) * 3) / 3, np.ceil(np.log10(values.max()) * 3 + 1e-9) / 3
        axes.hist(values, bins=list(np.logspace(low, max(high, low + 1 / 3), 25)), color=_ACCENT, edgecolor="white")
        axes.set_xscale("log")
        p90 = quantiles(values, n=10, method="inclusive")[-1] if len(values) > 1 else values[0]
        for name, value, align in (("中位", median(values), "right"), ("九成不超过", p90, "left")):
            axes.axvline(value, color=_SECOND, linewidth=1, linestyle="--")
            axes.text(
                value,
                1.03,
                f" {name} {value:.0f} 毫秒 ",
                color=_SECOND,
                transform=axes.get_xaxis_transform(),
                ha=align,
                size=9,
            )
        ticks = [t for t in _TICKS if 10**low <= t <= 10**high]
        axes.set_xticks(ticks, [f"{t:g}" for t in ticks])
        axes.minorticks_off()
        axes.set(xlabel="毫秒（对数轴）", ylabel="题数")
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    return finish()


_TICKS = [t * 10.0**e for e in range(-1, 6) for t in (1, 3)]


def _percent(axes: Axes, x: str, y: str) -> None:
    ticks = range(0, 101, 20)
    axes.set(xlim=(0, 101), ylim=(0, 103), xlabel=x, ylabel=y)
    axes.set_xticks(ticks, [f"{t}%" for t in ticks])
    axes.set_yticks(ticks, [f"{t}%" for t in ticks])
    axes.grid(color="#e4e8ee", linewidth=0.8)
    axes.set_axisbelow(True)


def _margins(figure: Figure, left: float = 0.75, bottom: float = 0.55, top: float = 0.12) -> None:
    """Set margins in inches: measured text would differ with the fonts of a machine."""
    width, height = figure.get_size_inches()
    figure.subplots_adjust(left / width, bottom / height, 1 - 0.2 / width, 1 - top / height)


@contextmanager
def _drawn(key: str, title: str, height: float) -> Iterator[tuple[Figure, Axes, Callable[[], str]]]:
    """Open a figure; what is drawn in the block is what ``finish`` returns after it."""
    import matplotlib as mpl  # heavy: only a report needs it
    from matplotlib.figure import Figure

    buffer = io.BytesIO()
    with mpl.rc_context(_STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")  # drawn by the browser, in its own font
        figure = Figure(figsize=(_WIDTH, height))
        yield figure, figure.subplots(), lambda: _inline(buffer.getvalue(), key, title)
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})


def _inline(svg: bytes, key: str, title: str) -> str:
    """Make a picture part of a page: ids of its own, a name for who cannot see it, no metadata."""
    ElementTree.register_namespace("", _SVG)
    ElementTree.register_namespace("xlink", _LINK)
    root = ElementTree.fromstring(svg)
    for found in root.findall(f"{{{_SVG}}}metadata"):
        root.remove(found)
    for element in root.iter():
        for name, value in list(element.attrib.items()):
            if name == "id":
                element.set(name, f"{key}-{value}")
            elif name in {"href", f"{{{_LINK}}}href"}:
                element.set(name, value.replace("#", f"#{key}-", 1))
            elif "url(#" in value:
                element.set(name, value.replace("url(#", f"url(#{key}-"))
    for name in ("width", "height", "version"):
        root.attrib.pop(name, None)
    root.set("role", "img")
    root.set("aria-label", title)
    return ElementTree.tostring(root, encoding="unicode")
