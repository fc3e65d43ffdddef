"""How long a start takes: importing all function folders, and a process until it has answered its first upload."""

import asyncio
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from bench import documents
from bench.documents import ROOT
from bench.imports import import_seconds
from bench.service.callers import Order
from bench.service.children import BenchFailed
from bench.service.upload import upload
from devstack.setup import processes
from devstack.setup.ports import free_ports

RUNS = 3
_PAUSE_SECONDS = 0.01
_LONGEST_SECONDS = 30


def measure(folder: Path, settings: Mapping[str, str], first: int) -> dict[str, float]:
    """Medians, in seconds.

    :param settings: environment of a further host on a stack's database and storage.
    :param first: numbers of the documents, ``RUNS`` of them.
    """
    imports = import_seconds(RUNS)
    template = documents.load(folder, "page")
    answers = [_first_answer(template, settings, first + run, folder / "starts.log") for run in range(RUNS)]
    return {
        "import_platform_seconds": statistics.median(imports["azure.functions"]),
        "import_all_seconds": statistics.median(imports["all function folders"]),
        "first_answer_seconds": statistics.median(answers),
    }


def _first_answer(template: documents.Template, settings: Mapping[str, str], number: int, log: Path) -> float:
    """Seconds from the start of the host to the answer of its first upload."""
    port = free_ports(1)[0]
    command = [sys.executable, "-m", "devstack.host", "--root", str(ROOT), "--port", str(port)]
    order = Order(template.kind, number, 1, 1)
    with log.open("ab") as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=ROOT, env=dict(settings), stdout=output, stderr=output, **processes.group_options()
        )
    try:
        while not _listens(port):
            if time.perf_counter() - started > _LONGEST_SECONDS:
                raise BenchFailed("the host did not listen in time")
            time.sleep(_PAUSE_SECONDS)
        asyncio.run(upload(port, template, order))
        return time.perf_counter() - started
    finally:
        processes.ask_to_end(process.pid)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            processes.kill(process.pid)
            process.wait()


def _listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False
