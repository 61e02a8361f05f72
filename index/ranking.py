"""The channels' values -> how likely an article answers, and how likely the rule answers at all."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

CHANNELS = ("bigrams", "words", "article", "passage", "question")
"""Order of the columns."""
LEXICAL = CHANNELS[:2]
FILE = "ranking.json"


class Regression(NamedTuple):
    """A logistic regression: weights of the columns, and the bias."""

    weights: tuple[float, ...]
    bias: float

    def probability(self, rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return a probability a row."""
        return _sigmoid(rows @ np.asarray(self.weights) + self.bias)


class Weights(NamedTuple):
    """Two regressions.

    Attributes:
        article: of the channels; does this article answer?
        rule: of ``evidence_features``; does the rule answer at all?

    """

    article: Regression
    rule: Regression


@dataclass(frozen=True, slots=True)
class Ranking:
    """Weights for both kinds of county, fitted on held-out bank questions (``index.fit``).

    Attributes:
        own: for a county whose articles have questions of their own.
        carried: for a county that was given those of other counties, which say less.

    """

    own: Weights
    carried: Weights


def evidence_features(
    best: npt.NDArray[np.float64], margin: float, anywhere: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Describe how well a regulation answers.

    Args:
        best: channel values of its best article.
        margin: by how much the log-odds of that article exceed those of the second.
        anywhere: best values of the lexical channels over the articles of all counties: where
            another county's rule holds the question's words much better, this one may be silent.

    """
    return np.concatenate([best, [margin], best[: len(LEXICAL)] - anywhere])


def log_odds(probability: float) -> float:
    """Undo the logistic function; certain values are cut to stay finite."""
    kept = min(max(probability, 1e-9), 1 - 1e-9)
    return float(np.log(kept / (1 - kept)))


def _sigmoid(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(1.0 / (1.0 + np.exp(-x)), dtype=np.float64)


def read_ranking(path: Path) -> Ranking:
    """Read what ``write_ranking`` wrote."""
    row = json.loads(path.read_text(encoding="utf-8"))
    return Ranking(_read_weights(row["own"]), _read_weights(row["carried"]))


def _read_weights(row: list[list[Any]]) -> Weights:
    article, rule = (Regression(tuple(weights), bias) for weights, bias in row)
    return Weights(article, rule)


def write_ranking(ranking: Ranking, path: Path) -> None:
    """Write the weights as JSON."""
    path.write_text(json.dumps(asdict(ranking), indent=1) + "\n", encoding="utf-8")
