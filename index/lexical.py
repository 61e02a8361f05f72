"""BM25 over whole articles, each extended with the questions that it is known to answer."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

import bm25s
import numpy as np
import numpy.typing as npt

from index.words import bigrams, cut_words

CUTTERS: dict[str, Callable[[str], list[str]]] = {"bigrams": bigrams, "words": cut_words}
"""The two lexical channels and how each cuts a text."""

_ABSENT = "\u0000"
"""Stands in an article without a word, which bm25s does not accept."""


class LexicalIndex:
    """One BM25 index (Robertson et al. 1995, as in Lucene) of one kind of words."""

    def __init__(self, engine: bm25s.BM25, cut: Callable[[str], list[str]]) -> None:
        self._engine = engine
        self._cut = cut
        self._size: int = engine.scores["num_docs"]
        starts = np.asarray(engine.scores["indptr"])
        gains = np.append(engine.scores["data"], np.float32(0))  # reduceat wants every start inside
        self._highest = np.where(np.diff(starts) > 0, np.maximum.reduceat(gains, starts[:-1]), 0)

    @classmethod
    def build(cls, texts: Sequence[str], cutter: str, advance: Callable[[], None] = lambda: None) -> LexicalIndex:
        """Index the texts; ``cutter`` is a key of ``CUTTERS``. A line that many texts hold is cut once.

        ``advance`` is called after each text.
        """
        cut = CUTTERS[cutter]
        cut_line = lru_cache(maxsize=None)(cut)
        engine = bm25s.BM25(method="lucene", k1=1.2, b=0.75)
        words = []
        for text in texts:
            words.append([word for line in text.split("\n") for word in cut_line(line)] or [_ABSENT])
            advance()
        engine.index(words, show_progress=False)
        return cls(engine, cut)

    @classmethod
    def load(cls, folder: Path, cutter: str) -> LexicalIndex:
        """Open what ``save`` wrote."""
        return cls(bm25s.BM25.load(str(folder)), CUTTERS[cutter])

    def save(self, folder: Path) -> None:
        """Write the index to a new folder."""
        self._engine.save(str(folder), show_progress=False)

    def __contains__(self, word: str) -> bool:
        """Tell whether any text holds a word."""
        return word in self._engine.vocab_dict

    def scores(self, question: str) -> npt.NDArray[np.float32]:
        """Score every text: the share, 0 to 1, of the most that a text could get for the question.

        The divisor is the sum over the question's words of the highest score that any text gets
        for that word, so that scores of different questions can be compared.
        """
        postings = self._engine.scores
        total = np.zeros(self._size, dtype=np.float32)
        highest = 0.0
        for word in dict.fromkeys(self._cut(question)):
            number = self._engine.vocab_dict.get(word)
            if number is None or number >= len(self._highest):
                continue
            of_word = slice(postings["indptr"][number], postings["indptr"][number + 1])
            total[postings["indices"][of_word]] += postings["data"][of_word]
            highest += float(self._highest[number])
        return total / highest if highest else total


def write_indexes(texts: Sequence[str], folder: Path, advance: Callable[[], None] = lambda: None) -> None:
    """Write an index of each kind of words, in a folder of its name; ``advance`` is called after each text of each."""
    for name in CUTTERS:
        LexicalIndex.build(texts, name, advance).save(folder / name)


if __name__ == "__main__":
    write_indexes(json.load(sys.stdin), Path(sys.argv[1]))
