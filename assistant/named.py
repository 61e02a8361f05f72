"""Things that a rule treats one after another and that must not be taken for each other: kinds of meetings."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

_FILE = Path(__file__).parent / "named.txt"


def named_in(text: str) -> frozenset[str]:
    """Return what a text names of these things, each by the first of its names."""
    found, rest = set(), text
    for name, word in _names():
        if word in rest:
            found.add(name)
            rest = rest.replace(word, "　")
    return frozenset(found)


_ACTIONS = ("承办", "签发", "审签", "审核", "记录", "保管", "解释", "起草", "汇总", "召集", "主持", "印发", "通报")
_WHO_DOES = re.compile(rf"(?:谁|哪(?:个|些|家|里|一级)?(?:部门|单位|科室|领导)?|由)\w{{0,3}}?({'|'.join(_ACTIONS)})")
_SAME = (frozenset(["召集", "主持"]), frozenset(["签发", "审签"]))


def other_action(question: str, text: str) -> bool:
    """Tell whether somebody asks who does one thing, and the words only say who does others."""
    asked = set(_WHO_DOES.findall(question))
    asked |= {action for group in _SAME if asked & group for action in group}
    done = {action for action in _ACTIONS if action in text}
    return bool(asked and done and not asked & done)


@lru_cache(maxsize=1)
def _names() -> tuple[tuple[str, str], ...]:
    """Return pairs of a thing and one of its names, longer names first."""
    rows = [line.split() for line in _FILE.read_text(encoding="utf-8").splitlines()]
    pairs = [(row[0], word) for row in rows if row and not row[0].startswith("#") for word in row]
    return tuple(sorted(pairs, key=lambda pair: -len(pair[1])))
