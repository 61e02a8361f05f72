"""Who does one thing is not told by words that say who does another: 谁签发, and the words say who 审核."""

from __future__ import annotations

import re

_ACTIONS = ("承办", "签发", "审签", "审核", "记录", "保管", "解释", "起草", "汇总", "召集", "主持", "印发", "通报")
_WHO_DOES = re.compile(rf"(?:谁|哪(?:个|些|家|里|一级)?(?:部门|单位|科室|领导)?|由)\w{{0,3}}?({'|'.join(_ACTIONS)})")
_SAME = (frozenset(["召集", "主持"]), frozenset(["签发", "审签"]))


def other_action(question: str, text: str) -> bool:
    """Tell whether somebody asks who does one thing, and the words only say who does others."""
    asked = set(_WHO_DOES.findall(question))
    asked |= {action for group in _SAME if asked & group for action in group}
    done = {action for action in _ACTIONS if action in text}
    return bool(asked and done and not asked & done)
