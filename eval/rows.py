"""Files of one JSON object a line that a kill may have cut off, each row with an id."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ingest.errors import CaseError


def read_rows(path: Path) -> dict[str, dict[str, Any]]:
    """Read the rows by their ids and mend the file; a last line that was cut off is dropped.

    Raises:
        CaseError: another line is no row; names file and line.

    """
    if not path.exists():
        return {}
    rows: dict[str, dict[str, Any]] = {}
    lines = path.read_bytes().split(b"\n")  # a character may be cut too, so each line is decoded by itself
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            rows[row["id"]] = row
        except (ValueError, KeyError, TypeError) as error:
            if number < len(lines):
                raise CaseError(f"{path}:{number}：读不出来（{error}），请删去此行后再 --resume") from error
    write_rows(path, rows.values())
    return rows


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write all rows in one step."""
    draft = path.with_suffix(".part")
    draft.write_text("".join(map(write_row, rows)), encoding="utf-8")
    os.replace(draft, path)


def write_row(row: Mapping[str, Any]) -> str:
    """Write one row with its line feed."""
    return json.dumps(row, ensure_ascii=False) + "\n"
