"""Conversations in SQLite: kept whole, by owner, through threads, kills, backups and restores."""

import json
import os
import sqlite3
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from assistant.answer import Answer, Refusal, to_prediction
from assistant.answer import Reason as Why
from assistant.settings import Settings
from assistant.write import quote_place
from index.settings import read_settings
from ingest.corpus import corpus_hash, ingest
from ingest.errors import SettingError, StoreError
from web.__main__ import app
from web.backup import backup, check, restore
from web.database import VERSION
from web.kept import Asked, Fault, Feedback, Verdict, make_title
from web.saved import dump, load
from web.store import Store, open_store

ROOT = Path(__file__).parent.parent
RULES = {r.county: r for r in ingest().regulations}
DAY = 86400.0
DOWN = Feedback(Verdict.DOWN, Fault.WRONG_CITATION, "第二款才对")


def an_answer(question="昌乐常务会议多久开一次？", county="昌乐县", number=46, paragraph=2):
    rule = RULES[county]
    article = next(a for a in rule.articles if a.number == number)
    return Answer(
        question, question, (county,), tuple(quote_place(rule, article, paragraph)), (), settled={county: 0.987654321}
    )


def a_turn(question="昌乐常务会议多久开一次？", **more):
    return Asked(question, an_answer(question), county="昌乐县", role="副县长", corpus="abc", **more)


class Clock:
    now = 1_700_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(tmp_path, clock):
    with Store(tmp_path / "home" / "conversations.db", clock=clock) as opened:
        yield opened


def begin(store, owner="甲", *questions):
    key = store.create(owner).id
    ids = [store.append(owner, key, a_turn(q)) for q in questions or ["昌乐常务会议多久开一次？"]]
    return key, ids


def questions(store, owner, key):
    return [turn.asked.question for turn in store.turns(owner, key)]


# Saved answers


@pytest.mark.parametrize(
    "question",
    [
        "昌乐县政府常务会议多久开一次？",
        "各县常务会议要到多少人才能开？",
        "乾安规则第六十四条第二款",
        "沂源的食堂几点开饭？",
        "昌乐县哪年印发的规则？",
        "临朐县怎么请假？",
        "",
    ],
)
def test_an_answer_survives(assistant, question):
    answer = assistant.ask(question)
    assert load(json.loads(json.dumps(dump(answer)))) == replace(answer, hits={}, milliseconds={})


def test_an_answer_survives_to_what_no_comparison_sees():
    answer = an_answer("昌乐第六十条第三项", number=60, paragraph=1)
    again = load(json.loads(json.dumps(dump(answer))))
    locators = [[c.source.locator.sole for c in a.citations] for a in (answer, again)]
    assert locators[0] == locators[1] and True in locators[0]
    assert [c.source.label for c in again.citations] == [c.source.label for c in answer.citations]


@pytest.mark.parametrize(
    ("change", "said"),
    [({"format": 99}, "格式（99）"), ({"format": None}, "格式（None）"), ({"answer": {"question": "问"}}, "不完整")],
)
def test_what_is_no_saved_answer_is_said(change, said):
    with pytest.raises(StoreError, match=said):
        load(dump(an_answer()) | change)


# What is kept


def test_turns_come_back_as_they_were_appended(store, assistant):
    answer = assistant.ask("昌乐县政府常务会议多久开一次？")
    corpus = corpus_hash(assistant.index.regulations)
    key = store.create("甲").id
    store.append("甲", key, Asked(answer.question, answer, None, "昌乐县", "副县长", corpus))
    store.append("甲", key, Asked("然后呢", error="这个问题没能处理"))
    first, second = store.turns("甲", key)
    assert first.asked == Asked(
        answer.question, replace(answer, hits={}, milliseconds={}), None, "昌乐县", "副县长", corpus
    )
    assert second.asked == Asked("然后呢", error="这个问题没能处理")
    store.rate("甲", first.id, DOWN)
    (rated,) = store.rated()
    assert rated.prediction == to_prediction(answer) and len(rated.prediction["retrieved"]) >= 5
    assert (rated.corpus, rated.feedback, rated.history) == (corpus, DOWN, ())


@pytest.mark.parametrize(
    "question",
    [
        "字" * 10_000,
        "👨‍👩‍👧‍👦🇨🇳 请假？",
        "<script>alert(1)</script> ${x} `y`",
        "'; DROP TABLE turns; --",
        '"%_\\',
        "一\n\n\t二\r\n三",
        "עברית ‮反",
    ],
)
def test_any_question_is_kept_as_it_is(store, question):
    key, _ = begin(store, "甲", question)
    assert questions(store, "甲", key) == [question]
    (listed,) = store.conversations("甲", question)
    assert 0 < len(listed.title) <= 24 and "\n" not in listed.title


def test_what_no_database_holds_is_replaced(store):
    key, _ = begin(store, "甲", "坏\ud83d半个，\0零，" + "\ud83d\ude00")
    assert questions(store, "甲", key) == ["坏\ufffd半个，\ufffd零，😀"]


@pytest.mark.parametrize(
    ("question", "title"),
    [
        ("昌乐常务会议\n多久开一次？", "昌乐常务会议 多久开一次？"),
        ("问" * 30, "问" * 23 + "…"),
        (" \n\t", "新对话"),
        ("\x07\x1b[31m红", "[31m红"),
    ],
)
def test_titles(question, title):
    assert make_title(question) == title


def test_an_answer_of_another_version_does_not_hide_the_rest(store):
    key, _ = begin(store, "甲", "一", "二")
    with sqlite3.connect(store.path) as db:
        db.execute("""UPDATE turns SET answer = '{"format": 9}' WHERE position = 0""")
    first, second = store.turns("甲", key)
    assert first.asked.answer is None and "格式（9）" in first.asked.error
    assert second.asked.answer is not None


# What can be done with a conversation


def test_newest_first_and_empty_ones_not_listed(store, clock):
    keys = []
    for n in range(3):
        clock.now += 1
        keys.append(begin(store, "甲", f"第{n}个")[0])
    store.create("甲")
    assert [c.id for c in store.conversations("甲")] == keys[::-1]
    clock.now += 1
    store.append("甲", keys[0], a_turn("又问"))
    assert [(c.id, c.turns) for c in store.conversations("甲")] == [(keys[0], 2), (keys[2], 1), (keys[1], 1)]


def test_editing_replaces_all_that_follows(store):
    key, ids = begin(store, "甲", "一", "二", "三")
    store.rate("甲", ids[1], DOWN)
    again = store.append("甲", key, a_turn("二改"), at=1)
    assert questions(store, "甲", key) == ["一", "二改"] and again not in ids
    assert store.rated() == []
    with pytest.raises(StoreError):
        store.rate("甲", ids[1], DOWN)
    store.append("甲", key, a_turn("更后"), at=9)
    assert questions(store, "甲", key) == ["一", "二改", "更后"]
    store.append("甲", key, a_turn("全改"), at=0)
    assert store.conversation("甲", key).title == "全改"


def test_a_title_of_ones_own_stays(store):
    key, _ = begin(store, "甲", "一")
    assert store.rename("甲", key, "  请假\n的事 ") == "请假 的事"
    store.append("甲", key, a_turn("二"), at=0)
    assert store.conversation("甲", key).title == "请假 的事"
    with pytest.raises(StoreError, match="不能是空的"):
        store.rename("甲", key, " \n")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", {"a", "b", "c"}),
        ("100%", {"a"}),
        ("%", {"a"}),
        ("_", {"b"}),
        ("'", {"c"}),
        ('"', {"c"}),
        ("ＡＢ", {"b"}),
        ("ab 下划", {"b"}),
        ("每月召开 1-2 次", {"a", "b", "c"}),
        ("没有的话", set()),
        ("名称", {"c"}),
        ("第六十四条", set()),
    ],
)
def test_search(store, text, found):
    keys = {
        begin(store, "甲", "完成 100% 要多久")[0]: "a",
        begin(store, "甲", "aB_下划线")[0]: "b",
        begin(store, "甲", "'单引号\"双引号")[0]: "c",
    }
    store.rename("甲", next(k for k, v in keys.items() if v == "c"), "名称")
    begin(store, "乙", "完成 100% _ ' \" 名称")
    assert {keys[c.id] for c in store.conversations("甲", text)} == found


def test_feedback_changes_and_goes(store):
    key, (turn,) = begin(store)
    for feedback in (DOWN, Feedback(Verdict.UP), Feedback(Verdict.DOWN, Fault.MISSING, "👍" * 500)):
        store.rate("甲", turn, feedback)
        assert [t.feedback for t in store.turns("甲", key)] == [feedback]
    store.unrate("甲", turn)
    assert [t.feedback for t in store.turns("甲", key)] == [None] and store.rated() == []


def test_feedback_that_makes_no_sense():
    with pytest.raises(StoreError, match="最多写 500 字，现在是 501 字"):
        Feedback(Verdict.DOWN, None, "长" * 501)
    with pytest.raises(StoreError, match="不能带"):
        Feedback(Verdict.UP, Fault.MISSING)


@pytest.mark.parametrize("owner", ["乙", "", "甲 ", "' OR 1=1 --", "%"])
def test_nobody_reaches_what_is_anothers(store, owner):
    key, (turn,) = begin(store, "甲")
    store.rate("甲", turn, DOWN)
    deleted, _ = begin(store, "甲", "删了的")
    store.delete("甲", deleted)
    before = store.turns("甲", key)
    for attempt in (
        lambda: store.conversation(owner, key),
        lambda: store.turns(owner, key),
        lambda: store.append(owner, key, a_turn()),
        lambda: store.append(owner, key, a_turn(), at=0),
        lambda: store.rename(owner, key, "我的"),
        lambda: store.delete(owner, key),
        lambda: store.restore_conversation(owner, deleted),
        lambda: store.rate(owner, turn, Feedback(Verdict.UP)),
        lambda: store.unrate(owner, turn),
    ):
        with pytest.raises(StoreError, match=r"^(没有这|这个对话已经彻底删除)"):
            attempt()
    assert store.conversations(owner) == [] == store.conversations(owner, "昌乐")
    assert store.delete_all(owner) == 0
    assert store.turns("甲", key) == before and store.conversation("甲", key).title != "我的"
    store.restore_conversation("甲", deleted)


def test_an_owner_is_needed(store):
    with pytest.raises(ValueError, match="owner"):
        store.create("")


# Deleting and keeping


def test_delete_can_be_undone_for_a_day(store, clock):
    key, (turn,) = begin(store)
    store.rate("甲", turn, DOWN)
    store.delete("甲", key)
    assert store.conversations("甲") == [] == store.rated()
    with pytest.raises(StoreError, match="没有这个对话"):
        store.turns("甲", key)
    clock.now += DAY - 1
    assert store.purge(180) == 0
    store.restore_conversation("甲", key)
    assert [t.feedback for t in store.turns("甲", key)] == [DOWN]
    store.delete("甲", key)
    clock.now += DAY
    assert store.purge(180) == 1
    with pytest.raises(StoreError, match="找不回来"):
        store.restore_conversation("甲", key)


def test_purge_counts_from_the_last_question(store, clock):
    begin(store, "甲", "旧的")
    kept, _ = begin(store, "乙", "又问过的")
    store.create("丙")
    clock.now += 10 * DAY
    store.append("乙", kept, a_turn("再问"))
    assert store.purge(10) == 2
    assert store.conversations("甲") == [] and questions(store, "乙", kept) == ["又问过的", "再问"]
    assert store.purge(0) == 1


def test_a_store_in_use_sweeps_by_itself(tmp_path, clock):
    with Store(tmp_path / "c.db", keep_days=30, clock=clock) as store:
        begin(store, "甲", "旧的")
        clock.now += 31 * DAY
        begin(store, "乙", "新的")
        assert store.conversations("甲") == [] and len(store.conversations("乙")) == 1


@pytest.mark.parametrize("how", ["all", "purge"])
def test_what_is_removed_stands_nowhere_in_the_files(store, clock, how):
    key, _ = begin(store, "甲", "绝密的问题" * 300)
    begin(store, "乙", "别人的")
    store.delete("甲", key)
    assert "绝密的问题".encode() in everything(store)
    if how == "all":
        store.delete_all("甲")
    else:
        clock.now += DAY
        store.purge(180)
    assert "绝密的问题".encode() not in everything(store)
    assert "别人的".encode() in everything(store)


def everything(store):
    return b"".join(path.read_bytes() for path in store.path.parent.iterdir())


@pytest.mark.parametrize(
    ("value", "ok"), [("0", True), ("36500", True), ("-1", False), ("36501", False), ("半年", False)]
)
def test_days_to_keep(monkeypatch, value, ok):
    monkeypatch.setenv("XIANGUI_KEEP_DAYS", value)
    if ok:
        assert read_settings(Settings).keep_days == int(value)
    else:
        with pytest.raises(SettingError, match="XIANGUI_KEEP_DAYS"):
            read_settings(Settings)


def test_nothing_on_disk_when_nothing_is_to_be_kept(tmp_path):
    with open_store(Settings(home=tmp_path, keep_days=180)) as store:
        begin(store, "甲", "先前的")
    with open_store(Settings(home=tmp_path, keep_days=0)) as store:
        key, _ = begin(store, "甲", "现在的")
        assert questions(store, "甲", key) == ["现在的"] and len(store.conversations("甲")) == 1
        held = b"".join(path.read_bytes() for path in tmp_path.iterdir())
        assert "先前的".encode() not in held and "现在的".encode() not in held


# The file


@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
def test_the_files_are_the_owners_alone(store, tmp_path):
    begin(store)
    backup(store.path, tmp_path / "b.db")
    files = [*store.path.parent.iterdir(), tmp_path / "b.db"]
    assert {f.name for f in files} >= {"conversations.db", "conversations.db-wal", "b.db"}
    assert {stat.S_IMODE(f.stat().st_mode) for f in files} == {0o600}


@pytest.mark.parametrize("pragma", [f"user_version = {VERSION + 1}", "application_id = 7"])
def test_a_database_of_others_is_left_alone(store, pragma):
    begin(store)
    store.close()
    with sqlite3.connect(store.path) as db:
        db.execute(f"PRAGMA {pragma}")
    db.close()
    with pytest.raises(StoreError, match=r"更新版本|不是县规问答"):
        Store(store.path)


def test_many_threads_lose_nothing(store):
    shared = store.create("甲").id
    go = threading.Barrier(16)

    def write(n):
        go.wait()
        own, _ = begin(store, f"人{n}", *[f"{n}-{m}" for m in range(10)])
        for m in range(10):
            store.append("甲", shared, a_turn(f"{n}-{m}"))
        return own

    with ThreadPoolExecutor(16) as pool:
        keys = list(pool.map(write, range(16)))
    asked = questions(store, "甲", shared)
    assert sorted(asked) == sorted(f"{n}-{m}" for n in range(16) for m in range(10))
    for n, key in enumerate(keys):
        assert questions(store, f"人{n}", key) == [f"{n}-{m}" for m in range(10)]
        assert [q for q in asked if q.startswith(f"{n}-")] == [f"{n}-{m}" for m in range(10)]


WRITER = """
import sys
from pathlib import Path
from tests.test_store import Store, a_turn
store = Store(Path(sys.argv[1]))
key = store.create("甲").id
n = 0
while True:
    store.append("甲", key, a_turn(f"第{n}问" + "长" * 5000))
    print(key, n, flush=True)
    n += 1
"""


def writing_process(path):
    return subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True, cwd=ROOT)


def test_a_killed_process_and_a_backup_while_it_writes(tmp_path):
    path = tmp_path / "c.db"
    process = writing_process(path)
    try:
        lines = [process.stdout.readline() for _ in range(20)]
        backup(path, tmp_path / "live.db")
        with pytest.raises(StoreError, match="正在使用"):
            restore(tmp_path / "live.db", path)
        lines += [process.stdout.readline() for _ in range(20)]
    finally:
        process.kill()
        lines += process.communicate()[0].splitlines(keepends=True)
    finished = [int(line.split()[1]) for line in lines if line.endswith("\n")]
    key = lines[0].split()[0]
    assert check(path) == 1
    for file, least in ((path, len(finished)), (tmp_path / "live.db", 20)):
        with Store(file) as store:
            turns = store.turns("甲", key)
        assert len(turns) >= least
        assert [t.asked.question for t in turns] == [f"第{n}问" + "长" * 5000 for n in range(len(turns))]
        assert all(t.asked.answer is not None for t in turns)


# Backup and restore


def test_restore_brings_back_and_keeps_what_was(store, tmp_path):
    key, _ = begin(store, "甲", "先问的")
    assert backup(store.path, tmp_path / "b.db") == 1
    later, _ = begin(store, "甲", "后问的")
    store.close()
    kept = restore(tmp_path / "b.db", store.path)
    assert kept == store.path.with_name("conversations.db.before-restore")
    with Store(store.path) as now, Store(kept) as before:
        assert [c.id for c in now.conversations("甲")] == [key]
        assert {c.id for c in before.conversations("甲")} == {key, later}
    assert restore(tmp_path / "b.db", store.path).name == "conversations.db.before-restore-2"
    assert check(kept) == 2


def test_restore_where_there_was_nothing(store, tmp_path):
    key, _ = begin(store)
    backup(store.path, tmp_path / "b.db")
    assert restore(tmp_path / "b.db", tmp_path / "new" / "c.db") is None
    with Store(tmp_path / "new" / "c.db") as fresh:
        assert [c.id for c in fresh.conversations("甲")] == [key]
    assert {p.name for p in (tmp_path / "new").iterdir()} == {"c.db"}


def test_restore_in_place_of_a_ruin(store, tmp_path):
    key, _ = begin(store)
    backup(store.path, tmp_path / "b.db")
    store.close()
    store.path.write_bytes(b"not a database" * 1000)
    with pytest.raises(StoreError, match="web restore"):
        Store(store.path)
    kept = restore(tmp_path / "b.db", store.path)
    assert kept.read_bytes() == b"not a database" * 1000
    with Store(store.path) as again:
        assert [c.id for c in again.conversations("甲")] == [key]


def spoil(kind, file):
    if kind == "text":
        file.write_text("这不是数据库" * 500, encoding="utf-8")
    elif kind == "empty":
        file.write_bytes(b"")
    elif kind == "cut":
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    elif kind == "pages":
        size = file.stat().st_size
        file.write_bytes(file.read_bytes()[:8192] + os.urandom(size - 8192))
    elif kind == "gone":
        file.unlink()
    else:
        with sqlite3.connect(file) as db:
            db.execute(kind)
        db.close()


@pytest.mark.parametrize(
    "kind",
    [
        "text",
        "empty",
        "cut",
        "pages",
        "gone",
        f"PRAGMA user_version = {VERSION + 1}",
        "PRAGMA application_id = 1",
        "DELETE FROM conversations",
    ],
)
def test_restore_of_a_broken_file_changes_nothing(store, tmp_path, kind):
    begin(store, "甲", *[f"第{n}问" for n in range(30)])
    backup(store.path, tmp_path / "b.db")
    spoil(kind, tmp_path / "b.db")
    store.close()
    before = {p.name: p.read_bytes() for p in store.path.parent.iterdir()}
    with pytest.raises(StoreError):
        restore(tmp_path / "b.db", store.path)
    assert {p.name: p.read_bytes() for p in store.path.parent.iterdir()} == before


def test_restore_waits_for_no_server(store, tmp_path):
    key, _ = begin(store)
    backup(store.path, tmp_path / "b.db")
    with pytest.raises(StoreError, match="先停止问答服务"):
        restore(tmp_path / "b.db", store.path)
    assert not list(store.path.parent.glob("*before-restore*"))
    store.append("甲", key, a_turn("还能问"))
    assert len(store.turns("甲", key)) == 2


def test_a_backup_that_fails_leaves_the_earlier_one(store, tmp_path):
    begin(store)
    with pytest.raises(StoreError, match="请换一个文件名"):
        backup(store.path, store.path)
    with pytest.raises(StoreError, match="还没有保存过"):
        backup(tmp_path / "none.db", tmp_path / "b.db")
    (tmp_path / "b.db").mkdir()
    with pytest.raises(StoreError, match="写不到"):
        backup(store.path, tmp_path / "b.db")
    assert {p.name for p in tmp_path.iterdir()} == {"home", "b.db"}


# The command line


@pytest.fixture
def command(store, monkeypatch):
    monkeypatch.setenv("XIANGUI_HOME", str(store.path.parent))
    return lambda *arguments: CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)


def test_commands_back_up_and_restore(store, command, tmp_path):
    key, _ = begin(store)
    said = command("backup", tmp_path / "b.db")
    assert said.exit_code == 0 and "1 个对话" in said.output
    store.delete_all("甲")
    store.close()
    said = command("restore", tmp_path / "b.db")
    assert said.exit_code == 0 and "before-restore" in said.output
    with Store(store.path) as again:
        assert [c.id for c in again.conversations("甲")] == [key]


def test_command_purges_by_the_setting_or_by_days(store, command, clock, monkeypatch):
    begin(store)
    assert "1 个" in command("purge").output  # the clock of the store stands in 2023
    begin(store)
    assert "0 个" in command("purge", "--days", 36500).output
    assert command("purge", "--days", -1).exit_code == 2


def test_command_exports_feedback_as_candidates(store, command, tmp_path):
    key, (_, second) = begin(store, "甲", "昌乐常务会议多久开一次？", "那专题会议呢？")
    refused = Refusal(Why.SILENT, "昌乐县", "昌乐县的规则没有写明这一点。")
    third = store.append(
        "甲", key, Asked("食堂几点？", Answer("食堂几点？", "食堂几点？", ("昌乐县",), (), (refused,)), corpus="c3")
    )
    store.rate("甲", second, DOWN)
    store.rate("甲", third, Feedback(Verdict.UP))
    out = tmp_path / "f.jsonl"
    said = command("feedback", "--out", out)
    assert said.exit_code == 0 and "2 条" in said.output
    first, last = (json.loads(line) for line in out.read_text(encoding="utf-8").splitlines())
    assert first["question"] == "那专题会议呢？" and first["id"] == f"feedback-{second}"
    assert [m["role"] for m in first["history"]] == ["user", "assistant"]
    assert first["history"][0]["content"] == "昌乐常务会议多久开一次？"
    assert (first["gold"], first["facts"], first["type"], first["answerable"]) == ([], [], None, None)
    assert (first["county"], first["ui_county"]) == ("昌乐县", "昌乐县")
    about = first["feedback"]
    assert (about["verdict"], about["fault"], about["comment"]) == ("down", "引用有误", "第二款才对")
    assert (about["corpus"], about["role"]) == ("abc", "副县长")
    quote = "县政府常务会议一般每月召开 1-2 次"
    assert any(c["article"] == 46 and quote in c["quote"] for c in about["prediction"]["citations"])
    assert last["feedback"]["verdict"] == "up" and last["feedback"]["prediction"]["refused"]
    assert "甲" not in out.read_text(encoding="utf-8")


def test_a_candidate_becomes_a_case(store, command, tmp_path):
    from eval.case import check as check_cases
    from eval.case import read_cases
    from ingest.errors import CaseError

    _, (turn,) = begin(store)
    store.rate("甲", turn, DOWN)
    out = tmp_path / "f.jsonl"
    command("feedback", "--out", out)
    with pytest.raises(CaseError):
        read_cases(out)
    row = json.loads(out.read_text(encoding="utf-8"))
    del row["feedback"]
    row |= {"type": "fact", "answerable": True, "facts": ["1-2 次"]}
    row["gold"] = [{"county": "昌乐县", "article": 46, "quote": "县政府常务会议一般每月召开 1-2 次"}]
    out.write_text(json.dumps(row, ensure_ascii=False), encoding="utf-8")
    assert check_cases(read_cases(out)) == []
