"""Paths and models, read from the environment in entry points only."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import platformdirs
from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from index import questions
from ingest.corpus import BUNDLED
from ingest.errors import SettingError

_ROOT = Path(__file__).parent.parent
MODEL = Path(__file__).parent / "model"
"""The bundled embedding model and the weights of the ranking."""


def _default_home() -> Path:
    """Keep data beside a checkout, or with the user's data where the package is installed."""
    if (_ROOT / "pyproject.toml").exists():
        return _ROOT / ".xiangui"
    return Path(platformdirs.user_data_dir("xiangui", appauthor=False))


S = TypeVar("S", bound=BaseSettings)


class IndexSettings(BaseSettings):
    """Settings of the index; each is an environment variable XIANGUI_… of the same name.

    Attributes:
        home: folder for everything that is written.
        source: file or folder of regulation texts.
        questions: folder of the question bank.
        embedding: folder of the embedding model, or its name on a hub if it is already downloaded.
        embedding_instruction: put before a question, where the model wants that.
        reranker: folder or name of a CrossEncoder that orders what was found, or None.
        llm_base_url: address of an OpenAI-compatible server, or None: nothing is sent anywhere.
        llm_model: name of the model there.
        llm_api_key: its key, where it wants one.
        llm_seconds: how long a reply is waited for.
        llm_tokens: how long a reply may be.
        leave_out: county whose questions are not used, to measure what a county without any gets.
        lock_seconds: how long a builder waits for another one.

    """

    model_config = SettingsConfigDict(env_prefix="XIANGUI_", frozen=True, extra="ignore")

    home: Path = _default_home()
    source: Path = BUNDLED
    questions: Path = questions.BUNDLED
    embedding: str = str(MODEL)
    embedding_instruction: str = ""
    reranker: str | None = None
    llm_base_url: str | None = None
    llm_model: str | None = None
    llm_api_key: str | None = None
    llm_seconds: float = 60.0
    llm_tokens: int = 4096
    leave_out: str | None = None
    lock_seconds: float = 120.0

    @property
    def generated(self) -> Path:
        """Folder of the questions that the user's language model wrote."""
        return self.home / "questions"

    @property
    def index_dir(self) -> Path:
        """Folder of the generations."""
        return self.home / "index"


def held_name(leave_out: str | None) -> str:
    """Name the folder of the model that never saw what the weights are fitted on, among what training keeps."""
    return f"held-{leave_out or '各县'}"


def read_settings(kind: type[S], **overrides: Path | str | None) -> S:
    """Read settings of a kind from the environment.

    Raises:
        SettingError: a variable has a value that cannot be used; the message names it.

    """
    try:
        given: dict[str, Any] = {name: value for name, value in overrides.items() if value is not None}
        return kind(**given)
    except ValidationError as error:
        first = error.errors()[0]
        name = f"XIANGUI_{str(first['loc'][0]).upper()}" if first["loc"] else "XIANGUI_*"
        raise SettingError(f"设置 {name} 的值“{first.get('input')}”不能用：{first['msg']}") from error
