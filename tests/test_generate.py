"""Questions written by a language model: a scripted server speaks the real protocol."""

import json

import pytest

from assistant.settings import Settings
from index import library
from index.generate import open_llm, write_questions
from index.questions import for_regulations, read_bank
from ingest.corpus import BUNDLED, ingest
from ingest.errors import SettingError, XianguiError

RULE = next(r for r in ingest([BUNDLED]).regulations if r.county == "渠县")


@pytest.fixture
def settings(server, tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    (source / RULE.file).write_bytes((BUNDLED / RULE.file).read_bytes())
    return Settings(home=tmp_path / "home", source=source, llm_base_url=server.url, llm_model="scripted")


def in_prompt(prompt):
    return next(a for a in RULE.articles if a.text in prompt)


def well(prompt):
    article = in_prompt(prompt)
    return (
        "好的：\n```json\n"
        + json.dumps(
            [
                {"question": f"第{article.number}个话题是咋规定的？", "quote": article.text[:12]},
                {"question": "编出来的问题一个？", "quote": "条文里没有的话"},
                {"question": 7, "quote": article.text[:5]},
                "不是对象",
            ],
            ensure_ascii=False,
        )
        + "\n```"
    )


def test_questions_are_kept_only_with_words_of_the_article(server, settings):
    server.reply = well
    path = settings.generated / "q.jsonl"
    assert write_questions(RULE, open_llm(settings), path) == []
    bank = read_bank(settings.generated)
    assert len(bank) == len(RULE.articles) == len(server.prompts)
    assert all(q.generated and "编出来" not in q.question for q in bank)
    assert {json.loads(line)["model"] for line in path.read_text(encoding="utf-8").splitlines()} == {"scripted"}
    grouped = for_regulations(bank, [RULE])
    assert {number for _, number in grouped} == {a.number for a in RULE.articles}


def test_generated_questions_reach_the_index_beside_those_carried_over(server, settings, tmp_path):
    server.reply = well
    others = tmp_path / "bank"
    others.mkdir()
    lines = [
        json.dumps({"county": q.county, "article": q.article, "question": q.question, "quote": q.quote})
        for q in read_bank(leave_out="渠县")
    ]
    (others / "others.jsonl").write_text("\n".join(lines[::20]) + "\n", encoding="utf-8")
    write_questions(RULE, open_llm(settings), settings.generated / "q.jsonl")
    library.rebuild(settings.model_copy(update={"questions": others}))
    opened = library.Library(settings.model_copy(update={"questions": others}))
    index = opened.index()
    hit = index.search(index.prepare("第30个话题是咋规定的？"), index.regulations[0], 1)[0]
    assert hit.article.number == 30
    assert hit.similar[0].question.generated
    assert {
        s.question.generated for h in index.search(index.prepare("常务会议多久开一次"), RULE) for s in h.similar
    } == {
        True,
        False,
    }
    opened.close()


def test_what_is_interrupted_goes_on_where_it_stopped(server, settings):
    path = settings.generated / "q.jsonl"
    server.reply = lambda prompt: well(prompt) if in_prompt(prompt).number <= 5 else None
    with pytest.raises(XianguiError, match=r"scripted 没有回答.*XIANGUI_LLM_BASE_URL"):
        write_questions(RULE, open_llm(settings), path)
    with path.open("a", encoding="utf-8") as file:
        file.write('{"county": "渠县", "art')  # killed while writing
    server.prompts.clear()
    server.reply = well
    write_questions(RULE, open_llm(settings), path)
    assert min(in_prompt(prompt).number for prompt in server.prompts) == 6
    assert len(read_bank(settings.generated)) == len(RULE.articles)


@pytest.mark.parametrize("reply", ["", "不知道", "[{", '{"question": "什么", "quote": "x"}', "[[]]"])
def test_nonsense_is_reported_article_by_article(server, settings, reply):
    server.reply = lambda prompt: reply
    failed = write_questions(RULE, open_llm(settings), settings.generated / "q.jsonl")
    assert len(failed) == len(RULE.articles)
    assert failed[0] == "渠县第 1 条：模型没有给出可用的问题"


def test_without_a_server_the_settings_are_named(settings):
    with pytest.raises(SettingError, match=r"XIANGUI_LLM_BASE_URL.*XIANGUI_LLM_MODEL"):
        open_llm(settings.model_copy(update={"llm_model": None}))
    dead = settings.model_copy(update={"llm_base_url": "http://127.0.0.1:9/v1"})
    with pytest.raises(XianguiError, match="没有回答"):
        write_questions(RULE, open_llm(dead), settings.generated / "q.jsonl")
