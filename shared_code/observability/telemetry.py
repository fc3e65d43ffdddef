"""Telemetry: logs, exceptions, requests, calls to others, numbers, events.

There is one way out. With APPLICATIONINSIGHTS_CONNECTION_STRING it is our own sender to Application Insights; where the
platform's OpenTelemetry is on, the standard API (see :mod:`.open_telemetry`), and our sender is off, because everything
would arrive twice. Without either every call here costs next to nothing. When it is on, a call costs microseconds: it
queues a small frozen item, and one background thread masks, packs and sends. An endpoint that is down, slow or refusing
never slows or fails a request: the queue is bounded, and what is lost is reported in the log.

Everything that happens in one request carries its operation id (see :mod:`.request_context`), so its log lines, its
spans and its rows in ApplicationLogs are found together.
"""

import atexit
import logging
import random
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

from shared_code.errors import ConfigurationError, ServiceError
from shared_code.observability.application_insights import Sender, parse_connection_string
from shared_code.observability.background_writer import BackgroundWriter, WriterLimits
from shared_code.observability.ingestion_login import read_login
from shared_code.observability.log_handler import BackgroundHandler
from shared_code.observability.log_redaction import install_redaction
from shared_code.observability.open_telemetry import OpenTelemetry, platform_exports
from shared_code.observability.request_context import current_request, span_scope
from shared_code.observability.telemetry_items import (
    DependencyKind,
    EventItem,
    Item,
    MetricItem,
    SpanIds,
    SpanItem,
    SpanKind,
)
from shared_code.observability.telemetry_logs import log_item
from shared_code.settings import Settings

_LIMITS = WriterLimits(
    items=8192,
    characters=8_000_000,
    batch=500,
    interval_seconds=5.0,
    first_pause_seconds=1.0,
    longest_pause_seconds=60.0,
)

_log = logging.getLogger(__name__)


class Span:
    """A request or call while it runs. What is set here is sent when it ends."""

    def __init__(self) -> None:
        self.properties: dict[str, Any] = {}
        self.result_code: str | None = None
        self.success: bool | None = None

    def set(self, **properties: Any) -> None:
        """Add facts (company, model, token counts); never a secret."""
        self.properties.update(properties)

    def finish(self, result_code: int | str, *, success: bool | None = None) -> None:
        """Set the outcome: an HTTP status, which is a success below 400, or a code; ``success`` overrules both."""
        self.result_code = str(result_code)
        self.success = success if success is not None else not (isinstance(result_code, int) and result_code >= 400)  # noqa: PLR2004


class Outlet(Protocol):
    """Where items go. No method but ``flush`` and ``close`` waits."""

    def offer(self, item: Item) -> object:
        """Take what is finished."""

    def open_span(self, name: str, kind: SpanKind) -> AbstractContextManager[SpanIds]:
        """A span while it runs; its item follows by :meth:`offer` before the block ends."""

    def flush(self, timeout_seconds: float) -> bool:
        """Wait until everything so far is sent; False when time is up."""

    def close(self, timeout_seconds: float) -> object:
        """Flush and end."""


class Telemetry:
    """The process's telemetry; without an outlet it is off. Thread-safe, and no method but ``flush`` ever waits."""

    def __init__(self, outlet: Outlet | None = None) -> None:
        self._outlet = outlet
        #: whether anything is sent
        self.enabled = outlet is not None
        self.handler: logging.Handler | None = None

    def request(self, name: str, *, url: str | None = None) -> AbstractContextManager[Span]:
        """A request that we serve. An error that leaves the block is noted and passes on."""
        return self._span(name, "request", url=url)

    def dependency(
        self, name: str, *, kind: DependencyKind, target: str | None = None, data: str | None = None
    ) -> AbstractContextManager[Span]:
        """A call that we make. ``target`` is a host; ``data`` a statement or path without values."""
        return self._span(name, kind, target=target, data=data)

    def call_ended(
        self,
        name: str,
        *,
        kind: DependencyKind,
        duration_seconds: float,
        target: str | None = None,
        data: str | None = None,
        error: str | None = None,
    ) -> None:
        """A call that has just ended, for callers that cannot wrap it in :meth:`dependency`."""
        if self._outlet is not None:
            here = current_request()
            item = SpanItem(
                time.time() - duration_seconds,
                here.operation_id,
                here.span_id,
                here.labels(),
                name=name,
                kind=kind,
                span_id=_new_span_id(),
                duration_seconds=duration_seconds,
                success=error is None,
                result_code=error or "0",
                target=target,
                data=data,
            )
            self._outlet.offer(item)

    def metric(self, name: str, value: float, **properties: Any) -> None:
        """One value of a custom metric, with the few properties that it is split by."""
        if self._outlet is not None:
            self._outlet.offer(MetricItem(time.time(), None, None, properties, name=name, value=float(value)))

    def event(self, name: str, *, measurements: dict[str, float] | None = None, **properties: Any) -> None:
        """Something that happened."""
        if self._outlet is not None:
            here = current_request()
            item = EventItem(
                time.time(),
                here.operation_id,
                here.span_id,
                here.labels() | properties,
                name=name,
                measurements=measurements or {},
            )
            self._outlet.offer(item)

    def flush(self, timeout_seconds: float = 2.0) -> bool:
        """Wait until everything so far is sent; False when time is up or the endpoint does not take it."""
        return self._outlet is None or self._outlet.flush(timeout_seconds)

    def close(self, timeout_seconds: float = 2.0) -> None:
        """Flush and end. What comes later is dropped."""
        if self.handler is not None:
            logging.root.removeHandler(self.handler)
            self.handler = None
        if self._outlet is not None:
            self._outlet.close(timeout_seconds)

    @contextmanager
    def _span(self, name: str, kind: SpanKind, **fields: Any) -> Iterator[Span]:
        span, outlet = Span(), self._outlet
        if outlet is None:
            yield span
            return
        parent = current_request().span_id
        began, started = time.time(), time.perf_counter()
        with outlet.open_span(name, kind) as ids, span_scope(ids.span_id, operation_id=ids.operation_id) as scope:
            try:
                yield span
            except BaseException as error:  # noted and passed on, whatever it is
                _note_error(span, error)
                raise
            finally:
                span_item = SpanItem(
                    began,
                    scope.operation_id,
                    parent,
                    scope.labels() | span.properties,
                    name=name,
                    kind=kind,
                    span_id=ids.span_id,
                    duration_seconds=time.perf_counter() - started,
                    success=span.success is not False,
                    result_code=span.result_code or "0",
                    **fields,
                )
                outlet.offer(span_item)


def configure_telemetry(
    settings: Settings, *, limits: WriterLimits = _LIMITS, timeout_seconds: float = 10.0
) -> Telemetry:
    """Turn telemetry on where the settings say where it goes, and make it :func:`telemetry`.

    Settings that cannot be read turn it off, and that is logged: telemetry never stops the service.
    """
    global _current  # noqa: PLW0603 - the one process-wide instance
    shutdown_telemetry()
    try:
        made = (
            Telemetry(OpenTelemetry.connect(settings))
            if platform_exports(settings)
            else _to_application_insights(settings, limits, timeout_seconds)
        )
    except ConfigurationError as error:
        _log.error("Telemetry is off: %s", error)
        return telemetry()
    if made is None:
        return telemetry()
    install_redaction()
    _current = made
    atexit.register(made.flush)
    return made


class _Writer(BackgroundWriter[Item]):
    """The way to our own sender: a queue; spans have random ids."""

    @contextmanager
    def open_span(self, _name: str, _kind: SpanKind) -> Iterator[SpanIds]:
        """The ids of a new span of the operation that is under way."""
        yield SpanIds(_new_span_id())


def _to_application_insights(settings: Settings, limits: WriterLimits, timeout_seconds: float) -> Telemetry | None:
    """Our own sender, also of log records; None where no resource is named. Raises ConfigurationError."""
    secret = settings.applicationinsights_connection_string
    if secret is None:
        return None
    key, endpoint = parse_connection_string(secret.get_secret_value())
    login = read_login(settings.applicationinsights_authentication_string)
    if login is not None:
        login.check_endpoint(endpoint)
    sender = Sender(instrumentation_key=key, endpoint=endpoint, timeout_seconds=timeout_seconds, login=login)
    writer = _Writer(
        sender.send,
        name="telemetry",
        size=lambda item: item.characters,
        report_dropped=lambda count: _log.warning("%d telemetry items were lost", count),
        limits=limits,
    )
    made = Telemetry(writer)
    level = logging.getLevelNamesMapping()[settings.log_level]
    made.handler = BackgroundHandler(writer, log_item, level=level)
    logging.root.addHandler(made.handler)
    return made


def shutdown_telemetry(timeout_seconds: float = 2.0) -> None:
    """Send what waits, for up to ``timeout_seconds``, and turn telemetry off."""
    global _current
    ended, _current = _current, _OFF
    if ended is not _OFF:
        ended.close(timeout_seconds)
        atexit.unregister(ended.flush)


def telemetry() -> Telemetry:
    """The process's telemetry; one that is off until :func:`configure_telemetry` turned it on."""
    return _current


def _new_span_id() -> str:
    """It has to differ, not to be secret; asked for a secret, the system lets other threads run first."""
    return f"{random.getrandbits(64):016x}"


def _note_error(span: Span, error: BaseException) -> None:
    if span.result_code is None:
        code = error.http_status if isinstance(error, ServiceError) else type(error).__name__
        span.finish(code, success=False)
    span.set(error=error.code if isinstance(error, ServiceError) else type(error).__name__)


_OFF = Telemetry()
_current = _OFF
