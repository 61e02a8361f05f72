"""Scores of what is said: facts, refusals, a comparison's cells, brevity, and all of it at once."""

from __future__ import annotations

from eval.case import Case, holds, squeeze
from eval.metrics.citations import citation_precision, citation_recall
from eval.metrics.parts import (
    UNSCORED,
    Prediction,
    Rules,
    Score,
    chosen,
    cited_articles,
    gold_articles,
)

LONGEST = 6.0
"""A right answer quotes at most so many characters for each of the gold quotes; lookups by number apart."""


def facts(case: Case, prediction: Prediction, rules: Rules) -> Score:
    """Share of the facts that stand in the answer's quotes; of golds that answer equally, those of one."""
    golds = chosen(case, prediction, rules)
    owed = [fact for fact in case.facts if any(holds(gold, fact) for gold in golds)]
    if not owed:
        return UNSCORED
    said = [squeeze(c["quote"]) for c in prediction["citations"]]
    missed = [fact for fact in owed if not any(squeeze(fact) in quote for quote in said)]
    return Score(1 - len(missed) / len(owed), f"没答到：{'；'.join(missed)}" if missed else "")


def refusal_right(case: Case, prediction: Prediction, rules: Rules) -> Score:
    """Of the unanswerable, those refused."""
    if case.answerable:
        return UNSCORED
    cited = "、".join(c["label"] for c in prediction["citations"])
    return Score(float(prediction["refused"]), "" if prediction["refused"] else f"应拒答而答：{cited}")


def refusal_wrong(case: Case, prediction: Prediction, rules: Rules) -> Score:
    """Of the answerable, those refused."""
    if not case.answerable:
        return UNSCORED
    return Score(float(prediction["refused"]), "应答而拒" if prediction["refused"] else "")


def cell_right(case: Case, prediction: Prediction, rules: Rules) -> Score:
    """Of a comparison's counties, the share with a gold article cited or, where there is none, refused."""
    if case.type != "comparison":
        return UNSCORED
    cells = list(dict.fromkeys([*_asked(case), *prediction["counties"]]))
    wrong = [f"{county}{fault}" for county in cells if (fault := _cell_fault(case, prediction, county))]
    return Score(1 - len(wrong) / len(cells), "、".join(wrong))


def _cell_fault(case: Case, prediction: Prediction, county: str) -> str:
    cited = {article for article in cited_articles(prediction) if article[0] == county}
    gold = gold_articles(case, county)
    if gold:
        return "" if cited & gold else "引错" if cited else "误作未规定"
    if cited:
        return "未规定而引"
    return "" if county in prediction["counties"] else "没有答"


def cell_silenced(case: Case, prediction: Prediction, rules: Rules) -> Score:
    """Of a comparison's counties whose rule answers, the share said to be silent (未规定)."""
    answering = list(dict.fromkeys(gold.county for gold in case.gold))
    if case.type != "comparison" or not answering:
        return UNSCORED
    said = {c["county"] for c in prediction["citations"]}
    wrong = [county for county in answering if county not in said]
    return Score(len(wrong) / len(answering), f"误作未规定：{'、'.join(wrong)}" if wrong else "")


def cell_shown(case: Case, prediction: Prediction, rules: Rules) -> Score:
    """Of a comparison's counties, the share that the answer speaks of at all."""
    asked = _asked(case)
    if case.type != "comparison" or not asked:
        return UNSCORED
    shown = str(prediction["answer"])
    missing = [county for county in asked if county not in prediction["counties"] or county not in shown]
    return Score(1 - len(missing) / len(asked), f"没有答：{'、'.join(missing)}" if missing else "")


def _asked(case: Case) -> list[str]:
    return list(dict.fromkeys([*(gold.county for gold in case.gold), *case.silent]))


def length_ratio(case: Case, prediction: Prediction, rules: Rules) -> Score:
    """Characters quoted for each character of the gold quotes."""
    if not case.gold or not prediction["citations"]:
        return UNSCORED
    wanted = sum(len(squeeze(gold.quote)) for gold in chosen(case, prediction, rules))
    return Score(sum(len(squeeze(c["quote"])) for c in prediction["citations"]) / wanted)


def concision(case: Case, prediction: Prediction, rules: Rules) -> Score:
    """Characters of the gold quotes for each character quoted, at most 1; lookups by number are not scored."""
    ratio = length_ratio(case, prediction, rules).value
    if ratio is None or case.type == "article_lookup":
        return UNSCORED
    return Score(1 / max(ratio, 1.0), f"引文是标准答案的 {ratio:.1f} 倍" if ratio > LONGEST else "")


def strict(case: Case, prediction: Prediction, rules: Rules) -> Score:
    """Score 1 where all is right at once.

    Every gold article is cited, half of what is cited or more is gold, every fact is there and the
    answer is not longer than ``LONGEST``; or it is rightly refused.
    """
    if not case.answerable:
        return refusal_right(case, prediction, rules)
    recall, precision = citation_recall(case, prediction, rules), citation_precision(case, prediction, rules)
    stated, length = facts(case, prediction, rules), length_ratio(case, prediction, rules)
    faults = [
        why
        for wrong, why in (
            (recall.value != 1, recall.why),
            (precision.value is not None and precision.value < 0.5, precision.why),
            (stated.value not in (None, 1), stated.why),
            (case.type != "article_lookup" and (length.value or 0) > LONGEST, f"太长：{length.value or 0:.1f} 倍"),
        )
        if wrong
    ]
    return Score(float(not faults), "；".join(faults))


def latency(case: Case, prediction: Prediction, rules: Rules) -> Score:
    """Milliseconds that the answer took."""
    return Score(float(prediction["latency_ms"]))
