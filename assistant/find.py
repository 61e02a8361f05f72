"""Searching each county's rule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from assistant.glossary import rule_words
from assistant.references import resolve
from assistant.understand import Understood
from index.search import Hit, Query, SearchIndex
from ingest.law import Regulation


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
    found = {}
    for county in asked:
        rules = rules_of([county], index)
        rule = rules[0] if len(rules) == 1 else max(rules, key=lambda r: index.evidence(plain, index.search(plain, r)))
        query = plain if index.has_own_questions(rule.id) else widened
        hits = index.search(query, rule, len(rule.articles))
        named = {(each.article, each.branch) for each in resolve(understood.references, rule)}
        hits.sort(key=lambda hit: (hit.article.number, hit.article.branch) not in named)
        found[county] = Found(query, rule, hits)
    return found


def rules_of(names: Sequence[str], index: SearchIndex) -> list[Regulation]:
    """Return the rules in force of some counties, in their order."""
    return [r for county in names for r in index.in_force if r.county == county]
