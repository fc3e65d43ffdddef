"""What all vendors' HTTP calls share: the key, the client under the SDK, what its errors mean, and JSON of any shape.

Imported with the first call only, because it imports the HTTP library. The client does three things that the SDKs' own
clients do not do:

* a base URL on this machine is never called through a proxy, whatever HTTP_PROXY says;
* a call has a deadline for the whole answer, not only for each read: a service that sends byte by byte is cut off;
* redirects are not followed: the key travels in a header that a redirect would carry to another host.

The functions for JSON do not trust the vendor: what has another shape than expected is left out, never an exception.
"""

import ipaddress
import json
import math
import re
import ssl
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import httpx2

from shared_code import __version__
from shared_code.observability.redaction import remember_secret
from shared_code.providers import failures
from shared_code.providers.base import ModelCallFailed
from shared_code.providers.failures import FailureKind

#: a host that accepts no connection in this time is taken for down; the rest of the deadline is for the answer
_CONNECT_SECONDS = 10.0
_MAX_CONNECTIONS = 256
_IDLE_CONNECTIONS = 64
_IDLE_SECONDS = 30.0
#: an answer within this time left a connection that is still open, seconds
_SURELY_OPEN_SECONDS = 25.0
#: limit for opening a connection ahead of a call, seconds
_OPEN_SECONDS = 2.0
_DEADLINE = "deadline"
#: printable ASCII: nothing else can stand in a header, and the HTTP library's complaint would quote the key
_KEY = re.compile(r"[\x21-\x7e]+")
#: the largest count that a vendor can mean (int64), and its digits
_LARGEST_COUNT = 2**63 - 1
_COUNT_DIGITS = 19

#: Tested in this order: the first class that matches decides.
_FAILURES: tuple[tuple[type[Exception], FailureKind], ...] = (
    # Nothing was sent, so nothing can be billed.
    (httpx2.ConnectTimeout, failures.CONNECT_FAILED),
    (httpx2.PoolTimeout, failures.CONNECT_FAILED),
    (httpx2.ConnectError, failures.CONNECT_FAILED),
    (httpx2.ProxyError, failures.CONNECT_FAILED),
    (httpx2.LocalProtocolError, failures.NOT_SENDABLE),
    (httpx2.UnsupportedProtocol, failures.NOT_SENDABLE),
    (httpx2.InvalidURL, failures.NOT_SENDABLE),
    # The request may have been read and answered.
    (httpx2.TimeoutException, failures.CLIENT_TIMEOUT),
    (httpx2.DecodingError, failures.BROKEN_ANSWER),
    (httpx2.HTTPError, failures.DROPPED),
)
#: errors of the HTTP library that the SDKs do not wrap in their own
_TRANSPORT_ERRORS = (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError)


def checked_key(api_key: str) -> str:
    """The key without blanks around it, made known to the redaction of logs.

    :raises ModelCallFailed: it is empty or holds characters that no key has; another key is to be tried.
    """
    key = (api_key or "").strip()
    if not _KEY.fullmatch(key):
        raise failures.KEY_UNUSABLE.error()
    remember_secret(key)
    return key


@cache
def tls_context(*, trust_env: bool) -> ssl.SSLContext:
    """TLS by the certificates that the system trusts: one for all clients, because to read them takes 50 ms.

    :param trust_env: by those that SSL_CERT_FILE or SSL_CERT_DIR name, if they are set.
    :raises OSError: what they name cannot be read.
    """
    return httpx2.create_ssl_context(trust_env=trust_env)


class VendorClient(httpx2.Client):
    """A connection pool for one vendor, safe for many threads; the caller keeps it and closes it.

    :ivar tls: what its connections are made with.
    """

    def __init__(self, base_url: str) -> None:
        trust_env = not is_loopback(base_url)
        self.tls = tls_context(trust_env=trust_env)
        super().__init__(
            trust_env=trust_env,
            verify=self.tls,
            limits=httpx2.Limits(
                max_connections=_MAX_CONNECTIONS,
                max_keepalive_connections=_IDLE_CONNECTIONS,
                keepalive_expiry=_IDLE_SECONDS,
            ),
            follow_redirects=False,
            event_hooks={"request": [_start_deadline, _name_us], "response": [_hold_deadline, self._note_answer]},
        )
        self._vendor_url = base_url
        self._answered_at = -math.inf

    def open_connection(self) -> None:
        """Have a connection open to the vendor; costs nothing while the pool has been in use lately.

        A connection takes one or two hundred milliseconds to make, and a reservation that waits for it is booked for
        nothing when the process is killed meanwhile. It is opened by a request without a key; what comes back does not
        matter, and a vendor that cannot be reached is for the call itself to find out.
        """
        if time.monotonic() - self._answered_at > _SURELY_OPEN_SECONDS:
            with suppress(*_TRANSPORT_ERRORS):
                self.get(self._vendor_url, timeout=_OPEN_SECONDS)

    def _note_answer(self, _response: httpx2.Response) -> None:
        self._answered_at = time.monotonic()


def is_loopback(url: str) -> bool:
    """Whether the URL's host is this machine."""
    host = (urlsplit(url).hostname or "").lower()
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def guarded[T](call: Callable[[], T], failure_of: Callable[[Exception], ModelCallFailed | None]) -> T:
    """Run one SDK call; whatever it raises leaves as :class:`ModelCallFailed`, without the SDK's objects.

    :param failure_of: reads an error of the SDK; None for any other error.
    """
    try:
        return call()
    except Exception as error:  # noqa: BLE001 - an answer that the SDK cannot read may be billed all the same
        failure = failure_of(error)
        if failure is None and isinstance(error, _TRANSPORT_ERRORS):
            failure = classify_transport(error)
        if failure is None:
            failure = failures.BROKEN_ANSWER.error(vendor_text=f"{type(error).__name__}: {error}")
        cause = failures.fault_of(error)
    # Raised outside of the handler: inside, Python would attach the SDK's exception as context.
    raise failure from cause


def classify_transport(error: BaseException) -> ModelCallFailed:
    """The failure that an error of the HTTP library means; a call whose error is not known may have been billed."""
    kind = next((kind for errors, kind in _FAILURES if isinstance(error, errors)), failures.DROPPED)
    return kind.error(vendor_text=f"{type(error).__name__}: {error}")


def _start_deadline(request: httpx2.Request) -> None:
    timeouts = dict(request.extensions.get("timeout") or {})
    seconds = timeouts.get("read")
    if seconds is not None:
        request.extensions[_DEADLINE] = time.monotonic() + seconds
        request.extensions["timeout"] = timeouts | {"connect": min(_CONNECT_SECONDS, seconds)}


def _name_us(request: httpx2.Request) -> None:
    """The vendor sees who asks, beside which SDK: it helps where it throttles or asks back."""
    own = f"invoice-extraction/{__version__}"
    said = request.headers.get("user-agent", "")
    if own not in said:
        request.headers["user-agent"] = f"{said} {own}".strip()


def _hold_deadline(response: httpx2.Response) -> None:
    assert isinstance(response.stream, httpx2.SyncByteStream)
    response.stream = _StreamWithDeadline(response.stream, response.request)


class _StreamWithDeadline(httpx2.SyncByteStream):
    """A response body that raises a timeout when its request's deadline has passed at the next chunk."""

    def __init__(self, stream: httpx2.SyncByteStream, request: httpx2.Request) -> None:
        self._stream = stream
        self._request = request

    def __iter__(self) -> Iterator[bytes]:
        deadline = self._request.extensions.get(_DEADLINE, math.inf)
        for chunk in self._stream:
            if time.monotonic() > deadline:
                raise httpx2.ReadTimeout("the answer was not complete in time", request=self._request)
            yield chunk

    def close(self) -> None:
        self._stream.close()


def answer_of(body: str | None, *, any_of: Collection[str]) -> Mapping[str, Any]:
    """The JSON object of an answer (HTTP 200), which has one of these members at least.

    :raises ModelCallFailed: the body holds anything else.
    """
    try:
        content = json.loads(body or "")
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, Mapping) or not any(name in content for name in any_of):
        shown = (body or "an empty body")[:200]
        raise failures.BROKEN_ANSWER.error(vendor_text=f"200 that is no answer: {shown}", http_status=200)
    return content


def count_of(value: Any) -> int | None:
    """A token count, also when it is sent as text; None for anything that is no whole number of 64 bits.

    It is the number that was sent, also a negative one or one beyond our columns: what is booked of it is decided, and
    told, in one place for all vendors (``metering.bookable``).
    """
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _COUNT_DIGITS:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if abs(value) <= _LARGEST_COUNT else None


def text_or_none(value: Any) -> str | None:
    """A text that is not empty, or None."""
    return value if isinstance(value, str) and value else None


def mapping(value: Any) -> Mapping[str, Any]:
    """The object itself, or an empty one in place of anything else."""
    return value if isinstance(value, Mapping) else {}


def mappings(value: Any) -> Iterator[Mapping[str, Any]]:
    """The objects of a list; nothing for anything else."""
    for entry in value if isinstance(value, list) else ():
        if isinstance(entry, Mapping):
            yield entry
