"""What a county without questions of its own gets: train, expand and fit without them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from index.ranking import FILE
from index.settings import MODEL, IndexSettings
from ingest.corpus import ingest
from ingest.errors import SettingError, XianguiError
from ingest.law import Regulation

S = TypeVar("S", bound=IndexSettings)


def train_model(settings: IndexSettings, public: Path, out: Path, say: Callable[[str], None]) -> None:
    """Train a model and fit its ranking, without the questions of ``settings.leave_out``.

    Raises:
        SettingError: no regulation of the county left out is among the sources, or the model would
            be written over the one that comes with the package.
        XianguiError: the extra ``train`` is not installed.

    """
    regulations = ingest([settings.source]).regulations
    if settings.leave_out:
        _check(settings.leave_out, regulations)
        if out.resolve() == MODEL.resolve():
            raise SettingError(
                f"--leave-out {settings.leave_out} 的模型只用来评测，不能盖掉随包的模型。请用 --out 指定文件夹"
            )
    try:
        from index import train  # an extra: nobody needs it to ask questions
    except ImportError as error:
        raise XianguiError(f"训练要用到 {error.name}。请运行：pip install '.[train]'") from error
    train.make(regulations, settings.questions, public, out, settings.leave_out, settings.home / "training", say)


def without_county(settings: S, county: str, public: Path, say: Callable[[str], None]) -> S:
    """Make settings whose model, ranking and index never saw a county's questions.

    The model is trained once and kept in ``<home>/leave-out/<county>``; delete the folder to train
    it again.

    Raises:
        SettingError: no regulation of that county is among the sources.

    """
    _check(county, ingest([settings.source]).regulations)
    home = settings.home / "leave-out" / county
    model = home / "model"
    if not (model / FILE).exists():
        train_model(settings.model_copy(update={"leave_out": county}), public, model, say)
    return settings.model_copy(update={"home": home, "embedding": str(model), "leave_out": county})


def _check(county: str, regulations: Iterable[Regulation]) -> None:
    known = [r.county for r in regulations]
    if county not in known:
        raise SettingError(f"--leave-out {county}：没有这个县的规则，现有：{'、'.join(dict.fromkeys(known))}")
