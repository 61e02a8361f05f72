"""What a long run has done so far, a line each, so that a killed run goes on where it stopped."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, TextIO

from filelock import FileLock, Timeout

from ingest.errors import CaseError


class Journal:
    """A file of JSON lines: what the run is, then what it has done.

    A line is written whole or, when the process is killed, cut off at the end of the file: such a
    line counts as not written. Only one process at a time has a journal open.
    """

    def __init__(self, path: Path, run: dict[str, Any], *, resume: bool) -> None:
        """Begin a run, or go on with one.

        Args:
            path: of the journal.
            run: what decides the results; a run goes on only if all of it is the same.
            resume: go on with the run that the journal tells of, if there is one.

        Raises:
            CaseError: another process has it open, it tells of another run, or of one that is not
                finished and ``resume`` is not given.

        """
        self.path = path
        self.done: list[Any] = []
        self._lock = FileLock(path.with_name(f"{path.name}.lock"))
        try:
            self._lock.acquire(timeout=0)
        except Timeout as error:
            raise CaseError(f"{path}：另一个进程正在做这一批，请等它做完") from error
        try:
            self._file = self._open(run, resume=resume)
        except BaseException:
            self._lock.release()
            raise

    def _open(self, run: dict[str, Any], *, resume: bool) -> TextIO:
        rows, whole = self._read()
        if rows:
            if not resume:
                raise CaseError(
                    f"{self.path}：上次没有做完（已有 {len(rows) - 1} 条）。接着做请加 --resume；要重做，先删去这个文件"
                )
            for name, value in run.items():
                if rows[0].get(name) != value:
                    raise CaseError(f"{self.path}：上次做的与这次不同（{name}），不能接着做。要重做，先删去这个文件")
            self.done = rows[1:]
        file = self.path.open("r+" if whole else "w", encoding="utf-8", newline="\n")
        file.truncate(whole)
        file.seek(whole)
        if not rows:
            file.write(json.dumps(run, ensure_ascii=False) + "\n")
            file.flush()
        return file

    def _read(self) -> tuple[list[Any], int]:
        """Return the whole lines, and how many bytes they take."""
        raw = self.path.read_bytes() if self.path.exists() else b""
        whole = raw.rfind(b"\n") + 1
        rows = []
        for number, line in enumerate(raw[:whole].split(b"\n")[:-1], start=1):
            try:
                rows.append(json.loads(line))
            except ValueError as error:
                raise CaseError(f"{self.path}:{number}：这一行坏了（{error}），请删去此行后再 --resume") from error
        return rows, whole

    def add(self, row: object) -> None:
        """Write a line; it is kept even if the process is killed at once."""
        self._file.write(json.dumps(row, ensure_ascii=False) + "\n")
        self._file.flush()
        self.done.append(row)

    def close(self, *, finished: bool) -> None:
        """Let go of the file, and remove it if the run is finished."""
        self._file.close()
        if finished:
            self.path.unlink(missing_ok=True)
        self._lock.release()
        if os.name == "posix":
            Path(self._lock.lock_file).unlink(missing_ok=True)
