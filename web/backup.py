"""Backups of the conversations: made while the server writes, checked, put back."""

from __future__ import annotations

import os
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import chain, count
from pathlib import Path

from ingest.errors import StoreError
from web.database import BUSY_SECONDS, make_private, read_version


def check(path: Path) -> int:
    """Prove that a file is a sound database of a known version; return how many conversations it holds.

    Raises:
        StoreError: it is not; says why.

    """
    if not path.is_file():
        raise StoreError(f"没有 {path} 这个文件")
    try:
        with closing(_read_only(path)) as db:
            if read_version(db, path) == 0:
                raise StoreError(f"{path} 是空的，里面没有对话")
            faults = [row[0] for row in db.execute("PRAGMA integrity_check(1)") if row[0] != "ok"]
            faults += [f"{row[0]} 表缺少所属的记录" for row in db.execute("PRAGMA foreign_key_check")][:1]
            if faults:
                raise StoreError(f"{path} 已损坏：{faults[0]}")
            return int(db.execute("SELECT count(*) FROM conversations").fetchone()[0])
    except sqlite3.Error as error:
        raise StoreError(f"{path} 不是完好的数据库：{error}") from error


def backup(path: Path, target: Path) -> int:
    """Copy the database, also while it is written to, into one file; return how many conversations it holds.

    The file stands complete and checked, or (an older one) as it was.

    Raises:
        StoreError: there is no database, or the copy cannot be made.

    """
    if not path.exists():
        raise StoreError(f"还没有保存过对话（没有 {path}）")
    if target.resolve() == path.resolve():
        raise StoreError(f"{target} 就是数据库本身，请换一个文件名")
    draft = target.with_name(f"{target.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        with closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as source:
            _copy(source, draft)
        held = check(draft)
        os.replace(draft, target)
    except (sqlite3.Error, OSError) as error:
        raise StoreError(f"备份写不到 {target}：{error}") from error
    finally:
        draft.unlink(missing_ok=True)
    return held


def restore(source: Path, path: Path) -> Path | None:
    """Put a backup in the database's place; return where the old one is kept, if there was one.

    Nothing is changed unless the backup is sound and nobody has the database open. A process killed
    in the middle leaves the old database or the new one, and the old one beside.

    Raises:
        StoreError: the backup is not sound, or the database is in use.

    """
    check(source)
    if source.resolve() == path.resolve():
        raise StoreError(f"{source} 就是数据库本身，不用恢复")
    old = path.exists()
    kept = _free_name(path)
    try:
        readable = not old or _is_readable(path)
        if not readable:
            _move(path, kept)
        try:
            make_private(path)
            with _alone(path) as live, closing(_read_only(source)) as saved:
                if readable and old:
                    _copy(live, kept)
                saved.backup(live)
        except BaseException:
            if not readable:
                _move(kept, path)
            kept.unlink(missing_ok=True)
            raise
    except (sqlite3.Error, OSError) as error:
        raise StoreError(f"恢复不到 {path}：{error}。原来的数据库没有改动") from error
    return kept if old else None


def _free_name(path: Path) -> Path:
    """Name the copy of the old database so that no earlier copy is overwritten."""
    first = path.with_name(f"{path.name}.before-restore")
    more = (path.with_name(f"{first.name}-{number}") for number in count(2))
    return next(name for name in chain([first], more) if not name.exists())


def _is_readable(path: Path) -> bool:
    """Tell whether the file is a database at all, sound or not."""
    try:
        with closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as db:
            db.execute("SELECT count(*) FROM sqlite_master")
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
            return False
        raise
    return True


def _move(path: Path, target: Path) -> None:
    """Move a database with what SQLite keeps beside it."""
    for suffix in ("-wal", "-shm", "-journal", ""):
        beside = path.with_name(path.name + suffix)
        if beside.exists():
            os.replace(beside, target.with_name(target.name + suffix))


@contextmanager
def _alone(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the database so that nobody else can.

    Raises:
        StoreError: somebody else has it open.

    """
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as db:
        try:
            db.execute("PRAGMA locking_mode = EXCLUSIVE")
            db.execute("PRAGMA journal_mode = DELETE")
            db.execute("BEGIN EXCLUSIVE")
            db.execute("COMMIT")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
            raise StoreError(f"{path} 正在使用。请先停止问答服务，再恢复") from error
        yield db


def _read_only(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=BUSY_SECONDS)


def _copy(source: sqlite3.Connection, target: Path) -> None:
    """Copy a database into one file that needs no other beside it."""
    make_private(target)
    with closing(sqlite3.connect(target)) as db:
        source.backup(db)
        db.execute("PRAGMA journal_mode = DELETE")
