"""The benchmark: copies of the counties are counties of their own, parts run alone, the document tells what was measured."""

import pytest

from eval import bench
from eval.bench import Row, copy_corpus, measure_all, measured, plan
from eval.bench_report import write_report
from index.questions import for_regulations, read_bank
from ingest.corpus import ingest


def test_copies_are_counties_of_their_own_with_their_questions(tmp_path):
    copy_corpus(tmp_path / "source", tmp_path / "bank", 2, with_bank=True)
    read = ingest([tmp_path / "source"])
    assert read.errors == ()
    assert len({r.county for r in read.regulations}) == 10
    assert sorted(len(r.articles) for r in read.regulations) == sorted(2 * [96, 84, 87, 87, 81])
    bank = read_bank(tmp_path / "bank")
    assert {q.county for q in bank} == {r.county for r in read.regulations}
    assert len(bank) == 2 * len(read_bank())
    assert sum(len(group) for group in for_regulations(bank, read.regulations).values()) == len(bank)


def test_a_hundred_copies_have_a_hundred_names():
    assert len(set(bench._invented())) >= 5 * (max(bench.TIMES) - 1)


def test_plan_leaves_out_what_is_not_wanted():
    assert plan(["ask", "growth"], [1, 100]) == ["ask", "growth-1-plain", "growth-1-bank", "growth-100-plain"]


def test_what_was_measured_is_kept(settings):
    said = []
    measure_all(settings, ["ingest"], said.append, resume=False)
    rows = measured(settings)["ingest"]
    assert [row.unit for row in rows] == ["ms", "MiB"]
    assert all(row.median > 0 for row in rows)
    measure_all(settings, ["ingest"], said.append, resume=True)
    assert said == ["测 ingest"]
    assert measured(settings)["ingest"] == rows


@pytest.mark.parametrize("sizes", [[1, 10], [2]])
def test_document_holds_values_ratios_and_plot(tmp_path, sizes):
    grown = {f"growth-{n}-plain": [Row("building the index", "s", 2.0 * n, None, 1)] for n in sizes}
    write_report({"ask": [Row("a question", "ms", 123.4, 250.0, 30)], **grown}, tmp_path / "performance.md")
    text = (tmp_path / "performance.md").read_text(encoding="utf-8")
    assert "| a question | 123 | 250 | ms | 30 |" in text
    assert ("20.0 (×10.0)" in text) == (sizes == [1, 10])
    assert "## Parsing" not in text
    svg = (tmp_path / "performance.svg").read_text(encoding="utf-8")
    assert "building the index" in svg
    assert len(svg) < 100_000
