"""Turns a log record into a row, while the record's request is still running and its exception is still at hand."""

import logging
from datetime import UTC, datetime

from shared_code.database.logs import LogEntry
from shared_code.log_redaction import redacted_traceback
from shared_code.request_context import label


def entry_of(record: logging.LogRecord) -> LogEntry:
    """The row of a record, labelled with the running request and masked."""
    label(record)
    exception = record.exc_text
    if not exception and record.exc_info and record.exc_info[1] is not None:
        exception = redacted_traceback(record.exc_info[1])
    if record.stack_info:
        exception = f"{exception}\n{record.stack_info}" if exception else record.stack_info
    return LogEntry(
        timestamp=datetime.fromtimestamp(record.created, UTC).replace(tzinfo=None),
        level=record.levelname,
        logger=record.name,
        message=record.getMessage(),
        exception=exception or None,
        module=record.module,
        function=record.funcName,
        line=record.lineno,
        call_id=record.__dict__.get("call_id"),
        request_id=record.__dict__.get("request_id"),
        operation_id=record.__dict__.get("operation_id"),
    )
