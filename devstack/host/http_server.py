"""The socket side: a thread per connection, keep-alive, and the wire behaviour of the real server.

The body is read only when Content-Length is above zero. A chunked upload therefore arrives empty at the function, as in
Azure; it is read off the wire and thrown away so that the connection stays usable.
"""

import logging
import os
import socket
import socketserver
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from devstack.host.errors import HostStartError
from devstack.host.http_messages import HttpAnswer, HttpRequest, join_headers

#: bytes that are read and dropped to keep a connection usable; beyond that it is closed
DRAIN_BYTES = 1 << 20
#: seconds that a client which is still sending gets to see the answer
LINGER_SECONDS = 5.0
_READ_BYTES = 1 << 16
_BODYLESS = {204, 205, 304}
_SMALLEST_FINAL_STATUS = 200

log = logging.getLogger("devstack.host")

#: answers a request; the second argument reads the body (raises :class:`BodyTooLarge`)
Dispatch = Callable[[HttpRequest, Callable[[], bytes]], HttpAnswer]


def _not_ready(_request: HttpRequest, _read_body: Callable[[], bytes]) -> HttpAnswer:
    return HttpAnswer(503)


class BodyTooLarge(Exception):
    """Content-Length is over the limit."""


class Server(ThreadingHTTPServer):
    """Listens at once; requests are served after :meth:`serve_forever` started.

    Raises :class:`HostStartError` (exit code 2) when the port is taken or the address is not of this machine.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = 512
    # On Windows this option would let two processes hold one port.
    allow_reuse_address = os.name != "nt"

    def __init__(self, address: str, port: int, *, body_limit: int) -> None:
        self.dispatch: Dispatch = _not_ready
        self.body_limit = body_limit
        self.stopping = False
        self._answering = 0
        self._idle = threading.Condition()
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        try:
            super().__init__((address, port), RequestHandler)
        except OSError as error:
            raise HostStartError(
                f"Port {port} on {address} is unavailable ({error.strerror or error}). Close the process that uses it, "
                "or choose another port with --port (0 takes a free one).",
                exit_code=2,
            ) from error

    def server_bind(self) -> None:
        """Bind without the reverse name look-up of the standard library, which can take seconds."""
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def begin_answer(self) -> None:
        """A request has arrived."""
        with self._idle:
            self._answering += 1

    def end_answer(self) -> None:
        """Its answer has left."""
        with self._idle:
            self._answering -= 1
            self._idle.notify_all()

    def wait_idle(self, *, seconds: float) -> bool:
        """Wait until no answer is under way; False when one still is after ``seconds``."""
        with self._idle:
            return self._idle.wait_for(lambda: not self._answering, timeout=seconds)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the standard library's signature
        """A client that goes away is no event; anything else is a bug of this host and shown."""
        error = sys.exc_info()[1]
        if not isinstance(error, ConnectionError | TimeoutError):
            log.error("The connection from %s broke", client_address, exc_info=error)


class RequestHandler(BaseHTTPRequestHandler):
    """One connection."""

    server: Server
    protocol_version = "HTTP/1.1"
    server_version = "Kestrel"
    sys_version = ""
    # Without both of these every answer waits 40 ms: delayed acknowledgement against Nagle.
    disable_nagle_algorithm = True
    wbufsize = 65536
    rbufsize = 65536

    _body_left = 0

    def __getattr__(self, name: str) -> Any:
        # The standard library looks for do_<METHOD>: every method goes the same way.
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)

    def version_string(self) -> str:
        """The Server header of the real host."""
        return self.server_version

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the standard library's
        """Connections are not logged; invocations are."""

    def handle_expect_100(self) -> bool:
        """Ask for the body only when it will be read: a refusal then comes before the upload."""
        length = self.headers.get("Content-Length", "")
        return True if length.isdigit() and int(length) > self.server.body_limit else super().handle_expect_100()

    def _serve(self) -> None:
        self.server.begin_answer()
        try:
            self._serve_one()
        finally:
            self.server.end_answer()

    def _serve_one(self) -> None:
        chunked = "chunked" in (self.headers.get("Transfer-Encoding") or "").lower()
        length = (self.headers.get("Content-Length") or "0").strip()
        if not (length.isascii() and length.isdigit()):
            self.close_connection = True
            self._send(HttpAnswer(400, close=True))
            return
        self._body_left = 0 if chunked else int(length)
        try:
            request = self._request()
        except ValueError:
            self._send(HttpAnswer(400, close=True))
            return
        if chunked:
            self.close_connection = not self._drain_chunks() or self.close_connection
        answer = self.server.dispatch(request, self._read_body)
        self._finish(answer)

    def _request(self) -> HttpRequest:
        path, _, query = self.path.partition("?")
        if not path.startswith("/"):
            # The absolute form that a proxy sends.
            path = "/" + path.split("://", 1)[-1].partition("/")[2]
        headers = join_headers(self.headers.items())
        return HttpRequest(self.command, path, query, headers.get("host", ""), headers)

    def _read_body(self) -> bytes:
        if self._body_left > self.server.body_limit:
            raise BodyTooLarge
        body = self.rfile.read(self._body_left) if self._body_left else b""
        if len(body) < self._body_left:
            self.close_connection = True
            raise ConnectionResetError("the client went away in the middle of its upload")
        self._body_left = 0
        return body

    def _finish(self, answer: HttpAnswer) -> None:
        """Answer, and leave the connection in a state in which the client sees the answer."""
        if 0 < self._body_left <= min(DRAIN_BYTES, self.server.body_limit):
            self.rfile.read(self._body_left)
            self._body_left = 0
        unread = self._body_left > 0
        self._send(answer, close=unread)
        if unread:
            self._linger()

    def _send(self, answer: HttpAnswer, *, close: bool = False) -> None:
        bodyless = answer.status in _BODYLESS or answer.status < _SMALLEST_FINAL_STATUS
        self.send_response(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        if not bodyless:
            self.send_header("Content-Length", str(len(answer.body)))
        if close or answer.close or self.close_connection or self.server.stopping:
            self.close_connection = True
            self.send_header("Connection", "close")
        self.end_headers()
        if answer.body and not bodyless and self.command != "HEAD":
            self.wfile.write(answer.body)
        self.wfile.flush()

    def _linger(self) -> None:
        """Read on for a moment after the answer: a reset while the client still sends would hide the answer."""
        self.connection.settimeout(LINGER_SECONDS)
        try:
            self.connection.shutdown(socket.SHUT_WR)
            left = self._body_left
            while left > 0 and (piece := self.rfile.read1(_READ_BYTES)):
                left -= len(piece)
        except OSError:
            pass

    def _drain_chunks(self) -> bool:
        """Read a chunked body and drop it; False when it is too long or broken to read to its end."""
        left = self.server.body_limit
        while True:
            line = self.rfile.readline(_READ_BYTES)
            try:
                size = int(line.split(b";", 1)[0].strip(), 16)
            except ValueError:
                return False
            if size == 0:
                while self.rfile.readline(_READ_BYTES).strip():
                    pass
                return True
            left -= size
            if left < 0:
                self._body_left = size
                return False
            while size > 0:
                piece = self.rfile.read(min(size, _READ_BYTES))
                if not piece:
                    return False
                size -= len(piece)
            self.rfile.readline(_READ_BYTES)
