"""What the words quoted refer to: other articles of the same document, and laws by name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from assistant.answer import Citation, Related, Statement, point
from ingest.corpus import label_document
from ingest.law import Article, Regulation
from ingest.numerals import NUMERAL, to_int

_ARTICLE = re.compile(
    rf"(?:本规则|本办法|本制度|本规定)?第(?P<article>{NUMERAL})条(?:之(?P<branch>{NUMERAL}))?(?:第(?P<paragraph>{NUMERAL})款)?"
)
_OTHER_LAW = re.compile(r"》(?:（[^）]*）|\([^)]*\))?\s*$")
_BACK = re.compile(r"前(?P<count>[一两二三])?(?P<level>款|条)(?!件)")
_TITLE = re.compile(r"《((?:[^《》〈〉<>]|[〈<][^〉>]*[〉>])+)》")
_LAW = re.compile(r"(?:法|宪法|条例|规定|办法|规则|准则|细则|决定|意见|纲要)(?:[（(].*[）)])?$")
MOST = 5


def find_related(statements: Iterable[Statement], regulations: Iterable[Regulation]) -> tuple[Related, ...]:
    """Find what statements refer to, in order, each once, and not what they quote themselves."""
    rules = {r.id: r for r in regulations}
    titles = {r.title: r for r in rules.values()}
    found: dict[str, Related] = {}
    kept = list(statements)
    quoted = {(c.source.locator.regulation, c.source.locator.article) for s in kept for c in s.citations}
    for statement in kept:
        for citation in statement.citations:
            rule = rules[citation.source.locator.regulation]
            for article, paragraph in _articles(citation, rule):
                if (rule.id, article.number) not in quoted or paragraph not in (
                    None,
                    citation.source.locator.paragraph,
                ):
                    source = point(rule, article, paragraph)
                    found.setdefault(source.label, Related(source.label, source))
            for title in _TITLE.findall(citation.quote):
                if _LAW.search(title) and not rule.title.endswith(title):
                    here = titles.get(title)
                    found.setdefault(title, Related(label_document(here) if here else f"《{title}》", None))
    return tuple(found.values())[:MOST]


def _articles(citation: Citation, rule: Regulation) -> Iterator[tuple[Article, int | None]]:
    """Find the articles of its own document that a quote names: 第十条第二款, 前款, 前条."""
    by_number = {(a.number, a.branch): a for a in rule.articles}
    place = citation.source.locator
    here = by_number.get((place.article, place.branch))
    if here is None:
        return
    for match in _ARTICLE.finditer(citation.quote):
        if _OTHER_LAW.search(citation.quote[: match.start()]):
            continue
        article = by_number.get((to_int(match["article"]), to_int(match["branch"]) if match["branch"] else None))
        if article is not None:
            yield article, to_int(match["paragraph"]) if match["paragraph"] else None
    for match in _BACK.finditer(citation.quote):
        back = to_int(match["count"].replace("两", "二")) if match["count"] else 1
        if match["level"] == "款" and place.paragraph is not None and place.paragraph > back:
            yield from ((here, place.paragraph - n) for n in range(back, 0, -1))
        elif match["level"] == "条":
            at = rule.articles.index(here)
            yield from ((article, None) for article in rule.articles[max(0, at - back) : at])
