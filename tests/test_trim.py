"""A clause cut down to what answers: what may be left out, and what never is."""

import re

import numpy as np
import pytest

from assistant.trim import close, narrow, read_clause, run_of
from assistant.units import SENTENCE_END, cut
from index.passage import cut as passages
from index.search import Hit
from index.words import bigrams
from ingest.corpus import ingest

RULES = {r.county: r for r in ingest().regulations}
CLAUSES = [
    (rule, article, unit)
    for rule in RULES.values()
    for article in rule.articles
    for unit in cut(article)
    if unit.item is None and len(read_clause(article, unit).texts) > 1
]


def shortened(sentence, core):
    """What is left of a sentence of which one part answers."""
    parts = [part for part in re.split(r"(?<=[，,。])", sentence) if part]
    at = next(i for i, part in enumerate(parts) if core in part)
    first, last = close(parts, at, at)
    return "".join(parts[first : last + 1])


@pytest.mark.parametrize(
    ("sentence", "core", "left"),
    [
        (
            "依法严格市场监管，推进公平准入，完善监管体系，规范市场执法。",
            "公平准入",
            "推进公平准入，",
        ),
        (
            "县政府各部门要严格行政执法，建立行政执法备案管理制度，健全规则、完善程序，推进公正执法。",
            "备案",
            "建立行政执法备案管理制度，",
        ),
        (
            "依托全省一体化平台，打造“甯快办”品牌，按照便民、利民要求，深化政务体系建设。",
            "品牌",
            "依托全省一体化平台，打造“甯快办”品牌，",
        ),
        (
            "规范公务接待，严格按照规定做好接待工作，不得违反规定用公款送礼和宴请，不得接受下属单位的宴请。",
            "不得接受",
            "不得接受下属单位的宴请。",
        ),
    ],
)
def test_a_row_of_tasks_is_cut_down_to_the_one_asked_about(sentence, core, left):
    assert shortened(sentence, core) == left


@pytest.mark.parametrize(
    ("sentence", "core", "kept"),
    [
        pytest.param("未经县政府批准，不得擅自发布。", "不得擅自", "未经县政府批准", id="condition"),
        pytest.param("未经县政府批准，不得擅自发布。", "未经", "不得擅自发布", id="what the condition is for"),
        pytest.param("因紧急事项临时外出的，要同步报备，并书面说明理由。", "书面", "因紧急事项", id="when"),
        pytest.param("对徇私舞弊等行为，一经发现，依规依纪从重处理。", "一经发现", "从重处理", id="consequence"),
        pytest.param("对徇私舞弊等行为，一经发现，依规依纪从重处理。", "从重", "对徇私舞弊", id="of what"),
        pytest.param(
            "以县政府名义报送省政府审批的文件，呈报县长或县长委托的副县长签发。", "签发", "报送省政府", id="topic"
        ),
        pytest.param("原则上不邀请县长出席，严格控制会议规模。", "控制", "原则上", id="hedge"),
        pytest.param("县司法局要严格审查，推进依法行政，建立台账。", "台账", "县司法局", id="who"),
        pytest.param(
            "县政府组成人员要严格遵守纪律，不得接受宴请。", "不得", "县政府组成人员", id="whom a prohibition binds"
        ),
        pytest.param("运用经济手段，辅之以必要的行政手段，加快转变方式。", "辅之", "运用经济手段", id="aside"),
        pytest.param("除依法需要保密的外，应按照程序推进，向社会主动公开。", "程序", "向社会主动公开", id="predicate"),
        pytest.param("均应通过政府网站等渠道，依法、及时向社会公开。", "渠道", "向社会公开", id="means"),
        pytest.param("邀请县委有关部门，县法院，县工商联负责人列席。", "县法院", "邀请", id="row"),
        pytest.param("邀请县委有关部门，县法院，县工商联负责人列席。", "县法院", "列席", id="row's end"),
        pytest.param("建立以内部顾问为主体，外聘顾问为补充的队伍，发挥顾问作用。", "外聘", "建立以", id="frame"),
        pytest.param("由分管副县长签发，重大事项报县长签发。", "分管", "重大事项", id="exception after"),
        pytest.param("健全会议制度，但涉密的除外。", "健全", "除外", id="limit"),
        pytest.param("公文不得越级行文。除重大事件外，一律送办公室。", "一律", "公文", id="sentence before"),
        pytest.param("有下列情形之一的不得上会：严格程序未到位，规范文本未完成。", "规范", "不得上会", id="row's lead"),
        pytest.param("根据宪法，落实县委部署，结合实际，制定本规则。", "落实", "制定本规则", id="purpose"),
    ],
)
def test_what_the_words_hang_on_is_kept(sentence, core, kept):
    assert kept in shortened(sentence, core)


def test_every_clause_of_the_rules_is_cut_at_its_commas_only():
    for _, article, unit in CLAUSES:
        clause = read_clause(article, unit)
        assert "".join(clause.texts) == article.text[slice(*unit.span)]
        assert all(text[-1] in "，,；;" + SENTENCE_END for text in clause.texts[:-1])
        assert all(text.count("（") == text.count("）") for text in clause.texts)


def test_no_part_of_the_rules_is_quoted_without_what_forbids_or_allows_it():
    """Wherever a quote may begin or end, the words left out of its sentence set no condition."""
    for _, article, unit in CLAUSES:
        texts = read_clause(article, unit).texts
        for at in range(len(texts)):
            first, last = close(texts, at, at)
            assert first <= at <= last
            left_out = "".join(texts[:first]).rsplit("。", 1)[-1]
            assert not re.search(r"除.{1,40}外，|未经|原则上|的[，,]|[前后时][，,]", left_out), texts
            assert not re.search(r"^(?:但|其中|方可)|除外", "".join(texts[last + 1 :])), texts


def hit_of(county, number):
    rule = RULES[county]
    article = next(a for a in rule.articles if (a.number, a.branch) == (number, None))
    return Hit(next(iter(passages(rule, article))), article, 1.0, (), ())


def test_only_the_task_asked_about_is_quoted_of_a_long_sentence():
    hit = hit_of("沂源县", 13)
    unit = max(cut(hit.article), key=lambda each: each.span.end - each.span.start)
    question = "沂源提没提公平准入？"
    span = narrow(hit, unit, question, question, 0.3)
    words = hit.article.text[slice(*span)]
    assert "公平准入" in words
    assert len(words) < (unit.span.end - unit.span.start) / 2
    assert not words.endswith(("，", ","))


def test_words_of_the_question_that_stand_nowhere_else_are_quoted_too():
    words = [frozenset(bigrams(text)) for text in ("健全办事制度", "提高效率", "公布权力清单")]
    asked = "权力清单公布没有，办事制度呢"
    assert run_of(np.array([0.9, 0.1, 0.1]), 0.5, words, asked) == (0, 2)
    assert run_of(np.array([0.9, 0.1, 0.1]), 0.5, words, "办事制度") == (0, 0)
