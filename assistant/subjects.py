"""Matters that a rule provides for or not, told by their names: 县长办公会议, 新闻发言人, 印章."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from ingest.law import Regulation

_FILE = Path(__file__).parent / "subjects.txt"
_IN_PASSING = "?"
"""Marks a matter that questions about something else mention too."""


class Absent(NamedTuple):
    """A matter that a question names and a rule never mentions.

    Attributes:
        name: as the question has it.
        certain: the question is about it, and does not just mention it.

    """

    name: str
    certain: bool


class _Subject(NamedTuple):
    names: tuple[str, ...]
    certain: bool


def absent_subject(question: str, regulation: Regulation) -> Absent | None:
    """Return the first matter, certain ones first, that is absent from a rule, or None."""
    for subject in sorted(_subjects(), key=lambda subject: not subject.certain):
        named = next((name for name in subject.names if name in question), None)
        if named is not None and not _mentions(regulation, subject.names):
            return Absent(named, subject.certain)
    return None


def _mentions(regulation: Regulation, names: tuple[str, ...]) -> bool:
    return any(name in article.text for name in names for article in regulation.articles)


@lru_cache(maxsize=1)
def _subjects() -> tuple[_Subject, ...]:
    rows = [line.split() for line in _FILE.read_text(encoding="utf-8").splitlines()]
    return tuple(
        _Subject(tuple(row[1:]), certain=False) if row[0] == _IN_PASSING else _Subject(tuple(row), certain=True)
        for row in rows
        if row and not row[0].startswith("#")
    )
