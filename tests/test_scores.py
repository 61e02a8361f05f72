"""Each score on cases made by hand: what it counts, what golds that answer equally change, what is unscored."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import ndcg_score

from eval.case import Case, Gold, check, read_cases
from eval.metrics import SCORERS, chapter_of, rules_of, score, summarise
from eval.metrics.parts import Score
from ingest.corpus import ingest

RULES = rules_of(ingest().regulations)
REGULATIONS = {county: next(r for r, a, _ in RULES.texts if county in r) for county in ("昌乐县", "渠县", "沂源县")}
MEETING = Gold("昌乐县", 46, "县政府常务会议一般每月召开 1-2 次")
CASE = Case("a", "fact", "常务会议多久开一次？", "昌乐县", (MEETING,), ("1-2 次",), True)


def cited(county, article, quote, paragraph=1, item=None, branch=None):
    place = {"county": county, "article": article, "branch": branch, "paragraph": paragraph, "item": item}
    return {**place, "regulation": REGULATIONS[county], "quote": quote, "label": f"《{county}》{article}"}


def predicted(*citations, retrieved=(), answer=None, counties=("昌乐县",), refused=False):
    shown = "".join(f"{c['quote']}[{n}]\n" for n, c in enumerate(citations, 1)) if answer is None else answer
    sources = "".join(f"\n[{n}] {c['label']}" for n, c in enumerate(citations, 1))
    rows = [{"county": county, "article": article, "branch": None} for county, article in retrieved]
    return {
        "citations": list(citations),
        "retrieved": rows,
        "answer": shown.rstrip("\n") + "\n" + sources,
        "counties": list(counties),
        "refused": refused,
        "latency_ms": 1.0,
    }


def value(name, prediction, case=CASE):
    return SCORERS[name](case, prediction, RULES).value


# ranking ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([46, 1, 2], {"hit@1": 1, "recall@5": 1, "recall@10": 1, "mrr": 1, "ndcg@10": 1}),
        ([1, 46, 2], {"hit@1": 0, "recall@5": 1, "recall@10": 1, "mrr": 1 / 2, "ndcg@10": 1 / np.log2(3)}),
        ([1, 2, 3, 4, 5, 46], {"hit@1": 0, "recall@5": 0, "recall@10": 1, "mrr": 1 / 6, "ndcg@10": 1 / np.log2(7)}),
        ([*range(1, 11), 46], {"hit@1": 0, "recall@5": 0, "recall@10": 0, "mrr": 0, "ndcg@10": 0}),
        ([], {"hit@1": 0, "recall@5": 0, "recall@10": 0, "mrr": 0, "ndcg@10": 0}),
    ],
)
def test_ranking(found, expected):
    prediction = predicted(retrieved=[("昌乐县", n) for n in found])
    assert {name: value(name, prediction) for name in expected} == pytest.approx(expected)
    assert all(SCORERS[name](CASE, prediction, RULES).why for name, wanted in expected.items() if wanted < 1)


def test_ndcg_is_that_of_scikit_learn():
    case = replace(CASE, gold=(MEETING, replace(MEETING, article=47), replace(MEETING, article=48)))
    for order in ([1, 46, 2, 48, 47, 3], [46, 47, 48, 1], [1, 2, 3, 47, 4, 5, 46, 6, 7, 48]):
        relevant = [[float(n in (46, 47, 48)) for n in order]]
        wanted = ndcg_score(relevant, [[-float(rank) for rank in range(len(order))]], k=10)
        assert value("ndcg@10", predicted(retrieved=[("昌乐县", n) for n in order]), case) == pytest.approx(wanted)


def test_each_gold_county_is_ranked_by_itself():
    case = replace(CASE, gold=(MEETING, Gold("渠县", 30, "县政府常务会议原则上每半月召开一次")))
    found = predicted(retrieved=[("昌乐县", 46), ("渠县", 1), ("渠县", 30)])
    assert value("hit@1", found, case) == 0.5
    assert value("mrr", found, case) == 0.75
    assert "渠县1" in SCORERS["hit@1"](case, found, RULES).why


# golds that answer equally ---------------------------------------------------------------------

EITHER = replace(
    CASE,
    gold=(
        Gold("昌乐县", 46, "县政府常务会议一般每月召开 1-2 次", group="a"),
        Gold("昌乐县", 47, "别的说法，一月两回", group="a"),
    ),
    facts=("1-2 次", "一月两回"),
)


@pytest.mark.parametrize(("article", "quote"), [(46, "县政府常务会议一般每月召开 1-2 次"), (47, "别的说法，一月两回")])
def test_any_one_of_a_group_is_enough(article, quote):
    prediction = predicted(cited("昌乐县", article, quote, paragraph=2), retrieved=[("昌乐县", article), ("昌乐县", 1)])
    for name in ("hit@1", "recall@5", "mrr", "ndcg@10", "citation_precision", "citation_recall", "facts", "strict"):
        assert value(name, prediction, EITHER) == 1, name
    assert value("length_ratio", prediction, EITHER) == 1


def test_none_of_a_group_is_missed_once():
    prediction = predicted(cited("昌乐县", 1, "x"), retrieved=[("昌乐县", 1)])
    score_of = SCORERS["citation_recall"](EITHER, prediction, RULES)
    assert (score_of.value, score_of.why) == (0, "没引：昌乐县46")
    assert value("facts", prediction, EITHER) == 0


def test_both_of_a_group_are_right_too():
    both = predicted(cited("昌乐县", 46, EITHER.gold[0].quote), cited("昌乐县", 47, EITHER.gold[1].quote))
    assert value("citation_precision", both, EITHER) == value("citation_recall", both, EITHER) == 1


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"gold": (replace(MEETING, group="a"),)}, "组“a”里只有一条"),
        (
            {
                "gold": (
                    replace(MEETING, group="a"),
                    Gold("渠县", 30, "县政府常务会议原则上每半月召开一次", group="a"),
                ),
                "facts": ("1-2 次", "每半月召开一次"),
            },
            "组“a”里有几个县",
        ),
        ({"gold": (replace(MEETING, group="a"), Gold("昌乐县", 46, "可临时召开", group="a"))}, "有的引文没有事实"),
        ({"silent": ("渠县",)}, "silent 只用于 comparison"),
        ({"type": "comparison", "silent": ("昌乐县",)}, "昌乐县既有 gold 又在 silent 里"),
        ({"type": "comparison", "silent": ("大竹县",)}, "大竹县没有收入规则"),
        ({"type": "comparison", "silent": ("渠县", "渠县")}, "渠县写了两次"),
    ],
)
def test_check_finds_wrong_groups_and_silence(changes, fault):
    assert any(fault in line for line in check([replace(CASE, **changes)]))


def test_new_fields_are_read_and_may_be_missing(tmp_path):
    path = tmp_path / "cases.jsonl"
    old = (
        '{"id": "a", "type": "fact", "question": "q", "county": "昌乐县", "gold": [], "facts": [], "answerable": false}'
    )
    new = old.replace('"a"', '"b"').replace('"fact"', '"comparison"').replace("}", ', "silent": ["渠县"]}')
    grouped = new.replace('"b"', '"c"').replace(
        '"gold": []', '"gold": [{"county": "昌乐县", "article": 46, "quote": "x", "group": "a"}]'
    )
    path.write_text("\n".join([old, new, grouped]), encoding="utf-8")
    first, second, third = read_cases(path)
    assert (first.silent, second.silent, third.gold[0].group) == ((), ("渠县",), "a")


# comparisons -----------------------------------------------------------------------------------

COMPARED = Case(
    "a",
    "comparison",
    "q",
    "多县",
    (MEETING, Gold("渠县", 30, "县政府常务会议原则上每半月召开一次")),
    (),
    True,
    silent=("沂源县",),
)
FULL = predicted(
    cited("昌乐县", 46, MEETING.quote),
    cited("渠县", 30, "县政府常务会议原则上每半月召开一次"),
    counties=("昌乐县", "渠县", "沂源县"),
    answer="【昌乐县】\n有[1]\n【渠县】\n有[2]\n【沂源县】\n未规定",
)


@pytest.mark.parametrize(
    ("changes", "right", "shown", "county"),
    [
        ({}, 1, 1, 1),
        ({"counties": ["昌乐县", "渠县"]}, 2 / 3, 2 / 3, 1),
        ({"answer": "【昌乐县】\n有[1]\n【沂源县】\n未规定"}, 1, 2 / 3, 1),
        ({"citations": [*FULL["citations"], cited("沂源县", 47, "x")]}, 2 / 3, 1, 1),
        ({"citations": FULL["citations"][:1]}, 2 / 3, 1, 1),
    ],
)
def test_a_comparison_owes_each_county(changes, right, shown, county):
    prediction = {**FULL, **changes}
    assert value("cell_right", prediction, COMPARED) == pytest.approx(right)
    assert value("cell_shown", prediction, COMPARED) == pytest.approx(shown)
    assert value("county_right", prediction, COMPARED) == pytest.approx(county)


def test_a_county_that_nobody_asked_about_is_told():
    found = SCORERS["county_right"](CASE, predicted(cited("渠县", 30, "x"), cited("昌乐县", 46, "x")), RULES)
    assert (found.value, found.why) == (0.5, "引了别的县：渠县")


# grounding -------------------------------------------------------------------------------------

QUOTE = "县政府领导出差，应当提前3天报告，不得瞒报，由办公室主任在两个工作日内答复"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (QUOTE, None),
        (QUOTE.replace("3天", " 3 天"), None),
        (QUOTE.replace("3天", "5天"), "“5"),
        (QUOTE.replace("不得瞒报", "瞒报"), "漏了引文里的“不得”"),
        (QUOTE.replace("应当", ""), "漏了引文里的“应当”"),
        (QUOTE.replace("应当", "可以"), "引文里没有“可以”"),
        (QUOTE.replace("两个工作日", "两个月"), "“两个月”"),
        (QUOTE.replace("主任", "副主任"), "“办公室副主任”"),
    ],
)
def test_grounding(said, why):
    found = SCORERS["grounded"](CASE, predicted(cited("昌乐县", 1, QUOTE), answer=f"{said}[1]"), RULES)
    assert found.value == (0 if why else 1)
    assert why is None or why in found.why


def test_grounding_takes_the_words_that_introduce_a_list():
    rule = RULES.articles["昌乐县", 46, None]
    item = rule.paragraphs[0].items[2]
    citation = cited("昌乐县", 46, item.text, paragraph=1, item=item.number)
    led = predicted(citation, answer=f"{rule.paragraphs[0].text}{item.text}[1]")
    assert value("grounded", led) == 1
    assert value("grounded", predicted(citation, answer=f"一律不得{item.text}[1]")) == 0


def test_a_line_that_sums_up_may_leave_out_but_not_misquote():
    quoted = cited("昌乐县", 46, "一般每月召开 1-2 次"), cited("渠县", 30, "原则上每半月召开一次")
    shown = "昌乐“{}”；渠县“每半月召开一次”。\n【昌乐县】\n一般每月召开 1-2 次[1]\n【渠县】\n原则上每半月召开一次[2]"
    assert value("grounded", predicted(*quoted, answer=shown.format("每月召开 1-2 次"))) == 1
    assert value("grounded", predicted(*quoted, answer=shown.format("每月召开 2-2 次"))) == pytest.approx(2 / 3)


# the rest --------------------------------------------------------------------------------------


def test_what_does_not_apply_is_unscored():
    nothing = predicted(refused=True)
    unscored = {name for name, found in score(CASE, nothing, RULES).items() if found.value is None}
    assert unscored == {
        "citation_precision",
        "paragraph_precision",
        "item_precision",
        "county_right",
        "verbatim",
        "grounded",
        "refusal_right",
        "cell_right",
        "cell_silenced",
        "cell_shown",
        "concision",
        "length_ratio",
    }


def test_concision_falls_with_length_and_spares_lookups():
    long = predicted(cited("昌乐县", 46, MEETING.quote * 4))
    assert value("concision", long) == 0.25
    assert value("concision", predicted(cited("昌乐县", 46, "1-2 次"))) == 1
    assert value("concision", long, replace(CASE, type="article_lookup")) is None


@pytest.mark.parametrize(
    ("county", "article", "matter"),
    [("昌乐县", 46, "会议"), ("渠县", 30, "会议"), ("昌乐县", 60, "公文"), ("昌乐县", 1, "总则")],
)
def test_the_matter_of_a_chapter_has_one_name_in_all_counties(county, article, matter):
    assert chapter_of(replace(CASE, gold=(Gold(county, article, "x"),)), RULES) == matter


def test_a_case_without_gold_is_of_no_chapter():
    assert chapter_of(replace(CASE, gold=(), answerable=False), RULES) == ""


def test_recall_is_weighted_by_what_is_wanted():
    scores = [{"recall@5": Score(1.0)}, {"recall@5": Score(0.0)}]
    three = replace(CASE, gold=(MEETING, replace(MEETING, article=47), replace(MEETING, article=48)))
    assert summarise([CASE, three], scores, "recall@5").mean == 0.25
    assert summarise([CASE, EITHER], scores, "recall@5").mean == 0.5
