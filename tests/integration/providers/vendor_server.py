"""A loopback HTTP server with a queue of answers and a history of requests, for tests of the wire."""

import json
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Answer:
    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    #: send the body in single bytes with this pause between them
    trickle: float = 0.0
    #: close the connection without a word
    drop: bool = False


@dataclass(frozen=True)
class Seen:
    method: str
    path: str
    headers: list[tuple[str, str]]
    body: Any
    #: tells one connection from another
    port: int

    def header(self, name: str) -> str | None:
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        assert len(values) <= 1, f"{name} was sent {len(values)} times"
        return values[0] if values else None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


class VendorServer:
    """Answers from ``queue``, then with ``default``; ``seen`` holds every request."""

    def __init__(self) -> None:
        self.queue: deque[Answer] = deque()
        self.default = Answer()
        self.seen: list[Seen] = []
        self.released = threading.Event()
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def reset(self) -> None:
        """Forget everything; answers that are being delayed are given up."""
        self.released.set()
        self.released = threading.Event()
        self.queue.clear()
        self.seen = []
        self.default = Answer()

    def close(self) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(server) -> type[BaseHTTPRequestHandler]:  # noqa: C901, N805 - the handler has the name self
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                self.answer()

            def do_POST(self) -> None:
                self.answer()

            def answer(self) -> None:
                raw = self.rfile.read(int(self.headers.get("content-length") or 0))
                body = json.loads(raw) if raw else None
                server.seen.append(
                    Seen(self.command, self.path, list(self.headers.items()), body, self.client_address[1])
                )
                answer = server.queue.popleft() if server.queue else server.default
                if answer.delay:
                    server.released.wait(answer.delay)
                if answer.drop:
                    self.close_connection = True
                    return
                self.send(answer)

            def send(self, answer: Answer) -> None:
                payload = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
                lines = {"Content-Type": "application/json", **answer.headers, "Content-Length": str(len(payload))}
                head = f"HTTP/1.1 {answer.status} Status\r\n" + "".join(f"{k}: {v}\r\n" for k, v in lines.items())
                head_bytes = head.encode("latin-1") + b"\r\n"
                try:
                    if not answer.trickle:
                        self.wfile.write(head_bytes + payload)
                        return
                    self.wfile.write(head_bytes)
                    for byte in payload:
                        self.wfile.write(bytes([byte]))
                        self.wfile.flush()
                        time.sleep(answer.trickle)
                except OSError:
                    self.close_connection = True

        return Handler
