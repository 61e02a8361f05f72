"""Searching each county's rule, and telling a follow-up by what it finds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from assistant.glossary import rule_words
from assistant.understand import Understood
from index.named import named_in
from index.search import Hit, Query, SearchIndex
from ingest.law import Regulation

SURE = 0.5
"""Probability of the best article from which a question stands by itself."""
MEANT = 0.1
"""Least share of the best article's probability for another to be what a follow-up may mean."""
_ALONE = 5
"""How many of the articles that a follow-up finds by itself may be meant."""


class Found(NamedTuple):
    """What the search gave for one county: its rule, and all articles of it, best first."""

    query: Query
    rule: Regulation
    hits: list[Hit]


def of_counties(index: SearchIndex) -> list[Regulation]:
    """Leave out what is of no county: a law is no county's rule, and names places of all kinds."""
    return [r for r in index.in_force if r.county]


def counties(index: SearchIndex) -> list[str]:
    """Return the counties whose rules are in force, each once."""
    return list(dict.fromkeys(r.county for r in of_counties(index)))


def find(understood: Understood, question: str, asked: Sequence[str], index: SearchIndex) -> dict[str, Found]:
    """Search the counties asked; articles that were named come first.

    Where a county has no questions of its own, the rule's words for everyday words are searched
    for too; where it has, they would only water the question down. A follow-up's own words count as
    much as all that it was completed with.
    """
    topic = understood.topic or question
    plain = index.prepare(topic)
    if understood.completed and understood.focus:
        plain = index.blend(plain, understood.focus)
    formal = rule_words(topic)
    widened = index.prepare(" ".join([topic, *formal])) if formal else plain
    named = {(reference.article, reference.branch) for reference in understood.references}
    found = {}
    for county in asked:
        rules = rules_of([county], index)
        rule = rules[0] if len(rules) == 1 else max(rules, key=lambda r: index.evidence(plain, index.search(plain, r)))
        query = plain if index.has_own_questions(rule.id) else widened
        hits = index.search(query, rule, len(rule.articles))
        hits.sort(key=lambda hit: (hit.article.number, hit.article.branch) not in named)
        found[county] = Found(query, rule, hits)
    return found


def rules_of(names: Sequence[str], index: SearchIndex) -> list[Regulation]:
    """Return the rules in force of some counties, in their order."""
    return [r for county in names for r in index.in_force if r.county == county]


def _meetings(text: str) -> frozenset[str]:
    return frozenset(name for name in named_in(text) if name.endswith("会议"))


def is_clearer_after(before: str, topic: str, rule: Regulation, index: SearchIndex) -> bool:
    """Tell a follow-up that does not name what it goes on about (谁批, 要提前几天交材料).

    By itself it finds nothing sure; after the question before it, it finds one of the same articles
    with more certainty; or by itself it finds another meeting than the one spoken of. A new topic is
    sure by itself, or finds other articles than the old one.
    """
    alone = index.search(index.prepare(topic), rule, _ALONE)
    meant, found = _meetings(before), _meetings(alone[0].article.text)
    astray = bool(meant and found) and not meant & found and not named_in(topic)
    if alone[0].score >= SURE and not astray:
        return False
    after = index.search(index.prepare(f"{before} {topic}"), rule, 1)[0]
    if astray:
        return bool(meant & _meetings(after.article.text))
    return after.score > alone[0].score and any(
        after.article is hit.article and hit.score >= MEANT * alone[0].score for hit in alone
    )
