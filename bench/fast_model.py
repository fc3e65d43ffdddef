"""A Gemini stand-in that costs next to nothing, so that a measurement shows the service and not the stand-in.

One recorded answer, written by hand onto sockets of asyncio, in a process of its own. The only thing it reads in a
request is the number at the end of the document (see :mod:`bench.documents`): it chooses the invoice number and date
of the answer, so that these are the ones on the page.

``python -m bench.fast_model [--port N] [--latency-ms N]`` prints its address in the first line and ends with standard
input. Beside ``generateContent`` and the list of models it takes telemetry (``/v2.1/track``), and ``/_control``: GET
answers ``{"calls", "doubled", "faults", "cut", "telemetry", "unknown", "pid", "cpu_seconds", "latency_ms"}``, POST with
``?latency_ms=N`` sets the latency, with ``?fault_every=N`` has each Nth question end in an error 500, an error 503, or
a connection that is cut, in turn. ``calls`` are questions that were answered, ``doubled`` those about a document that
had been answered before.
"""

import argparse
import asyncio
import base64
import binascii
import json
import os
import re
import sys
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from bench import numbered

_ANSWER = Path(__file__).with_suffix("").with_name("fast_model_answer.json")
#: the start of a request that brings a document; the SDK writes the parts of a request in this order
_DATA = re.compile(rb'"data":\s*"')
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
#: characters of base64 that hold the last bytes of a document
_TAIL = 64
_LARGEST_HEAD = 1 << 16
_LENGTH = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)
MODELS = json.dumps(
    {
        "models": [
            {"name": f"models/{name}", "supportedGenerationMethods": ["generateContent"]}
            for name in ("gemini-3.5-flash-lite", "gemini-3.8-flash")
        ]
    }
).encode()


class FastModel:
    """Answers and counts. One for the process, on one event loop."""

    def __init__(self, latency_ms: float = 0) -> None:
        self.latency_ms = latency_ms
        self.calls = self.telemetry = self.unknown = 0
        self.fault_every = self.asked = self.faults = self.cut = self.doubled = 0
        self._answered: set[int] = set()
        # Read and written once more: without the line breaks of the file.
        self._answer = json.dumps(json.loads(_ANSWER.read_text(encoding="utf-8"))).encode()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, which is kept until the client closes it."""
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = _LENGTH.search(head)
                size = int(length[1]) if length else 0
                body = await reader.readexactly(size) if size else b""
                status, answer = await self._answer_to(head, body)
                writer.write(
                    b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
                    % (status, len(answer))
                    + answer
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            pass  # the client has gone
        finally:
            writer.close()

    async def _answer_to(self, head: bytes, body: bytes) -> tuple[bytes, bytes]:
        method, _, rest = head.partition(b" ")
        target = rest.partition(b" ")[0]
        if method == b"POST" and target.endswith(b":generateContent"):
            number = number_of(body)
            if number is not None:
                if self.latency_ms:
                    await asyncio.sleep(self.latency_ms / 1000)
                return self._fault() or (b"200 OK", self._counted(number))
        elif method == b"POST" and target.startswith(b"/v2"):
            self.telemetry += 1
            return b"200 OK", b'{"itemsReceived": 1, "itemsAccepted": 1, "errors": []}'
        elif target.startswith(b"/_control"):
            return b"200 OK", self._control(target.decode())
        elif method == b"GET" and target.partition(b"?")[0].endswith(b"/models"):
            return b"200 OK", MODELS
        elif method == b"GET" and target == b"/":
            # The service opens a connection ahead of a call with it.
            return b"200 OK", b"{}"
        self.unknown += 1
        return b"404 Not Found", b'{"error": {"code": 404, "status": "NOT_FOUND", "message": "not served here"}}'

    def _fault(self) -> tuple[bytes, bytes] | None:
        """What comes in place of an answer, when it is time for that. Raises ConnectionError to cut the connection."""
        self.asked += 1
        if not self.fault_every or self.asked % self.fault_every:
            return None
        self.faults += 1
        if self.faults % 3 == 0:
            self.cut += 1
            raise ConnectionResetError
        status = b"500 Internal Server Error" if self.faults % 3 == 1 else b"503 Service Unavailable"
        return status, b'{"error": {"code": %s, "status": "UNAVAILABLE", "message": "a fault"}}' % status[:3]

    def _counted(self, number: int) -> bytes:
        self.calls += 1
        self.doubled += number in self._answered
        self._answered.add(number)
        return self.answer(number)

    def answer(self, number: int) -> bytes:
        """The recorded answer with what is printed on the document of this number."""
        dated = numbered.date_of(number)
        return (
            self._answer.replace(b"{NUMBER}", numbered.invoice_number(number).encode())
            .replace(b"{DATE_PRINTED}", f"{dated:%d/%m/%Y}".encode())
            .replace(b"{DATE}", dated.isoformat().encode())
            .replace(b"{RESPONSE_ID}", b"r%d" % self.calls)
        )

    def _control(self, target: str) -> bytes:
        wanted = parse_qs(urlsplit(target).query)
        if "latency_ms" in wanted:
            self.latency_ms = float(wanted["latency_ms"][0])
        if "fault_every" in wanted:
            self.fault_every = int(wanted["fault_every"][0])
        return json.dumps(
            {
                "calls": self.calls,
                "doubled": self.doubled,
                "faults": self.faults,
                "cut": self.cut,
                "telemetry": self.telemetry,
                "unknown": self.unknown,
                "pid": os.getpid(),
                "cpu_seconds": time.process_time(),
                "latency_ms": self.latency_ms,
            }
        ).encode()


def number_of(body: bytes) -> int | None:
    """The number of the document in a ``generateContent`` request; None when there is no numbered document."""
    found = _DATA.search(body)
    if found is None:
        return None
    end = body.find(b'"', found.end())
    tail = body[max(found.end(), end - _TAIL) : end].translate(_URL_SAFE)
    try:
        return numbered.number_at_end(base64.b64decode(tail))
    except binascii.Error:
        return None


async def run(port: int, latency_ms: float) -> None:
    """Serve until standard input ends."""
    model = FastModel(latency_ms)
    server = await asyncio.start_server(model.serve, "127.0.0.1", port, limit=_LARGEST_HEAD, backlog=512)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.buffer.read)
    server.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.fast_model")
    parser.add_argument("--port", type=int, default=0, help="default: a free one")
    parser.add_argument("--latency-ms", type=float, default=0)
    options = parser.parse_args()
    asyncio.run(run(options.port, options.latency_ms))


if __name__ == "__main__":
    main()
