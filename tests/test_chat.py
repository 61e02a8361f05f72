"""The conversation: how it grows, is stopped, edited, judged and followed up; keyboard, language and light."""

import copy
import html
import re
import threading
from contextlib import ExitStack
from dataclasses import replace
from types import SimpleNamespace

import pytest
from gradio import EventData
from playwright.sync_api import expect

from assistant.ask import Assistant
from tests.browsing import (
    COMPARISON,
    DESKTOP,
    PATIENCE,
    PHONE,
    QUESTION,
    SENTENCE,
    SILENT,
    ask,
    ask_and_wait,
    browser,
    served,
    url,
    visit,
    votes,
)
from web.chat import ANY, LIMIT, Chat, Hooks, find_fault, history, settle
from web.render import Turn, conversation
from web.store import Store
from web.suggest import is_everyday, suggest
from web.texts import say

__all__ = ["browser", "url", "votes"]
THREE = "昌乐、沂源、渠县的常务会议多久开一次？"


class Gated(Assistant):
    """An assistant that shows the first county and waits for the gate before it goes on."""

    def __init__(self, assistant):
        self.__dict__.update(copy.copy(assistant.__dict__))
        self.gate = threading.Event()

    def stream(self, *asked):
        for n, answer in enumerate(super().stream(*asked)):
            if n == 1:
                self.gate.wait(60)
            yield answer


@pytest.fixture(scope="module")
def chat(assistant):
    return Chat(assistant, Hooks())


def asked(chat, given, turns=(), county=ANY, role=ANY):
    """Raise the event of a click, and return all that it shows."""
    return list(chat.ask_clicked(county, role, list(turns), EventData(None, given), None))


# what an event does --------------------------------------------------------------------------


def test_answer_streams_county_by_county(chat):
    steps = [talk for _, talk, _ in chat.respond(THREE, ANY, ANY, [])]
    assert "正在查找…" in steps[0]
    counties = [len(re.findall(r'<th scope="row">', step)) for step in steps]
    assert counties == [0, 1, 2, 3, 3]
    assert "正在查找其余各县" in steps[1]
    assert "正在查找" not in steps[-1]
    assert 'class="difference"' not in steps[2]
    assert "昌乐、沂源、渠县的规定各不相同" in html.unescape(steps[-1])


def test_draft_is_not_yet_finished_and_says_what_is_waited_for(assistant):
    answer = replace(assistant.ask(QUESTION), draft=True)

    class Drafting(Assistant):
        def __init__(self):
            self.__dict__.update(assistant.__dict__)

        def stream(self, *asked):
            yield answer
            yield assistant.ask(*asked)

    steps = list(Chat(Drafting(), Hooks()).respond(QUESTION, ANY, ANY, []))
    waiting = [turns[-1].running for _, _, turns in steps]
    assert waiting == [True, True, False, False]
    assert say("running_llm") in steps[1][1]
    assert SENTENCE in html.unescape(re.sub("<[^>]*>", "", steps[1][1]))
    assert say("running_llm") not in steps[-1][1]


def test_failure_of_one_question_is_told_and_the_next_is_answered(chat, monkeypatch):
    with monkeypatch.context() as broken:
        broken.setattr(Assistant, "stream", lambda *_: 1 / 0)
        *_, (_, talk, turns) = chat.respond(QUESTION, ANY, ANY, [])
    assert "没能处理" in talk
    *_, (_, talk, _) = chat.respond(QUESTION, ANY, ANY, turns)
    assert SENTENCE in html.unescape(talk)


@pytest.mark.parametrize("question", ["", "  \n", "长" * (LIMIT + 1)])
def test_what_cannot_be_asked_stays_in_the_field_with_a_hint(chat, question):
    ((kept, talk, turns),) = chat.respond(question, ANY, ANY, [])
    assert kept == question
    assert turns == []
    assert find_fault(question) in html.unescape(talk)


def test_ten_thousand_characters_are_answered(chat):
    question = (QUESTION * LIMIT)[:LIMIT]
    *_, (_, _, turns) = chat.respond(question, ANY, ANY, [])
    assert turns[-1].answer.statements


def test_role_chosen_on_the_page_counts(chat):
    answers = {}
    for role in ("局长", "副县长"):
        *_, (_, _, turns) = chat.respond("外出要跟谁请假？", "昌乐县", role, [])
        answers[role] = "".join(s.text for s in turns[-1].answer.statements)
    assert "各部门主要负责人" in answers["局长"]
    assert "副县长、县政府办公室主任外出" in answers["副县长"]


def test_edited_question_drops_what_followed_and_undo_puts_it_back(chat):
    turns = []
    for question in (QUESTION, "那沂源呢？", SILENT):
        turns = asked(chat, {"question": question}, turns)[-1][1]
    talk, edited = asked(chat, {"question": "平阴的会议纪要谁签发？", "turn": 1}, turns)[-1]
    assert [turn.question for turn in edited] == [QUESTION, "平阴的会议纪要谁签发？"]
    assert "已替换原来的问题和其后共 2 轮" in talk
    _, back = chat.undo(edited, EventData(None, {"turn": 1}), None)
    assert back == turns


def test_a_page_that_was_emptied_stays_empty_until_somebody_asks(chat):
    visitor = SimpleNamespace(session_hash="a")
    steps = chat.respond(QUESTION, ANY, ANY, [], visitor)
    next(steps)
    assert [part["__type__"] for part in chat.settle_new(visitor)] == ["update", "update"]  # left as they are
    chat.clear(visitor)
    assert list(steps) == []
    talk, turns = chat.settle_new(visitor)
    assert turns == []
    assert 'class="welcome"' in talk


def test_turn_that_was_never_finished_counts_as_stopped(assistant):
    answer = next(iter(assistant.stream(THREE)))
    turns = settle([Turn(QUESTION), Turn(THREE, answer, finished=False), Turn(QUESTION, answer)])
    assert [turn.stopped for turn in turns] == [True, True, False]
    written = conversation(turns, assistant.index.regulations)
    assert say("stopped") in written
    assert say("stopped_empty") in written
    assert [m["role"] for m in history(turns)] == ["user", "user", "assistant", "user", "assistant"]


def test_feedback_is_handed_on_and_nonsense_is_not(assistant):
    kept = []
    chat = Chat(assistant, Hooks(feedback=lambda feedback, _: kept.append(feedback)))
    turns = [Turn(QUESTION, assistant.ask(QUESTION))]
    for given in ({"turn": 0, "vote": "down", "reason": "miscited"}, {"turn": 0, "vote": "up"}, {"turn": 9}, {}, None):
        chat.vote(turns, EventData(None, given), None)
    assert [(f.useful, f.reason) for f in kept] == [(False, "miscited"), (True, None)]
    assert kept[0].turn is turns[0]


# what may be asked next ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "everyday"),
    [
        ("人事任免文件谁签？", True),
        ("如何控制一般性支出？", True),
        ("督查 结果 公开", False),
        ("我跟那位领导熟，材料直接塞他办公桌上行不行？", False),
        ("电脑里的资料要是漏了，这根线平时该绷多紧？", False),
        ("规则是什么时候印发的？", False),
    ],
)
def test_only_everyday_questions_are_suggested(question, everyday):
    assert is_everyday(question) is everyday


@pytest.mark.parametrize(("question", "county"), [(QUESTION, None), ("会议纪要由谁签发？", "渠县"), (COMPARISON, None)])
def test_each_suggestion_is_new_and_answered_from_near_the_citation(chat, assistant, question, county):
    turns = asked(chat, {"question": question}, county=county or ANY)[-1][1]
    near = {(c.source.county, c.source.locator.article) for c in turns[-1].answer.citations}
    assert 1 <= len(turns[-1].suggestions) <= 3
    for suggestion in turns[-1].suggestions:
        assert suggestion.question != question
        again = asked(chat, {"question": suggestion.question, "county": suggestion.county}, turns)[-1][1]
        found = [(c.source.county, c.source.locator.article) for c in again[-1].answer.citations]
        assert any(a == c and abs(n - m) <= 2 for a, n in found for c, m in near)


def test_nothing_is_suggested_twice_nor_after_a_refusal(assistant):
    answer = assistant.ask(QUESTION)

    def reply(question, county):
        return assistant.ask(question, county=county)

    first = suggest(answer, [], assistant.index, reply)
    second = suggest(answer, [s.question for s in first], assistant.index, reply)
    assert not {s.question for s in first} & {s.question for s in second}
    assert suggest(assistant.ask(SILENT), [], assistant.index, reply) == ()


# in the browser ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def full(assistant, settings):
    """The page with all that it can have."""
    with Store(None) as store, served(assistant, settings=settings, store=store) as address:
        yield address


@pytest.fixture(params=[DESKTOP, PHONE], ids=["desktop", "phone"])
def page(request, browser, url):
    with visit(browser, url, request.param) as opened:
        yield opened


def test_suggestion_is_asked_for_its_county(page):
    ask_and_wait(page, QUESTION)
    text = page.locator(".suggestions button").first.text_content()
    page.locator(".suggestions button").first.click()
    expect(page.locator(".asked h2").last).to_have_text(text, timeout=PATIENCE)
    expect(page.locator(".turn").last.locator("ol.sources button.label").first).to_contain_text(
        "昌乐县", timeout=PATIENCE
    )
    expect(page.locator(".turn").first.locator(".suggestions")).to_have_count(0)


def test_edit_ask_again_and_undo(page):
    ask_and_wait(page, QUESTION)
    ask_and_wait(page, SILENT)
    page.locator("[data-edit='0']").click()
    expect(page.locator("#question textarea")).to_have_value(QUESTION)
    expect(page.locator("#question textarea")).to_be_focused()
    expect(page.locator("#editing")).to_contain_text("它之后的 1 轮对话会移除")
    ask(page, "渠县会议纪要谁签发？")
    expect(page.locator(".asked h2")).to_have_text(["渠县会议纪要谁签发？"], timeout=PATIENCE)
    expect(page.locator("#editing")).to_be_hidden()
    expect(page.locator("#question textarea")).to_have_value("")
    page.locator(".undo").click()
    expect(page.locator(".asked h2")).to_have_text([QUESTION, SILENT], timeout=PATIENCE)


def test_vote_with_a_reason_reaches_the_hook(page, votes):
    votes.clear()
    ask_and_wait(page, QUESTION)
    page.get_by_role("button", name="没用").click()
    page.get_by_role("button", name="引用有误").click()
    expect(page.locator("#status")).to_have_text("已记下，谢谢。")
    expect(page.locator("[data-vote='ask']")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="有用").click()
    expect(page.locator("[data-vote='up']")).to_have_attribute("aria-pressed", "true")
    ask_and_wait(page, SILENT)  # both votes were sent before, and may still be on their way
    for _ in range(PATIENCE // 50):
        if len(votes) > 1:
            break
        page.wait_for_timeout(50)
    assert [(v.useful, v.reason, v.turn.question) for v in votes] == [
        (False, "miscited", QUESTION),
        (True, None, QUESTION),
    ]


def test_stop_keeps_what_was_shown_and_the_next_question_is_answered(assistant, browser):
    gated = Gated(assistant)
    with served(gated) as address, visit(browser, address) as page:
        expect(page.locator("#stop")).to_be_hidden()
        ask(page, THREE)
        expect(page.locator(".statement")).to_have_count(1, timeout=PATIENCE)
        expect(page.locator("#send")).to_be_hidden()
        expect(page.locator("[data-edit]").first).to_be_disabled()
        ask(page, QUESTION)
        expect(page.locator("#status")).to_have_text(say("wait"))
        page.locator("#question textarea").fill("")
        page.locator("#stop").click()
        expect(page.locator("p.stopped")).to_have_text(say("stopped"), timeout=PATIENCE)
        expect(page.locator("#send")).to_be_visible()
        gated.gate.set()
        ask(page, QUESTION)
        expect(page.locator(".turn").last.locator(".statement")).to_contain_text(SENTENCE, timeout=PATIENCE)
        expect(page.locator(".turn").first.locator("th[scope=row]")).to_have_count(1)


def test_nothing_jumps_while_an_answer_grows(assistant, browser):
    gated = Gated(assistant)
    with served(gated) as address, visit(browser, address, PHONE) as page:
        gated.gate.set()
        ask_and_wait(page, COMPARISON)
        gated.gate.clear()
        ask(page, THREE)
        expect(page.locator(".turn").last.locator(".statement")).to_have_count(1, timeout=PATIENCE)
        top = "document.querySelector('.turn:last-of-type h2').getBoundingClientRect().top"
        before = page.evaluate(top)
        assert 0 <= before < 120
        gated.gate.set()
        expect(page.locator(".turn").last.locator(".suggestions")).to_be_attached(timeout=PATIENCE)
        assert page.evaluate(top) == before


def test_ten_visitors_at_once_and_none_sees_another(assistant, browser):
    together = threading.Barrier(10, timeout=60)

    class Together(Assistant):
        def __init__(self):
            self.__dict__.update(assistant.__dict__)

        def stream(self, *asked):
            together.wait()
            yield from super().stream(*asked)

    questions = [
        f"{county}的{matter}？" for county in assistant.counties for matter in ("会议纪要谁签发", "规则何时印发")
    ]
    with served(Together()) as address, ExitStack() as visits:
        pages = [visits.enter_context(visit(browser, address)) for _ in questions]
        for page, question in zip(pages, questions, strict=True):
            ask(page, question)
        for page, question in zip(pages, questions, strict=True):
            expect(page.locator(".statement, .refusal").first).to_be_visible(timeout=60000)
            expect(page.locator(".asked h2")).to_have_text([question])
            expect(page.locator(".answered")).to_contain_text(
                f"《{question[: question.index('县') + 1]}人民政府工作规则》"
            )


def test_enter_sends_shift_enter_does_not_nor_while_composing(page):
    field = page.locator("#question textarea")
    field.fill("昌乐")
    field.press("Shift+Enter")
    field.press_sequentially("会议纪要谁签发？")
    expect(field).to_have_value("昌乐\n会议纪要谁签发？")
    field.evaluate(
        "e => e.dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', isComposing: true, bubbles: true}))"
    )
    expect(page.locator(".turn")).to_have_count(0)
    expect(page.locator("html")).to_have_attribute("data-busy", "false")
    field.press("Enter")
    expect(page.locator(".turn")).to_have_count(1, timeout=PATIENCE)


def test_empty_and_too_long_questions_get_a_hint(page):
    field = page.locator("#question textarea")
    field.fill("  ")
    field.press("Enter")
    expect(page.locator("#status")).to_have_text(say("empty"))
    field.fill("长" * (LIMIT + 1))
    expect(page.locator("#status")).to_have_text(say("too_long", count=LIMIT + 1, limit=LIMIT))
    page.locator("#send").click()
    expect(page.locator(".turn")).to_have_count(0)
    field.fill("😀" * 20)
    expect(page.locator("#status")).to_have_text("")
    field.press("Enter")
    expect(page.locator(".asked h2")).to_have_text("😀" * 20, timeout=PATIENCE)


def test_slow_network_says_at_once_that_it_is_searching(browser, url):
    with visit(browser, url) as page:
        held = []
        page.route("**/queue/join*", lambda route: route.continue_() if held else held.append(route))
        ask(page, QUESTION)
        expect(page.locator("#status")).to_have_text(say("running"), timeout=1000)
        expect(page.locator("#stop")).to_be_visible()
        held[0].continue_()
        expect(page.locator(".statement")).to_contain_text(SENTENCE, timeout=PATIENCE)


def test_tooltip_shows_label_and_quote_on_hover_and_on_focus(browser, url):
    with visit(browser, url) as page:
        ask_and_wait(page, QUESTION)
        number = page.locator(".statement button.cite")
        for reach in (number.hover, number.focus):
            reach()
            expect(page.locator("#tip")).to_contain_text("第四十六条第二款")
            expect(page.locator("#tip")).to_contain_text(SENTENCE)
            page.keyboard.press("Escape")
            expect(page.locator("#tip")).to_be_hidden()
            page.mouse.move(0, 0)
            number.blur()
        number.click()
        expect(page.locator("#tip")).to_be_hidden()  # what it says stands in the pane


def test_pane_stands_beside_the_answer_and_the_sheet_over_it(browser, url):
    with visit(browser, url) as page:
        ask_and_wait(page, COMPARISON)
        page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
        expect(page.locator("#source .pane-head")).to_be_in_viewport()
        expect(page.locator("#source mark")).to_be_visible()
    with visit(browser, url, PHONE) as page:
        ask_and_wait(page, QUESTION)
        number = page.locator(".statement button.cite")
        for close in (lambda: page.keyboard.press("Escape"), lambda: page.locator("#sheet .close").click()):
            number.click()
            expect(page.locator("#sheet mark")).to_be_in_viewport()
            close()
            expect(page.locator("#sheet")).to_be_hidden()
            expect(number).to_be_focused()


_CUT = """(pane) => {
    const top = pane.getBoundingClientRect().top, name = pane.querySelector("h3").getBoundingClientRect();
    const edge = name.top <= top + 1 ? name.bottom : top;
    const texts = document.createTreeWalker(pane.querySelector(".document"), NodeFilter.SHOW_TEXT);
    const cut = [];
    for (const range = document.createRange(); texts.nextNode();) {
        if (texts.currentNode.parentElement.closest("h3, details:not([open]) > :not(summary)")) continue;
        range.selectNodeContents(texts.currentNode);
        cut.push(...[...range.getClientRects()].filter(line => line.top < edge - 1 && line.bottom > edge + 1));
    }
    return cut.length;
}"""


@pytest.mark.parametrize(("size", "pane"), [(DESKTOP, "#source .pane"), (PHONE, "#sheet .pane")])
def test_quote_is_in_view_with_all_above_it_or_below_a_whole_line(browser, url, size, pane):
    with visit(browser, url, size) as page:
        for question in (QUESTION, "乾安县规则第六十三条第五款", "渠县规则第三十条第三款", "平阴县规则第一条"):
            ask_and_wait(page, question)
            if size == PHONE:
                page.locator(".turn").last.locator("button.cite").first.click()
            expect(page.locator(f"{pane} mark").last).to_be_in_viewport(ratio=1)
            assert page.locator(pane).evaluate(_CUT) == 0
            page.keyboard.press("Escape")
        assert page.locator(pane).evaluate("pane => pane.scrollTop") == 0  # of a short article all is seen


def test_keyboard_alone_reaches_everything(browser, url):
    with visit(browser, url) as page:
        page.locator("body").press("Tab")
        page.evaluate("document.activeElement.blur()")
        page.locator(".skip").focus()
        page.keyboard.press("Enter")
        expect(page.locator("#question textarea")).to_be_focused()
        page.keyboard.type(QUESTION)
        page.keyboard.press("Enter")
        number = page.locator(".statement button.cite")
        expect(number).to_be_visible(timeout=PATIENCE)
        expect(page.locator("html")).to_have_attribute("data-busy", "false", timeout=PATIENCE)
        reached = []
        page.locator("#about").focus()
        for _ in range(12):
            page.keyboard.press("Tab")
            reached.append(page.evaluate("document.activeElement.className + '#' + document.activeElement.id"))
        order = [
            next((n for n, r in enumerate(reached) if part in r), None)
            for part in ("edit", "mark-number", "cite label")
        ]
        assert None not in order
        assert order == sorted(order)
        number.focus()
        page.keyboard.press("Enter")
        expect(page.locator("#source mark")).to_have_text(SENTENCE)


def test_log_is_not_read_again_but_the_outcome_is(page):
    ask_and_wait(page, QUESTION)
    expect(page.locator("[role=log]")).to_have_attribute("aria-live", "off")
    expect(page.locator("#status")).to_have_attribute("aria-live", "polite")
    expect(page.locator("#status")).to_have_text("回答完毕，1 处出处。")
    ask_and_wait(page, SILENT)
    expect(page.locator("#status")).to_have_text(say("done_refused"))


def visible_words(page):
    """Return all that is read or shown, names of elements too."""
    return page.evaluate(
        """() => document.body.innerText + [...document.querySelectorAll('body *')].flatMap(e =>
        ['aria-label', 'title', 'placeholder', 'alt'].map(a => e.getAttribute(a) ?? '')).join(' ')"""
    )


@pytest.mark.parametrize("locale", ["zh-CN", "en-US"])
def test_chinese_page_has_no_english_whatever_the_browser_speaks(browser, url, locale):
    with visit(browser, url, read=False, locale=locale) as page:
        words = visible_words(page)
        ask_and_wait(page, COMPARISON)
        words += visible_words(page)
        found = set(re.findall(r"[A-Za-z]{2,}", re.sub(r"文本校验码 \w+", "", words)))
        assert found <= {"EN", "Shift", "Switch", "to", "English"}  # what leads to English, and the name of a key
        assert page.evaluate("document.documentElement.lang") == "zh-CN"


def words_of_tabs(page):
    """Return what the other tabs show, with what is found and compared in them."""
    page.locator("#browse-button").click()
    page.locator("#rule-words").locator("input, textarea").fill("二分之一")
    page.locator("#rule-search").click()
    page.locator("#rule-found a").first.click()
    expect(page.locator("#rule-view .opened")).to_be_visible(timeout=PATIENCE)
    written = visible_words(page)
    page.locator("#compare-tab-button").click()
    page.locator("#compare-ask").click()
    expect(page.locator("table.counties")).to_be_visible(timeout=PATIENCE)
    page.locator("#compare-lay").click()
    expect(page.locator("ol.pairs > li").first).to_be_visible(timeout=PATIENCE)
    written += visible_words(page)
    page.locator("#batch-button").click()
    expect(page.locator("#batch-upload")).to_be_visible()
    return written + visible_words(page)


NAMES = {"Excel", "WPS", "CSV", "JSON", "xlsx", "csv", "jsonl", "MB", "Word", "Markdown", "AB"}
"""Names of formats, and AB角 of the rules."""


@pytest.mark.parametrize("locale", ["zh-CN", "en-US"])
def test_no_tab_has_english_on_the_chinese_page(browser, full, locale):
    with visit(browser, full, locale=locale) as page:
        ask_and_wait(page, QUESTION)
        page.locator("#history").click()
        expect(page.locator("#kept button.title")).to_have_count(1)
        words = visible_words(page)
        page.locator(".sidebar .toggle-button").click()
        words += words_of_tabs(page)
        found = set(re.findall(r"[A-Za-z]{2,}", re.sub(r"文本校验码 \w+|\?county=\S+", "", words)))
        assert found <= {"EN", "Shift", "Switch", "to", "English"} | NAMES


def test_english_switch_reaches_every_tab(browser, full):
    with visit(browser, full) as page:
        page.locator("#language").click()
        words_of_tabs(page)
        expect(page.locator("#batch-start")).to_have_text("Start")
        expect(page.locator("#batch-upload")).to_contain_text("Drop File Here")
        expect(page.locator("#batch-status")).to_contain_text("Upload a table")
        page.locator("#compare-tab-button").click()
        expect(page.locator("#compare-ask")).to_have_text("Compare")
        expect(page.locator("#compare-shown")).to_contain_text("On one side only")
        expect(page.locator("#compare-documents .legend")).to_contain_text("solid")
        page.locator("#browse-button").click()
        expect(page.locator("#rule-county input")).to_have_value("All")
        expect(page.locator("#rule-found .count")).to_contain_text("articles")
        page.locator("#history").click()
        expect(page.locator("#kept")).to_contain_text("None yet")
        expect(page.locator("#kept-words").locator("input, textarea")).to_have_attribute(
            "placeholder", "Search conversations"
        )
        page.locator("#language").click()
        expect(page.locator("#kept")).to_contain_text("还没有保存的对话")
        expect(page.locator("#rule-county input")).to_have_value("各县")


def test_place_opens_in_its_tab_and_the_way_back_leads_to_the_conversation(browser, url):
    for size in (DESKTOP, PHONE):
        with visit(browser, url, size) as page:
            ask_and_wait(page, QUESTION)
            page.evaluate("window.same = true")
            page.locator(".statement button.cite").click()
            page.locator("a.whole:visible").last.click()
            expect(page.locator("#rule-view h3")).to_have_text("第四十六条", timeout=PATIENCE)
            expect(page.locator("#rule-view .target")).to_contain_text(SENTENCE)
            assert "article=46" in page.url
            page.go_back()
            expect(page.locator(".statement")).to_be_visible()
            expect(page.locator(".statement")).to_contain_text(SENTENCE)
            assert "article" not in page.url
            page.go_forward()
            expect(page.locator("#rule-view h3")).to_be_visible()
            assert page.evaluate("window.same")


def test_page_is_as_wide_in_every_tab_and_state(browser, full):
    with visit(browser, full) as page:
        wide = "(e => [e.x, e.width])(document.querySelector('.bar').getBoundingClientRect())"
        seen = [page.evaluate(wide)]
        ask_and_wait(page, QUESTION)
        seen.append(page.evaluate(wide))
        for tab in ("browse", "compare-tab", "batch"):
            page.locator(f"#{tab}-button").click()
            expect(page.locator(f"#{tab}")).to_be_visible()
            seen.append(page.evaluate(wide))
        assert seen == [seen[0]] * 5


def test_english_switch_is_remembered_and_leaves_the_rules_alone(browser, url):
    with visit(browser, url) as page:
        ask_and_wait(page, QUESTION)
        page.locator("#language").click()
        expect(page.locator("#send")).to_have_text("Ask")
        expect(page.locator("h1")).to_have_text("County Rules")
        expect(page.locator("#county input")).to_have_value("Not set")
        expect(page.locator("html")).to_have_attribute("lang", "en")
        expect(page.locator(".statement")).to_contain_text(SENTENCE)
        assert page.locator(".said").get_attribute("lang") == "zh-CN"
        ask_and_wait(page, SILENT)
        expect(page.locator(".turn").last.locator(".asked .edit")).to_have_text("Edit")
        page.reload()
        expect(page.locator("#send")).to_have_text("Ask", timeout=PATIENCE)
        page.locator("#language").click()
        expect(page.locator("#send")).to_have_text("提问")
        expect(page.locator("html")).to_have_attribute("lang", "zh-CN")


def test_dark_follows_the_system_and_the_switch_is_remembered(browser, url):
    ground = "getComputedStyle(document.body).backgroundColor"
    with visit(browser, url, color_scheme="dark") as page:
        dark = page.evaluate(ground)
        expect(page.locator("#theme")).to_have_text("浅色")
        page.locator("#theme").click()
        light = page.evaluate(ground)
        assert light != dark
        page.reload()
        expect(page.locator("#theme")).to_have_text("深色", timeout=PATIENCE)
        assert page.evaluate(ground) == light


def test_note_of_the_first_visit_goes_and_comes_back_when_asked(browser, url):
    with visit(browser, url, read=False) as page:
        expect(page.locator("#note")).to_contain_text("不能答")
        page.locator("#note-close").click()
        expect(page.locator("#note")).to_be_hidden()
        page.reload()
        expect(page.locator("html[data-busy]")).to_be_attached(timeout=PATIENCE)
        expect(page.locator("#note")).to_be_hidden()
        page.locator("#about").click()
        expect(page.locator("#note")).to_be_visible()


def test_print_holds_the_conversation_and_its_sources_alone(browser, url):
    with visit(browser, url, color_scheme="dark") as page:
        ask_and_wait(page, QUESTION)
        page.emulate_media(media="print")
        expect(page.locator(".statement")).to_be_visible()
        expect(page.locator("ol.sources button.label")).to_be_visible()
        expect(page.locator("ol.sources .quoted")).to_have_text(SENTENCE)
        for hidden in (
            "#composer",
            "#source",
            ".settings",
            ".suggestions",
            ".foot button",
            "ol.sources .copy",
            "#foot",
        ):
            expect(page.locator(hidden).first).to_be_hidden()
        expect(page.locator(".statement")).to_have_css("color", "rgb(0, 0, 0)")  # once it has faded over
        expect(page.locator("body.dark")).to_have_count(0)


def test_footer_says_what_the_page_knows_and_that_it_asks_nobody(page, assistant):
    from ingest.corpus import corpus_hash

    expect(page.locator("#foot")).to_contain_text("不连接外网")
    expect(page.locator("#foot")).to_contain_text("最近一份2022年10月12日印发")
    expect(page.locator("#foot")).to_contain_text(corpus_hash(assistant.index.regulations)[:12])


def test_no_link_opens_a_new_tab(page):
    ask_and_wait(page, QUESTION)
    assert page.locator("a[target]").count() == 0
    page.locator(".statement button.cite").click()
    links = page.locator("a.whole:visible")
    assert links.count() >= 1
    assert "target" not in links.last.evaluate("e => e.getAttributeNames()")
    assert "article=46" in links.last.get_attribute("href")


def test_zoomed_page_is_not_cut(browser, url):
    width, height = (round(n / 1.25) for n in DESKTOP)
    with visit(browser, url, (width, height), device_scale_factor=1.25) as page:
        ask_and_wait(page, COMPARISON)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        expect(page.locator("#source mark")).to_be_visible()
        expect(page.locator("#send")).to_be_in_viewport()


def test_hooks_left_out_leave_nothing_behind(assistant, browser):
    with served(assistant, Hooks()) as address, visit(browser, address) as page:
        ask_and_wait(page, QUESTION)
        assert page.locator("[data-vote]").count() == 0
