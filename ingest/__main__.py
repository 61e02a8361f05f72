"""Command line: ``python -m ingest [PATH...] [--out DIR]``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from ingest.corpus import BUNDLED, ingest, write_corpus
from ingest.law import Regulation

app = typer.Typer(add_completion=False, help="解析规则文本：条、款、项、文号、日期，写成 JSONL。")


@app.command()
def main(
    paths: Annotated[list[Path] | None, typer.Argument(help="规则文本或文件夹；不写则用自带的五个县")] = None,
    out: Annotated[Path | None, typer.Option(help="写 JSONL 的文件夹；不写则只看不写")] = None,
    repairs: Annotated[bool, typer.Option("--repairs", help="逐条列出对原文的修补")] = False,
) -> None:
    """Parse source texts; a file that fails is named, the others are still processed."""
    console, errors = Console(), Console(stderr=True)
    result = ingest(paths or [BUNDLED])
    if result.regulations:
        console.print(_table(result.regulations))
    if repairs:
        for regulation in result.regulations:
            for r in regulation.repairs:
                console.print(
                    f"{regulation.file}:{r.line} {r.kind} “{r.text.strip()}”：{r.note}", markup=False, highlight=False
                )
    if out is not None:
        written = write_corpus(result.regulations, out)
        errors.print(f"已写 {len(written)} 个文件到 {out}", highlight=False)
    for error in result.errors:
        errors.print(f"错误：{error}", style="red", markup=False, highlight=False, soft_wrap=True)
    if result.errors:
        raise typer.Exit(1)


def _table(regulations: tuple[Regulation, ...]) -> Table:
    table = Table(title="规则一览")
    for name in ("县", "题目", "文号", "印发"):
        table.add_column(name, overflow="fold")
    for name in ("章", "条", "款", "项", "修补"):
        table.add_column(name, justify="right")
    for r in regulations:
        paragraphs = [paragraph for article in r.articles for paragraph in article.paragraphs]
        counts = (
            sum(chapter.level == "章" for chapter in r.chapters),
            len(r.articles),
            len(paragraphs),
            sum(len(paragraph.items) for paragraph in paragraphs),
            len(r.repairs),
        )
        number = r.doc_number or (f"不详（原文“{r.doc_number_raw}”）" if r.doc_number_raw else "—")
        table.add_row(r.county, r.title, number, r.issued_on or "—", *(str(count) for count in counts))
    return table


if __name__ == "__main__":
    app()
