"""A table of questions: every way in and out, faults that are not fatal, runs that survive a kill, the page's tab."""

import csv
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time

import gradio as gr
import pytest
from openpyxl import Workbook, load_workbook
from playwright.sync_api import expect, sync_playwright

from eval.answer import Stopped, answer_file, describe
from eval.journal import Journal
from eval.tables import read_table, write_table
from ingest.errors import CaseError
from tests.browsing import CHROMIUM
from web.batch import Desk, batch_tab, safe_name, status

HEADERS = ("问题", "question", "县", "county")
QUESTION = "昌乐县政府常务会议多久开一次？"
KILLS = int(os.environ.get("XIANGUI_KILLS", "2"))
"""Set to 20 to see a run survive twenty kills (some minutes)."""
LABEL = "《昌乐县人民政府工作规则》（乐政发〔2022〕7号）第四十六条第二款"
QUOTE = "县政府常务会议一般每月召开 1-2 次，如有需要可临时召开。"


def write(path, rows):
    """Write a file as a user's program would, not as ours does."""
    if path.suffix == ".xlsx":
        book = Workbook()
        for row in rows:
            book.active.append(row)
        book.save(path)
    elif path.suffix == ".csv":
        with path.open("w", encoding="gb18030", newline="") as file:
            csv.writer(file).writerows(rows)
    else:
        objects = [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]
        path.write_text("".join(json.dumps(o, ensure_ascii=False) + "\n" for o in objects), encoding="utf-8")
    return path


def read(path):
    """Read a file back as a user's program would."""
    if path.suffix == ".xlsx":
        lines = [[v if v is not None else "" for v in row] for row in load_workbook(path).active.values]
        return [dict(zip(lines[0], line, strict=True)) for line in lines[1:]]
    if path.suffix == ".csv":
        with path.open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


# tables --------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".xlsx", ".csv", ".jsonl"])
def test_what_is_written_is_read_back(tmp_path, suffix):
    rows = [{"问题": '第一行\n第二行，有“引号”和"双引号"', "备注": "=1+1"}, {"问题": "-5", "备注": "@x"}]
    write_table(tmp_path / f"a{suffix}", ["问题", "备注"], rows)
    table = read_table(tmp_path / f"a{suffix}", HEADERS)
    assert [row.values for row in table.rows] == rows
    assert [p.name for p in tmp_path.iterdir()] == [f"a{suffix}"]


@pytest.mark.parametrize("text", ['=HYPERLINK("http://x")', "+cmd|' /C calc'!A0", "-2+3", "@SUM(1)", "\tx", "#N/A"])
def test_no_cell_is_a_formula(tmp_path, text):
    write_table(tmp_path / "a.xlsx", ["问题", text], [{"问题": text}])
    for row in load_workbook(tmp_path / "a.xlsx").active.iter_rows():
        for cell in row:
            assert cell.data_type in ("s", "n")
            assert cell.value != text or cell.data_type == "s"
    write_table(tmp_path / "a.csv", ["问题"], [{"问题": text}])
    [row] = read(tmp_path / "a.csv")
    assert row["问题"][0] not in "=+-@\t"


def test_workbook_is_readable(tmp_path):
    write_table(tmp_path / "a.xlsx", ["问题", "回答"], [{"问题": "a", "回答": "长" * 40_000}])
    sheet = load_workbook(tmp_path / "a.xlsx").active
    assert sheet.freeze_panes == "A2"
    assert sheet.auto_filter.ref == "A1:B2"
    assert sheet["B2"].alignment.wrap_text
    assert sheet.column_dimensions["B"].width > sheet.column_dimensions["A"].width > 20
    assert len(sheet["B2"].value) == 32_767
    assert "超出单元格" in sheet["B2"].value


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_csv_is_read_in_every_usual_form(tmp_path, encoding, delimiter):
    path = tmp_path / "a.csv"
    path.write_text(f"编号{delimiter}问题\r\n1{delimiter}谁签发？\r\n", encoding=encoding, newline="")
    assert [row.values for row in read_table(path, HEADERS).rows] == [{"编号": "1", "问题": "谁签发？"}]


def test_a_single_column_needs_no_header(tmp_path):
    table = read_table(write(tmp_path / "a.xlsx", [["谁签发？"], ["谁审核？"]]), HEADERS)
    assert (table.columns, [row.values for row in table.rows]) == ([], [{"": "谁签发？"}, {"": "谁审核？"}])


def test_the_sheet_with_questions_is_taken_and_odd_cells_are_told(tmp_path):
    book = Workbook()
    book.active.append(["说明"])
    sheet = book.create_sheet("题")
    for row in (["编号", "Question", "编号", None], [1.0, "a", 2.5, None], [], [None, "b\x07".replace("\x07", "")]):
        sheet.append(row)
    book.save(tmp_path / "a.xlsx")
    table = read_table(tmp_path / "a.xlsx", HEADERS)
    assert "工作表“题”" in table.name
    assert table.columns == ["编号", "Question", "编号（2）"]
    assert [row.values for row in table.rows] == [{"编号": 1, "Question": "a", "编号（2）": 2.5}, {"Question": "b"}]
    assert [row.number for row in table.rows] == [2, 4]
    assert table.skipped == [3]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.xlsx", b"PK not a workbook", "a.xlsx：不是完好的 .xlsx"),
        ("a.csv", '问题\n"没有关上\n'.encode(), r"a.csv:\d：不是完整的 CSV"),
        ("a.csv", "甲,乙\n1,2\n".encode(), "a.csv 第 1 行：没有“问题”这一列"),
        ("a.csv", b"", "a.csv：文件是空的"),
        ("a.csv", b"\xff\xff\x00\x01", "不是 UTF-8 或 GB18030"),
        ("a.jsonl", '{"问题": "a"}\n{'.encode(), "a.jsonl:2：这一行不是 JSON"),
        ("a.jsonl", b"[1]", "a.jsonl:1：这一行不是 JSON 对象"),
        ("a.doc", b"x", "只能读 .xlsx、.csv、.jsonl"),
    ],
)
def test_a_broken_file_says_where(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CaseError, match=message):
        read_table(tmp_path / name, HEADERS)


def test_a_missing_column_names_sheet_and_columns(tmp_path, settings):
    write(tmp_path / "a.xlsx", [["县", "内容"], ["昌乐", "x"]])
    with pytest.raises(CaseError, match=r"工作表“Sheet”：没有“问题”这一列.*县、内容"):
        answer_file(tmp_path / "a.xlsx", tmp_path / "b.xlsx", settings)


# answers -------------------------------------------------------------------------------------

ROWS = [
    ["编号", "问题", "县", "身份", "备注"],
    ["a1", QUESTION, "", "", "@留着"],
    ["a2", "常务会议多久开一次？", "昌乐", "", ""],
    ["a3", "常务会议多久开一次？", "某某县", "", ""],
    ["a4", "外出要跟谁请假？", "平阴县", "没有的身份", ""],
    ["a5", "食堂几点开饭？", "昌乐县", "", ""],
    ["a6", "长" * 10_001, "", "", ""],
    ["a7", "", "昌乐", "", "没有问题"],
    ["a8", QUESTION, "", "", ""],
]


@pytest.mark.parametrize(("given", "wanted"), [(".xlsx", ".csv"), (".csv", ".jsonl"), (".jsonl", ".xlsx")])
def test_each_row_is_answered_or_says_why_not(tmp_path, settings, given, wanted):
    out = tmp_path / f"answers{wanted}"
    summary = answer_file(write(tmp_path / f"questions{given}", ROWS), out, settings, workers=1)
    rows = read(out)
    assert [row["编号"] for row in rows] == [row[0] for row in ROWS[1:]]
    assert [row["回答"] or "" for row in (rows[0], rows[7])] == [rows[0]["回答"]] * 2
    assert (rows[0]["引用"], rows[0]["引文"], rows[0]["是否拒答"]) == (LABEL, QUOTE, "否")
    assert 0.5 < float(rows[0]["把握"]) <= 1
    assert rows[1]["回答的县"] == "昌乐县"
    assert rows[4]["是否拒答"] == "是"
    assert rows[4]["原因"]
    assert rows[0]["备注"].lstrip("'") == "@留着"
    why = {row["编号"]: row.get("原因") for row in rows}
    assert "没有“某某县”的规则" in why["a3"]
    assert "没有“没有的身份”这种身份" in why["a4"]
    assert "10,001 字" in why["a6"]
    assert "没有写问题" in why["a7"]
    assert (summary.rows, summary.different, len(summary.faults)) == (8, 3, 4)
    said = describe(summary)
    assert any(line.startswith(f"第 {summary.faults[0][0]} 行没有问：没有“某某县”") for line in said)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([f"answers{wanted}", f"questions{given}"])


def test_two_processes_answer_as_one(tmp_path, settings, monkeypatch):
    monkeypatch.setattr("eval.answer._WORTH", 1)
    given = write(tmp_path / "q.csv", [["问题"], [QUESTION], ["平阴县谁主持常务会议？"], ["乾安规则第六十四条第二款"]])
    states = []
    for workers in (1, 2):
        answer_file(given, tmp_path / f"{workers}.jsonl", settings, workers=workers, advance=states.append)
    assert (tmp_path / "1.jsonl").read_bytes() == (tmp_path / "2.jsonl").read_bytes()
    assert [state.done for state in states] == [0, 1, 2, 3] * 2
    assert states[-1].left == 0


def test_a_stopped_run_goes_on_and_asks_nothing_twice(tmp_path, settings, assistant, monkeypatch):
    given = write(tmp_path / "q.csv", [["问题"], *[[f"{name}谁主持常务会议？"] for name in assistant.counties]])
    answer_file(given, tmp_path / "whole.jsonl", settings, workers=1)
    stop, out = threading.Event(), tmp_path / "a.jsonl"
    with pytest.raises(Stopped):
        answer_file(given, out, settings, workers=1, stop=stop, advance=lambda s: s.done == 2 and stop.set())
    assert not out.exists()
    with pytest.raises(CaseError, match=r"已有 2 条.*--resume"):
        answer_file(given, out, settings, workers=1)
    other = write(tmp_path / "other.csv", [["问题"], [QUESTION]])
    with pytest.raises(CaseError, match="与这次不同（输入文件）"):
        answer_file(other, out, settings, workers=1, resume=True)
    summary = answer_file(given, out, settings, workers=1, resume=True)
    assert summary.asked == 3
    assert out.read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


def test_a_half_written_line_is_asked_again(tmp_path):
    path = tmp_path / "j"
    first = Journal(path, {"n": 1}, resume=False)
    first.add("一")
    with pytest.raises(CaseError, match="另一个进程"):
        Journal(path, {"n": 1}, resume=True)
    first.close(finished=False)
    whole = path.read_bytes()
    path.write_bytes(whole + '"二'.encode()[:-1])
    again = Journal(path, {"n": 1}, resume=True)
    assert again.done == ["一"]
    again.add("三")
    again.close(finished=False)
    assert path.read_bytes() == whole + '"三"\n'.encode()


def test_one_bad_question_does_not_end_the_run(tmp_path, settings, monkeypatch):
    from assistant.ask import Assistant

    ask = Assistant.ask

    def broken(self, question, *args, **kwargs):
        if question == "坏":
            raise ZeroDivisionError
        return ask(self, question, *args, **kwargs)

    monkeypatch.setattr(Assistant, "ask", broken)
    given = write(tmp_path / "q.csv", [["问题"], ["坏"], [QUESTION]])
    summary = answer_file(given, tmp_path / "a.csv", settings, workers=1)
    assert [number for number, _ in summary.faults] == [2]
    assert [row["引用"] for row in read(tmp_path / "a.csv")] == ["", LABEL]


def kill_until_done(given, out, settings, kills, seed, workers=1):
    """Start the command again and again; kill it, with what it started, once its journal has grown a little."""
    journal = out.with_name(f"{out.name}.journal")
    order = random.Random(seed)
    command = [sys.executable, "-m", "eval", "answer", str(given), "--out", str(out), "--workers", str(workers)]
    environment = {**os.environ, "XIANGUI_HOME": str(settings.home), "OMP_NUM_THREADS": "1"}
    killed = 0
    while True:
        again = ["--resume"] if journal.exists() else []
        process = subprocess.Popen([*command, *again], env=environment, stderr=subprocess.PIPE, start_new_session=True)
        size = journal.stat().st_size if journal.exists() else 0
        grown = order.randrange(0, 6000)
        while killed < kills and process.poll() is None:
            if journal.exists() and journal.stat().st_size > size + grown:
                os.kill(process.pid, signal.SIGKILL)
                killed += 1
                break
            time.sleep(order.random() / 50)
        _, said = process.communicate()
        if process.returncode != -signal.SIGKILL:
            assert process.returncode == 0, said.decode()
            return killed


@pytest.mark.timeout(3600)
@pytest.mark.skipif(os.name != "posix", reason="kills as POSIX does")
def test_a_killed_run_ends_with_the_same_output(tmp_path, settings, assistant):
    asked = ["谁主持常务会议？", "公文由谁签发？", *(f"第{n}条" for n in range(1, 2 * KILLS))]
    given = write(tmp_path / "q.csv", [["问题"], *[[f"{name}{what}"] for name in assistant.counties for what in asked]])
    answer_file(given, tmp_path / "whole.jsonl", settings, workers=1)
    assert kill_until_done(given, tmp_path / "a.jsonl", settings, KILLS, seed=1) == KILLS
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()
    assert not list(tmp_path.glob("*.journal*"))


# the page ------------------------------------------------------------------------------------


@pytest.fixture
def desk(settings):
    return Desk(settings, workers=1)


def test_an_upload_is_answered_in_a_folder_of_its_own(tmp_path, desk):
    given = write(tmp_path / "问题 ..表;.csv", [["问题"], [QUESTION], ["", ""], ["食堂几点开饭？"]])
    job, out = desk.take(given, ".xlsx")
    other, _ = desk.take(given, ".xlsx")
    other.stop.set()
    assert job.folder != other.folder
    assert len(job.folder.name) >= 32
    assert out.name == "问题_表-回答.xlsx"
    assert job.ended.wait(120)
    assert job.error is None
    assert next(row["引用"] for row in read(out)) == LABEL
    assert "做完了" in status(job)
    assert other.ended.wait(120)
    assert other.error == "已停止，没有生成文件。"


def test_a_bad_upload_is_told_in_harmless_words(tmp_path, desk):
    given = write(tmp_path / "a.csv", [["<b>列</b>", "乙"], ["x", "y"]])
    job, _ = desk.take(given, ".csv")
    assert job.ended.wait(120)
    assert "没有“问题”这一列" in status(job)
    assert "&lt;b&gt;列" in status(job)


def test_old_uploads_are_removed(settings, desk):
    old, new = settings.home / "batch" / "old", settings.home / "batch" / "new"
    for folder in (old, new):
        folder.mkdir(parents=True)
    os.utime(old, (0, 0))
    desk.sweep()
    assert (old.exists(), new.exists()) == (False, True)


@pytest.mark.parametrize(
    ("name", "safe"), [("../../a.XLSX", "a.xlsx"), ("..\\b;c\r\n.csv", "b_c.csv"), ("....jsonl", "问题.jsonl")]
)
def test_file_names_are_harmless(name, safe):
    assert safe_name(name) == safe


def test_the_tab_takes_a_file_and_gives_the_answers_back(tmp_path, assistant, settings):
    with gr.Blocks() as ui:
        batch_tab(assistant, settings)
    ui.launch(prevent_thread_lock=True, quiet=True, server_port=None)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            page = browser.new_page()
            page.goto(ui.local_url)
            page.locator("#batch-upload input[type=file]").set_input_files(
                write(tmp_path / "q.csv", [["问题"], [QUESTION]])
            )
            expect(page.locator("#batch-upload")).to_contain_text("q")
            page.locator("#batch-start").click()
            expect(page.locator("#batch-status")).to_contain_text("做完了", timeout=120_000)
            with page.expect_download() as download:
                page.locator("#batch-answers a").first.click()
            download.value.save_as(tmp_path / "answers.xlsx")
            browser.close()
    finally:
        ui.close()
    assert [row["引用"] for row in read(tmp_path / "answers.xlsx")] == [LABEL]
