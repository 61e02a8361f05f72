"""Work rules that exist nowhere, with questions: counties that a model can be kept from seeing.

Written for this project by a language model in the manner of work rules, each of its own cut, so
that training meets more rules than the five that are bundled. Nothing is ever answered from them.
Some are held out of the model that the ranking is fitted with: what it does there is what it will do
with a county that a user adds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from index.questions import TRAINING, BankQuestion
from ingest.law import Regulation
from ingest.parse import parse

RULES = TRAINING / "rules"
_HELD_OUT = slice(0, None, 3)
"""Which of the rules, in the order of their names, are held out while the ranking is fitted."""


class Invented(NamedTuple):
    """A rule, the questions that its articles answer, and whether it is held out for fitting."""

    regulation: Regulation
    questions: tuple[BankQuestion, ...]
    held_out: bool


@lru_cache(maxsize=1)
def invented() -> tuple[Invented, ...]:
    """Read all of them."""
    paths = sorted(RULES.glob("*.jsonl"))
    held = set(paths[_HELD_OUT])
    return tuple(_read(path, path in held) for path in paths)


def _read(path: Path, held_out: bool) -> Invented:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    county = path.stem
    regulation = parse("\n".join(_source(county, rows)), path.name)
    questions = tuple(
        BankQuestion(county, r["number"], q["question"], q["quote"]) for r in rows for q in r["questions"]
    )
    return Invented(regulation, questions, held_out)


def _source(county: str, rows: list[dict[str, str]]) -> Iterator[str]:
    yield f"{county}人民政府工作规则"
    chapter = None
    for row in rows:
        if row["chapter"] != chapter:
            chapter = row["chapter"]
            yield chapter
        yield f"第{row['number']}条 {row['text']}"


def invented_questions() -> tuple[BankQuestion, ...]:
    """Return the questions of all of them."""
    return tuple(question for each in invented() for question in each.questions)
