"""What stands around the quoted words: roles, parts of a question, comparison, references, notes, refusals."""

from dataclasses import replace
from datetime import date

import pytest

from assistant.__main__ import find_role
from assistant.actions import other_action
from assistant.answer import Reason
from assistant.compare import difference
from assistant.notes import is_old
from assistant.parts import parts
from assistant.related import find_related
from assistant.roles import roles_in, roles_of
from assistant.understand import simplify, understand
from assistant.wording import Gram, ngrams, odds
from assistant.write import quote_place
from index.named import named_in
from ingest.corpus import ingest
from ingest.errors import SettingError
from ingest.parse import parse

RULES = {r.county: r for r in ingest().regulations}
KNOWN = tuple(RULES)


@pytest.mark.parametrize(
    ("question", "roles"),
    [
        ("副县长外出要跟谁请假？", {"副县长"}),
        ("县长外出要跟谁请假？", {"县长"}),
        ("我是刚提的镇长，想出趟差", {"镇长"}),
        ("我们局一把手要休假", {"局长"}),
        ("常务副县长不在怎么办", {"常务副县长"}),
        ("政府办主任归谁领导", {"办公室主任"}),
        ("出差要跟谁请假？", set()),
        ("本人系某局主要负责人，外出不足一天，是否仍须报请县长同意？", {"局长"}),
        ("镇长请假分管副县长批了就行吗？", {"镇长"}),
        ("局长请假光跟分管副县长说好了，就能走人了吧？", {"局长"}),
        ("副县长跟县长请个假要提前几天", {"副县长"}),
        ("街道办主任休假除了县长批还要告诉谁？", {"镇长"}),
        ("县长请假谁主持工作", {"县长"}),
        ("我是副局长，想出差，找谁批", set()),
        ("副镇长请假找谁", set()),
        ("企业开业请县长剪彩，能去吗", {"县长"}),
        ("县长办公会多久开一次", set()),
    ],
)
def test_roles_of_a_question(question, roles):
    assert roles_of(question) == roles


@pytest.mark.parametrize(
    ("words", "roles"),
    [
        ("副县长、县政府办公室主任外出（出访）、休假，应事前报县长同意", {"副县长", "办公室主任"}),
        ("各镇（街、区）政府（办事处、管委会）主要负责人外出、休假，须报县长审批；", {"镇长"}),
        ("县政府各部门主要负责人外出、休假，须经分管副县长同意后报县长审批。", {"局长"}),
        ("县政府分管领导（不包含常务副县长）组织召开的会议，原则上不要求主要负责同志参加。", {"副县长"}),
        ("各地、各部门主要负责人外出，须提前3天经县政府办公室向县政府领导报告。", {"镇长", "局长"}),
        ("经批准后方可成行。", set()),
    ],
)
def test_a_clause_binds_the_roles_before_its_verb(words, roles):
    assert roles_in(words) == roles


def test_a_case_of_another_roles_clause_is_not_the_askers(assistant):
    words = quoted(assistant.ask("平阴镇长要离开县里出趟门，跟谁请示、向谁报"))
    assert "镇长（主任）离县外出应在事前请示县长同意后" in words
    assert "行程超过1天的" not in words


@pytest.mark.parametrize(
    ("question", "words"),
    [
        # a ban and what holds where it cannot be kept
        (
            "渠县村里修了个文化广场，想请县长给题几个字，要得不",
            "不题词；因特殊情况需要发贺信、贺电和题词的，一般不公开发表。",
        ),
        # a way and what follows where it leads nowhere
        (
            "平阴两个局会签谈不拢，材料怎么附、找谁协调？",
            "必须在会签意见上签字。仍不能取得一致意见的，由分管副县长提出意见报县长确定。",
        ),
        # a case, and what it is a case of
        ("省厅来渠县，我们局想请县领导出面陪一下，怎么弄", "由对口单位负责接待；需县政府领导陪同的，"),
        # a row of cases
        (
            "乾安什么样的领导小组该撤掉或者并掉",
            "属于单项工作、单个部门负责的；阶段性工作或某一事项已经完成的；工作职能雷同的。",
        ),
    ],
)
def test_clauses_that_hang_together_are_quoted_together(question, words, assistant):
    assert words in quoted(assistant.ask(question))


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("乾安大布苏镇的镇长外出要提前几天报告", "各地、各部门主要负责人外出，须提前3天"),
        ("渠县政府办主任离开本县出差要谁同意", "副县长、县政府组成人员离开本县出差"),
        ("渠县县长不能参加常务会议要向谁请假", "县政府领导不能出席县政府全体会议、县政府常务会议"),
    ],
)
def test_leave_of_those_whom_a_clause_binds_in_other_words(question, words, assistant):
    assert words in quoted(assistant.ask(question))


@pytest.mark.parametrize(
    ("question", "articles"),
    [
        ("昌乐请假", {49, 83}),  # from a meeting, and from the county
        ("昌乐审计", {9, 38}),
        ("昌乐大额资金", {46}),
        ("昌乐的县长印章", {63}),
    ],
)
def test_a_matter_that_is_only_named_gets_each_article_on_it(question, articles, assistant):
    answer = assistant.ask(question)
    assert {c.source.locator.article for c in answer.citations} == articles


def test_a_role_that_no_likely_clause_binds_leaves_the_likely_one(assistant):
    words = quoted(assistant.ask("平阴分管的副县长召集开会，能让各街镇一把手都来吗"))
    assert "原则上不要求街镇和部门主要负责同志参加" in words


def quoted(answer):
    return "".join(s.text for s in answer.statements)


def test_the_role_chooses_the_branch(assistant):
    """昌乐第八十三条 differs by role: the question's, the history's or the page's is taken."""
    head = "县政府各部门主要负责人外出（出访）、休假，须经分管副县长同意后报县长审批。"
    asked = assistant.ask("昌乐县的局长外出找谁批？")
    assert quoted(asked) == head
    before = [{"role": "user", "content": "昌乐县的局长外出找谁批？"}]
    assert quoted(assistant.ask("提前书面报给谁？", before)) != ""
    chosen = assistant.ask("外出找谁批？", county="昌乐县", role="局长")
    assert head in quoted(chosen)
    assert "副县长、县政府办公室主任外出" not in quoted(chosen)
    assert any("局长" in note for note in chosen.notes)


def test_a_role_is_known_by_name():
    assert find_role("局长") == "局长"
    assert find_role(None) is None
    with pytest.raises(SettingError, match=r"司机.*副县长"):
        find_role("司机")


def test_without_a_role_every_branch_is_shown(assistant):
    said = quoted(assistant.ask("外出要找谁批？", county="昌乐县"))
    for role in (
        "副县长、县政府办公室主任外出",
        "县政府各部门主要负责人外出",
        "主要负责人外出（出访）、休假，须报县长审批",
    ):
        assert role in said


@pytest.mark.parametrize(
    ("question", "asked"),
    [
        ("走之前要让谁点头、提早多久、还得跟哪儿打招呼？", ["走之前要让谁点头", "提早多久", "还得跟哪儿打招呼"]),
        ("常务会议多久开一次？", []),
        ("我在一个镇上管招商，能请县长来吗？", []),
        ("他能来吗，我该先找哪家？", ["他能来吗", "我该先找哪家"]),
    ],
)
def test_a_question_that_asks_several_things_is_taken_apart(question, asked):
    assert parts(question) == asked


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("县政府全体会议、常务会议纪要", {"全体会议", "常务会议"}),
        ("县长办公会多久开一次", {"县长办公会议"}),
        ("常务会上谁记录", {"常务会议"}),
        ("公章谁管", {"印章"}),
    ],
)
def test_things_that_must_not_be_mixed_up(text, names):
    assert named_in(text) == names


def test_words_about_another_meeting_do_not_answer(assistant):
    """平阴 says how often the 县长办公会 meets, and nothing of the 常务会议."""
    answer = assistant.ask("平阴的常务会议多久开一次？")
    assert answer.refused
    assert answer.refusals[0].reason is Reason.SILENT


@pytest.mark.parametrize(
    ("question", "words", "other"),
    [
        ("碰头会由哪个单位承办？", "县长碰头会议由县长召集和主持。", True),
        ("会议由谁主持？", "由县长召集。", False),
        ("我们承办了会议，纪要谁签字？", "纪要由县长签发。", False),
    ],
)
def test_who_does_another_act_is_no_answer(question, words, other):
    assert other_action(question, words) is other


# comparison ----------------------------------------------------------------------------------

MONTHLY = "县政府常务会议一般每月召开 1-2 次，如有需要可临时召开。"


@pytest.mark.parametrize(
    ("question", "quotes", "silent", "line"),
    [
        ("多少人到场才能开？", {"昌乐县": "超过二分之一", "渠县": "超过二分之一"}, [], "昌乐、渠县都是“二分之一”。"),
        (
            "多少人到场才能开？",
            {"昌乐县": "超过二分之一", "平阴县": "三分之二以上"},
            [],
            "昌乐“二分之一”；平阴“三分之二”。",
        ),
        (
            "会签各给几天？",
            {"乾安县": "除另有时限要求外，一般应在7个工作日内回复", "沂源县": "除另有时限要求外,一般3个工作日内回复"},
            [],
            "乾安“7个工作日”；沂源“3个工作日”。",
        ),
        ("谁签？", {"昌乐县": MONTHLY, "渠县": MONTHLY}, ["平阴县"], "昌乐、渠县的规定文字基本相同。平阴未规定。"),
        ("谁签？", {"昌乐县": MONTHLY, "渠县": "由县长签发"}, [], "昌乐、渠县的规定各不相同。"),
        ("谁签？", {"昌乐县": MONTHLY}, ["渠县"], "只有昌乐有规定；渠县未规定。"),
        ("谁签？", {}, ["昌乐县", "渠县"], None),
    ],
)
def test_one_line_says_what_differs(question, quotes, silent, line):
    assert difference(question, quotes, silent) == line


def test_a_comparison_says_which_county_is_silent(assistant):
    answer = assistant.ask("昌乐、平阴的常务会议各多久开一次？")
    assert [s.county for s in answer.statements] == ["昌乐县"]
    assert [r.county for r in answer.refusals] == ["平阴县"]
    assert answer.difference == "只有昌乐有规定；平阴未规定。"


# references ----------------------------------------------------------------------------------

OWN = parse(
    """试验县人民政府工作规则
第一条 按照《中华人民共和国审计法》第三条和本规则第二条第二款办理，见《政府工作报告》。
第二条 第一款的话。
前款规定的事项，报县长审批。
第三条 依照前条和第一条执行。""",
    "试验县.txt",
)


@pytest.mark.parametrize(
    ("article", "paragraph", "labels"),
    [
        (1, 1, ["第二条第二款", "《中华人民共和国审计法》"]),
        (2, 2, ["第二条第一款"]),
        (3, 1, ["第一条", "第二条"]),
    ],
)
def test_what_the_words_refer_to(article, paragraph, labels):
    statements = quote_place(OWN, OWN.articles[article - 1], paragraph)
    found = find_related(statements, [OWN])
    assert [r.label.removeprefix("《试验县人民政府工作规则》") for r in found] == labels
    assert all((r.source is None) == r.label.startswith("《中华") for r in found)


# notes and understanding ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("issued", "today", "old"),
    [
        ("2022-07-15", date(2025, 7, 15), False),
        ("2022-07-15", date(2025, 7, 16), True),
        ("2022-07-15", date(2024, 12, 31), False),
        (None, date(2030, 1, 1), False),
    ],
)
def test_a_rule_older_than_three_years_is_marked(issued, today, old):
    assert is_old(replace(RULES["平阴县"], issued_on=issued), today) is old


def test_everyday_words_are_told_what_they_were_taken_for(assistant):
    notes = assistant.ask("昌乐的局长外出找谁批？").notes
    assert "理解为：“局长”＝部门主要负责人。" in notes


def test_a_word_that_the_rule_uses_itself_was_taken_for_nothing_else(assistant):
    answer = assistant.ask("渠县陪同调研人数有限制吗")
    assert "陪同" in quoted(answer)
    assert not any(note.startswith("理解为") for note in answer.notes)


@pytest.mark.parametrize(
    ("question", "simple"),
    [
        ("給基層單位題字，昌樂允許嗎", "给基层单位题字，昌乐允许吗"),
        ("乾安縣的常務會議", "乾安县的常务会议"),
        ("著作", "著作"),
    ],
)
def test_traditional_characters_are_understood_but_not_in_names(question, simple):
    assert simplify(question, KNOWN) == simple


@pytest.mark.parametrize(
    ("question", "topic"),
    [
        ("昌乐、平阴、乾安、渠县四家比一比：人没到齐，常务会凑够几成人就能开？", "人没到齐,常务会议凑够几成人就能开?"),
        ("平阴、乾安、昌乐的规则里，有没有提到12345？", "有没有提到12345?"),
        ("昌乐县政府常务会议多久开一次", "常务会议多久开一次"),
        ("昌乐县长外出要向谁请假", "县长外出要向谁请假"),
        ("渠县委和渠县长", "县委和 县长"),
        ("渠县县长外出要向谁请假", "县长外出要向谁请假"),
    ],
)
def test_names_of_counties_leave_nothing_behind(question, topic):
    assert understand(question, [], KNOWN).topic == topic


def test_wording_is_the_weighted_mean_of_known_ngrams():
    grams = {"几天": Gram(2.0, -1.0), "谁": Gram(1.0, 3.0)}
    assert ngrams("几天？") == ["几", "天", "几天"]
    assert odds(ngrams("几天"), grams) == pytest.approx(-1.0)
    assert odds(ngrams("几天谁"), grams) == pytest.approx((2 * -1 + 1 * 3) / 5**0.5)
    assert odds([], grams) == 0.0


# refusals ------------------------------------------------------------------------------------


def test_silence_names_the_counties_whose_rules_settle_the_point(assistant):
    (refusal,) = assistant.ask("昌乐的县长办公会议谁主持？").refusals
    assert "不能代替本县的规定" in refusal.message
    assert {source.county for source in refusal.elsewhere} == {"平阴县", "乾安县", "沂源县", "渠县"}


@pytest.mark.parametrize(
    "question",
    [
        "渠县的书记是不是要换人了，谁来接",
        "乾安的县长和常务副县长处得好不好",
        "昌乐的同事什么活都推给我，领导也不管",
        "平阴 帮我编个年终述职的开头",
    ],
)
def test_gossip_and_wishes_are_refused(assistant, question):
    assert assistant.ask(question).refused


@pytest.mark.parametrize("question", ["怎么做红烧肉", "股票今天涨了吗", "昌乐离婚后房子归谁？"])
def test_what_is_none_of_work_rules_is_told_apart(assistant, question):
    answer = assistant.ask(question)
    assert answer.refused
    assert [r.reason for r in answer.refusals] == [Reason.OUTSIDE]
    assert "未规定" in answer.refusals[0].message


def test_a_follow_up_stays_with_the_meeting_spoken_of(assistant):
    spoken_of = [{"role": "user", "content": "渠县常务会谁主持"}]
    answer = assistant.ask("到多少人才算数？", spoken_of)
    assert [c.source.locator.article for c in answer.citations] == [30]


def test_a_follow_up_is_refused_as_readily(assistant):
    before = [{"role": "user", "content": "昌乐县政府常务会议多久开一次？"}]
    assert assistant.ask("会议室在几楼？", before).refused
    assert assistant.ask("红烧肉怎么做？", before).refused


# places --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["高青县", "安丘市", "章丘区", "历下区", "博山区", "浦东新区", "大竹县", "海淀区"])
@pytest.mark.parametrize(
    "question",
    [
        "{}政府常务会议多久开一次？",
        "{}的局长出差找谁批",
        "我在{}工作，公章归谁管",
        "咱{}的镇长离县要报谁",
        "{}和昌乐县的常务会议",
    ],
)
def test_a_county_without_a_rule_is_told_wherever_it_stands(name, question):
    assert understand(question.format(name), [], KNOWN).missing == (name,)


@pytest.mark.parametrize("question", ["去高青县出差找谁批？", "老城区改造的文件谁签发？", "新城区搞活动要报谁"])
def test_where_somebody_goes_and_parts_of_a_town_are_no_missing_county(question):
    assert understand(question, [], KNOWN).missing == ()
