"""Makes each statement of a request a dependency span. Statements are sent without their values."""

import re
import time
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext

from shared_code.observability.request_context import current_request
from shared_code.observability.telemetry import telemetry

_STARTED = "_telemetry_started"
_SUBJECT = re.compile(r"\s*(\w+)(?:.*?\b(?:FROM|INTO|UPDATE)\s+([\w.\"\[\]]+))?", re.IGNORECASE | re.DOTALL)
_TABLE = re.compile(r"\s*UPDATE\s+([\w.\"\[\]]+)", re.IGNORECASE)


def trace_database(engine: Engine) -> None:
    """Record the statements of this engine that run inside a request, from now on."""
    event.listen(engine, "before_cursor_execute", _before)
    event.listen(engine, "after_cursor_execute", _after)
    event.listen(engine, "handle_error", _failed)


def statement_name(statement: str) -> str:
    """Verb and table, as a name to group by: ``INSERT TokenUsageLogs``."""
    found = _TABLE.match(statement)
    if found:
        return f"UPDATE {_bare(found[1])}"
    found = _SUBJECT.match(statement)
    if found is None:
        return "statement"
    return f"{found[1].upper()} {_bare(found[2])}" if found[2] else found[1].upper()


def _bare(table: str) -> str:
    return table.replace('"', "").replace("[", "").replace("]", "").rpartition(".")[2]


def _before(*arguments: Any) -> None:
    statement, context = arguments[2], arguments[4]
    # SQLite's begin of a read does nothing yet; that of a write waits for the lock, which is worth knowing.
    if statement != "BEGIN" and context is not None and telemetry().enabled and current_request().operation_id:
        setattr(context, _STARTED, time.perf_counter())


def _after(*arguments: Any) -> None:
    _record(arguments[2], arguments[4], error=None)


def _failed(context: ExceptionContext) -> None:
    _record(context.statement, context.execution_context, error=type(context.original_exception).__name__)


def _record(statement: str | None, context: Any, *, error: str | None) -> None:
    started = context.__dict__.pop(_STARTED, None) if context is not None else None
    if started is None:
        return
    telemetry().call_ended(
        statement_name(statement or ""),
        kind="database",
        target=context.dialect.name,
        data=statement,
        duration_seconds=time.perf_counter() - started,
        error=error,
    )
