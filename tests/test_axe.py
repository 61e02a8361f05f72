"""axe-core finds nothing serious on any state of the page, light and dark; each state is also kept as a picture."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from assistant.settings import Settings
from tests.browsing import (
    COMPARISON,
    DESKTOP,
    PATIENCE,
    PHONE,
    QUESTION,
    SILENT,
    ask_and_wait,
    browser,
    picture,
    served,
    visit,
)
from tests.test_server import serving
from web.store import Store
from web.users import open_users

__all__ = ["browser"]
SERIOUS = ("serious", "critical")
SIZES = pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["1280", "390"])
PASSWORD = "知道了就好-Abc2"


@pytest.fixture(scope="module")
def url(assistant, settings):
    with Store(None) as store, served(assistant, settings=settings, store=store) as address:
        yield address


class Checks:
    """Looks at states of one page and gathers what axe-core finds."""

    def __init__(self, page, size):
        self.page, self.size, self.found = page, size[0], []

    def __call__(self, name):
        """Look at a state, all rules in light and the contrast in dark."""
        self.page.add_style_tag(content="*, *::before, *::after { transition: none !important; }")
        for scheme, rules in (("light", None), ("dark", ["color-contrast"])):
            self.page.emulate_media(color_scheme=scheme)
            self.page.wait_for_function(
                "dark => document.body.classList.contains('dark') === dark", arg=scheme == "dark"
            )
            self.axe(f"{self.size}-{scheme}-{name}", rules)
        self.page.emulate_media(color_scheme="light")

    def axe(self, name, rules=None):
        picture(self.page, name)
        options = {"resultTypes": ["violations"], **({"runOnly": rules} if rules else {})}
        result = Axe().run(self.page, options=options).response
        assert rules or len(result["passes"]) > 10, "axe-core did not look at the page"
        self.found += [
            (name, found["impact"], found["id"], [node["html"][:200] for node in found["nodes"]])
            for found in result["violations"]
            if found["impact"] in SERIOUS
        ]


def turn_to(page, tab):
    page.locator(f"#{tab}-button").click()
    expect(page.locator(f"#{tab}")).to_be_visible()


def test_axe_finds_a_fault_that_is_there(browser):
    page = browser.new_page()
    page.set_content("<html lang='zh'><title>x</title><main><h1>x</h1><button></button></main></html>")
    found = Axe().run(page).response["violations"]
    assert [f["id"] for f in found if f["impact"] in SERIOUS] == ["button-name"]
    page.close()


@SIZES
def test_conversation_has_no_serious_violation(browser, url, size):
    with visit(browser, url, size, read=False) as page:
        check = Checks(page, size)
        check("1-first-visit")
        page.locator("#note-close").click()
        check("2-welcome")
        page.locator("#county input").click()
        expect(page.get_by_role("option").first).to_be_visible()
        check("3-county")
        page.keyboard.press("Escape")
        ask_and_wait(page, QUESTION)
        check("4-answer")
        page.locator(".statement button.cite").click()
        check("5-source")
        page.keyboard.press("Escape")
        page.get_by_role("button", name="没用").click()
        check("6-reasons")
        ask_and_wait(page, COMPARISON)
        check("7-comparison")
        page.locator("#fresh").click()
        expect(page.locator(".welcome")).to_be_visible()
        ask_and_wait(page, SILENT)
        page.locator("[data-edit='0']").click()
        check("8-refusal-editing")
        page.locator("#history").click()
        expect(page.locator("#kept button.title")).to_have_count(2)
        check("9-list")
        page.get_by_role("button", name=f"给“{COMPARISON}”改名").or_(page.locator("[data-rename]").last).first.click()
        check("10-rename")
        page.keyboard.press("Escape")
        page.locator("#kept [data-remove]").last.click()
        expect(page.locator("#kept [data-restore]")).to_be_visible()
        check("11-deleted")
        page.locator(".sidebar .toggle-button").click()
        page.locator("#language").click()
        check("12-english")
    assert not check.found, "\n".join(map(str, check.found))


@SIZES
def test_rules_have_no_serious_violation(browser, url, size):
    with visit(browser, url, size) as page:
        check = Checks(page, size)
        turn_to(page, "browse")
        check("20-browse")
        page.locator("#rule-words").locator("input, textarea").fill("常务会议 二分之一")
        page.locator("#rule-search").click()
        expect(page.locator("#rule-found a").first).to_be_visible(timeout=PATIENCE)
        page.locator("#rule-found a").first.click()
        expect(page.locator("#rule-view mark").first).to_be_visible(timeout=PATIENCE)
        expect(page.locator("#rule-tree a[aria-current]")).to_be_attached(timeout=PATIENCE)
        check("21-found")
        page.goto(f"{url}?county=昌乐&article=46&paragraph=2")
        expect(page.locator("#rule-view .target")).to_be_visible(timeout=PATIENCE)
        check("22-article")
        page.goto(f"{url}?county=昌乐&article=900")
        expect(page.locator("#rule-view [role=alert]")).to_be_visible(timeout=PATIENCE)
        check("23-wrong-link")
        turn_to(page, "compare-tab")
        page.locator("#compare-ask").click()
        expect(page.locator("table.counties")).to_be_visible(timeout=PATIENCE)
        check("24-compare")
        page.get_by_role("radio", name="只有一方有的").click()
        expect(page.locator("ol.pairs > li").first).to_be_visible(timeout=PATIENCE)
        check("25-documents")
        page.locator("#language").click()
        check("26-english")
    assert not check.found, "\n".join(map(str, check.found))


@SIZES
def test_tables_of_questions_have_no_serious_violation(browser, url, size, tmp_path):
    given = tmp_path / "q.csv"
    given.write_text(f"问题\n{QUESTION}\n", encoding="utf-8")
    with visit(browser, url, size) as page:
        check = Checks(page, size)
        turn_to(page, "batch")
        check("30-batch")
        page.locator("#batch-start").click()
        expect(page.locator("#batch-status [role=alert]")).to_be_visible(timeout=PATIENCE)
        check("31-no-file")
        page.locator("#batch-upload input[type=file]").set_input_files(given)
        expect(page.locator("#batch-upload")).to_contain_text("q", timeout=PATIENCE)
        expect(page.locator("#batch-status [role=alert]")).to_have_count(0, timeout=PATIENCE)
        check("32-uploaded")
        page.locator("#batch-start").click()
        expect(page.locator("#batch-status .busy")).to_be_visible(timeout=PATIENCE)
        check("33-busy")
        expect(page.locator("#batch-answers a").first).to_be_visible(timeout=120_000)
        check("34-done")
    assert not check.found, "\n".join(map(str, check.found))


@SIZES
def test_sign_in_has_no_serious_violation(browser, tmp_path, size):
    settings = Settings(home=tmp_path, sign_in=True)
    users = open_users(settings)
    users.add("zhang", PASSWORD)
    with serving(settings, users) as server:
        context = browser.new_context(viewport={"width": size[0], "height": size[1]}, locale="zh-CN")
        page = context.new_page()
        check = Checks(page, size)

        def both(name):
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                check.axe(f"{size[0]}-{scheme}-{name}")

        page.goto(f"{server.url}login")
        both("40-login")
        for password in ("wrong", PASSWORD):
            page.fill("#name", "zhang")
            page.fill("#password", password)
            page.click("button[type=submit]")
            if password == "wrong":
                expect(page.locator("#error")).to_be_visible()
                both("41-refused")
        page.goto(f"{server.url}account")
        both("42-account")
        context.close()
    assert not check.found, "\n".join(map(str, check.found))
