"""The log handler of ApplicationLogs and of Application Insights: converts records at once, delivers them later."""

import logging
from collections.abc import Callable

from shared_code.observability.background_writer import BackgroundWriter
from shared_code.observability.log_redaction import RedactingFilter, is_worth_recording


class BackgroundHandler[T](logging.Handler):
    """Hands records to a background writer: ours from ``level``, those of libraries from WARNING.

    What is logged while the writer delivers (by the database driver or an HTTP client, say) is left out.

    :param convert: makes the writer's item of a record, in the thread that logs.
    """

    def __init__(
        self, writer: BackgroundWriter[T], convert: Callable[[logging.LogRecord], T], *, level: int = logging.NOTSET
    ) -> None:
        super().__init__(level)
        self._writer = writer
        self._convert = convert
        # Filters and not tests in emit: they run before the handler's lock is taken, which a flush may hold.
        self.addFilter(lambda record: not writer.in_own_thread() and is_worth_recording(record))
        self.addFilter(RedactingFilter())

    def emit(self, record: logging.LogRecord) -> None:
        """Queue the record. Never waits, never raises; what cannot be queued is counted."""
        try:
            self._writer.offer(self._convert(record))
        except Exception:  # noqa: BLE001 - logging must not fail the caller; handleError would print raw arguments
            self._writer.count_lost()
