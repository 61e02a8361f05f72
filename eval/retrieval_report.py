"""The benchmark of retrieval -> docs/retrieval.md and the reliability plot beside it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import median

import numpy as np

from assistant.ask import Assistant
from assistant.settings import Settings
from eval.bench import machine
from eval.case import Case
from eval.intervals import Weighted
from eval.retrieval import Measured, in_own_process, shown, sizes, speed, stard
from eval.rivals import OURS, RIVALS
from index.leave_out import without_county
from index.library import Library
from index.models import find_embedding
from ingest.corpus import ingest

_BINS = 6
Say = Callable[[str], None]


def report(
    settings: Settings, cases: Path, read: Sequence[Case], public: Path, out: Path, say: Say, *, resume: bool = False
) -> None:
    """Measure everything and write the document.

    What needs the public data (training without a county, the 147,062 law articles, STARD) is left
    out, and said to be, where they are not. Each rival's measurement is kept until the document is
    written; ``resume`` goes on with those of a run that was stopped.
    """
    keep = settings.home / "retrieval"
    if not resume:
        shutil.rmtree(keep, ignore_errors=True)
    parts = [_HEAD.format(machine=machine(), cases=cases.name)]
    say("五个县，有题库")
    bundled = {name: in_own_process(keep, name, cases, settings) for name in RIVALS}
    parts.append(_section("Five counties, with their questions", _WITH, _table({n: [m] for n, m in bundled.items()})))
    ways = [[way.name, shown([way.recall]), shown([way.mrr])] for way in sizes(settings, [c for c in read if c.gold])]
    parts.append(_section("What is embedded", _SIZES, _markdown(["", "recall@5", "MRR"], ways)))
    if (public / "law_articles.jsonl.gz").exists():
        parts.append(_left_out(keep, settings, cases, public, say))
        parts.append(_distracted(keep, settings, cases, public, bundled[OURS], say))
        say("STARD")
        rows = [
            [way.name, shown([way.recall]), shown([way.mrr])]
            for way in stard(public, find_embedding(settings.embedding))
        ]
        parts.append(_section("STARD dev", _STARD, _markdown(["", "R@10", "MRR@10"], rows)))
    else:
        parts.append(f"The other parts need the public legal data, which were not at {public}.\n")
    say("可靠性")
    reliability(settings, read, out.with_name("reliability.png"))
    parts.append(_section("Does the evidence mean what it says?", _EVIDENCE, "![reliability](reliability.png)"))
    out.write_text("\n".join(parts), encoding="utf-8")
    shutil.rmtree(keep, ignore_errors=True)


def _left_out(keep: Path, settings: Settings, cases: Path, public: Path, say: Say) -> str:
    found: dict[str, list[Measured]] = {name: [] for name in RIVALS}
    counties = list(dict.fromkeys(r.county for r in ingest([settings.source]).regulations))
    for county in counties:
        say(f"没有{county}的题库")
        alone = without_county(settings, county, public, say)
        for name in RIVALS:
            found[name].append(in_own_process(keep, name, cases, alone, county))
    each = [
        [county, shown([m.hit]), shown([m.recall]), str(len(m.hit))]
        for county, m in zip(counties, found[OURS], strict=True)
    ]
    return _section(
        "One county left out, mean of the five",
        _WITHOUT,
        _table(found) + "\nOurs, county by county:\n\n" + _markdown(["", "hit@1", "recall@5", "pairs"], each),
    )


def _distracted(keep: Path, settings: Settings, cases: Path, public: Path, before: Measured, say: Say) -> str:
    found = {}
    for name in RIVALS:
        say(f"加入法律条文：{name}")
        found[name] = [in_own_process(keep, name, cases, settings, distractors=public / "law_articles.jsonl.gz")]
    after = found[OURS][0]
    rows = [
        [name, shown([_of_named(m.hit, m)]), shown([_of_named(m.recall, m)]), speed(m.query_ms)]
        for name, m in (("five counties", before), (f"{after.texts:,} articles", after))
    ]
    return _section(
        f"Among {after.texts:,} articles",
        _DISTRACTED,
        _table(found)
        + f"\nOurs, where the question names the county ({sum(after.named)} pairs):\n\n"
        + _markdown(["", "hit@1", "recall@5", "question, ms (median / p95)"], rows),
    )


def _of_named(rows: Sequence[Weighted], measured: Measured) -> list[Weighted]:
    return [row for row, named in zip(rows, measured.named, strict=True) if named]


def _table(found: dict[str, list[Measured]]) -> str:
    """Lay out one condition; several measurements of one rival are averaged."""
    rows = [
        [
            name,
            shown([m.hit for m in each]),
            shown([m.recall for m in each]),
            shown([m.mrr for m in each]),
            f"{np.mean([m.whole for m in each]):.3f}",
            f"{median(m.build_s for m in each):.1f}",
            speed([t for m in each for t in m.query_ms]),
            f"{max(m.memory_mib for m in each):.0f}",
        ]
        for name, each in found.items()
    ]
    count = sum(len(m.hit) for m in found[OURS])
    heads = ["", "hit@1", "recall@5", "MRR", "kept whole", "index, s", "question, ms (median / p95)", "memory, MiB"]
    return f"{count} (case, county) pairs.\n\n" + _markdown(heads, rows)


def _markdown(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def _section(title: str, text: str, table: str) -> str:
    return f"## {title}\n\n{text}\n\n{table}"


def reliability(settings: Settings, cases: Sequence[Case], out: Path) -> None:
    """Plot how often the rule answers against the evidence that it does, in bins of equal size."""
    from matplotlib.figure import Figure  # heavy: only this needs it

    library = Library(settings)
    assistant = Assistant(library, settings)
    index = assistant.index
    pairs = []
    for case in cases:
        if case.type == "article_lookup":  # fetched, whatever the evidence
            continue
        answer = assistant.ask(case.question, case.history, case.ui_county)
        query = index.prepare(answer.resolved)
        for county, hits in answer.hits.items():
            pairs.append((index.evidence(query, hits), county in {gold.county for gold in case.gold}))
    library.close()
    pairs.sort()
    bins = [chunk for chunk in np.array_split(np.array(pairs, dtype=float), _BINS) if len(chunk)]
    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=1)
    axes.plot([b[:, 0].mean() for b in bins], [b[:, 1].mean() for b in bins], marker="o")
    axes.set(xlabel="evidence", ylabel="share of counties whose rule answers", xlim=(0, 1), ylim=(0, 1))
    axes.set_title(f"{len(pairs)} (case, county) pairs, {_BINS} bins of equal size")
    figure.savefig(out, dpi=110)


_HEAD = """# Retrieval

Written by `make bench`; do not edit. Machine: {machine}. Cases: {cases}, those with gold. In square brackets: 95% bootstrap intervals (2,000 resamples of the cases). Nothing here was asked in training, in fitting, or is in the question bank.

All rivals embed with the same bundled model. llama-index gets all that the user has said; a chunk of its SentenceSplitter counts as every article that it holds at least half of, which favours it. hit@1: the first result of the gold county holds a gold article. recall@5: gold articles in the first five results of their county. A question of a conversation is timed after those before it have been asked. Memory is the most that the process and the largest of those it started held, libraries and model included.
"""
_WITH = "The bank's questions extend the articles of ours; the others index what they are given."
_SIZES = "The vectors of passages alone, without BM25 and without questions, in the gold county."
_WITHOUT = "Each county in turn without its questions: they are kept out of the model, the expansion and the fusion, and those of other counties are carried over. The others use the same left-out model."
_DISTRACTED = "The same cases with 147,062 articles of Chinese laws beside the counties' rules."
_STARD = "308 lay questions of STARD and LeCoQA (split dev) over a pool of 62,440 articles, rebuilt: not to be compared with the paper's table. The model was trained on STARD's train split and on questions written for articles of the commonest laws; no question of dev was looked at for that."
_EVIDENCE = "For every county that a case asks about, lookups by number aside: the evidence that the rule answers, and how often it does. Cases of comparison that leave a county silent and unanswerable cases are the wrong ones."
