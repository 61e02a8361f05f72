"""What the command lines share: progress, errors, and an index that is ready."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from index.build import Progress as BuildProgress
from index.library import ensure
from index.settings import IndexSettings
from ingest.errors import XianguiError

T = TypeVar("T")
errors = Console(stderr=True)
"""Everything but results goes here, so that results can be piped."""


def say(line: str) -> None:
    """Tell a line of progress on standard error."""
    errors.print(line, highlight=False, markup=False)


def with_progress(work: Callable[[BuildProgress], T]) -> T:
    """Show a bar on standard error while work goes on."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=errors) as bar:
        task = bar.add_task("建立索引", total=None, visible=False)
        return work(
            lambda step, done, total: bar.update(task, description=step, completed=done, total=total, visible=True)
        )


def ready(settings: IndexSettings, *, replace_stale: bool = False) -> None:
    """Make sure that there is an index that matches; a build shows its progress."""
    with_progress(lambda progress: ensure(settings, replace_stale=replace_stale, progress=progress, say=say))


def run(entry: Callable[[], object]) -> None:
    """Run a command line; an error meant for the user ends it with its message and code 2."""
    try:
        entry()
    except XianguiError as error:
        errors.print(f"错误：{error}", style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(2)
