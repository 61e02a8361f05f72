"""What holds for the project as a whole."""

import ast
import importlib
import re
import tomllib
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

ROOT = Path(__file__).parent.parent
PACKAGES = ("ingest", "index", "assistant", "eval", "web")
SOURCES = [path for name in (*PACKAGES, "tests") for path in (ROOT / name).rglob("*.py")] + [ROOT / "app.py"]


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_eval_is_never_rebound(path):
    """``import eval`` would hide the builtin of the same name in the importing module."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            assert not any(alias.name.split(".")[0] == "eval" for alias in node.names)


def test_wheel_holds_every_package():
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    held = config["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]
    assert set(held) == {*PACKAGES, "app.py"}


def documented_commands():
    for name in ("README.md", *(str(p.relative_to(ROOT)) for p in (ROOT / "docs").glob("*.md"))):
        text = (ROOT / name).read_text(encoding="utf-8")
        for command in re.findall(r"python -m ((?:ingest|index|assistant|eval)(?: [a-z]+)?)", text):
            yield name, command


@pytest.mark.parametrize(("document", "command"), sorted(set(documented_commands())))
def test_documented_commands_exist(document, command):
    package, _, verb = command.partition(" ")
    program = importlib.import_module(f"{package}.__main__").app
    if not (verb and isinstance(typer.main.get_command(program), typer.core.TyperGroup)):
        verb = ""  # the word after a single command is its argument
    run = CliRunner().invoke(program, [*verb.split(), "--help"])
    assert run.exit_code == 0, run.output


def test_make_targets_of_the_readme_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.M))
    used = set(re.findall(r"`?make ([a-z]+)", (ROOT / "README.md").read_text(encoding="utf-8")))
    assert used
    assert used <= targets


def test_settings_of_the_readme_exist():
    from assistant.settings import Settings

    named = set(re.findall(r"XIANGUI_([A-Z_]+)", (ROOT / "README.md").read_text(encoding="utf-8")))
    assert named
    assert named <= {name.upper() for name in Settings.model_fields}
