"""What a run was made with: enough to make it again, and to tell whether it may be gone on with."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from assistant.ask import Assistant
from assistant.follow import WEIGHTS as FOLLOW
from assistant.settings import Settings
from assistant.trim import WEIGHTS as TRIM
from eval.case import Case
from index import generations, manifest
from index.models import find_embedding
from ingest.errors import IndexStale

_ROOT = Path(__file__).parent.parent
_LIBRARIES = (
    "bm25s",
    "chromadb",
    "jieba",
    "llama-index-core",
    "numpy",
    "scikit-learn",
    "scipy",
    "sentence-transformers",
    "torch",
)
_DECIDING = (
    "embedding_instruction",
    "evidence",
    "evidence_in_doubt",
    "leave_out",
    "llm_base_url",
    "llm_model",
    "llm_tokens",
    "reranker",
)
"""Settings that decide what is answered; the files that others name are told by their digests."""
_MEANING = {
    "cases_hash": "用例",
    "county": "只评的县",
    "mode": "作答方式",
    "corpus": "规则文本",
    "model": "向量模型",
    "weights": "拟合的权重",
    "questions": "题库",
    "points": "已知是否写明的问题",
    "dictionary": "词典",
    "code": "程序",
    "libraries": "程序库版本",
}


def made_with(settings: Settings, assistant: Assistant, cases: Path) -> dict[str, Any]:
    """Describe settings, versions and digests of all that decides what is answered; keys stay out.

    Raises:
        IndexStale: there is no index.

    """
    folder = generations.current(settings.index_dir)
    if folder is None:
        raise IndexStale(f"{settings.index_dir} 里没有索引。请运行：python -m index build")
    built = manifest.read(folder)
    return {
        "cases": str(cases),
        "mode": assistant.mode,
        "settings": _told(settings),
        "regulations": {r.id: r.source_hash for r in assistant.index.regulations},
        "corpus": built.corpus,
        "model": built.model,
        "weights": _digest([*find_embedding(settings.embedding).glob("*.json"), FOLLOW, TRIM]),
        "questions": built.questions,
        "points": built.points,
        "dictionary": built.dictionary,
        "code": _digest(
            path
            for package in ("ingest", "index", "assistant")
            for suffix in ("*.py", "*.txt")
            for path in (_ROOT / package).glob(suffix)
        ),
        "xiangui": _version("xiangui"),
        "git": _commit(),
        "python": platform.python_version(),
        "libraries": {name: _version(name) for name in _LIBRARIES},
        "machine": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
    }


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Name what differs between two runs and decides what is answered, in the user's words."""
    found = [meaning for name, meaning in _MEANING.items() if before.get(name) != now.get(name)]
    had, has = before.get("settings") or {}, now.get("settings") or {}
    return found + [
        f"设置 XIANGUI_{name.upper()}（那次 {_shown(had.get(name))}，现在 {_shown(has.get(name))}）"
        for name in _DECIDING
        if had.get(name) != has.get(name)
    ]


def hash_cases(cases: Sequence[Case]) -> str:
    """Digest of the cases, in their order."""
    return hashlib.sha256(json.dumps([asdict(case) for case in cases], sort_keys=True).encode()).hexdigest()


def _told(settings: Settings) -> dict[str, Any]:
    told = settings.model_dump(mode="json", exclude={"llm_api_key"})
    if settings.llm_base_url:
        told["llm_base_url"] = re.sub(r"//[^/@]*@", "//", settings.llm_base_url)
    return told


def _shown(value: object) -> str:
    return "未设" if value in (None, "") else str(value)


def _digest(paths: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(f"{path.name}\0".encode() + path.read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _commit() -> str | None:
    """Name the commit of a checkout, marked where files were changed since; None elsewhere."""
    if not (_ROOT / ".git").exists():
        return None
    try:
        asked = ("git", "-C", str(_ROOT))
        commit = subprocess.run([*asked, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout
        changed = subprocess.run([*asked, "status", "--porcelain"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    return commit.strip() + ("（有改动）" if changed.strip() else "")
