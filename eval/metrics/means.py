"""All scores of a prediction, and their means over many.

A score that does not apply (no gold, nothing to cite) is None: unscored, not zero.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import median, quantiles

from eval.case import Case, holds
from eval.intervals import Interval, Weighted, interval, mean_of_means
from eval.metrics import citations, content, ranking
from eval.metrics.grounding import grounded
from eval.metrics.parts import Prediction, Rules, Score

SCORERS: dict[str, Callable[[Case, Prediction, Rules], Score]] = {
    "hit@1": ranking.hit_at_1,
    "recall@5": ranking.recall_at_5,
    "recall@10": ranking.recall_at_10,
    "mrr": ranking.mrr,
    "ndcg@10": ranking.ndcg_at_10,
    "citation_precision": citations.citation_precision,
    "citation_recall": citations.citation_recall,
    "paragraph_precision": citations.paragraph_precision,
    "paragraph_recall": citations.paragraph_recall,
    "item_precision": citations.item_precision,
    "item_recall": citations.item_recall,
    "county_right": citations.county_right,
    "facts": content.facts,
    "verbatim": citations.verbatim,
    "grounded": grounded,
    "refusal_right": content.refusal_right,
    "refusal_wrong": content.refusal_wrong,
    "cell_right": content.cell_right,
    "cell_silenced": content.cell_silenced,
    "cell_shown": content.cell_shown,
    "strict": content.strict,
    "concision": content.concision,
    "length_ratio": content.length_ratio,
    "latency_ms": content.latency,
}
"""Every score by its name."""
LOWER_IS_BETTER = frozenset({"refusal_wrong", "cell_silenced", "length_ratio", "latency_ms"})
"""Scores that are the better the smaller they are."""


def score(case: Case, prediction: Prediction, rules: Rules) -> dict[str, Score]:
    """Apply every scorer to one prediction."""
    return {name: scorer(case, prediction, rules) for name, scorer in SCORERS.items()}


@dataclass(frozen=True)
class Summary:
    """A score over many cases.

    Attributes:
        rows: the scores, with their weights.
        mean: arithmetic mean of what was scored (hit@1, mrr and ndcg@10 weighted by gold
            counties, recall by gold articles).
        median: middle value.
        p90: value that nine in ten do not exceed.
        count: number of cases scored.

    """

    rows: tuple[Weighted, ...]
    mean: float
    median: float
    p90: float
    count: int

    @cached_property
    def interval(self) -> Interval | None:
        """The mean's 95% interval; drawn only where somebody looks at it."""
        return interval([self.rows])


def summarise(cases: Sequence[Case], scores: Sequence[Mapping[str, Score]], name: str) -> Summary | None:
    """Summarise one score; None where no case is scored."""
    rows = weigh(cases, scores, name)
    if not rows:
        return None
    values = [value for value, _ in rows]
    p90 = quantiles(values, n=10, method="inclusive")[-1] if len(values) > 1 else values[0]
    return Summary(tuple(rows), mean_of_means([rows]), median(values), p90, len(values))


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
    facts = tuple(fact for fact in case.facts if any(holds(g, fact) for g in gold))
    silent = tuple(name for name in case.silent if name == county)
    return replace(case, county=county, gold=gold, facts=facts, silent=silent)


def said_of(county: str, prediction: Prediction) -> Prediction:
    """Narrow a prediction to what it says of one county."""
    citations = [citation for citation in prediction["citations"] if citation["county"] == county]
    return {**prediction, "citations": citations, "refused": not citations}


def _weight(case: Case, name: str) -> int:
    if name in ("hit@1", "mrr", "ndcg@10"):
        return len({gold.county for gold in case.gold})
    if name in ("recall@5", "recall@10"):
        return ranking.wanted_count(case)
    return 1
