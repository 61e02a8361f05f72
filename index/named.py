"""Things that a rule treats one after another and that must not be taken for each other: kinds of meetings."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

_FILE = Path(__file__).parent / "named.txt"
_TEXTS_KEPT = 65536
"""Of so many texts what they name is kept: the same questions are near to others again and again."""


@lru_cache(_TEXTS_KEPT)
def named_in(text: str) -> frozenset[str]:
    """Return what a text names of these things, each by the first of its names."""
    found, rest = set(), text
    for name, word in _names():
        if word in rest:
            found.add(name)
            rest = rest.replace(word, "　")
    return frozenset(found)


def without_names(text: str) -> str:
    """Return what is left of a text without the names of these things."""
    for _, word in _names():
        text = text.replace(word, "")
    return text


def rename(text: str, other: str) -> str | None:
    """Put the thing that another text names in the place of the one that a text names; None unless each names one."""
    old, new = named_in(text), named_in(other)
    if len(old) != 1 or len(new) != 1:
        return None
    (name,) = new
    for thing, word in _names():
        if thing in old:
            text = text.replace(word, name)
    return text


@lru_cache(maxsize=1)
def _names() -> tuple[tuple[str, str], ...]:
    """Return pairs of a thing and one of its names, longer names first."""
    rows = [line.split() for line in _FILE.read_text(encoding="utf-8").splitlines()]
    pairs = [(row[0], word) for row in rows if row and not row[0].startswith("#") for word in row]
    return tuple(sorted(pairs, key=lambda pair: -len(pair[1])))
