"""Turns log records into telemetry items, in the thread that logs, where the exception is still at hand."""

import logging
import traceback

from shared_code.observability.request_context import LABELS, RequestContext, label
from shared_code.observability.telemetry_items import Frame, LogItem

_MAX_FRAMES = 50
#: Application Insights keeps no more of a field
_MAX_NAME, _MAX_VALUE, _MAX_FIELDS = 150, 8_000, 100


def log_item(record: logging.LogRecord) -> LogItem:
    """The item of a record, labelled with the running request."""
    label(record)
    here = RequestContext(*(record.__dict__[name] for name in LABELS))
    message, kind = record.getMessage(), None
    error = record.exc_info[1] if record.exc_info else None
    if error is not None:
        kind = type(error).__name__
        message = f"{message}\n{record.exc_text}" if record.exc_text else message
    properties = here.labels() | {
        "logger": record.name,
        "level": record.levelname,
        "module": record.module,
        "function": record.funcName,
        "line": record.lineno,
    }
    extra = record.__dict__.get("custom_dimensions")
    return LogItem(
        record.created,
        here.operation_id,
        here.span_id,
        properties | _texts(extra),
        message=message,
        severity=min(max(record.levelno - 1, 0) // 10, 4),
        exception_type=kind,
        frames=() if error is None else _frames(error),
    )


def _texts(extra: object) -> dict[str, str]:
    """Fields of the caller as cut text, now: an object of the request must not wait in the queue."""
    if not isinstance(extra, dict):
        return {}
    return {str(name)[:_MAX_NAME]: str(value)[:_MAX_VALUE] for name, value in list(extra.items())[:_MAX_FIELDS]}


def _frames(error: BaseException) -> tuple[Frame, ...]:
    walked = traceback.walk_tb(error.__traceback__)
    found = tuple(Frame(frame.f_code.co_filename, line, frame.f_code.co_name) for frame, line in walked)
    return found[-_MAX_FRAMES:]
