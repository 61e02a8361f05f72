"""Scores of one prediction against its case, each with its reason, and their means.

A score that does not apply (no gold, nothing to cite) is None: unscored, not zero.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median, quantiles
from typing import Any

from eval.case import Case, squeeze
from eval.intervals import Interval, Weighted, interval, mean_of_means
from ingest.law import Regulation

Prediction = Mapping[str, Any]
Texts = Mapping[tuple[str, int, int | None], str]


@dataclass(frozen=True, slots=True)
class Score:
    """A value, None where the case has nothing to score, and why it is what it is."""

    value: float | None
    why: str = ""


UNSCORED = Score(None)


def texts_of(regulations: Iterable[Regulation]) -> dict[tuple[str, int, int | None], str]:
    """Text that a quote must stand in, by (regulation id, article, branch); 0 is the notice."""
    texts: dict[tuple[str, int, int | None], str] = {}
    for r in regulations:
        texts[r.id, 0, None] = squeeze(r.notice)
        texts |= {(r.id, a.number, a.branch): squeeze(a.text) for a in r.articles}
    return texts


def hit_at_1(case: Case, prediction: Prediction, texts: Texts) -> Score:
    """Share of gold counties whose first retrieved article is gold."""
    if not case.gold:
        return UNSCORED
    right: list[str] = []
    wrong: list[str] = []
    for county in dict.fromkeys(gold.county for gold in case.gold):
        first = next((r["article"] for r in prediction["retrieved"] if r["county"] == county), None)
        (right if first in _articles(case, county) else wrong).append(f"{county}{first}")
    return Score(len(right) / (len(right) + len(wrong)), f"首位不对：{'、'.join(wrong)}" if wrong else "")


def recall_at_5(case: Case, prediction: Prediction, texts: Texts) -> Score:
    """Share of gold articles among the first five retrieved of their county."""
    if not case.gold:
        return UNSCORED
    missed = [
        f"{gold.county}{gold.article}"
        for gold in case.gold
        if gold.article not in [r["article"] for r in prediction["retrieved"] if r["county"] == gold.county][:5]
    ]
    return Score(1 - len(missed) / len(case.gold), f"前五没有：{'、'.join(missed)}" if missed else "")


def citation_precision(case: Case, prediction: Prediction, texts: Texts) -> Score:
    """Share of cited articles that are gold."""
    if not case.gold or not prediction["citations"]:
        return UNSCORED
    cited = dict.fromkeys((c["county"], c["article"]) for c in prediction["citations"])
    wrong = [f"{county}{article}" for county, article in cited if article not in _articles(case, county)]
    return Score(1 - len(wrong) / len(cited), f"引了：{'、'.join(wrong)}" if wrong else "")


def citation_recall(case: Case, prediction: Prediction, texts: Texts) -> Score:
    """Share of gold articles that are cited."""
    if not case.gold:
        return UNSCORED
    cited = {(c["county"], c["article"]) for c in prediction["citations"]}
    missed = [f"{gold.county}{gold.article}" for gold in case.gold if (gold.county, gold.article) not in cited]
    return Score(1 - len(missed) / len(case.gold), f"没引：{'、'.join(missed)}" if missed else "")


def facts(case: Case, prediction: Prediction, texts: Texts) -> Score:
    """Share of the facts that stand in the answer's quotes."""
    if not case.facts:
        return UNSCORED
    said = [squeeze(c["quote"]) for c in prediction["citations"]]
    missed = [fact for fact in case.facts if not any(squeeze(fact) in quote for quote in said)]
    return Score(1 - len(missed) / len(case.facts), f"没答到：{'；'.join(missed)}" if missed else "")


def verbatim(case: Case, prediction: Prediction, texts: Texts) -> Score:
    """Share of quotes that stand, white space aside, in the article that is cited for them."""
    if not prediction["citations"]:
        return UNSCORED
    wrong = [
        c["label"]
        for c in prediction["citations"]
        if squeeze(c["quote"]) not in texts.get((c["regulation"], c["article"], c["branch"]), "")
        or not squeeze(c["quote"])
    ]
    return Score(1 - len(wrong) / len(prediction["citations"]), f"与原文不符：{'、'.join(wrong)}" if wrong else "")


def refusal_right(case: Case, prediction: Prediction, texts: Texts) -> Score:
    """Of the unanswerable, those refused."""
    if case.answerable:
        return UNSCORED
    cited = "、".join(c["label"] for c in prediction["citations"])
    return Score(float(prediction["refused"]), "" if prediction["refused"] else f"应拒答而答：{cited}")


def refusal_wrong(case: Case, prediction: Prediction, texts: Texts) -> Score:
    """Of the answerable, those refused."""
    if not case.answerable:
        return UNSCORED
    return Score(float(prediction["refused"]), "应答而拒" if prediction["refused"] else "")


def length_ratio(case: Case, prediction: Prediction, texts: Texts) -> Score:
    """Characters quoted for each character of the gold quotes."""
    if not case.gold or not prediction["citations"]:
        return UNSCORED
    wanted = sum(len(squeeze(gold.quote)) for gold in case.gold)
    return Score(sum(len(squeeze(c["quote"])) for c in prediction["citations"]) / wanted)


def latency(case: Case, prediction: Prediction, texts: Texts) -> Score:
    """Milliseconds that the answer took."""
    return Score(float(prediction["latency_ms"]))


SCORERS: dict[str, Callable[[Case, Prediction, Texts], Score]] = {
    "hit@1": hit_at_1,
    "recall@5": recall_at_5,
    "citation_precision": citation_precision,
    "citation_recall": citation_recall,
    "facts": facts,
    "verbatim": verbatim,
    "refusal_right": refusal_right,
    "refusal_wrong": refusal_wrong,
    "length_ratio": length_ratio,
    "latency_ms": latency,
}


def score(case: Case, prediction: Prediction, texts: Texts) -> dict[str, Score]:
    """Apply every scorer to one prediction."""
    return {name: scorer(case, prediction, texts) for name, scorer in SCORERS.items()}


@dataclass(frozen=True, slots=True)
class Summary:
    """A score over many cases.

    Attributes:
        mean: arithmetic mean of what was scored (for hit@1 weighted by gold counties, for
            recall@5 by gold articles, as the contract defines them).
        median: middle value.
        p90: value that nine in ten do not exceed.
        count: number of cases scored.
        interval: of the mean.

    """

    mean: float
    median: float
    p90: float
    count: int
    interval: Interval | None


def summarise(cases: Sequence[Case], scores: Sequence[Mapping[str, Score]], name: str) -> Summary | None:
    """Summarise one score; None where no case is scored."""
    rows = weigh(cases, scores, name)
    if not rows:
        return None
    values = [value for value, _ in rows]
    p90 = quantiles(values, n=10, method="inclusive")[-1] if len(values) > 1 else values[0]
    return Summary(mean_of_means([rows]), median(values), p90, len(values), interval([rows]))


def weigh(cases: Sequence[Case], scores: Sequence[Mapping[str, Score]], name: str) -> list[Weighted]:
    """Return one score of every case that has it, with the weight of the case."""
    return [
        Weighted(value, _weight(case, name))
        for case, row in zip(cases, scores, strict=True)
        if (value := row[name].value) is not None
    ]


def about(county: str, case: Case) -> Case:
    """Narrow a case to what it asks of one county."""
    gold = tuple(g for g in case.gold if g.county == county)
    facts = tuple(fact for fact in case.facts if any(squeeze(fact) in squeeze(g.quote) for g in gold))
    return replace(case, county=county, gold=gold, facts=facts)


def said_of(county: str, prediction: Prediction) -> Prediction:
    """Narrow a prediction to what it says of one county."""
    citations = [citation for citation in prediction["citations"] if citation["county"] == county]
    return {**prediction, "citations": citations, "refused": not citations}


def _weight(case: Case, name: str) -> int:
    if name == "hit@1":
        return len({gold.county for gold in case.gold})
    if name == "recall@5":
        return len(case.gold)
    return 1


def _articles(case: Case, county: str) -> set[int]:
    return {gold.article for gold in case.gold if gold.county == county}
