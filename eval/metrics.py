"""Scores of one prediction against its case, each with its reason, and their means.

A score that does not apply (no gold, nothing to cite) is None: unscored, not zero.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median, quantiles
from typing import Any, NamedTuple

from eval.case import Case, Gold, squeeze
from eval.intervals import Interval, Weighted, interval, mean_of_means
from index.questions import find_verbatim
from ingest.law import Article, Regulation, Span

Prediction = Mapping[str, Any]


class Place(NamedTuple):
    """A 款 or 项; ``item`` is None where the 款 as such is meant, or its whole list."""

    county: str
    article: int
    paragraph: int | None
    item: int | None


@dataclass(frozen=True, slots=True)
class Rules:
    """What predictions are held against.

    Attributes:
        texts: text that a quote must stand in, white space deleted, by (regulation id, article,
            branch); article 0 is the notice.
        articles: by (county, article, branch).

    """

    texts: Mapping[tuple[str, int, int | None], str]
    articles: Mapping[tuple[str, int, int | None], Article]


@dataclass(frozen=True, slots=True)
class Score:
    """A value, None where the case has nothing to score, and why it is what it is."""

    value: float | None
    why: str = ""


UNSCORED = Score(None)


def rules_of(regulations: Iterable[Regulation]) -> Rules:
    """Prepare the texts and articles of the regulations that were asked."""
    texts: dict[tuple[str, int, int | None], str] = {}
    articles: dict[tuple[str, int, int | None], Article] = {}
    for r in regulations:
        texts[r.id, 0, None] = squeeze(r.notice)
        texts |= {(r.id, a.number, a.branch): squeeze(a.text) for a in r.articles}
        articles |= {(r.county, a.number, a.branch): a for a in r.articles}
    return Rules(texts, articles)


def hit_at_1(case: Case, prediction: Prediction, rules: Rules) -> Score:
    """Share of gold counties whose first retrieved article is gold."""
    if not case.gold:
        return UNSCORED
    right: list[str] = []
    wrong: list[str] = []
    for county in dict.fromkeys(gold.county for gold in case.gold):
        first = next((r["article"] for r in prediction["retrieved"] if r["county"] == county), None)
        (right if first in _articles(case, county) else wrong).append(f"{county}{first}")
    return Score(len(right) / (len(right) + len(wrong)), f"首位不对：{'、'.join(wrong)}" if wrong else "")


def recall_at_5(case: Case, prediction: Prediction, rules: Rules) -> Score:
    """Share of gold articles among the first five retrieved of their county."""
    if not case.gold:
        return UNSCORED
    missed = [
        f"{gold.county}{gold.article}"
        for gold in case.gold
        if gold.article not in [r["article"] for r in prediction["retrieved"] if r["county"] == gold.county][:5]
    ]
    return Score(1 - len(missed) / len(case.gold), f"前五没有：{'、'.join(missed)}" if missed else "")


def citation_precision(case: Case, prediction: Prediction, rules: Rules) -> Score:
    """Share of cited articles that are gold."""
    if not case.gold or not prediction["citations"]:
        return UNSCORED
    cited = dict.fromkeys((c["county"], c["article"]) for c in prediction["citations"])
    wrong = [f"{county}{article}" for county, article in cited if article not in _articles(case, county)]
    return Score(1 - len(wrong) / len(cited), f"引了：{'、'.join(wrong)}" if wrong else "")


def citation_recall(case: Case, prediction: Prediction, rules: Rules) -> Score:
    """Share of gold articles that are cited."""
    if not case.gold:
        return UNSCORED
    cited = {(c["county"], c["article"]) for c in prediction["citations"]}
    missed = [f"{gold.county}{gold.article}" for gold in case.gold if (gold.county, gold.article) not in cited]
    return Score(1 - len(missed) / len(case.gold), f"没引：{'、'.join(missed)}" if missed else "")


def paragraph_precision(case: Case, prediction: Prediction, rules: Rules) -> Score:
    """Share of the 款 cited that hold words of a gold quote."""
    return _precision(_cited_paragraphs(prediction), {_paragraph(place) for place in gold_places(case, rules)})


def paragraph_recall(case: Case, prediction: Prediction, rules: Rules) -> Score:
    """Share of the 款 that hold gold quotes that are cited."""
    return _recall(_cited_paragraphs(prediction), {_paragraph(place) for place in gold_places(case, rules)})


def item_precision(case: Case, prediction: Prediction, rules: Rules) -> Score:
    """Share of the places cited, to the 项, that are those of the gold quotes exactly."""
    return _precision(_cited_places(prediction), gold_places(case, rules))


def item_recall(case: Case, prediction: Prediction, rules: Rules) -> Score:
    """Share of the places of the gold quotes, to the 项, that are cited exactly."""
    return _recall(_cited_places(prediction), gold_places(case, rules))


def gold_places(case: Case, rules: Rules) -> set[Place]:
    """Find where the gold quotes stand: 项 where only some items are quoted, else 款, its whole list too."""
    return {place for gold in case.gold for place in _places(gold, rules)}


def _places(gold: Gold, rules: Rules) -> Iterator[Place]:
    article = rules.articles.get((gold.county, gold.article, gold.branch))
    span = find_verbatim(gold.quote, article) if article else None
    if article is None or span is None:
        return
    for paragraph in article.paragraphs:
        if not _overlap(span, paragraph.span):
            continue
        introduction = Span(paragraph.span.start, paragraph.span.start + len(paragraph.text))
        items = [item.number for item in paragraph.items if _overlap(span, item.span)]
        whole = len(items) == len(paragraph.items)
        for number in [None] if whole or _overlap(span, introduction) else items:
            yield Place(gold.county, gold.article, paragraph.number, number)


def _overlap(one: Span, other: Span) -> bool:
    return one.start < other.end and other.start < one.end


def _paragraph(place: Place) -> Place:
    return place._replace(item=None)


def _cited_places(prediction: Prediction) -> set[Place]:
    return {Place(c["county"], c["article"], c["paragraph"], c["item"]) for c in prediction["citations"]}


def _cited_paragraphs(prediction: Prediction) -> set[Place]:
    return {_paragraph(place) for place in _cited_places(prediction)}


def _precision(cited: set[Place], gold: set[Place]) -> Score:
    if not cited or not gold:
        return UNSCORED
    wrong = sorted(map(_write, cited - gold))
    return Score(1 - len(wrong) / len(cited), f"引了：{'、'.join(wrong)}" if wrong else "")


def _recall(cited: set[Place], gold: set[Place]) -> Score:
    if not gold:
        return UNSCORED
    missed = sorted(map(_write, gold - cited))
    return Score(1 - len(missed) / len(gold), f"没引：{'、'.join(missed)}" if missed else "")


def _write(place: Place) -> str:
    parts = [f"{place.county}{place.article}条"]
    parts += [f"{place.paragraph}款"] if place.paragraph is not None else []
    parts += [f"{place.item}项"] if place.item is not None else []
    return "".join(parts)


def facts(case: Case, prediction: Prediction, rules: Rules) -> Score:
    """Share of the facts that stand in the answer's quotes."""
    if not case.facts:
        return UNSCORED
    said = [squeeze(c["quote"]) for c in prediction["citations"]]
    missed = [fact for fact in case.facts if not any(squeeze(fact) in quote for quote in said)]
    return Score(1 - len(missed) / len(case.facts), f"没答到：{'；'.join(missed)}" if missed else "")


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
    return Score(1 - len(wrong) / len(prediction["citations"]), f"与原文不符：{'、'.join(wrong)}" if wrong else "")


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
    wrong = []
    cells = _cells(case, prediction)
    for county in cells:
        cited = {c["article"] for c in prediction["citations"] if c["county"] == county}
        gold = _articles(case, county)
        if not (cited & gold if gold else not cited):
            wrong.append(f"{county}{'未规定而引' if not gold else '引错' if cited else '误作未规定'}")
    return Score(1 - len(wrong) / len(cells), "、".join(wrong))


def cell_silenced(case: Case, prediction: Prediction, rules: Rules) -> Score:
    """Of a comparison's counties whose rule answers, the share said to be silent (未规定)."""
    answering = list(dict.fromkeys(gold.county for gold in case.gold))
    if case.type != "comparison" or not answering:
        return UNSCORED
    said = {c["county"] for c in prediction["citations"]}
    wrong = [county for county in answering if county not in said]
    return Score(len(wrong) / len(answering), f"误作未规定：{'、'.join(wrong)}" if wrong else "")


def _cells(case: Case, prediction: Prediction) -> list[str]:
    return list(dict.fromkeys([*(gold.county for gold in case.gold), *prediction["counties"]]))


LONGEST = 6.0
"""A right answer quotes at most so many characters for each of the gold quotes; lookups by number apart."""


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


def length_ratio(case: Case, prediction: Prediction, rules: Rules) -> Score:
    """Characters quoted for each character of the gold quotes."""
    if not case.gold or not prediction["citations"]:
        return UNSCORED
    wanted = sum(len(squeeze(gold.quote)) for gold in case.gold)
    return Score(sum(len(squeeze(c["quote"])) for c in prediction["citations"]) / wanted)


def latency(case: Case, prediction: Prediction, rules: Rules) -> Score:
    """Milliseconds that the answer took."""
    return Score(float(prediction["latency_ms"]))


SCORERS: dict[str, Callable[[Case, Prediction, Rules], Score]] = {
    "hit@1": hit_at_1,
    "recall@5": recall_at_5,
    "citation_precision": citation_precision,
    "citation_recall": citation_recall,
    "paragraph_precision": paragraph_precision,
    "paragraph_recall": paragraph_recall,
    "item_precision": item_precision,
    "item_recall": item_recall,
    "facts": facts,
    "verbatim": verbatim,
    "refusal_right": refusal_right,
    "refusal_wrong": refusal_wrong,
    "cell_right": cell_right,
    "cell_silenced": cell_silenced,
    "strict": strict,
    "length_ratio": length_ratio,
    "latency_ms": latency,
}


def score(case: Case, prediction: Prediction, rules: Rules) -> dict[str, Score]:
    """Apply every scorer to one prediction."""
    return {name: scorer(case, prediction, rules) for name, scorer in SCORERS.items()}


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
