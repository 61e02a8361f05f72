"""The report of a run: figures that hold, a file that needs nothing else, texts that do nothing, paper and phone."""

import json
import re
import shutil
from contextlib import contextmanager
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from playwright.sync_api import expect, sync_playwright
from typer.testing import CliRunner

from eval.__main__ import app
from eval.case import CASES, Case, read_cases
from eval.html_report import render_html, write_report
from eval.labels import OTHER, SECTIONS, section
from eval.metrics import SCORERS, Score
from eval.plots import bins, thresholds
from eval.report import NAMES, Run, read_run
from eval.run import PREDICTIONS, RUN, SCORES, run
from eval.verdict import Outcome, outcome, percent, verdict, why
from ingest.errors import CaseError

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DEV = read_cases(CASES / "dev.jsonl")
HOSTILE = (
    """<img src=x onerror="document.title='x'"></summary><script>document.title='x'</script> {{7*7}} {% raw %} &amp;"""
)
CHOSEN = [
    case for kind in ("comparison", "multi_turn", "unanswerable", "scenario") for case in DEV if case.type == kind
]
SIX = [*CHOSEN[:3], *CHOSEN[20:22], next(case for case in DEV if case.id == "quxian-017")]


@pytest.fixture(scope="module")
def folder(assistant, tmp_path_factory):
    """A run of six cases, one of them asked, noted and labelled by somebody who means harm."""
    first = SIX[0]
    history = ({"role": "user", "content": HOSTILE},)
    harmful = replace(first, id="a<b>\"'", question=first.question + HOSTILE, note=HOSTILE, history=history)
    path = tmp_path_factory.mktemp("runs") / "six"
    made_with = {"cases": HOSTILE, "mode": "extractive", "regulations": {HOSTILE: "x"}, "settings": {"a": [1, None]}}
    run([replace(harmful, county=HOSTILE), *SIX[1:]], assistant, path)
    (path / RUN).write_text(json.dumps(made_with | {"finished_at": "2026-01-02T23:30:00+00:00"}), "utf-8")
    return path


@pytest.fixture(scope="module")
def written(folder):
    return write_report(folder).read_text("utf-8")


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.ids, self.links = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.ids += [value for name, value in attrs if name == "id"]
        self.links += [value for name, value in attrs if name in ("src", "href", "xlink:href", "data", "action")]

    def count(self, tag):
        return sum(name == tag for name, _ in self.tags)


# what is written -----------------------------------------------------------------------------


def test_same_run_gives_the_same_bytes(folder, written, tmp_path):
    assert write_report(folder, tmp_path / "a" / "b.html").read_text("utf-8") == written
    assert not list(folder.glob("*.part"))


def test_asked_again_only_time_differs(folder, assistant, tmp_path):
    again = tmp_path / "six"
    run(read_run(folder).cases, assistant, again)
    shutil.copy(folder / RUN, again)
    one, other = (timeless(read_run(path)) for path in (folder, again))
    assert render_html(one) == render_html(other)


def timeless(found):
    predictions = [{**prediction, "latency_ms": 1.0} for prediction in found.predictions]
    scores = [{**row, "latency_ms": Score(1.0)} for row in found.scores]
    return found._replace(predictions=predictions, scores=scores)


def test_nothing_is_fetched(written):
    assert all(link.startswith(("#", "data:,")) for link in Page(written).links)
    assert not re.search(r"url\((?!#)|@import", written)
    assert "default-src 'none'" in written


def test_texts_of_cases_stay_text(written):
    page = Page(written)
    assert page.count("img") == 0
    assert page.count("script") == 1
    assert "{{7*7}}" in written
    assert "&lt;img src=x" in written


def test_names_within_the_page_are_unique_and_lead_somewhere(written):
    page = Page(written)
    assert len(page.ids) == len(set(page.ids))
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)
    assert set(re.findall(r"url\(#([^)]+)\)", written)) <= set(page.ids)


def test_who_cannot_see_is_told(folder, written):
    page = Page(written)
    assert page.tags[0] == ("html", {"lang": "zh-CN"})
    pictures = [attributes for tag, attributes in page.tags if tag == "svg"]
    assert len(pictures) == len(read_run(folder).groups) + 3
    assert all(attributes["role"] == "img" and attributes["aria-label"] for attributes in pictures)
    assert all(attributes.get("scope") for tag, attributes in page.tags if tag == "th")


def test_plots_hold_their_words_as_text(written):
    drawn = "".join(re.findall(r"<svg.*?</svg>", written, re.S))
    for word in ("多县比较（", "把握（系统自报）", "毫秒（对数轴）", "误说未规定"):
        assert re.search(rf"<text[^>]*>{re.escape(word)}", drawn)
    assert "<metadata" not in drawn


def test_a_failure_is_told_whole(folder, written):
    found = read_run(folder)
    at = next(n for n, case in enumerate(found.cases) if case.id == "quxian-017")
    block = re.search(r'<details id="c-quxian-017".*?</details>', written, re.S)[0]
    for part in (found.cases[at].question, found.cases[at].gold[0].quote, found.cases[at].facts[0], "没引：渠县54"):
        assert part in block
    assert found.predictions[at]["answer"].split("\n")[0] in block
    assert 'class="gold">第54条✓' in block


def test_date_is_that_of_beijing(written):
    assert "2026年1月3日 07:30（北京时间）" in written


def test_every_case_is_in_the_appendix(folder, written):
    rows = re.findall(r"<tr data-outcome=", written)
    assert len(rows) == len(read_run(folder).cases)


def test_scores_to_come_are_shown_without_further_ado(folder, monkeypatch, assistant, tmp_path):
    monkeypatch.setitem(SCORERS, "brand_new", lambda case, prediction, rules: Score(0.5, "只对一半"))
    run(SIX[:2], assistant, tmp_path)
    rows = [json.loads(line) for line in (tmp_path / SCORES).read_text("utf-8").splitlines()]
    labelled = [{**row, "chapter": ["第一章 总则", f"第{n}章"]} for n, row in enumerate(rows, start=2)]
    (tmp_path / SCORES).write_text("".join(json.dumps(row) + "\n" for row in labelled), "utf-8")
    written = render_html(read_run(tmp_path))
    assert re.search(r"其他</th>.*?brand_new.*?50\.0%", written, re.S)
    assert "只对一半" in written
    assert "<h2>按章</h2>" in written


def test_what_a_model_judged_stands_apart(folder, written, tmp_path):
    judged = shutil.copytree(folder, tmp_path / "judged")
    values = (1.0, 0.0, None, 1.0, 1.0, None)
    rows = [{"model": "m<b>", "judge_faithfulness": {"value": v}, "judge_relevancy": {"value": None}} for v in values]
    (judged / "judge.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    page = write_report(judged).read_text("utf-8")
    assert re.search(r"由 m&lt;b&gt; 评.*?回答忠于引文.*?75\.0%.*?>4</td>", page, re.S)
    assert "回答切合问题" not in page
    begin, end = page.index("<h3>大模型评判"), page.index("<h2>按问题类型")
    assert (page[:begin] + page[end:]).split() == written.split()


def test_scores_stand_in_one_section_each():
    assert {section(name) for name in NAMES} <= set(SECTIONS)
    assert section("nDCG@10") == section("mrr") == section("hit@1")
    assert section("brand_new") == OTHER


def test_report_is_written_where_asked(folder, tmp_path):
    out = tmp_path / "here.html"
    result = CliRunner().invoke(app, ["report", str(folder), "--html", str(out)])
    assert result.exit_code == 0
    assert out.read_text("utf-8").startswith("<!DOCTYPE html>")


@pytest.mark.parametrize("missing", [RUN, SCORES, PREDICTIONS])
def test_a_run_cut_off_has_no_report(folder, tmp_path, missing):
    broken = shutil.copytree(folder, tmp_path / "broken")
    (broken / missing).unlink()
    with pytest.raises(CaseError, match="python -m eval run"):
        write_report(broken)


# what is concluded ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"strict": 1, "citation_precision": 0.5}, Outcome.RIGHT),
        ({"strict": 0, "citation_precision": 1, "cell_silenced": 0}, Outcome.PARTIAL),
        ({"strict": 0, "citation_precision": 0.5}, Outcome.PARTIAL),
        ({"strict": 0, "citation_precision": 0.4}, Outcome.WRONG),
        ({"strict": 0, "refusal_right": 0}, Outcome.WRONG),
        ({"strict": 0, "refusal_wrong": 1}, Outcome.SILENCED),
        ({"strict": 0, "cell_silenced": 0.3, "citation_precision": 0}, Outcome.SILENCED),
    ],
)
def test_a_case_ends_in_one_way(values, expected):
    assert outcome({name: Score(value) for name, value in values.items()}) is expected


def concluded(right, harm=0, verbatim=1.0, of=200):
    case = Case("a", "fact", "q", "昌乐县", (), (), True)
    row = {"verbatim": Score(verbatim)}
    outcomes = [Outcome.RIGHT] * right + [Outcome.WRONG] * harm
    outcomes += [Outcome.PARTIAL] * (of - len(outcomes))
    prediction = {"refused": False, "confidence": 0.9}
    found = Run((case,) * of, [prediction] * of, [row] * of, {}, {})
    return verdict(found, outcomes)


@pytest.mark.parametrize(
    ("given", "title"),
    [
        ({"right": 198, "harm": 2}, "可以投入使用"),
        ({"right": 195, "harm": 5}, "可以投入使用，但每次要核对出处"),
        ({"right": 170, "harm": 10}, "可以投入使用，但每次要核对出处"),
        ({"right": 170, "harm": 25}, "还不宜投入使用"),
        ({"right": 150}, "还不宜投入使用"),
        ({"right": 200, "verbatim": 0.9}, "还不宜投入使用"),
        ({"right": 40, "of": 40}, "例数太少，不足以下结论"),
    ],
)
def test_verdict_follows_the_lines(given, title):
    assert concluded(**given).title == title


def test_verdict_tells_the_figures():
    said = concluded(right=170, harm=10)
    assert "用 200 道题检验：170 题全对，占 85%（95% 区间 80%–90%）" in said.figures
    assert "10 题（5%）引错条文" in said.figures
    assert "每 20 个回答有 1 个会误导" in said.use
    assert "逐字一致" in said.figures
    assert "200 个回答的引文与原文不符" in concluded(right=200, verbatim=0.5).figures


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0%"), (0.001, "不到 1%"), (0.5, "50%"), (0.999, "99% 以上"), (1, "100%")]
)
def test_little_is_not_nothing(value, text):
    assert percent(value) == text


def test_a_reason_is_told_once():
    row = {"facts": Score(0, "没答到：甲；乙"), "strict": Score(0, "没答到：甲；乙；太长：7.0 倍"), "x": Score(1)}
    assert why(row, {"facts": "要点", "strict": "全对"}) == [("要点", "没答到：甲；乙"), ("全对", "太长：7.0 倍")]


def test_confidence_is_gathered_by_ranges():
    found = bins([0.1, 0.3, 0.6, 0.995, 1.0], [False, True, True, True, False])
    assert [(b.name, b.answers, b.right) for b in found] == [
        ("不到 50%", 2, 0.5),
        ("50%–80%", 1, 1.0),
        ("99% 以上", 2, 0.5),
    ]
    assert found[0].confidence == pytest.approx(0.2)


def test_answering_less_is_traded_for_being_right():
    found = thresholds([0.2, 0.6, 0.6, 0.9], [False, True, False, True], questions=5)
    assert [(t.confidence, t.answered, t.right) for t in found] == [
        (0.2, pytest.approx(0.8), pytest.approx(0.5)),
        (0.6, pytest.approx(0.6), pytest.approx(2 / 3)),
        (0.9, pytest.approx(0.2), pytest.approx(1)),
    ]
    assert thresholds([0.5], [False], 1) == []


@pytest.mark.parametrize("kept", [[0], [5], [3]])
def test_few_cases_are_drawn_too(folder, kept):
    found = read_run(folder)
    groups = {name: [labels[n] for n in kept] for name, labels in found.groups.items()}
    parts = ([each[n] for n in kept] for each in found[:3])
    written = render_html(Run(*parts, groups, {}))
    assert "例数太少" in written
    assert "时间不详" in written


# in a browser --------------------------------------------------------------------------------


@contextmanager
def opened(folder, width):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": width, "height": 800})
        seen = []
        page.on("pageerror", lambda error: seen.append(str(error)))
        page.on("console", lambda message: seen.append(message.text))
        page.on("request", lambda request: seen.append(request.url))
        page.goto(write_report(folder).as_uri())
        yield page, seen
        browser.close()


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
@pytest.mark.parametrize("width", [1280, 390])
def test_page_runs_nothing_strange_and_fits(folder, width):
    with opened(folder, width) as (page, seen):
        assert page.title().startswith("县规问答评测报告")
        assert [url for url in seen if not url.startswith(("file:", "data:"))] == []
        page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_page_filters_and_prints_open(folder):
    with opened(folder, 1280) as (page, _):
        failures = page.locator("details[data-outcome]")
        everything = failures.count()
        page.locator("select[name=kind]").select_option("清单")
        expect(failures.filter(visible=True)).to_have_count(1)
        expect(page.locator("#count")).to_have_text("1 题")
        page.locator("select[name=kind]").select_option("")
        expect(failures.filter(visible=True)).to_have_count(everything)
        answer = page.locator("#c-quxian-017 dd.answer")
        expect(answer).to_be_hidden()
        page.emulate_media(media="print")
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        expect(answer).to_be_visible()
        expect(page.locator("#filter")).to_be_hidden()
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        page.emulate_media(media="screen")
        expect(answer).to_be_hidden()
