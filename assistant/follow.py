"""Does a question go on with the one before it? Told by how it is worded and by what each reading finds.

A logistic regression, fitted on chats (``assistant.fit_follow``). What leads on (谁批, 几天) names
nothing and, made whole, comes near to a known question; a new matter is near to one by itself. The
wording is weighed as in ``wording``, against that of the bank's questions, which stand alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from assistant.understand import leads_on, length
from assistant.wording import Gram, ngrams, odds
from index.ranking import Regression, log_odds

WEIGHTS = Path(__file__).parent / "follow.json"


class Reading(NamedTuple):
    """What one reading of a question comes to in a county.

    Attributes:
        article: number of the likeliest article.
        evidence: probability that the rule answers at all.
        known: cosine of the nearest known question, whether the rule settles it or leaves it open.
        unknown: share of its words that no article or known question holds.

    """

    article: int
    evidence: float
    known: float
    unknown: float


class Weights(NamedTuple):
    """Weights of ``describe``, and of the n-grams of the question."""

    signs: Regression
    wording: Mapping[str, Gram]


def describe(topic: str, before: Reading, alone: Reading, whole: Reading, worded: float) -> npt.NDArray[np.float64]:
    """Describe a question after another.

    Args:
        topic: its words.
        before: what the question before it finds in the county asked now.
        alone: what it finds by itself.
        whole: what it finds after the question before it.
        worded: log-odds of its wording (``wording.odds``).

    """
    return np.array(
        [
            alone.known - whole.known,
            log_odds(whole.evidence),
            whole.article == before.article,
            np.log(length(topic) + 1),
            leads_on(topic),
            alone.unknown,
            worded,
        ],
        dtype=np.float64,
    )


def goes_on(topic: str, before: Reading, alone: Reading, whole: Reading) -> bool:
    """Tell whether a question is to be made whole; the arguments are those of ``describe``."""
    weights = _read()
    signs = describe(topic, before, alone, whole, odds(ngrams(topic), weights.wording))
    return bool(weights.signs.probability(signs) > 0.5)


@lru_cache(maxsize=1)
def _read() -> Weights:
    row = json.loads(WEIGHTS.read_text(encoding="utf-8"))
    return Weights(Regression(*row["signs"]), {gram: Gram(*values) for gram, values in row["wording"].items()})


def write_weights(weights: Weights) -> None:
    """Write the weights as JSON."""
    WEIGHTS.write_text(json.dumps(weights._asdict(), ensure_ascii=False, separators=(",", ":")) + "\n", "utf-8")
