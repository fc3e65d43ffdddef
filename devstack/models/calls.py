"""The record of every request that a stand-in got, so that "no second attempt" and "billed once" can be asserted.

Keys are kept as hashes only: the record is served over a control endpoint.
"""

import hashlib
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

KEPT_CALLS = 200_000


def key_hash(api_key: str) -> str:
    """SHA-256 of a key as 64 hex digits; the only form in which a key is recorded."""
    return hashlib.sha256(api_key.encode()).hexdigest()


@dataclass(slots=True)
class Call:
    """One request to a vendor endpoint, filled while it is served.

    :ivar time: seconds since the epoch at arrival.
    :ivar connection: number of the TCP connection, from 1.
    :ivar status: HTTP status of the answer; None while it is being made and when the connection is closed instead.
    :ivar usage: the usage block as it was sent, in the vendor's own names; None when nothing was billed.
    :ivar answered: whether the whole answer was handed to a client that was still there.
    """

    number: int
    time: float
    connection: int
    method: str
    path: str
    model: str | None = None
    key_hash: str | None = None
    status: int | None = None
    usage: dict[str, Any] | None = None
    answered: bool = False
    finished: bool = False
    fault: str | None = None
    duration_ms: float | None = None
    request_bytes: int = 0
    max_output_tokens: int | None = None
    server_timeout: str | None = None
    parts: list[dict[str, Any]] = field(default_factory=list)
    arrived: float = field(default_factory=monotonic, repr=False)

    def as_dict(self) -> dict[str, Any]:
        """The call as JSON-serialisable data."""
        names = [name for name in self.__slots__ if name != "arrived"]
        return {name: getattr(self, name) for name in names}


class CallRecord:
    """All calls in order of arrival; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: deque[Call] = deque(maxlen=KEPT_CALLS)
        self._next = 1

    def open(self, *, method: str, path: str, connection: int, request_bytes: int) -> Call:
        """Start the record of a request that has just arrived."""
        with self._lock:
            call = Call(self._next, time.time(), connection, method, path, request_bytes=request_bytes)
            self._next += 1
            self._calls.append(call)
        return call

    def close(self, call: Call, *, status: int | None, answered: bool) -> None:
        """Note how a request ended. Called before the bytes leave, so that a client that has them finds the record."""
        with self._lock:
            call.status = status
            call.answered = answered
            call.finished = True
            call.duration_ms = round((monotonic() - call.arrived) * 1000, 3)

    def lost(self, call: Call) -> None:
        """Note that the answer did not reach the client after all."""
        with self._lock:
            call.answered = False

    def all(self, *, since: int = 0) -> list[dict[str, Any]]:
        """Copies of the calls with a number above ``since``."""
        with self._lock:
            return [call.as_dict() for call in self._calls if call.number > since]

    def clear(self) -> None:
        """Forget everything; numbers go on."""
        with self._lock:
            self._calls.clear()
