"""A local host of a bench's own, on a fresh database and storage: for what a stack that runs already cannot show."""

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Self

from bench import rig
from bench.documents import ROOT, Template
from bench.imports import with_bytecode
from bench.service.callers import Order, Timing
from bench.service.children import BenchFailed
from bench.service.model import Model
from bench.service.roles import Tree
from bench.service.upload import upload
from devstack.setup import azurite, processes
from devstack.setup.ports import free_ports

_PAUSE_SECONDS = 0.005
_LONGEST_SECONDS = 60


@contextlib.contextmanager
def surroundings(latency_ms: float = 0) -> Iterator[dict[str, str]]:
    """Environment of a host: a model stand-in, storage, and a database file with one company and its key."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder,
        rig.gemini(latency_ms) as url,
        _storage(Path(folder) / "storage") as connection_string,
    ):
        settings = {
            "DATABASE_URL": f"sqlite:///{folder}/bench.db",
            "GEMINI_BASE_URL": url,
            "TOKEN_ENCRYPTION_KEYS": rig.RING,
            "AzureWebJobsStorage": connection_string,
            "APPLICATIONINSIGHTS_CONNECTION_STRING": Model(url).connection_string,
            "PYTHON_THREADPOOL_THREAD_COUNT": "32",
        }
        environment = os.environ | settings
        command = [sys.executable, "-c", "from bench.rig import add_key; add_key()"]
        subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
        yield environment


class OwnHost:
    """A host as a process; ends with the block. ``started`` is when it was, by ``time.perf_counter``."""

    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        self.port = free_ports(1)[0]
        self._log = log
        command = [sys.executable, "-m", "devstack.host", "--root", str(ROOT), "--port", str(self.port)]
        with log.open("ab") as output:
            self.started = time.perf_counter()
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=with_bytecode(environment),
                stdout=output,
                stderr=output,
                **processes.group_options(),
            )
        self.tree = Tree(self.process.pid)

    def wait_until_it_listens(self) -> None:
        """Return once a connection is taken. Raises BenchFailed."""
        while not _listens(self.port):
            if self.process.poll() is not None or time.perf_counter() - self.started > _LONGEST_SECONDS:
                raise BenchFailed(f"the host did not listen in time:\n{self._log.read_text(errors='replace')[-2000:]}")
            time.sleep(_PAUSE_SECONDS)

    def upload(self, template: Template, order: Order) -> Timing:
        """Run an order. Raises RuntimeError when an answer is not that of a read invoice."""
        return asyncio.run(upload(self.port, template, order))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        processes.ask_to_end(self.process.pid)
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            processes.kill(self.process.pid)
            self.process.wait()


@contextlib.contextmanager
def _storage(location: Path) -> Iterator[str]:
    """Connection string of a new, empty Azurite."""
    blob, queue, table = free_ports(3)
    location.mkdir()
    given = os.environ.get("AZURITE_BIN")
    command = [given] if given else azurite.ensure_azurite(ROOT)
    process = subprocess.Popen(
        [*command, *azurite.storage_arguments(location, blob=blob, queue=queue, table=table)],
        cwd=location,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        **processes.group_options(),
    )
    try:
        deadline = time.monotonic() + _LONGEST_SECONDS
        while not _listens(queue):
            if process.poll() is not None or time.monotonic() > deadline:
                raise BenchFailed("Azurite did not start")
            time.sleep(0.05)
        yield azurite.connection_string(blob=blob, queue=queue, table=table)
    finally:
        processes.kill(process.pid)
        process.wait()


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
