"""One real index for all tests, built once from the bundled texts."""

import os

# A process of tests for each core: more threads would wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# isort: split
import pytest

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
    settings = Settings(home=tmp_path_factory.mktemp("home"))
    library.ensure(settings)
    return settings


@pytest.fixture(scope="session")
def assistant(settings):
    opened = library.Library(settings)
    yield Assistant(opened, settings)
    opened.close()


@pytest.fixture
def server():
    """A scripted server that speaks the OpenAI protocol."""
    scripted = Server()
    yield scripted
    scripted.close()
