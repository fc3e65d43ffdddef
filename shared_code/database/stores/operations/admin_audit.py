"""AdminAudit: who changed what, when, from what to what. Rows are added and read, never changed.

``before`` and ``after`` are facts as people see them; a provider key is in them by its last four characters and its
fingerprint only.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from shared_code.database.stores.operations.json_facts import read_facts
from shared_code.database.stores.operations.logs import storable
from shared_code.database.stores.operations.rows_by_age import Expiring, matching, newest
from shared_code.database.stores.row_records import from_row
from shared_code.database.tables import admin_audit
from shared_code.observability.log_redaction import redact_value
from shared_code.observability.redaction import redact

table = admin_audit
EXPIRING = Expiring(table.c.AuditID, table.c.At)

_ACTOR_LENGTH = 100
_TARGET_LENGTH = 200
_FACTS_LENGTH = 16_000


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: ``admin-key:<id>``, ``app-service:<name>`` or ``cli:<user>``; and in which request.

    :ivar company_id: the one company, in upper case, whose rows this actor may change; None = all.
    """

    name: str
    request_id: str | None = None
    company_id: str | None = None


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One row. ``at`` is naive UTC."""

    audit_id: int
    at: datetime
    actor: str
    action: str
    target: str | None
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    request_id: str | None


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which rows to read: every given field must match."""

    actor: str | None = None
    action: str | None = None
    target: str | None = None
    request_id: str | None = None


def add_audit(
    connection: Connection,
    actor: Actor,
    action: str,
    target: str | None,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Add a row, in the transaction of the change itself: neither is there without the other."""
    values = {
        "Actor": storable(actor.name, _ACTOR_LENGTH),
        "Action": action,
        "Target": None if target is None else storable(redact(target), _TARGET_LENGTH),
        "Before": _text(before),
        "After": _text(after),
        "RequestID": actor.request_id,
    }
    connection.execute(insert(table).values({name: value for name, value in values.items() if value is not None}))


def find_audit(
    connection: Connection, wanted: AuditFilter, *, before_id: int | None = None, limit: int = 100
) -> list[AuditEntry]:
    """The newest matching rows, newest first; ``before_id`` is the ``audit_id`` at which the last page ended."""
    equal = {
        table.c.Actor: wanted.actor,
        table.c.Action: wanted.action,
        table.c.Target: wanted.target,
        table.c.RequestID: wanted.request_id,
    }
    statement = newest(matching(select(table), equal), table.c.AuditID, before_id=before_id, limit=limit)
    rows = connection.execute(statement)
    return [from_row(AuditEntry, row, before=read_facts(row.Before), after=read_facts(row.After)) for row in rows]


def _text(facts: Mapping[str, Any] | None) -> str | None:
    if facts is None:
        return None
    # The values are masked, not the JSON text: a masked bracket would make it unreadable.
    masked = redact_value({name: value if _is_plain(value) else str(value) for name, value in facts.items()})
    return storable(json.dumps(masked, default=str, ensure_ascii=False), _FACTS_LENGTH)


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, bool | int | float | str | list | dict)
