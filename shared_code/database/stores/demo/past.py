"""Moves rows into the past: the service writes them at the moment they are made, the demo needs them over a year.

One statement a table, by what the rows are about.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Table, func, select, update

from shared_code.database import tables

#: newest numbers of tables whose rows are moved by when they were written
type Marks = dict[str, int]
_MARKED = {
    tables.admin_audit: (tables.admin_audit.c.AuditID, ("At",)),
    tables.webhook_deliveries: (tables.webhook_deliveries.c.DeliveryID, ("OccurredAt", "Since", "NextAt")),
    tables.alerts: (tables.alerts.c.AlertID, ("OpenedAt", "LastSeenAt")),
    tables.review_decisions: (tables.review_decisions.c.DecisionID, ("DecidedAt",)),
    tables.corrections: (tables.corrections.c.CorrectionID, ("ChangedAt",)),
}


def marks(connection: Connection) -> Marks:
    """How far each table goes now."""
    return {
        table.name: int(connection.execute(select(func.max(number))).scalar() or 0)
        for table, (number, _) in _MARKED.items()
    }


def move_since(connection: Connection, since: Marks, at: datetime) -> None:
    """Let what was written since :func:`marks` have been written at a moment (naive UTC)."""
    for table, (number, columns) in _MARKED.items():
        _move(connection, table, number > since[table.name], dict.fromkeys(columns, at))


def move_reading(
    connection: Connection, reading_id: str, call_id: str, *, at: datetime, took: timedelta, day: Any
) -> None:
    """Let a reading and what its run has booked be of a moment (naive UTC), the company's day ``day``.

    :param took: how long the call of the model took.
    """
    done = at + took
    read, booked = tables.extractions, tables.token_usage_logs
    ended = {"CreatedAt": done, "FinishedAt": done, "LeaseUntil": done}
    _move(connection, read, read.c.PublicID == reading_id, ended)
    _move(connection, tables.claims, tables.claims.c.ReadingID == reading_id, {"UpdatedAt": done, "LeaseUntil": done})
    _move(connection, booked, booked.c.CallID == call_id, {"LoggedAt": done, "LocalDay": day})
    called = (booked.c.CallID == call_id) & booked.c.DurationMs.is_not(None)
    _move(connection, booked, called, {"DurationMs": int(took.total_seconds() * 1000)})
    _move(connection, tables.retry_attempts, tables.retry_attempts.c.CallID == call_id, {"Timestamp": at})
    _move(connection, tables.reviews, tables.reviews.c.ReadingID == reading_id, {"CreatedAt": done})


def move_job(connection: Connection, job_id: str, at: datetime) -> None:
    """Let a job have been taken in at a moment."""
    _move(connection, tables.jobs, tables.jobs.c.PublicID == job_id, {"CreatedAt": at, "UpdatedAt": at})


def move_review(connection: Connection, reading_id: str, *, decided: datetime) -> None:
    """Let a review have been decided, or postponed, at a moment."""
    _move(connection, tables.reviews, tables.reviews.c.ReadingID == reading_id, {"DecidedAt": decided})


def move_key(connection: Connection, token_id: int, at: datetime) -> None:
    """Let a key have been added at a moment."""
    _move(connection, tables.token_master, tables.token_master.c.TokenID == token_id, {"CreatedAt": at})


def close_alerts_since(connection: Connection, since: Marks, at: datetime) -> None:
    """Let conditions that were opened since :func:`marks` have been seen last, and closed, at a moment."""
    new = tables.alerts.c.AlertID > since[tables.alerts.name]
    _move(connection, tables.alerts, new, {"LastSeenAt": at, "ClosedAt": at})


def end_delivery(connection: Connection, delivery_id: int, values: dict[str, Any]) -> None:
    """Let the tries of a message have come to something; ``values`` are columns of its row."""
    _move(connection, tables.webhook_deliveries, tables.webhook_deliveries.c.DeliveryID == delivery_id, values)


def _move(connection: Connection, table: Table, which: Any, values: dict[str, Any]) -> None:
    connection.execute(update(table).where(which).values(values))
