"""How long people wait who ask at once, also while a language model is slow; measured over HTTP."""

from __future__ import annotations

import asyncio
import secrets
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import cycle, islice
from statistics import median
from typing import NamedTuple

import httpx
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse

from assistant.settings import Settings
from eval.bench import serving

SEARCHED = tuple(f"{county}政府常务会议多久开一次？" for county in ("昌乐", "平阴", "乾安", "沂源", "渠县"))
"""Questions whose answer a language model, if there is one, puts in order."""
FETCHED = tuple(f"{county}规则第三十条" for county in ("昌乐", "平阴", "乾安", "沂源", "渠县"))
"""Questions that none is asked about: the article is named."""


class Wait(NamedTuple):
    """How long people waited who asked at once.

    Attributes:
        name: what was asked.
        median: seconds to the answer.
        longest: seconds that the last one waited.
        people: how many asked.

    """

    name: str
    median: float
    longest: float
    people: int


def crowd(settings: Settings, people: int, reply_seconds: float) -> list[Wait]:
    """Let people ask at once, without and with a language model that takes its time.

    Args:
        settings: where the index is.
        people: how many ask; beside the slow model, as many again whose questions do not need it.
        reply_seconds: how long the model takes for a reply.

    """
    plain = settings.model_copy(update={"llm_base_url": None, "llm_model": None})
    with serving(plain, XIANGUI_LLM_BASE_URL="", XIANGUI_LLM_MODEL="") as url:
        waits = [_wait("没有大模型", _ask(url, list(islice(cycle(SEARCHED), people))))]
    with _slow_model(reply_seconds) as model, serving(plain, XIANGUI_LLM_BASE_URL=model, XIANGUI_LLM_MODEL="m") as url:
        mixed = [q for pair in zip(cycle(SEARCHED), islice(cycle(FETCHED), people), strict=False) for q in pair]
        seconds = _ask(url, mixed)
        waits.append(_wait(f"大模型每次 {reply_seconds:g} 秒，要用大模型的", seconds[::2]))
        waits.append(_wait("同时，不用大模型的", seconds[1::2]))
        seconds = _ask(url, list(islice(cycle(SEARCHED), people)), _until_quoted)
        waits.append(_wait("页面上要用大模型的，先见到原文", seconds))
    return waits


def _wait(name: str, seconds: list[float]) -> Wait:
    return Wait(name, median(seconds), max(seconds), len(seconds))


def _answer(client: httpx.Client, question: str) -> None:
    """Ask through the page's queue, as a browser does, without what gradio_client does besides."""
    event = client.post("/gradio_api/call/ask", json={"data": [question, ""]}).raise_for_status().json()["event_id"]
    sent = client.get(f"/gradio_api/call/ask/{event}").raise_for_status().text
    if "event: complete" not in sent:
        raise RuntimeError(f"no answer: {sent[:200]}")


def _until_quoted(client: httpx.Client, question: str) -> None:
    """Ask in the conversation itself, and read on until the rule's words are on the page."""
    config = client.get("/config").raise_for_status().json()
    parts = {part["id"]: part["props"] for part in config["components"]}
    field = next(key for key, part in parts.items() if part.get("elem_id") == "question")
    event = next(event for event in config["dependencies"] if [field, "submit"] in event["targets"])
    data = [question if key == field else parts[key].get("value") for key in event["inputs"]]
    session = secrets.token_hex(8)
    asked = {"data": data, "fn_index": event["id"], "session_hash": session}
    client.post("/gradio_api/queue/join", json=asked).raise_for_status()
    with client.stream("GET", "/gradio_api/queue/data", params={"session_hash": session}) as sent:
        if not any(r"class=\"said\"" in line for line in sent.iter_lines()):
            raise RuntimeError("no answer")


def _ask(url: str, questions: list[str], answer: Callable[[httpx.Client, str], None] = _answer) -> list[float]:
    """Ask all at once, each over a connection of its own; return the seconds each one waited."""
    together = threading.Barrier(len(questions))
    with ExitStack() as opened, ThreadPoolExecutor(len(questions)) as pool:
        verify = ssl.create_default_context()  # made once: each takes longer than an answer
        clients = [opened.enter_context(httpx.Client(base_url=url, timeout=120, verify=verify)) for _ in questions]

        def one(client: httpx.Client, question: str) -> float:
            _answer(client, FETCHED[0])
            together.wait()
            start = time.perf_counter()
            answer(client, question)
            return time.perf_counter() - start

        return list(pool.map(one, clients, questions))


@contextmanager
def _slow_model(seconds: float) -> Iterator[str]:
    """Serve a language model that says nothing of use, late."""
    app = FastAPI()

    @app.post("/v1/chat/completions")
    async def complete(request: Request) -> StreamingResponse:
        return StreamingResponse(_late(seconds), media_type="text/event-stream")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        finally:
            server.should_exit = True
            thread.join()


async def _late(seconds: float) -> AsyncIterator[str]:
    await asyncio.sleep(seconds)
    yield (
        'data: {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m",'
        ' "choices": [{"index": 0, "delta": {"role": "assistant", "content": "[]"}, "finish_reason": "stop"}]}\n\n'
    )
    yield "data: [DONE]\n\n"
