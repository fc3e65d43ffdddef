"""Azurite for the tests of the host: a process of its own on free ports, nothing kept on disk."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

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
    """Connection string of a new, empty Azurite."""
    blob, queue, table = ports or free_ports(3)
    location.mkdir(parents=True, exist_ok=True)
    command = [str(azurite_binary()), *storage_arguments(location, blob=blob, queue=queue, table=table), *options]
    process = subprocess.Popen(command, cwd=location, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not all(_answers(port) for port in (blob, queue)):
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"Azurite did not start: {process.stderr.read() if process.poll() is not None else 'time'}")
            time.sleep(0.05)
        yield connection_string(blob=blob, queue=queue, table=table)
    finally:
        # Asked to end, it would wait for the connections that the host keeps open.
        process.kill()
        process.wait()
        process.stderr.close()


def _answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
