"""Runs: the same whatever the workers and the kills; what they were made with; compared; held by a gate."""

import json
import os
import random
from dataclasses import replace

import numpy as np
import pytest
from filelock import FileLock
from typer.testing import CliRunner

from eval import gate, judge
from eval.__main__ import app
from eval.case import CASES, read_cases
from eval.comparison import compare, render_comparison
from eval.intervals import Pair, mean_difference, paired_interval
from eval.provenance import made_with
from eval.report import Run, read_run
from eval.rows import read_rows
from eval.run import JUDGED, PREDICTIONS, RUN, SCORES, run
from index.terminal import errors
from ingest.errors import CaseError, SettingError, XianguiError
from tests.killing import go_through, stable

DEV = read_cases(CASES / "dev.jsonl")
FEW = DEV[::8]


def record(folder):
    return json.loads((folder / RUN).read_text("utf-8"))


@pytest.fixture
def given(settings, assistant):
    return made_with(settings, assistant, CASES / "dev.jsonl")


# one run ---------------------------------------------------------------------------------------


def test_predictions_do_not_depend_on_the_workers(assistant, tmp_path):
    for workers in (1, 4):
        run(DEV[::4], assistant, tmp_path / str(workers), workers=workers)
    assert stable(tmp_path / "1") == stable(tmp_path / "4")
    assert [row["id"] for row in stable(tmp_path / "1")] == [case.id for case in DEV[::4]]


def test_a_run_tells_what_it_was_made_with(assistant, settings, tmp_path):
    secret = settings.model_copy(update={"llm_api_key": "sk-secret", "llm_base_url": "http://me:pass@127.0.0.1/v1"})
    run(FEW[:2], assistant, tmp_path, made_with=made_with(secret, assistant, CASES / "dev.jsonl"))
    held = record(tmp_path)
    for name in ("corpus", "model", "weights", "questions", "points", "dictionary", "code", "cases_hash"):
        assert len(held[name]) == 64, name
    assert held["settings"]["evidence"] == settings.evidence
    assert held["libraries"]["chromadb"] and held["python"] and held["finished_at"] >= held["started_at"]
    text = (tmp_path / RUN).read_text("utf-8")
    assert "sk-secret" not in text and "me:pass" not in text


class Breaking:
    """Breaks off after so many questions."""

    def __init__(self, assistant, after):
        self.index, self._assistant, self.left, self.asked = assistant.index, assistant, after, []

    def ask(self, question, *rest):
        if self.left == 0:
            raise KeyboardInterrupt
        self.left -= 1
        self.asked.append(question)
        return self._assistant.ask(question, *rest)


def test_nothing_is_asked_twice_after_a_break(assistant, tmp_path, given):
    first, second = Breaking(assistant, 3), Breaking(assistant, 99)
    with pytest.raises(KeyboardInterrupt):
        run(FEW, first, tmp_path, made_with=given)
    assert record(tmp_path)["finished_at"] is None
    with pytest.raises(CaseError, match=r"没跑完.*--resume"):
        run(FEW, assistant, tmp_path, made_with=given)
    run(FEW, second, tmp_path, made_with=given, resume=True)
    assert first.asked + second.asked == [case.question for case in FEW]
    assert record(tmp_path)["finished_at"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"evidence": 0.3}, "设置 XIANGUI_EVIDENCE（那次 0.2，现在 0.3）"),
        ({"llm_model": "m"}, "设置 XIANGUI_LLM_MODEL（那次 未设，现在 m）"),
    ],
)
def test_other_settings_do_not_go_on_with_a_run(assistant, settings, tmp_path, given, changes, told):
    run(FEW[:2], assistant, tmp_path, made_with=given)
    before = stable(tmp_path)
    changed = made_with(settings.model_copy(update=changes), assistant, CASES / "dev.jsonl")
    with pytest.raises(SettingError) as raised:
        run(FEW[:2], assistant, tmp_path, made_with=changed, resume=True)
    assert told in str(raised.value) and "--out" in str(raised.value)
    assert stable(tmp_path) == before


@pytest.mark.parametrize("name", ["corpus", "model", "questions", "points", "code", "libraries"])
def test_other_texts_or_code_do_not_go_on_with_a_run(assistant, tmp_path, given, name):
    run(FEW[:1], assistant, tmp_path, made_with=given)
    with pytest.raises(SettingError, match="不能接着跑"):
        run(FEW[:1], assistant, tmp_path, made_with={**given, name: "other"}, resume=True)


def test_other_cases_do_not_go_on_with_a_run(assistant, tmp_path):
    run(FEW[:2], assistant, tmp_path)
    with pytest.raises(SettingError, match="用例"):
        run(FEW[:3], assistant, tmp_path, resume=True)


def test_where_another_process_writes_nothing_is_asked(assistant, tmp_path):
    with FileLock(tmp_path / "run.lock"), pytest.raises(CaseError, match="另一个进程"):
        run(FEW, assistant, tmp_path)
    assert not (tmp_path / PREDICTIONS).exists()


def test_a_line_cut_inside_a_character_is_dropped(tmp_path):
    path = tmp_path / "rows.jsonl"
    whole = '{"id": "a", "answer": "县"}\n'.encode()
    path.write_bytes(whole + whole.replace(b'"a"', b'"b"')[:-4])
    assert list(read_rows(path)) == ["a"]
    assert path.read_bytes() == whole
    path.write_bytes(b"{\n" + whole)
    with pytest.raises(CaseError, match=r"rows\.jsonl:1"):
        read_rows(path)


def test_killed_at_random_it_ends_with_the_same(assistant, settings, tmp_path):
    cases = DEV[::3]
    path = tmp_path / "few.jsonl"
    source = (CASES / "dev.jsonl").read_text("utf-8").splitlines(keepends=True)
    path.write_text("".join(source[::3]), encoding="utf-8")
    run(cases, assistant, tmp_path / "whole")
    environment = {**os.environ, "XIANGUI_HOME": str(settings.home)}
    rng = random.Random(os.getpid())
    moments = [rng.randint(1, 10), rng.uniform(0.1, 4.0), rng.randint(1, 10)]
    stood = go_through(tmp_path / "broken", ["--cases", str(path)], environment, moments)
    assert stood and 1 <= stood[0] < len(cases)
    for name in (PREDICTIONS, SCORES):
        assert stable(tmp_path / "broken", name) == stable(tmp_path / "whole", name)


# two runs --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def finished(assistant, tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished")
    run(FEW, assistant, folder)
    return read_run(folder)


def changed(finished, n, **values):
    rows = list(finished.scores)
    rows[n] = {**rows[n], **{name.replace("_at_", "@"): replace(rows[n][name], value=v) for name, v in values.items()}}
    return finished._replace(scores=rows)


def test_a_run_is_no_better_than_itself(finished):
    found = compare(finished, finished)
    assert found.changes == () and found.left_out == ()
    assert all((d.gain, d.better, d.worse) == (0, (), ()) for d in found.differences)


def test_what_got_worse_is_named_case_by_case(finished):
    n = next(n for n, row in enumerate(finished.scores) if row["facts"].value == 1 and row["refusal_wrong"].value == 0)
    worse = changed(finished, n, facts=0.0, refusal_wrong=1.0)
    found = compare(finished, worse)
    by_name = {d.name: d for d in found.differences}
    assert by_name["facts"].worse == by_name["refusal_wrong"].worse == (FEW[n].id,)
    assert by_name["facts"].gain == pytest.approx(-1 / by_name["facts"].scored)
    assert by_name["facts"].interval.low < by_name["facts"].gain < by_name["facts"].interval.high + 1e-9
    assert [change.case.id for change in found.changes] == [FEW[n].id]
    assert compare(worse, finished).changes[0].better and not compare(worse, finished).changes[0].worse
    with errors.capture() as shown:
        errors.print(render_comparison(found))
    assert "变差的 1 例" in shown.get() and FEW[n].id in shown.get()


def test_latency_makes_no_case_better_or_worse(finished):
    found = compare(finished, changed(finished, 0, latency_ms=1e6))
    assert found.changes == ()


def test_other_cases_are_compared_only_if_asked_to(finished):
    fewer = Run(finished.cases[1:], finished.predictions[1:], finished.scores[1:])
    with pytest.raises(CaseError, match=f"相同的 {len(FEW) - 1} 例.*--common"):
        compare(finished, fewer)
    found = compare(finished, fewer, common=True)
    assert (len(found.cases), found.left_out) == (len(FEW) - 1, (FEW[0].id,))
    other = finished._replace(cases=tuple(replace(case, question="另一句") for case in finished.cases))
    with pytest.raises(CaseError, match="没有相同的用例"):
        compare(finished, other, common=True)


def test_a_paired_interval_is_of_the_difference():
    rng = np.random.default_rng(1)
    scores = rng.uniform(0, 1, 50)
    always = [Pair(score, score + 0.1, 1.0) for score in scores]
    assert paired_interval(always) == pytest.approx((0.1, 0.1))
    chance = [Pair(score, score + (0.1 if n % 2 else -0.1), 1.0) for n, score in enumerate(scores)]
    low, high = paired_interval(chance)
    assert low < 0 < high < 0.05
    assert mean_difference([Pair(0, 1, 3), Pair(1, 0, 1)]) == 0.5
    assert paired_interval([Pair(0, 1, 1)]) is None


# the gate --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def gated(assistant):
    held = gate.read_gate()
    return held, gate.ask_gate(held, assistant)


def test_nothing_has_fallen_below_the_gate(gated, assistant):
    held, predictions = gated
    assert [str(fall) for fall in gate.falls(held, predictions, assistant)] == []


def test_the_gate_has_all_types_and_most_scores(gated):
    held, _ = gated
    assert {case.type for case in held.cases} == {case.type for case in DEV}
    assert {"hit@1", "citation_recall", "facts", "grounded", "refusal_right", "refusal_wrong"} <= set(held.limits)


def test_the_gate_names_what_fell_and_where(gated, assistant):
    held, predictions = gated
    silent = [{**p, "citations": [], "refused": True} if p["id"] == "changle-001" else p for p in predictions]
    fallen = {fall.name: str(fall) for fall in gate.falls(held, silent, assistant)}
    assert "误拒（refusal_wrong）" in fallen["refusal_wrong"] and "高于上限" in fallen["refusal_wrong"]
    assert "changle-001" in fallen["refusal_wrong"] and "应答而拒" in fallen["refusal_wrong"]
    assert "低于下限" in fallen["citation_recall"]


def test_limits_are_set_just_beyond_what_is(gated, assistant, tmp_path):
    held, predictions = gated
    path = tmp_path / "gate.json"
    source = {"source": str(CASES / "dev.jsonl"), "cases": [case.id for case in held.cases], "limits": {}}
    path.write_text(json.dumps(source), encoding="utf-8")
    gate.set_limits(held, predictions, assistant, path)
    again = gate.read_gate(path)
    assert gate.falls(again, predictions, assistant) == [] and "latency_ms" not in again.limits
    assert again.limits["verbatim"] == 1.0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cases": ["nobody"]}, "没有用例 nobody"),
        ({"limits": {"beauty": 1}}, "没有 beauty 这种分数"),
        ({"source": None}, "读不出来"),
    ],
)
def test_a_broken_gate_says_so(tmp_path, changes, message):
    row = {"source": str(CASES / "dev.jsonl"), "cases": [], "limits": {}, **changes}
    path = tmp_path / "gate.json"
    path.write_text(json.dumps(row), encoding="utf-8")
    with pytest.raises(CaseError, match=message):
        gate.read_gate(path)


def test_the_command_ends_with_1_where_a_score_fell(settings, monkeypatch, tmp_path):
    monkeypatch.setenv("XIANGUI_HOME", str(settings.home))
    row = {"source": str(CASES / "dev.jsonl"), "cases": ["changle-001"], "limits": {"concision": 1.0, "hit@1": 0.5}}
    path = tmp_path / "gate.json"
    path.write_text(json.dumps(row), encoding="utf-8")
    ended = CliRunner().invoke(app, ["gate", "--file", str(path)])
    assert ended.exit_code == 1
    assert "1 项分数退步" in ended.output


# the judge -------------------------------------------------------------------------------------


@pytest.fixture
def llm(settings, server):
    return judge.open_judge(settings.model_copy(update={"llm_base_url": server.url, "llm_model": "scripted"}))


def test_a_judge_is_asked_once_and_stands_apart(assistant, tmp_path, server, llm):
    run(FEW, assistant, tmp_path)
    before = (tmp_path / SCORES).read_bytes()
    server.reply = lambda prompt: "<think>NO?</think>YES。" if "陈述" in prompt else "NO"
    finished = read_run(tmp_path)
    judge.judge(finished, tmp_path, llm)
    rows = judge.read_judged(tmp_path)
    answered = [not p["refused"] for p in finished.predictions]
    assert [row["judge_faithfulness"].value for row in rows] == [1.0 if said else None for said in answered]
    assert [row["judge_relevancy"].value for row in rows] == [0.0 if said else None for said in answered]
    assert len(server.prompts) == 2 * sum(answered)
    assert (tmp_path / SCORES).read_bytes() == before
    judge.judge(finished, tmp_path, llm)
    assert len(server.prompts) == 2 * sum(answered)
    with errors.capture() as shown:
        errors.print(judge.render_judged(rows, "scripted"))
    assert "大模型评分" in shown.get()


def test_what_is_no_verdict_is_unscored(assistant, tmp_path, server, llm):
    run(FEW[:2], assistant, tmp_path)
    server.reply = lambda prompt: "大概是 yes 吧"
    judge.judge(read_run(tmp_path), tmp_path, llm)
    for row in judge.read_judged(tmp_path):
        assert all(found.value is None and "YES" in found.why for found in row.values())


def test_a_judge_out_of_order_loses_nothing(assistant, tmp_path, server, llm):
    run(FEW[:3], assistant, tmp_path)
    said = iter(["YES", "YES"])
    server.reply = lambda prompt: next(said, 403)
    with pytest.raises(XianguiError, match="--resume --judge"):
        judge.judge(read_run(tmp_path), tmp_path, llm)
    assert len(read_rows(tmp_path / JUDGED)) == 1
    server.reply = lambda prompt: "NO"
    judge.judge(read_run(tmp_path), tmp_path, llm)
    assert [row["judge_relevancy"].value for row in judge.read_judged(tmp_path)] == [1.0, 0.0, 0.0]


def test_a_judge_that_is_not_configured_is_told_of_before_anything_is_asked(settings):
    with pytest.raises(SettingError, match="XIANGUI_LLM_BASE_URL"):
        judge.open_judge(settings)
