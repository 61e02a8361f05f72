"""The index on disk: generations, readers and writers in several processes, and the search."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace

import chromadb
import numpy as np
import pytest
from chromadb.config import Settings as ChromaSettings

from assistant.ask import Assistant
from assistant.settings import Settings
from index import generations, library, manifest
from index.build import word_indexes
from index.dense import DenseIndex, Entry, model_hash
from index.lexical import CUTTERS, LexicalIndex
from index.points import read_points
from index.questions import (
    BankQuestion,
    carry_over,
    find_verbatim,
    for_regulations,
    read_asked,
    read_bank,
    write_asked,
)
from index.ranking import FILE, Ranking, Regression, Weights, log_odds, read_ranking, write_ranking
from index.settings import MODEL, IndexSettings, read_settings
from index.words import bigrams, cut_words
from ingest.corpus import BUNDLED, ingest
from ingest.errors import IndexBusy, IndexStale, SettingError, SourceError

ONE = "渠县人民政府工作规则.txt"


@pytest.fixture
def small(tmp_path):
    """Settings with a source of one county, so that builds are short."""
    source = tmp_path / "source"
    source.mkdir()
    (source / ONE).write_bytes((BUNDLED / ONE).read_bytes())
    return Settings(home=tmp_path / "home", source=source, lock_seconds=0.2)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The index of that source, built once."""
    settings = Settings(home=tmp_path_factory.mktemp("built"), source=tmp_path_factory.mktemp("one"))
    (settings.source / ONE).write_bytes((BUNDLED / ONE).read_bytes())
    library.ensure(settings)
    return settings.index_dir


@pytest.fixture
def ready(small, built):
    """Settings with an index of their own source."""
    shutil.copytree(built, small.index_dir)
    folder = generations.current(small.index_dir)
    manifest.write(replace(manifest.read(folder), source=str(small.source)), folder)
    return small


def add_county(settings, name="昌乐县人民政府工作规则.txt"):
    (settings.source / name).write_bytes((BUNDLED / name).read_bytes())


def python(code, settings, **options):
    """Run code in another process that has the settings' environment."""
    environment = {**os.environ, "XIANGUI_HOME": str(settings.home), "XIANGUI_SOURCE": str(settings.source)}
    return subprocess.Popen(
        [sys.executable, "-c", code],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        **options,
    )


# generations ---------------------------------------------------------------------------------


def test_reader_in_another_process_sees_the_new_generation_at_its_next_question(ready):
    reader = python(
        "import sys; from assistant.settings import Settings; from index.library import Library\n"
        "library = Library(Settings())\n"
        "for line in sys.stdin:\n"
        "    index = library.index(); r = index.regulations[0]\n"
        "    print(len(index.regulations), len(index.search(index.prepare(line), r)), flush=True)\n",
        ready,
    )
    answers = []
    for change in (lambda: None, lambda: (add_county(ready), library.rebuild(ready))):
        change()
        reader.stdin.write("常务会议多久开一次\n")
        reader.stdin.flush()
        answers.append(reader.stdout.readline().split())
    reader.stdin.close()
    reader.wait(timeout=30)
    assert answers == [["1", "10"], ["2", "10"]]


def test_generation_in_use_is_kept_and_an_unused_one_removed(ready):
    opened = library.Library(ready)
    first = generations.current(ready.index_dir)
    library.rebuild(ready)
    second = generations.current(ready.index_dir)
    assert first.is_dir()
    assert second != first
    index = opened.index()  # moves on to the second
    assert index.search(index.prepare("会议纪要谁签发"), index.regulations[0])
    library.rebuild(ready)
    assert not first.exists()
    assert second.is_dir()
    opened.close()


@pytest.mark.parametrize("moment", [0.3, 2.0])
def test_build_killed_at_any_moment_leaves_the_old_index(ready, moment):
    before = generations.current(ready.index_dir)
    add_county(ready)
    builder = python(
        "from assistant.settings import Settings; from index import library; library.rebuild(Settings())", ready
    )
    start = time.monotonic()
    while not list(ready.index_dir.glob("gen-*")) or len(list(ready.index_dir.glob("gen-*"))) < 2:
        if builder.poll() is not None or time.monotonic() - start > 60:
            break
        time.sleep(0.01)
    time.sleep(moment - 0.3)
    builder.send_signal(signal.SIGKILL)
    builder.wait()
    opened = library.Library(ready)
    assert opened.index().regulations
    opened.close()
    if generations.current(ready.index_dir) == before:  # else it had finished
        library.rebuild(ready)
    assert len(list(ready.index_dir.glob("gen-*"))) == 1
    assert [r.county for r in library.Library(ready).index().regulations] == ["昌乐县", "渠县"]


def test_words_of_many_articles_are_cut_in_a_process_beside_and_are_the_same(tmp_path, monkeypatch):
    texts, told = ["县长主持常务会议\n多久开一次", "", "公文由副县长签发"], []
    for many, folder in ((3, tmp_path / "here"), (2, tmp_path / "beside")):
        monkeypatch.setattr("index.build._MANY", many)
        folder.mkdir()
        with word_indexes(texts, folder, lambda *step: told.append(step)):
            pass
    assert [done for _, done, _ in told] == [1, 2, 3, 4, 5, 6, 0, 1]
    for name in CUTTERS:
        here, beside = (LexicalIndex.load(tmp_path / each / name, name) for each in ("here", "beside"))
        assert here.scores("谁签发公文").tolist() == beside.scores("谁签发公文").tolist()
    (tmp_path / "words").touch()
    with pytest.raises(subprocess.CalledProcessError), word_indexes(texts, tmp_path, lambda *step: None):
        pass


def test_failed_build_leaves_nothing_behind(ready):
    before = set(ready.index_dir.glob("gen-*"))
    with pytest.raises(ZeroDivisionError), generations.building(ready.index_dir, 1, lambda: None):
        raise ZeroDivisionError
    assert set(ready.index_dir.glob("gen-*")) == before


def test_second_builder_is_told(small):
    said = []
    with (
        generations.building(small.index_dir, 1, lambda: None) as folder,
        pytest.raises(IndexBusy, match="另一个进程正在建索引"),
    ):
        (folder / "x").touch()
        child = python("", small)
        child.wait()
        _in_thread(lambda: library.rebuild(small, say=said.append))
    assert said == ["另一个进程正在建索引，等它完成……"]


def _in_thread(work):
    """Run work on another thread, whose file locks are its own, and raise what it raises."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()


def test_no_index_is_built_and_a_stale_one_is_named(small):
    library.ensure(small)
    library.ensure(small)
    add_county(small)
    with pytest.raises(IndexStale, match=r"规则文本不符.*python -m index build"):
        library.ensure(small)
    library.ensure(small, replace_stale=True)
    assert len(library.Library(small).index().regulations) == 2


@pytest.mark.parametrize(
    ("field", "named"),
    [
        ("corpus", "规则文本"),
        ("model", "向量模型"),
        ("dictionary", "词典"),
        ("questions", "题库"),
        ("format", "索引格式"),
        ("libraries", "程序库版本"),
    ],
)
def test_manifest_names_what_differs(ready, field, named):
    folder = generations.current(ready.index_dir)
    path = folder / "manifest.json"
    row = json.loads(path.read_text(encoding="utf-8"))
    row[field] = {} if field == "libraries" else 0 if field == "format" else "another"
    path.write_text(json.dumps(row), encoding="utf-8")
    assert library.changes(ready, folder) == [named]


def test_manifest_that_cannot_be_read(ready):
    (generations.current(ready.index_dir) / "manifest.json").write_text("{", encoding="utf-8")
    with pytest.raises(IndexStale, match="读不出来"):
        library.ensure(ready)
    library.ensure(ready, replace_stale=True)


def test_bad_files_are_left_out_and_named(small):
    (small.source / "bad.txt").write_text("不是规则", encoding="utf-8")
    built, errors = library.rebuild(small)
    assert built.passages > 0
    assert [e.file for e in errors] == ["bad.txt"]


def test_nothing_is_built_from_nothing(tmp_path):
    with pytest.raises(SourceError):
        library.rebuild(Settings(home=tmp_path, source=tmp_path / "nowhere"))


def test_setting_that_cannot_be_used_is_named(monkeypatch):
    monkeypatch.setenv("XIANGUI_LOCK_SECONDS", "soon")
    with pytest.raises(SettingError, match=r"XIANGUI_LOCK_SECONDS.*soon"):
        read_settings(IndexSettings)


# channels ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [("县政府", ["县政", "政府"]), ("46条", ["46", "条"]), ("ＡＢ角", ["ab", "角"]), ("，。", []), ("1.5", ["1.5"])],
)
def test_bigrams(text, expected):
    assert bigrams(text) == expected


@pytest.mark.parametrize("term", ["常务会议", "规范性文件", "县政府办公室", "议事协调机构", "四不两直"])
def test_county_terms_are_words(term):
    assert term in cut_words(f"请问{term}的事")


@pytest.mark.parametrize("cutter", CUTTERS)
def test_lexical_index_finds_and_comes_back_from_disk(cutter, tmp_path):
    texts = ["县政府常务会议每月召开", "公文由县长签发", "", "印章须经同意方可使用"]
    built = LexicalIndex.build(texts, cutter)
    built.save(tmp_path / cutter)
    for index in (built, LexicalIndex.load(tmp_path / cutter, cutter)):
        scores = index.scores("谁来签发公文？")
        assert int(np.argmax(scores)) == 1
        assert 0 < scores.max() <= 1
        assert not index.scores("护照").any()
        assert not index.scores("").any()


def test_dense_index_keeps_counties_and_regulations_apart_and_comes_back_from_disk(tmp_path):
    class Fixed:
        def array(self, texts):
            return np.array([[1.0, float(len(t)), 0.0] for t in texts], dtype=np.float32)

    entries = [
        Entry(f"{r}{n}", "字" * n, {"county": r[0], "regulation": r, "title": "某规则", "article": n})
        for r in ("甲一", "乙一", "乙二")
        for n in (1, 2, 3)
    ]
    index = DenseIndex(tmp_path)
    index.add("parts", entries, Fixed(), lambda n: None)
    index.add("articles", entries[:3], Fixed(), lambda n: None)
    index.close()
    index = DenseIndex(tmp_path)
    found = index.vectors("parts", "乙", "乙一")
    assert set(found) == {"乙一1", "乙一2", "乙一3"}
    assert all(vector == pytest.approx([1.0, int(key[-1]), 0.0]) for key, vector in found.items())
    assert set(index.vectors("parts", "乙", "乙二")) == {"乙二1", "乙二2", "乙二3"}
    assert index.vectors("articles", "甲", "甲一").keys() == {"甲一1", "甲一2", "甲一3"}
    assert index.vectors("parts", "乙", "甲一") == index.vectors("articles", "乙", "乙一") == {}
    assert index.vectors("parts", "丙", "乙一") == {}
    index.close()
    client = chromadb.PersistentClient(str(tmp_path), settings=ChromaSettings(anonymized_telemetry=False))
    kept = {
        c.name.split("-")[0]: c.get(ids=["甲一2"]) for c in client.list_collections() if c.get(ids=["甲一2"])["ids"]
    }
    assert kept["articles"]["documents"] == ["字字"]
    assert kept["articles"]["metadatas"][0].items() >= entries[1].metadata.items()
    assert kept["parts"]["metadatas"] == [{"county": "甲", "regulation": "甲一", "article": 2}]
    client.close()


def test_model_loads_by_itself_and_without_network():
    code = (
        "import socket\n"
        "def no(*a, **k): raise OSError('no network')\n"
        "socket.socket.connect = no\n"
        "from sentence_transformers import SentenceTransformer\n"
        f"v = SentenceTransformer({str(MODEL)!r}).encode(['常务会议多久开一次', '常务会议一般每月召开'])\n"
        "print(v.shape[1], float((v[0] * v[1]).sum()) > 0.2)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["384", "True"]


def test_model_is_small():
    assert sum(f.stat().st_size for f in MODEL.rglob("*") if f.is_file()) < 25 * 2**20


def test_model_hash_changes_with_the_weights(tmp_path):
    (tmp_path / "a.safetensors").write_bytes(b"1")
    before = model_hash(tmp_path)
    (tmp_path / "a.safetensors").write_bytes(b"2")
    assert model_hash(tmp_path) != before


def test_every_bank_question_is_of_an_article_that_holds_its_quote():
    bank, regulations = read_bank(), ingest().regulations
    assert len(bank) == 17358
    assert sum(len(group) for group in for_regulations(bank, regulations).values()) == 17358


def test_bank_goes_silent_where_the_words_have_changed():
    regulations = [r for r in ingest().regulations if r.county == "渠县"]
    changed = BankQuestion("渠县", 30, "常务会多久开一次", "原则上每周召开一次")
    assert for_regulations([changed], regulations) == {}


def test_county_without_questions_is_given_those_that_its_articles_answer():
    bank = read_bank(leave_out="沂源县")
    regulations = ingest().regulations
    yiyuan = next(r for r in regulations if r.county == "沂源县")
    carried = carry_over(bank, yiyuan)
    assert {
        key: questions for key, questions in for_regulations(bank, regulations).items() if key[0] == yiyuan.id
    } == carried
    assert len(carried) > 50
    asked = {q.question: number for (_, number), questions in carried.items() for q in questions}
    twin = next(q for q in bank if q.county == "昌乐县" and q.article == 8 + 79 and "推诿" in q.quote)
    assert asked[twin.question] == 79  # 从严治政, nearly word for word
    assert all(q.county != "沂源县" for questions in carried.values() for q in questions)


def test_what_is_of_no_county_is_given_no_questions():
    law = replace(next(r for r in ingest().regulations if r.county == "沂源县"), county="")
    assert for_regulations(read_bank(), [law]) == {}


def test_questions_that_no_article_answers_are_not_carried_over():
    yiyuan = next(r for r in ingest().regulations if r.county == "沂源县")
    stranger = BankQuestion(
        "渠县", 34, "矿权谁审", "由土地矿权管理委员会办公室提出议题，报土地矿权管理委员会副主任、主任审批同意"
    )
    assert carry_over([stranger], yiyuan) == {}


def test_questions_of_an_index_come_back_from_disk(tmp_path):
    asked = {("甲", 3): [BankQuestion("昌乐县", 46, "问", "答")]}
    write_asked(asked, tmp_path / "questions.jsonl")
    assert read_asked(tmp_path / "questions.jsonl") == asked


def test_leave_one_county_out():
    assert {q.county for q in read_bank(leave_out="渠县")} == {"昌乐县", "平阴县", "乾安县", "沂源县"}


def test_broken_bank_line_is_named(tmp_path):
    (tmp_path / "渠县.jsonl").write_text('{"county": "渠县"}\n', encoding="utf-8")
    with pytest.raises(SourceError, match=r"渠县\.jsonl:1"):
        read_bank(tmp_path)


def test_words_are_found_across_line_feeds():
    article = next(a for r in ingest().regulations if r.county == "渠县" for a in r.articles if a.number == 31)
    span = find_verbatim("县长办公会议主要任务是：(一)研究县政府", article)
    assert article.text[slice(*span)] == "县长办公会议主要任务是：\n(一) 研究县政府"
    assert find_verbatim("没有的话", article) is None


def test_log_odds_undo_the_score():
    regression = Regression((1.0, 2.0, 3.0, 4.0), -1.0)
    values = np.array([[0.1, 0.2, 0.3, 0.4]])
    assert log_odds(float(regression.probability(values)[0])) == pytest.approx(0.1 + 0.4 + 0.9 + 1.6 - 1)


def test_ranking_comes_back_from_disk(tmp_path):
    weights = Weights(Regression((1.0, 2.0), 3.0), Regression((4.0,), -5.0))
    ranking = Ranking(weights, Weights(weights.rule, weights.article))
    write_ranking(ranking, tmp_path / FILE)
    assert read_ranking(tmp_path / FILE) == ranking


# search --------------------------------------------------------------------------------------


def test_hits_are_of_the_regulation_asked_and_in_order(assistant):
    index = assistant.index
    query = index.prepare("会议纪要由谁签发")
    for regulation in index.regulations:
        hits = index.search(query, regulation, 7)
        assert len(hits) == 7
        assert [h.score for h in hits] == sorted((h.score for h in hits), reverse=True)
        assert {h.passage.locator.regulation for h in hits} == {regulation.id}
        for hit in hits:
            assert hit.article in regulation.articles
            assert hit.article.text[slice(*hit.passage.span)] == hit.passage.text


def test_strange_questions_have_less_evidence(assistant):
    index = assistant.index
    regulation = next(r for r in index.regulations if r.county == "昌乐县")

    def evidence(text):
        query = index.prepare(text)
        return index.evidence(query, index.search(query, regulation, 5))

    asked = [evidence(q) for q in ("副县长外出要向谁请假", "常务会议多久开一次", "政府印章谁同意才能用")]
    strange = [evidence(q) for q in ("离婚后房子归谁", "被狗咬了谁赔", "信用卡逾期会坐牢吗")]
    assert min(asked) > max(strange)


SECOND = """渠县人民政府办公室关于印发渠县公务用车管理办法的通知

各乡镇人民政府：

现将《渠县公务用车管理办法》印发给你们。

渠县人民政府办公室

2021年3月1日

渠县公务用车管理办法

第一条 公务用车由县机关事务服务中心统一调度。

第二条 节假日期间公务用车实行封存停驶。
"""


def test_a_county_with_several_rules_is_answered_from_the_one_that_answers(small):
    (small.source / "车.txt").write_text(SECOND, encoding="utf-8")
    old = (small.source / ONE).read_text(encoding="utf-8").replace("2020年11月13日", "2016年1月4日")
    (small.source / "旧.txt").write_text(old, encoding="utf-8")
    library.rebuild(small)
    opened = library.Library(small)
    assistant = Assistant(opened, small)
    assert len(opened.index().regulations) == 3
    assert {r.issued_on for r in opened.index().in_force} == {"2020-11-13", "2021-03-01"}
    for question, regulation, article in (
        ("渠县公务用车节假日怎么管？", "渠县公务用车管理办法@2021-03-01", 2),
        ("渠县政府全体会议由谁召集和主持？", "渠县人民政府工作规则@2020-11-13", 29),
    ):
        answer = assistant.ask(question)
        cited = [c.source.locator for s in answer.statements for c in s.citations]
        assert {place.regulation for place in cited} == {regulation}
        assert article in {place.article for place in cited}
    opened.close()


# command line --------------------------------------------------------------------------------


def test_index_commands(small, tmp_path, program):
    source, home = {"XIANGUI_SOURCE": small.source}, {"XIANGUI_HOME": small.home}
    built = program("index", "build", "--source", small.source, "--out", small.home, **home)
    assert built.returncode == 0, built.stderr
    found = program("index", "search", "常务会议多久开一次", "--county", "渠县", "--json", **source, **home)
    rows = json.loads(found.stdout)
    assert rows[0]["article"] == 30
    info = program("index", "info", **source, **home)
    assert "与现在一致" in info.stdout
    missing = program("index", "search", "请假", "--county", "安丘市", **source, **home)
    assert (missing.returncode, missing.stdout) == (2, "")
    assert "没有“安丘市”的规则" in missing.stderr
    stale = program("index", "search", "请假", **home, XIANGUI_QUESTIONS=tmp_path)
    assert stale.returncode == 2
    assert "题库" in stale.stderr
    assert "python -m index build" in stale.stderr


def test_ingest_command(tmp_path, program):
    bad = tmp_path / "bad.txt"
    bad.write_text("", encoding="utf-8")
    run = program("ingest", BUNDLED, bad, "--out", tmp_path / "out")
    assert run.returncode == 1
    assert "bad.txt：文件是空的" in run.stderr
    rows = [json.loads(line) for f in (tmp_path / "out").glob("*.jsonl") for line in f.read_text("utf-8").splitlines()]
    assert sum("article" in row for row in rows) == 435


def test_manifest_describes_what_is_here():
    regulations = ingest().regulations
    described = manifest.describe(regulations, read_bank(), read_points(), model_hash(MODEL), BUNDLED)
    assert manifest.differences(described, described) == []
