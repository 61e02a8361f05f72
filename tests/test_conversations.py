"""assistant/conversations.jsonl: chats on which the handling of follow-ups is tuned."""

import json
from collections import Counter

from assistant.fit_follow import CHATS
from index.questions import find_verbatim
from ingest.corpus import ingest

TALKS = [json.loads(line) for line in CHATS.read_text(encoding="utf-8").splitlines()]


def test_every_kind_of_turn_is_there_often_enough():
    kinds = Counter(turn["kind"] for talk in TALKS for turn in talk["turns"])
    assert set(kinds) == {"first", "follow", "county", "new", "back"}
    assert min(kinds["follow"], kinds["new"]) >= 150 and kinds["county"] >= 50
    assert all(talk["turns"][0]["kind"] == "first" for talk in TALKS)
    assert {turn["county"] for talk in TALKS for turn in talk["turns"]} == {r.county for r in ingest().regulations}


def test_each_quote_stands_in_its_article():
    articles = {(r.county, a.number): a for r in ingest().regulations for a in r.articles if a.branch is None}
    for talk in TALKS:
        for turn in talk["turns"]:
            if turn["article"] is None:
                assert turn["quote"] == ""
            else:
                assert find_verbatim(turn["quote"], articles[turn["county"], turn["article"]]) is not None, talk["id"]
