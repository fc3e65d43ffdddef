"""Remembers files that used up a process, so that sending one again costs nothing.

Only what the bytes themselves did is kept (CPU time, crashes), by the digest of job and bytes: it is the same for
every company, and says nothing of who sent the file.
"""

import hashlib
import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from shared_code import errors
from shared_code.records import FileBytes

_MOST = 1_000
_KEPT_SECONDS = 3_600.0


class RefusedFiles:
    """A bounded memory with an end. Thread-safe.

    :param clock: monotonic seconds.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._known: OrderedDict[bytes, tuple[float, errors.InvalidFile]] = OrderedDict()

    def check(self, header: Mapping[str, Any], parts: Sequence[FileBytes]) -> None:
        """Return when nothing is known about this job.

        :raises errors.InvalidFile: what was found when the same bytes were read before.
        """
        with self._lock:
            while self._known and next(iter(self._known.values()))[0] <= self._clock():
                self._known.popitem(last=False)
            if not self._known:
                return
        digest = _digest(header, parts)
        with self._lock:
            known = self._known.get(digest)
        if known is not None:
            raise _copy(known[1])

    def add(self, header: Mapping[str, Any], parts: Sequence[FileBytes], refusal: errors.InvalidFile) -> None:
        """Remember a job for an hour; beyond a thousand the oldest one is forgotten."""
        digest = _digest(header, parts)
        with self._lock:
            self._known.pop(digest, None)
            self._known[digest] = (self._clock() + _KEPT_SECONDS, _copy(refusal))
            if len(self._known) > _MOST:
                self._known.popitem(last=False)


def _copy(refusal: errors.InvalidFile) -> errors.InvalidFile:
    """Without a traceback, which would keep the bytes of the file alive."""
    return errors.InvalidFile(refusal.message, details=refusal.details)


def _digest(header: Mapping[str, Any], parts: Sequence[FileBytes]) -> bytes:
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for part in parts:
        digest.update(len(part).to_bytes(8))
        digest.update(part)
    return digest.digest()
