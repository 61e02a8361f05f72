"""What is kept of a conversation, and how it stands in a row of the database."""

from __future__ import annotations

import json
import sqlite3
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from assistant.answer import Answer, plain_text, to_prediction
from ingest.errors import StoreError
from web.saved import dump, load

UNTITLED = "新对话"
TITLE = 24
"""Characters of a title made from the first question."""
COMMENT = 500
"""Characters of a comment at most."""
_LONGEST_TITLE = 100
"""Characters of a title that the owner gave."""


class Verdict(StrEnum):
    """👍 or 👎."""

    UP = "up"
    DOWN = "down"


class Fault(StrEnum):
    """What is wrong with an answer, as the page names it."""

    OFF_TOPIC = "答非所问"
    WRONG_CITATION = "引用有误"
    MISSING = "缺内容"


@dataclass(frozen=True, slots=True)
class Feedback:
    """What the asker thinks of an answer.

    Attributes:
        verdict: up or down.
        fault: what is wrong, with ``down`` only.
        comment: in the asker's words, at most ``COMMENT`` characters.

    """

    verdict: Verdict
    fault: Fault | None = None
    comment: str = ""

    def __post_init__(self) -> None:
        if self.verdict is Verdict.UP and self.fault is not None:
            raise StoreError(f"“有用”不能带“{self.fault}”这样的原因")
        if len(self.comment) > COMMENT:
            raise StoreError(f"意见最多写 {COMMENT} 字，现在是 {len(self.comment)} 字，请缩短")


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation as it is listed; times are local."""

    id: str
    title: str
    created_at: datetime
    updated_at: datetime
    turns: int


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, how it was asked, and what came of it; what is appended to a conversation.

    Attributes:
        question: as asked.
        answer: the answer, with its hits where it is fresh; None where there is none.
        error: what was shown instead of an answer.
        county: county that was chosen, or None.
        role: role that was chosen, or None.
        corpus: hash of the regulations that it was asked of (``corpus_hash``).

    """

    question: str
    answer: Answer | None = None
    error: str | None = None
    county: str | None = None
    role: str | None = None
    corpus: str = ""


@dataclass(frozen=True, slots=True)
class SavedTurn:
    """A turn as it was kept.

    Attributes:
        id: never used for another turn.
        asked: the question and its answer, without hits and times.
        asked_at: when, in local time.
        feedback: what the asker thinks of it, if they said so.

    """

    id: int
    asked: Asked
    asked_at: datetime
    feedback: Feedback | None = None


class Rated(NamedTuple):
    """A turn with feedback, whose it may be: what an evaluation case can be made of.

    Attributes:
        turn: id of the turn.
        question: as asked.
        history: the messages before it, oldest first.
        county: county that was chosen.
        role: role that was chosen.
        prediction: what was answered, cited and found (see docs/evaluation.md); None for an error.
        error: what was shown instead of an answer.
        corpus: hash of the regulations.
        feedback: what the asker thinks of it.
        given_at: when they said so, in local time.

    """

    turn: int
    question: str
    history: tuple[dict[str, str], ...]
    county: str | None
    role: str | None
    prediction: dict[str, Any] | None
    error: str | None
    corpus: str
    feedback: Feedback
    given_at: datetime


def clean(text: str) -> str:
    """Replace what no database and no file holds: NUL and halves of surrogate pairs; whole pairs are joined."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "\ufffd")


def fold(text: str) -> str:
    """Make texts alike that differ in width and case only."""
    return unicodedata.normalize("NFKC", text).casefold()


def holds(text: str, words: str) -> bool:
    """Tell whether all of some folded words (a JSON list) stand in a text."""
    folded = fold(text)
    return all(word in folded for word in json.loads(words))


def make_title(question: str) -> str:
    """Make a title of a question: one line, cut short."""
    title = title_line(question)
    return title if len(title) <= TITLE else title[: TITLE - 1].rstrip("\u200d\ufe0f ") + "…"


def title_line(text: str) -> str:
    """Write a title in one line, without control characters; ``UNTITLED`` if nothing is left."""
    line = "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in clean(text))
    return " ".join(line.split())[:_LONGEST_TITLE] or UNTITLED


def local_time(seconds: float) -> datetime:
    """Turn seconds since 1970 into local time."""
    return datetime.fromtimestamp(seconds).astimezone()


def to_values(asked: Asked) -> tuple[str | None, ...]:
    """Write a turn as question, said, answer, prediction, error, county, role and corpus."""
    answer = asked.answer
    said = plain_text(answer) if answer is not None else asked.error or ""
    kept = (_json(dump(answer)), _json(to_prediction(answer))) if answer is not None else (None, None)
    values = (asked.question, said, *kept, asked.error, asked.county, asked.role, asked.corpus)
    return tuple(None if value is None else clean(value) for value in values)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def to_conversation(row: sqlite3.Row) -> Conversation:
    """Read a conversation with its count of turns."""
    return Conversation(
        row["id"], row["title"], local_time(row["created_at"]), local_time(row["updated_at"]), row["turns"]
    )


def to_turn(row: sqlite3.Row) -> SavedTurn:
    """Read a turn with its feedback; an answer that cannot be read is an error instead."""
    answer, error = None, row["error"]
    if row["answer"] is not None:
        try:
            answer = load(json.loads(row["answer"]))
        except StoreError as fault:
            error = str(fault)
    asked = Asked(row["question"], answer, error, row["county"], row["role"], row["corpus"])
    feedback = _to_feedback(row) if row["verdict"] is not None else None
    return SavedTurn(row["id"], asked, local_time(row["asked_at"]), feedback)


def _to_feedback(row: sqlite3.Row) -> Feedback:
    return Feedback(Verdict(row["verdict"]), Fault(row["fault"]) if row["fault"] else None, row["comment"])


def to_rated(row: sqlite3.Row, history: tuple[dict[str, str], ...]) -> Rated:
    """Read a turn with feedback."""
    return Rated(
        turn=row["id"],
        question=row["question"],
        history=history,
        county=row["county"],
        role=row["role"],
        prediction=json.loads(row["prediction"]) if row["prediction"] else None,
        error=row["error"],
        corpus=row["corpus"],
        feedback=_to_feedback(row),
        given_at=local_time(row["given_at"]),
    )
