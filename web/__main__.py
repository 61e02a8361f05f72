"""Command line: ``python -m web users``."""

from __future__ import annotations

import typer

from index.terminal import run
from web.users_cli import users

app = typer.Typer(add_completion=False, no_args_is_help=True, help="管理网页。")
app.add_typer(users, name="users")


if __name__ == "__main__":
    run(app)
