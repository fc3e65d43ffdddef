"""How much the model stand-in serves: the bench's own requests, one after another on 64 connections, nothing read.

``python -m bench.service.flood FOLDER URL SECONDS`` prints requests per second. A stand-in that cannot serve several
times what the bare SDK asks of it would be what the bench measures.
"""

import asyncio
import base64
import json
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

from bench.documents import load
from bench.service.floor import MODEL
from bench.service.upload import exchange

CONNECTIONS = 64


def request(data: bytes) -> bytes:
    """A question about a document as the SDK sends it, as far as size and form matter."""
    part = {"inlineData": {"data": base64.urlsafe_b64encode(data).decode(), "mimeType": "application/pdf"}}
    # The schema and the prompt of the real question are about as long.
    body = json.dumps({"contents": [{"parts": [part, {"text": "x" * 20_000}], "role": "user"}]}).encode()
    head = (
        f"POST /v1beta/models/{MODEL}:generateContent HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def flood(url: str, data: bytes, seconds: float) -> float:
    """Requests per second."""
    address = urlsplit(url)
    sent = request(data)
    ends = time.perf_counter() + seconds
    count = 0

    async def caller() -> None:
        nonlocal count
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        while time.perf_counter() < ends:
            head, _ = await exchange(reader, writer, sent)
            assert head.startswith(b"HTTP/1.1 200"), head
            count += 1
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(CONNECTIONS)))
    return count / (time.perf_counter() - began)


def main() -> None:
    folder, url, seconds = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3])
    print(asyncio.run(flood(url, load(folder, "page").document(0), seconds)))


if __name__ == "__main__":
    main()
