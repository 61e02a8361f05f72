"""Builds stand side by side, each in a folder of its own, and CURRENT names the one in use.

A build is made in a new folder and put into use by replacing CURRENT in one step, so that a
process killed at any moment leaves the old index as it was. Readers look at CURRENT for each
question. A generation that a reader uses is kept: the reader holds a lock file in it, which the
operating system lets go of when the reader ends, however it ends.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from ingest.errors import IndexBusy

_CURRENT = "CURRENT"
_READERS = "readers"


def current(home: Path) -> Path | None:
    """Folder of the generation in use, or None where nothing was built."""
    try:
        name = (home / _CURRENT).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None
    folder = home / name
    return folder if name and folder.is_dir() else None


@contextmanager
def building(home: Path, wait: float, waiting: Callable[[], None]) -> Iterator[Path]:
    """Hold the writer's lock, give a new folder, and put it into use when the block succeeds.

    Args:
        home: folder of the generations.
        wait: seconds to wait for another builder.
        waiting: called once when there is another builder.

    Raises:
        IndexBusy: the other builder did not finish in time.

    """
    home.mkdir(parents=True, exist_ok=True)
    lock = FileLock(home / "writer.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        waiting()
        try:
            lock.acquire(timeout=wait)
        except Timeout as error:
            raise IndexBusy(f"另一个进程正在建索引（{home}），等了 {wait:.0f} 秒。请稍后再试") from error
    try:
        sweep(home)
        folder = home / f"gen-{uuid.uuid4().hex[:12]}"
        folder.mkdir()
        try:
            yield folder
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        _switch(home, folder)
        sweep(home)
    finally:
        lock.release()


def _switch(home: Path, folder: Path) -> None:
    draft = home / f"{_CURRENT}.{uuid.uuid4().hex[:8]}"
    with draft.open("w", encoding="utf-8") as file:
        file.write(folder.name)
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, home / _CURRENT)


class Lease:
    """A reader's hold on a generation, from construction until ``release``."""

    def __init__(self, folder: Path) -> None:
        readers = folder / _READERS
        readers.mkdir(exist_ok=True)
        self._file = readers / f"{os.getpid()}-{uuid.uuid4().hex[:8]}.lock"
        self._lock = FileLock(self._file)
        self._lock.acquire(timeout=0)

    def release(self) -> None:
        """Let the generation go; it is removed by the next build."""
        self._lock.release()
        self._file.unlink(missing_ok=True)


def sweep(home: Path) -> None:
    """Remove generations that are neither current nor read by anybody, and cut-off drafts.

    Only called with the writer's lock held.
    """
    kept = current(home)
    for folder in home.glob("gen-*"):
        if folder != kept and not _is_read(folder):
            shutil.rmtree(folder, ignore_errors=True)  # Windows keeps open files: the next sweep gets them
    for draft in home.glob(f"{_CURRENT}.*"):
        draft.unlink(missing_ok=True)


def _is_read(folder: Path) -> bool:
    for file in (folder / _READERS).glob("*.lock"):
        lock = FileLock(file)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return True
        lock.release()
        file.unlink(missing_ok=True)
    return False
