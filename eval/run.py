"""Ask every case and keep what was answered: one line a case, in order, in a folder of its own."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from assistant.answer import to_prediction
from assistant.ask import Assistant
from eval.case import Case
from eval.metrics import about, chapter_of, rules_of, said_of, score
from eval.provenance import differences, hash_cases
from eval.rows import read_rows, write_row, write_rows
from ingest.errors import CaseError, SettingError

PREDICTIONS = "predictions.jsonl"
SCORES = "scores.jsonl"
ASKED = "cases.jsonl"
RUN = "run.json"
JUDGED = "judge.jsonl"


def run(
    cases: Sequence[Case],
    assistant: Assistant,
    folder: Path,
    *,
    workers: int = 1,
    resume: bool = False,
    county: str | None = None,
    made_with: Mapping[str, Any] | None = None,
    advance: Callable[[], None] = lambda: None,
) -> list[dict[str, Any]]:
    """Ask the cases and write predictions, scores and what they were made with.

    Predictions are appended as they come; with ``resume`` those already there are not asked
    again. At the end the file is put in the order of the cases. With ``county`` only what is asked
    and said of that county is scored.

    Raises:
        CaseError: the folder holds a run that was cut off and ``resume`` is not given, or another
            process is writing there.
        SettingError: the run to go on with was made with something else than what is here now.

    """
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        record = _begin(folder, {**(made_with or {}), "cases_hash": hash_cases(cases), "county": county}, resume)
        done = read_rows(folder / PREDICTIONS)
        for _ in done:
            advance()
        done |= _ask_all([case for case in cases if case.id not in done], assistant, folder, workers, advance)
        predictions = [done[case.id] for case in cases]
        write_rows(folder / PREDICTIONS, predictions)
        asked = [about(county, case) if county else case for case in cases]
        said = [said_of(county, prediction) if county else prediction for prediction in predictions]
        write_rows(folder / SCORES, _scored(asked, said, assistant))
        write_rows(folder / ASKED, [asdict(case) for case in asked])
        _write(folder, {**record, "finished_at": _now()})
    return predictions


def _begin(folder: Path, record: Mapping[str, Any], resume: bool) -> dict[str, Any]:
    """Check what the folder holds, and write what the run is made with before anything is asked."""
    before = _read(folder)
    if resume and before is not None:
        changed = differences(before, record)
        if changed:
            raise SettingError(
                f"{folder} 里的运行与现在的{'、'.join(changed)}不同，不能接着跑。"
                "请改回原样再 --resume，或者换一个 --out 重新跑"
            )
    elif before is not None and before.get("finished_at") is None:
        raise CaseError(f"{folder} 里有一次没跑完的运行。接着跑请加 --resume；要重来请换一个 --out，或删去这个文件夹")
    elif (folder / PREDICTIONS).exists() and before is None:
        raise CaseError(f"{folder} 里有预测而没有 {RUN}，不知道是用什么跑的。请换一个 --out")
    else:
        for name in (RUN, PREDICTIONS, SCORES, ASKED, JUDGED):
            (folder / name).unlink(missing_ok=True)
    started = before.get("started_at") if resume and before is not None else None
    begun = {**record, "started_at": started or _now(), "finished_at": None}
    _write(folder, begun)
    return begun


def _ask_all(
    cases: Sequence[Case], assistant: Assistant, folder: Path, workers: int, advance: Callable[[], None]
) -> dict[str, dict[str, Any]]:
    """Ask, and append each prediction as soon as it is there, in whatever order."""
    done: dict[str, dict[str, Any]] = {}
    with (folder / PREDICTIONS).open("a", encoding="utf-8") as file, _pool(workers) as pool:
        for future in as_completed([pool.submit(ask, case, assistant) for case in cases]):
            prediction = future.result()
            done[prediction["id"]] = prediction
            file.write(write_row(prediction))
            file.flush()
            advance()
    return done


def ask(case: Case, assistant: Assistant) -> dict[str, Any]:
    """Ask one case and return the prediction."""
    answer = assistant.ask(case.question, case.history, case.ui_county)
    return {"id": case.id, **to_prediction(answer)}


def _scored(cases: Sequence[Case], predictions: Sequence[Mapping[str, Any]], assistant: Assistant) -> list[Any]:
    rules = rules_of(assistant.index.regulations)
    return [
        {"id": case.id, "type": case.type, "county": case.county, "chapter": chapter_of(case, rules)}
        | {name: asdict(value) for name, value in score(case, prediction, rules).items()}
        for case, prediction in zip(cases, predictions, strict=True)
    ]


@contextmanager
def _pool(workers: int) -> Iterator[ThreadPoolExecutor]:
    """Give workers; what was not begun is left where the run is broken off."""
    pool = ThreadPoolExecutor(max(1, workers))
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other processes from writing to the folder."""
    try:
        with FileLock(folder / "run.lock", timeout=0):
            yield
    except Timeout as error:
        raise CaseError(f"另一个进程正在往 {folder} 里跑。请等它跑完，或换一个 --out") from error


def _read(folder: Path) -> dict[str, Any] | None:
    path = folder / RUN
    if not path.exists():
        return None
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CaseError(f"{path} 读不出来（{error}）。请换一个 --out，或删去 {folder}") from error
    return record


def _write(folder: Path, record: Mapping[str, Any]) -> None:
    draft = folder / f"{RUN}.part"
    draft.write_text(json.dumps(record, ensure_ascii=False, indent=1), encoding="utf-8")
    os.replace(draft, folder / RUN)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
