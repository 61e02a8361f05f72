"""What a user is, and why one is not let in or not changed."""

from __future__ import annotations

import hashlib
import secrets
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from ingest.errors import XianguiError

TRIES = 5
"""Wrong passwords of one user from one address, within ``WAIT`` seconds, after which no more are looked at."""
WAIT = 15 * 60
SHORTEST, LONGEST = 10, 200
"""Characters of a password."""
_ALPHABET = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"


class Role(StrEnum):
    """What a user may do: ask, or also change the server."""

    OFFICIAL = "official"
    ADMINISTRATOR = "administrator"

    @property
    def label(self) -> str:
        """How the page names the role."""
        return {Role.OFFICIAL: "工作人员", Role.ADMINISTRATOR: "管理员"}[self]


@dataclass(frozen=True, slots=True)
class User:
    """Someone who may sign in, unless disabled."""

    name: str
    role: Role
    disabled: bool = False


class UserError(XianguiError):
    """A user cannot be made or changed as asked."""


class SignInRefused(XianguiError):
    """Name and password do not belong together, or the user is disabled; which, is not told."""

    def __init__(self) -> None:
        super().__init__(f"用户名或密码不对。连续 {TRIES} 次不对，要等 {WAIT // 60} 分钟。忘了密码请找管理员。")


class TooManyTries(XianguiError):
    """Too many wrong passwords, whether the user exists or not.

    Attributes:
        seconds: how long to wait.

    """

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds
        super().__init__(f"密码不对的次数太多，请 {-(-seconds // 60)} 分钟后再试。")


def generated_password() -> str:
    """Make a password of some 92 bits, without characters that look alike."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(16))


def plain_name(name: str) -> str:
    """Write a user's name in the one form that is kept, however it was typed."""
    return unicodedata.normalize("NFKC", name).strip()


def digest(secret: str) -> str:
    """Return what is kept of a random token; unlike a password it cannot be guessed, so that this is enough."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
