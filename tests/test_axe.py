"""axe-core finds nothing serious on any state of the page; each state is also kept as a picture."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browsing import (
    COMPARISON,
    DESKTOP,
    PHONE,
    QUESTION,
    SILENT,
    ask_and_wait,
    browser,
    picture,
    url,
    visit,
    votes,
)

__all__ = ["browser", "url", "votes"]
SERIOUS = ("serious", "critical")


def check(page, name):
    """Keep a picture, and list what axe-core finds."""
    picture(page, name)
    result = Axe().run(page).response
    assert len(result["passes"]) > 10, "axe-core did not look at the page"
    return [
        (name, found["impact"], found["id"], [node["html"][:200] for node in found["nodes"]])
        for found in result["violations"]
        if found["impact"] in SERIOUS
    ]


def test_axe_finds_a_fault_that_is_there(browser):
    page = browser.new_page()
    page.set_content("<html lang='zh'><title>x</title><main><h1>x</h1><button></button></main></html>")
    found = Axe().run(page).response["violations"]
    assert [f["id"] for f in found if f["impact"] in SERIOUS] == ["button-name"]
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["1280", "390"])
def test_no_serious_violation(browser, url, size, scheme):
    name = f"{size[0]}-{scheme}"
    found = []
    with visit(browser, url, size, read=False, color_scheme=scheme) as page:
        found += check(page, f"{name}-1-first-visit")
        page.locator("#note-close").click()
        found += check(page, f"{name}-2-welcome")
        page.locator("#county input").click()
        expect(page.get_by_role("option").first).to_be_visible()
        found += check(page, f"{name}-3-county")
        page.keyboard.press("Escape")
        ask_and_wait(page, QUESTION)
        found += check(page, f"{name}-4-answer")
        page.locator(".statement button.cite").click()
        found += check(page, f"{name}-5-source")
        page.keyboard.press("Escape")
        page.get_by_role("button", name="没用").click()
        found += check(page, f"{name}-6-reasons")
        ask_and_wait(page, COMPARISON)
        found += check(page, f"{name}-7-comparison")
        ask_and_wait(page, SILENT)
        page.locator("[data-edit='1']").click()
        found += check(page, f"{name}-8-refusal-editing")
        page.locator("#language").click()
        found += check(page, f"{name}-9-english")
    assert found == []
