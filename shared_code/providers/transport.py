"""The HTTP client under both vendors' SDKs, and what its errors mean.

Imported on first use only (it pulls the HTTP library in). Three things that the SDKs' own clients do not do:

* a base URL on this machine is never sent through a proxy, whatever HTTP_PROXY says;
* a call has a deadline for the whole answer, not only for each read: a service that trickles bytes is cut off;
* redirects are not followed: the key travels in a header that a redirect would carry elsewhere.
"""

import ipaddress
import math
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx2

from shared_code.providers import failures
from shared_code.providers.base import ModelCallFailed
from shared_code.providers.failures import Verdict

#: a host that does not accept a connection in this time is down; the rest of the deadline is for the answer
_CONNECT_SECONDS = 10.0
_MAX_CONNECTIONS = 256
_IDLE_CONNECTIONS = 64
_IDLE_SECONDS = 30.0
_DEADLINE = "deadline"

#: Tested in this order: the first class that fits decides.
_TRANSPORT_VERDICTS: tuple[tuple[type[Exception], Verdict], ...] = (
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
#: what the SDKs let through of the transport
TRANSPORT_ERRORS: tuple[type[Exception], ...] = (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError)


def build_http_client(base_url: str, *, clock: Callable[[], float] = time.monotonic) -> httpx2.Client:
    """A connection pool for one vendor, safe for many threads; the caller keeps it and closes it."""

    def start_deadline(request: httpx2.Request) -> None:
        timeouts = dict(request.extensions.get("timeout") or {})
        seconds = timeouts.get("read")
        if seconds is not None:
            request.extensions[_DEADLINE] = clock() + seconds
            timeouts["connect"] = min(_CONNECT_SECONDS, seconds)
            request.extensions["timeout"] = timeouts

    def hold_deadline(response: httpx2.Response) -> None:
        deadline = response.request.extensions.get(_DEADLINE, math.inf)
        assert isinstance(response.stream, httpx2.SyncByteStream)
        response.stream = _StreamWithDeadline(response.stream, deadline=deadline, clock=clock, request=response.request)

    return httpx2.Client(
        trust_env=not is_loopback(base_url),
        limits=httpx2.Limits(
            max_connections=_MAX_CONNECTIONS,
            max_keepalive_connections=_IDLE_CONNECTIONS,
            keepalive_expiry=_IDLE_SECONDS,
        ),
        follow_redirects=False,
        event_hooks={"request": [start_deadline], "response": [hold_deadline]},
    )


def is_loopback(url: str) -> bool:
    """Whether the URL's host is this machine."""
    host = (urlsplit(url).hostname or "").lower()
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def classify_transport(error: BaseException) -> ModelCallFailed:
    """Decide what an error of the transport means; one that is not known may have been billed."""
    verdict = next((found for kind, found in _TRANSPORT_VERDICTS if isinstance(error, kind)), failures.DROPPED)
    return verdict.failure(vendor_text=f"{type(error).__name__}: {error}")


class _StreamWithDeadline(httpx2.SyncByteStream):
    """A response body that ends with a timeout when its deadline passes between two chunks."""

    def __init__(
        self,
        stream: httpx2.SyncByteStream,
        *,
        deadline: float,
        clock: Callable[[], float],
        request: httpx2.Request,
    ) -> None:
        self._stream = stream
        self._deadline = deadline
        self._clock = clock
        self._request = request

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._stream:
            if self._clock() > self._deadline:
                raise httpx2.ReadTimeout("the answer was not complete in time", request=self._request)
            yield chunk

    def close(self) -> None:
        self._stream.close()


def lower_case_headers(response: Any) -> dict[str, str]:
    """Headers of an SDK's response object with names in lower case; {} when there is none."""
    headers = getattr(response, "headers", None) or {}
    return {str(name).lower(): str(value) for name, value in headers.items()}
