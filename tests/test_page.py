"""The page: what is rendered is escaped; in a real browser a question is asked and its source seen."""

import html
import re
import threading
from dataclasses import replace

import pytest
from gradio_client import Client
from playwright.sync_api import expect

from ingest.corpus import in_force
from tests.browsing import (
    COMPARISON,
    DESKTOP,
    LABEL,
    PATIENCE,
    PHONE,
    QUESTION,
    SENTENCE,
    SILENT,
    ask,
    ask_and_wait,
    browser,
    url,
    visit,
    votes,
)
from web.examples import SITUATIONS
from web.links import link_to
from web.render import Turn, conversation, escape
from web.server import STYLES, WEB
from web.source import article_html, collection_html
from web.texts import TEXTS

__all__ = ["browser", "url", "votes"]
HOSTILE = "<img src=x onerror=alert(1)> {{7*7}} ${document.title='x'} `x` \"' </script>"


def rendered(turns, assistant):
    return conversation(turns, assistant.index.regulations)


# rendering -----------------------------------------------------------------------------------


def test_texts_are_escaped():
    written = escape(HOSTILE)
    assert not set("<>\"'${}`") & set(written)
    assert html.unescape(written) == HOSTILE


def test_question_and_document_are_escaped(assistant):
    answer = assistant.ask("沂源第五十七条")  # holds literal angle brackets
    written = rendered([Turn(HOSTILE), Turn("沂源第五十七条", answer)], assistant)
    assert "<img" not in written
    assert "<党政机关" not in written
    assert "&lt;党政机关公文处理工作条例&gt;" in written
    assert "${" not in written
    assert "{{" not in written


def test_document_text_never_runs(assistant):
    regulation = assistant.index.regulations[0]
    article = regulation.articles[0]
    hostile = replace(
        regulation, title=HOSTILE, doc_number=HOSTILE, articles=(replace(article, text=HOSTILE, paragraphs=()),)
    )
    source = next(s for r in assistant.ask(SILENT).refusals for s in r.nearest)
    source = replace(source, label=HOSTILE, locator=replace(source.locator, article=article.number, branch=None))
    for written in (article_html(hostile, source, None, [hostile]), collection_html([hostile], [])):
        assert "<img" not in written
        assert "${" not in written
        assert "{{" not in written


def test_source_holds_the_article_with_the_quote_marked(assistant):
    written = rendered([Turn(QUESTION, assistant.ask(QUESTION))], assistant)
    marked = re.findall(r"<mark>(.*?)</mark>", written)
    assert "".join(marked) == SENTENCE
    article = next(a for r in assistant.index.regulations if r.county == "昌乐县" for a in r.articles if a.number == 46)
    shown = re.search(r'<div class="text">(.*?)</div>', written)[1]
    lines = re.findall(r"<p(?: class=\"here\")?>(.*?)</p>", shown)
    assert html.unescape("\n".join(re.sub(r"</?mark>", "", line) for line in lines)) == article.text


@pytest.mark.parametrize(
    ("question", "where", "begins"),
    [
        ("昌乐第四十六条第二款", "第二款", "县政府常务会议一般每月召开"),
        ("昌乐第四十六条第一款第三项", "第一款第三项", "（三）审议《政府工作报告》"),
    ],
)
def test_place_cited_is_set_off_to_paragraph_and_item(assistant, question, where, begins):
    written = rendered([Turn(question, assistant.ask(question))], assistant)
    assert f'<span class="where">{where}</span>' in written
    here = re.findall(r'<p class="here">(.*?)</p>', written)
    assert len(here) == 1
    assert re.sub(r"<.*?>", "", here[0]).startswith(begins)


def test_neighbours_are_there_once_and_folded(assistant):
    turn = Turn(QUESTION, assistant.ask(QUESTION))
    written = rendered([turn, turn], assistant)
    assert (
        re.findall(r'<details class="near"><summary>.*?</summary><div data-near="(.*?)">', written)
        == [
            "a2-45-0",
            "a2-47-0",
        ]
        * 2
    )
    assert written.count('<div id="a2-45-0">') == written.count('<div id="a2-47-0">') == 1
    assert "上一条　第四十五条" in html.unescape(written)


def test_document_says_whether_it_is_in_force(assistant):
    regulation = assistant.index.regulations[0]
    older = replace(regulation, id="older", issued_on="2001-02-03", doc_number=None)
    written = collection_html([regulation, older], {r.id for r in in_force([regulation, older])})
    assert [key for key in re.findall(r'data-t="(\w+)"', written) if key in ("in_force", "repealed")] == [
        "in_force",
        "repealed",
    ]
    assert "2001年2月3日" in written


def test_link_to_an_article_names_county_and_number(assistant):
    regulation = next(r for r in assistant.index.regulations if r.county == "昌乐县")
    locator = assistant.ask(QUESTION).citations[0].source.locator
    assert link_to(regulation, assistant.index.regulations, locator) in html.unescape(
        rendered([Turn(QUESTION, assistant.ask(QUESTION))], assistant)
    )


def test_slip_is_shown_beside_the_citation_and_in_the_text(assistant):
    written = rendered([Turn("平阴第八十条", assistant.ask("平阴第八十条"))], assistant)
    assert written.count("原文如此") >= 3
    assert re.search(r'class="slip" title="原文如此：他条均作“县政府组成人员”">(<mark>)?市政府组成人员', written)


def test_refusal_shows_the_nearest_articles(assistant):
    answer = assistant.ask(SILENT)
    written = rendered([Turn(SILENT, answer)], assistant)
    assert "未规定" in written
    assert written.count('class="cite label"') == 3 + len(answer.refusals[0].elsewhere)
    assert "其他县的规定" in written


def test_every_text_has_both_languages_and_the_same_blanks():
    for key, text in TEXTS.items():
        assert text.zh, key
        assert text.en, key
        assert set(re.findall(r"\{\w+\}", text.zh)) == set(re.findall(r"\{\w+\}", text.en)), key


def test_every_example_is_answered(assistant):
    for question in [q for situation in SITUATIONS for q in situation.questions]:
        answer = assistant.ask(question)
        assert len({s.county for s in answer.statements}) >= 4, question


def test_page_files_are_beside_the_server():
    assert all((WEB / name).exists() for name in STYLES)
    assert (WEB / "page.js").read_text(encoding="utf-8").startswith("() =>")


# in the browser ------------------------------------------------------------------------------


@pytest.fixture(params=[DESKTOP, PHONE], ids=["desktop", "phone"])
def page(request, browser, url):
    with visit(browser, url, request.param) as opened:
        opened.pane = "#source" if request.param == DESKTOP else "#sheet"
        yield opened


def test_ask_see_the_answer_click_the_citation_see_the_highlight(page):
    ask(page, QUESTION)
    expect(page.locator(".statement").first).to_contain_text(SENTENCE, timeout=PATIENCE)
    expect(page.locator("ol.sources button.label")).to_have_text(LABEL)
    page.locator(".statement button.cite").click()
    pane = page.locator(page.pane)
    expect(pane.locator("mark")).to_have_text(SENTENCE)
    expect(pane.locator("mark")).to_be_in_viewport()
    expect(pane.locator("h3")).to_have_text("第四十六条第二款")
    expect(pane.locator(".document .title")).to_have_text("《昌乐县人民政府工作规则》")
    expect(pane.locator(".document .meta").first).to_have_text("乐政发〔2022〕7号2022年10月12日印发现行有效")
    expect(pane.locator(".chapter")).to_have_text("第八章 完善会议制度")
    expect(page.locator("#question textarea")).to_have_value("")


def test_neighbour_unfolds_in_the_pane(page):
    ask_and_wait(page, QUESTION)
    page.locator(".statement button.cite").click()
    pane = page.locator(page.pane)
    expect(pane.locator("details.near p").first).to_be_hidden()
    pane.locator("details.near summary").first.click()
    expect(pane.locator("details.near p").first).to_contain_text("县政府全体会议由县长、副县长")


def test_previous_and_next_citation(page):
    ask_and_wait(page, COMPARISON)
    page.locator(".statement button.cite").first.click()
    pane = page.locator(page.pane)
    expect(pane.locator(".position")).to_have_text("第 1 处，共 7 处")
    expect(pane.locator("[data-step='-1']")).to_be_disabled()
    first = pane.locator("h3").text_content()
    pane.locator("[data-step='1']").click()
    expect(pane.locator(".position")).to_have_text("第 2 处，共 7 处")
    expect(pane.locator("h3")).not_to_have_text(first)
    pane.locator("[data-step='-1']").click()
    expect(pane.locator("h3")).to_have_text(first)


def test_page_is_not_wider_than_the_screen(page):
    ask(page, COMPARISON)
    expect(page.locator("ol.sources")).to_be_visible(timeout=PATIENCE)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_nothing_is_requested_from_outside(page):
    ask_and_wait(page, QUESTION)
    page.locator(".statement button.cite").click()
    expect(page.locator(f"{page.pane} mark")).to_be_visible()
    outside = [u for u in page.requested if not u.startswith(("http://127.0.0.1:", "data:", "blob:"))]
    assert outside == []
    assert len(page.requested) > 3


def test_follow_up_county_choice_and_new_conversation(page):
    ask_and_wait(page, QUESTION)
    ask(page, "那沂源呢？")
    expect(page.locator(".statement").last).to_contain_text("每两周召开1次", timeout=PATIENCE)
    page.locator("#fresh").click()
    expect(page.locator(".turn")).to_have_count(0)
    expect(page.locator(".welcome")).to_be_visible()
    page.locator("#county input").click()
    page.get_by_role("option", name="渠县").click()
    ask(page, "政府常务会议多久开一次？")
    expect(page.locator(".statement")).to_have_count(1, timeout=PATIENCE)
    expect(page.locator("ol.sources button.label")).to_contain_text(
        "《渠县人民政府工作规则》（渠府发〔2020〕25号）第三十条第三款"
    )


def test_example_is_asked_and_refusal_opens_the_nearest_article(page):
    page.get_by_role("button", name=SITUATIONS[1].questions[0]).click()
    expect(page.locator(".statement").first).to_be_visible(timeout=PATIENCE)
    expect(page.locator(".asked h2")).to_have_text(SITUATIONS[1].questions[0])
    expect(page.locator("html")).to_have_attribute("data-busy", "false", timeout=PATIENCE)
    ask(page, SILENT)
    expect(page.locator(".refusal").last).to_contain_text("县长办公会议", timeout=PATIENCE)
    page.locator(".turn").last.locator(".refusal button.cite").first.click()
    expect(page.locator(f"{page.pane} .text")).to_be_visible()


def test_hostile_question_is_shown_as_it_was_typed(page):
    ask(page, HOSTILE)
    expect(page.locator(".asked h2").last).to_have_text(HOSTILE, timeout=PATIENCE)
    expect(page.locator(".refusal, .statement").first).to_be_visible(timeout=PATIENCE)
    assert page.locator("#conversation img").count() == 0
    assert page.title() == "县规问答"


def test_citation_quote_and_answer_are_copied(page):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    ask_and_wait(page, QUESTION)
    clipboard = "navigator.clipboard.readText()"
    page.locator("ol.sources button.copy").click()
    expect(page.locator("ol.sources button.copy")).to_have_text("已复制")
    assert page.evaluate(clipboard) == LABEL
    page.locator(".foot button.copy").click()
    expect(page.locator(".foot button.copy")).to_have_text("已复制")
    assert page.evaluate(clipboard).startswith(f"{SENTENCE}[1]\n\n[1] {LABEL}")
    page.locator(".statement button.cite").click()
    page.locator(f"{page.pane} .actions button.copy").last.click()
    expect(page.locator(f"{page.pane} .actions button.copy").last).to_have_text("已复制")
    assert page.evaluate(clipboard) == f"“{SENTENCE}”（{LABEL}）"


def test_endpoint_answers_without_the_page(url):
    client = Client(url, verbose=False)
    prediction = client.predict(QUESTION, "", api_name="/ask")
    assert prediction["citations"][0]["label"] == LABEL
    named = client.view_api(return_format="dict")["named_endpoints"]
    assert list(named) == ["/ask", "/article", "/compare"]


def test_questions_at_once(assistant):
    """The index is shared by all threads of the server."""
    answers = {}
    threads = [
        threading.Thread(
            target=lambda n=n, c=c: answers.update({n: assistant.ask("政府常务会议多久开一次？", county=c)})
        )
        for n, c in enumerate(assistant.counties * 4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for n, county in enumerate(assistant.counties * 4):
        assert answers[n].counties == (county,)
        assert replace(answers[n], milliseconds={}) == replace(answers[n % 5], milliseconds={})
