"""Which request the running code belongs to, so that log lines, rows and spans of one request can be found together.

Held in a context variable. The platform runs a synchronous function in one thread of a pool: a scope opened inside the
function covers everything that runs in that thread and leaves nothing behind for the next request. A thread that the
function starts itself does not inherit it; run the work through ``contextvars.copy_context().run``.
"""

import logging
import re
import secrets
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, fields, replace

#: ``traceparent``: version, trace id, parent id and flags (W3C Trace Context, section 3.2)
_TRACE_PARENT = re.compile(r"[0-9a-f]{2}-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?")


@dataclass(frozen=True, slots=True)
class RequestContext:
    """Labels of the running request; all None outside of one.

    :ivar request_id: the client's or our own id; a label, never part of a key.
    :ivar call_id: UUID of the pipeline's run.
    :ivar operation_id: 32 hexadecimal digits that tie telemetry and log rows together: the platform's trace id when
        it gave one, so that its own telemetry is found with ours, else the call id without dashes.
    :ivar span_id: 16 hexadecimal digits of the innermost open span.
    """

    request_id: str | None = None
    call_id: str | None = None
    operation_id: str | None = None
    span_id: str | None = None

    def labels(self) -> dict[str, str | None]:
        """The ids that people search by."""
        return {"request_id": self.request_id, "call_id": self.call_id}


LABELS = tuple(field.name for field in fields(RequestContext))

_NOTHING = RequestContext()
_current: ContextVar[RequestContext] = ContextVar("request_context", default=_NOTHING)


def current_request() -> RequestContext:
    """The context that is in force here."""
    return _current.get()


@contextmanager
def request_scope(
    *, request_id: str | None = None, call_id: str | None = None, trace_parent: str | None = None
) -> Iterator[RequestContext]:
    """Everything inside belongs to this request. What is not given is taken from the scope around it.

    :param trace_parent: W3C header that the platform hands to the function; an unreadable one is ignored.
    """
    outer = _current.get()
    trace, parent = _parse_trace_parent(trace_parent)
    operation = trace or outer.operation_id or _hex_of(call_id) or secrets.token_hex(16)
    inner = RequestContext(
        request_id=request_id or outer.request_id,
        call_id=call_id or outer.call_id,
        operation_id=operation,
        span_id=parent or outer.span_id,
    )
    mark = _current.set(inner)
    try:
        yield inner
    finally:
        _current.reset(mark)


@contextmanager
def span_scope(span_id: str, *, operation_id: str | None = None) -> Iterator[RequestContext]:
    """The innermost open span inside; opens an operation where there is none.

    :param operation_id: the span's own, where it is not that of the operation around it.
    """
    outer = _current.get()
    operation = operation_id or outer.operation_id or secrets.token_hex(16)
    inner = replace(outer, span_id=span_id, operation_id=operation)
    mark = _current.set(inner)
    try:
        yield inner
    finally:
        _current.reset(mark)


class RequestContextFilter(logging.Filter):
    """Puts the labels on each record that passes: ``request_id``, ``call_id``, ``operation_id``, ``span_id``.

    A record keeps labels that it has: one that waited in a queue is not relabelled by the thread that takes it out.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record through, labelled."""
        label(record)
        return True


def label(record: logging.LogRecord) -> None:
    """Put the running request's labels on a record that has none."""
    context = _current.get()
    for name in LABELS:
        if not hasattr(record, name):
            setattr(record, name, getattr(context, name))


def _parse_trace_parent(header: str | None) -> tuple[str | None, str | None]:
    """Trace id and parent id. A trace id of zeros only is invalid (W3C Trace Context, section 3.2.2.3)."""
    found = _TRACE_PARENT.fullmatch((header or "").strip().lower())
    if found is None or not int(found["trace"], 16):
        return None, None
    return found["trace"], found["span"]


def _hex_of(call_id: str | None) -> str | None:
    try:
        return uuid.UUID(call_id).hex if call_id else None
    except ValueError:
        return None
