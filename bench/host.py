"""The local host's own share of a request: one connection that is kept, one small function.

Nagle's algorithm against delayed acknowledgements would show here as 40 ms for each request.
"""

import http.client
import statistics
import tempfile
import time
from pathlib import Path

from tests.devstack.host.running import Host
from tests.devstack.host.sample_app import write_http_app

_REQUESTS = 500


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, Host(write_http_app(Path(folder) / "app")) as host:
        connection = http.client.HTTPConnection("127.0.0.1", host.port, timeout=10)
        times = [_one(connection) for _ in range(_REQUESTS)]
        connection.close()
    cuts = statistics.quantiles(times, n=100)
    print(f"{_REQUESTS} requests on one connection: p50 {cuts[49]:.2f} ms, p99 {cuts[98]:.2f} ms")


def _one(connection: http.client.HTTPConnection) -> float:
    """Milliseconds until the whole answer is there."""
    started = time.perf_counter()
    connection.request("POST", "/api/echo", b"x" * 1000)
    connection.getresponse().read()
    return (time.perf_counter() - started) * 1000
