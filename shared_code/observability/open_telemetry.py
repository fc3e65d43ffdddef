"""Hands spans, numbers and events to the standard OpenTelemetry API, where the platform's OpenTelemetry is on.

There are two ways to have it on, and in both of them what is recorded here leaves once:
- PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY: the worker has configured ``azure-monitor-opentelemetry`` before our code
  is loaded, and takes log records too;
- PYTHON_ENABLE_OPENTELEMETRY with OTEL_EXPORTER_OTLP_ENDPOINT: the app brings the exporter, which is set up here unless
  somebody has done so before. Log records go by the host, which reads the same endpoint.

A span that opens becomes a child of the one that the request context names, and its ids stand in that context, so that
rows of ApplicationLogs are found by the trace. The library is imported when one of the two is on.
"""

import logging
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from shared_code import __version__
from shared_code.errors import ConfigurationError
from shared_code.observability.log_redaction import redact_value
from shared_code.observability.request_context import current_request
from shared_code.observability.telemetry_items import EventItem, Item, MetricItem, SpanIds, SpanItem, SpanKind
from shared_code.settings import Settings

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.metrics import Histogram
    from opentelemetry.trace import Span

_SCOPE = "invoice-extraction"
_EXPORTER = "opentelemetry.exporter.otlp.proto.http"
#: by which log exporters for Application Insights tell an event from a line
_EVENT_NAME = "microsoft.custom_event.name"
_NANOSECONDS = 1_000_000_000
#: names that a log record has for itself
_TAKEN = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime"}

_log = logging.getLogger(__name__)
_open: ContextVar["Span | None"] = ContextVar("open_span", default=None)


def platform_exports(settings: Settings) -> bool:
    """Whether the platform's OpenTelemetry is on."""
    return settings.python_applicationinsights_enable_telemetry or settings.python_enable_opentelemetry


class OpenTelemetry:
    """The outlet. Thread-safe; masks what it hands on."""

    def __init__(self) -> None:
        from opentelemetry import metrics, trace

        self._tracer = trace.get_tracer(_SCOPE)
        self._meter = metrics.get_meter(_SCOPE)
        self._lock = threading.Lock()
        self._numbers: dict[str, Histogram] = {}

    @classmethod
    def connect(cls, settings: Settings) -> "OpenTelemetry":
        """The outlet to what exports in this process; sets an exporter up where the app has to bring it.

        :raises ConfigurationError: an exporter is asked for whose package is not installed.
        """
        if settings.otel_exporter_otlp_endpoint and not settings.python_applicationinsights_enable_telemetry:
            _set_up_exporter()
        if not _exports():
            _log.warning("The platform's OpenTelemetry is on, and nothing exports in this process: spans are lost")
        return cls()

    @contextmanager
    def open_span(self, name: str, kind: SpanKind) -> Iterator[SpanIds]:
        """Open a span and make it the current one; it ends when its item is offered."""
        from opentelemetry import trace

        span_kind = trace.SpanKind.SERVER if kind == "request" else trace.SpanKind.CLIENT
        span = self._tracer.start_span(_masked(name), context=_parent(), kind=span_kind)
        ids = span.get_span_context()
        mark = _open.set(span)
        try:
            with trace.use_span(span, end_on_exit=False, record_exception=False, set_status_on_exception=False):
                yield SpanIds(trace.format_span_id(ids.span_id), trace.format_trace_id(ids.trace_id))
        finally:
            _open.reset(mark)

    def offer(self, item: Item) -> None:
        """Hand on what is finished."""
        if isinstance(item, SpanItem):
            self._end_span(item)
        elif isinstance(item, MetricItem):
            self._number(item.name).record(item.value, _attributes(item.properties))
        elif isinstance(item, EventItem):
            fields = dict(item.properties) | dict(item.measurements)
            extra = {f"event_{name}" if name in _TAKEN else name: value for name, value in fields.items()}
            _log.info("event %s", item.name, extra={_EVENT_NAME: item.name, **_attributes(extra)})

    def flush(self, timeout_seconds: float) -> bool:
        """Have everything sent that was recorded so far; False when time is up."""
        from opentelemetry import metrics, trace

        providers = (trace.get_tracer_provider(), metrics.get_meter_provider())
        flushes = [getattr(provider, "force_flush", None) for provider in providers]
        # A list: each of them is to be called, also behind one that fails.
        return all([flush is None or flush(int(timeout_seconds * 1000)) for flush in flushes])  # noqa: C419

    def close(self, timeout_seconds: float) -> None:
        """Flush. The providers belong to the process, and stay."""
        self.flush(timeout_seconds)

    def _end_span(self, item: SpanItem) -> None:
        from opentelemetry import trace

        span, began = _open.get(), int(item.time * _NANOSECONDS)
        if span is None or trace.format_span_id(span.get_span_context().span_id) != item.span_id:
            # A call that is told of when it has ended: nobody opened a span for it.
            kind = trace.SpanKind.CLIENT
            span = self._tracer.start_span(_masked(item.name), context=_parent(), kind=kind, start_time=began)
            end = began + int(item.duration_seconds * _NANOSECONDS)
        else:
            end = None
        span.set_attributes(_attributes(item.properties) | _attributes(_facts(item)))
        if not item.success:
            span.set_status(trace.Status(trace.StatusCode.ERROR, item.result_code))
        span.end(end)

    def _number(self, name: str) -> "Histogram":
        """Sum, count, least and most of the values: what our own sender sends of them."""
        with self._lock:
            if name not in self._numbers:
                self._numbers[name] = self._meter.create_histogram(name)
            return self._numbers[name]


def _parent() -> "Context | None":
    """The context with the span that a new one belongs under; None for what is current anyway."""
    from opentelemetry import trace

    here = current_request()
    if here.operation_id is None or here.span_id is None:
        return None
    wanted = trace.SpanContext(
        int(here.operation_id, 16), int(here.span_id, 16), is_remote=True, trace_flags=trace.TraceFlags(1)
    )
    known = trace.get_current_span().get_span_context()
    if not wanted.is_valid or (known.trace_id, known.span_id) == (wanted.trace_id, wanted.span_id):
        return None
    return trace.set_span_in_context(trace.NonRecordingSpan(wanted))


def _facts(item: SpanItem) -> dict[str, Any]:
    """What a span says by its fields, under the names of OpenTelemetry's conventions where there are some."""
    facts: dict[str, Any] = {"kind": item.kind, "result_code": item.result_code}
    if item.kind == "request":
        facts["url.path"] = item.url
        if item.result_code.isdigit():
            facts["http.response.status_code"] = int(item.result_code)
    elif item.kind == "database":
        facts |= {"db.system.name": item.target, "db.query.text": item.data}
    else:
        facts |= {"peer.service": item.target, "data": item.data}
    return facts


def _attributes(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Masked values of the kinds that the API takes; what is None is left out."""
    plain = {
        name: value if isinstance(value, bool | int | float) else str(value)
        for name, value in properties.items()
        if value is not None
    }
    masked: dict[str, Any] = redact_value(plain)
    return masked


def _masked(text: str) -> str:
    return str(redact_value(text))


def _exports() -> bool:
    """Whether somebody has set an exporter up: what the API has of itself cannot flush."""
    from opentelemetry import trace

    return hasattr(trace.get_tracer_provider(), "force_flush")


def _set_up_exporter() -> None:
    """Export by the OpenTelemetry protocol, as its variables say, unless somebody does so already."""
    from opentelemetry import metrics, trace

    if _exports():
        return
    if not _installed(_EXPORTER):
        raise ConfigurationError(
            "OTEL_EXPORTER_OTLP_ENDPOINT is set, and the packages of requirements-otel.txt are not installed"
        )
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    # By OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES; without a name there the library gives one that says nothing.
    resource = Resource({SERVICE_VERSION: __version__}).merge(Resource.create())
    if str(resource.attributes.get(SERVICE_NAME, "")).startswith("unknown_service"):
        resource = resource.merge(Resource({SERVICE_NAME: os.environ.get("WEBSITE_SITE_NAME") or _SCOPE}))
    spans = TracerProvider(resource=resource)
    spans.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(spans)
    numbers = MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter())], resource=resource)
    metrics.set_meter_provider(numbers)


def _installed(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False
