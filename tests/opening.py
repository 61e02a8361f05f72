"""How long a visitor waits in a real browser: ``python -m tests.opening --times 10``.

Seconds from opening the page until a question can be typed, and from pressing Enter until the first
words of the answer are to be seen. Each visit is a browser context of its own, in which only the
first note has been put away.
"""

import argparse
from itertools import cycle, islice
from statistics import median
from time import perf_counter

from playwright.sync_api import expect, sync_playwright

from assistant.settings import Settings
from eval.bench import serving
from eval.crowd import SEARCHED
from index.settings import read_settings
from index.terminal import say
from tests.browsing import CHROMIUM, DESKTOP, FLAGS, PHONE


def visit(browser, url, size, question):
    """Open the page, ask, leave; seconds until the page could be used and until the first words."""
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, locale="zh-CN")
    context.add_init_script("localStorage.setItem('xiangui.note', 'read')")
    page = context.new_page()
    start = perf_counter()
    page.goto(url)
    expect(page.locator("html[data-busy]")).to_be_attached()
    expect(page.locator("#question textarea")).to_be_editable()
    usable = perf_counter() - start
    page.locator("#question textarea").fill(question)
    start = perf_counter()
    page.locator("#question textarea").press("Enter")
    page.locator(".statement, .refusal").first.wait_for()
    answered = perf_counter() - start
    context.close()
    return usable, answered


def measure(url, times):
    """Visit at both widths in turns; what ``visit`` gives, a pair a visit."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        sizes = islice(cycle([DESKTOP, PHONE]), times)
        found = [visit(browser, url, size, q) for size, q in zip(sizes, cycle(SEARCHED), strict=False)]
        browser.close()
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--times", type=int, default=10)
    with serving(read_settings(Settings)) as url:
        waits = measure(url, parser.parse_args().times)
    for name, seconds in zip(("page usable", "first words"), zip(*waits, strict=True), strict=True):
        say(f"{name}: median {median(seconds):.2f} s, longest {max(seconds):.2f} s, {len(seconds)} visits")
