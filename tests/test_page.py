"""The page: what is rendered is escaped; in a real browser a question is asked and its source seen."""

import html
import re
import shutil
import threading
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from gradio_client import Client
from playwright.sync_api import expect, sync_playwright

import app
from assistant.ask import Assistant
from web.render import Turn, conversation, escape

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUESTION = "昌乐县政府常务会议多久开一次？"
SENTENCE = "县政府常务会议一般每月召开 1-2 次，如有需要可临时召开。"
LABEL = "《昌乐县人民政府工作规则》（乐政发〔2022〕7号）第四十六条第二款"
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


def test_source_holds_the_article_with_the_quote_marked(assistant):
    written = rendered([Turn(QUESTION, assistant.ask(QUESTION))], assistant)
    marked = re.findall(r"<mark>(.*?)</mark>", written)
    assert "".join(marked) == SENTENCE
    article = next(a for r in assistant.index.regulations if r.county == "昌乐县" for a in r.articles if a.number == 46)
    shown = re.search(r'<div class="text">(.*?)</div>', written)[1]
    assert html.unescape(re.sub(r"</p><p>", "\n", re.sub(r"</?mark>|^<p>|</p>$", "", shown))) == article.text


def test_slip_is_shown_beside_the_citation_and_in_the_text(assistant):
    written = rendered([Turn("平阴第八十条", assistant.ask("平阴第八十条"))], assistant)
    assert written.count("原文如此") >= 3
    assert re.search(r'class="slip" title="原文如此：他条均作“县政府组成人员”">(<mark>)?市政府组成人员', written)


def test_refusal_shows_the_nearest_articles(assistant):
    question = "昌乐的县长办公会议谁主持？"
    written = rendered([Turn(question, assistant.ask(question))], assistant)
    assert "未规定" in written
    assert written.count('class="cite label"') == 3 + len(assistant.ask(question).refusals[0].elsewhere)
    assert "其他县的规定" in written


def test_answer_streams_county_by_county(assistant):
    ui = app.build_ui(assistant)
    respond = next(f.fn for f in ui.fns.values() if getattr(f.fn, "__name__", "") == "respond")
    steps = [talk for _, talk, _ in respond("昌乐、沂源、渠县的常务会议多久开一次？", app.ANY_COUNTY, [])]
    assert "正在查找" in steps[0]
    counties = [len(re.findall(r'<th scope="row">', step)) for step in steps]
    assert counties == [0, 1, 2, 3, 3]
    assert "正在查找其余各县" in steps[2]
    assert "正在查找" not in steps[-1]
    assert 'class="difference"' not in steps[2]
    assert "昌乐、沂源、渠县的规定各不相同" in html.unescape(steps[-1])


def test_failure_of_one_question_is_told_and_the_next_is_answered(assistant, monkeypatch):
    ui = app.build_ui(assistant)
    respond = next(f.fn for f in ui.fns.values() if getattr(f.fn, "__name__", "") == "respond")
    with monkeypatch.context() as broken:
        broken.setattr(Assistant, "stream", lambda *_: 1 / 0)
        *_, (_, talk, turns) = respond(QUESTION, app.ANY_COUNTY, [])
    assert "没能处理" in talk
    *_, (_, talk, _) = respond(QUESTION, app.ANY_COUNTY, turns)
    assert SENTENCE in html.unescape(talk)


# in the browser ------------------------------------------------------------------------------


@contextmanager
def served(assistant):
    ui = app.build_ui(assistant)
    _, url, _ = app.serve(ui, "127.0.0.1", 0, prevent_thread_lock=True)
    try:
        yield url
    finally:
        ui.close(verbose=False)


@pytest.fixture(scope="module")
def url(assistant):
    with served(assistant) as address:
        yield address


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed (Debian: apt-get install chromium)")
    flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--no-first-run"]
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield opened
        opened.close()


@pytest.fixture(params=[(1280, 900), (390, 844)], ids=["desktop", "phone"])
def page(request, browser, url):
    width, height = request.param
    context = browser.new_context(viewport={"width": width, "height": height}, locale="zh-CN")
    opened = context.new_page()
    opened.requested = []
    opened.on("request", lambda r: opened.requested.append(r.url))
    opened.errors = []
    opened.on("pageerror", lambda e: opened.errors.append(str(e)))
    opened.goto(url)
    yield opened
    assert opened.errors == []
    context.close()


def ask(page, question):
    page.locator("#question textarea").fill(question)
    page.locator("#question textarea").press("Enter")


def test_ask_see_the_answer_click_the_citation_see_the_highlight(page):
    ask(page, QUESTION)
    expect(page.locator(".statement").first).to_contain_text(SENTENCE, timeout=15000)
    expect(page.locator("ol.sources button.label")).to_have_text(LABEL)
    page.locator(".statement button.cite").click()
    expect(page.locator("#source mark")).to_have_text(SENTENCE)
    expect(page.locator("#source h3")).to_have_text("第四十六条")
    expect(page.locator("#source mark")).to_be_in_viewport()
    expect(page.locator("#question textarea")).to_have_value("")


def test_page_is_not_wider_than_the_screen(page):
    ask(page, "各县的常务会议多久开一次？")
    expect(page.locator("ol.sources")).to_be_visible(timeout=15000)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_nothing_is_requested_from_outside(page):
    ask(page, QUESTION)
    expect(page.locator("ol.sources")).to_be_visible(timeout=15000)
    page.wait_for_timeout(1000)
    outside = [u for u in page.requested if not u.startswith(("http://127.0.0.1:", "data:", "blob:"))]
    assert outside == []
    assert len(page.requested) > 3


def test_follow_up_county_choice_and_new_conversation(page):
    ask(page, QUESTION)
    expect(page.locator("ol.sources")).to_have_count(1, timeout=15000)
    ask(page, "那沂源呢？")
    expect(page.locator(".statement").last).to_contain_text("每两周召开1次", timeout=15000)
    page.locator("#fresh").click()
    expect(page.locator(".turn")).to_have_count(0)
    page.locator("#county input").click()
    page.get_by_role("option", name="渠县").click()
    ask(page, "政府常务会议多久开一次？")
    expect(page.locator(".statement")).to_have_count(1, timeout=15000)
    expect(page.locator("ol.sources button.label")).to_contain_text(
        "《渠县人民政府工作规则》（渠府发〔2020〕25号）第三十条第三款"
    )


def test_example_is_asked_and_refusal_opens_the_nearest_article(page):
    page.locator("#examples").get_by_text(app.EXAMPLES[0]).click()
    expect(page.locator(".statement").first).to_contain_text(SENTENCE, timeout=15000)
    ask(page, "昌乐的县长办公会议谁主持？")
    expect(page.locator(".refusal")).to_contain_text("未规定", timeout=15000)
    page.locator(".refusal button.cite").first.click()
    expect(page.locator("#source .text")).to_be_visible()


def test_hostile_question_is_shown_as_it_was_typed(page):
    ask(page, HOSTILE)
    expect(page.locator(".asked p").last).to_have_text(HOSTILE, timeout=15000)
    expect(page.locator(".refusal, .statement").first).to_be_visible(timeout=15000)
    assert page.locator("#conversation img").count() == 0
    assert page.title() == "县规问答"


def test_citation_is_copied(page):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    ask(page, QUESTION)
    expect(page.locator("ol.sources")).to_be_visible(timeout=15000)
    page.locator("ol.sources button.copy").click()
    expect(page.locator("ol.sources button.copy")).to_have_text("已复制")
    assert page.evaluate("navigator.clipboard.readText()") == LABEL


def test_endpoint_answers_without_the_page(url):
    client = Client(url, verbose=False)
    prediction = client.predict(QUESTION, "", api_name="/ask")
    assert prediction["citations"][0]["label"] == LABEL
    named = client.view_api(return_format="dict")["named_endpoints"]
    assert list(named) == ["/ask"]


def test_visitors_do_not_see_each_other(url, browser):
    contexts = [browser.new_context() for _ in range(2)]
    pages = [context.new_page() for context in contexts]
    for page, question in zip(pages, (QUESTION, "渠县会议纪要谁签发？"), strict=True):
        page.goto(url)
        ask(page, question)
    for page, question in zip(pages, (QUESTION, "渠县会议纪要谁签发？"), strict=True):
        expect(page.locator(".asked p")).to_have_text([question], timeout=15000)
        expect(page.locator("ol.sources")).to_be_visible(timeout=15000)
    for context in contexts:
        context.close()


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


def test_page_files_are_beside_the_app():
    assert (app.WEB / "page.css").exists()
    assert Path(app.WEB / "page.js").read_text(encoding="utf-8").startswith("() =>")
