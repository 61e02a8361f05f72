"""The benchmark of retrieval: every rival on the same questions, each in a process of its own.

Its own process, so that the most memory that it holds can be told.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import numpy as np

from eval.bench import peak_memory
from eval.case import Case, read_cases
from eval.intervals import Interval, Weighted, interval, mean_of_means
from eval.metrics import about
from eval.rivals import RIVALS, Found
from index.dense import Embedder
from index.lexical import CUTTERS, LexicalIndex
from index.settings import IndexSettings
from ingest.corpus import ingest
from ingest.law import Article, Chapter, Paragraph, Piece, Regulation, Span

DEEP = 10
"""How far down the order of STARD is looked at."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One rival under one condition.

    Attributes:
        hit: for each (case, county) whether the first result of that county is gold, with weight.
        recall: for each (case, county) the share of gold articles among the first five of that
            county, weighted by their number.
        mrr: for each (case, county) the reciprocal rank of the first gold article of that county.
        named: ids of the cases that name their counties, in the order of ``recall``.
        whole: share of the counties' articles that are kept whole.
        build_s: seconds to index.
        query_ms: milliseconds of each question.
        memory_mib: most memory that the process held.
        texts: articles indexed.

    """

    hit: list[Weighted]
    recall: list[Weighted]
    mrr: list[Weighted]
    named: list[bool]
    whole: float
    build_s: float
    query_ms: list[float]
    memory_mib: float
    texts: int


def measure(
    name: str, cases: Sequence[Case], settings: IndexSettings, county: str | None, distractors: Path | None
) -> Measured:
    """Index, ask every case, score; with ``county`` only what is asked of that county."""
    regulations = list(ingest([settings.source]).regulations)
    if distractors is not None:
        regulations += laws(distractors)
    rival = RIVALS[name](settings)
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        rival.build(regulations, Path(folder))
        build_s = time.perf_counter() - start
        rival.find(cases[0])
        hit, recall, mrr, named, times = [], [], [], [], []
        for case in cases:
            start = time.perf_counter()
            found = rival.find(case)
            times.append((time.perf_counter() - start) * 1000)
            for place in [county] if county else dict.fromkeys(gold.county for gold in case.gold):
                gold = {g.article for g in about(place, case).gold}
                ranks = _ranks(found, place, gold)
                hit.append(Weighted(float(1 in ranks), 1.0))
                recall.append(Weighted(sum(rank <= 5 for rank in ranks) / len(gold), len(gold)))
                mrr.append(Weighted(1 / min(ranks, default=np.inf), 1.0))
                named.append(place[:2] in case.question)
    return Measured(
        hit, recall, mrr, named, rival.whole(), build_s, times, peak_memory(), sum(len(r.articles) for r in regulations)
    )


def _ranks(found: Sequence[Found], county: str, gold: set[int]) -> list[int]:
    """Return the rank, among the results of the county, at which each gold article is first held."""
    theirs = [result for result in found if result.county == county]
    return [
        rank
        for article in gold
        for rank in [next((i for i, r in enumerate(theirs, 1) if article in r.articles), 0)]
        if rank
    ]


def in_own_process(
    name: str, cases: Path, settings: IndexSettings, county: str | None = None, distractors: Path | None = None
) -> Measured:
    """Call ``measure`` in another process."""
    arguments = {
        "name": name,
        "cases": str(cases),
        "settings": settings.model_dump(mode="json"),
        "county": county,
        "distractors": str(distractors) if distractors else None,
    }
    done = subprocess.run(
        [sys.executable, "-m", "eval.retrieval", json.dumps(arguments)], stdout=subprocess.PIPE, text=True, check=True
    )
    row = json.loads(done.stdout)
    pairs = {name: [Weighted(*pair) for pair in row[name]] for name in ("hit", "recall", "mrr")}
    return Measured(**{**row, **pairs})


def laws(path: Path) -> Iterator[Regulation]:
    """Read the public law articles as regulations of no county, one a law."""
    rows: dict[str, list[dict[str, Any]]] = {}
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for row in map(json.loads, file):
            rows.setdefault(row["law"], []).append(row)
    for law, articles in rows.items():
        nowhere = Span(0, 0)
        yield Regulation(
            id=f"{law}@",
            title=law,
            county="",
            doc_number=None,
            doc_number_raw=None,
            issued_on=None,
            adopted_by=None,
            repeals=None,
            notice="",
            articles=tuple(_article(row, number) for number, row in enumerate(articles, start=1)),
            chapters=(),
            repairs=(),
            slips=(),
            front=nowhere,
            colophon=nowhere,
            file=law,
            source_hash=hashlib.sha256(law.encode()).hexdigest(),
        )


def _article(row: dict[str, Any], number: int) -> Article:
    """Take a law's article; its place in the list is its number, since not every law is complete."""
    text: str = row["text"]
    whole = Span(0, len(text))
    chapter = Chapter(1, row["chapter"].split("/")[-1].strip(), whole) if row.get("chapter") else None
    paragraphs: list[Paragraph] = []
    start = 0
    for line in text.split("\n"):
        if line.strip():
            span = Span(start, start + len(line))
            paragraphs.append(Paragraph(len(paragraphs) + 1, line, (), span, span))
        start += len(line) + 1
    return Article(number, None, chapter, text, tuple(paragraphs), (Piece(0, whole),), whole)


@dataclass(frozen=True, slots=True)
class Outside:
    """One way of searching STARD's dev questions: recall and reciprocal rank among the first ten."""

    name: str
    recall: list[Weighted]
    mrr: list[Weighted]


def stard(public: Path, model: Path) -> list[Outside]:
    """Search STARD dev by character-bigram BM25, by the model alone, and by both.

    The fused order adds half of each lexical channel's value to the cosine, as was best on
    held-out questions of STARD's train split.
    """
    with gzip.open(public / "stard" / "corpus.jsonl.gz", "rt", encoding="utf-8") as file:
        corpus = {row["id"]: row["text"] for row in map(json.loads, file)}
    lines = (public / "stard" / "queries.jsonl").read_text(encoding="utf-8").splitlines()
    asked = [row for row in map(json.loads, lines) if row["split"] == "dev"]
    embedder = Embedder(model)
    ids, texts = np.array(list(corpus)), list(corpus.values())
    vectors = np.vstack([embedder.texts(texts[i : i + 4096]) for i in range(0, len(texts), 4096)])
    lexical = {name: LexicalIndex.build(texts, name) for name in CUTTERS}
    ways: dict[str, Callable[[str], Any]] = {
        "双字 BM25": lambda text: lexical["bigrams"].scores(text),
        "自带模型": lambda text: vectors @ embedder.question(text),
        "自带模型 + BM25（双字、词）": lambda text: (
            vectors @ embedder.question(text) + sum(0.5 * index.scores(text) for index in lexical.values())
        ),
    }
    outside = []
    for name, score in ways.items():
        recall, mrr = [], []
        for row in asked:
            best = ids[np.argsort(-score(row["query"]), kind="stable")[:DEEP]]
            gold = set(row["gold"])
            recall.append(Weighted(len(gold & set(best)) / len(gold), 1.0))
            mrr.append(Weighted(next((1 / rank for rank, i in enumerate(best, 1) if i in gold), 0.0), 1.0))
        outside.append(Outside(name, recall, mrr))
    return outside


def shown(groups: Sequence[Sequence[Weighted]]) -> str:
    """Write a mean with its interval."""
    between = interval(groups) or Interval(float("nan"), float("nan"))
    return f"{mean_of_means(groups):.3f} [{between.low:.3f}, {between.high:.3f}]"


def speed(milliseconds: Sequence[float]) -> str:
    """Write the median and the 95th percentile of some times."""
    return f"{median(milliseconds):.1f} / {quantiles(milliseconds, n=20, method='inclusive')[-1]:.1f}"


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    read = [case for case in read_cases(Path(given["cases"])) if case.gold]
    if given["county"]:
        read = [case for case in read if given["county"] in {gold.county for gold in case.gold}]
    result = measure(
        given["name"],
        read,
        IndexSettings(**given["settings"]),
        given["county"],
        Path(given["distractors"]) if given["distractors"] else None,
    )
    sys.stdout.write(json.dumps(asdict(result)))
