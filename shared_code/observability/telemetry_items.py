"""What telemetry holds between the request that saw it and the thread that sends it.

Small, frozen, and without objects of the request: a queued traceback would keep the uploaded file in memory.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

DependencyKind = Literal["database", "provider", "storage"]
SpanKind = Literal["request", "database", "provider", "storage"]


@dataclass(frozen=True, slots=True)
class SpanIds:
    """Names an open span.

    :ivar span_id: 16 hexadecimal digits.
    :ivar operation_id: 32 hexadecimal digits, where they are not those of the operation around it.
    """

    span_id: str
    operation_id: str | None = None


@dataclass(frozen=True, slots=True)
class Frame:
    """One line of a stack, without its source."""

    file: str
    line: int
    function: str


@dataclass(frozen=True, slots=True)
class Item:
    """What every kind has: the moment (epoch seconds) and the labels that tie it to a request.

    :ivar operation_id: 32 hexadecimal digits, or None outside of a request.
    :ivar parent_id: id of the span that was open.
    """

    time: float
    operation_id: str | None
    parent_id: str | None
    properties: Mapping[str, Any]

    @property
    def characters(self) -> int:
        """About how much memory the item holds."""
        return 500


@dataclass(frozen=True, slots=True)
class LogItem(Item):
    """A log record; with ``exception_type`` an exception. ``severity`` is 0 (verbose) to 4 (critical)."""

    message: str
    severity: int
    exception_type: str | None = None
    frames: tuple[Frame, ...] = ()

    @property
    def characters(self) -> int:
        """About how much memory the item holds."""
        fields = sum(len(str(value)) for value in self.properties.values())
        return 500 + len(self.message) + 100 * len(self.frames) + fields


@dataclass(frozen=True, slots=True)
class SpanItem(Item):
    """A finished request (``kind`` request) or call to something else (database, provider, storage)."""

    name: str
    kind: SpanKind
    span_id: str
    duration_seconds: float
    success: bool
    result_code: str
    url: str | None = None
    target: str | None = None
    data: str | None = None

    @property
    def characters(self) -> int:
        """About how much memory the item holds."""
        return 500 + len(self.data or "") + len(self.url or "")


@dataclass(frozen=True, slots=True)
class MetricItem(Item):
    """One measured value. Values of one batch with the same name and properties are sent as one aggregate."""

    name: str
    value: float


@dataclass(frozen=True, slots=True)
class EventItem(Item):
    """Something that happened, by name; numbers in ``measurements``."""

    name: str
    measurements: Mapping[str, float] = field(default_factory=dict)
