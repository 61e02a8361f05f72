"""The kept conversations: a list to open, rename, delete, search and export, and what keeps it up to date."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from assistant.answer import plain_text
from ingest.errors import StoreError
from web.chat import Chat, Feedback, Hooks, Laid, settle
from web.identity import owner_of
from web.kept import Asked, Conversation, Fault, SavedTurn, Verdict
from web.kept import Feedback as Opinion
from web.markup import escape, marks, t
from web.render import Turn
from web.store import Store
from web.texts import say

log = logging.getLogger("xiangui")

SCRIPT = (Path(__file__).parent / "sidebar.js").read_text(encoding="utf-8")
FAULTS = {"missed": Fault.OFF_TOPIC, "miscited": Fault.WRONG_CITATION, "incomplete": Fault.MISSING}
"""What is wrong with an answer, by the names of their texts."""
_PAGES = 4096
"""Open pages whose conversation is known; one that is forgotten begins another."""
Opened = tuple[str, str, list[Turn]]
"""What opening a conversation leaves: the list, the conversation shown, and its turns."""


class Sidebar:
    """Keeps what is asked on each open page in a conversation of its owner."""

    def __init__(self, store: Store, corpus: Callable[[], str]) -> None:
        """``corpus`` tells the hash of the regulations in use."""
        self._store = store
        self._corpus = corpus
        self._pages: OrderedDict[tuple[str, str], str] = OrderedDict()
        self._deleted: dict[tuple[str, str], str] = {}
        self._lock = threading.Lock()

    @property
    def hooks(self) -> Hooks:
        """What the conversation tells of."""
        return Hooks(feedback=self.rate, changed=self.keep)

    def lay_out(self, chat: Chat, laid: Laid, tabs: gr.Tabs, ui: gr.Blocks) -> None:
        """Lay the list out; to be called inside the page's sidebar.

        Args:
            chat: shows conversations.
            laid: the parts of the conversation.
            tabs: are turned to the conversation, ``chat``, when one is opened.
            ui: the page.

        """
        gr.HTML(t("kept", "h2"), js_on_load=None, apply_default_css=False, elem_id="kept-title", elem_classes="own")
        words = gr.Textbox(
            label=say("kept_search"),
            placeholder=say("kept_search"),
            show_label=False,
            container=False,
            max_length=100,
            elem_id="kept-words",
        )
        listed = gr.HTML(
            _list([], None), js_on_load=SCRIPT, apply_default_css=False, elem_id="kept", elem_classes="own"
        )
        quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}

        def show(words: str, request: gr.Request) -> str:
            return self._show(words, request)

        def open_(words: str, event: gr.EventData, request: gr.Request) -> tuple[object, ...]:
            chat.leave(request)
            saved = self._open(_key(event), request)
            return self._show(words, request), chat.show(saved), saved, gr.Tabs(selected="chat")

        def rename(words: str, event: gr.EventData, request: gr.Request) -> str:
            title = str((event._data or {}).get("title") or "")
            return self._change(lambda owner: self._store.rename(owner, _key(event), title), words, request)

        def restore(words: str, event: gr.EventData, request: gr.Request) -> str:
            return self._change(lambda owner: self._store.restore_conversation(owner, _key(event)), words, request)

        def remove(words: str, now: list[Turn], event: gr.EventData, request: gr.Request) -> Opened:
            key = _key(event)
            shown = self._change(lambda owner: self._store.delete(owner, key), words, request, undo=key)
            return shown, *self._without(key, now, chat, request)

        def remove_all(words: str, now: list[Turn], request: gr.Request) -> Opened:
            shown = self._change(self._store.delete_all, words, request)
            return shown, *self._without(None, now, chat, request)

        everything = [listed, laid.talk, laid.turns]
        instead: dict[str, Any] = {**quiet, "cancels": laid.answering}
        ui.load(show, words, listed, **quiet)
        for event in (words.change, laid.talk.change):
            event(show, words, listed, trigger_mode="always_last", **quiet)
        listed.open(open_, words, [*everything, tabs], **instead)
        listed.rename(rename, words, listed, **quiet)
        listed.restore(restore, words, listed, **quiet)
        listed.remove(remove, [words, laid.turns], everything, **instead)
        listed.remove_all(remove_all, [words, laid.turns], everything, **instead)

    def keep(self, turns: Sequence[Turn], request: gr.Request) -> None:
        """Keep a conversation as it stands now; from the first turn that is another, what was kept is replaced.

        What cannot be kept is logged, and the page goes on.
        """
        page = _page(request)
        with self._lock:
            key = self._pages.get(page)
            self._deleted.pop(page, None)
            if not turns:
                self._pages.pop(page, None)
                return
        try:
            saved = self._kept(page[0], key)
            if key is None or saved is None:
                key, saved = self._store.create(page[0]).id, []
                self._remember(page, key)
            same = 0
            while same < min(len(saved), len(turns)) and _is_same(saved[same], turns[same]):
                same += 1
            for at in range(same, len(turns)):
                turn = turns[at]
                asked = Asked(turn.question, turn.answer, turn.error, turn.county, turn.role, self._corpus())
                self._store.append(page[0], key, asked, at)
        except StoreError:
            log.exception("a conversation was not kept")

    def rate(self, feedback: Feedback, request: gr.Request) -> None:
        """Keep what a reader says of an answer."""
        page = _page(request)
        with self._lock:
            key = self._pages.get(page)
        saved = self._kept(page[0], key) or []
        if feedback.at < len(saved):
            fault = FAULTS.get(feedback.reason or "")
            opinion = Opinion(Verdict.UP if feedback.useful else Verdict.DOWN, None if feedback.useful else fault)
            try:
                self._store.rate(page[0], saved[feedback.at].id, opinion)
            except StoreError as error:
                raise _told(error) from error

    def _kept(self, owner: str, key: str | None) -> list[SavedTurn] | None:
        """Return what is kept under a key; None if it was deleted meanwhile."""
        try:
            return self._store.turns(owner, key) if key is not None else None
        except StoreError:
            return None

    def _remember(self, page: tuple[str, str], key: str) -> None:
        with self._lock:
            self._deleted.pop(page, None)
            self._pages[page] = key
            self._pages.move_to_end(page)
            while len(self._pages) > _PAGES:
                self._pages.popitem(last=False)

    def _open(self, key: str, request: gr.Request) -> list[Turn]:
        page = _page(request)
        try:
            saved = self._store.turns(page[0], key)
        except StoreError as error:
            raise _told(error) from error
        self._remember(page, key)
        return [_turn(each) for each in saved]

    def _without(self, key: str | None, now: list[Turn], chat: Chat, request: gr.Request) -> tuple[str, list[Turn]]:
        """Return what is shown once a conversation, or all, is deleted."""
        page = _page(request)
        with self._lock:
            gone = key is None or self._pages.get(page) == key
            if gone:
                self._pages.pop(page, None)
        if gone:
            chat.leave(request)
        left = [] if gone else settle(now)
        return chat.show(left), left

    def _change(self, change: Callable[[str], object], words: str, request: gr.Request, undo: str | None = None) -> str:
        """Change something of an owner's, and return the list."""
        page = _page(request)
        try:
            change(page[0])
        except StoreError as error:
            raise _told(error) from error
        with self._lock:
            self._deleted.pop(page, None)
            if undo is not None:
                self._deleted[page] = undo
                while len(self._deleted) > _PAGES:
                    del self._deleted[next(iter(self._deleted))]
        return self._show(words, request)

    def _show(self, words: str, request: gr.Request) -> str:
        page = _page(request)
        with self._lock:
            current, undo = self._pages.get(page), self._deleted.get(page)
        return _list(self._store.conversations(page[0], words), current, searched=bool(words.strip()), undo=undo)


def _key(event: gr.EventData) -> str:
    return str((event._data or {}).get("key") or "")


def _page(request: gr.Request) -> tuple[str, str]:
    """Name an open page and whose it is."""
    return owner_of(request), str(request.session_hash)


def _told(error: StoreError) -> gr.Error:
    """Make of an error what the page shows."""
    return gr.Error(str(error), title=say("failed"), print_exception=False)


def _turn(saved: SavedTurn) -> Turn:
    asked, feedback = saved.asked, saved.feedback
    useful = None if feedback is None else feedback.verdict is Verdict.UP
    return Turn(asked.question, asked.answer, error=asked.error, county=asked.county, role=asked.role, useful=useful)


def _is_same(saved: SavedTurn, turn: Turn) -> bool:
    asked = saved.asked
    if asked.question != turn.question or asked.error != turn.error or (asked.answer is None) != (turn.answer is None):
        return False
    return asked.answer is None or turn.answer is None or plain_text(asked.answer) == plain_text(turn.answer)


def _list(kept: Sequence[Conversation], current: str | None, *, searched: bool = False, undo: str | None = None) -> str:
    """Write the conversations, newest first."""
    undone = (
        f'<p class="undone" role="status">{t("kept_deleted")}'
        f'<button type="button" data-restore="{escape(undo)}">{t("kept_restore")}</button></p>'
        if undo
        else ""
    )
    if not kept:
        return undone + t("kept_none_found" if searched else "kept_none", "p", "hint")
    rows = "".join(_row(each, each.id == current) for each in kept)
    clear = "" if searched else f'<button type="button" class="clear" data-remove-all>{t("kept_clear")}</button>'
    return f'{undone}<ul class="kept" aria-labelledby="kept-title">{rows}</ul>{clear}'


def _row(each: Conversation, current: bool) -> str:
    title, key = escape(each.title), escape(each.id)
    day = f"{each.updated_at:%Y-%m-%d %H:%M}"
    named = [
        f'<button type="button" data-rename="{key}"{marks("kept_rename_name", "aria-label", title=each.title)}>{t("kept_rename")}</button>',
        *(
            f'<a href="conversations/{key}.{suffix}" download{marks("kept_export_name", "aria-label", title=each.title, kind=kind)}>{kind}</a>'
            for suffix, kind in (("docx", "Word"), ("md", "Markdown"))
        ),
        f'<button type="button" data-remove="{key}"{marks("kept_delete_name", "aria-label", title=each.title)}>{t("kept_delete")}</button>',
    ]
    mark = ' aria-current="true"' if current else ""
    return (
        f'<li><button type="button" class="title" data-open="{key}"{mark} lang="zh-CN">{title}</button>'
        f'<time datetime="{each.updated_at.isoformat()}">{day}</time><span class="tools">{"".join(named)}</span></li>'
    )
