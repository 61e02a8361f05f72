"""Settings of the assistant, read from the environment in entry points only."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

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

    """

    evidence: float = 0.2
    evidence_in_doubt: float = 0.5
    host: str = "127.0.0.1"
    port: int = 7860
    county: str | None = None
    keep_days: Annotated[int, Field(ge=0, le=36500)] = 180

    @property
    def conversations(self) -> Path:
        """The database of conversations."""
        return self.home / "conversations.db"
