"""Speed and memory of each step, measured in one run on this machine."""

from __future__ import annotations

import os
import platform
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
from assistant.settings import Settings
from eval.case import Case
from index import library
from ingest.corpus import BUNDLED, ingest

_REPEATS = 5
_SERVE_SECONDS = 120


class Row(NamedTuple):
    """One measurement.

    Attributes:
        name: what was measured.
        median: milliseconds.
        p95: milliseconds, or None where it was measured too few times.
        times: how often.

    """

    name: str
    median: float
    p95: float | None
    times: int


def machine() -> str:
    """Describe the machine that the figures are of."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return f"{os.cpu_count()} 核，{pages:.0f} GiB 内存，{platform.machine()}，Python {platform.python_version()}"


def bench(settings: Settings, cases: Sequence[Case], progress: Callable[[str], None]) -> list[Row]:
    """Measure ingest, index build, opening, asking, and serving up to the first answer."""
    progress("解析")
    rows = [_row("解析五个县", [_timed(lambda: ingest([BUNDLED])) for _ in range(_REPEATS)])]
    progress("建索引")
    with tempfile.TemporaryDirectory() as folder:
        aside = Settings(home=Path(folder), source=settings.source, questions=settings.questions)
        rows.append(_row("建索引（五个县）", [_timed(lambda: library.rebuild(aside))]))
        progress("打开索引")
        rows.append(_row("打开索引", [_timed(lambda: library.Library(aside).close()) for _ in range(_REPEATS)]))
        opened = library.Library(aside)
        assistant = Assistant(opened, aside)
        progress("提问")
        assistant.ask("常务会议多久开一次？")
        single: list[float] = []
        several: list[float] = []
        for case in cases:
            answer = assistant.ask(case.question, case.history, case.ui_county)
            (several if len(answer.counties) > 1 else single).append(answer.milliseconds["total"])
        rows += [_row("提问（一个县）", single), _row("提问（多个县）", several)]
        opened.close()
    progress("启动网页到第一个回答")
    rows.append(_row("启动网页到第一个回答", [_serve(settings)]))
    return rows


def peak_memory() -> float:
    """Most memory that this process has held, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


def _row(name: str, values: Sequence[float]) -> Row:
    p95 = quantiles(values, n=20, method="inclusive")[-1] if len(values) >= 20 else None
    return Row(name, median(values), p95, len(values))


def _serve(settings: Settings) -> float:
    """Start the page as ``make serve`` does and ask it over HTTP; milliseconds to the answer."""
    start = time.perf_counter()
    with serving(settings) as url:
        Client(url, verbose=False).predict("昌乐县政府常务会议多久开一次？", "", api_name="/ask")
        return (time.perf_counter() - start) * 1000


@contextmanager
def serving(settings: Settings, **others: str) -> Iterator[str]:
    """Start the page as ``make serve`` does, with other settings on top; gives its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    app = Path(__file__).parent.parent / "app.py"
    environment = {**os.environ, "XIANGUI_PORT": str(port), "XIANGUI_HOME": str(settings.home), **others}
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, str(app)], env=environment, stderr=subprocess.DEVNULL)
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
