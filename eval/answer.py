"""A table of questions -> a table of answers, with several processes, going on where a killed run stopped."""

from __future__ import annotations

import hashlib
import logging
import multiprocessing
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from assistant.__main__ import open_writer
from assistant.answer import to_prediction
from assistant.ask import Assistant
from assistant.places import short_name
from assistant.roles import roles
from assistant.settings import Settings
from eval.journal import Journal
from eval.tables import Row, Table, check_writable, read_table, write_table
from index import generations, manifest
from index.library import Library
from ingest.corpus import in_force, read_corpus
from ingest.errors import CaseError, IndexUnavailable, XianguiError

log = logging.getLogger(__name__)

QUESTION = ("问题", "question", "提问", "题目")
COUNTY = ("县", "county")
ROLE = ("身份", "role")
NUMBER = ("编号", "id")
LONGEST = 10_000
"""Characters of a question; longer ones are not asked."""
ANSWERS = ("回答", "引用", "引文", "把握", "是否拒答", "原因")
ANSWERED = "回答的县"
PREDICTION = "prediction"
_WORTH = 50
"""Questions from which another process is worth starting."""
_AHEAD = 4
"""Questions a process that wait for it."""
_PATIENCE = 0.2


class Asked(NamedTuple):
    """A question as it is asked; the same one is asked once."""

    question: str
    county: str | None
    role: str | None


class Line(NamedTuple):
    """A row of the table: what is asked, or why nothing is."""

    row: Row
    asked: Asked | None
    fault: str | None


class State(NamedTuple):
    """How far a run is.

    Attributes:
        done: questions answered, those of an earlier run among them.
        total: different questions.
        before: those answered by an earlier run.
        seconds: since this run began to ask.

    """

    done: int
    total: int
    before: int
    seconds: float

    @property
    def rate(self) -> float:
        """Questions a second in this run."""
        return (self.done - self.before) / self.seconds if self.seconds > 0 else 0.0

    @property
    def left(self) -> float | None:
        """Seconds left, or None while nothing tells."""
        return (self.total - self.done) / self.rate if self.rate > 0 else None


class Summary(NamedTuple):
    """What became of a table.

    Attributes:
        rows: rows with a question.
        different: different questions that were asked.
        refused: rows whose question the rules do not answer.
        faults: rows that were not asked, each a row number and why.
        skipped: numbers of empty rows.
        cleaned: control characters that were left out.
        seconds: of asking, in this run.
        asked: questions asked in this run.

    """

    rows: int
    different: int
    refused: int
    faults: list[tuple[int, str]]
    skipped: list[int]
    cleaned: int
    seconds: float
    asked: int


class Stopped(XianguiError):
    """A run was stopped before its end; what was answered is kept."""


def answer_file(
    source: Path,
    out: Path,
    settings: Settings,
    *,
    workers: int | None = None,
    resume: bool = False,
    most: int | None = None,
    apart: bool = False,
    advance: Callable[[State], None] = lambda state: None,
    stop: threading.Event | None = None,
) -> Summary:
    """Answer the questions of a table and write them, with the answers, to another one.

    Args:
        source: .xlsx, .csv or .jsonl; see ``QUESTION``, ``COUNTY`` and ``ROLE`` for its columns.
        out: any of these too; it is written at the end, in one step.
        settings: there must be an index that matches them.
        workers: processes; None for as many as there are cores.
        resume: go on with a run that was killed.
        most: questions that are allowed, or None.
        apart: ask in other processes even where one is enough, so that this one stays quick.
        advance: told how far the run is.
        stop: set from another thread to stop; the answers so far stay in the journal.

    Raises:
        CaseError: the table cannot be read or written, or there is another run's journal.
        Stopped: ``stop`` was set.

    """
    check_writable(out)
    if source.resolve() == out.resolve():
        raise CaseError(f"{out}：输出不能写回输入的文件，请另起一个名字")
    table = read_table(source, [name for names in (QUESTION, COUNTY, ROLE, NUMBER) for name in names])
    built, known = _index_of(settings)
    lines = _understand(table, known)
    if most is not None and len(lines) > most:
        raise CaseError(f"{table.name}：有 {len(lines):,} 个问题，一次最多 {most:,} 个，请分成几个文件")
    wanted = list(dict.fromkeys(line.asked for line in lines if line.asked is not None))
    run = {"输入文件": hashlib.sha256(source.read_bytes()).hexdigest(), "索引": built, "设置": _decisive(settings)}
    journal = Journal(out.with_name(f"{out.name}.journal"), run, resume=resume)
    finished = False
    start = time.perf_counter()
    try:
        answers = {Asked(*row["asked"]): row["said"] for row in journal.done}
        before = len(answers)

        def told() -> None:
            advance(State(len(answers), len(wanted), before, time.perf_counter() - start))

        told()
        left = [asked for asked in wanted if asked not in answers]
        for asked, said in _ask_all(left, settings, workers or cores(), stop or threading.Event(), apart=apart):
            journal.add({"asked": asked, "said": said})
            answers[asked] = said
            told()
        seconds = time.perf_counter() - start
        _write(out, table, lines, answers)
        finished = True
    finally:
        journal.close(finished=finished)
    return _summarise(table, lines, answers, seconds, len(left))


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _index_of(settings: Settings) -> tuple[str, list[str]]:
    """Return a digest of what the index in use was built with, and the counties in it."""
    folder = generations.current(settings.index_dir)
    if folder is None:
        raise CaseError(f"{settings.index_dir} 里没有索引。请运行：python -m index build")
    built = asdict(manifest.read(folder))
    decisive = {
        name: built[name] for name in ("corpus", "model", "dictionary", "questions", "points", "format", "libraries")
    }
    counties = dict.fromkeys(r.county for r in in_force(read_corpus(folder / "corpus")) if r.county)
    return hashlib.sha256(repr(decisive).encode()).hexdigest(), list(counties)


def _decisive(settings: Settings) -> dict[str, Any]:
    """Keep what decides an answer besides the index."""
    names = ("embedding_instruction", "reranker", "llm_base_url", "llm_model", "evidence", "evidence_in_doubt")
    return {name: getattr(settings, name) for name in names}


def _understand(table: Table, known: Sequence[str]) -> list[Line]:
    """Find the columns, and what each row asks."""
    question, of_county, of_role = (_column(table, names) for names in (QUESTION, COUNTY, ROLE))
    if question is None and table.columns:
        raise CaseError(
            f"{table.name}：没有“问题”这一列（也可以叫 {'、'.join(QUESTION[1:])}），现有：{'、'.join(table.columns)}"
        )
    counties = {name: county for county in known for name in (county, short_name(county))}
    lines = []
    for row in table.rows:
        text, county, role = (_text(row, name) for name in (question or "", of_county, of_role))
        fault = row.fault
        if fault is None and not text:
            fault = "没有写问题"
        if fault is None and len(text) > LONGEST:
            fault = f"问题有 {len(text):,} 字，最多 {LONGEST:,} 字"
        if fault is None and county and county not in counties:
            fault = f"没有“{county}”的规则，现有：{'、'.join(known)}"
        if fault is None and role and role not in roles():
            fault = f"没有“{role}”这种身份，可用：{'、'.join(roles())}"
        lines.append(
            Line(row, None if fault else Asked(text, counties[county] if county else None, role or None), fault)
        )
    return lines


def _text(row: Row, column: str | None) -> str:
    return "" if column is None else str(row.values.get(column, "")).strip()


def _column(table: Table, names: Sequence[str]) -> str | None:
    """Find a column by the first of its names that is there."""
    by_name = {column.lower(): column for column in reversed(table.columns)}
    return next((by_name[name] for name in names if name in by_name), None)


def _ask_all(
    left: Sequence[Asked], settings: Settings, workers: int, stop: threading.Event, *, apart: bool
) -> Iterator[tuple[Asked, dict[str, Any]]]:
    """Ask the questions, and give each answer as it comes; a single process is this one, but for ``apart``."""
    workers = min(workers, -(-len(left) // _WORTH))
    if workers <= 1 and not apart:
        yield from _ask_here(left, settings, stop)
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(max(1, workers), context, _begin, (settings,))
    waiting: dict[Future[dict[str, Any]], Asked] = {}
    queue = iter(left)
    try:
        while True:
            for asked in islice(queue, max(1, workers) * _AHEAD - len(waiting)):
                waiting[pool.submit(_answer, asked)] = asked
            if not waiting:
                break
            ready, _ = wait(waiting, timeout=_PATIENCE, return_when=FIRST_COMPLETED)
            for future in ready:
                yield waiting.pop(future), future.result()
            _heed(stop)
    except BrokenProcessPool as error:
        raise Stopped(
            "一个工作进程被系统结束了，多半是内存不够。已答的都留着：加 --resume --workers 1 接着做"
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _ask_here(
    left: Sequence[Asked], settings: Settings, stop: threading.Event
) -> Iterator[tuple[Asked, dict[str, Any]]]:
    if not left:
        return
    with _opened(settings) as assistant:
        for asked in left:
            _heed(stop)
            yield asked, _said(assistant, asked)


def _heed(stop: threading.Event) -> None:
    if stop.is_set():
        raise Stopped("已停止。已答的都留着，可以接着做")


@contextmanager
def _opened(settings: Settings) -> Iterator[Assistant]:
    library = Library(settings)
    try:
        yield Assistant(library, settings, open_writer(settings))
    finally:
        library.close()


_assistant: Assistant | None = None
"""Of a worker process."""


def _begin(settings: Settings) -> None:
    """Make a process ready: it answers with one thread, and ends when the one that started it does."""
    import signal

    import torch
    from threadpoolctl import threadpool_limits

    global _assistant
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent tells when to stop
    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(1)
    threadpool_limits(1)  # so does its algebra: the threads of several processes would wait for each other
    _assistant = Assistant(Library(settings), settings, open_writer(settings))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _answer(asked: Asked) -> dict[str, Any]:
    if _assistant is None:
        raise RuntimeError("no assistant: the process was not made ready")
    return _said(_assistant, asked)


def _said(assistant: Assistant, asked: Asked) -> dict[str, Any]:
    """Answer one question; one that fails does not end the run."""
    try:
        said = to_prediction(assistant.ask(asked.question, county=asked.county, role=asked.role))
    except IndexUnavailable:
        raise
    except XianguiError as error:
        return {"fault": str(error)}
    except Exception:  # one of ten thousand questions must not take the others with it; the log has the trace
        log.exception("a question failed: %s", asked.question[:200])
        return {"fault": "这个问题没能处理，请换个说法；日志里有原因"}
    del said["latency_ms"]  # all else is the same each time that the question is asked
    return said


def _write(out: Path, table: Table, lines: Sequence[Line], answers: dict[Asked, dict[str, Any]]) -> None:
    own = {
        column: f"{column}（原表）" if column in (*ANSWERS, ANSWERED, PREDICTION) else column
        for column in table.columns
    }
    extra = [name for line in lines for name in line.row.values if name and name not in own]
    own |= {name: name for name in dict.fromkeys(extra)} if table.columns else {"": QUESTION[0]}
    columns = [*own.values(), *ANSWERS, ANSWERED]
    machine = out.suffix.lower() == ".jsonl"

    def rows() -> Iterator[dict[str, Any]]:
        for line in lines:
            said = answers[line.asked] if line.asked is not None else {"fault": line.fault}
            row = {own[name]: value for name, value in line.row.values.items()} | cells(said)
            yield row | ({PREDICTION: None if "fault" in said else said} if machine else {})

    write_table(out, columns, rows())


def cells(said: dict[str, Any]) -> dict[str, Any]:
    """Write a prediction as cells of a table, by ``ANSWERS`` and ``ANSWERED``."""
    if "fault" in said:
        return {"原因": f"没有问：{said['fault']}"}
    citations = said["citations"]
    marks = [f"[{n}] " if len(citations) > 1 else "" for n in range(1, len(citations) + 1)]
    return {
        "回答": said["answer"],
        "引用": "\n".join(mark + citation["label"] for mark, citation in zip(marks, citations, strict=True)),
        "引文": "\n".join(mark + citation["quote"] for mark, citation in zip(marks, citations, strict=True)),
        "把握": said["confidence"],
        "是否拒答": "是" if said["refused"] else "否",
        "原因": "；".join(dict.fromkeys(said["reasons"])),
        ANSWERED: "、".join(said["counties"]),
    }


def _summarise(
    table: Table, lines: Sequence[Line], answers: dict[Asked, dict[str, Any]], seconds: float, asked: int
) -> Summary:
    said = [(line.row.number, answers[line.asked] if line.asked else {"fault": line.fault}) for line in lines]
    return Summary(
        rows=len(lines),
        different=len(answers),
        refused=sum(bool(each.get("refused")) for _, each in said),
        faults=[(number, str(each["fault"])) for number, each in said if "fault" in each],
        skipped=table.skipped,
        cleaned=table.cleaned,
        seconds=seconds,
        asked=asked,
    )


def describe(summary: Summary, most: int = 20) -> list[str]:
    """Say what became of a table, a line each; of faults, at most so many."""
    answered = summary.rows - summary.refused - len(summary.faults)
    lines = [f"{summary.rows} 个问题：{answered} 个有回答，{summary.refused} 个未规定，{len(summary.faults)} 个没有问"]
    if summary.rows - len(summary.faults) > summary.different:
        lines.append(f"重复的只问一次：不同的问题 {summary.different} 个")
    if summary.asked and summary.seconds:
        rate = summary.asked / summary.seconds
        often = f"，每秒 {rate:.1f} 个" if rate >= 1 else ""  # of a few questions most of the time is the start
        lines.append(f"这次问了 {summary.asked} 个，用时 {summary.seconds:.1f} 秒{often}")
    if summary.skipped:
        shown = "、".join(map(str, summary.skipped[:most])) + ("等" if len(summary.skipped) > most else "")
        lines.append(f"跳过 {len(summary.skipped)} 个空行：第 {shown} 行")
    if summary.cleaned:
        lines.append(f"去掉了 {summary.cleaned} 个表格里不能有的控制字符")
    lines += [f"第 {number} 行没有问：{why}" for number, why in summary.faults[:most]]
    if len(summary.faults) > most:
        common = Counter(why.split("，")[0] for _, why in summary.faults).most_common(3)
        lines.append(f"……还有 {len(summary.faults) - most} 行，最多的是：{'；'.join(why for why, _ in common)}")
    return lines
