"""Counts failed logins by source and key id, in memory, and says when it is enough. Nobody is kept waiting in a thread.

A count per instance is what it is meant to be: secrets have 256 random bits, so that nobody guesses one; this keeps a
broken client from loading the database, and makes an attack visible. A key with the right secret is let in from a
source whose other attempts fail: an attacker behind the same address must not lock the operators out.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

_MOST_SOURCES = 10_000


@dataclass(slots=True)
class _Count:
    began: float
    failures: int = 0


class FailedLogins:
    """Counts per window.

    :param most: failures that are answered as such; after them the source is told to wait.
    :param clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float], *, most: int = 10, window_seconds: float = 300.0) -> None:
        self._clock = clock
        self._most = most
        self._window = window_seconds
        self._counts: OrderedDict[tuple[str, str], _Count] = OrderedDict()
        self._lock = threading.Lock()

    def seconds_to_wait(self, source: str, key_id: str) -> float:
        """Seconds until this source may try this key again; 0 = now."""
        with self._lock:
            count = self._current(source, key_id)
            if count is None or count.failures < self._most:
                return 0.0
            return count.began + self._window - self._clock()

    def failed(self, source: str, key_id: str) -> bool:
        """Note a failure; True when it is the one after which the source has to wait."""
        with self._lock:
            count = self._current(source, key_id)
            if count is None:
                count = self._counts[source, key_id] = _Count(self._clock())
                while len(self._counts) > _MOST_SOURCES:
                    self._counts.popitem(last=False)
            count.failures += 1
            return count.failures == self._most

    def _current(self, source: str, key_id: str) -> _Count | None:
        count = self._counts.get((source, key_id))
        if count is not None and self._clock() - count.began >= self._window:
            del self._counts[source, key_id]
            return None
        return count
