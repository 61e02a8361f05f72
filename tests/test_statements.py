"""eval/statements.jsonl: true and false statements that verification is measured on."""

import json
import re
from collections import Counter

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
