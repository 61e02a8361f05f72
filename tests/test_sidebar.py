"""The kept conversations, in a real browser, behind the gate, in a real database."""

import hashlib
import io

import pytest
from docx import Document
from playwright.sync_api import expect

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
    served,
    visit,
)
from tests.test_chat import THREE, Gated
from web.gate import VISITOR
from web.kept import Fault, Feedback, Verdict
from web.store import Store

__all__ = ["browser"]
TITLES = "#kept button.title"


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    with Store(tmp_path_factory.mktemp("kept") / "conversations.db") as opened:
        yield opened


@pytest.fixture(scope="module")
def url(assistant, store):
    with served(assistant, store=store) as address:
        yield address


@pytest.fixture
def page(browser, url):
    with visit(browser, url) as opened:
        yield opened


def open_list(page):
    page.locator("#history").click()
    expect(page.locator("#kept-words").locator("input, textarea")).to_be_focused()


def begin_new(page):
    page.locator("#fresh").click()
    expect(page.locator(".welcome")).to_be_visible()


def come_back(page, url):
    """Open the page once more as the same visitor, with the list of conversations."""
    again = page.context.new_page()
    again.goto(url)
    expect(again.locator("html[data-busy]")).to_be_attached(timeout=PATIENCE)
    open_list(again)
    return again


def owner_of(page):
    key = next(c["value"] for c in page.context.cookies() if c["name"] == VISITOR)
    return f"visitor:{hashlib.sha256(key.encode()).hexdigest()[:32]}"


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_conversation_is_opened_again_with_its_sources(browser, url, size):
    with visit(browser, url, size) as page:
        ask_and_wait(page, QUESTION)
        ask_and_wait(page, SILENT)
        again = come_back(page, url)
        expect(again.locator(TITLES)).to_have_text([QUESTION])
        again.locator(TITLES).click()
        expect(again.locator(".asked h2")).to_have_text([QUESTION, SILENT], timeout=PATIENCE)
        expect(again.locator(".statement").first).to_contain_text(SENTENCE)
        expect(again.locator("ol.sources button.label")).to_have_text(LABEL)
        if size == PHONE:
            expect(again.locator(".sidebar.open")).to_have_count(0)
        else:
            expect(again.locator(TITLES)).to_have_attribute("aria-current", "true")
        again.locator(".statement button.cite").click()
        expect(again.locator("#source mark" if size == DESKTOP else "#sheet mark")).to_have_text(SENTENCE)


def test_conversation_goes_on_where_it_was_left(page, url, store):
    ask_and_wait(page, QUESTION)
    again = come_back(page, url)
    again.locator(TITLES).click()
    expect(again.locator(".statement")).to_have_count(1, timeout=PATIENCE)
    ask_and_wait(again, "那沂源呢？")
    expect(again.locator(".statement").last).to_contain_text("每两周召开1次")
    (kept,) = store.conversations(owner_of(page))
    assert [each.asked.question for each in store.turns(owner_of(page), kept.id)] == [QUESTION, "那沂源呢？"]


def test_new_conversation_begins_a_second_one(page):
    open_list(page)
    expect(page.locator("#kept .hint")).to_contain_text("只有你看得到")
    ask_and_wait(page, QUESTION)
    begin_new(page)
    expect(page.locator(f"{TITLES}[aria-current]")).to_have_count(0)
    ask_and_wait(page, COMPARISON)
    expect(page.locator(TITLES)).to_have_text([COMPARISON, QUESTION])
    expect(page.locator(f"{TITLES}[aria-current]")).to_have_text(COMPARISON)


def test_rename_and_search(page):
    ask_and_wait(page, QUESTION)
    begin_new(page)
    ask_and_wait(page, SILENT)
    open_list(page)
    page.get_by_role("button", name=f"给“{QUESTION}”改名").click()
    field = page.locator("#kept li input")
    expect(field).to_be_focused()
    field.fill("<b>会期</b>")
    field.press("Enter")
    expect(page.locator(TITLES)).to_have_text([SILENT, "<b>会期</b>"])
    page.get_by_role("button", name="给“<b>会期</b>”改名").click()
    page.locator("#kept li input").fill("不要")
    page.keyboard.press("Escape")
    expect(page.locator(TITLES).last).to_have_text("<b>会期</b>")
    words = page.locator("#kept-words").locator("input, textarea")
    for given, titles in (
        ("会期", ["<b>会期</b>"]),
        ("临时召开", ["<b>会期</b>"]),
        ("办公会议", [SILENT]),
        ("食堂", []),
    ):
        words.fill(given)
        expect(page.locator(TITLES)).to_have_text(titles)
    expect(page.locator("#kept .hint")).to_have_text("没有找到。")
    words.fill("")
    expect(page.locator(TITLES)).to_have_count(2)


def test_delete_undo_and_delete_all(page, store):
    ask_and_wait(page, QUESTION)
    begin_new(page)
    ask_and_wait(page, SILENT)
    open_list(page)
    page.get_by_role("button", name=f"删除“{SILENT}”").click()
    expect(page.locator(TITLES)).to_have_text([QUESTION])
    expect(page.locator(".welcome")).to_be_visible()  # it was the one shown
    page.locator("#kept [data-restore]").click()
    expect(page.locator(TITLES)).to_have_text([SILENT, QUESTION])
    expect(page.locator("#kept [data-restore]")).to_have_count(0)
    page.once("dialog", lambda asked: asked.dismiss())
    page.locator("#kept .clear").click()
    expect(page.locator(TITLES)).to_have_count(2)
    page.once("dialog", lambda asked: asked.accept())
    page.locator("#kept .clear").click()
    expect(page.locator(TITLES)).to_have_count(0)
    assert store.conversations(owner_of(page)) == []


def test_downloads_are_the_owners_alone(browser, page, url):
    ask_and_wait(page, QUESTION)
    open_list(page)
    written = {}
    for kind in ("Word", "Markdown"):
        with page.expect_download() as download:
            page.get_by_role("link", name=f"导出“{QUESTION}”为 {kind}").click()
        written[kind] = download.value.path().read_bytes()
        assert download.value.suggested_filename.startswith(QUESTION[:6])
    word = "\n".join(p.text for p in Document(io.BytesIO(written["Word"])).paragraphs)
    for text in (word, written["Markdown"].decode()):
        assert SENTENCE in text.replace("\\-", "-")
        assert LABEL in text
    address = page.locator("#kept a").first.get_attribute("href")
    assert page.request.get(url + address).status == 200
    with visit(browser, url) as other:
        open_list(other)
        expect(other.locator("#kept .hint")).to_be_visible()
        assert other.locator(TITLES).count() == 0
        assert other.request.get(url + address).status == 404


def test_edited_question_replaces_what_was_kept_and_undo_brings_it_back(page, store):
    ask_and_wait(page, QUESTION)
    ask_and_wait(page, SILENT)
    page.locator("[data-edit='0']").click()
    ask(page, "渠县会议纪要谁签发？")
    expect(page.locator(".asked h2")).to_have_text(["渠县会议纪要谁签发？"], timeout=PATIENCE)
    expect(page.locator(".suggestions")).to_be_visible(timeout=PATIENCE)
    owner = owner_of(page)
    (kept,) = store.conversations(owner)
    assert [each.asked.question for each in store.turns(owner, kept.id)] == ["渠县会议纪要谁签发？"]
    page.locator(".undo").click()
    expect(page.locator(".asked h2")).to_have_text([QUESTION, SILENT], timeout=PATIENCE)
    assert [each.asked.question for each in store.turns(owner, kept.id)] == [QUESTION, SILENT]


def test_feedback_is_kept_and_still_marked(page, url, store):
    ask_and_wait(page, QUESTION)
    page.get_by_role("button", name="没用").click()
    with page.expect_response(lambda r: "queue/join" in r.url):
        page.get_by_role("button", name="引用有误").click()
    ask_and_wait(page, SILENT)
    expect(page.locator("[data-vote='ask']").first).to_have_attribute("aria-pressed", "true")
    owner = owner_of(page)
    (kept,) = store.conversations(owner)
    assert store.turns(owner, kept.id)[0].feedback == Feedback(Verdict.DOWN, Fault.WRONG_CITATION)
    again = come_back(page, url)
    again.locator(TITLES).click()
    expect(again.locator("[data-vote='ask']").first).to_have_attribute("aria-pressed", "true", timeout=PATIENCE)
    expect(again.locator("[data-vote='ask']").last).to_have_attribute("aria-pressed", "false")


def test_another_conversation_opened_meanwhile_stops_the_answer(assistant, browser, store):
    gated = Gated(assistant)
    with served(gated, store=store) as address, visit(browser, address) as page:
        gated.gate.set()
        ask_and_wait(page, QUESTION)
        begin_new(page)
        gated.gate.clear()
        ask(page, THREE)
        expect(page.locator(".statement")).to_have_count(1, timeout=PATIENCE)
        open_list(page)
        page.locator(TITLES, has_text=QUESTION).click()
        expect(page.locator(".asked h2")).to_have_text([QUESTION], timeout=PATIENCE)
        expect(page.locator("#send")).to_be_visible()
        gated.gate.set()
        ask_and_wait(page, SILENT)
        expect(page.locator(".asked h2")).to_have_text([QUESTION, SILENT])


def test_list_closed_is_out_of_reach_of_the_keyboard(page):
    expect(page.locator("#kept-words")).to_be_hidden()
    open_list(page)
    expect(page.locator("#history")).to_have_attribute("aria-expanded", "true")
    page.locator(".sidebar .toggle-button").click()
    expect(page.locator("#kept-words")).to_be_hidden()
    expect(page.locator("#history")).to_have_attribute("aria-expanded", "false")


def test_pages_at_once_each_keep_their_own(page, url, store):
    others = [page.context.new_page() for _ in range(2)]
    for other in others:
        other.goto(url)
        expect(other.locator("html[data-busy]")).to_be_attached(timeout=PATIENCE)
    asked = [QUESTION, SILENT, COMPARISON]
    for each, question in zip([page, *others], asked, strict=True):
        ask(each, question)
    for each in (page, *others):
        expect(each.locator(".suggestions, .refusal").first).to_be_visible(timeout=PATIENCE)
    kept = store.conversations(owner_of(page))
    assert sorted(each.title for each in kept) == sorted(asked)
    assert [each.turns for each in kept] == [1, 1, 1]
