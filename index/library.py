"""The index in use: built when there is none, checked against what is here, followed as it changes."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from pathlib import Path

from index import generations, manifest
from index.build import Progress, build
from index.dense import Embedder, model_hash
from index.invented import invented_questions
from index.models import find_embedding, open_embedder, open_reranker
from index.points import quoted, read_points
from index.questions import BUNDLED as BANK
from index.questions import BankQuestion, read_bank
from index.ranking import FILE, Ranking, read_ranking, write_ranking
from index.search import SearchIndex
from index.settings import IndexSettings
from ingest.corpus import BUNDLED, Ingested, ingest
from ingest.errors import IndexStale, SourceError, XianguiError

_FITTED_ON = 600
"""Held-out questions that the ranking of a model of the user's own is fitted on."""


def rebuild(
    settings: IndexSettings,
    progress: Progress = lambda step, done, total: None,
    say: Callable[[str], None] = lambda line: None,
) -> tuple[manifest.Manifest, tuple[SourceError, ...]]:
    """Build an index from the settings' source and put it into use.

    Files that cannot be parsed are left out and returned; with none left nothing is built. A model
    of the user's own has its ranking fitted first, once.
    """
    ingested = _ingest(settings.source)
    bank = bank_of(settings)
    embedder = open_embedder(settings.embedding, settings.embedding_instruction)
    _fit_ranking(settings, embedder, say)
    with generations.building(
        settings.index_dir, settings.lock_seconds, lambda: say("另一个进程正在建索引，等它完成……")
    ) as folder:
        points = read_points(leave_out=settings.leave_out)
        built = build(ingested.regulations, bank, points, embedder, settings.source, folder, progress)
    return built, ingested.errors


def bank_of(settings: IndexSettings) -> tuple[BankQuestion, ...]:
    """Read the bank, what the user's language model wrote for counties without one, and what such counties borrow."""
    own = read_bank(settings.questions, settings.leave_out) + read_bank(settings.generated)
    if settings.questions != BANK:
        return own
    return own + invented_questions() + quoted(read_points(leave_out=settings.leave_out))


def _fit_ranking(settings: IndexSettings, embedder: Embedder, say: Callable[[str], None]) -> None:
    """Fit the ranking to a model that comes without; cosines of different models are not alike."""
    path = _ranking_path(settings, embedder)
    if path.exists():
        return
    from index.fit import fit  # needed for a model of the user's own only, and slow to import

    say(f"第一次用 {embedder.path} 的模型，先拟合排序（只做一次，小模型约一两分钟）……")
    fitted = fit(
        ingest([BUNDLED]).regulations, read_bank(BANK, settings.leave_out), embedder, _FITTED_ON, _FITTED_ON, say
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_ranking(fitted, path)


def _ranking_path(settings: IndexSettings, embedder: Embedder) -> Path:
    """Find the weights beside the model, as the bundled one has them, or among the user's data."""
    beside = embedder.path / FILE
    if beside.exists():
        return beside
    name = hashlib.sha256(f"{embedder.digest}\t{embedder.instruction}\t{settings.leave_out}".encode()).hexdigest()
    return settings.home / "ranking" / f"{name[:24]}.json"


def ranking_of(settings: IndexSettings, embedder: Embedder) -> Ranking:
    """Read the weights that were fitted to a model.

    Raises:
        IndexStale: none were; a build fits them.

    """
    path = _ranking_path(settings, embedder)
    if not path.exists():
        raise IndexStale(f"{embedder.path} 的模型还没有拟合排序。请运行：python -m index build")
    return read_ranking(path)


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
    say(f"索引与现在的{'、'.join(changed)}不符，重新建立……" if changed else "还没有索引，现在建立（约半分钟）……")
    rebuild(settings, progress, say)


def changes(settings: IndexSettings, folder: Path) -> list[str]:
    """Name what differs between a generation and what would be built now."""
    built = manifest.read(folder)
    wanted = manifest.describe(
        _ingest(Path(built.source) if Path(built.source).exists() else settings.source).regulations,
        bank_of(settings),
        read_points(leave_out=settings.leave_out),
        model_hash(find_embedding(settings.embedding)),
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
        self._embedder = open_embedder(settings.embedding, settings.embedding_instruction)
        self._ranking = ranking_of(settings, self._embedder)
        self._reranker = open_reranker(settings.reranker) if settings.reranker else None
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
            opened = SearchIndex(folder, self._embedder, self._ranking, self._reranker)
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
