"""HTTP/1.1 server of the stand-ins: keep-alive, and head and body in one write.

``http.server`` by itself writes the head and the body apart, which costs 40 ms a call through delayed acknowledgement.
"""

import contextlib
import http.server
import select
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.message import Message
from http import HTTPStatus
from typing import Protocol
from urllib.parse import parse_qs, urlsplit

MAX_BODY_BYTES = 160 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request: ``query`` holds the last value of each parameter, ``connection`` counts from 1."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Message
    body: bytes = field(repr=False)
    connection: int


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP answer.

    :ivar send_bytes: close the connection after so many bytes of head and body; 0 = without any answer, None = whole.
    """

    status: int
    body: bytes = b""
    content_type: str = "application/json; charset=UTF-8"
    headers: Mapping[str, str] = field(default_factory=dict)
    send_bytes: int | None = None

    def encoded(self) -> bytes:
        """Head and body as they go over the wire, cut where the connection is to break."""
        head = [
            f"HTTP/1.1 {self.status} {_reason(self.status)}",
            f"Content-Type: {self.content_type}",
            f"Content-Length: {len(self.body)}",
            "Server: stand-in",
            *(f"{name}: {value}" for name, value in self.headers.items()),
        ]
        return ("\r\n".join(head) + "\r\n\r\n").encode("latin-1") + self.body


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


class Client(Protocol):
    """Who asked, on the other end of the connection."""

    def send(self, reply: Reply) -> bool:
        """Send a reply; whether all of it could be handed over."""

    def has_left(self) -> bool:
        """Whether the connection was closed meanwhile: a write into its grave would still succeed once."""


Serve = Callable[[Request, Client], None]


class Server(http.server.ThreadingHTTPServer):
    """Hands each request to ``serve`` together with its client."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 512

    def __init__(self, port: int, serve: Serve) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.serve = serve
        self._lock = threading.Lock()
        self._sockets: set[socket.socket] = set()
        self._connections = 0

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self.server_address[1])

    def opened(self, connection: socket.socket) -> int:
        """Register a connection; its number."""
        with self._lock:
            self._sockets.add(connection)
            self._connections += 1
            return self._connections

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        """Forget and close a connection."""
        if isinstance(request, socket.socket):
            with self._lock:
                self._sockets.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: object, client_address: object) -> None:
        """Stay quiet about clients that went away: tests kill them on purpose."""

    def stop(self) -> None:
        """Stop listening and break every open connection."""
        self.shutdown()
        self.server_close()
        with self._lock:
            left = list(self._sockets)
        for connection in left:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server
    connection: socket.socket

    def setup(self) -> None:
        super().setup()
        self.number = self.server.opened(self.connection)

    def handle(self) -> None:
        # A client that resets its connection is everyday life here.
        with contextlib.suppress(OSError):
            super().handle()

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if length > MAX_BODY_BYTES or "chunked" in (self.headers.get("Transfer-Encoding") or "").lower():
            self.close_connection = True
            self.send(Reply(413 if length > MAX_BODY_BYTES else 411))
            return
        body = self.rfile.read(length)
        url = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(url.query).items()}
        request = Request(self.command, url.path, query, self.headers, body, self.number)
        self.server.serve(request, self)

    do_GET = do_POST = do_DELETE = do_PUT = _serve  # noqa: N815 - the base class looks them up by these names

    def send(self, reply: Reply) -> bool:
        """See :class:`Client`."""
        data = reply.encoded()
        if reply.send_bytes is not None:
            data = data[: reply.send_bytes]
            self.close_connection = True
        if self.has_left():
            self.close_connection = True
            return False
        try:
            self.connection.sendall(data)
        except OSError:
            self.close_connection = True
            return False
        return reply.send_bytes is None

    def has_left(self) -> bool:
        """See :class:`Client`."""
        try:
            readable, _, _ = select.select([self.connection], [], [], 0)
            return bool(readable) and self.connection.recv(1, socket.MSG_PEEK) == b""
        except (OSError, ValueError):
            # ValueError: a descriptor above select's limit; the write will tell.
            return False

    def log_message(self, *_args: object) -> None:
        """Say nothing: the call record is the log."""
