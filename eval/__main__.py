"""Command line: ``python -m eval run | report | compare | check | gate | answer | bench | crowd | retrieval``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from assistant.__main__ import open_assistant
from assistant.ask import Assistant
from assistant.choose import FILE as WRITING
from assistant.settings import Settings
from eval.answer import State, answer_file, describe
from eval.bench import PARTS, TIMES, machine, measure_all, measured, plan
from eval.case import CASES, Case, check, check_independence, read_cases
from eval.comparison import compare, render_comparison
from eval.crowd import crowd
from eval.gate import FILE as GATE
from eval.gate import ask_gate, falls, read_gate, set_limits
from eval.html_report import write_report
from eval.provenance import made_with
from eval.report import read_run, render, render_left_out
from eval.run import run as run_cases
from index.leave_out import without_county
from index.library import Library
from index.questions import trained_on
from index.settings import read_settings
from index.terminal import errors, ready, run, say
from ingest.corpus import ingest
from ingest.errors import CaseError, SettingError, XianguiError

app = typer.Typer(add_completion=False, no_args_is_help=True, help="评测：批量提问、打分、报告。")
EACH = "各县"
console = Console()
if not console.is_terminal:
    console = Console(width=170)  # piped or in a log: wide enough for the table of all scores


@app.command("run")
def run_command(
    cases: Annotated[Path, typer.Option(help="用例文件（JSONL）")] = CASES / "dev.jsonl",
    out: Annotated[Path | None, typer.Option(help="结果文件夹；不写则在 runs/ 下按时间取名")] = None,
    workers: Annotated[int, typer.Option(min=1, max=32, help="同时问几个")] = 1,
    resume: Annotated[bool, typer.Option("--resume", help="接着上次被打断的运行")] = False,
    leave_out: Annotated[
        str | None,
        typer.Option(help=f"不用这个县的题目（模型、扩展、排序都不用），只评这个县；写“{EACH}”则逐县来一遍"),
    ] = None,
    public: Annotated[Path, typer.Option(help="公开法律数据的文件夹，--leave-out 训练时用")] = Path("../shared/public"),
    judged: Annotated[bool, typer.Option("--judge", help="再让设好的大模型评一遍，另列一表，不计入其他各项")] = False,
) -> None:
    """Ask all cases, score the answers, show the figures."""
    if judged and leave_out is not None:
        raise SettingError("--judge 不能和 --leave-out 一起用")
    read = read_cases(cases)
    folder = out or Path("runs") / f"{cases.stem}-{datetime.now():%Y%m%d-%H%M%S}"
    if leave_out is None:
        settings = read_settings(Settings)
        if judged:
            from eval.judge import open_judge

            open_judge(settings)  # what is not configured is told before anything is asked
        _run(read, open_assistant(), settings, folder, cases, workers, resume)
        console.print(render(read_run(folder)))
        if judged:
            _judge(settings, folder)
    else:
        from assistant.fit import fit_writing  # like eval.judge, slow to import and rarely needed

        settings = read_settings(Settings)
        known = list(dict.fromkeys(r.county for r in ingest([settings.source]).regulations))
        runs = {}
        for county in known if leave_out == EACH else [leave_out]:
            alone = without_county(settings, county, public, say)
            if not (Path(alone.embedding) / WRITING).exists():
                fit_writing(settings.model_copy(update={"leave_out": county}), Path(alone.embedding), say)
            theirs = tuple(case for case in read if _concerns(county, case))
            if not theirs:
                raise CaseError(f"{cases} 里没有{county}的用例")
            ready(alone, replace_stale=True)
            library = Library(alone)
            _run(theirs, Assistant(library, alone), alone, folder / county, cases, workers, resume, county)
            library.close()
            runs[county] = read_run(folder / county)
        console.print(render_left_out(runs))
    say(f"结果在 {folder}")
    if leave_out is None:
        say(f"报告：{write_report(folder)}（用浏览器打开，可打印）")


def _concerns(county: str, case: Case) -> bool:
    return county in {gold.county for gold in case.gold} or (not case.answerable and case.county == county)


def _run(
    cases: Sequence[Case],
    assistant: Assistant,
    settings: Settings,
    folder: Path,
    file: Path,
    workers: int,
    resume: bool,
    county: str | None = None,
) -> None:
    with Progress(console=errors) as bar:
        task = bar.add_task(f"评测{county or ''}", total=len(cases))
        run_cases(
            cases,
            assistant,
            folder,
            workers=workers,
            resume=resume,
            county=county,
            made_with=made_with(settings, assistant, file),
            advance=lambda: bar.advance(task),
        )


def _judge(settings: Settings, folder: Path) -> None:
    from eval.judge import judge, open_judge, read_judged, render_judged

    finished, llm = read_run(folder), open_judge(settings)
    with Progress(console=errors) as bar:
        task = bar.add_task("大模型评分", total=len(finished.cases))
        judge(finished, folder, llm, lambda: bar.advance(task))
    console.print(render_judged(read_judged(folder), llm.metadata.model_name))


@app.command("compare")
def compare_command(
    before: Annotated[Path, typer.Argument(help="前一次运行的文件夹")],
    after: Annotated[Path, typer.Argument(help="后一次运行的文件夹")],
    common: Annotated[bool, typer.Option("--common", help="用例不全相同时，只比相同的")] = False,
    most: Annotated[int, typer.Option(help="变好、变差各最多列出多少例")] = 40,
) -> None:
    """Compare two runs score by score and case by case."""
    console.print(render_comparison(compare(read_run(before), read_run(after), common=common), most))


@app.command("gate")
def gate_command(
    file: Annotated[Path, typer.Option(help="把关的用例和分数下限")] = GATE,
    set_now: Annotated[bool, typer.Option("--set", help="把下限改为现在的分数")] = False,
) -> None:
    """Ask a small fixed set of cases; exit with 1 if a score has fallen below its limit."""
    gate, assistant = read_gate(file), open_assistant()
    predictions = ask_gate(gate, assistant)
    if set_now:
        set_limits(gate, predictions, assistant, file)
        say(f"已写入 {file}")
        return
    fallen = falls(gate, predictions, assistant)
    for fall in fallen:
        errors.print(str(fall), style="red", markup=False, highlight=False, soft_wrap=True)
    console.print(f"{len(gate.cases)} 例，" + (f"{len(fallen)} 项分数退步" if fallen else "没有退步"))
    if fallen:
        raise typer.Exit(1)


@app.command("report")
def report_command(
    folder: Annotated[Path, typer.Argument(help="一次运行的文件夹")],
    most: Annotated[int, typer.Option(help="最多列出多少个不足之处")] = 30,
    html: Annotated[Path | None, typer.Option(help="报告写到哪个文件；不写则是运行文件夹里的 report.html")] = None,
) -> None:
    """Show the figures of a finished run again and write its report."""
    console.print(render(read_run(folder), most))
    say(f"报告：{write_report(folder, html)}（用浏览器打开，可打印）")


@app.command("check")
def check_command(
    cases: Annotated[list[Path] | None, typer.Argument(help="用例文件；不写则查自带的全部")] = None,
) -> None:
    """Prove that quotes stand in their articles, facts in quotes, and that no case is a bank question again."""
    read = [case for path in cases or sorted(CASES.glob("*.jsonl")) for case in read_cases(path)]
    faults = check(read) + check_independence(read, trained_on())
    for fault in faults:
        errors.print(fault, style="red", markup=False, soft_wrap=True)
    console.print("没有问题" if not faults else f"{len(faults)} 处问题")
    if faults:
        raise typer.Exit(1)


@app.command("bench")
def bench_command(
    parts: Annotated[str, typer.Option(help=f"测哪些部分，逗号分开：{','.join(PARTS)}")] = ",".join(PARTS),
    times: Annotated[str, typer.Option(help="规则放大到几倍，逗号分开；100 倍要很久")] = ",".join(map(str, TIMES)),
    out: Annotated[Path, typer.Option(help="写到哪个文件")] = Path("docs/performance.md"),
    resume: Annotated[bool, typer.Option("--resume", help="测过的不再测")] = False,
) -> None:
    """Measure speed and memory on this machine, and write them down."""
    from eval.bench_report import write_report

    settings: Settings = read_settings(Settings)
    ready(settings)
    wanted = parts.split(",")
    if not set(wanted) <= set(PARTS) or not all(n.isdigit() and int(n) for n in times.split(",")):
        raise SettingError(f"--parts 只能是 {','.join(PARTS)}，--times 只能是正整数，都用逗号分开")
    measure_all(settings, plan(wanted, [int(n) for n in times.split(",")]), say, resume=resume)
    write_report(measured(settings), out)
    say(f"已写入 {out}")


@app.command("answer")
def answer_command(
    questions: Annotated[
        Path, typer.Argument(help="问题表：.xlsx、.csv 或 .jsonl，要有“问题”一列，可有“县”“身份”“编号”")
    ],
    out: Annotated[Path, typer.Option(help="写到哪个文件（.xlsx、.csv 或 .jsonl）")],
    workers: Annotated[int | None, typer.Option(min=1, max=64, help="几个进程；不写则与处理器核数相同")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="接着上次被打断的运行")] = False,
) -> None:
    """Answer a table of questions, one row a question."""
    settings: Settings = read_settings(Settings)
    ready(settings)
    columns = (TextColumn("回答"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"))
    with Progress(*columns, console=errors) as bar:
        task = bar.add_task("", total=None, rate="")

        def advance(state: State) -> None:
            left = "" if state.left is None else f"，还要 {timedelta(seconds=round(state.left))}"
            bar.update(task, total=state.total, completed=state.done, rate=f"每秒 {state.rate:.1f} 个{left}")

        try:
            summary = answer_file(questions, out, settings, workers=workers, resume=resume, advance=advance)
        except KeyboardInterrupt as error:
            raise XianguiError("已停止。已答的都留着，加 --resume 接着做") from error
    for line in describe(summary):
        say(line)
    say(f"已写入 {out}")


@app.command("crowd")
def crowd_command(
    people: Annotated[int, typer.Option(min=1, max=50, help="几个人同时问")] = 10,
    reply: Annotated[float, typer.Option(min=0, help="假想的大模型每次回复要几秒")] = 5.0,
) -> None:
    """Measure how long people wait who ask at once."""
    settings: Settings = read_settings(Settings)
    ready(settings)
    table = Table(title=f"{people} 人同时问：{machine()}")
    for name in ("", "中位数（秒）", "最久（秒）", "人数"):
        table.add_column(name, justify="right" if name else "left")
    for wait in crowd(settings, people, reply):
        table.add_row(wait.name, f"{wait.median:.2f}", f"{wait.longest:.2f}", str(wait.people))
    console.print(table)


@app.command("retrieval")
def retrieval_command(
    public: Annotated[Path, typer.Option(help="公开法律数据的文件夹")] = Path("../shared/public"),
    out: Annotated[Path, typer.Option(help="写到哪个文件")] = Path("docs/retrieval.md"),
    resume: Annotated[bool, typer.Option("--resume", help="接着上次被打断的运行")] = False,
) -> None:
    """Compare retrieval with llama-index's own, with each county left out, and among all laws."""
    try:
        from eval.retrieval_report import report
    except ImportError as error:
        raise XianguiError(f"对比要用到 {error.name}。请运行：pip install '.[bench,train]'") from error
    settings: Settings = read_settings(Settings)
    ready(settings)
    cases = CASES / "dev.jsonl"
    report(settings, cases, read_cases(cases), public, out, say, resume=resume)
    say(f"已写入 {out}")


if __name__ == "__main__":
    run(app)
