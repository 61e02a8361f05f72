"""The browse tab: the tree of rules, search in their text, and what a link leads to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl

import gradio as gr

from assistant.ask import Assistant
from web.links import read_link
from web.lookup import results
from web.markup import t
from web.reader import HINT, chapters, tree, view
from web.texts import say

SCRIPT = (Path(__file__).parent / "browse.js").read_text(encoding="utf-8")
"""What a part of these tabs does in the browser; it triggers ``visit`` with the query of a link."""
CSS = Path(__file__).parent / "browse.css"
EVERYWHERE = say("everywhere")
_LONGEST = 100
"""Characters of words to be looked for."""


@dataclass(frozen=True, slots=True)
class Browse:
    """The parts of the tab, for whoever opens a place from elsewhere.

    Attributes:
        view: shows a place.
        outputs: what ``visit`` and ``arrive`` give values for.
        assistant: whose rules are shown.
        tabs: the tabs that this one is among, to bring it to the front.
        tab: its id among them.

    """

    view: gr.HTML
    assistant: Assistant
    tabs: gr.Tabs
    tab: str

    @property
    def outputs(self) -> list[object]:
        """The components that ``visit`` and ``arrive`` give values for."""
        return [self.view, self.tabs]

    def visit(self, event: gr.EventData) -> tuple[object, object]:
        """Show the place of a link that was followed on the page, and bring the tab to the front."""
        return self._show(dict(parse_qsl(str(event._data.get("query", "")).removeprefix("?"))))

    def arrive(self, request: gr.Request) -> tuple[object, object]:
        """Show the place in the address that the page was opened with; for the page's load event.

        Nothing changes where the address names no place.
        """
        return self._show(dict(request.query_params))

    def _show(self, given: dict[str, str]) -> tuple[object, object]:
        regulations = self.assistant.index.regulations
        place = read_link(given, regulations)
        if place is None:
            return gr.skip(), gr.skip()
        return view(place, regulations, given.get("find", "")[:_LONGEST]), gr.Tabs(selected=self.tab)


def browse_tab(assistant: Assistant, tabs: gr.Tabs, tab: str = "browse") -> Browse:
    """Lay the tab out; to be called inside ``gr.Tab``.

    Args:
        assistant: whose rules are shown.
        tabs: the ``gr.Tabs`` around, so that links from other tabs bring this one to the front.
        tab: id of the ``gr.Tab``.

    """

    def look(words: str, county: str) -> str:
        chosen = None if county == EVERYWHERE else county
        return results(words[:_LONGEST], assistant.index.regulations, chosen)

    def open_rule(regulation: str) -> str:
        regulations = assistant.index.regulations
        found = next((r for r in regulations if r.id == regulation), None)
        return chapters(found, regulations) if found else t("gone", "p", "error")

    with gr.Row(elem_id="rules"):
        with gr.Column(scale=2, min_width=320, elem_id="rule-left"):
            gr.HTML(t("browse_title", "h2", "rule-title"), js_on_load=None, apply_default_css=False)
            with gr.Row(elem_classes="fields"):
                words = gr.Textbox(
                    label=say("words"),
                    placeholder=say("words_example"),
                    info=say("words_info"),
                    max_length=_LONGEST,
                    scale=3,
                    min_width=180,
                    elem_id="rule-words",
                )
                county = gr.Dropdown(
                    [EVERYWHERE, *assistant.counties],
                    value=EVERYWHERE,
                    label=say("range"),
                    filterable=False,
                    scale=1,
                    min_width=110,
                    elem_id="rule-county",
                )
            search = gr.Button(say("find"), variant="primary", min_width=96, scale=0, elem_id="rule-search")
            found = gr.HTML("", js_on_load=SCRIPT, apply_default_css=False, elem_id="rule-found", elem_classes="own")
            listed = gr.HTML(
                tree(assistant.index.regulations),
                js_on_load=SCRIPT,
                apply_default_css=False,
                elem_id="rule-tree",
                elem_classes="own",
                server_functions=[open_rule],
            )
        with gr.Column(scale=3, min_width=320):
            shown = gr.HTML(HINT, js_on_load=SCRIPT, apply_default_css=False, elem_id="rule-view", elem_classes="own")
    browse = Browse(shown, assistant, tabs, tab)
    quiet = {"show_progress": "hidden", "api_visibility": "private"}
    gr.on([search.click, words.submit], look, [words, county], found, **quiet)
    for part in (found, listed, shown):
        part.visit(browse.visit, None, browse.outputs, **quiet)
    return browse
