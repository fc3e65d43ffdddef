"""Ctrl-C and other requests to end, taken as a flag, so that no exception cuts the ending itself short."""

import contextlib
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Self


class StopSignal:
    """While used as a context manager, a signal sets the flag; a second one calls ``on_second``."""

    def __init__(self, on_second: Callable[[], None]) -> None:
        self._on_second = on_second
        self._event = threading.Event()
        self._before: dict[int, object] = {}

    @property
    def requested(self) -> bool:
        """Whether somebody asked to end."""
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait for a request, at most so long. Short waits only: on Windows a signal does not end the wait."""
        return self._event.wait(seconds)

    def __enter__(self) -> Self:
        # Set also where the parent had it ignored (`dev.py run &` in a script).
        for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"):
            number = getattr(signal, name, None)
            if number is not None:
                self._before[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            with contextlib.suppress(TypeError, ValueError):
                # After a request the process is about to end: one more Ctrl-C must not make an error of that.
                signal.signal(number, signal.SIG_IGN if self.requested else handler)  # type: ignore[arg-type] # as given

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        if self._event.is_set():
            self._on_second()
        self._event.set()
