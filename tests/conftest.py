"""One real index for all tests, built once from the bundled texts."""

import os
import runpy
import shutil
import sys
from types import SimpleNamespace

# A process of tests for each core: more threads would wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# isort: split
import pytest
from filelock import FileLock

from assistant.ask import Assistant
from assistant.settings import Settings
from index import library
from tests.scripted import Server


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch, tmp_path):
    """No test reads or writes the data of whoever runs it."""
    for name in Settings.model_fields:
        monkeypatch.delenv(f"XIANGUI_{name.upper()}", raising=False)


@pytest.fixture(scope="session")
def settings(tmp_path_factory):
    """Of a home with an index; the first process to want one builds it, the others copy it."""
    settings = Settings(home=tmp_path_factory.mktemp("home"))
    run = tmp_path_factory.getbasetemp()
    built = Settings(home=(run.parent if "PYTEST_XDIST_WORKER" in os.environ else run) / "built")
    with FileLock(built.home.with_suffix(".lock")):
        library.ensure(built)
        shutil.copytree(built.index_dir, settings.index_dir)
    return settings


@pytest.fixture(scope="session")
def assistant(settings):
    opened = library.Library(settings)
    yield Assistant(opened, settings)
    opened.close()


@pytest.fixture
def program(monkeypatch, capsys):
    """Run ``python -m …`` in this process: another would take ten seconds to import what it needs."""

    def run(module, *arguments, **environment):
        code = 0
        with monkeypatch.context() as patch:
            patch.setattr(sys, "argv", [module, *map(str, arguments)])
            for name, value in environment.items():
                patch.setenv(name, str(value))
            try:
                runpy.run_module(module, run_name="__main__")
            except SystemExit as end:
                code = end.code or 0
        said = capsys.readouterr()
        return SimpleNamespace(returncode=code, stdout=said.out, stderr=said.err)

    return run


@pytest.fixture
def server():
    """A scripted server that speaks the OpenAI protocol."""
    scripted = Server()
    yield scripted
    scripted.close()
