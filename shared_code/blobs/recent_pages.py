"""Pages that people look at, kept in memory for some minutes: the next look at one must not wait for storage.

In memory, and not beside the copies in storage: a picture of a page is a further copy of personal data, which would
have to expire and be erased with the document. Here it goes by itself, and nothing is served from here before the
database was asked whether the reading still exists.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

from shared_code.records import BYTES_PER_MB

#: a document that people look at is opened, seen page by page, and decided within minutes
_SECONDS = 600.0
_MOST_BYTES = 32 * BYTES_PER_MB
#: of all that is kept, what one thing may take
_LARGEST_SHARE = 0.5

#: company and SHA-256 of a document
type DocumentName = tuple[str, str]


class RecentPages:
    """What was made of documents lately, by document and kind. Safe for many threads.

    :param clock: seconds.
    """

    def __init__(self, *, most_bytes: int = _MOST_BYTES, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most_bytes
        self._clock = clock
        self._lock = threading.Lock()
        self._held: OrderedDict[tuple[DocumentName, Hashable], tuple[Any, int, float]] = OrderedDict()
        self._bytes = 0

    @property
    def held_bytes(self) -> int:
        """How much is kept at the moment."""
        return self._bytes

    def get(self, document: DocumentName, kind: Hashable) -> Any:
        """What was kept; None when it is not there any more."""
        with self._lock:
            self._drop_old()
            found = self._held.get((document, kind))
            if found is None:
                return None
            self._held.move_to_end((document, kind))
            return found[0]

    def put(self, document: DocumentName, kind: Hashable, value: Any, size: int, *, seconds: float = _SECONDS) -> None:
        """Keep something of so many bytes, in the place of what was looked at longest ago."""
        with self._lock:
            self._drop((document, kind))
            if size > self._most * _LARGEST_SHARE:
                return
            self._held[document, kind] = (value, size, self._clock() + seconds)
            self._bytes += size
            self._drop_old()
            while self._bytes > self._most:
                self._drop(next(iter(self._held)))

    def forget(self, document: DocumentName) -> None:
        """Drop all that was made of a document."""
        with self._lock:
            for key in [key for key in self._held if key[0] == document]:
                self._drop(key)

    def _drop_old(self) -> None:
        now = self._clock()
        for key in [key for key, (_, _, until) in self._held.items() if until <= now]:
            self._drop(key)

    def _drop(self, key: tuple[DocumentName, Hashable]) -> None:
        found = self._held.pop(key, None)
        if found is not None:
            self._bytes -= found[1]
