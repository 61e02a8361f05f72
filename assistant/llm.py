"""A language model as writer, by choice: it may put the rule's words in order.

Which passages answer is decided without it, so that no reply, however made, can add a source or take
one away. It is given those passages, each with a key, and answers with statements that name a key and
quote the passage. What does not stand the check is not shown: an unknown key, a quote that is not in
the passage, or words that are not all of its clauses; the passage itself is shown instead. A reply
that does not come, or holds nothing that can be used, leaves the extractive answer, with a notice.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import httpx
import openai
from llama_index.core.llms import LLM

from assistant.answer import Statement
from assistant.cite import unproved
from assistant.prompt import objects, rewrite_prompt, write_prompt
from assistant.units import clauses
from assistant.write import ExtractiveWriter, Task, Written
from index.words import bigrams, normalise

log = logging.getLogger(__name__)

NOTICE = "大模型没有给出可用的回答（{why}），以下为原文摘录。"
_KEPT = 0.6
"""Least share of a follow-up's own bigrams that its rewritten form must keep."""
_LONGEST = 200
"""Characters of a question that a follow-up may be rewritten to."""


class Unusable(Exception):
    """No reply came that can be used; the message tells the user why."""


class LlmWriter:
    """Lets a language model arrange what the extractive writer selects."""

    mode = "llm"

    def __init__(self, llm: LLM, seconds: float, extractive: ExtractiveWriter | None = None) -> None:
        """Write with a model of an OpenAI-compatible server.

        Args:
            llm: the model.
            seconds: how long a whole reply is waited for.
            extractive: selects what answers.

        """
        self._llm = llm
        self._seconds = seconds
        self._extractive = extractive or ExtractiveWriter()

    def write(self, task: Task) -> Written:
        """Write the selected statements in the model's arrangement, or as they are."""
        selected = self._extractive.write(task)
        if not selected.statements:
            return selected
        passages = {f"S{n}": statement for n, statement in enumerate(selected.statements, start=1)}
        prompt = write_prompt(task.understood.topic, [(key, s.lead + s.text) for key, s in passages.items()])
        try:
            arranged = arrange(passages, converse(self._llm, prompt, self._seconds))
        except Unusable as error:
            log.warning("no usable reply: %s", error)
            return selected._replace(notice=NOTICE.format(why=error))
        return Written(arranged, "llm")

    def rewrite(self, question: str, earlier: Sequence[str]) -> str | None:
        """Make a follow-up whole, or return None if the model does not do so in the user's own words."""
        try:
            reply = converse(self._llm, rewrite_prompt(question, earlier), self._seconds)
        except Unusable as error:
            log.warning("no follow-up rewritten: %s", error)
            return None
        found = next((str(row["question"]) for row in objects(reply) if isinstance(row.get("question"), str)), None)
        if found is None or not is_faithful(found, question, earlier):
            log.info("a rewritten follow-up was not taken")
            return None
        return found.strip()


def arrange(passages: Mapping[str, Statement], reply: str) -> tuple[Statement, ...]:
    """Read a reply, check it, and put the statements in its order; passages that it leaves out follow.

    Raises:
        Unusable: nothing in it stands the check.

    """
    left, arranged = dict(passages), []
    for row in objects(reply):
        key, quote, text = (row.get(name) for name in ("key", "quote", "text"))
        if not (isinstance(key, str) and isinstance(quote, str) and isinstance(text, str)):
            log.info("not a statement: %r", row)
        elif key not in left:
            log.info("dropped a statement: unknown or repeated key %r", key)
        else:
            said = replace(left[key], text=text.strip())
            why = _fault(quote, said, left[key])
            if why is None:
                arranged.append(said)
                del left[key]
            else:
                log.info("dropped a statement of %s: %s", key, why)
    if not arranged:
        raise Unusable("回复里没有通过核对的内容")
    return (*arranged, *left.values())


def _fault(quote: str, said: Statement, passage: Statement) -> str | None:
    """Say why a statement of the model is not taken, or None."""
    if not _stands_in(quote, passage):
        return "引文不是所给的原文"
    why = unproved(said)
    if why is None and len(clauses(said.text)) < len(clauses(passage.text)):
        return "漏了所给的原文"  # each of its clauses was chosen because it answers
    return why


def _stands_in(quote: str, passage: Statement) -> bool:
    squeezed = re.sub(r"\s", "", quote)
    return bool(squeezed) and any(squeezed in re.sub(r"\s", "", c.quote) for c in passage.citations)


def converse(llm: LLM, prompt: str, seconds: float) -> str:
    """Return a whole reply, read as it comes.

    Raises:
        Unusable: the server cannot be reached, refuses, breaks off, sends what is no reply, or is
            not done in time.

    """
    parts: list[str] = []
    try:
        for part in _within(seconds, (chunk.delta or "" for chunk in llm.stream_complete(prompt))):
            parts.append(part)
    except openai.APITimeoutError as error:
        raise Unusable("超过了等待时间") from error
    except openai.APIConnectionError as error:
        raise Unusable("连接不上") from error
    except openai.APIStatusError as error:
        raise Unusable(f"服务器答复 {error.status_code}") from error
    except (openai.APIError, httpx.HTTPError) as error:
        raise Unusable("回复中断") from error
    except (ValueError, TypeError, AttributeError, KeyError, IndexError) as error:  # what llama-index makes of no reply
        raise Unusable("答复的格式不对") from error
    return "".join(parts)


def _within(seconds: float, parts: Iterator[str]) -> Iterator[str]:
    """Stop a reply that drips on for ever; a server that is silent is stopped by the client's own limit."""
    start, length = time.monotonic(), 0
    for part in parts:
        length += len(part)
        if time.monotonic() - start > seconds:
            raise Unusable("超过了等待时间")
        if length > _MOST:
            raise Unusable("回复太长")
        yield part


_MOST = 50_000
"""Characters of a reply after which nothing sensible is to come."""


def is_faithful(rewritten: str, question: str, earlier: Sequence[str]) -> bool:
    """Tell whether a rewritten follow-up says only what the user said, and still asks what was asked."""
    said = {word for text in (question, *earlier) for word in bigrams(text)}
    words, own = set(bigrams(rewritten)), set(bigrams(question))
    digits = set(re.findall(r"\d+", normalise(rewritten)))
    spoken = set(re.findall(r"\d+", normalise(" ".join((question, *earlier)))))
    return (
        bool(words)
        and len(rewritten) <= _LONGEST
        and digits <= spoken
        and len(words - said) <= _SEAMS
        and len(own & words) >= _KEPT * len(own)
    )


_SEAMS = 4
"""Bigrams that putting words together may make anew."""
