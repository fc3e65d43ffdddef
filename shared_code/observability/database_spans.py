"""Records each statement of a request as a dependency span. Statements are sent without their values."""

import re
import time
from functools import lru_cache
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext

from shared_code.observability.request_context import current_request
from shared_code.observability.telemetry import telemetry

_STARTED = "_telemetry_started"
#: whose names are remembered: an upload runs some twenty, always the same
_STATEMENTS = 512
#: the verb; the table, which follows UPDATE itself, or the first FROM, INTO or UPDATE behind another verb
_VERB_AND_TABLE = re.compile(
    r"\s*(\w+)(?:(?:(?<=\bUPDATE)|.*?\b(?:FROM|INTO|UPDATE))\s+([\w.\"\[\]]+))?", re.IGNORECASE | re.DOTALL
)


def trace_database(engine: Engine) -> None:
    """Record the statements of this engine that run inside a request, from now on."""
    event.listen(engine, "before_cursor_execute", _before)
    event.listen(engine, "after_cursor_execute", _after)
    event.listen(engine, "handle_error", _failed)


@lru_cache(_STATEMENTS)
def statement_name(statement: str) -> str:
    """Verb and table, as a name to group by: ``INSERT TokenUsageLogs``."""
    found = _VERB_AND_TABLE.match(statement)
    if found is None:
        return "statement"
    verb, table = found[1].upper(), (found[2] or "").rpartition(".")[2].strip('"[]')
    return f"{verb} {table}" if table else verb


def _before(*arguments: Any) -> None:
    statement, context = arguments[2], arguments[4]
    # SQLite's plain BEGIN does no work. BEGIN IMMEDIATE waits for the write lock, which is worth recording.
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
