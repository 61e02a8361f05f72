"""Speed and memory of each step, each part measured in a process of its own and kept until the next run."""

from __future__ import annotations

import json
import os
import platform
import random
import resource
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import NamedTuple

from gradio_client import Client

from assistant.ask import Assistant
from assistant.places import short_name
from assistant.settings import Settings
from eval.answer import answer_file
from eval.case import CASES, Case, read_cases
from eval.tables import write_table
from index import library
from index.questions import BUNDLED as BANK
from index.questions import read_bank
from ingest.corpus import BUNDLED, ingest

PARTS = ("ingest", "index", "ask", "serve", "batch", "growth")
TIMES = (1, 10, 100)
WITH_BANK = 10
"""Times the corpus up to which it is also measured with the bank's questions copied: each copy adds 17,358."""
BATCH = 1000
_REPEATS = 5
_SERVE_SECONDS = 120
_SEED = 7
_SILENT = 3
_FIRST, _SECOND = "甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳午未申酉戌亥", "曙旭晨昕晗晞暄暻昶昉昱晔曦晟"


class Row(NamedTuple):
    """One measurement.

    Attributes:
        name: what was measured.
        unit: ms, s, MiB, 1/s.
        median: in that unit.
        p95: in that unit, or None where it was measured too few times.
        times: how often.

    """

    name: str
    unit: str
    median: float
    p95: float | None = None
    times: int = 1


def machine() -> str:
    """Describe the machine that the figures are of."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return f"{os.cpu_count()} 核，{pages:.0f} GiB 内存，{platform.machine()}，Python {platform.python_version()}"


def plan(parts: Sequence[str], times: Sequence[int]) -> list[str]:
    """Return the names of what is to be measured: parts, and growth once for each size and kind of bank."""
    names = [part for part in parts if part != "growth"]
    if "growth" in parts:
        names += [
            f"growth-{n}-{kind}" for n in times for kind in ("plain", "bank") if kind == "plain" or n <= WITH_BANK
        ]
    return names


def measure_all(settings: Settings, names: Sequence[str], progress: Callable[[str], None], *, resume: bool) -> None:
    """Measure each in a process of its own; with ``resume`` what was measured before is kept."""
    keep = settings.home / "bench"
    keep.mkdir(parents=True, exist_ok=True)
    for name in names:
        path = keep / f"{name}.json"
        if resume and path.exists():
            continue
        progress(f"测 {name}")
        command = [sys.executable, "-m", "eval.bench", name, settings.model_dump_json()]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        draft = path.with_suffix(".part")
        draft.write_text(done.stdout, encoding="utf-8")
        draft.replace(path)


def measured(settings: Settings) -> dict[str, list[Row]]:
    """Return all that was measured, by name."""
    found = {
        path.stem: json.loads(path.read_text(encoding="utf-8")) for path in (settings.home / "bench").glob("*.json")
    }
    return {name: [Row(*row) for row in rows] for name, rows in found.items()}


def measure(name: str, settings: Settings) -> list[Row]:
    """Measure one of ``plan`` in this process."""
    if name.startswith("growth-"):
        _, times, kind = name.split("-")
        return _growth(settings, int(times), with_bank=kind == "bank")
    rows: list[Row] = _MEASURES[name](settings)
    return [*rows, Row("memory", "MiB", peak_memory())]


def peak_memory() -> float:
    """Most memory that this process has held, and the largest of those that it started, in MiB."""
    peak = sum(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def _ingest(settings: Settings) -> list[Row]:
    return [_row("parsing the five texts", "ms", [_timed(lambda: ingest([BUNDLED])) for _ in range(_REPEATS)])]


@contextmanager
def _aside(settings: Settings) -> Iterator[Settings]:
    with tempfile.TemporaryDirectory() as folder:
        yield settings.model_copy(update={"home": Path(folder)})


def _index(settings: Settings) -> list[Row]:
    with _aside(settings) as aside:
        built = _row("building the index", "s", [_timed(lambda: library.rebuild(aside)) / 1000])
        opened = [_timed(lambda: library.Library(aside).close()) for _ in range(_REPEATS)]
    return [built, _row("opening the index", "ms", opened)]


def _ask(settings: Settings) -> list[Row]:
    opened = library.Library(settings)
    assistant = Assistant(opened, settings)
    assistant.ask("常务会议多久开一次？")
    times: dict[str, list[float]] = {}
    for case in read_cases(CASES / "dev.jsonl"):
        answer = assistant.ask(case.question, case.history, case.ui_county)
        kind = (
            "several counties" if len(answer.counties) > 1 else "one county, silent" if answer.refused else "one county"
        )
        times.setdefault(kind, []).append(answer.milliseconds["total"])
    opened.close()
    return [_row(f"a question of {kind}", "ms", each) for kind, each in sorted(times.items())]


def _serve(settings: Settings) -> list[Row]:
    """Start the page as ``make serve`` does and ask it over HTTP."""
    start = time.perf_counter()
    with serving(settings) as url:
        Client(url, verbose=False).predict("昌乐县政府常务会议多久开一次？", "", api_name="/ask")
        return [_row("starting the page, to the first answer over HTTP", "s", [time.perf_counter() - start])]


@contextmanager
def serving(settings: Settings, **others: str) -> Iterator[str]:
    """Start the page as ``make serve`` does, with other settings on top; gives its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    app = Path(__file__).parent.parent / "app.py"
    environment = {**os.environ, "XIANGUI_PORT": str(port), "XIANGUI_HOME": str(settings.home), **others}
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, str(app)], env=environment, stdout=2, stderr=subprocess.DEVNULL)
    try:
        while time.perf_counter() - start < _SERVE_SECONDS:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def _batch(settings: Settings) -> list[Row]:
    """Answer bank questions, half of them with their county, half of all five; no question twice."""
    bank = sorted({(q.question, q.county) for q in read_bank(BANK)})
    asked = random.Random(_SEED).sample(bank, BATCH)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for kind, with_county in (("one county", True), ("all five counties", False)):
            given = Path(folder) / f"{with_county}.csv"
            write_table(given, ["问题", "县"], [{"问题": q, "县": c if with_county else ""} for q, c in asked])
            for workers in (1, 2):
                before = _cpu()
                done = answer_file(given, Path(folder) / "out.xlsx", settings, workers=workers)
                rows.append(Row(f"{kind}, {workers} worker(s)", "1/s", done.asked / done.seconds, None, done.asked))
                rows.append(Row(f"{kind}, {workers} worker(s)", "CPU ms", (_cpu() - before) / done.asked * 1000))
    return rows


def _cpu() -> float:
    """CPU seconds of this process and of those that it started and that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def _growth(settings: Settings, times: int, *, with_bank: bool) -> list[Row]:
    """Build and ask so many times the corpus: the counties again and again under invented names."""
    with tempfile.TemporaryDirectory() as folder:
        source, bank = Path(folder) / "source", Path(folder) / "bank"
        copy_corpus(source, bank, times, with_bank=with_bank)
        grown = settings.model_copy(update={"home": Path(folder) / "home", "source": source, "questions": bank})
        build = _timed(lambda: library.rebuild(grown)) / 1000
        size = sum(file.stat().st_size for file in grown.index_dir.rglob("*") if file.is_file()) / 2**20
        start = time.perf_counter()
        opened = library.Library(grown)
        assistant = Assistant(opened, grown)
        first = assistant.ask("昌乐县政府常务会议多久开一次？").milliseconds["total"]
        ready = time.perf_counter() - start
        spoken: list[float] = []
        silent: list[float] = []
        for case in filter(_of_one_county, read_cases(CASES / "dev.jsonl")):
            if not case.answerable and len(silent) >= _SILENT:
                continue
            answer = assistant.ask(case.question, case.history, case.ui_county)
            (silent if answer.refused else spoken).append(answer.milliseconds["total"])
        opened.close()
    return [
        Row("building the index", "s", build),
        Row("index on disk", "MiB", size),
        Row("opening, to the first answer", "s", ready),
        Row("the first question", "ms", first),
        _row("a question of one county", "ms", spoken),
        _row("a question of one county, silent", "ms", silent),
        Row("memory", "MiB", peak_memory()),
    ]


def _of_one_county(case: Case) -> bool:
    return not case.history and bool(case.county) and short_name(case.county) in case.question and len(case.gold) < 2


def copy_corpus(source: Path, bank: Path, times: int, *, with_bank: bool) -> None:
    """Write the bundled counties and copies of them under invented names, with the bank's questions or without any."""
    source.mkdir(parents=True)
    bank.mkdir(parents=True)
    rules = ingest([BUNDLED]).regulations
    questions = [path.read_text(encoding="utf-8") for path in sorted(BANK.glob("*.jsonl"))] if with_bank else []
    names = iter(_invented())
    for n in range(times):
        new = {short_name(r.county): short_name(r.county) if n == 0 else next(names) for r in rules}
        for rule in rules:
            text = (BUNDLED / rule.file).read_text(encoding="utf-8")
            (source / f"{n}-{rule.file}").write_text(_rename(text, new), encoding="utf-8")
        for m, text in enumerate(questions):
            (bank / f"{n}-{m}.jsonl").write_text(_rename(text, new), encoding="utf-8")


def _invented() -> list[str]:
    """Return names that no county has, always the same; each ends so that 县 is part of it where need be."""
    return [f"{a}{b}{c}" for a in _FIRST for b in _SECOND for c in "泉岭"]


def _rename(text: str, new: dict[str, str]) -> str:
    for old, name in new.items():
        if old != name:
            text = text.replace(old, f"{name}县" if old.endswith("县") else name)
    return text


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


def _row(name: str, unit: str, values: Sequence[float]) -> Row:
    p95 = quantiles(values, n=20, method="inclusive")[-1] if len(values) >= 20 else None
    return Row(name, unit, median(values), p95, len(values))


_MEASURES: dict[str, Callable[[Settings], list[Row]]] = {
    "ingest": _ingest,
    "index": _index,
    "ask": _ask,
    "serve": _serve,
    "batch": _batch,
}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure(sys.argv[1], Settings.model_validate_json(sys.argv[2])), ensure_ascii=False))
