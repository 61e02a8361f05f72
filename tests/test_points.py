"""Questions of which it is known whether a rule settles them: the data, and what their neighbours tell."""

from dataclasses import replace

import numpy as np
import pytest

from index.dense import Embedder
from index.known import KnownQuestions
from index.named import named_in
from index.points import NEAREST, Point, PointIndex, as_questions, points_hash, quoted, read_points, without
from index.questions import BankQuestion, find_verbatim
from index.settings import MODEL
from ingest.corpus import ingest

RULES = ingest().regulations
COUNTIES = [regulation.county for regulation in RULES]
MINUTES = Point("会议纪要存几年", {"昌乐县": None, "平阴县": None, "乾安县": None})
NOTICE = Point("会议通知提前几天发", {"昌乐县": 49, "平阴县": None})
DISH = Point("红烧肉怎么做", {}, stranger=True)


@pytest.fixture(scope="module")
def embedder():
    return Embedder(MODEL)


def test_each_point_names_counties_and_articles_that_exist():
    articles = {r.county: {a.number for a in r.articles} for r in RULES}
    points = read_points()
    assert all(set(point.articles) <= set(COUNTIES) for point in points)
    wrong = [
        (point.question, county, number)
        for point in points
        for county, number in point.articles.items()
        if number is not None and number not in articles[county]
    ]
    assert wrong == []
    assert len({point.question for point in points}) > 10_000
    assert all(point.stranger != bool(point.articles) for point in points)


def test_each_quote_stands_in_the_article_that_settles_the_point():
    texts = {(r.county, a.number): a for r in RULES for a in r.articles}
    pairs = quoted(read_points())
    assert len(pairs) > 1_000
    assert [q for q in pairs if find_verbatim(q.quote, texts[q.county, q.article]) is None] == []


def test_no_point_is_both_settled_and_open():
    known = {}
    for point in read_points():
        for county, article in point.articles.items():
            known.setdefault((point.question, county), set()).add(article is None)
    assert [place for place, said in known.items() if len(said) > 1] == []


@pytest.mark.parametrize(
    ("point", "county", "settled"),
    [
        (NOTICE, "昌乐县", True),
        (NOTICE, "平阴县", False),
        (NOTICE, "渠县", None),  # nobody has looked
        (NOTICE, None, None),
        (MINUTES, "渠县", False),  # what three leave open a fourth hardly settles
        (MINUTES, None, False),
        (DISH, "昌乐县", False),
        (DISH, None, False),
    ],
)
def test_whether_a_county_settles_a_point(point, county, settled):
    assert point.settles(county) is settled


def test_what_is_known_of_a_county_left_out_is_forgotten():
    weekly = Point("多久开一次", {"昌乐县": 46, "渠县": 30}, quotes={"昌乐县": "每月", "渠县": "每半月"})
    assert without([weekly], "昌乐县") == (Point("多久开一次", {"渠县": 30}, quotes={"渠县": "每半月"}),)
    left = without([MINUTES, NOTICE, DISH, Point("只有昌乐", {"昌乐县": 3})], "昌乐县")
    assert [point.articles for point in left] == [{"平阴县": None, "乾安县": None}, {"平阴县": None}, {}]
    assert all("昌乐县" not in point.articles for point in read_points(leave_out="昌乐县"))


def test_settled_points_are_questions_of_the_text_that_they_were_read_in():
    changle = next(r for r in RULES if r.county == "昌乐县")
    asked = as_questions([NOTICE, MINUTES], [changle])
    assert {place: [q.question for q in group] for place, group in asked.items()} == {
        (changle.id, 49): [NOTICE.question]
    }
    assert as_questions([NOTICE], [replace(changle, source_hash="new")]) == {}


def test_a_settled_point_whose_words_are_known_is_asked_as_the_banks_questions_are():
    changle = next(r for r in RULES if r.county == "昌乐县")
    words = "提前一天"
    noted = NOTICE._replace(quotes={"昌乐县": words})
    assert quoted([NOTICE, noted, MINUTES]) == (BankQuestion("昌乐县", 49, NOTICE.question, words),)
    assert as_questions([noted], [changle]) == {}


def _points(points, regulations, embedder):
    return PointIndex.build(points, regulations, KnownQuestions.build((p.question for p in points), embedder))


def test_neighbours_left_open_are_those_of_the_county_and_of_the_same_thing(embedder):
    changle = next(r for r in RULES if r.county == "昌乐县")
    other = replace(changle, id="other", source_hash="new")
    weekly = Point("县长办公会多久开一次", {"昌乐县": None})
    points = _points([NOTICE, MINUTES, weekly], [changle, other], embedder)
    asked = "常务会议多久开一次"
    vector = embedder.question(asked)
    near_minutes, near_weekly = np.array(embedder.texts([MINUTES.question, weekly.question])) @ np.array(vector)
    assert near_weekly > near_minutes
    anything = points.near(vector, frozenset(), changle.id)
    assert anything[:2] == pytest.approx([near_weekly, near_minutes], abs=1e-5)
    assert points.near(vector, named_in(asked), changle.id)[0] == pytest.approx(near_minutes, abs=1e-5)
    assert points.near(vector, frozenset(), "other")[:2] == pytest.approx([near_minutes, 0.0], abs=1e-5)


def test_points_are_kept_in_files(embedder, tmp_path):
    changle = RULES[0]
    known = KnownQuestions.build([DISH.question, NOTICE.question, MINUTES.question, DISH.question], embedder)
    built = PointIndex.build([NOTICE, MINUTES, DISH], [changle], known)
    built.save(tmp_path / "points.npz")
    known.save(tmp_path / "known")
    vector = embedder.question("会议纪要要保存多久")
    opened = PointIndex.load(tmp_path / "points.npz", KnownQuestions.load(tmp_path / "known"))
    kept = opened.near(vector, frozenset(), changle.id)
    assert kept.tolist() == built.near(vector, frozenset(), changle.id).tolist()
    assert len(kept) == NEAREST


def test_a_known_question_is_kept_once_and_nearest_to_itself(embedder):
    asked = ["会议纪要谁签发", "县长出差谁主持工作", "会议纪要谁签发"]
    known = KnownQuestions.build(asked, embedder)
    assert known.rows(asked).tolist() == [0, 1, 0]
    cosines = known.cosines(embedder.question(asked[1]))
    assert cosines == pytest.approx(np.array(embedder.texts(asked[:2])) @ embedder.question(asked[1]), abs=1e-6)
    assert cosines.argmax() == 1


def test_an_index_without_points_finds_none(embedder):
    points = _points([], [RULES[0]], embedder)
    assert points.near(embedder.question("会议"), frozenset(), RULES[0].id).tolist() == [0.0] * NEAREST


def test_digest_knows_what_is_known():
    assert points_hash([MINUTES, NOTICE]) == points_hash([NOTICE, MINUTES])
    assert points_hash([NOTICE]) != points_hash([NOTICE._replace(quotes={"昌乐县": "提前一天"})])
    assert points_hash([NOTICE]) != points_hash([NOTICE._replace(articles={"昌乐县": None, "平阴县": None})])


@pytest.mark.parametrize(
    ("question", "refused"),
    [
        ("昌乐常务会议的会议纪要要保存几年？", True),
        ("沂源常务会议的座次怎么排？", True),
        ("渠县常务会隔多久碰一次头", False),
        ("昌乐的常务会议隔多久开一回？", False),
    ],
)
def test_what_the_rule_leaves_open_is_refused(question, refused, assistant):
    answer = assistant.ask(question)
    assert bool(answer.statements) is not refused


def test_counties_that_say_the_same_are_judged_alike(assistant):
    answer = assistant.ask("因公去国外境外，五个县各卡得多严")
    said = {statement.county for statement in answer.statements}
    assert {"昌乐县", "乾安县", "沂源县", "渠县"} <= said
