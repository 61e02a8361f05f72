"""Ask every case and keep what was answered: one line a case, in order, in a folder of its own."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from assistant.answer import to_prediction
from assistant.ask import Assistant
from eval.case import Case
from eval.metrics import about, rules_of, said_of, score
from ingest.errors import CaseError

PREDICTIONS = "predictions.jsonl"
SCORES = "scores.jsonl"
RUN = "run.json"


def run(
    cases: Sequence[Case],
    assistant: Assistant,
    folder: Path,
    *,
    workers: int = 1,
    resume: bool = False,
    county: str | None = None,
    settings: dict[str, Any] | None = None,
    advance: Callable[[], None] = lambda: None,
) -> list[dict[str, Any]]:
    """Ask the cases and write predictions, scores and what they were made with.

    Predictions are appended as they come; with ``resume`` those already there are not asked
    again. At the end the file is put in the order of the cases. With ``county`` only what is asked
    and said of that county is scored.

    Raises:
        CaseError: the folder holds another run and ``resume`` is not given.

    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / PREDICTIONS
    done = _finished(path) if resume else {}
    if path.exists() and not resume:
        path.unlink()
    left = [case for case in cases if case.id not in done]
    for _ in range(len(cases) - len(left)):
        advance()
    with path.open("a", encoding="utf-8") as file, ThreadPoolExecutor(max(1, workers)) as pool:
        for prediction in pool.map(lambda case: _ask(case, assistant), left):
            done[prediction["id"]] = prediction
            file.write(json.dumps(prediction, ensure_ascii=False) + "\n")
            file.flush()
            advance()
    predictions = [done[case.id] for case in cases]
    _write_lines(path, predictions)
    rules = rules_of(assistant.index.regulations)
    asked = [about(county, case) if county else case for case in cases]
    said = [said_of(county, prediction) if county else prediction for prediction in predictions]
    rows = [
        {"id": case.id, "type": case.type, "county": case.county}
        | {name: asdict(value) for name, value in score(case, prediction, rules).items()}
        for case, prediction in zip(asked, said, strict=True)
    ]
    _write_lines(folder / SCORES, rows)
    _write_lines(folder / "cases.jsonl", [asdict(case) for case in asked])
    made_with = {"finished_at": datetime.now(UTC).isoformat(timespec="seconds"), **(settings or {})}
    (folder / RUN).write_text(json.dumps(made_with, ensure_ascii=False, indent=1), encoding="utf-8")
    return predictions


def _ask(case: Case, assistant: Assistant) -> dict[str, Any]:
    answer = assistant.ask(case.question, case.history, case.ui_county)
    return {"id": case.id, **to_prediction(answer)}


def _finished(path: Path) -> dict[str, dict[str, Any]]:
    """Read the predictions of a run that was cut off; a half-written last line is asked again."""
    if not path.exists():
        return {}
    rows: dict[str, dict[str, Any]] = {}
    lines = path.read_text(encoding="utf-8").split("\n")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            rows[row["id"]] = row
        except (ValueError, KeyError, TypeError) as error:
            if number < len(lines):
                raise CaseError(f"{path}:{number}：不是一条预测（{error}），请删去此行后再 --resume") from error
    _write_lines(path, rows.values())
    return rows


def _write_lines(path: Path, rows: Iterable[Any]) -> None:
    draft = path.with_suffix(".part")
    draft.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    os.replace(draft, path)
