"""Counts failed logins in memory and says when it is enough. Nobody is kept waiting in a thread.

Two counts: by source and key id, and by source alone, for one that tries many ids or what is no key at all. A count per
instance is what it is meant to be: secrets have 256 random bits, so that nobody guesses one; this makes an attack
visible without letting it fill the log, and spares the database the look-ups of a broken client. A key with the right
secret is let in from a source whose other attempts fail: an attacker behind the same address must not lock the
operators out.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

_MOST_COUNTS = 10_000


@dataclass(slots=True)
class _Count:
    began: float
    failures: int = 0


class _Window[Key]:
    """Failures by key, each from its first one on for a while. Not thread-safe."""

    def __init__(self, clock: Callable[[], float], *, most: int, seconds: float) -> None:
        self._clock = clock
        self._most = most
        self._seconds = seconds
        self._counts: OrderedDict[Key, _Count] = OrderedDict()

    def add(self, key: Key) -> bool:
        """Note a failure; True when it is the one that is enough."""
        count = self._current(key)
        if count is None:
            count = self._counts[key] = _Count(self._clock())
            while len(self._counts) > _MOST_COUNTS:
                self._counts.popitem(last=False)
        count.failures += 1
        return count.failures == self._most

    def seconds_left(self, key: Key) -> float:
        """Seconds until the count ends, when it is enough; else 0."""
        count = self._current(key)
        if count is None or count.failures < self._most:
            return 0.0
        return count.began + self._seconds - self._clock()

    def _current(self, key: Key) -> _Count | None:
        count = self._counts.get(key)
        if count is not None and self._clock() - count.began >= self._seconds:
            del self._counts[key]
            return None
        return count


class FailedLogins:
    """Counts per window of time.

    :param most: failures of one source with one key id that are answered as such; then it has to wait.
    :param most_of_source: the same for one source, whatever it tries.
    :param clock: monotonic seconds.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        most: int = 10,
        most_of_source: int = 100,
        window_seconds: float = 300.0,
    ) -> None:
        self._keys: _Window[tuple[str, str]] = _Window(clock, most=most, seconds=window_seconds)
        self._sources: _Window[str] = _Window(clock, most=most_of_source, seconds=window_seconds)
        self._lock = threading.Lock()

    def seconds_to_wait(self, source: str, key_id: str) -> float:
        """Seconds until this source may try this key again; 0 = now."""
        with self._lock:
            return self._keys.seconds_left((source, key_id))

    def seconds_for_source(self, source: str) -> float:
        """Seconds for which further failures of this source are answered as too many; 0 = none."""
        with self._lock:
            return self._sources.seconds_left(source)

    def failed(self, source: str, key_id: str | None) -> list[str]:
        """Note a failure, ``key_id`` None for what is no key; which counts it has brought to their end."""
        with self._lock:
            ended = []
            if key_id is not None and self._keys.add((source, key_id)):
                ended.append(f"admin-key {key_id}")
            if self._sources.add(source):
                ended.append(f"source {source}")
            return ended
