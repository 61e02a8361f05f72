"""What an index was built with; an index that does not match what is here is not opened."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from index.points import Point, points_hash
from index.questions import BankQuestion, bank_hash
from index.words import dictionary_hash
from ingest.corpus import corpus_hash
from ingest.errors import IndexStale
from ingest.law import Regulation

FORMAT = 8
"""Raised whenever what is written to an index changes."""
_FILE = "manifest.json"
_LIBRARIES = ("bm25s", "chromadb")
_MEANING = {
    "corpus": "规则文本",
    "model": "向量模型",
    "dictionary": "词典",
    "questions": "题库",
    "points": "已知是否写明的问题",
    "format": "索引格式",
    "libraries": "程序库版本",
}


@dataclass(frozen=True, slots=True)
class Manifest:
    """Digests and versions of everything that decides what an index holds.

    ``source``, ``passages`` and ``built_at`` inform; they are not compared.
    """

    corpus: str
    model: str
    dictionary: str
    questions: str
    points: str
    format: int = FORMAT
    libraries: dict[str, str] = field(default_factory=dict)
    source: str = ""
    passages: int = 0
    built_at: str = ""


def describe(
    regulations: tuple[Regulation, ...],
    bank: tuple[BankQuestion, ...],
    points: Iterable[Point],
    model: str,
    source: Path,
) -> Manifest:
    """Say what an index built from these would be."""
    return Manifest(
        corpus=corpus_hash(regulations),
        model=model,
        dictionary=dictionary_hash(),
        questions=bank_hash(bank),
        points=points_hash(points),
        libraries={name: version(name) for name in _LIBRARIES},
        source=str(source),
        built_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def write(manifest: Manifest, folder: Path) -> None:
    """Write the manifest last: a folder with one is complete."""
    draft = folder / (_FILE + ".part")
    draft.write_text(json.dumps(asdict(manifest), ensure_ascii=False, indent=1), encoding="utf-8")
    os.replace(draft, folder / _FILE)


def read(folder: Path) -> Manifest:
    """Read the manifest of a generation.

    Raises:
        IndexStale: there is none, or it cannot be read.

    """
    try:
        return Manifest(**json.loads((folder / _FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise IndexStale(f"索引 {folder} 读不出来（{error}）。请运行：python -m index build") from error


def differences(built: Manifest, wanted: Manifest) -> list[str]:
    """Name what has changed since an index was built, in the user's words."""
    return [meaning for name, meaning in _MEANING.items() if getattr(built, name) != getattr(wanted, name)]
