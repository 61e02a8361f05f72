"""A small fixed set of cases whose scores may not fall below what is written beside them."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assistant.ask import Assistant
from eval.case import CASES, Case, read_cases
from eval.metrics import LOWER_IS_BETTER, SCORERS, Score, rules_of, score, summarise
from eval.report import NAMES
from eval.run import ask
from ingest.errors import CaseError

FILE = CASES / "gate.json"
"""The bundled gate: which cases, out of which file, and how far each score may fall."""
_UNMEASURED = frozenset({"latency_ms"})
"""Scores that say more about the machine than about the answers."""


@dataclass(frozen=True, slots=True)
class Gate:
    """Cases and limits.

    Attributes:
        cases: what is asked.
        limits: least mean of each score; of those that are the better the smaller, the most.

    """

    cases: tuple[Case, ...]
    limits: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Fall:
    """A score beyond its limit, and what is wrong in which cases."""

    name: str
    limit: float
    value: float | None
    why: tuple[str, ...]

    def __str__(self) -> str:
        """Name the score, its limit, its value and the cases."""
        value = "没有一例有分" if self.value is None else f"{self.value:.3f}"
        bound = "高于上限" if self.name in LOWER_IS_BETTER else "低于下限"
        return "\n    ".join([f"{NAMES[self.name]}（{self.name}）{value}，{bound} {self.limit:.3f}", *self.why])


def read_gate(path: Path = FILE) -> Gate:
    """Read a gate; the file of its cases is named relative to it.

    Raises:
        CaseError: it cannot be read, names a case that its file does not hold, or an unknown score.

    """
    try:
        row = json.loads(path.read_text(encoding="utf-8"))
        source, ids, limits = path.parent / row["source"], list(row["cases"]), dict(row["limits"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CaseError(f"{path}：读不出来（{error}）") from error
    cases = {case.id: case for case in read_cases(source)}
    missing = [name for name in ids if name not in cases]
    if missing:
        raise CaseError(f"{path}：{source} 里没有用例 {'、'.join(missing)}")
    unknown = [name for name in limits if name not in SCORERS]
    if unknown:
        raise CaseError(f"{path}：没有 {'、'.join(unknown)} 这种分数")
    return Gate(tuple(cases[name] for name in ids), limits)


def ask_gate(gate: Gate, assistant: Assistant) -> list[dict[str, Any]]:
    """Ask the cases of a gate."""
    return [ask(case, assistant) for case in gate.cases]


def falls(gate: Gate, predictions: Sequence[Mapping[str, Any]], assistant: Assistant) -> list[Fall]:
    """Name every score that is beyond its limit."""
    rows = _score(gate, predictions, assistant)
    found = []
    for name, limit in gate.limits.items():
        mean = summarise(gate.cases, rows, name)
        value = None if mean is None else mean.mean
        if value is None or _beyond(name, value, limit):
            found.append(Fall(name, limit, value, tuple(_faults(gate.cases, rows, name))))
    return found


def set_limits(gate: Gate, predictions: Sequence[Mapping[str, Any]], assistant: Assistant, path: Path) -> None:
    """Write as limits what the scores are now, rounded outwards to the hundredth."""
    rows = _score(gate, predictions, assistant)
    means = {name: summarise(gate.cases, rows, name) for name in SCORERS if name not in _UNMEASURED}
    limits = {name: _outwards(name, mean.mean) for name, mean in means.items() if mean is not None}
    row = {**json.loads(path.read_text(encoding="utf-8")), "limits": limits}
    draft = path.with_suffix(".part")
    draft.write_text(json.dumps(row, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    os.replace(draft, path)


def _score(gate: Gate, predictions: Sequence[Mapping[str, Any]], assistant: Assistant) -> list[dict[str, Score]]:
    rules = rules_of(assistant.index.regulations)
    return [score(case, prediction, rules) for case, prediction in zip(gate.cases, predictions, strict=True)]


def _beyond(name: str, value: float, limit: float) -> bool:
    return value > limit + 1e-9 if name in LOWER_IS_BETTER else value < limit - 1e-9


def _outwards(name: str, value: float) -> float:
    return (math.ceil if name in LOWER_IS_BETTER else math.floor)(round(value * 100, 6)) / 100


def _faults(cases: Sequence[Case], rows: Sequence[Mapping[str, Score]], name: str) -> list[str]:
    return [
        f"{case.id} {case.question}：{row[name].why}" for case, row in zip(cases, rows, strict=True) if row[name].why
    ]
