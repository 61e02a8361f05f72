"""Command line: ``python -m index build | search | info | questions | train``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from index import generations, library, manifest
from index.leave_out import train_model, without_county
from index.questions import read_bank
from index.ranking import CHANNELS
from index.search import Hit
from index.settings import MODEL, IndexSettings, read_settings
from index.terminal import errors, ready, run, say, with_progress
from ingest.corpus import ingest, label_document, locate
from ingest.errors import XianguiError

app = typer.Typer(add_completion=False, no_args_is_help=True, help="建立和检索索引。")
console = Console()
LEAVE_OUT = "不用这个县的题目（模型、扩展、排序都不用），用来测没有题库的县"
PUBLIC = "公开法律数据的文件夹，训练时用"


@app.command("build")
def build_command(
    source: Annotated[Path | None, typer.Option(help="规则文本的文件夹；不写则用自带的五个县")] = None,
    out: Annotated[Path | None, typer.Option(help="索引放在哪个文件夹")] = None,
    leave_out: Annotated[str | None, typer.Option(help=LEAVE_OUT)] = None,
    public: Annotated[Path, typer.Option(help=PUBLIC)] = Path("../shared/public"),
) -> None:
    """Build the index beside the one in use, then switch."""
    settings = read_settings(IndexSettings, home=out, source=source.resolve() if source else None)
    if leave_out is not None:
        settings = without_county(settings, leave_out, public, say)
    built, failed = with_progress(lambda progress: library.rebuild(settings, progress, say))
    console.print(f"索引已建好：{built.passages} 段，在 {settings.index_dir}", soft_wrap=True, highlight=False)
    for error in failed:
        errors.print(f"错误：{error}", style="red", markup=False, highlight=False, soft_wrap=True)
    if failed:
        raise typer.Exit(1)


@app.command("search")
def search_command(
    question: Annotated[str, typer.Argument(help="问题")],
    county: Annotated[str | None, typer.Option(help="只查这个县")] = None,
    most: Annotated[int, typer.Option(min=1, max=50, help="每县几条")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="输出 JSON")] = False,
) -> None:
    """Show which articles are found, with the value of each channel."""
    settings = read_settings(IndexSettings)
    ready(settings)
    index = library.Library(settings).index()
    chosen = [r for r in index.regulations if county in (None, r.county, r.county[:-1])]
    if not chosen:
        known = "、".join(sorted({r.county for r in index.regulations}))
        raise XianguiError(f"没有“{county}”的规则，现有：{known}")
    query = index.prepare(question)
    found = [(r, index.search(query, r, most)) for r in chosen]
    if as_json:
        rows = [
            {
                "regulation": r.id,
                "county": r.county,
                "article": hit.article.number,
                "branch": hit.article.branch,
                "score": round(hit.score, 4),
                "channels": {k: round(v, 4) for k, v in zip(CHANNELS, hit.channels, strict=True)},
                "text": hit.passage.text,
            }
            for r, hits in found
            for hit in hits
        ]
        sys.stdout.write(json.dumps(rows, ensure_ascii=False, indent=1) + "\n")
        return
    for r, hits in found:
        console.print(_table(label_document(r), [(str(locate(r, hit.article)), hit) for hit in hits]))


@app.command("info")
def info_command() -> None:
    """Show what the index in use was built from and whether it still matches."""
    settings = read_settings(IndexSettings)
    folder = generations.current(settings.index_dir)
    if folder is None:
        raise XianguiError(f"{settings.index_dir} 里没有索引。请运行：python -m index build")
    built = manifest.read(folder)
    changed = library.changes(settings, folder)
    console.print(f"位置 {folder}", soft_wrap=True, highlight=False)
    console.print(f"来源 {built.source}", soft_wrap=True, highlight=False)
    console.print(f"建于 {built.built_at}，{built.passages} 段", highlight=False)
    console.print(f"规则 {built.corpus[:12]}  模型 {built.model[:12]}  词典 {built.dictionary[:12]}", highlight=False)
    console.print(f"程序库 {built.libraries}", highlight=False)
    console.print(f"与现在的{'、'.join(changed)}不符，请运行 python -m index build" if changed else "与现在一致")


@app.command("questions")
def questions_command(
    county: Annotated[str | None, typer.Option(help="只写这个县的；不写则给每个没有题库的县写")] = None,
) -> None:
    """Let the configured language model write questions for counties without a bank."""
    settings = read_settings(IndexSettings)
    from index.generate import open_llm, write_questions  # takes seconds to import

    llm = open_llm(settings)
    regulations = ingest([settings.source]).regulations
    written = {question.county for question in read_bank(settings.questions)}
    chosen = [r for r in regulations if (r.county == county if county else r.county not in written)]
    if not chosen:
        names = "、".join(dict.fromkeys(r.county for r in regulations))
        raise XianguiError(f"没有要写题目的规则（现有：{names}；自带题库的县要用 --county 指名）")
    failed: list[str] = []
    with Progress(console=errors) as bar:
        for regulation in chosen:
            task = bar.add_task(regulation.title, total=len(regulation.articles))
            path = settings.generated / f"{regulation.id.replace('/', '／')}.jsonl"
            failed += write_questions(regulation, llm, path, lambda task=task: bar.advance(task))  # type: ignore[misc]
    for line in failed:
        errors.print(line, style="yellow", markup=False, highlight=False)
    say(f"题目写在 {settings.generated}。请运行 python -m index build，让检索用上它们")


@app.command("train")
def train_command(
    public: Annotated[Path, typer.Option(help=PUBLIC)] = Path("../shared/public"),
    out: Annotated[Path, typer.Option(help="模型写到哪里")] = MODEL,
    leave_out: Annotated[str | None, typer.Option(help=LEAVE_OUT)] = None,
) -> None:
    """Train the bundled embedding model and fit the ranking (needs the extra ``train``)."""
    train_model(read_settings(IndexSettings, leave_out=leave_out), public, out, say)


def _table(title: str, rows: list[tuple[str, Hit]]) -> Table:
    table = Table(title=title, title_justify="left")
    for name in ("条", "分", "双字", "词", "全条", "段", "问"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("最近的一段")
    for label, hit in rows:
        channels = [f"{value:.2f}" for value in hit.channels]
        text = hit.passage.text.replace("\n", " ")
        table.add_row(label, f"{hit.score:.2f}", *channels, text[:60] + ("…" if len(text) > 60 else ""))
    return table


if __name__ == "__main__":
    run(app)
