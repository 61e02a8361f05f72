"""The chat page: ``python app.py`` serves it on 127.0.0.1:7860."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import index  # noqa: F401  - tells Gradio to send nothing, before it is imported

# isort: split
import gradio as gr

from assistant.__main__ import open_assistant
from assistant.answer import to_prediction
from assistant.ask import Assistant
from assistant.roles import roles
from assistant.settings import Settings
from index.settings import read_settings
from index.terminal import errors, run
from web import frame
from web.chat import ANY, Chat, Hooks
from web.texts import say

WEB = Path(__file__).parent / "web"
NO_HOOKS = Hooks()
OWN: dict[str, Any] = {"js_on_load": None, "apply_default_css": False, "elem_classes": "own"}
"""HTML that the page styles by itself."""
AT_ONCE = 32
"""Questions that are answered at once; a language model may take seconds, and nobody waits for another's."""
Part = Callable[[Chat, gr.State, gr.HTML], None]
"""Lays out a part of the page that shares the conversation: (chat, its turns, where it is shown)."""


def build_ui(
    assistant: Assistant,
    county: str | None = None,
    hooks: Hooks = NO_HOOKS,
    sidebar: Part | None = None,
    tabs: dict[str, Callable[[], None]] | None = None,
) -> gr.Blocks:
    """Lay the page out around an assistant.

    Args:
        assistant: answers.
        county: chosen at first.
        hooks: who wants to know of answers and of what readers say of them.
        sidebar: lays out what stands left of the page.
        tabs: names of the other tabs, and what lays each of them out.

    """
    chat = Chat(assistant, hooks)

    def ask(question: str, county: str = "") -> dict[str, Any]:
        """Answer one question; county is used where the question names none."""
        return to_prediction(assistant.ask(question, county=assistant.find_county(county or None)))

    with gr.Blocks(title=say("name"), fill_width=True, analytics_enabled=False) as ui:
        gr.HTML(frame.head(), elem_id="head", **OWN)
        turns = gr.State([])
        with gr.Tabs(elem_id="tabs"):
            with gr.Tab(say("tab_chat"), id="chat", elem_id="chat"):
                talk = lay_out_chat(chat, assistant, county, turns)
            for name, lay_out in (tabs or {}).items():
                with gr.Tab(name, id=name):
                    lay_out()
        if sidebar is not None:
            with gr.Sidebar(open=False, elem_id="sidebar"):
                sidebar(chat, turns, talk)
        gr.HTML(frame.foot(assistant.index.regulations), elem_id="foot", **OWN)
        gr.api(ask, api_name="ask")
    return ui


def lay_out_chat(chat: Chat, assistant: Assistant, county: str | None, turns: gr.State) -> gr.HTML:
    """Lay out the conversation, the question's field and the source pane; return where the conversation is shown."""
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
    fresh.click(chat.clear, None, shown, cancels=answering, **quiet)
    talk.undo(chat.undo, turns, [talk, turns], **quiet)
    talk.like(chat.vote, turns, None, **quiet)
    return talk


def _choice(name: str, choices: list[str], value: str | None) -> gr.Dropdown:
    return gr.Dropdown(
        choices, value=value or ANY, label=say(name), filterable=False, scale=1, min_width=120, elem_id=name
    )


def main() -> None:
    """Build the index if need be and serve until stopped."""
    settings: Settings = read_settings(Settings)
    assistant = open_assistant(replace_stale=True)
    ui = build_ui(assistant, assistant.find_county(settings.county))
    errors.print(f"县规问答：http://{settings.host}:{settings.port}（按 Ctrl+C 停止）", highlight=False)
    serve(ui, settings.host, settings.port)


def serve(ui: gr.Blocks, host: str, port: int, *, prevent_thread_lock: bool = False) -> tuple[Any, str, str]:
    """Serve the page; port 0 takes a free one. Returns Gradio's (server, local URL, shared URL)."""
    theme = gr.themes.Default(
        primary_hue="blue",
        font=["system-ui", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    )
    launched: tuple[Any, str, str] = ui.queue(default_concurrency_limit=8).launch(
        server_name=host,
        server_port=port or None,
        quiet=True,
        prevent_thread_lock=prevent_thread_lock,
        footer_links=[],
        run_history=False,
        theme=theme,
        css_paths=WEB / "page.css",
        js=(WEB / "page.js").read_text(encoding="utf-8"),
    )
    return launched


if __name__ == "__main__":
    run(main)
