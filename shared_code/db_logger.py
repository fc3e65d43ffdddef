"""The seed document's logging to the database; see :mod:`shared_code.database.application_log`."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from shared_code.database.application_log import ApplicationLogger, DatabaseLogHandler
from shared_code.database.connection import Database, default_database, repeatable
from shared_code.database.stores.operations.retries import insert_retries
from shared_code.errors import ServiceError
from shared_code.observability.redaction import redact
from shared_code.observability.request_context import current_request
from shared_code.records import RetryAttempt

__all__ = ["ApplicationLogger", "DatabaseLogHandler", "log_retry_attempts"]

_log = logging.getLogger(__name__)


def log_retry_attempts(
    retry_log: Sequence[Mapping[str, Any]],
    token_id: int | None = None,
    company_id: str | None = None,
    *,
    call_id: str | None = None,
    request_id: str | None = None,
    database: Database | None = None,
    budget_seconds: float = 2.0,
) -> int:
    """Write what ``RetryPolicy.get_retry_log()`` gives to RetryAttempts; returns how many rows were stored.

    An entry (``attempt``, ``error``, ``retryable``, ``timestamp`` in epoch seconds) may carry its own ``token_id``,
    for a request that changed keys. Ids that are not given come from the running request. Never raises: a failure is
    logged and 0 returned. Not for use inside a transaction; there, call the store.
    """
    context = current_request()
    attempts = [
        RetryAttempt(
            attempt=int(entry["attempt"]),
            error=redact(str(entry["error"])),
            retryable=bool(entry["retryable"]),
            token_id=entry.get("token_id", token_id),
            company_id=company_id,
            call_id=call_id or context.call_id,
            request_id=request_id or context.request_id,
            timestamp=entry.get("timestamp"),
        )
        for entry in retry_log
    ]
    if not attempts:
        return 0

    def work(connection: Connection) -> None:
        insert_retries(connection, attempts)

    try:
        (database or default_database()).run(work, budget_seconds=budget_seconds, on_unknown=repeatable)
    except ServiceError as error:
        _log.warning("%d retry attempts could not be stored: %s", len(attempts), error)
        return 0
    return len(attempts)
