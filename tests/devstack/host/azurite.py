"""Azurite for the tests: processes on free ports, nothing kept on disk."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from azure.core.exceptions import AzureError
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from devstack.setup.azurite import binary, connection_string, storage_arguments

ROOT = Path(__file__).resolve().parents[3]
START_SECONDS = 30


def azurite_binary() -> Path:
    """``AZURITE_BIN``, or the one that the set-up has installed."""
    path = Path(os.environ.get("AZURITE_BIN") or binary(ROOT))
    if not path.exists():
        pytest.fail(f"Azurite is not at {path}. `python dev.py test` installs it; or name one in AZURITE_BIN.")
    return path


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


@contextmanager
def running_azurite(location: Path, *, ports: list[int] | None = None, options: Sequence[str] = ()) -> Iterator[str]:
    """Connection string of an empty Azurite; one on ports or with options of the test's own ends with the block.

    Others are emptied and kept for the next test of this process: to start one takes two seconds of CPU.
    """
    if ports or options:
        azurite = _Azurite(location, ports or free_ports(3), options)
        try:
            yield azurite.connection
        finally:
            azurite.end()
        return
    azurite = _free.pop() if _free else _Azurite(location, free_ports(3))
    yield azurite.connection
    if azurite.emptied():
        _free.append(azurite)


def end_azurites() -> None:
    """End those that are kept, and those of tests that failed."""
    while _running:
        _running[-1].end()


class _Azurite:
    """A process, once it answers."""

    def __init__(self, location: Path, ports: list[int], options: Sequence[str] = ()) -> None:
        blob, queue, table = ports
        location.mkdir(parents=True, exist_ok=True)
        command = [str(azurite_binary()), *storage_arguments(location, blob=blob, queue=queue, table=table), *options]
        self.connection = connection_string(blob=blob, queue=queue, table=table)
        self._process = subprocess.Popen(command, cwd=location, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        _running.append(self)
        deadline = time.monotonic() + START_SECONDS
        while not all(_answers(port) for port in (blob, queue)):
            if self._process.poll() is not None or time.monotonic() > deadline:
                said = self._process.stderr.read() if self._process.poll() is not None else "time"
                self.end()
                pytest.fail(f"Azurite did not start: {said}")
            time.sleep(0.05)

    def emptied(self) -> bool:
        """Take everything out. One that does not let go of something is ended."""
        try:
            with BlobServiceClient.from_connection_string(self.connection) as blobs:
                for container in blobs.list_containers():
                    blobs.delete_container(container)
            with QueueServiceClient.from_connection_string(self.connection) as queues:
                for queue in queues.list_queues():
                    queues.delete_queue(queue)
        except AzureError:
            self.end()
            return False
        return True

    def end(self) -> None:
        # Asked to end, it would wait for the connections that the host keeps open.
        self._process.kill()
        self._process.wait()
        self._process.stderr.close()
        _running.remove(self)


_free: list[_Azurite] = []
_running: list[_Azurite] = []


def _answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
