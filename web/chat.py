"""The conversation: what happens between a question and what the page shows of it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from assistant.answer import Answer, plain_text
from assistant.ask import Assistant
from assistant.roles import roles
from ingest.errors import XianguiError
from web.render import REASONS, Turn, conversation
from web.suggest import suggest
from web.texts import say

log = logging.getLogger("xiangui")

ANY = say("any")
"""No county, or no role, is chosen."""
LIMIT = 10_000
"""Characters of a question."""
Shown = tuple[str, str, list[Turn]]
"""What an event leaves in the question's field, in the conversation, and in its state."""


@dataclass(frozen=True, slots=True)
class Feedback:
    """What a reader says an answer is worth.

    Attributes:
        turn: question and answer.
        at: its place in the conversation, from 0.
        useful: 👍 or 👎.
        reason: why it is no use, one of ``render.REASONS``; None with 👍.

    """

    turn: Turn
    at: int
    useful: bool
    reason: str | None


@dataclass(frozen=True, slots=True)
class Hooks:
    """What others want to know of; each is called with the visitor's request.

    Attributes:
        feedback: keeps what a reader says of an answer; without it the buttons are not there.
        changed: is told the whole conversation whenever a turn is complete, or some are dropped.

    """

    feedback: Callable[[Feedback, gr.Request], None] | None = None
    changed: Callable[[Sequence[Turn], gr.Request], None] | None = None


@dataclass(frozen=True, slots=True)
class Laid:
    """The parts of the conversation on the page.

    Attributes:
        talk: where it is shown.
        turns: its state.
        answering: the events that answer, to be cancelled when another conversation takes its place.

    """

    talk: gr.HTML
    turns: gr.State
    answering: list[Any]


class Chat:
    """Answers the page's events; the conversation itself is kept by Gradio, one for each visitor."""

    def __init__(self, assistant: Assistant, hooks: Hooks) -> None:
        self._assistant = assistant
        self._hooks = hooks
        self._running: dict[str | None, object] = {}

    def show(self, turns: Sequence[Turn], notice: str = "", *, more: bool = False) -> str:
        """Write the conversation; ``more`` is to come."""
        regulations = self._assistant.index.regulations
        feedback = self._hooks.feedback is not None
        return conversation(turns, regulations, feedback=feedback, notice=notice, more=more)

    def respond(
        self, question: str, county: str, role: str, turns: list[Turn], request: gr.Request | None = None
    ) -> Iterator[Shown]:
        """Answer what was typed."""
        turns = settle(turns)
        fault = find_fault(question)
        if fault:
            yield question, self.show(turns, fault), turns
            return
        for shown in self._answer(Turn(question), county, role, turns, request):
            yield "", *shown

    def ask_clicked(
        self, county: str, role: str, turns: list[Turn], event: gr.EventData, request: gr.Request
    ) -> Iterator[tuple[str, list[Turn]]]:
        """Answer a question that was clicked: an example, a suggestion, or one that was edited.

        The event holds ``question``, perhaps the ``county`` it is asked of, and the number of the
        ``turn`` that it stands in for; that turn and those after it are dropped.
        """
        given: dict[str, Any] = event._data or {}
        question = str(given.get("question") or "")
        turns = settle(turns)
        fault = find_fault(question)
        if fault:
            yield self.show(turns, fault), turns
            return
        at = given.get("turn")
        kept = turns[:at] if isinstance(at, int) and 0 <= at < len(turns) else turns
        turn = Turn(question, replaced=tuple(turns[len(kept) :]))
        yield from self._answer(turn, str(given.get("county") or county), role, kept, request)

    def _answer(
        self, asked: Turn, county: str, role: str, turns: list[Turn], request: gr.Request | None
    ) -> Iterator[tuple[str, list[Turn]]]:
        """Yield the conversation as the answer grows, for as long as the page has not left it.

        Gradio cancels an event only between its steps: what a late one says must not reach what is shown by then.
        """
        page, mine = (request.session_hash if request is not None else None), object()
        self._running[page] = mine
        for shown in self._steps(asked, county, role, turns, request, lambda: self._running.get(page) is mine):
            if self._running.get(page) is not mine:
                return
            yield shown
        self._running.pop(page, None)

    def leave(self, request: gr.Request | None) -> None:
        """Let what is still being answered on a page come to nothing."""
        self._running.pop(request.session_hash if request is not None else None, None)

    def _steps(
        self,
        asked: Turn,
        county: str,
        role: str,
        turns: list[Turn],
        request: gr.Request | None,
        is_wanted: Callable[[], bool],
    ) -> Iterator[tuple[str, list[Turn]]]:
        chosen = county if county in self._assistant.counties else None
        said = role if role in roles() else None
        turn = asked = replace(asked, county=chosen, role=said)
        yield self.show([*turns, turn]), [*turns, turn]
        try:
            for answer in self._assistant.stream(asked.question, history(turns), chosen, said):
                ready = not answer.draft and len(answer.settled) >= len(answer.counties)
                turn = replace(asked, answer=answer, finished=ready)
                if not turn.finished:
                    yield self.show([*turns, turn]), [*turns, turn]
            turn = replace(turn, finished=True)
        except XianguiError as error:
            turn = replace(asked, error=str(error))
        except Exception:  # the page must outlive any one question; the log has the trace
            log.exception("a question failed")
            turn = replace(asked, error="这个问题没能处理，请换个说法再问；若总是这样，请把日志交给管理员。")
        if not is_wanted():
            return
        self._tell([*turns, turn], request)
        if turn.answer is not None:
            yield self.show([*turns, turn], more=True), [*turns, turn]
            turn = self._suggest(turn, turn.answer, turns, chosen, said)
        yield self.show([*turns, turn]), [*turns, turn]

    def _suggest(self, turn: Turn, answer: Answer, turns: list[Turn], county: str | None, role: str | None) -> Turn:
        """Add what may be asked next; an answer is worth as much without."""
        earlier = history([*turns, turn])

        def ask(question: str, of: str) -> Answer:
            return self._assistant.ask(question, earlier, of, role)

        try:
            asked = [each.question for each in turns]
            found = suggest(answer, asked, self._assistant.index, ask, named=county is None)
        except Exception:  # see above
            log.exception("no suggestions")
            return turn
        return replace(turn, suggestions=found)

    def stop(self, turns: list[Turn], request: gr.Request) -> tuple[str, list[Turn]]:
        """Keep what was shown when the reader stopped the answer."""
        self.leave(request)
        turns = settle(turns)
        self._tell(turns, request)
        return self.show(turns), turns

    def undo(self, turns: list[Turn], event: gr.EventData, request: gr.Request) -> tuple[str, list[Turn]]:
        """Put back what an edited question replaced."""
        at = (event._data or {}).get("turn")
        if isinstance(at, int) and 0 <= at < len(turns) and turns[at].replaced:
            turns = [*turns[:at], *turns[at].replaced]
            self._tell(turns, request)
        return self.show(turns), turns

    def vote(self, turns: list[Turn], event: gr.EventData, request: gr.Request) -> list[Turn]:
        """Hand on what a reader says of an answer, and remember it."""
        given: dict[str, Any] = event._data or {}
        at, reason = given.get("turn"), given.get("reason")
        if self._hooks.feedback is None or not isinstance(at, int) or not 0 <= at < len(turns):
            return turns
        useful = given.get("vote") == "up"
        self._hooks.feedback(Feedback(turns[at], at, useful, reason if reason in REASONS else None), request)
        return [replace(turn, useful=useful) if n == at else turn for n, turn in enumerate(turns)]

    def clear(self, request: gr.Request) -> Shown:
        """Begin a new conversation."""
        self.leave(request)
        self._tell([], request)
        return "", self.show([]), []

    def settle_new(self, request: gr.Request) -> tuple[Any, Any]:
        """Empty the page once more: an answer that was left may have come in the very moment of leaving."""
        if request.session_hash in self._running:
            return gr.skip(), gr.skip()
        return self.show([]), []

    def _tell(self, turns: Sequence[Turn], request: gr.Request | None) -> None:
        if self._hooks.changed is not None and request is not None:
            self._hooks.changed(turns, request)


def find_fault(question: str) -> str:
    """Say why a question cannot be asked; empty if it can."""
    if not question.strip():
        return say("empty")
    if len(question) > LIMIT:
        return say("too_long", count=len(question), limit=LIMIT)
    return ""


def settle(turns: Sequence[Turn]) -> list[Turn]:
    """Mark a turn that is no longer answered as stopped."""
    return [replace(turn, stopped=True) if turn.running else turn for turn in turns]


def history(turns: Sequence[Turn]) -> list[dict[str, str]]:
    """Write earlier turns as messages."""
    messages = []
    for turn in turns:
        messages.append({"role": "user", "content": turn.question})
        if turn.answer is not None:
            messages.append({"role": "assistant", "content": plain_text(turn.answer)})
    return messages
