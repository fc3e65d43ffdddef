"""The HTTP/1.1 server of the local host and of the model stand-ins: a thread per connection, keep-alive.

On the wire it behaves as the real host does. A body is read only when somebody asks for it and Content-Length is above
zero: a chunked upload arrives empty at a function, as in Azure. What nobody has read is dropped after the answer, so
that the connection stays usable and the client sees the answer at all.
"""

import http.client
import json
import os
import select
import socket
import socketserver
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from devstack.receive_window import ReceiveWindow

#: bytes that are read and dropped to keep a connection usable; beyond that it is closed
DRAIN_BYTES = 1 << 20
#: seconds that a client which is still sending gets to see the answer
LINGER_SECONDS = 5.0
_READ_BYTES = 1 << 16
_BODYLESS = {204, 205, 304}
_SMALLEST_FINAL_STATUS = 200

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Request:
    """One HTTP request; ``body`` is empty until somebody has read it from the client.

    :ivar path: as sent: still percent-encoded, without the query.
    :ivar headers: names in lower case.
    :ivar connection: number of the TCP connection, from 1.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    connection: int
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True)
class Answer:
    """One HTTP answer.

    :ivar headers: names may repeat (Set-Cookie).
    :ivar send_bytes: where to break the connection, as the end of a slice of head and body: 0 sends nothing, -5 all but
        the last five bytes, None all of it.
    """

    status: int
    body: bytes = b""
    content_type: str | None = None
    headers: Headers = ()
    send_bytes: int | None = None


def json_answer(value: Any, status: int = 200, *, headers: Headers = (), indent: int | None = None) -> Answer:
    """An answer that holds a value as JSON."""
    body = json.dumps(value, ensure_ascii=False, indent=indent).encode()
    return Answer(status, body, "application/json; charset=utf-8", headers)


class BodyTooLarge(Exception):
    """Content-Length is over the limit."""


class Server(ThreadingHTTPServer):
    """Listens at once and serves after :meth:`start`. Raises OSError when the port or the address cannot be had."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 512
    # On Windows this option would let two processes hold one port.
    allow_reuse_address = os.name != "nt"

    def __init__(self, address: str, port: int, *, name: str, body_limit: int) -> None:
        """``name`` goes into the Server header."""
        self.name = name
        self.body_limit = body_limit
        self.window = ReceiveWindow()
        self.stopping = False
        self.serve: Serve
        self.clients: set[Client] = set()
        self.opened = 0
        self.changed = threading.Condition()
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        super().__init__((address, port), Client)

    def server_bind(self) -> None:
        """Bind without the reverse name look-up of the standard library, which can take seconds."""
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def start(self, serve: "Serve") -> None:
        """Let ``serve`` answer every request, on a thread of its connection."""
        self.serve = serve
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, name="http", daemon=True).start()

    def stop(self) -> None:
        """Take no more connections. Answers under way still go out."""
        self.stopping = True
        self.shutdown()
        self.server_close()

    def break_connections(self) -> None:
        """Cut every open connection, whatever is under way."""
        with self.changed:
            left = list(self.clients)
        for client in left:
            with suppress(OSError):
                client.connection.shutdown(socket.SHUT_RDWR)

    def wait_idle(self, *, seconds: float) -> bool:
        """Wait until no answer is under way; False when one still is after ``seconds``."""
        with self.changed:
            return self.changed.wait_for(lambda: not any(one.answering for one in self.clients), timeout=seconds)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no event; anything else is a bug of ours and shown."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class Client(BaseHTTPRequestHandler):
    """Who asked, on the other end of one connection."""

    server: Server
    connection: socket.socket
    protocol_version = "HTTP/1.1"
    # Else an answer in two pieces waits 40 ms: delayed acknowledgement against Nagle.
    disable_nagle_algorithm = True

    answering = False
    _body_left = 0
    _chunked = False

    def read_body(self) -> bytes:
        """The body of the request. Raises :class:`BodyTooLarge`, and OSError when the client goes away meanwhile."""
        if self._body_left > self.server.body_limit:
            raise BodyTooLarge
        with self.server.window.receiving(self._body_left):
            body = self.rfile.read(self._body_left) if self._body_left else b""
        if len(body) < self._body_left:
            raise ConnectionResetError("the client went away in the middle of its upload")
        self._body_left = 0
        return body

    def send(self, answer: Answer) -> bool:
        """Answer the request; whether all of it could be handed over."""
        unread = self._body_left > min(DRAIN_BYTES, self.server.body_limit)
        if unread or self.server.stopping or answer.send_bytes is not None:
            self.close_connection = True
        try:
            self.connection.sendall(self._encoded(answer)[: answer.send_bytes])
        except OSError:
            self.close_connection = True
            return False
        return answer.send_bytes is None

    def has_left(self) -> bool:
        """Whether the client has closed the connection: a write into its grave would still succeed once."""
        try:
            readable, _, _ = select.select([self.connection], [], [], 0)
            return bool(readable) and self.connection.recv(1, socket.MSG_PEEK) == b""
        except (OSError, ValueError):
            # ValueError: a descriptor above select's limit; the write will tell.
            return False

    def setup(self) -> None:
        """A connection begins."""
        super().setup()
        with self.server.changed:
            self.server.clients.add(self)
            self.server.opened += 1
            self.number = self.server.opened

    def finish(self) -> None:
        """It ends."""
        with self.server.changed:
            self.server.clients.discard(self)
        super().finish()

    def __getattr__(self, name: str) -> Any:
        # The standard library looks for do_<METHOD>: every method goes the same way.
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)

    def version_string(self) -> str:
        """The Server header."""
        return self.server.name

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the standard library's
        """Connections are not logged; those who answer keep their own record."""

    def handle_expect_100(self) -> bool:
        """Ask for the body only when it will be read: a refusal then comes before the upload."""
        length = self.headers.get("Content-Length", "")
        return True if length.isdigit() and int(length) > self.server.body_limit else super().handle_expect_100()

    def _serve(self) -> None:
        self.answering = True
        try:
            self._answer()
        finally:
            with self.server.changed:
                self.answering = False
                self.server.changed.notify_all()
        self._drop_body()

    def _answer(self) -> None:
        try:
            request = self._request()
        except ValueError:
            self.close_connection = True
            self.send(Answer(400))
        else:
            self.server.serve(request, self)

    def _request(self) -> Request:
        """Raises ValueError for headers that a server does not accept."""
        path, _, query = self.path.partition("?")
        if not path.startswith("/"):
            # The absolute form that a proxy sends.
            path = "/" + path.split("://", 1)[-1].partition("/")[2]
        headers: dict[str, str] = {}
        for name, value in self.headers.items():
            if "\n" in value:
                raise ValueError(f"header {name!r} goes on over a second line")
            # The standard library reads headers as Latin-1, the real server as UTF-8.
            key, text = name.lower(), value.encode("latin-1").decode("utf-8")
            headers[key] = f"{headers[key]},{text}" if key in headers else text
        self._chunked = "chunked" in headers.get("transfer-encoding", "").lower()
        length = headers.get("content-length", "0").strip()
        if not (length.isascii() and length.isdigit()):
            raise ValueError(f"{length!r} is no length")
        self._body_left = 0 if self._chunked else int(length)
        return Request(self.command, path, query, headers, self.number)

    def _encoded(self, answer: Answer) -> bytes:
        """Head and body as they go over the wire, in one piece."""
        bodyless = answer.status in _BODYLESS or answer.status < _SMALLEST_FINAL_STATUS
        head = [("Server", self.server.name), ("Date", self.date_time_string()), *answer.headers]
        if answer.content_type:
            head.append(("Content-Type", answer.content_type))
        if not bodyless:
            head.append(("Content-Length", str(len(answer.body))))
        if self.close_connection:
            head.append(("Connection", "close"))
        phrase = http.client.responses.get(answer.status, "Unknown")
        lines = [f"HTTP/1.1 {answer.status} {phrase}", *(f"{name}: {value}" for name, value in head), "", ""]
        return "\r\n".join(lines).encode("latin-1") + (b"" if bodyless or self.command == "HEAD" else answer.body)

    def _drop_body(self) -> None:
        """Read on after the answer: a reset while the client still sends would hide the answer from it."""
        try:
            if self._body_left and self.close_connection:
                self.connection.settimeout(LINGER_SECONDS)
                self.connection.shutdown(socket.SHUT_WR)
            self._skip(self._body_left)
            self._body_left = 0
            while self._chunked:
                size = int(self.rfile.readline(_READ_BYTES).partition(b";")[0], 16)
                self._skip(size)
                # A line end follows a chunk; the lines after the last one go on to an empty one.
                while self.rfile.readline(_READ_BYTES).strip() and not size:
                    pass
                self._chunked = size > 0
        except (OSError, ValueError):
            # Gone, or not understood: nothing more can come over this connection.
            self.close_connection = True

    def _skip(self, size: int) -> None:
        """Read so many bytes and drop them. Raises OSError when they do not come."""
        while size > 0:
            piece = self.rfile.read(min(size, _READ_BYTES))
            if not piece:
                raise ConnectionResetError("the client went away in the middle of its upload")
            size -= len(piece)


#: answers a request through its client; what it returns does not matter
Serve = Callable[[Request, Client], object]
