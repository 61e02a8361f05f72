"""What a county without questions of its own gets: train, expand and fit without them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from assistant.settings import Settings
from ingest.corpus import ingest
from ingest.errors import XianguiError


def without_county(settings: Settings, county: str, public: Path, say: Callable[[str], None]) -> Settings:
    """Make settings whose model, ranking and index never saw a county's questions.

    The model is trained once and kept in ``<home>/leave-out/<county>``; delete the folder to train
    it again.

    Raises:
        XianguiError: the extra ``train`` is not installed.

    """
    home = settings.home / "leave-out" / county
    model = home / "model"
    if not (model / "ranking.json").exists():
        try:
            from index import train
        except ImportError as error:
            raise XianguiError(f"训练要用到 {error.name}。请运行：pip install '.[train]'") from error
        train.make(ingest([settings.source]).regulations, settings.questions, public, model, county, say)
    return settings.model_copy(update={"home": home, "embedding": model, "leave_out": county})
