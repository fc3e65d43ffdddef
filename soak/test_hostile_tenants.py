"""A hostile company against a running stack, at full length; for a machine that does nothing else meanwhile."""

import http.client
import json
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Self
from urllib.parse import urlsplit

import psutil
import pytest

from devstack.setup.ports import free_ports
from tests.e2e.calling import SAMPLES, extract, request, unique
from tests.e2e.conftest import RunningStack
from tests.unit.documents.files import MEGABYTE, page_pdf, stream

INVOICE = SAMPLES / "ghana-vat-invoice.pdf"
GOOD, HOSTILE = "GOOD", "HOSTILE"
STOPPED_SECONDS = 25
LARGE_UPLOADS = 200
MOST_RESIDENT_BYTES = 1_200_000_000
#: an invoice whose page takes minutes to draw: a shading by a function of 60,000 operators for each pixel
SLOW = page_pdf(
    b"BT /F1 12 Tf 50 780 Td 16 TL (TAX INVOICE) Tj T* (GSTIN 29AAAAA0000A) Tj T* (Invoice Number: H-001) Tj T* "
    b"(Invoice Date: 2026-11-02) Tj T* (Currency: USD) Tj T* (Subtotal 100.00) Tj T* (Total 118.00) Tj ET /S1 sh",
    resources=(
        b"/Shading<</S1<</ShadingType 1/ColorSpace/DeviceRGB/Domain[0 1 0 1]/Matrix[595 0 0 842 0 0]/Function 6 0 R>>>>"
    ),
    extra={6: stream(b"{" + b"1 pop " * 30_000 + b"0}", b"/FunctionType 4/Domain[0 1 0 1]/Range[0 1 0 1 0 1]")},
)


def add_key(ready: dict, company: str) -> None:
    key = {"company_id": company, "company_name": company, "api_key": f"AIzaSyTheKeyOfTheCompany{company:0<12}"}
    made = request(
        f"{ready['host']}/api/manage/tokens",
        "POST",
        body=json.dumps(key | {"provider": "Gemini", "total_token_limit": 1_000_000_000}),
        headers={"Authorization": f"Bearer {ready['admin_key']}", "Content-Type": "application/json"},
    )
    assert made.status == 201, made.raw


@pytest.fixture
def stack(tmp_path) -> Iterator[dict]:
    running = RunningStack(tmp_path, "--port", free_ports(1)[0])
    try:
        ready = running.wait_until_ready()
        for company in (GOOD, HOSTILE):
            add_key(ready, company)
        assert extract(ready["host"], unique(INVOICE), companyID=GOOD).status == 200
        yield ready
        assert running.end() == 0, running.console
    finally:
        running.abandon()


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


def test_slow_files_of_one_company_do_not_slow_another(stack):
    with ThreadPoolExecutor(8) as pool:
        slow: list[Future] = [
            pool.submit(extract, stack["host"], SLOW + b"\n%% %d" % number, companyID=HOSTILE) for number in range(8)
        ]
        time.sleep(0.3)
        waits: list[float] = []
        while not all(one.done() for one in slow):
            started = time.monotonic()
            answer = extract(stack["host"], unique(INVOICE), companyID=GOOD)
            waits.append(time.monotonic() - started)
            assert answer.status == 200, answer.raw
            assert answer.json["data"]["status"] == "ok"
            time.sleep(0.05)
    statuses = {one.result().status for one in slow}
    print(f"{len(waits)} good uploads: p50 {percentile(waits, 0.5):.2f} s, p95 {percentile(waits, 0.95):.2f} s")
    assert statuses <= {200, 422, 503}
    assert len(waits) >= 20
    assert percentile(waits, 0.95) <= 1.0


@contextmanager
def stopped_children(host: psutil.Process, seconds: float) -> Iterator[None]:
    """Every process that opens documents stands still, new ones too."""
    ends = time.monotonic() + seconds

    def signal_all(number: int) -> None:
        for child in host.children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                child.send_signal(number)

    def stop() -> None:
        while time.monotonic() < ends:
            signal_all(signal.SIGSTOP)
            time.sleep(0.05)
        signal_all(signal.SIGCONT)

    thread = threading.Thread(target=stop)
    thread.start()
    try:
        yield
    finally:
        thread.join()


@pytest.mark.skipif(sys.platform == "win32", reason="needs a system that stops processes")
def test_files_whose_processes_stand_still_get_503_and_then_their_answer(stack):
    def until_read(_number: int) -> list[int]:
        data, statuses = unique(INVOICE), []
        while True:
            answer = extract(stack["host"], data, companyID=GOOD)
            statuses.append(answer.status)
            if answer.status != 503:
                assert answer.json["data"]["status"] == "ok", answer.raw
                return statuses
            assert answer.code == "BUSY"
            time.sleep(int(answer.headers["retry-after"]))

    with stopped_children(psutil.Process(stack["pids"]["host"]), STOPPED_SECONDS), ThreadPoolExecutor(6) as pool:
        time.sleep(0.5)
        runs = list(pool.map(until_read, range(6)))
    print(runs)
    assert all(statuses[0] == 503 and statuses[-1] == 200 for statuses in runs)


class Watcher:
    """What the host and its children hold, and how long readiness takes, while something else goes on."""

    def __init__(self, stack: dict) -> None:
        self._host = stack["host"]
        self._process = psutil.Process(stack["pids"]["host"])
        self._stop = threading.Event()
        self.resident = 0
        self.ready: list[float] = []
        self._threads = [threading.Thread(target=self._until_stopped, args=(one,)) for one in (self._weigh, self._ask)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _until_stopped(self, look: Callable[[], None]) -> None:
        while not self._stop.wait(0.05):
            with suppress(psutil.Error):
                look()

    def _weigh(self) -> None:
        family = [self._process, *self._process.children(recursive=True)]
        self.resident = max(self.resident, sum(one.memory_info().rss for one in family))

    def _ask(self) -> None:
        started = time.monotonic()
        assert request(f"{self._host}/api/health/ready").status == 200
        self.ready.append(time.monotonic() - started)


def test_two_hundred_large_uploads_find_bounded_memory_and_quick_refusals(stack):
    """Seconds of a refusal count from when all of the upload has arrived: the platform hands it over no earlier."""
    where = urlsplit(stack["host"])
    filling = b"\n%" + b"x" * (20 * MEGABYTE - 4_000 - INVOICE.stat().st_size)
    go = threading.Event()

    def upload(_number: int) -> tuple[int, float]:
        edge = "an-edge-of-the-form"
        body = (
            f'--{edge}\r\nContent-Disposition: form-data; name="companyID"\r\n\r\n{HOSTILE}\r\n--{edge}\r\n'
            'Content-Disposition: form-data; name="file"; filename="large.pdf"\r\n\r\n'
        ).encode()
        body += INVOICE.read_bytes() + filling + unique(INVOICE)[-40:] + f"\r\n--{edge}--\r\n".encode()
        connection = http.client.HTTPConnection(str(where.hostname), where.port, timeout=300)
        go.wait()
        connection.putrequest("POST", "/api/extract")
        connection.putheader("Content-Type", f"multipart/form-data; boundary={edge}")
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders()
        connection.send(body)
        sent = time.monotonic()
        answer = connection.getresponse()
        code = (json.loads(answer.read())["error"] or {}).get("code")
        assert (answer.status, code) in {(200, None), (503, "BUSY")}, (answer.status, code)
        connection.close()
        return answer.status, time.monotonic() - sent

    with ThreadPoolExecutor(LARGE_UPLOADS) as pool:
        runs = [pool.submit(upload, number) for number in range(LARGE_UPLOADS)]
        with Watcher(stack) as watcher:
            go.set()
            answers = [one.result() for one in runs]
    refused = [seconds for status, seconds in answers if status == 503]
    print(
        f"{len(answers) - len(refused)} read, {len(refused)} refused within {max(refused):.2f} s, "
        f"p95 {percentile(refused, 0.95):.2f} s; resident {watcher.resident / 1e6:.0f} MB; "
        f"readiness at most {max(watcher.ready):.2f} s"
    )
    assert any(status == 200 for status, _ in answers)
    assert watcher.resident <= MOST_RESIDENT_BYTES
    assert percentile(refused, 0.95) <= 1.0
    assert percentile(watcher.ready, 0.95) <= 1.0
