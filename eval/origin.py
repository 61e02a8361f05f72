"""What a run was made with, in the words of the report."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from eval.labels import MADE_WITH, MODES

_CHINA = timezone(timedelta(hours=8))


def made_with_rows(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """List all that a run was made with, named in Chinese where it has a name."""
    for name, value in row.items():
        if name != "finished_at" and value is not None:
            yield MADE_WITH.get(name, name), MODES.get(value, _text(value)) if isinstance(value, str) else _text(value)
    if "corpus" not in row and "regulations" in row:
        yield MADE_WITH["corpus"], _corpus(row)


def _text(value: object) -> str:
    if isinstance(value, Mapping):
        return "\n".join(f"{key}：{_text(inner)}" for key, inner in value.items())
    if isinstance(value, list):
        return "、".join(map(_text, value))
    return "未设" if value is None else str(value)


def command(made_with: Mapping[str, Any]) -> str:
    """Return the command that makes the run again."""
    cases = str(made_with.get("cases", "用例文件"))
    return "make eval" if cases == "eval/cases/dev.jsonl" else f"python -m eval run --cases {shlex.quote(cases)}"


def origin(made_with: Mapping[str, Any]) -> str:
    """Say in one line what was asked: rules, by whom answered, on what machine."""
    rules = made_with.get("regulations") or {}
    facts = [f"规则 {len(rules)} 部（文本哈希 {_corpus(made_with)[:12]}）"] if rules else []
    facts += [f"回答方式：{MODES.get(made_with['mode'], made_with['mode'])}"] if "mode" in made_with else []
    facts += [f"向量模型 {_text(made_with['model'])[:12]}"] if "model" in made_with else []
    machine = [str(made_with["machine"])] if "machine" in made_with else []
    machine += [f"{made_with['cores']} 核"] if "cores" in made_with else []
    return "；".join([*facts, *([f"机器：{'，'.join(machine)}"] if machine else [])])


def _corpus(made_with: Mapping[str, Any]) -> str:
    own = made_with.get("corpus")
    return (
        own
        if isinstance(own, str)
        else hashlib.sha256(json.dumps(made_with["regulations"], sort_keys=True).encode()).hexdigest()
    )


def date(finished: object) -> str:
    """Write when a run was finished, by Beijing's clock."""
    try:
        moment = datetime.fromisoformat(str(finished)).astimezone(_CHINA)
    except ValueError:
        return "时间不详"
    return f"{moment.year}年{moment.month}月{moment.day}日 {moment:%H:%M}（北京时间）"
