"""eval/statements.jsonl: true and false statements that verification is measured on."""

import json
import re
from collections import Counter

from assistant.answer import Statement, cite
from assistant.cite import verify
from eval.case import CASES
from index.questions import find_verbatim
from ingest.corpus import ingest

ROWS = [json.loads(line) for line in (CASES.parent / "statements.jsonl").read_text(encoding="utf-8").splitlines()]
LEAST = {"swap": 80, "tier": 40, "negation": 40, "scope": 40, "no_answer": 40}


def squeeze(text):
    return re.sub(r"\s", "", text)


def test_there_are_enough_of_each_kind_from_every_county():
    kinds = Counter(row["kind"] for row in ROWS if not row["true"])
    assert all(kinds[kind] >= count for kind, count in LEAST.items())
    for truth in (True, False):
        counties = Counter(row["county"] for row in ROWS if row["true"] is truth)
        assert len(counties) == 5 and sum(counties.values()) >= 400 and min(counties.values()) >= 60
    assert len({row["id"] for row in ROWS}) == len(ROWS)


def test_each_quote_stands_in_its_article_and_no_false_statement_in_its_quote():
    articles = {(r.county, a.number): a for r in ingest().regulations for a in r.articles if a.branch is None}
    for row in ROWS:
        assert find_verbatim(row["quote"], articles[row["county"], row["article"]]) is not None, row["id"]
        if not row["true"] and row["kind"] != "no_answer":
            assert squeeze(row["statement"]) not in squeeze(row["quote"]), row["id"]


# what verification makes of them -------------------------------------------------------------

RULES = {r.county: r for r in ingest().regulations}
WITH_ANOTHER_QUOTE = {"no_answer"}
"""Kinds that are wrong as an answer, not as a reading of the quote: test_llm.py asks them."""


def stated(row):
    """The statement as a writer would hand it in: with its quote as the only citation."""
    rule = RULES[row["county"]]
    article = next(a for a in rule.articles if a.number == row["article"] and a.branch is None)
    span = find_verbatim(row["quote"], article)
    paragraph = next((p for p in article.paragraphs if p.span.start <= span.start and span.end <= p.span.end), None)
    citation = cite(rule, article, span, paragraph.number if paragraph else None, None)
    return Statement(row["county"], row["statement"], (citation,))


def test_no_false_statement_is_shown():
    for row in ROWS:
        if not row["true"] and row["kind"] not in WITH_ANOTHER_QUOTE:
            statement = stated(row)
            verified = verify([statement], [RULES[row["county"]]])
            shown = [s.text for s in verified.statements]
            assert squeeze(row["statement"]) not in map(squeeze, shown), row["id"]
            assert shown == [statement.citations[0].quote], row["id"]


def test_what_is_true_is_never_dropped():
    for row in ROWS:
        if row["true"]:
            statement = stated(row)
            verified = verify([statement], [RULES[row["county"]]])
            assert verified.failures == (), row["id"]
            (shown,) = verified.statements
            assert shown.text in (row["statement"], statement.citations[0].quote), row["id"]
