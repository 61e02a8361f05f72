"""Models of the user's own: found on this machine, never fetched.

A model is named by a folder or by its name on a hub; a name is looked up in what the hub's own
tool has already downloaded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from huggingface_hub import constants, snapshot_download
from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

from index.dense import Embedder
from ingest.errors import SettingError

M = TypeVar("M")


def find_embedding(name: str) -> Path:
    """Find the folder of the model that ``XIANGUI_EMBEDDING`` names.

    Raises:
        SettingError: it is not on this machine.

    """
    return _find("XIANGUI_EMBEDDING", name)


def open_embedder(name: str, instruction: str = "") -> Embedder:
    """Open the model that ``XIANGUI_EMBEDDING`` names.

    Raises:
        SettingError: it is not on this machine, or is not an embedding model.

    """
    return _open("XIANGUI_EMBEDDING", name, lambda path: Embedder(path, instruction))


class Reranker:
    """A CrossEncoder: reads a question and a text together, slowly and well."""

    def __init__(self, path: Path) -> None:
        from sentence_transformers import CrossEncoder  # takes seconds; few have a reranker

        self._model = CrossEncoder(str(path), device="cpu", local_files_only=True)

    def scores(self, question: str, texts: Sequence[str]) -> list[float]:
        """Score how well each text answers; only the order means anything."""
        return [float(score) for score in self._model.predict([(question, text) for text in texts])]


def open_reranker(name: str) -> Reranker:
    """Open the model that ``XIANGUI_RERANKER`` names.

    Raises:
        SettingError: it is not on this machine, or does not score pairs.

    """
    return _open("XIANGUI_RERANKER", name, Reranker)


def _open(setting: str, name: str, load: Callable[[Path], M]) -> M:
    path = _find(setting, name)
    try:
        return load(path)
    except Exception as error:  # whatever sentence-transformers, transformers or safetensors make of a wrong folder
        raise SettingError(
            f"设置 {setting}={name}：{path} 里的模型打不开（{error}）。{_offline(setting, name)}"
        ) from error


def _find(setting: str, name: str) -> Path:
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder.resolve()
    try:
        return Path(snapshot_download(name, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError) as error:
        raise SettingError(
            f"设置 {setting}={name}：本机没有这个模型。找过文件夹 {folder.absolute()} 和下载缓存 "
            f"{constants.HF_HUB_CACHE}。程序自己不联网下载。{_offline(setting, name)}"
        ) from error


def _offline(setting: str, name: str) -> str:
    repository = name if name.count("/") == 1 and not name.startswith((".", "/", "~")) else "模型名"
    return (
        f"离线做法：在能上网的机器上运行 hf download {repository} --local-dir 文件夹，"
        f"把文件夹拷到本机，再设 {setting}=文件夹"
    )
