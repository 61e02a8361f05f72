"""Command line: ``python -m assistant "问题" [--county …] [--role …] [--json]``."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer
from rich.console import Console

from assistant.answer import plain_text, to_prediction
from assistant.ask import Assistant
from assistant.roles import roles
from assistant.settings import Settings
from assistant.write import ExtractiveWriter, Writer
from index.library import Library
from index.settings import read_settings
from index.terminal import ready, run
from ingest.errors import SettingError

app = typer.Typer(add_completion=False, help="问一个问题，得到有出处的回答。")


@app.command()
def main(
    question: Annotated[str, typer.Argument(help="问题，用平常的话写")],
    county: Annotated[str | None, typer.Option(help="没有写明县时，按这个县回答")] = None,
    role: Annotated[str | None, typer.Option(help=f"问的人是什么身份：{'、'.join(roles())}")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="输出一个 JSON 对象")] = False,
) -> None:
    """Answer one question on standard output; everything else goes to standard error."""
    assistant = open_assistant()
    answer = assistant.ask(question, county=assistant.find_county(county), role=find_role(role))
    if as_json:
        sys.stdout.write(json.dumps(to_prediction(answer), ensure_ascii=False) + "\n")
    else:
        Console(soft_wrap=True).print(plain_text(answer), markup=False, highlight=False)


def find_role(name: str | None) -> str | None:
    """Check the name of a role.

    Raises:
        SettingError: there is none of that name.

    """
    if name is not None and name not in roles():
        raise SettingError(f"没有“{name}”这种身份，可用：{'、'.join(roles())}")
    return name


def open_assistant(*, replace_stale: bool = False) -> Assistant:
    """Read the settings, make sure that there is an index, and open it."""
    settings: Settings = read_settings(Settings)
    ready(settings, replace_stale=replace_stale)
    return Assistant(Library(settings), settings, open_writer(settings))


def open_writer(settings: Settings) -> Writer:
    """Open the language model where one is configured; otherwise the rule's own words are quoted.

    Raises:
        SettingError: a server is named without a model, or a model without a server.

    """
    if not (settings.llm_base_url or settings.llm_model):
        return ExtractiveWriter()
    from assistant.llm import LlmWriter  # slow to import, and needed by few
    from index.generate import open_llm

    return LlmWriter(open_llm(settings, temperature=0.0, retries=0), settings.llm_seconds)


if __name__ == "__main__":
    run(app)
