"""Cases that hold, scores that catch each kind of wrong answer, runs that survive a kill."""

import json
from dataclasses import replace

import pytest

from assistant.answer import to_prediction
from eval.case import CASES, TYPES, Case, Gold, check, read_cases
from eval.metrics import SCORERS, Score, cell_right, cell_silenced, gold_places, rules_of, score, summarise
from eval.report import read_run, render, summary
from eval.run import PREDICTIONS, run
from ingest.corpus import ingest
from ingest.errors import CaseError

DEV, TEST = read_cases(CASES / "dev.jsonl"), read_cases(CASES / "test.jsonl")
CASE = Case(
    id="a",
    type="fact",
    question="昌乐县政府常务会议多久开一次？",
    county="昌乐县",
    gold=(Gold("昌乐县", 46, "县政府常务会议一般每月召开 1-2 次"),),
    facts=("1-2 次",),
    answerable=True,
)


def test_bundled_cases_hold():
    assert check([*DEV, *TEST]) == []


@pytest.mark.parametrize("cases", [DEV, TEST], ids=["dev", "test"])
def test_each_type_is_there(cases):
    for kind in TYPES:
        assert sum(case.type == kind for case in cases) >= 8
    assert len(cases) >= 80


def test_dev_and_test_share_no_article_and_no_id():
    def articles(cases):
        return {(g.county, g.article) for case in cases for g in case.gold}

    assert articles(DEV).isdisjoint(articles(TEST))
    assert {c.id for c in DEV}.isdisjoint({c.id for c in TEST})


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"gold": (Gold("昌乐县", 46, "县政府常务会议每日召开"),)}, "引文不在昌乐县第 46 条中"),
        ({"gold": (Gold("昌乐县", 97, "x"),)}, "昌乐县没有第 97 条"),
        ({"facts": ("3 次",)}, "事实不在任何引文中：3 次"),
        ({"answerable": False}, "answerable 与 gold 不一致"),
    ],
)
def test_check_finds(changes, fault):
    assert any(fault in line for line in check([replace(CASE, **changes)]))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", r":2：不是一条用例"),
        ('{"id": "b"}', r":2：不是一条用例"),
        (
            json.dumps(
                {"id": "a", "type": "fact", "question": "", "county": "", "gold": [], "facts": [], "answerable": False}
            ),
            "编号 a 重复",
        ),
        (
            json.dumps(
                {"id": "b", "type": "x", "question": "", "county": "", "gold": [], "facts": [], "answerable": False}
            ),
            "没有 x 这个类型",
        ),
    ],
)
def test_broken_case_file_names_the_line(tmp_path, line, message):
    good = {"id": "a", "type": "fact", "question": "q", "county": "", "gold": [], "facts": [], "answerable": False}
    path = tmp_path / "cases.jsonl"
    path.write_text(json.dumps(good) + "\n" + line + "\n", encoding="utf-8")
    with pytest.raises(CaseError, match=message):
        read_cases(path)


# scores --------------------------------------------------------------------------------------

RULES = rules_of(ingest().regulations)


@pytest.fixture
def right(assistant):
    return {"id": "a", **to_prediction(assistant.ask(CASE.question))}


def test_a_right_answer_scores_full(right):
    values = {name: value.value for name, value in score(CASE, right, RULES).items()}
    assert {values[n] for n in ("hit@1", "recall@5", "citation_precision", "citation_recall", "facts", "verbatim")} == {
        1.0
    }
    assert values["refusal_wrong"] == 0.0
    assert values["refusal_right"] is None


def neighbour(prediction):
    citations = [{**c, "article": c["article"] + 1} for c in prediction["citations"]]
    return {**prediction, "citations": citations}


PLACES = ("paragraph_precision", "paragraph_recall", "item_precision", "item_recall")


def next_paragraph(prediction):
    citations = [{**c, "paragraph": c["paragraph"] + 1} for c in prediction["citations"]]
    return {**prediction, "citations": citations}


def without_limit(prediction):
    citations = [{**c, "quote": c["quote"].replace("一般", "")} for c in prediction["citations"]]
    return {**prediction, "citations": citations}


def silent(prediction):
    return {**prediction, "refused": True, "citations": []}


def wordy(prediction):
    return {**prediction, "citations": prediction["citations"] * 20}


@pytest.mark.parametrize(
    ("defect", "caught_by"),
    [
        (neighbour, {"citation_precision", "citation_recall", "verbatim", *PLACES, "strict"}),
        (next_paragraph, {*PLACES}),
        (without_limit, {"verbatim", "grounded", "concision", "length_ratio"}),
        (silent, {"citation_recall", "facts", "refusal_wrong", "paragraph_recall", "item_recall", "strict"}),
        (wordy, {"concision", "length_ratio", "strict"}),
    ],
)
def test_each_defect_is_caught_by_its_score(right, defect, caught_by):
    before, after = score(CASE, right, RULES), score(CASE, defect(right), RULES)
    changed = {name for name in SCORERS if before[name].value != after[name].value and after[name].value is not None}
    assert changed == caught_by
    assert all(after[name].why for name in caught_by - {"length_ratio", "concision"})


def test_answering_the_unanswerable_is_caught(right):
    unanswerable = replace(CASE, gold=(), facts=(), answerable=False)
    value = score(unanswerable, right, RULES)["refusal_right"]
    assert (value.value, "应拒答而答" in value.why) == (0.0, True)
    assert score(unanswerable, silent(right), RULES)["refusal_right"].value == 1.0


def test_unscored_is_not_zero():
    cases = [CASE, replace(CASE, id="b", gold=(), facts=(), answerable=False)]
    scores = [{"facts": Score(0.5)}, {"facts": Score(None)}]
    assert summarise(cases, scores, "facts").mean == 0.5
    assert summarise(cases, scores, "facts").count == 1
    assert summarise([cases[1]], [scores[1]], "facts") is None


def test_hit_at_1_is_weighted_by_counties():
    two = replace(CASE, id="b", gold=(Gold("昌乐县", 46, "x"), Gold("渠县", 30, "x")))
    scores = [{"hit@1": Score(1.0)}, {"hit@1": Score(0.0)}]
    assert summarise([CASE, two], scores, "hit@1").mean == pytest.approx(1 / 3)


# runs ----------------------------------------------------------------------------------------


def stable(path):
    return [{**json.loads(line), "latency_ms": 0} for line in path.read_text("utf-8").splitlines()]


def test_run_writes_predictions_in_order_and_scores(assistant, tmp_path):
    cases = DEV[:6]
    run(cases, assistant, tmp_path, workers=3)
    assert [row["id"] for row in stable(tmp_path / PREDICTIONS)] == [case.id for case in cases]
    finished = read_run(tmp_path)
    assert finished.cases == cases
    assert set(summary(finished)) == set(SCORERS)
    assert render(finished) is not None


def test_run_is_resumed_after_a_kill(assistant, tmp_path, monkeypatch):
    cases = DEV[:8]
    run(cases, assistant, tmp_path / "whole")
    broken = tmp_path / "broken"
    run(cases, assistant, broken)
    path = broken / PREDICTIONS
    lines = path.read_text("utf-8").splitlines(keepends=True)
    path.write_text("".join(lines[:3]) + lines[3][:40], encoding="utf-8")
    asked = []
    ask = type(assistant).ask
    monkeypatch.setattr(
        type(assistant), "ask", lambda self, question, *rest: asked.append(question) or ask(self, question, *rest)
    )
    run(cases, assistant, broken, resume=True)
    assert asked == [case.question for case in cases[3:]]
    assert stable(path) == stable(tmp_path / "whole" / PREDICTIONS)


def test_run_that_is_not_there_says_what_to_do(tmp_path):
    with pytest.raises(CaseError, match="python -m eval run"):
        read_run(tmp_path)


def test_case_county_is_not_given_to_the_assistant(assistant, tmp_path):
    case = replace(CASE, question="政府常务会议多久开一次？")
    (prediction,) = run([case], assistant, tmp_path)
    assert len(prediction["counties"]) == 5
    (prediction,) = run([replace(case, ui_county="昌乐县")], assistant, tmp_path)
    assert prediction["counties"] == ["昌乐县"]


@pytest.mark.parametrize(
    ("county", "article", "quote", "places"),
    [
        ("昌乐县", 46, "县政府常务会议一般每月召开 1-2 次", [(2, None)]),
        ("昌乐县", 46, "审议《政府工作报告》", [(1, 3)]),
        ("昌乐县", 46, "会议的主要任务是", [(1, None)]),
        ("昌乐县", 60, "县政府人事任免公文，由县长签发", [(1, 3)]),
    ],
)
def test_gold_places_are_where_the_quotes_stand(county, article, quote, places):
    case = Case("a", "fact", "q", county, (Gold(county, article, quote),), (), True)
    assert [(p.paragraph, p.item) for p in gold_places(case, RULES)] == places


def test_a_whole_list_is_its_paragraph():
    article = RULES.articles["昌乐县", 46, None]
    first, last = article.paragraphs[0].items[0], article.paragraphs[0].items[-1]
    whole = article.text[first.span.start : last.span.end]
    case = Case("a", "list", "q", "昌乐县", (Gold("昌乐县", 46, whole),), (), True)
    assert [(p.paragraph, p.item) for p in gold_places(case, RULES)] == [(1, None)]


def answered(counties, cited, refused=False):
    citations = [{"county": c, "article": a, "paragraph": 1, "item": None, "quote": "x"} for c, a in cited]
    return {"counties": counties, "citations": citations, "refused": refused}


def test_a_comparison_is_scored_cell_by_cell():
    gold = (Gold("昌乐县", 46, "x"), Gold("渠县", 30, "x"))
    case = Case("a", "comparison", "q", "多县", gold, (), True)
    counties = ["昌乐县", "渠县", "平阴县"]
    right = answered(counties, [("昌乐县", 46), ("渠县", 30)])
    assert cell_right(case, right, RULES).value == 1
    assert cell_silenced(case, right, RULES).value == 0
    wrong = answered(counties, [("昌乐县", 47), ("平阴县", 52)])
    assert cell_right(case, wrong, RULES).value == 0
    assert cell_silenced(case, wrong, RULES).value == 0.5
    assert "渠县" in cell_silenced(case, wrong, RULES).why
