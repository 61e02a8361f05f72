"""Scores of predictions against their cases, each with its reason, and their means."""

from eval.metrics.content import LONGEST, cell_right, cell_silenced
from eval.metrics.means import (
    LOWER_IS_BETTER,
    SCORERS,
    Summary,
    about,
    said_of,
    score,
    summarise,
    weigh,
)
from eval.metrics.parts import (
    UNSCORED,
    Place,
    Prediction,
    Rules,
    Score,
    chapter_of,
    gold_places,
    rules_of,
)

__all__ = [
    "LONGEST",
    "LOWER_IS_BETTER",
    "SCORERS",
    "UNSCORED",
    "Place",
    "Prediction",
    "Rules",
    "Score",
    "Summary",
    "about",
    "cell_right",
    "cell_silenced",
    "chapter_of",
    "gold_places",
    "rules_of",
    "said_of",
    "score",
    "summarise",
    "weigh",
]
