"""Words for exact search: jieba's with the county dictionary, and character bigrams."""

from __future__ import annotations

import hashlib
import logging
import re
import unicodedata
from functools import lru_cache
from pathlib import Path

import jieba

DICTIONARY = Path(__file__).parent / "dictionary.txt"
"""Terms of county government that jieba would cut apart, one a line."""
_WORD = re.compile(r"[\u4e00-\u9fff]+|[a-z]+|\d+(?:\.\d+)?")


def normalise(text: str) -> str:
    """Make full-width letters and digits half-width and letters lower case (NFKC)."""
    return unicodedata.normalize("NFKC", text).lower()


def bigrams(text: str) -> list[str]:
    """Return overlapping pairs of characters; a run of one character gives that character."""
    found: list[str] = []
    for run in _WORD.findall(normalise(text)):
        if run[0] < "\u4e00" or len(run) == 1:
            found.append(run)
        else:
            found += [run[i : i + 2] for i in range(len(run) - 1)]
    return found


def overlap(one: str, other: str) -> float:
    """Return the share, 0 to 1, of the shorter text's bigrams that the other holds too."""
    few, many = sorted((set(bigrams(one)), set(bigrams(other))), key=len)
    return len(few & many) / len(few) if few else 0.0


def cut_words(text: str) -> list[str]:
    """Return words as jieba's search mode cuts them, so that 县政府办公室 also gives 办公室."""
    words = _cutter().cut_for_search(normalise(text))
    return [word for word in words if _WORD.fullmatch(word) and word not in _STOP]


def word_edges(text: str) -> set[int]:
    """Return the offsets in a text where a word begins or ends."""
    edges = {0}
    for _, _, end in _cutter().tokenize(text):
        edges.add(end)
    return edges


def dictionary_hash() -> str:
    """Digest of the county dictionary and of jieba's version."""
    return hashlib.sha256(DICTIONARY.read_bytes() + jieba.__version__.encode()).hexdigest()


@lru_cache(maxsize=1)
def _cutter() -> jieba.Tokenizer:
    """Load an own tokenizer: jieba's global one may be changed by anybody."""
    jieba.setLogLevel(logging.WARNING)
    cutter = jieba.Tokenizer()
    for term in DICTIONARY.read_text(encoding="utf-8").split():
        cutter.add_word(term)
    return cutter


_STOP = frozenset(
    "的了吗呢啊吧呀么是在和与及或者要就都也还又很有没这那个什么怎么怎样如何哪些哪个谁几多少多久请问一下为由被把对于以其"
)
