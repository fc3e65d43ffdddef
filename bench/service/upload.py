"""The whole way: uploads over HTTP to a running stack, as ``curl -F`` sends them, from a client that costs little.

Sockets of asyncio, one connection per caller, kept. Answers are read whole and looked at after the measurement.
``python -m bench.service.upload FOLDER PORT [COMPANY]``.
"""

import asyncio
import functools
import json
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench import rig
from bench.documents import Template
from bench.service import callers
from bench.service.callers import Order, Timing

_BOUNDARY = "bench-boundary-7c1f"
_FIELDS = {"username": "u", "branch": "b"}
_LENGTH = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)
_OK = b"HTTP/1.1 200"


def form(template: Template, number: int, company: str = rig.COMPANY) -> bytes:
    """The request with one document, head and body."""
    parts = "".join(
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in {"companyID": company, **_FIELDS}.items()
    )
    parts += (
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{template.file_name}"\r\n'
        f"Content-Type: {template.mime_type}\r\n\r\n"
    )
    before, after = parts.encode(), f"\r\n--{_BOUNDARY}--\r\n".encode()
    data = template.document(number)
    head = (
        "POST /api/extract HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\n"
        f"Content-Type: multipart/form-data; boundary={_BOUNDARY}\r\n"
        f"Content-Length: {len(before) + len(data) + len(after)}\r\n\r\n"
    )
    return b"".join((head.encode(), before, data, after))


async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> tuple[bytes, bytes]:
    """Send a request and read its answer: head and body."""
    writer.write(request)
    await writer.drain()
    head = await reader.readuntil(b"\r\n\r\n")
    length = _LENGTH.search(head)
    return head, await reader.readexactly(int(length[1]) if length else 0)


async def upload(port: int, template: Template, order: Order, company: str = rig.COMPANY) -> Timing:
    """Run an order. Raises RuntimeError when an answer is not what a read invoice is answered with."""
    numbers = iter(range(order.first, order.first + order.calls))
    seconds: list[float] = []
    answers: list[tuple[bytes, bytes]] = []

    async def caller(numbers: Iterator[int]) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            for number in numbers:
                request = form(template, number, company)
                started = time.perf_counter()
                answers.append(await exchange(reader, writer, request))
                seconds.append(time.perf_counter() - started)
        finally:
            writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(caller(numbers) for _ in range(order.callers)))
    timing = Timing(seconds, time.perf_counter() - began)
    for head, body in answers:
        if not head.startswith(_OK) or json.loads(body)["data"]["status"] != "ok":
            raise RuntimeError(f"an upload was answered with {head[:30]!r} {body[:300]!r}")
    return timing


def main() -> None:
    folder, port, company = Path(sys.argv[1]), int(sys.argv[2]), (*sys.argv[3:], rig.COMPANY)[0]
    run = functools.partial(upload, port, company=company)
    callers.serve(folder, lambda template, order: asyncio.run(run(template, order)))


if __name__ == "__main__":
    main()
