"""A file -> its text: the encoding is found out, never guessed past what is certain."""

from __future__ import annotations

from pathlib import Path

from charset_normalizer import from_bytes

from ingest.errors import SourceError

SUFFIXES = frozenset({".txt", ".md"})
"""File name endings that are read."""


def read_text(path: Path) -> str:
    """Decode a text file: UTF-8 (with or without a mark), UTF-16 with a mark, or GB18030.

    Line ends are made line feeds, so that offsets count the same on every system.

    Raises:
        SourceError: the file cannot be opened, is empty, or is in no known encoding.

    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise SourceError(str(path), None, f"打不开：{error.strerror}") from error
    text = _decode(raw, path.name).replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise SourceError(path.name, None, "文件是空的")
    return text


def _decode(raw: bytes, name: str) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
    if b"\x00" not in raw or raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        best = from_bytes(raw, cp_isolation=["gb18030", "utf_16", "big5"]).best()
        if best is not None and _mostly_chinese(str(best)):
            return str(best)
    raise SourceError(name, line, "不是 UTF-8 或 GB18030 编码的文本，请另存为 UTF-8 后再试")


def _mostly_chinese(text: str) -> bool:
    """Wrongly decoded bytes give rare characters; a regulation is made of common ones."""
    letters = [c for c in text if not c.isspace()]
    common = sum(
        "\u4e00" <= c <= "\u9fff" or c.isascii() or c in "，。；：、！？“”‘’（）《》〈〉〔〕…—·" for c in letters
    )
    return bool(letters) and "的" in text and common / len(letters) > 0.97
