"""``manage.py`` in this process, on a database file of the test's own and real stand-ins."""

import io
import json
import logging
import shutil
from types import SimpleNamespace

import pytest
from azure.storage.blob import BlobServiceClient

from devstack.gemini import GeminiStandIn
from devstack.openai import OpenAIStandIn
from shared_code import bootstrap
from shared_code.cli.main import main
from shared_code.database import key_cipher
from tests.devstack.host.azurite import running_azurite
from tests.documented_commands import ROOT
from tests.integration.database import seed_database
from tests.integration.webhooks.receiver import Receiver

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


@pytest.fixture(scope="module")
def storage(tmp_path_factory):
    with running_azurite(tmp_path_factory.mktemp("azurite")) as connection:
        yield connection


@pytest.fixture(scope="module")
def openai():
    with OpenAIStandIn() as stand_in:
        yield stand_in.url


@pytest.fixture
def place(manage, storage, openai, tmp_path, monkeypatch):
    """NT047 with a key, a limit, a webhook, a reading, a dropped file and a timer that has run; the samples are here."""
    (tmp_path / "samples").symlink_to(ROOT / "samples")
    shutil.copy(ROOT / "tests" / "data" / "invoices" / "fx-DATA-002.xml", tmp_path / "invoice.xml")
    seed_database.make_seed_database(f"sqlite:///{tmp_path / 'earlier.db'}", keys=12, usage_rows=20)
    monkeypatch.setenv("LEGACY_DATABASE", f"sqlite:///{tmp_path / 'earlier.db'}")
    monkeypatch.chdir(tmp_path)
    more = {"AzureWebJobsStorage": storage, "AZUREWEBJOBSSTORAGE": storage, "WEBHOOK_ALLOW_LOOPBACK": "true"}
    more["OPENAI_BASE_URL"] = f"{openai}/v1"

    def run(*arguments, stdin=""):
        return manage(*arguments, stdin=stdin, **more)

    with Receiver() as receiver, BlobServiceClient.from_connection_string(storage) as blobs:
        clear(blobs)
        drop(blobs, "NT047/gst-invoice.pdf")
        drop(blobs, "NT047/of-bzumah.pdf", username="bzumah")
        for arguments, stdin in (
            (("tokens", "add", "NT047", "--name", "RUBI TRADERS Pvt ltd"), "AIzaSyDocumented0123456789abcdefghijklm"),
            (("quota", "set", "NT047", "--user", "bzumah", "--daily", "500000"), ""),
            (("webhooks", "set", "NT047", "--url", receiver.url), ""),
            (("blobs", "retry", "NT047/of-bzumah.pdf"), ""),
            (("rollup", "run"), ""),
        ):
            code, out, err = run(*arguments, stdin=stdin)
            assert code == 0, (arguments, out, err)
        yield SimpleNamespace(
            run=run,
            receiver=receiver.url,
            files=lambda: [blob.name for blob in blobs.get_container_client("invoices").list_blobs()],
            reading=run("extractions", "list", "--json")[1][0]["id"],
            admin_key=run("admin-keys", "create", "--role", "viewer", "--json")[1]["key_id"],
            delivery=run("webhooks", "deliveries", "--json")[1][0]["delivery_id"],
        )


def clear(blobs):
    """Both containers, empty."""
    for container in ("invoices", "invoice-results"):
        client = blobs.get_container_client(container)
        if not client.exists():
            client.create_container()
        for found in list(client.list_blobs()):
            client.delete_blob(found.name)


def drop(blobs, name, **metadata):
    """A file that nothing has read, of bytes that no other file has."""
    content = (ROOT / "samples" / "gst-invoice.pdf").read_bytes() + f"\n% {name}\n".encode()
    blobs.get_blob_client("invoices", name).upload_blob(content, metadata=metadata)
