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
    """The mean's 95% interval."""

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
