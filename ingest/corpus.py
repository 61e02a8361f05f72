"""Source files -> regulations, and regulations <-> JSON lines.

A corpus file holds one regulation: a first line about the document, then one article a line.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from ingest.errors import SourceError
from ingest.law import (
    Article,
    Chapter,
    Item,
    Locator,
    Paragraph,
    Piece,
    Regulation,
    Repair,
    Repeal,
    Slip,
    Span,
)
from ingest.parse import parse
from ingest.read import SUFFIXES, read_text

BUNDLED = Path(__file__).parent / "regulations"
"""The source texts that come with the package."""
_SLIPS = "slips.json"


class Ingested(NamedTuple):
    """What a set of source files gave: the regulations, and the errors of the files that failed."""

    regulations: tuple[Regulation, ...]
    errors: tuple[SourceError, ...]


def ingest(paths: Sequence[Path] = (BUNDLED,)) -> Ingested:
    """Parse every file named and every readable file in the folders named.

    A file that fails does not stop the others. Two files of the same regulation (same title and
    date) are one too many: the second is an error.
    """
    regulations: dict[str, Regulation] = {}
    errors: list[SourceError] = []
    for path in _files(paths, errors):
        try:
            regulation = parse(read_text(path), path.name, _read_slips(path))
            if regulation.id in regulations:
                raise SourceError(path.name, None, f"与 {regulations[regulation.id].file} 是同一份规则，未重复收入")
            regulations[regulation.id] = regulation
        except SourceError as error:
            errors.append(error)
    ordered = sorted(regulations.values(), key=lambda r: (r.county, r.title, r.issued_on or ""))
    return Ingested(tuple(ordered), tuple(errors))


def _files(paths: Sequence[Path], errors: list[SourceError]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.is_file() and p.suffix.lower() in SUFFIXES)
            if not inside:
                errors.append(SourceError(str(path), None, "文件夹里没有 .txt 或 .md 文件"))
            yield from inside
        elif not path.exists():
            errors.append(SourceError(str(path), None, "没有这个文件或文件夹"))
        elif path.suffix.lower() not in SUFFIXES:
            errors.append(SourceError(path.name, None, f"不支持 {path.suffix or '无后缀'} 文件，请转成 .txt（UTF-8）"))
        else:
            yield path


def _read_slips(path: Path) -> tuple[Slip, ...]:
    """Read the known slips of a source from ``slips.json`` beside it, where there is one."""
    listed = path.parent / _SLIPS
    if not listed.exists():
        return ()
    try:
        rows = json.loads(listed.read_text(encoding="utf-8")).get(path.name, [])
        return tuple(Slip(row["article"], row["text"], row["note"]) for row in rows)
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise SourceError(str(listed), None, f"格式不对：{error}") from error


def locate(regulation: Regulation, article: Article, paragraph: int | None = None, item: int | None = None) -> Locator:
    """Build the key of a place in an article that is known to exist."""
    return Locator(regulation.id, article.number, article.branch, paragraph, item, sole=len(article.paragraphs) == 1)


def label_document(regulation: Regulation) -> str:
    """Name the document for quoting: 《…》（文号）, or with the date of issue where there is no 文号."""
    if regulation.doc_number:
        return f"《{regulation.title}》（{regulation.doc_number}）"
    if regulation.issued_on:
        year, month, day = (int(part) for part in regulation.issued_on.split("-"))
        return f"《{regulation.title}》（{year}年{month}月{day}日印发）"
    return f"《{regulation.title}》"


def in_force(regulations: Iterable[Regulation]) -> tuple[Regulation, ...]:
    """Leave out what another of these regulations repeals or replaces.

    A repeal clause names title, 文号 and date of issue as far as it does; a later text of the same
    title and county replaces the earlier even where its clause is silent.
    """
    kept = tuple(regulations)
    return tuple(r for r in kept if not any(_ends(other, r) for other in kept if other.county == r.county))


def _ends(later: Regulation, earlier: Regulation) -> bool:
    if later is earlier:
        return False
    if later.title == earlier.title and (later.issued_on or "") > (earlier.issued_on or ""):
        return True
    named = later.repeals
    return named is not None and named.doc_number is not None and named.doc_number == earlier.doc_number


def corpus_hash(regulations: Iterable[Regulation]) -> str:
    """Digest of the source texts, the same whatever the order of the files."""
    lines = sorted(f"{r.id}\t{r.source_hash}\t{len(r.slips)}" for r in regulations)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def write_corpus(regulations: Iterable[Regulation], folder: Path) -> list[Path]:
    """Write one JSON-lines file a regulation; each is complete or not there at all."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for regulation in regulations:
        path = folder / f"{regulation.id.replace('/', '／')}.jsonl"
        lines = [json.dumps(row, ensure_ascii=False) for row in (_head(regulation), *_rows(regulation))]
        draft = path.with_suffix(".part")
        draft.write_text("\n".join(lines) + "\n", encoding="utf-8")
        os.replace(draft, path)
        written.append(path)
    return written


def read_corpus(folder: Path) -> tuple[Regulation, ...]:
    """Read back what ``write_corpus`` wrote.

    Raises:
        SourceError: a line that cannot be read.

    """
    return tuple(_read_regulation(path) for path in sorted(folder.glob("*.jsonl")))


def _head(regulation: Regulation) -> dict[str, Any]:
    fields = asdict(regulation)
    del fields["articles"]
    return {"regulation": fields.pop("id"), **fields}


def _rows(regulation: Regulation) -> Iterator[dict[str, Any]]:
    for article in regulation.articles:
        yield {
            "regulation": regulation.id,
            "title": regulation.title,
            "county": regulation.county,
            "doc_number": regulation.doc_number,
            "issued_on": regulation.issued_on,
            "chapter": str(article.chapter) if article.chapter else None,
            "article": article.number,
            "branch": article.branch,
            "label": str(locate(regulation, article)),
            "text": article.text,
            "paragraphs": [asdict(paragraph) for paragraph in article.paragraphs],
            "pieces": article.pieces,
            "source": article.source,
        }


def _read_regulation(path: Path) -> Regulation:
    number = 0
    try:
        with path.open(encoding="utf-8") as file:
            rows = []
            for line in file:
                number += 1
                rows.append(json.loads(line))
        number = 1
        head = rows[0]
        chapters = tuple(Chapter(**{**c, "source": Span(*c["source"])}) for c in head["chapters"])
        articles = tuple(_read_article(row, chapters) for row in rows[1:])
        repairs = tuple(Repair(**{**r, "source": Span(*r["source"])}) for r in head["repairs"])
        rest = {k: head[k] for k in ("title", "county", "doc_number", "doc_number_raw", "issued_on", "adopted_by")}
        return Regulation(
            id=head["regulation"],
            **rest,
            repeals=Repeal(**head["repeals"]) if head["repeals"] else None,
            notice=head["notice"],
            articles=articles,
            chapters=chapters,
            repairs=repairs,
            slips=tuple(Slip(**slip) for slip in head["slips"]),
            front=Span(*head["front"]),
            colophon=Span(*head["colophon"]),
            file=head["file"],
            source_hash=head["source_hash"],
        )
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise SourceError(
            path.name, number or None, f"不是完整的语料文件：{error}，请重新运行 python -m ingest"
        ) from error


def _read_article(row: dict[str, Any], chapters: Sequence[Chapter]) -> Article:
    paragraphs = tuple(
        Paragraph(
            p["number"],
            p["text"],
            tuple(Item(i["number"], i["text"], Span(*i["span"]), Span(*i["source"])) for i in p["items"]),
            Span(*p["span"]),
            Span(*p["source"]),
        )
        for p in row["paragraphs"]
    )
    chapter = next((c for c in reversed(chapters) if c.level == "章" and c.source.start < row["source"][0]), None)
    pieces = tuple(Piece(at, Span(*source)) for at, source in row["pieces"])
    return Article(row["article"], row["branch"], chapter, row["text"], paragraphs, pieces, Span(*row["source"]))
