"""Who may sign in: users, their sessions and API tokens, in SQLite; secrets are kept as hashes only."""

from __future__ import annotations

import os
import re
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from assistant.settings import Settings
from web.user import (
    LONGEST,
    SHORTEST,
    TRIES,
    WAIT,
    Role,
    SignInRefused,
    TooManyTries,
    User,
    UserError,
    digest,
    generated_password,
    plain_name,
)

FIRST = "admin"
"""Name of the administrator that is made at the first start."""
_EXTENDED_AFTER = 60
"""Seconds of use after which a session's end is moved on; sooner would write at every request."""
_SCHEMA = """
PRAGMA journal_mode = WAL;
CREATE TABLE IF NOT EXISTS users (
    name TEXT PRIMARY KEY, role TEXT NOT NULL, hash TEXT NOT NULL, disabled INTEGER NOT NULL DEFAULT 0, made REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS sessions (
    digest TEXT PRIMARY KEY, name TEXT NOT NULL REFERENCES users ON DELETE CASCADE, expires REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS tokens (
    digest TEXT PRIMARY KEY, name TEXT NOT NULL REFERENCES users ON DELETE CASCADE, made REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS tries (key TEXT NOT NULL, at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS tries_of ON tries (key, at);
"""


class Users:
    """The users of one server. Safe in several threads and processes; a call takes about a millisecond."""

    def __init__(self, path: Path, hours: float = 12.0, clock: Callable[[], float] = time.time) -> None:
        """Open the file, or make it, readable by its owner alone.

        Args:
            path: SQLite file.
            hours: how long a session lasts after it was last used.
            clock: gives the time in seconds.

        """
        self._path = path
        self._seconds = hours * 3600
        self._clock = clock
        self._hasher = PasswordHasher()
        self._nobody = self._hasher.hash(secrets.token_urlsafe())
        self._hashing = threading.Semaphore(2)  # 64 MiB each
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        with closing(sqlite3.connect(path, timeout=10)) as db:
            db.executescript(_SCHEMA)

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Give a transaction that nobody else writes beside."""
        with closing(sqlite3.connect(self._path, timeout=10, isolation_level=None)) as db:
            db.execute("PRAGMA foreign_keys = ON")
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
            except BaseException:
                db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")

    def _rows(self, query: str, *values: object) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(self._path, timeout=10)) as db:
            return db.execute(query, values).fetchall()

    def all(self) -> list[User]:
        """List the users by name."""
        return [_user(row) for row in self._rows("SELECT name, role, disabled FROM users ORDER BY name")]

    def get(self, name: str) -> User:
        """Return a user.

        Raises:
            UserError: there is none of that name.

        """
        rows = self._rows("SELECT name, role, disabled FROM users WHERE name = ?", plain_name(name))
        if not rows:
            raise UserError(f"没有用户“{name}”。用 python -m web users list 查看现有用户")
        return _user(rows[0])

    def add(self, name: str, password: str, role: Role = Role.OFFICIAL) -> User:
        """Make a user.

        Raises:
            UserError: the name is taken or odd, or the password too weak.

        """
        name = plain_name(name)
        if not re.fullmatch(r"[\w.\-]{1,32}", name):
            raise UserError(f"用户名“{name}”不能用：1 到 32 个汉字、字母、数字或 . _ -")
        hashed = self._hash(name, password)
        try:
            with self._writing() as db:
                db.execute("INSERT INTO users VALUES (?, ?, ?, 0, ?)", (name, role.value, hashed, self._clock()))
        except sqlite3.IntegrityError as error:
            raise UserError(f"已有用户“{name}”。换一个名字，或用 python -m web users password {name} 改密码") from error
        return User(name, role)

    def first_administrator(self) -> str | None:
        """Make the first administrator where there is no user at all; return the password, kept nowhere."""
        password = generated_password()
        hashed = self._hash(FIRST, password)
        with self._writing() as db:
            made = db.execute(
                "INSERT INTO users SELECT ?, ?, ?, 0, ? WHERE NOT EXISTS (SELECT 1 FROM users)",
                (FIRST, Role.ADMINISTRATOR.value, hashed, self._clock()),
            ).rowcount
        return password if made else None

    def set_password(self, name: str, password: str) -> None:
        """Change a password; all sessions and API tokens of the user end.

        Raises:
            UserError: there is no such user, or the password is too weak.

        """
        user = self.get(name)
        hashed = self._hash(user.name, password)
        with self._writing() as db:
            db.execute("UPDATE users SET hash = ? WHERE name = ?", (hashed, user.name))
            _end_all(db, user.name)

    def set_disabled(self, name: str, disabled: bool) -> None:
        """Keep a user out, or let them in again; all sessions and API tokens of the user end.

        Raises:
            UserError: there is no such user, or no administrator would be left.

        """
        user = self.get(name)
        with self._writing() as db:
            db.execute("UPDATE users SET disabled = ? WHERE name = ?", (int(disabled), user.name))
            _end_all(db, user.name)
            _check_administered(db)

    def set_role(self, name: str, role: Role) -> None:
        """Change what a user may do, at once.

        Raises:
            UserError: there is no such user, or no administrator would be left.

        """
        user = self.get(name)
        with self._writing() as db:
            db.execute("UPDATE users SET role = ? WHERE name = ?", (role.value, user.name))
            _check_administered(db)

    def sign_in(self, name: str, password: str, address: str) -> str:
        """Begin a session and return its token.

        A wrong name costs the same work as a wrong password.

        Raises:
            SignInRefused: name or password is wrong.
            TooManyTries: too many were wrong before.

        """
        self.check(name, password, address)
        token = secrets.token_urlsafe(32)
        with self._writing() as db:
            db.execute("DELETE FROM sessions WHERE expires <= ?", (self._clock(),))
            expires = self._clock() + self._seconds
            db.execute("INSERT INTO sessions VALUES (?, ?, ?)", (digest(token), plain_name(name), expires))
        return token

    def check(self, name: str, password: str, address: str) -> None:
        """Check a password.

        Raises:
            SignInRefused: name or password is wrong, or the user is disabled.
            TooManyTries: too many were wrong before.

        """
        name = plain_name(name)
        key = digest(f"{name}\n{address}")
        self._count(key)
        rows = self._rows("SELECT hash FROM users WHERE name = ? AND NOT disabled", name)
        hashed = str(rows[0][0]) if rows else self._nobody
        if not self._verified(hashed, password[:LONGEST]) or not rows:
            raise SignInRefused
        with self._writing() as db:
            db.execute("DELETE FROM tries WHERE key = ?", (key,))
            if self._hasher.check_needs_rehash(hashed):
                db.execute("UPDATE users SET hash = ? WHERE name = ?", (self._hasher.hash(password), name))

    def _count(self, key: str) -> None:
        """Count a try before it is made, so that many at once are not all let through."""
        now = self._clock()
        with self._writing() as db:
            db.execute("DELETE FROM tries WHERE at <= ?", (now - WAIT,))
            made, first = db.execute("SELECT COUNT(*), MIN(at) FROM tries WHERE key = ?", (key,)).fetchone()
            if made >= TRIES:
                raise TooManyTries(max(1, int(first + WAIT - now)))
            db.execute("INSERT INTO tries VALUES (?, ?)", (key, now))

    def _hash(self, name: str, password: str) -> str:
        if not SHORTEST <= len(password) <= LONGEST:
            raise UserError(f"密码要 {SHORTEST} 到 {LONGEST} 个字符")
        if plain_name(password).casefold() == name.casefold() or len(set(password)) < 4:
            raise UserError("密码太简单，不能与用户名相同，也不能只用几个字符重复")
        with self._hashing:
            return self._hasher.hash(password)

    def _verified(self, hashed: str, password: str) -> bool:
        with self._hashing:
            try:
                return self._hasher.verify(hashed, password)
            except (VerificationError, InvalidHashError):
                return False

    def of_session(self, token: str) -> User | None:
        """Return whose session it is, if it has not ended, and move its end on."""
        key, now = digest(token), self._clock()
        rows = self._rows(
            "SELECT name, role, disabled, expires FROM sessions JOIN users USING (name)"
            " WHERE digest = ? AND expires > ? AND NOT disabled",
            key,
            now,
        )
        if not rows:
            return None
        if float(str(rows[0][3])) < now + self._seconds - _EXTENDED_AFTER:
            with self._writing() as db:
                db.execute("UPDATE sessions SET expires = ? WHERE digest = ?", (now + self._seconds, key))
        return _user(rows[0])

    def sign_out(self, token: str) -> None:
        """End a session."""
        with self._writing() as db:
            db.execute("DELETE FROM sessions WHERE digest = ?", (digest(token),))

    def make_token(self, name: str) -> str:
        """Make a token for the API; it asks in the user's name and changes nothing on the server.

        Raises:
            UserError: there is no such user, or the user is disabled.

        """
        user = self.get(name)
        if user.disabled:
            raise UserError(f"用户“{user.name}”已停用。先运行 python -m web users enable {user.name}")
        token = f"xg-{secrets.token_urlsafe(32)}"
        with self._writing() as db:
            db.execute("INSERT INTO tokens VALUES (?, ?, ?)", (digest(token), user.name, self._clock()))
        return token

    def end_tokens(self, name: str) -> int:
        """End all API tokens of a user; return how many there were."""
        user = self.get(name)
        with self._writing() as db:
            return db.execute("DELETE FROM tokens WHERE name = ?", (user.name,)).rowcount

    def of_token(self, token: str) -> User | None:
        """Return whose token it is; as its holder, a user is never an administrator."""
        query = "SELECT name, role, disabled FROM tokens JOIN users USING (name) WHERE digest = ? AND NOT disabled"
        rows = self._rows(query, digest(token))
        return User(_user(rows[0]).name, Role.OFFICIAL) if rows else None


def _user(row: tuple[object, ...]) -> User:
    return User(str(row[0]), Role(str(row[1])), bool(row[2]))


def _end_all(db: sqlite3.Connection, name: str) -> None:
    db.execute("DELETE FROM sessions WHERE name = ?", (name,))
    db.execute("DELETE FROM tokens WHERE name = ?", (name,))


def _check_administered(db: sqlite3.Connection) -> None:
    query = "SELECT 1 FROM users WHERE role = ? AND NOT disabled"
    if db.execute(query, (Role.ADMINISTRATOR.value,)).fetchone() is None:
        raise UserError("至少要留一个能登录的管理员。先用 python -m web users add 另加一个")


def open_users(settings: Settings) -> Users:
    """Open the users of the settings' home."""
    return Users(settings.home / "users.db", settings.session_hours)
