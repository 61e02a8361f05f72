"""Bootstrap intervals (Efron & Tibshirani 1993, percentile), by scipy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import bootstrap

RESAMPLES = 2000
_SEED = 20221012


class Weighted(NamedTuple):
    """A case's score, and how much it counts (by gold articles, say)."""

    value: float
    weight: float


class Interval(NamedTuple):
    """A 95% interval, of a mean or of a difference of means."""

    low: float
    high: float


def mean_of_means(groups: Sequence[Sequence[Weighted]]) -> float:
    """Weighted mean of each group, and their plain mean."""
    return float(np.mean([np.average([v for v, _ in rows], weights=[w for _, w in rows]) for rows in groups]))


def interval(groups: Sequence[Sequence[Weighted]]) -> Interval | None:
    """Draw the cases of each group anew, 2,000 times; None where a group has fewer than two."""
    if any(len(rows) < 2 for rows in groups):
        return None
    arrays = [np.array(rows, dtype=float) for rows in groups]

    def statistic(*drawn: npt.NDArray[Any], axis: int) -> npt.NDArray[np.float64]:
        means = []
        for rows, places in zip(arrays, drawn, strict=True):
            chosen = rows[places]
            means.append((chosen[..., 0] * chosen[..., 1]).sum(axis=axis) / chosen[..., 1].sum(axis=axis))
        return np.asarray(np.mean(means, axis=0))

    found = bootstrap(
        [np.arange(len(rows)) for rows in groups],
        statistic,
        n_resamples=RESAMPLES,
        method="percentile",
        rng=np.random.default_rng(_SEED),
    ).confidence_interval
    return Interval(float(found.low), float(found.high))


class Pair(NamedTuple):
    """A case's score in two runs, and how much it counts."""

    before: float
    after: float
    weight: float


def mean_difference(pairs: Sequence[Pair]) -> float:
    """Weighted mean of what each case gained."""
    return float(np.average([after - before for before, after, _ in pairs], weights=[p.weight for p in pairs]))


def paired_interval(pairs: Sequence[Pair]) -> Interval | None:
    """Draw the cases anew, both scores of a case together, 2,000 times; None for fewer than two."""
    if len(pairs) < 2:
        return None
    before, after, weight = np.array(pairs, dtype=float).T

    def statistic(
        one: npt.NDArray[Any], other: npt.NDArray[Any], counts: npt.NDArray[Any], axis: int
    ) -> npt.NDArray[np.float64]:
        return np.asarray(((other - one) * counts).sum(axis=axis) / counts.sum(axis=axis))

    found = bootstrap(
        (before, after, weight),
        statistic,
        paired=True,
        n_resamples=RESAMPLES,
        method="percentile",
        rng=np.random.default_rng(_SEED),
    ).confidence_interval
    return Interval(float(found.low), float(found.high))
