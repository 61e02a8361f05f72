"""The vectors of the questions that are known, those of the bank and the points, and how near another comes.

A question is kept once, whichever counties it was written for, and another is compared with all of
them at once: exact, and for five counties no dearer than for one. They are no text of a regulation,
so they stand in a table beside Chroma's passages.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from index.dense import Embedder

_VECTORS = "vectors.npy"
_TEXTS = "questions.json"
_COMPARED = 64
"""Of so many questions the cosines are kept: one is asked of every county."""


class KnownQuestions:
    """A table of distinct questions."""

    def __init__(self, questions: Sequence[str], vectors: npt.NDArray[np.float32]) -> None:
        """Take the questions, each once, and their vectors of length 1, a row each."""
        self._questions = list(questions)
        self._vectors = vectors
        self._rows = {question: row for row, question in enumerate(self._questions)}
        self._cosines = lru_cache(_COMPARED)(self._compare)

    @classmethod
    def build(cls, questions: Iterable[str], embedder: Embedder) -> Self:
        """Embed the questions, each once."""
        distinct = list(dict.fromkeys(questions))
        return cls(distinct, embedder.array([*distinct, ""])[:-1])  # a table even of no questions

    def save(self, folder: Path) -> None:
        """Write to a new folder."""
        folder.mkdir()
        np.save(folder / _VECTORS, self._vectors)
        (folder / _TEXTS).write_text(json.dumps(self._questions, ensure_ascii=False), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Open what ``save`` wrote; processes that read it share its memory."""
        vectors = np.asarray(np.load(folder / _VECTORS, mmap_mode="r"))
        return cls(json.loads((folder / _TEXTS).read_text(encoding="utf-8")), vectors)

    def rows(self, questions: Iterable[str]) -> npt.NDArray[np.int64]:
        """Return the rows of some of the questions."""
        return np.array([self._rows[question] for question in questions], dtype=np.int64)

    def cosines(self, vector: Sequence[float]) -> npt.NDArray[np.float32]:
        """Return the cosine of every question with a vector of length 1."""
        return self._cosines(np.asarray(vector, dtype=np.float32).tobytes())

    def _compare(self, vector: bytes) -> npt.NDArray[np.float32]:
        return np.asarray(self._vectors @ np.frombuffer(vector, dtype=np.float32))
