"""The channels' values -> how likely an article answers, and how likely the rule answers at all."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

CHANNELS = ("bigrams", "words", "passage", "question")
"""Order of the columns."""
LEXICAL = CHANNELS[:2]
_FILE = "ranking.json"


@dataclass(frozen=True, slots=True)
class Ranking:
    """Two logistic regressions, fitted by ``python -m index train`` on held-out bank questions.

    Attributes:
        weights: of the channels, for one article.
        bias: of the same.
        evidence_weights: of ``evidence_features``, for the best article of a regulation.
        evidence_bias: of the same.

    """

    weights: tuple[float, ...]
    bias: float
    evidence_weights: tuple[float, ...]
    evidence_bias: float

    def score(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the probability that an article answers, for rows of channel values."""
        return _sigmoid(values @ np.asarray(self.weights) + self.bias)

    def evidence(self, features: npt.NDArray[np.float64]) -> float:
        """Return the probability that the rule answers, from ``evidence_features``."""
        return float(_sigmoid(features @ np.asarray(self.evidence_weights) + self.evidence_bias))


def evidence_features(
    best: npt.NDArray[np.float64], margin: float, anywhere: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Describe how well a regulation answers.

    Args:
        best: channel values of its best article.
        margin: by how much the log-odds of that article exceed those of the second.
        anywhere: best values of the lexical channels over the articles of all regulations: where
            another county's rule holds the question's words much better, this one may be silent.

    """
    return np.concatenate([best, [margin], best[: len(LEXICAL)] - anywhere])


def log_odds(probability: float) -> float:
    """Undo the logistic function; certain values are cut to stay finite."""
    kept = min(max(probability, 1e-9), 1 - 1e-9)
    return float(np.log(kept / (1 - kept)))


def _sigmoid(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(1.0 / (1.0 + np.exp(-x)), dtype=np.float64)


def read_ranking(folder: Path) -> Ranking:
    """Read the weights beside a model."""
    row = json.loads((folder / _FILE).read_text(encoding="utf-8"))
    return Ranking(tuple(row["weights"]), row["bias"], tuple(row["evidence_weights"]), row["evidence_bias"])


def write_ranking(ranking: Ranking, folder: Path) -> None:
    """Write the weights beside a model."""
    (folder / _FILE).write_text(json.dumps(asdict(ranking), indent=1) + "\n", encoding="utf-8")
