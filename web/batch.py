"""The tab that answers a table of questions: upload, watch, stop, download."""

from __future__ import annotations

import logging
import os
import queue
import re
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import gradio as gr

from assistant.ask import Assistant
from assistant.settings import Settings
from eval.answer import State, Stopped, Summary, answer_file, describe
from ingest.errors import XianguiError
from web.markup import escape, marks, t
from web.texts import say

log = logging.getLogger(__name__)

FORMS = {"Excel、WPS 表格（.xlsx）": ".xlsx", "CSV": ".csv", "JSON 行（.jsonl）": ".jsonl"}
MOST_BYTES = 20 * 2**20
"""Size of a file that is taken."""
MOST_QUESTIONS = 20_000
KEPT_SECONDS = 24 * 3600
"""After so long an upload and its answers are removed."""
_LOOK = 0.5


@dataclass
class Job:
    """One upload: a folder of its own, and how far it is.

    Attributes:
        folder: under ``<home>/batch``, with a name that nobody can guess.
        stop: set to stop.
        state: how far it is; None while it waits for its turn.
        summary: what became of it, once it is done.
        error: why it was not done.
        ended: set once there is nothing more to come.

    """

    folder: Path
    stop: threading.Event = field(default_factory=threading.Event)
    state: State | None = None
    summary: Summary | None = None
    error: str | None = None

    ended: threading.Event = field(default_factory=threading.Event)


_Shown = tuple[Job | None, str, dict[str, object], dict[str, object]]


class Desk:
    """Answers uploads one after another, in processes of their own, so that the page stays quick."""

    def __init__(self, settings: Settings, workers: int | None = None) -> None:
        """Open the desk.

        Args:
            settings: of the page; its index is used.
            workers: processes; None for half of the cores, at least one.

        """
        self._settings = settings
        self._workers = workers or max(1, (os.cpu_count() or 1) // 2)
        self._home = settings.home / "batch"
        self._waiting: queue.Queue[tuple[Job, Path, Path]] = queue.Queue()
        threading.Thread(target=self._serve, name="batch", daemon=True).start()

    def take(self, upload: Path, suffix: str) -> tuple[Job, Path]:
        """Take an upload; return its job, and where the answers will be.

        Raises:
            XianguiError: it is too large.

        """
        self.sweep()
        if upload.stat().st_size > MOST_BYTES:
            raise XianguiError(f"文件超过 {MOST_BYTES // 2**20} MB，请分成几个")
        folder = self._home / secrets.token_urlsafe(24)
        folder.mkdir(parents=True, mode=0o700)
        name = safe_name(upload.name)
        given = folder / name
        shutil.copyfile(upload, given)
        out = folder / f"{given.stem}-回答{suffix}"
        job = Job(folder)
        self._waiting.put((job, given, out))
        return job, out

    def _serve(self) -> None:
        while True:
            job, given, out = self._waiting.get()
            try:
                self._work(job, given, out)
            finally:
                job.ended.set()

    def _work(self, job: Job, given: Path, out: Path) -> None:
        try:
            if job.stop.is_set():
                raise Stopped
            job.summary = answer_file(
                given,
                out,
                self._settings,
                workers=self._workers,
                apart=True,
                most=MOST_QUESTIONS,
                advance=lambda state: setattr(job, "state", state),
                stop=job.stop,
            )
        except Stopped as error:
            job.error = "已停止，没有生成文件。" if job.stop.is_set() else str(error)
        except XianguiError as error:
            job.error = str(error)
        except Exception:  # the next upload must have its turn; the log has the trace
            log.exception("an upload failed")
            job.error = "这个文件没能处理，请把日志交给管理员。"

    def sweep(self) -> None:
        """Remove uploads that are older than ``KEPT_SECONDS``."""
        if not self._home.is_dir():
            return
        for folder in self._home.iterdir():
            if time.time() - folder.stat().st_mtime > KEPT_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)


def safe_name(name: str) -> str:
    """Keep of a file's name what is harmless in a path and in a header; at most 60 characters before its ending."""
    stem, _, suffix = os.path.basename(name.replace("\\", "/")).rpartition(".")
    return (re.sub(r"[^\w（）()\-]+", "_", stem).strip("_")[:60] or "问题") + "." + re.sub(r"\W", "", suffix).lower()


def fault(html: str) -> str:
    """Say in HTML why nothing is asked, and once more what is wanted."""
    return f'<p class="error" role="alert">{html}</p>{status(None)}'


def status(job: Job | None) -> str:
    """Say in HTML how far a job is."""
    if job is None:
        return t("batch_hint", "p", "hint", most=f"{MOST_QUESTIONS:,}", size=f"{MOST_BYTES // 2**20} MB")
    if job.error is not None:
        return f'<p class="error" role="alert">{escape(job.error)}</p>'
    if job.summary is not None:
        lines = "".join(f"<li>{escape(line)}</li>" for line in describe(job.summary))
        return f'<p role="status">{t("batch_done")}</p><ul lang="zh-CN">{lines}</ul>'
    if job.state is None:
        return f'<p class="busy" role="status">{t("batch_waiting")}</p>'
    done, total, left = job.state.done, job.state.total, job.state.left
    rest = (
        "" if left is None else t("batch_left", rate=f"{job.state.rate:.1f}", left=str(timedelta(seconds=round(left))))
    )
    return (
        f'<p class="busy" role="status">{t("batch_doing", done=done, total=total)}{rest}</p>'
        f'<progress{marks("batch_progress", "aria-label")} max="{max(total, 1)}" value="{done}"></progress>'
    )


@contextmanager
def _handed_over(file: Path) -> Iterator[Path]:
    """Put a file where Gradio may take it from; it keeps a copy of its own."""
    with tempfile.TemporaryDirectory(prefix="xiangui-") as folder:
        yield Path(shutil.copyfile(file, Path(folder) / file.name))


def batch_tab(assistant: Assistant, settings: Settings) -> Callable[[], None]:
    """Lay out the tab in the current Gradio context; return what removes old uploads.

    Each visitor watches, stops and downloads the upload of the own session only. ``assistant`` says
    whether the rules are there at all; the questions are answered in other processes.
    """
    desk = Desk(settings)
    desk.sweep()
    job = gr.State(None)
    own: dict[str, Any] = {"js_on_load": None, "apply_default_css": False, "elem_classes": "own"}
    gr.HTML(t("batch_title", "h2", "rule-title"), elem_id="batch-head", **own)
    shown = gr.HTML(status(None), elem_id="batch-status", **own)
    upload = gr.File(
        label=say("batch_table"), file_types=[".xlsx", ".csv", ".jsonl"], height=160, elem_id="batch-upload"
    )
    form = gr.Radio(list(FORMS), value=next(iter(FORMS)), label=say("batch_form"), elem_id="batch-form")
    with gr.Row():
        start = gr.Button(say("batch_start"), variant="primary", min_width=96, scale=0, elem_id="batch-start")
        stop = gr.Button(say("stop"), interactive=False, min_width=96, scale=0, elem_id="batch-stop")
    answers = gr.File(label=say("batch_answers"), interactive=False, visible=False, elem_id="batch-answers")

    def begin(file: str | None, wanted: str) -> Iterator[_Shown]:
        if not file:
            yield None, fault(t("batch_no_file")), gr.update(), gr.update(interactive=False)
            return
        try:
            mine, out = desk.take(Path(file), FORMS[wanted])
        except (XianguiError, OSError) as error:
            text = str(error) if isinstance(error, XianguiError) else "文件没有收到，请再传一次。"
            yield None, fault(escape(text)), gr.update(), gr.update(interactive=False)
            return
        while not mine.ended.wait(_LOOK):
            yield mine, status(mine), gr.update(visible=False), gr.update(interactive=True)
        if mine.summary is None:
            yield mine, status(mine), gr.update(visible=False), gr.update(interactive=False)
            return
        with _handed_over(out) as copy:
            yield mine, status(mine), gr.update(value=str(copy), visible=True), gr.update(interactive=False)

    def halt(mine: Job | None) -> None:
        if mine is not None:
            mine.stop.set()

    outputs = [job, shown, answers, stop]
    quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    start.click(begin, [upload, form], outputs, concurrency_limit=None, **quiet)
    upload.upload(lambda: status(None), None, shown, **quiet)
    stop.click(halt, job, None, api_visibility="private", concurrency_limit=None, queue=False)
    return desk.sweep
