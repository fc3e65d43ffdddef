"""How long the database work of this thread may still take.

:mod:`.connection` sets the limit for each try of a unit of work, out of its retry budget. Whatever waits for the server
reads it: the wait for a free connection, the login, each statement, COMMIT, a wait for a lock. So a server that stops
answering holds a thread about as long as its request may wait for the database, and no longer.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_thread = threading.local()


@contextmanager
def time_limit(seconds: float | None) -> Iterator[None]:
    """Limit the work inside to so many seconds from now; None sets no limit. A limit outside holds inside too."""
    before: float | None = getattr(_thread, "until", None)
    until = None if seconds is None else time.monotonic() + seconds
    if before is not None:
        until = before if until is None else min(before, until)
    _thread.until = until
    try:
        yield
    finally:
        _thread.until = before


def seconds_left() -> float | None:
    """Seconds until the limit, 0.0 when it has passed; None when there is none."""
    until: float | None = getattr(_thread, "until", None)
    return None if until is None else max(until - time.monotonic(), 0.0)
