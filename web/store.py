"""Conversations, kept in SQLite per owner: a visitor's random id or the name of a user.

Whatever the owner asks for, only what is theirs is found: another's conversation is as good as none.
"""

from __future__ import annotations

import json
import sqlite3
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from assistant.settings import Settings
from ingest.errors import StoreError
from web.database import Database
from web.kept import (
    UNTITLED,
    Asked,
    Conversation,
    Feedback,
    Rated,
    SavedTurn,
    clean,
    fold,
    holds,
    local_time,
    make_title,
    title_line,
    to_conversation,
    to_rated,
    to_turn,
    to_values,
)

_DAY = 86400.0
_UNDO_DAYS = 1
"""Days that a deleted conversation can be brought back."""
_SWEEP_SECONDS = 3600.0
"""How often a store in use removes what is too old."""
_LISTED = (
    "SELECT c.*, count(t.id) AS turns FROM conversations c {join} turns t ON t.conversation = c.id"
    " WHERE c.owner = ? AND c.deleted_at IS NULL {more} GROUP BY c.id ORDER BY c.updated_at DESC, c.rowid DESC"
)
_HOLDS = (
    "AND holds(c.title || char(10) || (SELECT group_concat(question || char(10) || said, char(10))"
    " FROM turns WHERE conversation = c.id), ?)"
)


def open_store(settings: Settings) -> Store:
    """Open the store that the settings name, and remove what it has kept long enough.

    With ``keep_days`` 0 that is all that an earlier setting kept, and the store is in memory.
    """
    if settings.keep_days > 0:
        store = Store(settings.conversations, settings.keep_days)
        store.purge(settings.keep_days)
        return store
    if settings.conversations.exists():
        with Store(settings.conversations) as earlier:
            earlier.purge(0)
    return Store(None, keep_days=1)


@dataclass
class Store:
    """The conversations of all owners, in a file, or (``path`` None) in memory.

    Any thread may call it; calls wait for each other. Other processes may use the file as well.

    Attributes:
        path: the database, made if it is not there.
        keep_days: days after its last question that a conversation is removed; None removes nothing
            by itself.
        clock: seconds since 1970.

    Raises:
        StoreError: the file cannot be used; every method raises it too where the database fails.

    """

    path: Path | None
    keep_days: int | None = None
    clock: Callable[[], float] = time.time
    _db: Database = field(init=False, repr=False)
    _swept: float = field(init=False, repr=False, default=0.0)

    def __post_init__(self) -> None:
        self._db = Database(self.path)
        with self._db.reading() as db:
            db.create_function("holds", 2, holds, deterministic=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the database; nothing may be called afterwards."""
        self._db.close()

    def create(self, owner: str) -> Conversation:
        """Begin a conversation; it is listed once something was asked in it."""
        if not owner:
            raise ValueError("a conversation needs an owner")
        self._sweep()
        key, now = uuid.uuid4().hex, self.clock()
        with self._db.writing() as db:
            db.execute(
                "INSERT INTO conversations (id, owner, title, created_at, updated_at) VALUES (?, ?, ?, ?, ?)",
                (key, owner, UNTITLED, now, now),
            )
        return Conversation(key, UNTITLED, local_time(now), local_time(now), 0)

    def conversations(self, owner: str, text: str = "") -> list[Conversation]:
        """List what an owner asked, newest first; with a text, only where all its words stand.

        They may stand in title, questions and answers, in any width and case.
        """
        words = fold(clean(text)).split()
        query = _LISTED.format(join="JOIN", more=_HOLDS if words else "")
        with self._db.reading() as db:
            rows = db.execute(query, (owner, json.dumps(words)) if words else (owner,)).fetchall()
        return [to_conversation(row) for row in rows]

    def conversation(self, owner: str, key: str) -> Conversation:
        """Find one conversation.

        Raises:
            StoreError: the owner has none of this key.

        """
        with self._db.reading() as db:
            self._owned(db, owner, key)
            row = db.execute(_LISTED.format(join="LEFT JOIN", more="AND c.id = ?"), (owner, key)).fetchone()
        return to_conversation(row)

    def turns(self, owner: str, key: str) -> list[SavedTurn]:
        """Read the turns of a conversation in order; an answer that cannot be read is an error instead.

        Raises:
            StoreError: the owner has no such conversation.

        """
        with self._db.reading() as db:
            self._owned(db, owner, key)
            rows = db.execute(
                "SELECT t.*, f.verdict, f.fault, f.comment FROM turns t LEFT JOIN feedback f ON f.turn = t.id"
                " WHERE t.conversation = ? ORDER BY t.position",
                (key,),
            ).fetchall()
        return [to_turn(row) for row in rows]

    def append(self, owner: str, key: str, asked: Asked, at: int | None = None) -> int:
        """Keep a turn at the end, or at a position (from 0) in place of it and all after it; return its id.

        Raises:
            StoreError: the owner has no such conversation.

        """
        self._sweep()
        now = self.clock()
        with self._db.writing() as db:
            self._owned(db, owner, key)
            if at is not None:
                db.execute("DELETE FROM turns WHERE conversation = ? AND position >= ?", (key, max(at, 0)))
            position = db.execute("SELECT count(*) FROM turns WHERE conversation = ?", (key,)).fetchone()[0]
            added = db.execute(
                "INSERT INTO turns (conversation, position, question, said, answer, prediction, error, county, role,"
                " corpus, asked_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (key, position, *to_values(asked), now),
            )
            db.execute("UPDATE conversations SET updated_at = ? WHERE id = ?", (now, key))
            if position == 0:
                db.execute(
                    "UPDATE conversations SET title = ? WHERE id = ? AND NOT named", (make_title(asked.question), key)
                )
        assert added.lastrowid is not None
        return added.lastrowid

    def rename(self, owner: str, key: str, title: str) -> str:
        """Give a conversation a title of the owner's own; return it as it is kept, in one line.

        Raises:
            StoreError: the owner has no such conversation, or the title is empty.

        """
        if not title.strip():
            raise StoreError("对话的名称不能是空的")
        title = title_line(title)
        with self._db.writing() as db:
            self._owned(db, owner, key)
            db.execute("UPDATE conversations SET title = ?, named = 1 WHERE id = ?", (title, key))
        return title

    def delete(self, owner: str, key: str) -> None:
        """Delete a conversation; for a day ``restore_conversation`` brings it back.

        Raises:
            StoreError: the owner has no such conversation.

        """
        with self._db.writing() as db:
            self._owned(db, owner, key)
            db.execute("UPDATE conversations SET deleted_at = ? WHERE id = ?", (self.clock(), key))

    def restore_conversation(self, owner: str, key: str) -> None:
        """Bring a deleted conversation back.

        Raises:
            StoreError: the owner deleted no such conversation, or it is gone for good.

        """
        with self._db.writing() as db:
            back = db.execute(
                "UPDATE conversations SET deleted_at = NULL WHERE id = ? AND owner = ? AND deleted_at IS NOT NULL",
                (key, owner),
            )
        if back.rowcount == 0:
            raise StoreError("这个对话已经彻底删除，找不回来了")

    def delete_all(self, owner: str) -> int:
        """Remove all of an owner's conversations for good, also deleted ones; return how many were listed."""
        listed = len(self.conversations(owner))
        self._remove("owner = ?", (owner,))
        return listed

    def purge(self, days: int) -> int:
        """Remove for good what nobody asked in for so many days, and what was deleted more than a day ago.

        0 removes everything. Returns how many conversations that were.
        """
        now = self.clock()
        removed = self._remove(
            "updated_at <= ? OR deleted_at <= ?"
            " OR (created_at <= ? AND NOT EXISTS (SELECT 1 FROM turns WHERE conversation = conversations.id))",
            (now - days * _DAY, now - _UNDO_DAYS * _DAY, now - _UNDO_DAYS * _DAY),
        )
        self._swept = now
        return removed

    def rate(self, owner: str, turn: int, feedback: Feedback) -> None:
        """Keep what the owner thinks of an answer, in place of what they said before.

        Raises:
            StoreError: the owner has no such turn.

        """
        with self._db.writing() as db:
            self._owned_turn(db, owner, turn)
            db.execute(
                "INSERT OR REPLACE INTO feedback (turn, verdict, fault, comment, given_at) VALUES (?, ?, ?, ?, ?)",
                (turn, feedback.verdict, feedback.fault, clean(feedback.comment), self.clock()),
            )

    def unrate(self, owner: str, turn: int) -> None:
        """Take back what the owner thought of an answer.

        Raises:
            StoreError: the owner has no such turn.

        """
        with self._db.writing() as db:
            self._owned_turn(db, owner, turn)
            db.execute("DELETE FROM feedback WHERE turn = ?", (turn,))

    def rated(self) -> list[Rated]:
        """Read all turns with feedback, of all owners, oldest first; deleted conversations are left out."""
        with self._db.reading() as db:
            rows = db.execute(
                "SELECT t.*, f.verdict, f.fault, f.comment, f.given_at FROM feedback f JOIN turns t ON t.id = f.turn"
                " JOIN conversations c ON c.id = t.conversation WHERE c.deleted_at IS NULL ORDER BY t.id"
            ).fetchall()
            return [to_rated(row, self._history(db, row)) for row in rows]

    def _history(self, db: sqlite3.Connection, row: sqlite3.Row) -> tuple[dict[str, str], ...]:
        earlier = db.execute(
            "SELECT question, said, error FROM turns WHERE conversation = ? AND position < ? ORDER BY position",
            (row["conversation"], row["position"]),
        )
        messages = []
        for turn in earlier:
            messages.append({"role": "user", "content": turn["question"]})
            if turn["error"] is None:
                messages.append({"role": "assistant", "content": turn["said"]})
        return tuple(messages)

    def _remove(self, where: str, values: tuple[object, ...]) -> int:
        """Remove conversations so that neither the file nor its log holds their words any more."""
        with self._db.writing() as db:
            removed = db.execute(f"DELETE FROM conversations WHERE {where}", values).rowcount
        with self._db.reading() as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return removed

    def _sweep(self) -> None:
        if self.keep_days is not None and self.clock() - self._swept > _SWEEP_SECONDS:
            self.purge(self.keep_days)

    def _owned(self, db: sqlite3.Connection, owner: str, key: str) -> None:
        found = db.execute(
            "SELECT 1 FROM conversations WHERE id = ? AND owner = ? AND deleted_at IS NULL", (key, owner)
        ).fetchone()
        if found is None:
            raise StoreError("没有这个对话，可能已经删除或到期清除")

    def _owned_turn(self, db: sqlite3.Connection, owner: str, turn: int) -> None:
        found = db.execute(
            "SELECT 1 FROM turns t JOIN conversations c ON c.id = t.conversation"
            " WHERE t.id = ? AND c.owner = ? AND c.deleted_at IS NULL",
            (turn, owner),
        ).fetchone()
        if found is None:
            raise StoreError("没有这条回答，可能已经删除或改问了别的")
