"""E-invoices answered without a model: the whole request per file, beside a model call that answers in 50 ms."""

import asyncio
import json
import threading
import time
import uuid
from types import SimpleNamespace

import azure.functions as func

from bench import documents, figures, rig
from bench.service.floor import asker

RUNS = 100
WARM_UP = 10
LATENCY_MS = 50
FOLDER = documents.ROOT / "tests" / "data" / "invoices"
FILES = (
    "fx-OK-001.pdf",
    "fx-CALC-001.pdf",
    "i2d-AzureInterior.pdf",
    "zf-EN16931_Einfach.pdf",
    "zf1-BASIC_Einfach.pdf",
    "fpa-FPR01.xml",
    "fx-DATA-002.xml",
    "xr-01.01a_ubl.xml",
    "zf-EN16931_Gutschrift.ubl.xml",
    "zf-EN16931_Rabatte.cii.xml",
)


def main() -> None:
    with rig.gemini(latency_ms=LATENCY_MS) as url, rig.environment(url):
        from ExtractFunction import main as extract

        context = SimpleNamespace(
            invocation_id="bench",
            trace_context=SimpleNamespace(trace_parent=None),
            thread_local_storage=threading.local(),
        )
        loop = asyncio.new_event_loop()

        def ours(data: bytes) -> dict:
            request = func.HttpRequest(
                method="POST",
                url=rig.UPLOAD_URL,
                headers={"content-type": "application/octet-stream"},
                body=data,
            )
            response = loop.run_until_complete(extract(request, context))
            assert response.status_code == 200, response.get_body()
            return json.loads(response.get_body())["data"]

        bare, new_document, answers = asker(url), rig.Versions(), []
        everything = []
        for name in FILES:
            seconds = _timed(lambda data: answers.append(ours(data)), lambda name=name: _document(name))
            figures.row(name, seconds)
            everything += seconds
        assert {answer["provenance"]["method"] for answer in answers} == {"embedded_xml"}
        figures.row("all e-invoices", everything)
        figures.row(f"bare SDK call, model answers in {LATENCY_MS} ms", _timed(bare, new_document))


def _timed(call, document) -> list[float]:
    """Seconds of each call with a file that nobody has sent before, which ``document()`` returns."""
    seconds = []
    for _ in range(WARM_UP + RUNS):
        data = document()
        started = time.perf_counter()
        call(data)
        seconds.append(time.perf_counter() - started)
    return seconds[WARM_UP:]


def _document(name: str) -> bytes:
    """The file with a remark behind its end."""
    remark = f"\n% {uuid.uuid4()}\n" if name.endswith(".pdf") else f"<!-- {uuid.uuid4()} -->"
    return (FOLDER / name).read_bytes() + remark.encode()
