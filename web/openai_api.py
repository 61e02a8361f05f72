"""The assistant as a model of an OpenAI-compatible server: /v1/models and /v1/chat/completions."""

from __future__ import annotations

import json
import logging
import secrets
import time
from collections.abc import AsyncIterator
from typing import Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from assistant.answer import Answer, plain_text, to_prediction
from assistant.ask import Assistant
from ingest.errors import SettingError, XianguiError

log = logging.getLogger(__name__)

MODEL = "xiangui"
LONGEST = 10_000
"""Characters of a message of the user."""
REMEMBERED = 40
"""Earlier messages that are looked at."""


class _Given(BaseModel):
    model_config = ConfigDict(extra="ignore")


class Part(_Given):
    """A part of a message; only texts are read."""

    type: str = "text"
    text: str | None = None


class Message(_Given):
    """A message of the conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[Part] | None = None

    @property
    def text(self) -> str:
        """What is said, without pictures and the like."""
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content if part.type == "text" and part.text)
        return self.content or ""


class StreamOptions(_Given):
    """What a stream ends with."""

    include_usage: bool = False


class Completion(_Given):
    """A request; what an extractive assistant has no use for (temperature, …) is ignored.

    Attributes:
        county: the county where the question names none (a field of ours).

    """

    model: str = MODEL
    messages: list[Message] = Field(min_length=1)
    stream: bool = False
    stream_options: StreamOptions | None = None
    county: str | None = None


class BadRequest(Exception):
    """A request that cannot be answered; the message is for whoever sent it."""

    def __init__(self, message: str, param: str | None = None, code: str | None = None, status: int = 400) -> None:
        super().__init__(message)
        self.message, self.param, self.code, self.status = message, param, code, status

    def body(self) -> dict[str, Any]:
        """Write it as OpenAI writes errors."""
        kind = "invalid_request_error" if self.status < 500 else "server_error"
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}}


def api_router(assistant: Assistant) -> APIRouter:
    """Make the routes."""
    router = APIRouter(prefix="/v1")

    @router.get("/models")
    def models() -> dict[str, Any]:
        return {"object": "list", "data": [_MODEL]}

    @router.get("/models/{name}")
    def model(name: str) -> Response:
        return JSONResponse(_MODEL) if name == MODEL else _refused(_no_model(name))

    @router.post("/chat/completions")
    async def complete(request: Request) -> Response:
        try:
            asked = read(await request.body())
            county = assistant.find_county(asked.county)
        except BadRequest as error:
            return _refused(error)
        except SettingError as error:
            return _refused(BadRequest(str(error), "county"))
        if asked.stream:
            headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
            return StreamingResponse(_stream(assistant, asked, county), media_type="text/event-stream", headers=headers)
        try:
            answer = await run_in_threadpool(_answer, assistant, asked, county)
        except BadRequest as error:
            return _refused(error)
        return JSONResponse(_whole(asked, answer))

    return router


_MODEL = {"id": MODEL, "object": "model", "created": 0, "owned_by": MODEL}


def read(body: bytes) -> Completion:
    """Read a request and check that it holds a question.

    Raises:
        BadRequest: it does not.

    """
    try:
        asked = Completion.model_validate_json(body)
    except ValidationError as error:
        first = error.errors()[0]
        if first["type"] == "json_invalid":
            raise BadRequest("请求不是有效的 JSON") from error
        place = ".".join(str(part) for part in first["loc"])
        raise BadRequest(f"{place} 不对：{first['msg']}", place) from error
    if asked.model != MODEL:
        raise _no_model(asked.model)
    if asked.messages[-1].role != "user" or not asked.messages[-1].text.strip():
        raise BadRequest("最后一条消息要是 user 的问题", "messages")
    if any(len(message.text) > LONGEST for message in asked.messages if message.role == "user"):
        raise BadRequest(f"一条消息最多 {LONGEST} 个字", "messages", "string_above_max_length")
    return asked


def _no_model(name: str) -> BadRequest:
    return BadRequest(f"没有模型“{name}”，请用 {MODEL}", "model", "model_not_found", 404)


def _refused(error: BadRequest) -> Response:
    return JSONResponse(error.body(), error.status)


def _answer(assistant: Assistant, asked: Completion, county: str | None) -> Answer:
    """Ask the assistant; earlier messages are the history, instructions are not followed."""
    spoken = [m for m in asked.messages[:-1] if m.role in ("user", "assistant")][-REMEMBERED:]
    history = [{"role": message.role, "content": message.text} for message in spoken]
    try:
        return assistant.ask(asked.messages[-1].text, history, county)
    except XianguiError as error:
        raise BadRequest(str(error), status=503) from error
    except Exception as error:  # the caller is told, the log has the trace
        log.exception("a question failed")
        raise BadRequest("这个问题没能处理", status=500) from error


def _whole(asked: Completion, answer: Answer) -> dict[str, Any]:
    text = plain_text(answer)
    message = {"role": "assistant", "content": text}
    return {
        **_head("chat.completion"),
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        "usage": _usage(asked, text),
        "xiangui": to_prediction(answer),
    }


async def _stream(assistant: Assistant, asked: Completion, county: str | None) -> AsyncIterator[str]:
    """Send the answer line by line once it is whole: what comes before may still change its numbers."""
    head = _head("chat.completion.chunk")
    usage = {"usage": None} if asked.stream_options and asked.stream_options.include_usage else {}
    yield _event({**head, "choices": [_choice({"role": "assistant", "content": ""})], **usage})
    try:
        answer = await run_in_threadpool(_answer, assistant, asked, county)
    except BadRequest as error:
        yield _event(error.body())
        return
    text = plain_text(answer)
    for line in text.splitlines(keepends=True):
        yield _event({**head, "choices": [_choice({"content": line})], **usage})
    yield _event({**head, "choices": [_choice({}, "stop")], "xiangui": to_prediction(answer), **usage})
    if usage:
        yield _event({**head, "choices": [], "usage": _usage(asked, text)})
    yield "data: [DONE]\n\n"


def _event(data: dict[str, Any]) -> str:
    return f"data: {json.dumps(data, ensure_ascii=False)}\n\n"


def _head(kind: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-{secrets.token_hex(12)}", "object": kind, "created": int(time.time()), "model": MODEL}


def _choice(delta: dict[str, str], reason: str | None = None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}


def _usage(asked: Completion, text: str) -> dict[str, int]:
    """Count characters, since no tokens are made."""
    prompt = sum(len(message.text) for message in asked.messages)
    return {"prompt_tokens": prompt, "completion_tokens": len(text), "total_tokens": prompt + len(text)}
