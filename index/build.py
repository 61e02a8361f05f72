"""Regulations and question bank -> a complete index in an empty folder."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import filterfalse
from pathlib import Path

from index import manifest, passage
from index.dense import DenseIndex, Embedder, Entry
from index.known import KnownQuestions
from index.lexical import CUTTERS, write_indexes
from index.points import Point, PointIndex, as_questions
from index.questions import Asked, BankQuestion, for_regulations, write_asked
from ingest.corpus import write_corpus
from ingest.law import Regulation

POINTS = "points.npz"
"""The file of a generation that tells which points are left open."""
KNOWN = "known"
"""The folder of a generation with the known questions and their vectors."""
_MANY = 5000
"""Of more articles the words are cut in a process of its own."""
Progress = Callable[[str, int, int], None]
"""Told the step, how much of it is done, and how much there is."""


def build(
    regulations: Sequence[Regulation],
    bank: Sequence[BankQuestion],
    points: Sequence[Point],
    embedder: Embedder,
    source: Path,
    folder: Path,
    progress: Progress = lambda step, done, total: None,
) -> manifest.Manifest:
    """Write corpus, questions, vectors and word indexes, and the manifest last."""
    write_corpus(regulations, folder / "corpus")
    asked = for_regulations(bank, regulations)
    with_bank = {question.county for question in bank if not question.generated}
    for place, questions in as_questions(points, (r for r in regulations if r.county in with_bank)).items():
        asked.setdefault(place, []).extend(questions)
    write_asked(asked, folder / "questions.jsonl")
    passages = sum(1 for _ in passage_entries(regulations))
    with word_indexes(expanded_texts(regulations, asked), folder, progress):
        progress("问题", 0, 1)
        known = KnownQuestions.build(known_texts(asked, points), embedder)
        known.save(folder / KNOWN)
        PointIndex.build(points, regulations, known).save(folder / POINTS)
        progress("问题", 1, 1)
        advance = _counter("向量", passages, progress)
        dense = DenseIndex(folder / "chroma")
        try:
            dense.add("articles", filter(is_whole, passage_entries(regulations)), embedder, advance)
            dense.add("parts", filterfalse(is_whole, passage_entries(regulations)), embedder, advance)
        finally:
            dense.close()
    described = manifest.describe(tuple(regulations), tuple(bank), points, embedder.digest, source)
    built = replace(described, passages=passages)
    manifest.write(built, folder)
    return built


@contextmanager
def word_indexes(texts: Sequence[str], folder: Path, progress: Progress) -> Iterator[None]:
    """Write the word indexes before what follows, or of many texts meanwhile: cutting them takes a core for minutes."""
    if len(texts) <= _MANY:
        advance = _counter("词索引", len(texts) * len(CUTTERS), progress)
        write_indexes(texts, folder, lambda: advance(1))
        yield
        return
    command = [sys.executable, "-m", "index.lexical", str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, encoding="utf-8") as process:
        try:
            if process.stdin is not None:
                with process.stdin:
                    json.dump(texts, process.stdin)
            yield
        except BaseException:
            process.kill()
            raise
        progress("词索引", 0, 1)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    progress("词索引", 1, 1)


def _counter(step: str, total: int, progress: Progress) -> Callable[[int], None]:
    """Return what is told how much more of a step is done."""
    done = 0

    def advance(more: int) -> None:
        nonlocal done
        done += more
        progress(step, done, total)

    return advance


def expanded_texts(regulations: Sequence[Regulation], asked: Asked) -> list[str]:
    """Return each article's chapter, text and questions, in the order of the regulations."""
    return [
        "\n".join([str(a.chapter or ""), a.text, *(q.question for q in asked.get((r.id, a.number), ()))])
        for r in regulations
        for a in r.articles
    ]


def known_texts(asked: Asked, points: Iterable[Point]) -> Iterator[str]:
    """Yield the questions of articles and of points."""
    for questions in asked.values():
        yield from (each.question for each in questions)
    yield from (point.question for point in points)


def passage_entries(regulations: Iterable[Regulation]) -> Iterator[Entry]:
    """Take the metadata that a user of the collection would filter or show by."""
    for regulation in regulations:
        document: dict[str, str | int] = {
            "regulation": regulation.id,
            "county": regulation.county,
            "title": regulation.title,
            "doc_number": regulation.doc_number or "",
            "issued_on": regulation.issued_on or "",
        }
        for article in regulation.articles:
            chapter = str(article.chapter or "")
            for part in passage.cut(regulation, article):
                place = part.locator
                yield Entry(
                    part.key,
                    f"{chapter} {part.text}" if place.paragraph is None and chapter else part.text,
                    {
                        **document,
                        "chapter": chapter,
                        "article": place.article,
                        "branch": place.branch or 0,
                        "paragraph": place.paragraph or 0,
                        "item": place.item or 0,
                    },
                )


def is_whole(entry: Entry) -> bool:
    """Tell the passage that is the whole article from its parts."""
    return entry.metadata["paragraph"] == 0
