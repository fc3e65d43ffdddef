"""What persons decided and corrected. Rows are added and read, never changed; they go with their reading."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, and_, exists, insert, literal, not_, select

from shared_code.database.stores.operations.rows_by_age import Expiring
from shared_code.database.stores.row_records import from_row
from shared_code.database.tables import corrections, extractions, review_decisions
from shared_code.database.text_columns import fitting

_ACTOR_UNITS = 100
_REASON_UNITS = 1000


def _expiring(key: Column[Any], moment: Column[Any], reading: Column[Any]) -> Expiring:
    gone = not_(exists(select(literal(1)).where(extractions.c.PublicID == reading)))
    return Expiring(key, moment, lambda before: and_(moment < before, gone))


#: rows whose reading has gone for its age
EXPIRING_DECISIONS = _expiring(
    review_decisions.c.DecisionID, review_decisions.c.DecidedAt, review_decisions.c.ReadingID
)
EXPIRING_CORRECTIONS = _expiring(corrections.c.CorrectionID, corrections.c.ChangedAt, corrections.c.ReadingID)


@dataclass(frozen=True, slots=True)
class Correction:
    """One value that a person changed. ``before`` and ``after`` are values of JSON; ``box`` is in fractions."""

    field: str
    before: Any
    after: Any
    page: int | None = None
    box: list[float] | None = None
    changed_by: str | None = None
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision. ``until`` is that of a postponement; moments are naive UTC."""

    reading_id: str
    company_id: str
    version: int
    decision: str
    state: str
    reason: str | None
    until: datetime | None
    decided_by: str
    fingerprint: str
    decided_at: datetime
    corrections: tuple[Correction, ...] = ()


def add_decision(connection: Connection, made: Decision) -> None:
    """Write a decision with its corrections."""
    actor = fitting(made.decided_by, _ACTOR_UNITS)
    connection.execute(
        insert(review_decisions).values(
            ReadingID=made.reading_id,
            CompanyID=made.company_id,
            Version=made.version,
            Decision=made.decision,
            State=made.state,
            Reason=None if made.reason is None else fitting(made.reason, _REASON_UNITS),
            Until=made.until,
            DecidedBy=actor,
            DecidedAt=made.decided_at,
            Fingerprint=made.fingerprint,
        )
    )
    for one in made.corrections:
        # One by one: their numbers are their order.
        connection.execute(
            insert(corrections).values(
                ReadingID=made.reading_id,
                CompanyID=made.company_id,
                Version=made.version,
                Field=one.field,
                ValueBefore=_json(one.before),
                ValueAfter=_json(one.after),
                Page=one.page,
                Box=None if one.box is None else json.dumps(one.box),
                ChangedBy=actor,
                ChangedAt=made.decided_at,
            )
        )


def last_decision(connection: Connection, reading_id: str) -> Decision | None:
    """The newest decision on a reading, without its corrections."""
    newest = (
        select(review_decisions)
        .where(review_decisions.c.ReadingID == reading_id)
        .order_by(review_decisions.c.Version.desc())
        .limit(1)
    )
    row = connection.execute(newest).first()
    return None if row is None else from_row(Decision, row, corrections=())


def history(connection: Connection, reading_id: str) -> list[Decision]:
    """All decisions on a reading with their corrections, oldest first."""
    own = corrections.c.ReadingID == reading_id
    changed: dict[int, list[Correction]] = {}
    ordered = select(corrections).where(own).order_by(corrections.c.Version, corrections.c.CorrectionID)
    for row in connection.execute(ordered):
        changed.setdefault(row.Version, []).append(_correction(row))
    made = (
        select(review_decisions).where(review_decisions.c.ReadingID == reading_id).order_by(review_decisions.c.Version)
    )
    return [
        from_row(Decision, row, corrections=tuple(changed.get(row.Version, ())))
        for row in connection.execute(made).all()
    ]


def corrections_of(connection: Connection, reading_ids: Sequence[str]) -> dict[str, list[Correction]]:
    """The corrections of up to 500 readings in their order; those without any have no entry."""
    wanted = (
        select(corrections)
        .where(corrections.c.ReadingID.in_(reading_ids))
        .order_by(corrections.c.ReadingID, corrections.c.Version, corrections.c.CorrectionID)
    )
    found: dict[str, list[Correction]] = {}
    for row in connection.execute(wanted):
        found.setdefault(row.ReadingID, []).append(_correction(row))
    return found


def _correction(row: Any) -> Correction:
    return Correction(
        field=row.Field,
        before=None if row.ValueBefore is None else json.loads(row.ValueBefore),
        after=None if row.ValueAfter is None else json.loads(row.ValueAfter),
        page=row.Page,
        box=None if row.Box is None else json.loads(row.Box),
        changed_by=row.ChangedBy,
        changed_at=row.ChangedAt,
    )


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value)
