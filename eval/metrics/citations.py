"""Scores of what is cited: articles, 款, 项, counties, and whether the quotes are the rule's own words."""

from __future__ import annotations

from eval.case import Case, squeeze
from eval.metrics.parts import (
    UNSCORED,
    Place,
    Prediction,
    Rules,
    Score,
    chosen,
    cited_articles,
    cited_places,
    gold_places,
    key,
    name_article,
    name_place,
    paragraphs,
    places,
    share_right,
)


def citation_precision(case: Case, prediction: Prediction, rules: Rules) -> Score:
    """Share of cited articles that are gold."""
    cited = cited_articles(prediction)
    if not case.gold or not cited:
        return UNSCORED
    gold = {key(one) for one in case.gold}
    return share_right([name_article(*article) for article in cited if article not in gold], len(cited), "引了")


def citation_recall(case: Case, prediction: Prediction, rules: Rules) -> Score:
    """Share of gold articles that are cited."""
    if not case.gold:
        return UNSCORED
    cited = cited_articles(prediction)
    owed = dict.fromkeys(key(gold) for gold in chosen(case, prediction, rules))
    return share_right([name_article(*article) for article in owed if article not in cited], len(owed), "没引")


def paragraph_precision(case: Case, prediction: Prediction, rules: Rules) -> Score:
    """Share of the 款 cited that hold words of a gold quote."""
    return _precision(paragraphs(cited_places(prediction)), paragraphs(gold_places(case, rules)))


def paragraph_recall(case: Case, prediction: Prediction, rules: Rules) -> Score:
    """Share of the 款 that hold gold quotes that are cited."""
    owed = places(chosen(case, prediction, rules), rules)
    return _recall(paragraphs(cited_places(prediction)), paragraphs(owed))


def item_precision(case: Case, prediction: Prediction, rules: Rules) -> Score:
    """Share of the places cited, to the 项, that are those of the gold quotes exactly."""
    return _precision(cited_places(prediction), gold_places(case, rules))


def item_recall(case: Case, prediction: Prediction, rules: Rules) -> Score:
    """Share of the places of the gold quotes, to the 项, that are cited exactly."""
    return _recall(cited_places(prediction), places(chosen(case, prediction, rules), rules))


def _precision(cited: set[Place], gold: set[Place]) -> Score:
    if not cited or not gold:
        return UNSCORED
    return share_right(sorted(map(name_place, cited - gold)), len(cited), "引了")


def _recall(cited: set[Place], gold: set[Place]) -> Score:
    if not gold:
        return UNSCORED
    return share_right(sorted(map(name_place, gold - cited)), len(gold), "没引")


def county_right(case: Case, prediction: Prediction, rules: Rules) -> Score:
    """Share of the citations that are of a county asked about: one with gold, or one rightly silent."""
    if not case.gold or not prediction["citations"]:
        return UNSCORED
    asked = {gold.county for gold in case.gold} | set(case.silent)
    wrong = [c for c in prediction["citations"] if c["county"] not in asked]
    names = "、".join(dict.fromkeys(c["county"] for c in wrong))
    return Score(1 - len(wrong) / len(prediction["citations"]), f"引了别的县：{names}" if wrong else "")


def verbatim(case: Case, prediction: Prediction, rules: Rules) -> Score:
    """Share of quotes that stand, white space aside, in the article that is cited for them."""
    if not prediction["citations"]:
        return UNSCORED
    wrong = [
        c["label"]
        for c in prediction["citations"]
        if squeeze(c["quote"]) not in rules.texts.get((c["regulation"], c["article"], c["branch"]), "")
        or not squeeze(c["quote"])
    ]
    return share_right(wrong, len(prediction["citations"]), "与原文不符")
