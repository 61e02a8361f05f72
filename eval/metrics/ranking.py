"""Scores of what was found, by llama-index's retrieval metrics, for each county of the gold.

Golds that answer equally count as one: the first of them that was found stands for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from eval.case import Case, Gold
from eval.metrics.parts import UNSCORED, Prediction, Rules, Score, name_article

if TYPE_CHECKING:
    from llama_index.core.evaluation.retrieval.metrics_base import BaseRetrievalMetric

_DEEPEST = 10
"""How many articles of a county are ranked."""


class _Ranked(NamedTuple):
    """What a county's rule should give, and what was found there, best first."""

    county: str
    wanted: dict[str, str]
    found: list[str]
    first: str


def hit_at_1(case: Case, prediction: Prediction, rules: Rules) -> Score:
    """Share of gold counties whose first retrieved article is gold."""
    ranked = list(_ranked(case, prediction))
    wrong = [one.first for one in ranked if _measure(_HIT, one, 1) < 1]
    return _mean(ranked, _HIT, 1, f"首位不对：{'、'.join(wrong)}")


def recall_at_5(case: Case, prediction: Prediction, rules: Rules) -> Score:
    """Share of gold articles among the first five retrieved of their county."""
    return _recall(case, prediction, 5)


def recall_at_10(case: Case, prediction: Prediction, rules: Rules) -> Score:
    """Share of gold articles among the first ten retrieved of their county."""
    return _recall(case, prediction, _DEEPEST)


def mrr(case: Case, prediction: Prediction, rules: Rules) -> Score:
    """One over the rank of the first gold article, mean of the gold counties."""
    ranked = list(_ranked(case, prediction))
    return _mean(ranked, _MRR, _DEEPEST, f"最先的正确条文：{_ranks(ranked, 1)}")


def ndcg_at_10(case: Case, prediction: Prediction, rules: Rules) -> Score:
    """Normalised discounted cumulative gain of the first ten, mean of the gold counties."""
    ranked = list(_ranked(case, prediction))
    return _mean(ranked, _NDCG, _DEEPEST, f"正确条文的位次：{_ranks(ranked, _DEEPEST)}")


def wanted_count(case: Case) -> int:
    """Count the gold articles, those that answer equally as one."""
    return len({(gold.county, _label(gold)) for gold in case.gold})


_HIT, _MRR, _NDCG, _RECALL = "hit_rate", "mrr", "ndcg", "recall"


def _ranked(case: Case, prediction: Prediction) -> Iterator[_Ranked]:
    for county in dict.fromkeys(gold.county for gold in case.gold):
        golds = [gold for gold in case.gold if gold.county == county]
        labels = {_article(gold.article, gold.branch): _label(gold) for gold in golds}
        wanted = {label: name_article(county, gold.article, gold.branch) for gold in golds for label in [_label(gold)]}
        rows = [row for row in prediction["retrieved"] if row["county"] == county]
        found: list[str] = []
        for row in rows:
            article = _article(row["article"], row.get("branch"))
            label = labels.get(article, article)
            found.append(label if label not in found else f"{article}（同组）")
        first = name_article(county, rows[0]["article"], rows[0].get("branch")) if rows else f"{county}没有检索结果"
        yield _Ranked(county, wanted, found, first)


def _label(gold: Gold) -> str:
    return f"组{gold.group}" if gold.group is not None else _article(gold.article, gold.branch)


def _article(number: int, branch: int | None) -> str:
    return f"{number}" if branch is None else f"{number}之{branch}"


def _measure(metric: str, ranked: _Ranked, most: int) -> float:
    if not ranked.found:
        return 0.0
    measure = _metrics()[metric]
    return float(measure.compute(expected_ids=list(ranked.wanted), retrieved_ids=ranked.found[:most]).score)


@cache
def _metrics() -> dict[str, BaseRetrievalMetric]:
    """Make llama-index's metrics by name; it takes seconds to import, and only scoring needs it."""
    from llama_index.core.evaluation.retrieval.metrics import METRIC_REGISTRY

    return {name: METRIC_REGISTRY[name]() for name in (_HIT, _MRR, _NDCG, _RECALL)}


def _mean(ranked: list[_Ranked], metric: str, most: int, why: str) -> Score:
    if not ranked:
        return UNSCORED
    value = sum(_measure(metric, one, most) for one in ranked) / len(ranked)
    return Score(value, why if value < 1 else "")


def _recall(case: Case, prediction: Prediction, most: int) -> Score:
    ranked = list(_ranked(case, prediction))
    if not ranked:
        return UNSCORED
    share = sum(_measure(_RECALL, one, most) * len(one.wanted) for one in ranked) / wanted_count(case)
    missed = [name for one in ranked for label, name in one.wanted.items() if label not in one.found[:most]]
    return Score(share, f"前{most}没有：{'、'.join(missed)}" if missed else "")


def _ranks(ranked: list[_Ranked], most: int) -> str:
    """Tell at which ranks the first ``most`` gold articles of each county stand."""
    told = []
    for one in ranked:
        ranks = [n for n, label in enumerate(one.found[:_DEEPEST], start=1) if label in one.wanted][:most]
        told.append(f"{one.county}第{'、'.join(map(str, ranks))}位" if ranks else f"{one.county}没有")
    return "；".join(told)
