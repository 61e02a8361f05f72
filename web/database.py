"""The SQLite file that conversations are kept in, and one connection to it for many threads."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ingest.errors import StoreError

APPLICATION = 0x58474456
"""Marks the file as ours, in its header."""
BUSY_SECONDS = 10.0
"""How long to wait for another process that writes."""
_STEPS = (
    (
        """
        CREATE TABLE conversations (
            id TEXT PRIMARY KEY,
            owner TEXT NOT NULL,
            title TEXT NOT NULL,
            named INTEGER NOT NULL DEFAULT 0,
            created_at REAL NOT NULL,
            updated_at REAL NOT NULL,
            deleted_at REAL
        ) STRICT
        """,
        "CREATE INDEX conversations_by_owner ON conversations (owner, updated_at)",
        """
        CREATE TABLE turns (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            conversation TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
            position INTEGER NOT NULL,
            question TEXT NOT NULL,
            said TEXT NOT NULL,
            answer TEXT,
            prediction TEXT,
            error TEXT,
            county TEXT,
            role TEXT,
            corpus TEXT NOT NULL,
            asked_at REAL NOT NULL,
            UNIQUE (conversation, position)
        ) STRICT
        """,
        """
        CREATE TABLE feedback (
            turn INTEGER PRIMARY KEY REFERENCES turns (id) ON DELETE CASCADE,
            verdict TEXT NOT NULL,
            fault TEXT,
            comment TEXT NOT NULL,
            given_at REAL NOT NULL
        ) STRICT
        """,
    ),
)
"""What makes each version of the schema out of the one before it."""
VERSION = len(_STEPS)


def connect(path: Path | None) -> sqlite3.Connection:
    """Open the database, made or brought up to date if need be; None opens one in memory.

    The file is the owner's alone (0600). The connection may be used by any thread, one at a time.

    Raises:
        StoreError: the file is no database of ours, or a later version's; or it cannot be opened.

    """
    try:
        if path is not None:
            make_private(path)
        db = sqlite3.connect(path or ":memory:", timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            db.execute("PRAGMA foreign_keys = ON")
            db.execute("PRAGMA secure_delete = ON")
            _upgrade(db, path)
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = NORMAL")
        except BaseException:
            db.close()
            raise
    except (sqlite3.Error, OSError) as error:
        raise StoreError(
            f"对话数据库 {path} 打不开（{error}）。请检查磁盘和权限，或用 python -m web restore 备份文件 恢复"
        ) from error
    return db


def make_private(path: Path) -> None:
    """Make the file before SQLite does: its -wal and -shm take their permissions from it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    path.chmod(0o600)


def _upgrade(db: sqlite3.Connection, path: Path | None) -> None:
    db.execute("BEGIN IMMEDIATE")
    try:
        version = read_version(db, path)
        for statement in (statement for step in _STEPS[version:] for statement in step):
            db.execute(statement)
        db.execute(f"PRAGMA user_version = {VERSION}")
        db.execute(f"PRAGMA application_id = {APPLICATION}")
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def read_version(db: sqlite3.Connection, path: Path | None) -> int:
    """Tell the version of the schema, 0 of an empty file.

    Raises:
        StoreError: the database is not ours, or a later version's.

    """
    version, owner, tables = (
        int(db.execute(query).fetchone()[0])
        for query in ("PRAGMA user_version", "PRAGMA application_id", "SELECT count(*) FROM sqlite_master")
    )
    if tables == 0:
        return 0
    if owner != APPLICATION or version < 1:
        raise StoreError(f"{path} 不是县规问答的对话数据库，没有改动它")
    if version > VERSION:
        raise StoreError(f"{path} 是更新版本的程序写的（版本 {version}，这里只认得到 {VERSION}）。请升级程序")
    return version


class Database:
    """A connection that threads share, one at a time.

    Raises:
        StoreError: the file is no database of ours, or cannot be opened.

    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lock = threading.RLock()
        self._db = connect(path)
        self._db.row_factory = sqlite3.Row

    def close(self) -> None:
        """Close it, when nobody uses it any more."""
        with self._lock:
            self._db.close()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Hold the connection for a block that reads.

        Raises:
            StoreError: the database fails.

        """
        with self._lock:
            try:
                yield self._db
            except sqlite3.Error as error:
                raise StoreError(f"对话数据库 {self._path} 读不出来：{error}") from error

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Do all of a block, or nothing of it.

        Raises:
            StoreError: the database fails.

        """
        with self._lock:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                try:
                    yield self._db
                    self._db.execute("COMMIT")
                except BaseException:
                    if self._db.in_transaction:
                        self._db.execute("ROLLBACK")
                    raise
            except sqlite3.Error as error:
                raise StoreError(f"对话没能保存到 {self._path}：{error}。请检查磁盘空间和权限") from error
