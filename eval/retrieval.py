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
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import numpy as np
import numpy.typing as npt

from assistant.understand import authorities, understand
from eval.bench import peak_memory
from eval.case import Case, read_cases
from eval.intervals import Interval, Weighted, interval, mean_of_means
from eval.metrics import about
from eval.rivals import RIVALS, Found
from index.build import is_whole, passage_entries
from index.dense import Embedder, Entry
from index.lexical import LexicalIndex
from index.models import open_embedder
from index.ranking import FILE, LEXICAL, read_ranking
from index.search import NEAREST_QUESTIONS
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
        named: for each (case, county) whether the question names the county.
        whole: share of the counties' articles that are kept whole.
        build_s: seconds to index.
        query_ms: milliseconds of each question; those before it in its conversation have been asked.
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
            for earlier in _before(case):
                rival.find(earlier)
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


def _before(case: Case) -> Iterator[Case]:
    """Yield the questions of a conversation that were asked before the last."""
    for n, turn in enumerate(case.history):
        if turn["role"] == "user":
            yield replace(case, question=turn["content"], history=case.history[:n])


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
    keep: Path,
    name: str,
    cases: Path,
    settings: IndexSettings,
    county: str | None = None,
    distractors: Path | None = None,
) -> Measured:
    """Call ``measure`` in another process, or take its result from ``keep`` where it has been before."""
    arguments = json.dumps(
        {
            "name": name,
            "cases": str(cases),
            "settings": settings.model_dump(mode="json"),
            "county": county,
            "distractors": str(distractors) if distractors else None,
        }
    )
    path = keep / f"{hashlib.sha256(arguments.encode()).hexdigest()[:24]}.json"
    if not path.exists():
        command = [sys.executable, "-m", "eval.retrieval", arguments]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        keep.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".draft")
        draft.write_text(done.stdout, encoding="utf-8")
        draft.replace(path)
    row = json.loads(path.read_text(encoding="utf-8"))
    pairs = {name: [Weighted(*pair) for pair in row[name]] for name in ("hit", "recall", "mrr")}
    return Measured(**{**row, **pairs})


def laws(path: Path) -> Iterator[Regulation]:
    """Read the public law articles as regulations of no county, one a law."""
    rows: dict[str, list[dict[str, Any]]] = {}
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for row in map(json.loads, file):
            rows.setdefault(row["law"], []).append(row)
    yield from (_regulation(law, articles) for law, articles in rows.items())


def _regulation(law: str, rows: Iterable[dict[str, Any]]) -> Regulation:
    nowhere = Span(0, 0)
    return Regulation(
        id=f"{law}@",
        title=law,
        county="",
        doc_number=None,
        doc_number_raw=None,
        issued_on=None,
        adopted_by=None,
        repeals=None,
        notice="",
        articles=tuple(_article(row, number) for number, row in enumerate(rows, start=1)),
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
class Way:
    """One way of searching: share of gold among the first few, and reciprocal rank of the first gold."""

    name: str
    recall: list[Weighted]
    mrr: list[Weighted]


SIZES: dict[str, Callable[[Entry, bool], bool]] = {
    "whole articles": lambda entry, alone: is_whole(entry),
    "款": lambda entry, alone: alone or (not is_whole(entry) and not entry.metadata["item"]),
    "款 and 项": lambda entry, alone: alone or not is_whole(entry),
    "articles, 款 and 项, the best of them": lambda entry, alone: True,
}
"""Which passages are searched, told from the entry and whether its article has no other."""


def sizes(settings: IndexSettings, cases: Sequence[Case]) -> list[Way]:
    """Search by the vectors of passages alone, cut in different ways."""
    regulations = {r.county: r for r in ingest([settings.source]).regulations}
    embedder = open_embedder(settings.embedding, settings.embedding_instruction)
    above = authorities(regulations.values())
    found = [Way(name, [], []) for name in SIZES]
    entries = {county: list(passage_entries([r])) for county, r in regulations.items()}
    vectors = {county: _vectors(embedder, [e.text for e in rows]) for county, rows in entries.items()}
    for case in cases:
        topic = understand(case.question, case.history, list(regulations), case.ui_county, above).topic
        asked = np.array(embedder.question(topic or case.question), dtype=np.float32)
        for county in dict.fromkeys(gold.county for gold in case.gold):
            gold = {g.article for g in case.gold if g.county == county}
            rows, cosines = entries[county], vectors[county] @ asked
            held = Counter(int(entry.metadata["article"]) for entry in rows)
            for way, kept in zip(found, SIZES.values(), strict=True):
                order = [
                    int(rows[i].metadata["article"])
                    for i in np.argsort(-cosines, kind="stable")
                    if kept(rows[i], held[int(rows[i].metadata["article"])] == 1)
                ]
                articles = list(dict.fromkeys(order))
                way.recall.append(Weighted(len(gold & set(articles[:5])) / len(gold), len(gold)))
                way.mrr.append(Weighted(1 / min(articles.index(article) + 1 for article in gold), 1.0))
    return found


def stard(public: Path, model: Path) -> list[Way]:
    """Search STARD dev by character-bigram BM25, by the model alone, and by all channels.

    Once without questions, with weights that were chosen on a quarter of STARD's train split, held
    out from a model; and once as the assistant searches, with the weights of its own ranking and
    the train split as question bank.
    """
    with gzip.open(public / "stard" / "corpus.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    lines = (public / "stard" / "queries.jsonl").read_text(encoding="utf-8").splitlines()
    queries = [json.loads(line) for line in lines]
    asked, bank = ([row for row in queries if row["split"] == split] for split in ("dev", "train"))
    embedder = Embedder(model)
    ids = np.array([row["id"] for row in rows])
    place = {row["id"]: i for i, row in enumerate(rows)}
    owners = [[place[gold] for gold in row["gold"] if gold in place] for row in bank]
    questions = _vectors(embedder, [row["query"] for row in bank])
    entries = list(passage_entries([_regulation("STARD", rows)]))
    vectors = _vectors(embedder, [entry.text for entry in entries])
    starts = np.flatnonzero([is_whole(entry) for entry in entries])  # an article's passages follow it
    texts = [row["text"] for row in rows]
    expanded = list(texts)
    for row, articles in zip(bank, owners, strict=True):
        for i in articles:
            expanded[i] += "\n" + row["query"]
    lexical = [LexicalIndex.build(some, name) for some in (texts, expanded) for name in LEXICAL]
    bigrams, words, article, passage, question = read_ranking(model / FILE).own.article.weights
    ways: dict[str, list[float]] = {
        "character-bigram BM25": [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        "bundled model, whole articles": [0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0],
        "all channels but questions": [0.15, 0.15, 0.0, 0.0, 0.45, 0.25, 0.0],
        "all channels, as the assistant weighs them": [0.0, 0.0, bigrams, words, article, passage, question],
    }
    found = {name: Way(name, [], []) for name in ways}
    for row in asked:
        vector = np.array(embedder.question(row["query"]), dtype=np.float32)
        cosines, near = vectors @ vector, questions @ vector
        passages = np.maximum.reduceat(cosines, starts)
        similar = np.zeros(len(rows))
        for n in np.argsort(-near)[:NEAREST_QUESTIONS]:
            similar[owners[n]] = np.maximum(similar[owners[n]], near[n])
        said = [index.scores(row["query"]) for index in lexical]
        channels = np.stack([*said, cosines[starts], passages, similar])
        gold = set(row["gold"])
        for name, weights in ways.items():
            best = ids[np.argsort(-(np.array(weights) @ channels), kind="stable")[:DEEP]]
            found[name].recall.append(Weighted(len(gold & set(best)) / len(gold), 1.0))
            first = next((1 / rank for rank, i in enumerate(best, 1) if i in gold), 0.0)
            found[name].mrr.append(Weighted(first, 1.0))
    return list(found.values())


def _vectors(embedder: Embedder, texts: Sequence[str]) -> npt.NDArray[np.float32]:
    """Embed many texts, a part at a time."""
    parts = [embedder.texts(texts[i : i + 4096]) for i in range(0, len(texts), 4096)]
    return np.vstack([np.array(part, dtype=np.float32) for part in parts])


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
