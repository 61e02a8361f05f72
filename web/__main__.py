"""Command line: ``python -m web users | backup | restore | purge | feedback``."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from assistant.settings import Settings
from index.settings import read_settings
from index.terminal import run, say
from ingest.errors import StoreError
from web import backup as backups
from web.database import make_private
from web.kept import Rated
from web.store import Store
from web.users_cli import users

app = typer.Typer(add_completion=False, no_args_is_help=True, help="管理网页：用户，保存的对话。")
app.add_typer(users, name="users")


@app.command("backup", help="备份全部对话；服务正在运行也可以。")
def backup_command(file: Annotated[Path, typer.Argument(help="备份写到哪个文件")]) -> None:
    """Back up all conversations, also while the server runs."""
    held = backups.backup(read_settings(Settings).conversations, file)
    say(f"已备份 {held} 个对话到 {file}。里面有用户的问题，请妥善保管")


@app.command("restore", help="用备份换下现在的对话；先核对备份完好，并要求服务已停止。")
def restore_command(file: Annotated[Path, typer.Argument(help="备份文件")]) -> None:
    """Put a sound backup in the place of the database, which nobody may have open."""
    path = read_settings(Settings).conversations
    kept = backups.restore(file, path)
    say(f"已从 {file} 恢复 {backups.check(path)} 个对话到 {path}")
    if kept is not None:
        say(f"原来的留在 {kept}，确认不用后请自行删除")


@app.command("purge", help="彻底清除到期的和已删除超过一天的对话，连同评价。")
def purge_command(
    days: Annotated[
        int | None, typer.Option(min=0, help="清除多少天没有再问的对话；不写则按 XIANGUI_KEEP_DAYS，0 是全部")
    ] = None,
) -> None:
    """Remove for good what was kept long enough or deleted."""
    settings = read_settings(Settings)
    with _open(settings) as store:
        removed = store.purge(settings.keep_days if days is None else days)
    say(f"清除了 {removed} 个对话")


@app.command("feedback", help="把用户的评价导出为待补全的评测用例（怎样补全见 docs/evaluation.md）。")
def feedback_command(out: Annotated[Path, typer.Option(help="写到哪个 JSONL 文件")]) -> None:
    """Write feedback as evaluation cases whose gold is still to be filled in."""
    with _open(read_settings(Settings)) as store:
        lines = [json.dumps(_candidate(rated), ensure_ascii=False) + "\n" for rated in store.rated()]
    draft = out.with_name(out.name + ".part")
    try:
        make_private(draft)
        draft.write_text("".join(lines), encoding="utf-8")
        os.replace(draft, out)
    except OSError as error:
        raise StoreError(f"写不到 {out}：{error}") from error
    say(f"{len(lines)} 条评价写到 {out}")


def _open(settings: Settings) -> Store:
    if not settings.conversations.exists():
        raise StoreError(f"还没有保存过对话（没有 {settings.conversations}）")
    return Store(settings.conversations)


def _candidate(rated: Rated) -> dict[str, Any]:
    """Write a rated turn as an evaluation case whose gold is still to be filled in."""
    answered = rated.prediction["counties"] if rated.prediction else []
    return {
        "id": f"feedback-{rated.turn}",
        "type": None,
        "history": list(rated.history),
        "question": rated.question,
        "county": answered[0] if len(answered) == 1 else rated.county or "",
        "ui_county": rated.county,
        "gold": [],
        "facts": [],
        "answerable": None,
        "note": "",
        "feedback": {
            "verdict": rated.feedback.verdict.value,
            "fault": rated.feedback.fault,
            "comment": rated.feedback.comment,
            "given_at": rated.given_at.isoformat(timespec="seconds"),
            "role": rated.role,
            "corpus": rated.corpus,
            "error": rated.error,
            "prediction": rated.prediction,
        },
    }


if __name__ == "__main__":
    run(app)
