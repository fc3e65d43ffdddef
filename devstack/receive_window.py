"""Bounds the bodies that a local server receives at once, so that any number of uploads takes the memory of a few.

The real host leaves a body with its client until somebody reads it, and is not the process that runs the functions.
Here both are one, so the reading itself is bounded.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

#: bytes of bodies that are received at once; the others wait with their clients
RECEIVED_AT_ONCE_BYTES = 16 << 20
#: bodies of up to so many bytes are received at any time
SMALL_BODY_BYTES = 1 << 20


class ReceiveWindow:
    """Lets bodies be received while their sizes add up to no more than this. Thread-safe."""

    def __init__(self, size: int = RECEIVED_AT_ONCE_BYTES) -> None:
        self._size = size
        self._used = 0
        self._changed = threading.Condition()

    @contextmanager
    def receiving(self, length: int) -> Iterator[None]:
        """Wait until ``length`` bytes fit beside the others; one body alone always does."""
        if length <= SMALL_BODY_BYTES:
            yield
            return
        with self._changed:
            self._changed.wait_for(lambda: not self._used or self._used + length <= self._size)
            self._used += length
        try:
            yield
        finally:
            with self._changed:
                self._used -= length
                self._changed.notify_all()
