"""What scores are made of: a value with its reason, the rules they are held against, and places in them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from eval.case import Case, Gold, groups, squeeze
from index.questions import find_verbatim
from ingest.law import Article, Regulation, Span

Prediction = Mapping[str, Any]
Key = tuple[str, int, int | None]
"""An article as (county, number, branch)."""


@dataclass(frozen=True, slots=True)
class Score:
    """A value, None where the case has nothing to score, and why it is what it is."""

    value: float | None
    why: str = ""


UNSCORED = Score(None)


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

    texts: Mapping[Key, str]
    articles: Mapping[Key, Article]


def rules_of(regulations: Iterable[Regulation]) -> Rules:
    """Prepare the texts and articles of the regulations that were asked."""
    texts: dict[Key, str] = {}
    articles: dict[Key, Article] = {}
    for r in regulations:
        texts[r.id, 0, None] = squeeze(r.notice)
        texts |= {(r.id, a.number, a.branch): squeeze(a.text) for a in r.articles}
        articles |= {(r.county, a.number, a.branch): a for a in r.articles}
    return Rules(texts, articles)


_TOPICS = {
    "党的": "党的领导",
    "会议": "会议",
    "公文": "公文",
    "公开": "政务公开",
    "决策": "科学民主决策",
    "依法": "依法行政",
    "职责": "人员和职责",
    "职能": "政府职能",
    "监督": "监督",
    "落实|督查|督办|政务信息": "政务信息和督查落实",
    "活动": "政务活动",
    "议事协调": "议事协调机构",
    "廉政|作风": "廉政和作风",
    "纪律": "工作纪律",
}
"""What a chapter is about, by words of its title: the counties call the same chapter by different names."""


def chapter_of(case: Case, rules: Rules) -> str:
    """Name the matter of the chapter that the first gold article stands in; empty where there is none.

    Chapters of the same matter have one name in all counties; any other keeps its title.
    """
    articles = (rules.articles.get((gold.county, gold.article, gold.branch)) for gold in case.gold)
    title = next((article.chapter.title for article in articles if article and article.chapter), "")
    return next((topic for words, topic in _TOPICS.items() if re.search(words, title)), title)


def chosen(case: Case, prediction: Prediction, rules: Rules) -> tuple[Gold, ...]:
    """Return the gold that a prediction owes: of golds that answer equally, the one it comes nearest to."""
    cited, articles = cited_places(prediction), cited_articles(prediction)

    def nearness(gold: Gold) -> tuple[bool, int]:
        return key(gold) in articles, len(cited & set(_places(gold, rules)))

    kept = {id(max(members, key=nearness)) for members in groups(case.gold).values()}
    return tuple(gold for gold in case.gold if gold.group is None or id(gold) in kept)


def key(gold: Gold) -> Key:
    """Name the article of a gold."""
    return gold.county, gold.article, gold.branch


def cited_articles(prediction: Prediction) -> dict[Key, None]:
    """Return the articles cited, in order."""
    return dict.fromkeys((c["county"], c["article"], c.get("branch")) for c in prediction["citations"])


def gold_articles(case: Case, county: str) -> set[Key]:
    """Return the articles of a county that are gold."""
    return {key(gold) for gold in case.gold if gold.county == county}


def gold_places(case: Case, rules: Rules) -> set[Place]:
    """Find where the gold quotes stand: 项 where only some items are quoted, else 款, its whole list too."""
    return places(case.gold, rules)


def places(golds: Iterable[Gold], rules: Rules) -> set[Place]:
    """Find where some of the gold quotes stand."""
    return {place for gold in golds for place in _places(gold, rules)}


def _places(gold: Gold, rules: Rules) -> Iterator[Place]:
    article = rules.articles.get(key(gold))
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


def cited_places(prediction: Prediction) -> set[Place]:
    """Return the places cited, to the 项."""
    return {Place(c["county"], c["article"], c["paragraph"], c["item"]) for c in prediction["citations"]}


def paragraphs(of: Iterable[Place]) -> set[Place]:
    """Return the 款 that places stand in."""
    return {place._replace(item=None) for place in of}


def name_article(county: str, article: int, branch: int | None = None) -> str:
    """Write an article short, for reasons."""
    return f"{county}{article}" + (f"之{branch}" if branch is not None else "")


def name_place(place: Place) -> str:
    """Write a place short, for reasons."""
    parts = [f"{place.county}{place.article}条"]
    parts += [f"{place.paragraph}款"] if place.paragraph is not None else []
    parts += [f"{place.item}项"] if place.item is not None else []
    return "".join(parts)


def share_right(wrong: list[str], total: int, why: str) -> Score:
    """Score what is right of a total, naming what is wrong."""
    return Score(1 - len(wrong) / total, f"{why}：{'、'.join(wrong)}" if wrong else "")
