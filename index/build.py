"""Regulations and question bank -> a complete index in an empty folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

from index import manifest, passage
from index.dense import DenseIndex, Embedder, Entry
from index.lexical import CUTTERS, LexicalIndex
from index.passage import Passage
from index.questions import Asked, BankQuestion, for_regulations, write_asked
from ingest.corpus import write_corpus
from ingest.law import Regulation

Progress = Callable[[str, int, int], None]
"""Told the step, how much of it is done, and how much there is."""


def build(
    regulations: Sequence[Regulation],
    bank: Sequence[BankQuestion],
    model: Path,
    source: Path,
    folder: Path,
    progress: Progress = lambda step, done, total: None,
) -> manifest.Manifest:
    """Write corpus, questions, vectors and word indexes, and the manifest last."""
    write_corpus(regulations, folder / "corpus")
    asked = for_regulations(bank, regulations)
    write_asked(asked, folder / "questions.jsonl")
    for name in CUTTERS:
        progress("词索引", 0, 1)
        LexicalIndex.build(expanded_texts(regulations, asked), name).save(folder / name)
    progress("词索引", 1, 1)
    passages = [
        (regulation, part)
        for regulation in regulations
        for a in regulation.articles
        for part in passage.cut(regulation, a)
    ]
    total = len(passages) + sum(len(questions) for questions in asked.values())
    done = 0

    def advance(more: int) -> None:
        nonlocal done
        done += more
        progress("向量", done, total)

    embedder = Embedder(model)
    dense = DenseIndex(folder / "chroma")
    try:
        dense.add("passages", (_passage_entry(r, part) for r, part in passages), embedder, advance)
        dense.add(
            "questions", chain.from_iterable(_question_entries(*group) for group in asked.items()), embedder, advance
        )
    finally:
        dense.close()
    built = replace(manifest.describe(tuple(regulations), tuple(bank), model, source), passages=len(passages))
    manifest.write(built, folder)
    return built


def expanded_texts(regulations: Sequence[Regulation], asked: Asked) -> list[str]:
    """Return each article's chapter, text and questions, in the order of the regulations."""
    return [
        "\n".join([str(a.chapter or ""), a.text, *(q.question for q in asked.get((r.id, a.number), ()))])
        for r in regulations
        for a in r.articles
    ]


def _passage_entry(regulation: Regulation, part: Passage) -> Entry:
    """Take the metadata that a user of the collection would filter or show by."""
    place = part.locator
    article = next(a for a in regulation.articles if (a.number, a.branch) == (place.article, place.branch))
    return Entry(
        part.key,
        f"{article.chapter} {part.text}" if place.paragraph is None and article.chapter else part.text,
        {
            "regulation": regulation.id,
            "county": regulation.county,
            "title": regulation.title,
            "doc_number": regulation.doc_number or "",
            "issued_on": regulation.issued_on or "",
            "chapter": str(article.chapter or ""),
            "article": place.article,
            "branch": place.branch or 0,
            "paragraph": place.paragraph or 0,
            "item": place.item or 0,
        },
    )


def _question_entries(key: tuple[str, int], questions: list[BankQuestion]) -> list[Entry]:
    regulation, article = key
    return [
        Entry(question_key(regulation, article, n), q.question, {"regulation": regulation, "article": article})
        for n, q in enumerate(questions)
    ]


def question_key(regulation: str, article: int, number: int) -> str:
    """Key of the n-th question of an article in the collection of questions."""
    return f"{regulation}?{article}-{number}"
