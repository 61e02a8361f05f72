"""The benchmark of retrieval: what counts as found, and that every rival can be asked."""

import gzip
import json

import numpy as np
import pytest

from eval.case import CASES, Case, Gold, check_independence, read_cases
from eval.intervals import Weighted, interval, mean_of_means
from eval.metrics import about, said_of
from eval.retrieval import _ranks, in_own_process, laws, measure, sizes, stard
from eval.rivals import OURS, RIVALS, Found, LlamaIndex
from index.questions import trained_on
from index.settings import MODEL, IndexSettings
from ingest.corpus import BUNDLED, ingest

ONE = "渠县人民政府工作规则.txt"
CASE = Case(
    id="a",
    type="comparison",
    question="渠县政府常务会议和乾安的多久开一次？",
    county="多县",
    gold=(Gold("渠县", 30, "原则上每半月召开一次"), Gold("乾安县", 33, "每月")),
    facts=("每半月召开一次", "每月"),
    answerable=True,
)


def test_interval_holds_the_mean_and_narrows_with_cases():
    def width(n):
        found = interval([[Weighted(float(i % 4 > 0), 1.0) for i in range(n)]])
        assert found.low < 0.75 < found.high
        return found.high - found.low

    assert width(400) < width(40)
    assert width(400) == pytest.approx(2 * 1.96 * np.sqrt(0.75 * 0.25 / 400), rel=0.15)  # normal approximation
    assert interval([[Weighted(1.0, 1.0)]]) is None


def test_means_are_weighted_inside_a_group_and_plain_between_groups():
    groups = [[Weighted(1.0, 3.0), Weighted(0.0, 1.0)], [Weighted(0.5, 1.0), Weighted(0.5, 9.0)]]
    assert mean_of_means(groups) == pytest.approx((0.75 + 0.5) / 2)


def test_a_case_is_narrowed_to_one_county():
    narrow = about("渠县", CASE)
    assert [gold.article for gold in narrow.gold] == [30]
    assert narrow.facts == ("每半月召开一次",)
    said = {"refused": False, "citations": [{"county": "乾安县", "article": 33}], "retrieved": []}
    assert said_of("乾安县", said) == said
    assert said_of("渠县", said) == {**said, "citations": [], "refused": True}


@pytest.mark.parametrize(
    ("found", "ranks"),
    [
        ([("渠县", {30}), ("渠县", {31})], [1]),
        ([("乾安县", {30}), ("渠县", {31, 30})], [1]),  # other counties' results do not push it down
        ([("渠县", {1}), ("渠县", {2}), ("渠县", {30})], [3]),
        ([("乾安县", {30})], []),
    ],
)
def test_rank_among_the_results_of_the_county(found, ranks):
    assert _ranks([Found(county, frozenset(articles)) for county, articles in found], "渠县", {30}) == ranks


@pytest.fixture
def settings(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    (source / ONE).write_bytes((BUNDLED / ONE).read_bytes())
    return IndexSettings(home=tmp_path / "home", source=source)


@pytest.fixture
def public(tmp_path):
    """A law of three articles, and STARD of two texts."""
    rows = [
        {
            "law": "某法",
            "chapter": "第一编 总则 / 第一章 目的",
            "article": "第一条",
            "text": "为了规范养犬，制定本法。",
        },
        {"law": "某法", "chapter": None, "article": "第三条", "text": "犬只应当登记。\n登记机关为公安机关。"},
        {"law": "另法", "chapter": None, "article": "第一条", "text": "车辆靠右行驶。"},
    ]
    (tmp_path / "stard").mkdir()
    with gzip.open(tmp_path / "law_articles.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    with gzip.open(tmp_path / "stard" / "corpus.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines(
            json.dumps({"id": f"S{i}", "text": row["text"]}, ensure_ascii=False) + "\n" for i, row in enumerate(rows)
        )
    (tmp_path / "stard" / "queries.jsonl").write_text(
        "".join(
            json.dumps({"query": query, "gold": [gold], "split": split}, ensure_ascii=False) + "\n"
            for query, gold, split in (
                ("养犬要不要登记", "S1", "dev"),
                ("开车靠哪边行驶", "S2", "dev"),
                ("狗崽子上户口不", "S1", "dev"),
                ("狗崽子得上户口吗", "S1", "train"),
            )
        ),
        encoding="utf-8",
    )
    return tmp_path


def test_laws_become_regulations_of_no_county(public):
    first, second = laws(public / "law_articles.jsonl.gz")
    assert (first.title, first.county, second.title) == ("某法", "", "另法")
    assert [(a.number, a.chapter and a.chapter.title, len(a.paragraphs)) for a in first.articles] == [
        (1, "第一章 目的", 1),
        (2, None, 2),
    ]
    for article in first.articles:
        for paragraph in article.paragraphs:
            assert article.text[slice(*paragraph.span)] == paragraph.text


@pytest.mark.parametrize("name", RIVALS)
def test_every_rival_finds_articles_of_the_county_among_laws(name, settings, public):
    case = Case("b", "fact", "渠县政府全体会议由谁召集和主持？", "渠县", (Gold("渠县", 29, "召集和主持"),), (), True)
    measured = measure(name, [case, case], settings, None, public / "law_articles.jsonl.gz")
    assert measured.texts == len(ingest([settings.source]).regulations[0].articles) + 3
    assert len(measured.hit) == len(measured.query_ms) == 2
    assert 0 < measured.whole <= 1
    assert measured.build_s > 0
    assert measured.memory_mib > 100
    if name == OURS:
        assert measured.hit[0].value == measured.recall[0].value == measured.whole == 1.0


def test_a_question_without_a_county_is_not_answered_from_laws(settings, public):
    rival = RIVALS[OURS](settings)
    rival.build([*ingest([settings.source]).regulations, *laws(public / "law_articles.jsonl.gz")], public / "built")
    for question in ("政府全体会议由谁召集和主持？", "犬只要登记吗？"):
        found = rival.find(Case("c", "fact", question, "", (), (), True))
        assert {result.county for result in found} == {"渠县"}


def test_a_measurement_is_made_once(settings, tmp_path, monkeypatch):
    cases = tmp_path / "cases.jsonl"
    cases.write_text((CASES / "dev.jsonl").read_text(encoding="utf-8").splitlines()[0] + "\n", encoding="utf-8")
    settings = settings.model_copy(update={"source": BUNDLED})
    first = in_own_process(tmp_path / "kept", "BM25Retriever, jieba", cases, settings)
    assert first.texts == 435 and len(first.hit) == 1

    monkeypatch.setattr("eval.retrieval.subprocess.run", lambda *_, **__: pytest.fail("measured twice"))
    assert in_own_process(tmp_path / "kept", "BM25Retriever, jieba", cases, settings) == first


def test_chunks_cut_articles_and_ours_do_not(settings):
    rival = LlamaIndex(settings, vectors=False, words=True)
    rival.build(ingest([settings.source]).regulations, settings.home)
    assert 0.5 < rival.whole() < 1


def test_passages_of_every_size_are_searched(settings):
    case = Case("b", "fact", "渠县政府全体会议由谁召集和主持？", "渠县", (Gold("渠县", 29, "召集和主持"),), (), True)
    ways = sizes(settings, [case])
    assert len(ways) == 4
    assert all(way.recall == [Weighted(1.0, 1)] for way in ways)


def test_stard_is_asked_its_dev_questions(public):
    ways = stard(public, MODEL)
    assert [len(way.mrr) for way in ways] == [3, 3, 3, 3]
    words, model, plain, everything = ([row.value for row in way.mrr] for way in ways)
    assert words[:2] == plain[:2] == [1.0, 1.0]
    assert min(model[:2]) >= 0.5
    assert words[2] < 1  # nothing of it stands in the article, but in the question that it is known to answer
    assert everything == [1.0, 1.0, 1.0]


def test_no_case_was_trained_on():
    cases = [case for name in ("dev", "test") for case in read_cases(CASES / f"{name}.jsonl")]
    assert check_independence(cases, trained_on()) == []
    taken = next(case for case in cases if case.type == "fact")
    assert "与训练用的问题太近" in check_independence([taken], [f"请问{taken.question}"])[0]
