"""Turns telemetry items into Application Insights envelopes and sends them; the only user of opencensus.

Of opencensus-ext-azure the transport is used. Its handlers and exporters are not: on Python 3.13 the log handler fails
at the first record (it sets its lock to None), they queue log records with live tracebacks, each runs a thread of its
own, and a full queue logs a warning into itself. Its classes of the protocol are dicts that take several times as long
as the plain dicts made here, and an upload makes twenty of them. Statsbeat, which reports to Microsoft, is off.
Runs in the background thread only; opencensus is imported there, on first use.
"""

import logging
import os
import platform
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

from shared_code import __version__
from shared_code.errors import ConfigurationError
from shared_code.observability.background_writer import NotDelivered
from shared_code.observability.ingestion_login import IngestionLogin, NoToken
from shared_code.observability.log_redaction import redact_value
from shared_code.observability.telemetry_items import EventItem, Item, LogItem, MetricItem, SpanItem

_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_DEFAULT_ENDPOINT = "https://dc.services.visualstudio.com"
_NAME = "Microsoft.ApplicationInsights."
_MAX_MESSAGE_CHARACTERS = 32_000
_MAX_PROPERTY_CHARACTERS = 8_000
_AGGREGATE = 1
#: of the objects of the protocol that the data of an envelope is
_DATA_VERSION = 2

_log = logging.getLogger(__name__)


class Sender:
    """Sends batches to one ingestion endpoint.

    :param instrumentation_key: which resource the telemetry belongs to.
    :param endpoint: ``https://host`` without a path.
    :param timeout_seconds: for connecting and for each read of the answer.
    :param login: gives a token for each batch, where the resource takes no telemetry without one.
    """

    def __init__(
        self, *, instrumentation_key: str, endpoint: str, timeout_seconds: float, login: IngestionLogin | None = None
    ) -> None:
        self._key = instrumentation_key
        self._endpoint = endpoint
        self._timeout = timeout_seconds
        self._login = login
        self._transport: Any = None
        self._failing = self._refused = False
        self._tags = {
            "ai.cloud.role": os.environ.get("WEBSITE_SITE_NAME") or "invoice-extraction",
            "ai.cloud.roleInstance": os.environ.get("WEBSITE_INSTANCE_ID") or platform.node(),
            "ai.application.ver": __version__,
            "ai.internal.sdkVersion": f"py{platform.python_version()}:oc:ext1.1",
        }

    def send(self, items: Sequence[Item]) -> int:
        """Send a batch; returns how many items the endpoint refused for good.

        :raises NotDelivered: the endpoint was not reached, throttles or fails; try again later.
        """
        if self._transport is None:
            self._transport = self._make_transport()
        codes = self._transport.status_codes
        self._log_in()
        result, lost = self._post(redact_value(self.envelopes(items)))
        if result == codes.RETRY:
            self._complain("Telemetry cannot be sent to %s at the moment", self._endpoint)
            raise NotDelivered
        if self._failing:
            self._failing = False
            _log.info("Telemetry reaches %s again", self._endpoint)
        refused = result != codes.SUCCESS
        if refused and not self._refused:
            _log.warning(
                "Telemetry is refused by %s: look at the connection string, and at the resource's daily cap",
                self._endpoint,
            )
        self._refused = refused
        return len(items) if refused else lost

    def _log_in(self) -> None:
        """See to a token before the library asks for one: what it cannot get for itself, it drops the batch for."""
        try:
            if self._login is not None:
                self._login.token()
        except NoToken as error:
            self._complain("Telemetry cannot be sent to %s: %s", self._endpoint, error)
            raise NotDelivered from error

    def _complain(self, message: str, *values: object) -> None:
        """Log the first failure of a row of them."""
        if not self._failing:
            self._failing = True
            _log.warning(message, *values)

    def _post(self, envelopes: Sequence[Any]) -> tuple[int, int]:
        """Send envelopes; the transport's code for it, and how many of them were lost though others arrived.

        The ingestion endpoint answers 206 (Partial Content) when it takes only a part of a batch, and lists the status
        of each refused item. The transport hands over the items that may be tried again, and drops the rest.
        """
        codes, part = self._transport.status_codes, self._transport.storage
        result = self._transport._transmit(envelopes)  # noqa: SLF001 - the library's one way to send
        again = part.take()
        if not again:
            return result, 0
        arrived = self._transport._transmit(again) == codes.SUCCESS  # noqa: SLF001
        part.take()  # once is enough: what is refused again must not be taken for a part of the next batch
        return codes.SUCCESS, 0 if arrived else len(again)

    def envelopes(self, items: Sequence[Item]) -> list[dict[str, Any]]:
        """The envelopes of a batch: one per item, metrics of the same name and properties together."""
        singles = [self._envelope(item, *_data(item)) for item in items if not isinstance(item, MetricItem)]
        return singles + self._metrics(item for item in items if isinstance(item, MetricItem))

    def _make_transport(self) -> Any:
        from opencensus.ext.azure.common.transport import TransportMixin, TransportStatusCode

        # It logs every failed batch, with the envelopes in some cases; Sender says it once.
        logging.getLogger("opencensus").setLevel(logging.CRITICAL + 1)
        transport = TransportMixin()
        transport.options = SimpleNamespace(
            endpoint=self._endpoint, timeout=self._timeout, credential=self._login, proxies="{}"
        )
        transport.storage = _Part()  # nothing is written to the disk
        transport.status_codes = TransportStatusCode
        transport._consecutive_redirects = 0  # noqa: SLF001 - set by the exporters that this stands for
        # Not statsbeat itself, which only exporters start: with False, a failed connection would count as a refusal.
        transport._check_stats_collection = lambda: True  # noqa: SLF001
        return transport

    def _envelope(self, item: Item, kind: str, data: dict[str, Any]) -> dict[str, Any]:
        """An item's envelope around ``data``, an object of this kind in the second version of the protocol."""
        tags = dict(self._tags)
        if item.operation_id:
            tags["ai.operation.id"] = item.operation_id
        if item.parent_id:
            tags["ai.operation.parentId"] = item.parent_id
        data["ver"] = _DATA_VERSION
        data["properties"] = {
            name: str(value)[:_MAX_PROPERTY_CHARACTERS] for name, value in item.properties.items() if value is not None
        }
        return {
            "name": _NAME + kind,
            "time": datetime.fromtimestamp(item.time, UTC).isoformat().replace("+00:00", "Z"),
            "iKey": self._key,
            "tags": tags,
            "data": {"baseType": f"{kind}Data", "baseData": data},
        }

    def _metrics(self, items: Iterable[MetricItem]) -> list[dict[str, Any]]:
        groups: dict[Any, list[MetricItem]] = {}
        for item in items:
            groups.setdefault((item.name, tuple(sorted(item.properties.items()))), []).append(item)
        made = []
        for group in groups.values():
            values = [item.value for item in group]
            point = {
                "name": group[0].name,
                "kind": _AGGREGATE,
                "value": sum(values),
                "count": len(values),
                "min": min(values),
                "max": max(values),
            }
            made.append(self._envelope(group[-1], "Metric", {"metrics": [point]}))
        return made


def parse_connection_string(text: str) -> tuple[str, str]:
    """Instrumentation key and ingestion endpoint (``https://host`` without a path).

    :raises ConfigurationError: no key, or an endpoint that is no address.
    """
    parts = dict(part.split("=", 1) for part in text.split(";") if "=" in part)
    values = {name.strip().lower(): value.strip() for name, value in parts.items()}
    key = values.get("instrumentationkey", "").lower()
    if not _UUID.fullmatch(key):
        raise ConfigurationError("APPLICATIONINSIGHTS_CONNECTION_STRING has no InstrumentationKey that is a UUID")
    endpoint = values.get("ingestionendpoint", "").rstrip("/")
    if not endpoint and values.get("endpointsuffix"):
        location = f"{values['location']}." if values.get("location") else ""
        endpoint = f"https://{location}dc.{values['endpointsuffix']}"
    endpoint = endpoint or _DEFAULT_ENDPOINT
    if urlsplit(endpoint).scheme not in {"http", "https"} or not urlsplit(endpoint).netloc:
        raise ConfigurationError("APPLICATIONINSIGHTS_CONNECTION_STRING has an IngestionEndpoint that is no address")
    return key, endpoint


class _Part:
    """Stands where the library keeps envelopes on the disk: holds those that it would keep."""

    def __init__(self) -> None:
        self._kept: list[Any] = []

    def put(self, envelopes: Sequence[Any]) -> None:
        """Called by the library for what an answer of 206 refuses for now."""
        self._kept += envelopes

    def take(self) -> list[Any]:
        """What was put since the last time."""
        kept, self._kept = self._kept, []
        return kept


def _data(item: Item) -> tuple[str, dict[str, Any]]:
    """Kind and data of the protocol's object for an item."""
    if isinstance(item, LogItem):
        return _log_data(item)
    if isinstance(item, SpanItem):
        return _span_data(item)
    assert isinstance(item, EventItem)
    return "Event", {"name": item.name, "measurements": dict(item.measurements)}


def _log_data(item: LogItem) -> tuple[str, dict[str, Any]]:
    text = item.message[:_MAX_MESSAGE_CHARACTERS]
    if item.exception_type is None:
        return "Message", {"message": text, "severityLevel": item.severity}
    stack = [
        {"level": level, "method": frame.function, "fileName": frame.file, "line": frame.line}
        for level, frame in enumerate(reversed(item.frames))
    ]
    details = {
        "id": 1,
        "outerId": 0,
        "typeName": item.exception_type,
        "message": text,
        "hasFullStack": bool(stack),
        "parsedStack": stack,
    }
    return "Exception", {"exceptions": [details], "severityLevel": item.severity}


def _span_data(item: SpanItem) -> tuple[str, dict[str, Any]]:
    shared = {
        "id": item.span_id,
        "name": item.name,
        "duration": _duration(item.duration_seconds),
        "success": item.success,
    }
    if item.kind == "request":
        return "Request", {**shared, "responseCode": item.result_code, "url": item.url}
    return "RemoteDependency", {
        **shared,
        "resultCode": item.result_code,
        "type": item.kind,
        "target": item.target,
        "data": item.data and item.data[:_MAX_PROPERTY_CHARACTERS],
    }


def _duration(seconds: float) -> str:
    """As ``d.hh:mm:ss.fff``, the form of Application Insights."""
    minutes, milliseconds = divmod(round(max(seconds, 0.0) * 1000), 60_000)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    return f"{days}.{hour:02}:{minute:02}:{milliseconds / 1000:06.3f}"
