"""The app's own functions on a real stack: Azurite, the host as a process, a model stand-in, a database of its own."""

import base64
import contextlib
import json
import os
import shutil
import subprocess
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from devstack.gemini import GeminiStandIn
from shared_code.blobs.names import error_name, result_name
from shared_code.bootstrap import build_services
from shared_code.database.stores.keys import token_keys
from shared_code.database.stores.operations import alerts
from shared_code.settings import Settings
from tests.devstack.host.azurite import running_azurite
from tests.devstack.host.running import FOREIGN, Host, wait_for

ROOT = Path(__file__).resolve().parents[3]
INVOICES = ROOT / "tests" / "data" / "invoices"
SAMPLES = ROOT / "samples"
POISON = "webjobs-blobtrigger-poison"
RING = "test:" + "A" * 43 + "="
#: patience of minutes in production, of moments here
QUICK = {
    "RETRY_INITIAL_DELAY_SECONDS": "0.01",
    "RETRY_MAX_DELAY_SECONDS": "0.05",
    "BLOB_DEADLINE_SECONDS": "8",
    "LEASE_MARGIN_SECONDS": "1",
    "DUPLICATE_WAIT_SECONDS": "12",
    "ROLLUP_SCHEDULE": "0 0 0 1 1 *",
    "PYTHON_THREADPOOL_THREAD_COUNT": "16",
}


class BlobStack:
    """Storage, model, database and app; ``with stack.host() as host`` runs the functions."""

    FUNCTIONS = ("InvoiceBlobFunction", "UsageRollupFunction")

    def __init__(self, folder, *, visibility=600, **settings):
        self.folder = folder
        self.visibility = visibility
        self.settings = {**QUICK, **settings}
        #: the clock of the test's own services
        self.now = datetime.now(UTC)
        self.app = folder / "app"
        for name in self.FUNCTIONS:
            shutil.copytree(ROOT / name, self.app / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "host.json", self.app)
        (self.app / "local.settings.json").write_text('{"Values": {}}')

    def __enter__(self):
        self._azurite = running_azurite(self.folder / "azurite")
        self.connection = self._azurite.__enter__()
        self.gemini = GeminiStandIn().__enter__()
        self.blobs = BlobServiceClient.from_connection_string(self.connection)
        self.queues = QueueServiceClient.from_connection_string(self.connection)
        self.blobs.create_container("invoices")
        self.services = build_services(self._settings(), clock=lambda: self.now).ready()
        self.secret = self.add_key("NT047")
        return self

    def __exit__(self, *_):
        self.services.close()
        self.blobs.close()
        self.queues.close()
        self.gemini.__exit__()
        self._azurite.__exit__(None, None, None)

    @property
    def environment(self):
        return {
            "AzureWebJobsStorage": self.connection,
            "DATABASE_URL": f"sqlite:///{self.folder / 'test.db'}",
            "GEMINI_BASE_URL": self.gemini.url,
            "TOKEN_ENCRYPTION_KEYS": RING,
            **self.settings,
        }

    def host(self):
        arguments = ("--blob-poll-seconds", "0.05", "--blob-visibility-seconds", str(self.visibility))
        return Host(self.app, arguments, self.environment)

    def add_key(self, company, *, limit=50_000_000, **values):
        secret = f"AIzaTest{uuid.uuid4().hex}"
        self.services.database.run(
            lambda connection: token_keys.add_token(
                connection,
                self.services.cipher,
                token_keys.NewToken(company, secret, company, total_token_limit=limit, **values),
            )
        )
        return secret

    def drop(self, name, content=None, *, overwrite=True, **metadata):
        """The ETag of the dropped version, without quotes."""
        if content is None:
            content = unique(SAMPLES / "ghana-vat-invoice.pdf")
        blob = self.blobs.get_blob_client("invoices", name)
        return blob.upload_blob(content, overwrite=overwrite, metadata=metadata or None)["etag"].strip('"')

    def names(self, container="invoice-results"):
        found = self.blobs.get_container_client(container)
        return sorted(blob.name for blob in found.list_blobs()) if found.exists() else []

    def read(self, name):
        """(envelope, metadata) of a result or error file."""
        blob = self.blobs.get_blob_client("invoice-results", name)
        download = blob.download_blob()
        return json.loads(download.readall()), download.properties.metadata

    def result(self, name, **wait):
        return self.answer(result_name(name), **wait)

    def error(self, name, **wait):
        return self.answer(error_name(name), **wait)

    def answer(self, name, *, seconds=20):
        """(envelope, metadata) as soon as there is such a file: an overtaken answer may go while it is read."""

        def read():
            try:
                return self.read(name)
            except ResourceNotFoundError:
                return None

        return wait_for(read, seconds=seconds)

    def poison(self):
        """Names of the blobs that the poison queue holds."""
        queue = self.queues.get_queue_client(POISON)
        try:
            found = queue.peek_messages(max_messages=32)
        except ResourceNotFoundError:
            return []
        return sorted(json.loads(base64.b64decode(message.content))["BlobName"] for message in found)

    def put_poison(self, name, *, etag="0x1", function="InvoiceBlobFunction", container="invoices", raw=None):
        """A message as the platform writes it when it gives up on a blob."""
        queue = self.queues.get_queue_client(POISON)
        with contextlib.suppress(ResourceExistsError):
            queue.create_queue()
        message = {
            "Type": "BlobTrigger",
            "FunctionId": f"Host.Functions.{function}",
            "BlobType": "BlockBlob",
            "ContainerName": container,
            "BlobName": name,
            "ETag": f'"{etag}"',
        }
        queue.send_message(raw or base64.b64encode(json.dumps(message).encode()).decode())

    def manage(self, *arguments, seconds=90):
        """``manage.py`` as a person calls it."""
        kept = {name: value for name, value in os.environ.items() if not name.lower().startswith(FOREIGN)}
        return subprocess.run(
            [sys.executable, "manage.py", *map(str, arguments)],
            cwd=ROOT,
            env={**kept, **self.environment},
            capture_output=True,
            text=True,
            timeout=seconds,
        )

    def open_alerts(self, kind):
        found = self.services.database.read(lambda connection: alerts.open_alerts(connection, kind=kind))
        return {alert.subject: alert for alert in found}

    def billed_calls(self):
        return [call for call in self.gemini.calls() if call["status"] == 200]

    def _settings(self):
        values = {name.lower(): value for name, value in self.environment.items() if name.upper() == name}
        for field in ("rollup_schedule", "python_threadpool_thread_count"):
            values.pop(field)
        return Settings(**{"azure_sql_connection_string": None, "azurewebjobsstorage": self.connection, **values})


def unique(path):
    """The document with bytes behind its end that make it another document."""
    return path.read_bytes() + f"\n% {uuid.uuid4()}\n".encode()
