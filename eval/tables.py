"""Tables of questions and answers: xlsx, csv and JSON lines, read and written alike."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple

from openpyxl import Workbook, load_workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.worksheet._read_only import ReadOnlyWorksheet
from openpyxl.worksheet._write_only import WriteOnlyWorksheet

from ingest.errors import CaseError, SourceError
from ingest.read import read_text

SUFFIXES = (".xlsx", ".csv", ".jsonl")
MOST_ROWS = 200_000
"""Longer tables are refused."""
_MOST_BYTES = 500 * 2**20
"""Size, unpacked, from which an xlsx file is refused: a small archive may unpack to anything."""
_CELL = 32_767
"""Characters that a cell of Excel holds."""
_CUT = "……（超出单元格能放的字数，全文请输出为 .jsonl）"
_FORMULA = re.compile(r"[=+\-@\t\r]")
_GUARDED = re.compile(r"'[=+\-@\t\r]")
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?%?")
_COMMON = re.compile(r"[\t\n -~\u3000-\u303f\u4e00-\u9fff\uff00-\uffef“”‘’…—·]+")
_UNPRINTABLE = re.compile(f"{ILLEGAL_CHARACTERS_RE.pattern}|[\ud800-\udfff\ufffe\uffff]")
_WIDTHS = {"问题": 36, "question": 36, "回答": 60, "引用": 40, "引文": 50, "原因": 30}
_WIDTH = 14


class Row(NamedTuple):
    """A row of a table.

    Attributes:
        number: as the user counts it: the row of the sheet, the line of the file.
        values: by column; a value that is not there is left out.
        fault: why the row cannot be used as it is, or None.

    """

    number: int
    values: dict[str, Any]
    fault: str | None = None


class Table(NamedTuple):
    """What was read from a file.

    Attributes:
        name: of the file and the sheet, for messages.
        columns: names in their order; empty where the table has no header.
        rows: without empty ones.
        skipped: numbers of the empty rows between the others.
        cleaned: how many control characters, which no sheet can hold, were left out.

    """

    name: str
    columns: list[str]
    rows: list[Row]
    skipped: list[int]
    cleaned: int


def read_table(path: Path, headers: Iterable[str]) -> Table:
    """Read a table; of a workbook, the first sheet with one of the headers, or else the first that is not empty.

    A first row without any of the headers is no header if the table has a single column: the table
    then has no ``columns`` and all its values are under the name "".

    Raises:
        CaseError: the file is no such table; the message names file, sheet, row and column.

    """
    known = {name.lower() for name in headers}
    if path.suffix.lower() == ".jsonl":
        return _of_objects(path)
    if path.suffix.lower() == ".csv":
        return _of_cells(path.name, list(_csv_rows(path)), known)
    if path.suffix.lower() == ".xlsx":
        return _of_workbook(path, known)
    raise CaseError(f"{path.name}：只能读 {'、'.join(SUFFIXES)} 文件，请另存为其中一种")


def _of_objects(path: Path) -> Table:
    columns: dict[str, None] = {}
    rows, cleaned = [], 0
    skipped = []
    for number, line in enumerate(_text(path).split("\n"), start=1):
        if not line.strip():
            skipped.append(number)
            continue
        try:
            values = json.loads(line)
        except ValueError as error:
            raise CaseError(f"{path.name}:{number}：这一行不是 JSON（{error}），请改正后再试") from error
        if not isinstance(values, dict):
            raise CaseError(f'{path.name}:{number}：这一行不是 JSON 对象（写成 {{"问题": "…"}} 的样子）')
        clean = {str(_clean(name)[0]): _clean(value) for name, value in values.items()}
        cleaned += sum(count for _, count in clean.values())
        columns |= dict.fromkeys(clean)
        rows.append(Row(number, {name: value for name, (value, _) in clean.items()}))
        _check_length(path.name, len(rows))
    return Table(path.name, list(columns), rows, _between(skipped, rows), cleaned)


def _csv_rows(path: Path) -> Iterator[list[str]]:
    text = _text(path)
    first = text.split("\n", 1)[0]
    delimiter = max(",\t;", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for cells in reader:
            yield [cell[1:] if _GUARDED.match(cell) else cell for cell in cells]
    except csv.Error as error:
        raise CaseError(f"{path.name}:{reader.line_num}：不是完整的 CSV（{error}），多半是双引号没有成对") from error


def _text(path: Path) -> str:
    """Read UTF-8 or GB18030; what is too short to tell is GB18030 if that gives common characters only."""
    try:
        return read_text(path)
    except SourceError as error:
        try:
            text = path.read_bytes().decode("gb18030").replace("\r\n", "\n").replace("\r", "\n")
        except (OSError, UnicodeDecodeError):
            text = ""
        if _COMMON.fullmatch(text):
            return text
        raise CaseError(str(error)) from error


def _of_workbook(path: Path, known: set[str]) -> Table:
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(part.file_size for part in archive.infolist())
        if size > _MOST_BYTES:
            raise CaseError(f"{path.name}：展开后有 {size // 2**20} MiB，超过上限 {_MOST_BYTES // 2**20} MiB")
        book = load_workbook(path, read_only=True, data_only=True)
        try:
            found = [_of_sheet(path, sheet, known) for sheet in book.worksheets]
        finally:
            book.close()
    except CaseError:
        raise
    except OSError as error:
        raise CaseError(f"{path.name}：打不开（{error.strerror or error}）") from error
    except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, TypeError, SyntaxError) as error:
        raise CaseError(
            f"{path.name}：不是完好的 .xlsx 文件（{error}），请用 Excel 或 WPS 打开后另存为 .xlsx 再试"
        ) from error
    named = [table for table in found if known & {name.lower() for name in table.columns}]
    filled = [table for table in found if table.rows or table.columns]
    if not filled:
        raise CaseError(f"{path.name}：各工作表都是空的")
    return (named or filled)[0]


def _of_sheet(path: Path, sheet: ReadOnlyWorksheet, known: set[str]) -> Table:
    sheet.reset_dimensions()  # what a file says of its own size may be wrong
    name = f"{path.name} 工作表“{sheet.title}”"
    rows = []
    for cells in sheet.iter_rows(values_only=True):
        rows.append(list(cells))
        _check_length(name, len(rows))
    return _of_cells(name, rows, known)


def _of_cells(name: str, lines: Sequence[Sequence[Any]], known: set[str]) -> Table:
    """Make a table of rows of cells, the header among them."""
    header: list[str] | None = None
    rows, cleaned = [], 0
    skipped = []
    for number, cells in enumerate(lines, start=1):
        clean = [_clean(cell) for cell in cells]
        cleaned += sum(count for _, count in clean)
        values = [value for value, _ in clean]
        while values and values[-1] in (None, ""):
            values.pop()
        if not values:
            skipped.append(number)
            continue
        if header is None:
            texts = [str(value or "").strip() for value in values]
            if known & {text.lower() for text in texts}:
                header = _unique(texts)
                continue
            header = []
        rows.append(_row(number, values, header))
        _check_length(name, len(rows))
    if not header and any(len(row.values) > 1 or "" not in row.values for row in rows):
        first = rows[0]
        raise CaseError(
            f"{name} 第 {first.number} 行：没有“问题”这一列。请在第一行写列名，其中一列叫“问题”（或 question）；"
            f"现在读到的是：{'、'.join(str(value) for value in first.values.values())[:80]}"
        )
    return Table(name, header or [], rows, _between(skipped, rows), cleaned)


def _row(number: int, values: Sequence[Any], header: Sequence[str]) -> Row:
    names = [*header] if header else [""]
    more = len(values) - len(names)
    fault = f"这一行比表头多 {more} 格（问题里有逗号的，要用双引号括起来）" if header and more > 0 else None
    names += [f"第 {len(names) + n} 列" for n in range(1, more + 1)]
    return Row(number, {name: value for name, value in zip(names, values, strict=False) if value is not None}, fault)


def _unique(names: Sequence[str]) -> list[str]:
    """Name columns without a name by their place, and tell those of the same name apart."""
    unique: list[str] = []
    for place, name in enumerate(names, start=1):
        plain = name or f"第 {place} 列"
        count = 2
        name = plain
        while name in unique:
            name, count = f"{plain}（{count}）", count + 1
        unique.append(name)
    return unique


def _between(skipped: Sequence[int], rows: Sequence[Row]) -> list[int]:
    """Leave out the empty rows at the end, which no one means."""
    last = rows[-1].number if rows else 0
    return [number for number in skipped if number < last]


def _check_length(name: str, rows: int) -> None:
    if rows > MOST_ROWS:
        raise CaseError(f"{name}：超过 {MOST_ROWS:,} 行，请分成几个文件")


def _clean(value: object) -> tuple[object, int]:
    """Leave out control characters; dates are written as text, other things than text and numbers as JSON."""
    if isinstance(value, datetime):
        value = value.date() if value.time() == datetime.min.time() else value
    if isinstance(value, date):
        return value.isoformat().replace("T", " "), 0
    if isinstance(value, (list, dict)):
        value = json.dumps(value, ensure_ascii=False)
    if isinstance(value, float) and value.is_integer():
        return int(value), 0
    if not isinstance(value, str):
        return value, 0
    return _UNPRINTABLE.subn("", value)


def write_table(path: Path, columns: Sequence[str], rows: Iterable[dict[str, Any]]) -> None:
    """Write a table in one step: a file that is there is whole, whatever happens.

    No text is written so that Excel takes it for a formula. CSV is UTF-8 with a mark, as Excel wants it.

    Raises:
        CaseError: the file cannot be written, or its ending is none of ``SUFFIXES``.

    """
    check_writable(path)
    draft = path.with_name(f".{path.name}.part")
    try:
        _WRITERS[path.suffix.lower()](draft, columns, rows)
        os.replace(draft, path)
    except OSError as error:
        raise CaseError(f"{path}：写不进去（{error.strerror}）。若正用 Excel 或 WPS 打开着，请先关上") from error
    finally:
        draft.unlink(missing_ok=True)


def check_writable(path: Path) -> None:
    """Find out before the work whether a table can be written there at all.

    Raises:
        CaseError: the ending is none of ``SUFFIXES``, or there is no such folder.

    """
    if path.suffix.lower() not in SUFFIXES:
        raise CaseError(f"{path.name}：只能写成 {'、'.join(SUFFIXES)}，请改输出文件的后缀")
    if not path.parent.is_dir():
        raise CaseError(f"{path.parent}：没有这个文件夹，请先建好")


def _write_objects(path: Path, columns: Sequence[str], rows: Iterable[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _write_csv(path: Path, columns: Sequence[str], rows: Iterable[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([_guarded(name) for name in columns])
        writer.writerows([_guarded(row.get(name)) for name in columns] for row in rows)


def _guarded(value: object) -> object:
    """Put an apostrophe before a text that a spreadsheet would run as a formula."""
    runs = isinstance(value, str) and _FORMULA.match(value) and not _NUMBER.fullmatch(value)
    return f"'{value}" if runs else value


def _write_workbook(path: Path, columns: Sequence[str], rows: Iterable[dict[str, Any]]) -> None:
    book = Workbook(write_only=True)
    sheet = book.create_sheet("回答")
    sheet.freeze_panes = "A2"
    for n, name in enumerate(columns, start=1):
        sheet.column_dimensions[get_column_letter(n)].width = _WIDTHS.get(name, _WIDTH)
    sheet.append([_cell(sheet, name, Font(bold=True)) for name in columns])
    count = 1
    for row in rows:
        sheet.append([_cell(sheet, row.get(name)) for name in columns])
        count += 1
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(columns))}{count}"
    book.save(path)


_WRAPPED = Alignment(wrap_text=True, vertical="top")


def _cell(sheet: WriteOnlyWorksheet, value: object, font: Font | None = None) -> WriteOnlyCell:
    cell = WriteOnlyCell(sheet, value=None)
    cell.alignment = _WRAPPED
    if font is not None:
        cell.font = font
    if isinstance(value, str):
        text = value if len(value) <= _CELL else value[: _CELL - len(_CUT)] + _CUT
        cell.value = text
        cell.data_type = "s"  # never a formula, whatever it begins with
        cell.quotePrefix = bool(_FORMULA.match(text))
    else:
        cell.value = value
    return cell


_WRITERS = {".jsonl": _write_objects, ".csv": _write_csv, ".xlsx": _write_workbook}
