"""The index in use: built when there is none, checked against what is here, followed as it changes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from index import generations, manifest
from index.build import Progress, build
from index.dense import Embedder
from index.questions import read_bank
from index.ranking import read_ranking
from index.search import SearchIndex
from index.settings import IndexSettings
from ingest.corpus import Ingested, ingest
from ingest.errors import IndexStale, SourceError, XianguiError


def rebuild(
    settings: IndexSettings,
    progress: Progress = lambda step, done, total: None,
    say: Callable[[str], None] = lambda line: None,
) -> tuple[manifest.Manifest, tuple[SourceError, ...]]:
    """Build an index from the settings' source and put it into use.

    Files that cannot be parsed are left out and returned; with none left nothing is built.
    """
    ingested = _ingest(settings.source)
    bank = read_bank(settings.questions, settings.leave_out)
    with generations.building(
        settings.index_dir, settings.lock_seconds, lambda: say("另一个进程正在建索引，等它完成……")
    ) as folder:
        built = build(ingested.regulations, bank, settings.embedding, settings.source, folder, progress)
    return built, ingested.errors


def ensure(
    settings: IndexSettings,
    *,
    replace_stale: bool = False,
    progress: Progress = lambda step, done, total: None,
    say: Callable[[str], None] = lambda line: None,
) -> None:
    """Build the index where there is none, or (``replace_stale``) where it does not match.

    Raises:
        IndexStale: it does not match; the message says in what, and what to do.

    """
    folder = generations.current(settings.index_dir)
    changed: list[str] = []
    if folder is not None:
        try:
            changed = changes(settings, folder)
        except IndexStale:
            if not replace_stale:
                raise
            changed = ["索引文件"]
        if not changed:
            return
        if not replace_stale:
            raise IndexStale(f"索引与现在的{'、'.join(changed)}不符。请运行：python -m index build")
    say(f"索引与现在的{'、'.join(changed)}不符，重新建立……" if changed else "还没有索引，现在建立（约十几秒）……")
    rebuild(settings, progress, say)


def changes(settings: IndexSettings, folder: Path) -> list[str]:
    """Name what differs between a generation and what would be built now."""
    built = manifest.read(folder)
    wanted = manifest.describe(
        _ingest(Path(built.source) if Path(built.source).exists() else settings.source).regulations,
        read_bank(settings.questions, settings.leave_out),
        settings.embedding,
        settings.source,
    )
    return manifest.differences(built, wanted)


def _ingest(source: Path) -> Ingested:
    ingested = ingest([source])
    if not ingested.regulations:
        raise ingested.errors[0] if ingested.errors else XianguiError(f"{source} 里没有规则文本")
    return ingested


class Library:
    """Gives the index in use; opens a new generation when CURRENT names another one."""

    def __init__(self, settings: IndexSettings) -> None:
        self._home = settings.index_dir
        self._embedder = Embedder(settings.embedding)
        self._ranking = read_ranking(settings.embedding)
        self._guard = threading.Lock()
        self._open: tuple[Path, SearchIndex, generations.Lease] | None = None
        self.index()

    def index(self) -> SearchIndex:
        """Return the index in use now, for one question.

        A generation replaced meanwhile stays open until the next call that finds a newer one.

        Raises:
            IndexStale: there is no index, or CURRENT names a folder that is not complete.

        """
        with self._guard:
            folder = generations.current(self._home)
            if self._open is not None and folder in (None, self._open[0]):
                return self._open[1]
            if folder is None:
                raise IndexStale(f"{self._home} 里没有索引。请运行：python -m index build")
            lease = generations.Lease(folder)
            manifest.read(folder)
            opened = SearchIndex(folder, self._embedder, self._ranking)
            if self._open is not None:
                self._open[2].release()
            self._open = (folder, opened, lease)
            return opened

    def close(self) -> None:
        """Let the generation go."""
        with self._guard:
            if self._open is not None:
                self._open[1].close()
                self._open[2].release()
                self._open = None
