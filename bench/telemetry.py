"""A request with telemetry on, whatever its endpoint does, beside the same request with telemetry off; and memory.

One process per behaviour of the endpoint, asked in turn, so that the machine's moods fall on all of them alike. First
uploads that a model reads, then many that are answered from an earlier result: their telemetry is more than the queue
holds, so memory that grows with it shows.
"""

import asyncio
import os
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

from bench import documents, figures, rig

READ, CACHED, STEPS = 200, 1_500, 5
KEY = "0f8fad5b-d9cb-469f-a165-70867728950e"
#: status that the endpoint answers with, and after how many seconds
ENDPOINTS = {"up": (200, 0.0), "slow": (200, 30.0), "refusing (400)": (400, 0.0), "throttling (429)": (429, 0.0)}


def main() -> None:
    with rig.gemini() as url:
        modes = {"off": "", "down": _connection_string(_closed_port())}
        modes |= {name: _connection_string(_endpoint(*behaviour)) for name, behaviour in ENDPOINTS.items()}
        workers = {name: _Worker(url, text) for name, text in modes.items()}
        try:
            _compare("read by the model", workers, "read", READ)
            memory = {name: [worker.megabytes()] for name, worker in workers.items()}
            for _ in range(STEPS):
                last = _timed(workers, "cached", CACHED // STEPS)
                for name, worker in workers.items():
                    memory[name].append(worker.megabytes())
            _rows("answered from an earlier result", last)
            print(f"\nmegabytes in the process, before and after each {CACHED // STEPS} requests")
            for name, sizes in memory.items():
                print(f"{name:24} {' '.join(f'{size:7.1f}' for size in sizes)}")
        finally:
            for worker in workers.values():
                worker.end()


def _compare(title: str, workers: "dict[str, _Worker]", kind: str, runs: int) -> None:
    _timed(workers, kind, 10)
    _rows(title, _timed(workers, kind, runs))


def _timed(workers: "dict[str, _Worker]", kind: str, runs: int) -> dict[str, list[float]]:
    seconds: dict[str, list[float]] = {name: [] for name in workers}
    for _ in range(runs):
        for name, worker in workers.items():
            seconds[name].append(worker.ask(kind))
    return seconds


def _rows(title: str, seconds: dict[str, list[float]]) -> None:
    print(f"\n{title}")
    off = seconds["off"]
    for name, values in seconds.items():
        figures.row(name, values)
        ratios = [ours / theirs for ours, theirs in zip(values, off, strict=True)]
        print(f"{'':44} beside off, run by run: p50 {figures.percentile(ratios, 0.5):.2f}")


class _Worker:
    """The app in a process of its own. ``read`` is a new document, ``cached`` always the same one."""

    def __init__(self, gemini_url: str, connection_string: str) -> None:
        telemetry = {"APPLICATIONINSIGHTS_CONNECTION_STRING": connection_string} if connection_string else {}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.telemetry", gemini_url],
            cwd=documents.ROOT,
            env=os.environ | telemetry | {"NO_PROXY": "127.0.0.1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def ask(self, what: str) -> float:
        self._process.stdin.write(f"{what}\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())

    def megabytes(self) -> float:
        return self.ask("memory")

    def end(self) -> None:
        self._process.stdin.close()
        self._process.wait(timeout=30)


def serve(gemini_url: str) -> None:
    """The worker: answers each line of standard input with a number."""
    import azure.functions as func
    import psutil

    # INFO, as deployed: a request's log lines are part of its telemetry.
    with rig.environment(gemini_url, LOG_LEVEL="INFO"):
        from ExtractFunction import main as extract

        new_document, me = rig.Versions(), psutil.Process()
        same = new_document()
        context = SimpleNamespace(
            invocation_id="bench",
            trace_context=SimpleNamespace(trace_parent=None),
            thread_local_storage=threading.local(),
        )
        loop = asyncio.new_event_loop()
        for line in sys.stdin:
            if line.strip() == "memory":
                print(me.memory_info().rss / 2**20, flush=True)
                continue
            request = func.HttpRequest(
                method="POST",
                url=rig.UPLOAD_URL,
                headers={"content-type": "application/pdf"},
                body=same if line.strip() == "cached" else new_document(),
            )
            started = time.perf_counter()
            response = loop.run_until_complete(extract(request, context))
            seconds = time.perf_counter() - started
            assert response.status_code == 200, response.get_body()
            print(seconds, flush=True)


def _endpoint(status: int, wait: float) -> int:
    """Port of an ingestion endpoint that answers so."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            time.sleep(wait)
            try:
                self.send_response(status)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")
            except OSError:
                pass  # the client has given up

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


def _closed_port() -> int:
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        return server.server_address[1]


def _connection_string(port: int) -> str:
    return f"InstrumentationKey={KEY};IngestionEndpoint=http://127.0.0.1:{port}/"


if __name__ == "__main__":
    serve(sys.argv[1])
