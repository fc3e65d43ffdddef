"""Counts failed logins in memory and says when further ones are answered as too many. No thread waits for it.

There are two counts: by source and key id, and by source alone for one that tries many ids, or texts that are no keys.
Each instance counts for itself, which is enough: a secret has 256 random bits and cannot be guessed, however often one
tries. The counts make an attack visible, keep it from filling the log and the audit, and tell a broken client to stop.
They never refuse the right secret: an attacker from the same address, or from none that is known, cannot lock the
operators out.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

_MOST_COUNTS = 10_000
_WINDOW_SECONDS = 300.0
#: failures of one source with one key id, and of one source in all, before further ones are too many
_MOST, _MOST_OF_SOURCE = 10, 100


@dataclass(slots=True)
class _Count:
    began: float
    failures: int = 0


class _Window[Key]:
    """Failures by key, each from its first one on for a while. Not thread-safe."""

    def __init__(self, clock: Callable[[], float], *, most: int) -> None:
        self._clock = clock
        self._most = most
        self._counts: OrderedDict[Key, _Count] = OrderedDict()

    def add(self, key: Key) -> bool:
        """Note a failure; True when it is the last one that is allowed."""
        count = self._current(key)
        if count is None:
            count = self._counts[key] = _Count(self._clock())
            while len(self._counts) > _MOST_COUNTS:
                self._counts.popitem(last=False)
        count.failures += 1
        return count.failures == self._most

    def seconds_left(self, key: Key) -> float:
        """Seconds until the window ends, when no further failure is allowed; else 0."""
        count = self._current(key)
        if count is None or count.failures < self._most:
            return 0.0
        return count.began + _WINDOW_SECONDS - self._clock()

    def _current(self, key: Key) -> _Count | None:
        count = self._counts.get(key)
        if count is not None and self._clock() - count.began >= _WINDOW_SECONDS:
            del self._counts[key]
            return None
        return count


class FailedLogins:
    """Counts per window of time.

    :param clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._keys: _Window[tuple[str, str]] = _Window(clock, most=_MOST)
        self._sources: _Window[str] = _Window(clock, most=_MOST_OF_SOURCE)
        self._lock = threading.Lock()

    def seconds_to_wait(self, source: str, key_id: str | None) -> float:
        """Seconds for which further failures of this source with this key id are too many; 0 = none.

        :param key_id: None for what is no key.
        """
        with self._lock:
            waits = [self._sources.seconds_left(source)]
            if key_id is not None:
                waits.append(self._keys.seconds_left((source, key_id)))
            return max(waits)

    def failed(self, source: str, key_id: str | None) -> list[str]:
        """Note a failure and name the counts that reach their limit by it; ``key_id`` is None for what is no key."""
        with self._lock:
            ended = []
            if key_id is not None and self._keys.add((source, key_id)):
                ended.append(f"admin-key {key_id}")
            if self._sources.add(source):
                ended.append(f"source {source}")
            return ended
