"""Answers <-> JSON, as they are kept with a conversation: whole, but for what was found and how long it took."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from assistant.answer import Answer
from ingest.errors import StoreError

FORMAT = 1
"""Goes up when a saved answer can no longer be read as before; a new field with a default needs no new one."""
_ANSWER = TypeAdapter(Answer)
_LEFT_OUT = frozenset({"hits", "milliseconds"})


def dump(answer: Answer) -> dict[str, Any]:
    """Write an answer as JSON values, without hits and milliseconds."""
    return {"format": FORMAT, "answer": _ANSWER.dump_python(answer, mode="json", exclude=set(_LEFT_OUT))}


def load(row: Mapping[str, Any]) -> Answer:
    """Read back what ``dump`` wrote.

    Raises:
        StoreError: it was written in another format, or is no answer.

    """
    if row.get("format") != FORMAT:
        raise StoreError(
            f"这条回答是用另一种格式（{row.get('format')}）保存的，这个版本只认得格式 {FORMAT}，请升级后再打开"
        )
    try:
        return _ANSWER.validate_python(row.get("answer"))
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"]) or "answer"
        raise StoreError(f"这条回答保存得不完整（{where}），打不开，请重新提问") from error
