"""How a question is worded tells much of whether a rule settles the point.

Work rules say who and when, and hardly ever how it is punished, on what form, or for how much money.
A linear function of the question's character n-grams (one to three characters, tf-idf as in
scikit-learn's TfidfVectorizer with sublinear tf and length 1), fitted in ``assistant.fit``.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from index.words import normalise

LONGEST = 3


class Gram(NamedTuple):
    """An n-gram's inverse document frequency, and its weight."""

    idf: float
    weight: float


def odds(said: Iterable[str], grams: Mapping[str, Gram]) -> float:
    """Return what the n-grams of a question add to the log-odds that the rule settles the point."""
    counts = Counter(gram for gram in said if gram in grams)
    values = {gram: (1 + math.log(count)) * grams[gram].idf for gram, count in counts.items()}
    length = math.sqrt(sum(value * value for value in values.values()))
    return sum(value * grams[gram].weight for gram, value in values.items()) / length if length else 0.0


def ngrams(text: str) -> list[str]:
    """Return all n-grams of a question, white space and punctuation left out."""
    letters = "".join(c for c in normalise(text) if c.isalnum())
    return [letters[i : i + n] for n in range(1, LONGEST + 1) for i in range(len(letters) - n + 1)]
