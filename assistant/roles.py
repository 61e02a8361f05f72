"""Who somebody is, in everyday words and in the rule's: a rule often differs by the asker's role."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

_ASKED_BY = re.compile(r"(?:(?:报请?|呈|送|经|向|找|跟)(?:分管的?)?|(?<!是)不是|并非|而非)$")
"""Before the name of somebody who is asked, or is not meant: 报请县长, 跟分管副县长, 不是副县长; not 请 and 让, after which
stands who does something: 请县长剪彩."""
_DECIDES = re.compile(r"(?:的)?(?:同意|批|审|签|点头|拍板|说了算)")
"""After it, of somebody who approves."""
_LEFT_OUT = re.compile(r"[（(](?:不含|不包[含括]|除)[^）)]*[）)]")
_VERB = re.compile(r"应当?|须|需|(?<!主)要|向|报|经(?!济)|由")
_FILE = Path(__file__).parent / "roles.txt"


def roles_of(question: str) -> frozenset[str]:
    """Return the roles that a question names for its asker or for the person it is about.

    Who is asked for leave or approves is neither.
    """
    found, rest = set(), question
    for role, everyday, _ in _roles():
        if any(not _approves(match) for match in everyday.finditer(rest)):
            found.add(role)
        rest = everyday.sub("　", rest)
    return frozenset(found)


def _approves(match: re.Match[str]) -> bool:
    """Tell whether the words around somebody's name say that they are asked, or decide."""
    before, after = match.string[: match.start()], match.string[match.end() :]
    return bool(_ASKED_BY.search(before) or _DECIDES.match(after))


def roles_in(text: str) -> frozenset[str]:
    """Return the roles that a clause of a rule binds: those before its verb, not those who approve or are left out."""
    found, rest = set(), _VERB.split(_LEFT_OUT.sub("", text), maxsplit=1)[0]
    for role, _, official in _roles():
        if official.search(rest):
            found.add(role)
            rest = official.sub("　", rest)
    return frozenset(found)


def with_leaders(roles: frozenset[str], text: str) -> frozenset[str]:
    """Add to the roles that a clause binds those that it binds in other words: 县政府领导, 县政府组成人员."""
    if "县政府领导" in text:
        roles |= {"县长", "副县长"}
    if "组成人员" in text:
        roles |= {"副县长", "局长", "办公室主任"}
    return roles | {"常务副县长"} if "副县长" in roles else roles


def roles() -> list[str]:
    """Return the names of all roles, as the page offers them."""
    return [role for role, _, _ in _roles()]


@lru_cache(maxsize=1)
def _roles() -> tuple[tuple[str, re.Pattern[str], re.Pattern[str]], ...]:
    rows = [line.split() for line in _FILE.read_text(encoding="utf-8").splitlines()]
    return tuple(
        (row[0], re.compile(row[1]), re.compile(row[2])) for row in rows if len(row) == 3 and not row[0].startswith("#")
    )
