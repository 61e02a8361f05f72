"""Who somebody is, in everyday words and in the rule's: a rule often differs by the asker's role."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

_VERB = re.compile(r"应当?|须|需|(?<!主)要|向|报|经(?!济)|由")
_FILE = Path(__file__).parent / "roles.txt"


def roles_of(question: str) -> frozenset[str]:
    """Return the roles that a question names for its asker or for the person it is about."""
    found, rest = set(), question
    for role, everyday, _ in _roles():
        match = everyday.search(rest)
        if match:
            found.add(role)
            rest = everyday.sub("　", rest)
    return frozenset(found)


def roles_in(text: str) -> frozenset[str]:
    """Return the roles that a clause of a rule binds: those before its verb, not those who approve."""
    found, rest = set(), _VERB.split(text, maxsplit=1)[0]
    for role, _, official in _roles():
        if official.search(rest):
            found.add(role)
            rest = official.sub("　", rest)
    return frozenset(found)


def roles() -> list[str]:
    """Return the names of all roles, as the page offers them."""
    return [role for role, _, _ in _roles()]


@lru_cache(maxsize=1)
def _roles() -> tuple[tuple[str, re.Pattern[str], re.Pattern[str]], ...]:
    rows = [line.split() for line in _FILE.read_text(encoding="utf-8").splitlines()]
    return tuple(
        (row[0], re.compile(row[1]), re.compile(row[2])) for row in rows if len(row) == 3 and not row[0].startswith("#")
    )
