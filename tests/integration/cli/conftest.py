"""``manage.py`` in this process, on a database file of the test's own and real stand-ins."""

import io
import json
import logging
import shutil

import pytest

from devstack.gemini import GeminiStandIn
from shared_code import bootstrap
from shared_code.cli.main import main
from shared_code.database import key_cipher

RING = key_cipher.new_ring_entry("k1")


@pytest.fixture
def gemini():
    with GeminiStandIn() as stand_in:
        yield stand_in


@pytest.fixture
def manage(tmp_path, monkeypatch, capsys, gemini, caplog, _sqlite_template):
    """Runs a command: exit code, standard output (read as JSON with ``--json``), standard error."""
    shutil.copyfile(_sqlite_template, tmp_path / "cli.db")
    settings = {
        "DATABASE_URL": f"sqlite:///{tmp_path / 'cli.db'}",
        "TOKEN_ENCRYPTION_KEYS": RING,
        "GEMINI_BASE_URL": gemini.url,
        "COLUMNS": "250",
        "AZURE_SQL_CONNECTION_STRING": "",
        "AzureWebJobsStorage": "",
        "AZUREWEBJOBSSTORAGE": "",
    }
    said = []

    def run(*arguments, stdin="", **more):
        for name, value in (settings | more).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        code = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        said.append(out + err + caplog.text)
        return code, json.loads(out) if "--json" in arguments and out else out, err

    run.said = said
    ours = logging.getLogger("shared_code")
    level = ours.level
    yield run
    bootstrap.reset()
    ours.setLevel(level)
