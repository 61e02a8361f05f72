"""assistant/conversations.jsonl: chats on which the handling of follow-ups is tuned."""

import json
from collections import Counter

from assistant.fit_follow import CHATS, Example, fit
from assistant.follow import Reading, describe
from assistant.wording import ngrams, odds
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


def reading(article, known):
    return Reading(article, evidence=0.5, known=known, unknown=0.0)


def test_what_finds_its_article_only_after_the_question_before_it_is_learnt_to_go_on():
    short = [f"{word}{n}" for n, word in enumerate(("那谁批", "提前几天", "书面还是口头", "副县长呢") * 5)]
    whole = [f"{word}谁来管{n}" for n, word in enumerate(("公章", "督查", "值班", "信息公开") * 5)]
    before, near, far = reading(1, 0.9), reading(1, 0.9), reading(2, 0.3)
    asked = [Example(f"a{n}", text, (before, far, near), (False, True), True) for n, text in enumerate(short)]
    asked += [
        Example(f"b{n}", text, (before, reading(3, 0.9), near), (True, False), False) for n, text in enumerate(whole)
    ]
    weights = fit(asked, whole)
    for each in asked:
        signs = describe(each.topic, *each.found, odds(ngrams(each.topic), weights.wording))
        assert (weights.signs.probability(signs) > 0.5) == each.meant, each.topic
