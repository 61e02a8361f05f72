"""The chat page: ``python app.py`` serves it on 127.0.0.1:7860."""

from __future__ import annotations

from typing import Any

import index  # noqa: F401  - tells Gradio to send nothing, before it is imported

# isort: split
import gradio as gr

from assistant.__main__ import open_assistant
from assistant.ask import Assistant
from assistant.roles import roles
from assistant.settings import Settings
from index.settings import read_settings
from index.terminal import errors, run
from ingest.corpus import corpus_hash
from web import frame
from web.batch import batch_tab
from web.browse import browse_tab
from web.chat import ANY, Chat, Hooks, Laid
from web.compare import compare_tab
from web.examples import SITUATIONS
from web.server import AT_ONCE, Server, cautions, first_password, make_app
from web.sidebar import Sidebar
from web.store import Store, open_store
from web.texts import say
from web.tools import register
from web.users import open_users

OWN: dict[str, Any] = {"js_on_load": None, "apply_default_css": False, "elem_classes": "own"}
"""HTML that the page styles by itself."""


def build_ui(
    assistant: Assistant,
    county: str | None = None,
    *,
    settings: Settings | None = None,
    store: Store | None = None,
    hooks: Hooks | None = None,
) -> gr.Blocks:
    """Lay the page out around an assistant.

    Args:
        assistant: answers.
        county: chosen at first.
        settings: for answering tables of questions, and whether readers sign in; without them neither is there.
        store: keeps the conversations; without one they end with the visit.
        hooks: who wants to know of answers and of what readers say of them; by default the store.

    """
    sidebar = Sidebar(store, lambda: corpus_hash(assistant.index.regulations)) if store is not None else None
    chat = Chat(assistant, hooks or (sidebar.hooks if sidebar else Hooks()))
    with gr.Blocks(title=say("name"), fill_width=True, analytics_enabled=False, delete_cache=(3600, 86400)) as ui:
        account = settings is not None and settings.sign_in
        gr.HTML(frame.head(account=account, kept=sidebar is not None), elem_id="head", **OWN)
        turns = gr.State([])
        with gr.Tabs(elem_id="tabs") as tabs:
            with gr.Tab(say("tab_chat"), id="chat", elem_id="chat"):
                laid = lay_out_chat(chat, assistant, county, turns)
            with gr.Tab(say("tab_browse"), id="browse", elem_id="browse"):
                browse = browse_tab(assistant, tabs, "browse")
            with gr.Tab(say("tab_compare"), id="compare", elem_id="compare-tab"):
                compare_tab(assistant, browse)
            if settings is not None:
                with gr.Tab(say("tab_batch"), id="batch", elem_id="batch"):
                    batch_tab(assistant, settings)
        laid.talk.visit(browse.visit, None, browse.outputs, show_progress="hidden", api_visibility="private")
        if sidebar is not None:
            with gr.Sidebar(open=False, width=300, elem_id="sidebar"):
                sidebar.lay_out(chat, laid, tabs, ui)
        gr.HTML(frame.foot(assistant.index.regulations), elem_id="foot", **OWN)
        ui.load(browse.arrive, None, browse.outputs, show_progress="hidden", api_visibility="private")
        register(assistant)
    return ui


def lay_out_chat(chat: Chat, assistant: Assistant, county: str | None, turns: gr.State) -> Laid:
    """Lay out the conversation, the question's field and the source pane."""
    with gr.Row(elem_id="desk"):
        with gr.Column(scale=3, min_width=320, elem_id="left"):
            talk = gr.HTML(chat.show([]), elem_id="conversation", **{**OWN, "js_on_load": frame.BRIDGE})
            with gr.Column(elem_id="composer"):
                gr.HTML(frame.status(), elem_id="state", **OWN)
                with gr.Row(elem_id="line"):
                    question = gr.Textbox(
                        label=say("question"),
                        placeholder=say("placeholder"),
                        lines=1,
                        max_lines=6,
                        scale=5,
                        min_width=200,
                        autofocus=True,
                        elem_id="question",
                    )
                    send = gr.Button(say("send"), variant="primary", min_width=80, scale=0, elem_id="send")
                    stop = gr.Button(say("stop"), variant="stop", min_width=80, scale=0, elem_id="stop")
                with gr.Row(elem_id="choices"):
                    chosen = _choice("county", [ANY, *assistant.counties], county)
                    role = _choice("role", [ANY, *roles()], None)
                    fresh = gr.Button(say("fresh"), min_width=88, scale=0, elem_id="fresh")
        with gr.Column(scale=2, min_width=320, elem_id="right"):
            gr.HTML(frame.pane(assistant.index.regulations), elem_id="source", **OWN)
    gr.HTML(frame.sheet(), elem_id="over", **OWN)
    shown = [question, talk, turns]
    quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    many: dict[str, Any] = {**quiet, "concurrency_limit": AT_ONCE, "trigger_mode": "multiple"}
    answering = [
        gr.on([send.click, question.submit], chat.respond, [question, chosen, role, turns], shown, **many),
        talk.submit(chat.ask_clicked, [chosen, role, turns], [talk, turns], **many),
    ]
    stop.click(chat.stop, turns, [talk, turns], cancels=answering, **quiet)
    emptied = fresh.click(chat.clear, None, shown, cancels=answering, **quiet)
    emptied.then(chat.settle_new, None, [talk, turns], **quiet)
    talk.undo(chat.undo, turns, [talk, turns], **quiet)
    talk.like(chat.vote, turns, turns, **quiet)
    return Laid(talk, turns, answering)


def _choice(name: str, choices: list[str], value: str | None) -> gr.Dropdown:
    return gr.Dropdown(
        choices, value=value or ANY, label=say(name), filterable=False, scale=1, min_width=120, elem_id=name
    )


def main() -> None:
    """Build the index if need be and serve until stopped."""
    settings: Settings = read_settings(Settings)
    assistant = open_assistant(replace_stale=True)
    store = open_store(settings)
    county = assistant.find_county(settings.county)
    ui = build_ui(assistant, county, settings=settings, store=store)
    warm_up(assistant)
    serve(ui, settings.host, settings.port, assistant=assistant, settings=settings, store=store)


def warm_up(assistant: Assistant) -> None:
    """Ask a question, so that the first visitor does not wait for models to load; a language model is left alone."""
    errors.print("正在准备，先试答一个问题……", highlight=False)
    question = SITUATIONS[0].questions[0]
    if assistant.mode == "extractive":
        assistant.ask(question)
    else:
        assistant.find(question)


def serve(
    ui: gr.Blocks,
    host: str,
    port: int,
    *,
    assistant: Assistant | None = None,
    settings: Settings | None = None,
    store: Store | None = None,
    prevent_thread_lock: bool = False,
) -> tuple[Server, str, None]:
    """Serve the page, and the API if there is an assistant; port 0 takes a free one.

    With ``prevent_thread_lock`` it is served in a thread until ``ui.close()``. Returns the server and
    its local address, in the form of Gradio's own ``launch``.
    """
    settings = (settings or read_settings(Settings)).model_copy(update={"host": host, "port": port})
    users = open_users(settings) if settings.sign_in else None
    server = Server(make_app(ui, assistant, settings, users, store), host, port, proxied=bool(settings.root_path))
    for line in (*cautions(settings), first_password(users) if users else None):
        if line:
            errors.print(line, highlight=False, markup=False, soft_wrap=True)
    ui.server, ui.is_running = server, True
    if prevent_thread_lock:
        server.start()
    else:
        errors.print(f"县规问答：{server.url}（按 Ctrl+C 停止）", highlight=False, soft_wrap=True)
        server.run()
    return server, server.url, None


if __name__ == "__main__":
    run(main)
