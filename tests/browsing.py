"""The page in a real browser: what the tests of the page share."""

import os
import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

import app
from web.chat import Hooks

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--no-first-run"]
DESKTOP, PHONE = (1280, 900), (390, 844)
QUESTION = "昌乐县政府常务会议多久开一次？"
SENTENCE = "县政府常务会议一般每月召开 1-2 次，如有需要可临时召开。"
LABEL = "《昌乐县人民政府工作规则》（乐政发〔2022〕7号）第四十六条第二款"
COMPARISON = "各县的常务会议多久开一次？"
SILENT = "昌乐的县长办公会议谁主持？"
PATIENCE = 15000
"""Milliseconds that an answer may take on a machine with other work."""


_REST = """() => Promise.allSettled(document.getAnimations()
    .filter(each => each.effect.getComputedTiming().endTime < Infinity).map(each => each.finished)).then(() => null)"""


@contextmanager
def served(assistant, hooks=None, *, settings=None, store=None):
    ui = app.build_ui(assistant, settings=settings, store=store, hooks=hooks)
    _, url, _ = app.serve(ui, "127.0.0.1", 0, settings=settings, store=store, prevent_thread_lock=True)
    try:
        yield url
    finally:
        ui.close(verbose=False)


@pytest.fixture(scope="module")
def votes():
    return []


@pytest.fixture(scope="module")
def url(assistant, votes):
    with served(assistant, Hooks(feedback=lambda feedback, _: votes.append(feedback))) as address:
        yield address


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


@contextmanager
def visit(browser, url, size=DESKTOP, *, read=True, **settings):
    """Open the page as a visitor who has (``read``) or has not put the first note away."""
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, **{"locale": "zh-CN", **settings})
    if read:
        context.add_init_script("localStorage.setItem('xiangui.note', 'read')")
    page = context.new_page()
    page.requested, page.errors = [], []
    page.on("request", lambda r: page.requested.append(r.url))
    page.on("pageerror", lambda e: page.errors.append(str(e)))
    try:
        page.goto(url)
        expect(page.locator("html[data-busy]")).to_be_attached(timeout=PATIENCE)
        yield page
        assert page.errors == []
    finally:
        context.close()  # a page left open by a test that failed would go on asking the server


def ask(page, question):
    page.locator("#question textarea").fill(question)
    page.locator("#question textarea").press("Enter")


def ask_and_wait(page, question):
    """Ask, and wait until the answer is complete with what may be asked next."""
    asked = page.locator(".turn").count()
    ask(page, question)
    expect(page.locator(".turn")).to_have_count(asked + 1, timeout=PATIENCE)
    expect(page.locator(".turn").last.locator(".suggestions, .refusal").first).to_be_visible(timeout=PATIENCE)
    expect(page.locator("html")).to_have_attribute("data-busy", "false", timeout=PATIENCE)


def picture(page, name, **settings):
    """Keep a picture of the page in the folder that XIANGUI_SCREENSHOTS names, if it names one.

    What fades in or flies in has come to rest by then; what turns for ever, as a sign of work, goes on.
    """
    folder = os.environ.get("XIANGUI_SCREENSHOTS")
    if folder:
        page.evaluate(_REST)
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(folder) / f"{name}.png", **settings)
