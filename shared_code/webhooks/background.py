"""Sends right after an answer, in a thread of its own: no request waits for a receiver.

The thread starts with the first call of :meth:`DeliveryThread.wake`. What it leaves, because the process ends or
sleeps, is the timer's.
"""

import logging
import threading

from shared_code.errors import ServiceError
from shared_code.webhooks.delivery import Deliveries

_log = logging.getLogger(__name__)

#: answers of so many seconds are looked at together; the least time between two looks
_GATHER_SECONDS, _LEAST_PAUSE = 0.05, 0.25
#: a message that is due later than that is the timer's
_LONGEST_WAIT = 300.0
_ROUND_SECONDS = 60.0
_AFTER_FAULT = 5.0


class DeliveryThread:
    """One for the process."""

    def __init__(self, deliveries: Deliveries) -> None:
        self._deliveries = deliveries
        self._awake = threading.Event()
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def wake(self) -> None:
        """Something may be due. Takes no time, and never raises."""
        self._awake.set()
        with self._lock:
            if self._closed.is_set() or (self._thread is not None and self._thread.is_alive()):
                return
            self._thread = threading.Thread(target=self._run, name="webhook-deliveries", daemon=True)
            try:
                self._thread.start()
            except RuntimeError:  # the interpreter is shutting down, or there is no thread to be had: the timer sends
                self._thread = None

    def close(self, timeout_seconds: float = 2.0) -> None:
        """End the thread after the message that it sends."""
        with self._lock:
            self._closed.set()
            thread = self._thread
        self._awake.set()
        if thread is not None:
            thread.join(timeout_seconds)

    def _run(self) -> None:
        wait: float | None = None
        while True:
            self._awake.wait(wait)
            if self._closed.wait(_GATHER_SECONDS):
                return
            self._awake.clear()
            wait = self._deliver()
            if self._closed.wait(_LEAST_PAUSE):
                return

    def _deliver(self) -> float | None:
        """Send what is due; returns the seconds until the next message is, None when that is the timer's."""
        try:
            left = self._deliveries.seconds_until_due()
            if left is not None and left <= 0:
                self._deliveries.deliver_due(seconds=_ROUND_SECONDS, stopped=self._closed.is_set)
                left = self._deliveries.seconds_until_due()
        except ServiceError as error:
            _log.warning("webhooks are not sent now: %s", error.code)
            return _AFTER_FAULT
        except Exception:  # noqa: BLE001 - a fault must not end the thread; the timer sends meanwhile
            _log.exception("webhooks could not be sent because of an unexpected error")
            return _AFTER_FAULT
        return None if left is None or left > _LONGEST_WAIT else max(left, _LEAST_PAUSE)
