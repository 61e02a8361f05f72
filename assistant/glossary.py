"""Everyday words for what a rule names otherwise: 局长 is 部门主要负责人, 公章 is 印章."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

_FILE = Path(__file__).parent / "glossary.txt"


def rule_words(question: str) -> list[str]:
    """Return the rule's words for the everyday words of a question."""
    return [formal for everyday, formal in _entries() if any(word in question for word in everyday)]


def meanings(question: str) -> list[tuple[str, str]]:
    """Return the everyday words of a question, each with the rule's word that it was also understood as."""
    found = []
    for everyday, formal in _entries():
        word = next((word for word in everyday if word in question), None)
        if word is not None and word not in formal and formal not in question:
            found.append((word, formal))
    return found


@lru_cache(maxsize=1)
def _entries() -> tuple[tuple[tuple[str, ...], str], ...]:
    rows = [line.split() for line in _FILE.read_text(encoding="utf-8").splitlines()]
    return tuple((tuple(row[:-1]), row[-1]) for row in rows if len(row) > 1 and not row[0].startswith("#"))
