"""The chat page: ``python app.py`` serves it on 127.0.0.1:7860."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import index  # noqa: F401  - tells Gradio to send nothing, before it is imported

# isort: split
import gradio as gr

from assistant.__main__ import open_assistant
from assistant.answer import Answer, plain_text, to_prediction
from assistant.ask import Assistant
from assistant.settings import Settings
from index.settings import read_settings
from index.terminal import errors, run
from ingest.corpus import corpus_hash
from ingest.errors import XianguiError
from web.render import Turn, conversation
from web.server import Server, cautions, first_password, make_app, open_users

log = logging.getLogger("xiangui")

WEB = Path(__file__).parent / "web"
ANY_COUNTY = "不指定"
EXAMPLES = (
    "昌乐县政府常务会议多久开一次？",
    "平阴的局长出差两天要跟谁请假？",
    "沂源县政府常务会议的主要任务有哪些？",
    "渠县以县政府名义下发的文件由谁签发？",
    "乾安规则第六十四条第二款",
    "昌乐和渠县的常务会议，各要到多少人才能开？",
)
PANE = '<h2>出处<button type="button" class="back">返回回答</button></h2><div class="pane" tabindex="0" aria-label="出处原文"><p class="hint">点回答里的编号，这里显示那一条的原文，引用的句子会标亮。</p></div>'


def build_ui(assistant: Assistant, county: str | None = None) -> gr.Blocks:
    """Lay the page out around an assistant; ``county`` is chosen at first."""

    def respond(question: str, chosen: str, turns: list[Turn]) -> Iterator[tuple[str, str, list[Turn]]]:
        if not question.strip():
            yield "", show(turns), turns
            return
        yield "", show([*turns, Turn(question)]), turns
        done = Turn(question)
        for done in answered(question, chosen, turns):
            yield "", show([*turns, done]), turns
        yield "", show([*turns, done]), [*turns, done]

    def answered(question: str, chosen: str, turns: list[Turn]) -> Iterator[Turn]:
        answer: Answer | None = None
        try:
            for more in assistant.stream(question, history(turns), None if chosen == ANY_COUNTY else chosen):
                if answer is not None:
                    yield Turn(question, answer, finished=False)
                answer = more
            yield Turn(question, answer)
        except XianguiError as error:
            yield Turn(question, error=str(error))
        except Exception:  # the page must outlive any one question; the log has the trace
            log.exception("a question failed")
            yield Turn(question, error="这个问题没能处理，请换个说法再问；若总是这样，请把日志交给管理员。")

    def show(turns: list[Turn]) -> str:
        return conversation(turns, assistant.index.regulations)

    def ask(question: str, county: str = "") -> dict[str, Any]:
        """Answer one question; county is used where the question names none."""
        return to_prediction(assistant.ask(question, county=assistant.find_county(county or None)))

    with gr.Blocks(title="县规问答", fill_width=True, analytics_enabled=False) as ui:
        turns = gr.State([])
        gr.HTML(
            "<h1>县规问答</h1><p>用平常的话问县政府怎么办事；回答只用县人民政府工作规则的原文，逐字引用，条、款、项可核对。</p>",
            elem_id="head",
        )
        with gr.Row():
            with gr.Column(scale=3, min_width=320):
                talk = gr.HTML(show([]), elem_id="conversation", js_on_load=None)
                with gr.Row():
                    question = gr.Textbox(
                        label="问题",
                        placeholder="例如：副县长外出要跟谁请假？",
                        lines=1,
                        max_lines=4,
                        max_length=2000,
                        scale=5,
                        min_width=220,
                        autofocus=True,
                        elem_id="question",
                    )
                    chosen = gr.Dropdown(
                        [ANY_COUNTY, *assistant.counties],
                        value=county or ANY_COUNTY,
                        label="本县",
                        scale=2,
                        min_width=160,
                        elem_id="county",
                    )
                with gr.Row():
                    send = gr.Button("提问", variant="primary", elem_id="send")
                    fresh = gr.Button("新对话", elem_id="fresh")
                examples = gr.Dataset(
                    components=[question], samples=[[text] for text in EXAMPLES], label="试试这样问", elem_id="examples"
                )
            with gr.Column(scale=2, min_width=320):
                gr.HTML(PANE, elem_id="source", js_on_load=None)
        gr.HTML(f"<p>{footer(assistant)}</p>", elem_id="foot")
        asked = {"inputs": [question, chosen, turns], "outputs": [question, talk, turns], "api_visibility": "private"}
        gr.on([send.click, question.submit], respond, **asked)
        examples.click(lambda sample: sample[0], examples, question, api_visibility="private").then(respond, **asked)
        fresh.click(lambda: ("", show([]), []), None, [question, talk, turns], api_visibility="private")
        gr.api(ask, api_name="ask")
    return ui


def history(turns: list[Turn]) -> list[dict[str, str]]:
    """Write earlier turns as messages."""
    messages = []
    for turn in turns:
        messages.append({"role": "user", "content": turn.question})
        if turn.answer is not None:
            messages.append({"role": "assistant", "content": plain_text(turn.answer)})
    return messages


def footer(assistant: Assistant) -> str:
    """Say what the answers come from."""
    regulations = assistant.index.regulations
    names = "、".join(dict.fromkeys(r.county for r in regulations))
    return (
        f"收入 {len(regulations)} 份规则（{names}），文本校验码 {corpus_hash(regulations)[:12]}。"
        "本页不连接外网。回答供查阅，办理公务以正式文件为准。"
    )


def main() -> None:
    """Build the index if need be and serve until stopped."""
    settings: Settings = read_settings(Settings)
    assistant = open_assistant(replace_stale=True)
    ui = build_ui(assistant, assistant.find_county(settings.county))
    serve(ui, settings.host, settings.port, assistant=assistant, settings=settings)


def serve(
    ui: gr.Blocks,
    host: str,
    port: int,
    *,
    assistant: Assistant | None = None,
    settings: Settings | None = None,
    prevent_thread_lock: bool = False,
) -> tuple[Server, str, None]:
    """Serve the page, and the API if there is an assistant; port 0 takes a free one.

    With ``prevent_thread_lock`` it is served in a thread until ``ui.close()``. Returns the server and
    its local address, in the form of Gradio's own ``launch``.
    """
    settings = (settings or read_settings(Settings)).model_copy(update={"host": host, "port": port})
    users = open_users(settings) if settings.sign_in else None
    server = Server(make_app(ui, assistant, settings, users), host, port, proxied=bool(settings.root_path))
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
