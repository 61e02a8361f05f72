"""Matters that a rule provides for or not, told by their names: 县长办公会议, 新闻发言人, 印章."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from ingest.law import Regulation

_FILE = Path(__file__).parent / "subjects.txt"


def absent_subject(question: str, regulation: Regulation) -> str | None:
    """Return the first matter that the question names and the rule never mentions, or None."""
    for names in _subjects():
        named = next((name for name in names if name in question), None)
        if named is not None and not _mentions(regulation, names):
            return named
    return None


def _mentions(regulation: Regulation, names: tuple[str, ...]) -> bool:
    return any(name in article.text for name in names for article in regulation.articles)


@lru_cache(maxsize=1)
def _subjects() -> tuple[tuple[str, ...], ...]:
    lines = _FILE.read_text(encoding="utf-8").splitlines()
    return tuple(tuple(line.split()) for line in lines if line.strip() and not line.startswith("#"))
