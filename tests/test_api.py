"""The API as programs use it: the official OpenAI client, gradio_client, an MCP client, each over HTTP."""

import asyncio
import importlib.util
import threading
from concurrent.futures import ThreadPoolExecutor

import gradio as gr
import httpx
import openai
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

import web.server
from assistant.answer import plain_text, to_prediction
from assistant.ask import Assistant
from assistant.llm import LlmWriter
from assistant.settings import Settings
from index.generate import open_llm
from index.library import Library
from ingest.errors import SettingError
from tests.scripted import Server as Scripted
from web import tools
from web.openai_api import LONGEST
from web.server import Server, make_app
from web.users import open_users

QUESTION = "昌乐县政府常务会议多久开一次？"
LABEL = "《昌乐县人民政府工作规则》（乐政发〔2022〕7号）第四十六条第二款"
SENTENCE = "县政府常务会议一般每月召开 1-2 次，如有需要可临时召开。"
MCP = importlib.util.find_spec("mcp") is not None


def served(assistant, settings, users=None):
    with gr.Blocks(analytics_enabled=False) as ui:
        tools.register(assistant)
    server = Server(make_app(ui, assistant, settings, users), "127.0.0.1", 0)
    server.start()
    return server


@pytest.fixture(scope="module")
def server(assistant, settings):
    running = served(assistant, settings.model_copy(update={"mcp": MCP}))
    yield running
    running.close()


@pytest.fixture(scope="module")
def client(server):
    return openai.OpenAI(base_url=f"{server.url}v1", api_key="none", max_retries=0)


def ask(question):
    return [{"role": "user", "content": question}]


# OpenAI --------------------------------------------------------------------------------------


def test_the_model_is_listed(client):
    assert [model.id for model in client.models.list()] == ["xiangui"]
    assert client.models.retrieve("xiangui").id == "xiangui"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("gpt")


def test_whole_answer(client, assistant):
    answer = client.chat.completions.create(model="xiangui", messages=ask(QUESTION), temperature=0.3)
    expected = assistant.ask(QUESTION)
    assert answer.choices[0].message.content == plain_text(expected)
    assert answer.choices[0].finish_reason == "stop"
    assert answer.xiangui["citations"] == to_prediction(expected)["citations"]
    assert answer.xiangui["citations"][0]["label"] == LABEL
    assert answer.usage.completion_tokens == len(plain_text(expected))


@pytest.mark.parametrize("question", [QUESTION, "各县的常务会议多久开一次？", "昌乐的县长办公会议谁主持？"])
def test_streamed_answer_is_the_same(client, assistant, question):
    options = {"include_usage": True}
    chunks = list(
        client.chat.completions.create(model="xiangui", messages=ask(question), stream=True, stream_options=options)
    )
    said = [chunk for chunk in chunks if chunk.choices]
    assert "".join(chunk.choices[0].delta.content or "" for chunk in said) == plain_text(assistant.ask(question))
    assert len(said) > 3
    assert said[0].choices[0].delta.role == "assistant"
    assert [chunk.choices[0].finish_reason for chunk in said] == [None] * (len(said) - 1) + ["stop"]
    assert said[-1].xiangui["question"] == question
    assert chunks[-1].choices == []
    assert chunks[-1].usage.total_tokens == len(question) + len(plain_text(assistant.ask(question)))


def test_stream_without_usage_ends_with_done(server):
    asked = {"model": "xiangui", "messages": ask(QUESTION), "stream": True}
    sent = httpx.post(f"{server.url}v1/chat/completions", json=asked, timeout=30)
    assert sent.headers["content-type"].startswith("text/event-stream")
    lines = [line for line in sent.text.split("\n\n") if line]
    assert lines[-1] == "data: [DONE]"
    assert '"finish_reason": "stop"' in lines[-2]
    assert '"usage"' not in sent.text


def test_earlier_messages_are_the_history(client):
    messages = [
        {"role": "system", "content": "你只用英文回答：乾安县"},
        {"role": "user", "content": [{"type": "text", "text": QUESTION}, {"type": "image_url", "image_url": {}}]},
        {"role": "assistant", "content": SENTENCE},
        {"role": "user", "content": [{"type": "text", "text": "那沂源呢？"}]},
    ]
    answer = client.chat.completions.create(model="xiangui", messages=messages)
    assert answer.xiangui["counties"] == ["沂源县"]
    assert "每两周召开1次" in answer.choices[0].message.content


def test_county_may_be_given(client):
    asked = {"model": "xiangui", "messages": ask("政府常务会议多久开一次？")}
    answer = client.chat.completions.create(**asked, extra_body={"county": "渠县"})
    assert answer.xiangui["counties"] == ["渠县"]
    with pytest.raises(openai.BadRequestError, match="没有“火星县”的规则"):
        client.chat.completions.create(**asked, extra_body={"county": "火星县"})


@pytest.mark.parametrize(
    ("messages", "param"),
    [
        ([], "messages"),
        ([{"role": "user", "content": "  "}], "messages"),
        ([{"role": "assistant", "content": "好"}], "messages"),
        ([{"role": "user", "content": "问" * (LONGEST + 1)}], "messages"),
        ([{"role": "king", "content": "问"}], "messages.0.role"),
        ([{"content": "问"}], "messages.0.role"),
        ("问", "messages"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_bad_messages_are_told_in_openai_s_form(client, messages, param, stream):
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model="xiangui", messages=messages, stream=stream)
    assert refused.value.param == param
    assert refused.value.type == "invalid_request_error"
    assert refused.value.body["message"]


def test_the_longest_question_is_taken(client):
    answer = client.chat.completions.create(model="xiangui", messages=ask("请假" + "啊" * (LONGEST - 2)))
    assert answer.choices[0].message.content


@pytest.mark.parametrize("body", [b"{", b"", b"[]", b'"x"', b"\xff\xfe"])
def test_bad_json_is_told(server, body):
    answer = httpx.post(f"{server.url}v1/chat/completions", content=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_another_model_is_not_there(client):
    with pytest.raises(openai.NotFoundError) as refused:
        client.chat.completions.create(model="gpt-4", messages=ask(QUESTION))
    assert refused.value.code == "model_not_found"


@pytest.mark.parametrize("stream", [False, True])
def test_a_failure_is_told_and_the_next_question_answered(client, monkeypatch, stream):
    with monkeypatch.context() as broken:
        broken.setattr(Assistant, "ask", lambda *_: 1 / 0)
        with pytest.raises(openai.APIError, match="没能处理"):
            list(client.chat.completions.create(model="xiangui", messages=ask(QUESTION), stream=stream))
    assert client.chat.completions.create(model="xiangui", messages=ask(QUESTION)).choices


def test_a_token_opens_the_api_where_sign_in_is_on(assistant, settings, tmp_path):
    users = open_users(settings.model_copy(update={"home": tmp_path}))
    users.add("王五", "知道了就好-Abc2")
    running = served(assistant, settings.model_copy(update={"sign_in": True}), users)
    try:
        address = f"{running.url}v1"
        with pytest.raises(openai.AuthenticationError):
            openai.OpenAI(base_url=address, api_key="none").models.list()
        allowed = openai.OpenAI(base_url=address, api_key=users.make_token("王五"))
        assert allowed.chat.completions.create(model="xiangui", messages=ask(QUESTION)).xiangui["counties"] == [
            "昌乐县"
        ]
    finally:
        running.close()


# many at once --------------------------------------------------------------------------------


def test_ten_at_once_get_their_own_answers(client, assistant):
    questions = [f"{county}政府常务会议多久开一次？" for county in assistant.counties * 2]
    with ThreadPoolExecutor(10) as pool:
        answers = list(
            pool.map(lambda q: client.chat.completions.create(model="xiangui", messages=ask(q)).xiangui, questions)
        )
    assert [answer["question"] for answer in answers] == questions
    assert [answer["counties"] for answer in answers] == [[county] for county in assistant.counties * 2]


def test_waiting_for_a_language_model_keeps_nobody_else_waiting(settings):
    """As many questions as ten people ask wait for the model; one that needs none is answered meanwhile."""
    answered = threading.Event()
    arrived = threading.Semaphore(0)

    def reply(prompt):
        arrived.release()
        answered.wait(60)
        return "[]"

    scripted = Scripted()
    scripted.reply = reply
    own = settings.model_copy(update={"llm_base_url": scripted.url, "llm_model": "m"})
    library = Library(own)
    running = served(Assistant(library, own, LlmWriter(open_llm(own, temperature=0.0, retries=0), 60)), own)
    try:
        client = openai.OpenAI(base_url=f"{running.url}v1", api_key="none", max_retries=0)
        with ThreadPoolExecutor(10) as pool:
            waiting = [
                pool.submit(lambda: client.chat.completions.create(model="xiangui", messages=ask(QUESTION)))
                for _ in range(10)
            ]
            for _ in range(10):
                assert arrived.acquire(timeout=60)
            fetched = Client(running.url, verbose=False).predict("昌乐", 46, api_name="/article")
            refused = client.chat.completions.create(model="xiangui", messages=ask("昌乐的县长办公会议谁主持？"))
            assert not any(future.done() for future in waiting)
            answered.set()
            assert all(SENTENCE in future.result().choices[0].message.content for future in waiting)
        assert SENTENCE in fetched["text"]
        assert refused.xiangui["refused"]
    finally:
        answered.set()
        running.close()
        library.close()
        scripted.close()


# endpoints -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def program(server):
    return Client(server.url, verbose=False)


def test_three_endpoints_are_documented(program):
    named = program.view_api(return_format="dict")["named_endpoints"]
    assert list(named) == ["/ask", "/article", "/compare"]
    for endpoint in named.values():
        assert "县" in endpoint["description"]
        assert "county" in endpoint["description"]
        assert endpoint["returns"]
    assert [p["parameter_name"] for p in named["/article"]["parameters"]] == ["county", "number", "branch"]


def test_ask(program, assistant):
    prediction = program.predict(QUESTION, api_name="/ask")
    assert prediction["answer"] == plain_text(assistant.ask(QUESTION))
    assert program.predict("政府常务会议多久开一次？", "渠县", api_name="/ask")["counties"] == ["渠县"]


def test_article_with_its_neighbours(program):
    found = program.predict("昌乐", 46, api_name="/article")
    assert found["label"] == "《昌乐县人民政府工作规则》（乐政发〔2022〕7号）第四十六条"
    assert SENTENCE in found["text"]
    assert (found["previous"]["label"], found["next"]["label"]) == ("第四十五条", "第四十七条")
    assert found["chapter"].startswith("第")
    assert program.predict("昌乐县", 1, api_name="/article")["previous"] is None


def test_compare(program):
    compared = program.predict("政府常务会议多久开一次？", ["昌乐", "沂源县"], api_name="/compare")
    assert [row["county"] for row in compared["rows"]] == ["昌乐县", "沂源县"]
    assert SENTENCE in compared["rows"][0]["words"]
    assert compared["rows"][0]["citations"][0]["label"] == LABEL
    assert "每两周召开1次" in compared["rows"][1]["words"]
    assert "昌乐" in compared["difference"]


def test_compare_all_and_the_silent(program, assistant):
    compared = program.predict("县长办公会议谁主持？", api_name="/compare")
    assert [row["county"] for row in compared["rows"]] == assistant.counties
    silent = [row for row in compared["rows"] if not row["answered"]]
    assert silent
    for row in silent:
        assert (row["words"], row["citations"]) == ("未规定", [])
        assert row["reason"]


@pytest.mark.parametrize(
    ("arguments", "endpoint", "told"),
    [
        ((" ",), "/ask", "没有看到问题"),
        (("问" * 10_001,), "/ask", "最多 10000 个字"),
        ((QUESTION, "火星县"), "/ask", "没有“火星县”的规则"),
        (("昌乐", 999), "/article", "昌乐县没有第九百九十九条"),
        ((QUESTION, ["火星县"]), "/compare", "没有“火星县”的规则"),
    ],
)
def test_what_is_wrong_is_told(program, arguments, endpoint, told):
    with pytest.raises(AppError, match=told):
        program.predict(*arguments, api_name=endpoint)


# MCP -----------------------------------------------------------------------------------------


def test_without_mcp_it_is_told_what_to_install(monkeypatch, assistant):
    monkeypatch.setattr(web.server, "find_spec", lambda name: None)
    with pytest.raises(SettingError, match="pip install"):
        make_app(gr.Blocks(), assistant, Settings(mcp=True), None)


async def with_mcp(url, work, headers=None):
    from mcp import ClientSession
    from mcp.client.streamable_http import streamable_http_client

    async with (
        httpx.AsyncClient(headers=headers, timeout=30) as http,
        streamable_http_client(f"{url}gradio_api/mcp/", http_client=http) as (reads, writes, _),
        ClientSession(reads, writes) as session,
    ):
        await session.initialize()
        return await work(session)


@pytest.mark.skipif(not MCP, reason="mcp is not installed: pip install '.[mcp]'")
def test_mcp_client_uses_the_tools(server):
    async def work(session):
        listed = (await session.list_tools()).tools
        answer = await session.call_tool("ask", {"question": QUESTION})
        article = await session.call_tool("article", {"county": "昌乐县", "number": 46})
        compared = await session.call_tool(
            "compare", {"question": "常务会议多久开一次？", "counties": ["昌乐县", "渠县"]}
        )
        wrong = await session.call_tool("article", {"county": "昌乐县", "number": 999})
        return listed, answer, article, compared, wrong

    listed, answer, article, compared, wrong = asyncio.run(with_mcp(server.url, work))
    assert [tool.name for tool in listed] == ["ask", "article", "compare"]
    assert "按县人民政府工作规则" in listed[0].description
    assert listed[1].inputSchema["properties"]["number"]["type"] == "integer"
    assert listed[2].inputSchema["properties"]["counties"]["type"] == "array"
    assert LABEL in answer.content[0].text
    assert SENTENCE in article.content[0].text
    assert "渠县" in compared.content[0].text
    assert wrong.isError
    assert "没有第九百九十九条" in wrong.content[0].text


@pytest.mark.skipif(not MCP, reason="mcp is not installed: pip install '.[mcp]'")
def test_mcp_needs_a_token_where_sign_in_is_on(assistant, settings, tmp_path):
    users = open_users(settings.model_copy(update={"home": tmp_path}))
    users.add("王五", "知道了就好-Abc2")
    running = served(assistant, settings.model_copy(update={"sign_in": True, "mcp": True}), users)

    async def work(session):
        return await session.call_tool("ask", {"question": QUESTION})

    try:
        assert httpx.post(f"{running.url}gradio_api/mcp/", json={}).status_code == 401
        allowed = {"Authorization": f"Bearer {users.make_token('王五')}"}
        assert LABEL in asyncio.run(with_mcp(running.url, work, allowed)).content[0].text
    finally:
        running.close()
