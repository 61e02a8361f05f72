"""Everyday words for what a rule names otherwise: 局长 is 部门主要负责人, 公章 is 印章."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

_FILE = Path(__file__).parent / "glossary.txt"


def rule_words(question: str) -> list[str]:
    """Return the rule's words for the everyday words of a question."""
    return [formal for everyday, formal in _entries() if any(_names(word, question) for word in everyday)]


def meanings(question: str) -> list[tuple[str, str]]:
    """Return the everyday words of a question, each with the rule's word that it was also understood as."""
    found = []
    for everyday, formal in _entries():
        word = next((word for word in everyday if _names(word, question)), None)
        if word is not None and word not in formal and formal not in question:
            found.append((word, formal))
    return found


def _names(word: str, question: str) -> bool:
    """Tell whether a question names this: 副局长 is no 局长, and a bureau's 二把手 none of the county's."""
    places = (match.start() for match in re.finditer(re.escape(word), question))
    of_others = _OF_A_UNIT if "把手" in word else _DEPUTY
    return any(not of_others.search(question[:place]) for place in places)


_DEPUTY = re.compile(r"副$")
_OF_A_UNIT = re.compile(r"(?:局|镇|乡|部门|单位|街道|公司|企业)(?:里|上)?的?$")


@lru_cache(maxsize=1)
def _entries() -> tuple[tuple[tuple[str, ...], str], ...]:
    rows = [line.split() for line in _FILE.read_text(encoding="utf-8").splitlines()]
    return tuple((tuple(row[:-1]), row[-1]) for row in rows if len(row) > 1 and not row[0].startswith("#"))
