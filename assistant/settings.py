"""Settings of the assistant, read from the environment in entry points only."""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import Field, field_validator

from index.settings import IndexSettings


class Settings(IndexSettings):
    """Settings of the index and, on top, of the assistant.

    Attributes:
        evidence: least probability that the rule answers; below it the rule counts as silent.
        evidence_in_doubt: the same where the question mentions something that the rule never does.
        host: address that the page is served on.
        port: port that the page is served on.
        county: county that the page begins with.
        keep_days: days that a conversation is kept after its last question; 0 keeps none on disk:
            they live in memory, a day at most, and end with the server.
        sign_in: whether only users who signed in get to the page and the API.
        session_hours: hours of disuse after which a session ends.
        root_path: path or whole address under which a reverse proxy shows the page; its forwarded
            headers are believed only where this is set.
        mcp: whether ask, article and compare are offered as tools to MCP clients.

    """

    evidence: float = 0.2
    evidence_in_doubt: float = 0.5
    host: str = "127.0.0.1"
    port: int = 7860
    county: str | None = None
    keep_days: int = Field(default=180, ge=0, le=36500)
    sign_in: bool = False
    session_hours: float = Field(default=12.0, gt=0, le=24 * 30)
    root_path: str = ""
    mcp: bool = False

    @field_validator("root_path")
    @classmethod
    def _is_path_or_address(cls, value: str) -> str:
        if value and not re.fullmatch(r"(https?://[\w.\-\[\]:]+)?(/[\w.~\-]+)*/?", value):
            raise ValueError("要写成 /路径，或 https://主机/路径")
        return value.rstrip("/")

    @property
    def conversations(self) -> Path:
        """The database of conversations."""
        return self.home / "conversations.db"
