"""One POST to an address that a customer has chosen: to a checked address, within a time, whatever the other side does.

Written on sockets because no HTTP library promises all of this together: the name is looked up once and the connection
goes to an address that was checked, while TLS and the request still name the host; no redirects, no proxies from the
environment, no cookies; all of it together within ten seconds, name look-up and an answer that drips included; and at
most 1 KB of the answer is read. Of the answer only the status counts, and nothing else of it is kept.
"""

import ipaddress
import logging
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any

from shared_code import __version__
from shared_code.errors import InvalidRequest
from shared_code.webhooks.addresses import Address, IpAddress, read_url, refused, require_public

_log = logging.getLogger(__name__)

_SECONDS = 10.0
#: somebody waits for the answer
_CHECK_SECONDS = 3.0
_MOST_BYTES = 1024
_AGENT = f"invoice-extraction-webhooks/{__version__}"
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})[ \r\n]")
_END_OF_HEAD = b"\r\n\r\n"
_INTERIM = range(100, 200)


class NotReached(Exception):
    """No answer came. ``message`` says why, for people."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def tls_context() -> ssl.SSLContext:
    """TLS by the certificates that the system trusts; HTTP/1.1 is all that is spoken."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


@dataclass(slots=True)
class Sender:
    """Sends. One for the process; safe for many threads.

    :ivar allow_loopback: http and addresses of this machine are allowed, for development.
    :ivar seconds: for one request in all.
    :ivar make_tls: makes the TLS context, once, on first use: it reads all certificates of the system.
    """

    allow_loopback: bool = False
    seconds: float = _SECONDS
    make_tls: Callable[[], ssl.SSLContext] = tls_context
    _tls: ssl.SSLContext | None = field(default=None, init=False, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        """Post a body; returns the HTTP status, whatever it is.

        :raises NotReached: the address is refused, or no answer came.
        """
        deadline = time.monotonic() + self.seconds
        try:
            address, found = self._checked(url, deadline)
        except InvalidRequest as error:
            raise NotReached(error.message) from error
        try:
            with self._connected(address, found, deadline) as connection:
                return _exchange(connection, _request(address, headers, body), deadline)
        except TimeoutError as error:
            raise NotReached(f"no answer within {self.seconds:g} seconds") from error
        except ssl.SSLCertVerificationError as error:
            raise NotReached(f"the certificate was refused: {error.verify_message}") from error
        except ssl.SSLError as error:
            raise NotReached(f"TLS failed: {error.reason or 'unknown reason'}") from error
        except OSError as error:
            raise NotReached(f"the connection failed: {error.strerror or type(error).__name__}") from error

    def check(self, url: str) -> None:
        """Refuse an address to which nothing would be sent; a name that is not found may be known later.

        :raises InvalidRequest: says why.
        """
        try:
            self._checked(url, time.monotonic() + min(self.seconds, _CHECK_SECONDS))
        except NotReached as unknown:
            _log.info("a webhook's address is not known yet: %s", unknown.message)

    def _checked(self, url: str, deadline: float) -> tuple[Address, list[IpAddress]]:
        """The address, and what its host stands for: all of it may be called.

        :raises InvalidRequest: something of it may not.
        :raises NotReached: the name is not found.
        """
        address = read_url(url, allow_loopback=self.allow_loopback)
        found = self._look_up(address, deadline)
        require_public(address.host, found, allow_loopback=self.allow_loopback)
        if not address.https and not all(one.is_loopback for one in found):
            raise refused("begins with http://, which is for this machine only")
        return address, found

    def _look_up(self, address: Address, deadline: float) -> list[IpAddress]:
        """All addresses of the host, looked up once.

        :raises NotReached: it has none, or that took too long.
        """
        if address.literal is not None:
            return [address.literal]
        answer: SimpleQueue[Any] = SimpleQueue()
        # The system's look-up takes as long as it likes; the thread ends with it.
        threading.Thread(target=_resolve, args=(address, answer), name="webhook-name", daemon=True).start()
        try:
            found = answer.get(timeout=max(deadline - time.monotonic(), 0.0))
        except Empty:
            raise NotReached(f"the name {address.host!r} was not found within {self.seconds:g} seconds") from None
        if isinstance(found, Exception) or not found:
            raise NotReached(f"the name {address.host!r} was not found")
        return [ipaddress.ip_address(text) for text in found]

    def _connected(self, address: Address, found: Sequence[IpAddress], deadline: float) -> socket.socket:
        """A connection to one of the checked addresses, for https with the host's own certificate proven."""
        failure: OSError | None = None
        for position, target in enumerate(found):
            # Each gets its share, so that one that is silent does not use up the time of the next.
            share = _left(deadline) / (len(found) - position)
            connection = socket.socket(socket.AF_INET6 if target.version == 6 else socket.AF_INET)  # noqa: PLR2004 - IPv6
            try:
                connection.settimeout(share)
                connection.connect((str(target), address.port))
                if not address.https:
                    return connection
                connection.settimeout(_left(deadline))
                return self._context().wrap_socket(connection, server_hostname=address.host)
            except ssl.SSLError:
                connection.close()
                raise
            except OSError as error:
                connection.close()
                failure = error
        raise failure or TimeoutError

    def _context(self) -> ssl.SSLContext:
        with self._lock:
            if self._tls is None:
                self._tls = self.make_tls()
            return self._tls


def _resolve(address: Address, answer: "SimpleQueue[Any]") -> None:
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
        # A zone behind an IPv6 address (fe80::1%eth0) is none of a public one.
        answer.put(list(dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in found)))
    except (OSError, UnicodeError) as error:
        answer.put(error)


def _request(address: Address, headers: Mapping[str, str], body: bytes) -> bytes:
    lines = [
        f"POST {address.target} HTTP/1.1",
        f"Host: {address.host_header}",
        f"User-Agent: {_AGENT}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Connection: close",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


def _exchange(connection: socket.socket, request: bytes, deadline: float) -> int:
    """Send, and read the head of the answer, or as much of it as is read at all.

    :raises NotReached: what came is no answer of HTTP/1.
    """
    connection.settimeout(_left(deadline))
    connection.sendall(request)
    reply, rest = b"", _MOST_BYTES
    while True:
        found = _STATUS.match(reply)
        if found and int(found[1]) in _INTERIM and _END_OF_HEAD in reply:
            reply = reply.partition(_END_OF_HEAD)[2]  # the answer itself is still to come
            continue
        if (found and _END_OF_HEAD in reply) or not rest:
            break
        chunk = _received(connection, rest, deadline, enough=found is not None)
        if not chunk:
            break
        reply, rest = reply + chunk, rest - len(chunk)
    found = _STATUS.match(reply)
    if found is None or int(found[1]) in _INTERIM:
        raise NotReached("the answer is none of HTTP/1.1")
    return int(found[1])


def _received(connection: socket.socket, most: int, deadline: float, *, enough: bool) -> bytes:
    """What comes next; nothing at the end, and where ``enough`` is known already when time or connection end."""
    try:
        connection.settimeout(_left(deadline))
        return connection.recv(most)
    except OSError:
        if enough:
            return b""
        raise


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
