"""WebhookDeliveries: what is to be told to receivers, and what became of it.

A row is written in the transaction of what it tells, so that neither is there without the other. Its message id is a
digest of what happened: written again it is the same row, and a receiver that gets it twice sees the same id.

A row is pending until ``FinishedAt`` is set. Whoever sends it claims it first: the count of its tries goes up, and
``NextAt`` becomes the end of a lease, so that a sender that is killed leaves a row that is due again.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Insert, String, and_, bindparam, delete, func, insert, literal, select, update

from shared_code.database.clock import utc_in, utc_now
from shared_code.database.company_case import same_company
from shared_code.database.stores.operations.json_facts import read_facts
from shared_code.database.stores.operations.rows_by_age import Expiring, matching, newest
from shared_code.database.stores.prepared import Prepared
from shared_code.database.stores.row_records import from_row
from shared_code.database.tables import company_settings, webhook_deliveries
from shared_code.database.text_columns import fitting

table = webhook_deliveries

EXTRACTION_DONE = "extraction.done"
EXTRACTION_FAILED = "extraction.failed"
REVIEW_DECIDED = "review.decided"
ALERT_OPENED = "alert.opened"
ALERT_CLOSED = "alert.closed"
#: what a company can be told of; none of these names is a part of another one
COMPANY_EVENTS = (EXTRACTION_DONE, EXTRACTION_FAILED, REVIEW_DECIDED)
#: the company of a row that is for the operators' own receiver
HOUSE = ""

PENDING = "pending"
DELIVERED = "delivered"
FAILED = "failed"
DROPPED = "dropped"
STATES = (PENDING, DELIVERED, FAILED, DROPPED)

#: seconds by which the clock of an instance may be behind the database's: a new row is due at once all the same
_CLOCKS_DIFFER = 60
_ERROR_UNITS = 300
#: only rows that are dealt with: a pending one has no FinishedAt
EXPIRING = Expiring(table.c.DeliveryID, table.c.FinishedAt)


@dataclass(frozen=True, slots=True)
class Happening:
    """What happened, and to what.

    :ivar subject_id: public id of a reading, or number of an alert.
    :ivar occasion: tells happenings of one event about one subject apart, where there can be several.
    """

    event: str
    company_id: str
    subject_id: str
    facts: Mapping[str, Any]
    occasion: str = ""

    @property
    def message_id(self) -> str:
        """The same for the same happening, and no way back to its subject."""
        text = f"{self.event}\0{self.company_id}\0{self.subject_id}\0{self.occasion}"
        return f"msg_{hashlib.sha256(text.encode()).hexdigest()[:32]}"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One row. Moments are naive UTC; ``company_id`` is '' where the receiver is the operators' own.

    ``last_status`` is the HTTP status of the last try; ``last_error`` says what kept it from getting a good one.
    """

    delivery_id: int
    message_id: str
    company_id: str
    event: str
    subject_id: str
    facts: Mapping[str, Any]
    state: str
    occurred_at: datetime
    since: datetime
    next_at: datetime
    attempts: int
    last_status: int | None
    last_error: str | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Which rows to read: every given field must match."""

    company_id: str | None = None
    state: str | None = None
    event: str | None = None
    subject_id: str | None = None


# Built once: putting a statement together costs more than running it on SQLite.
_COLUMNS: dict[str, Any] = {
    column.name: bindparam(f"new_{column.name}", type_=column.type)
    for column in (table.c.MessageID, table.c.CompanyID, table.c.Event, table.c.SubjectID, table.c.Facts, table.c.State)
} | {"NextAt": utc_in(-_CLOCKS_DIFFER)}
_ABSENT = ~select(literal(1)).where(table.c.MessageID == bindparam("new_MessageID", type_=String(40))).exists()
_WANTED = (
    select(literal(1))
    .where(
        same_company(company_settings.c.CompanyID, bindparam("new_CompanyID", type_=String(50))),
        company_settings.c.WebhookUrl.is_not(None),
        company_settings.c.WebhookEvents.like(bindparam("pattern", type_=String(60))),
    )
    .exists()
)


def _insertion(*conditions: Any) -> Insert:
    rows = select(*_COLUMNS.values()).where(and_(*conditions))
    return insert(table).from_select(list(_COLUMNS), rows, include_defaults=False)


_INSERT_WANTED = Prepared(_insertion(_WANTED, _ABSENT))
_INSERT_HOUSE = _insertion(_ABSENT)


def add_for_company(connection: Connection, happening: Happening) -> None:
    """Have a company told, if it has a receiver that wants to know; ``company_id`` is in upper case. Again is no harm.

    One statement, in the transaction of what has happened.
    """
    _INSERT_WANTED.changed(connection, _values(happening) | {"pattern": f"%{happening.event}%"})


def add_for_house(connection: Connection, happening: Happening) -> None:
    """Have the operators' own receiver told. Whether there is one is found out when it is to be sent."""
    connection.execute(_INSERT_HOUSE, _values(happening))


def _values(happening: Happening) -> dict[str, Any]:
    return {
        "new_MessageID": happening.message_id,
        "new_CompanyID": happening.company_id,
        "new_Event": happening.event,
        "new_SubjectID": happening.subject_id,
        "new_Facts": json.dumps(dict(happening.facts), default=str),
        "new_State": PENDING,
    }


def companies_due(connection: Connection, now: datetime, *, limit: int) -> list[str]:
    """Whose rows are due."""
    due = select(table.c.CompanyID).where(table.c.FinishedAt.is_(None), table.c.NextAt <= now).distinct()
    return list(connection.execute(due.limit(limit)).scalars())


def find_due(connection: Connection, company_id: str, now: datetime, *, limit: int) -> list[Delivery]:
    """The rows of one company that are due for the longest time."""
    due = select(table).where(table.c.CompanyID == company_id, table.c.FinishedAt.is_(None), table.c.NextAt <= now)
    return _read(connection, due.order_by(table.c.NextAt, table.c.DeliveryID).limit(limit))


def next_due(connection: Connection) -> datetime | None:
    """When the next row is due; None when nothing is pending."""
    return connection.execute(select(func.min(table.c.NextAt)).where(table.c.FinishedAt.is_(None))).scalar()


def resting_until(connection: Connection, company_id: str, now: datetime) -> datetime | None:
    """When a company's receiver is to be asked again that did not answer at all; None when it is not waited for."""
    unanswered = (table.c.LastStatus.is_(None), table.c.LastError.is_not(None), table.c.NextAt > now)
    own = (table.c.CompanyID == company_id, table.c.FinishedAt.is_(None))
    return connection.execute(select(func.min(table.c.NextAt)).where(*own, *unanswered)).scalar()


def claim(connection: Connection, row: Delivery, *, now: datetime, until: datetime) -> bool:
    """Begin a try; False when somebody else was quicker, or the row is not due any more."""
    mine = and_(_as_seen(row, row.attempts), table.c.NextAt <= now)
    values = {"Attempts": row.attempts + 1, "NextAt": until, "LastStatus": None, "LastError": None}
    return connection.execute(update(table).where(mine).values(values)).rowcount == 1


def end_try(
    connection: Connection, row: Delivery, *, status: int | None, error: str | None, state: str, at: datetime
) -> None:
    """Note what the try came to that :func:`claim` began; somebody's later try wins.

    :param state: pending with ``at`` as the moment of the next try, or another one with ``at`` as the end.
    """
    moment = {"NextAt": at} if state == PENDING else {"FinishedAt": at}
    told = None if error is None else fitting(error, _ERROR_UNITS)
    values = {"State": state, "LastStatus": status, "LastError": told} | moment
    connection.execute(update(table).where(_as_seen(row, row.attempts + 1)).values(values))


def postpone(connection: Connection, company_id: str, *, until: datetime) -> None:
    """Let a company's rows that are due earlier wait: their receiver does not answer."""
    waiting = (table.c.CompanyID == company_id, table.c.FinishedAt.is_(None), table.c.NextAt < until)
    connection.execute(update(table).where(*waiting).values(NextAt=until))


def end_rest(connection: Connection, company_id: str) -> None:
    """Let a company's rows that wait for their receiver to answer be due now."""
    waiting = (table.c.CompanyID == company_id, table.c.FinishedAt.is_(None), table.c.LastStatus.is_(None))
    connection.execute(update(table).where(*waiting).values(NextAt=utc_in(-_CLOCKS_DIFFER)))


def drop(connection: Connection, company_id: str) -> None:
    """End a company's rows that nobody is there for any more, and no alert for what was given up.

    Pending ones for the operators go: without a receiver nobody asked for them.
    """
    own = table.c.CompanyID == company_id
    if company_id == HOUSE:
        connection.execute(delete(table).where(own, table.c.FinishedAt.is_(None)))
    values = {"State": DROPPED, "FinishedAt": utc_now(), "LastError": "There is no receiver any more."}
    connection.execute(update(table).where(own, table.c.FinishedAt.is_(None)).values(values))
    connection.execute(update(table).where(own, table.c.State == FAILED).values(State=DROPPED))


def redeliver(
    connection: Connection, *, delivery_id: int | None = None, company_id: str | None = None, state: str | None = None
) -> int:
    """Have rows sent again, under the ids that they have; returns how many. They are given up a day from now."""
    conditions = {table.c.DeliveryID: delivery_id, table.c.CompanyID: company_id, table.c.State: state}
    wanted = [column == value for column, value in conditions.items() if value is not None]
    values = {
        "State": PENDING,
        "Attempts": 0,
        "Since": utc_now(),
        "NextAt": utc_in(-_CLOCKS_DIFFER),
        "LastStatus": None,
        "LastError": None,
        "FinishedAt": None,
    }
    return connection.execute(update(table).where(*wanted).values(values)).rowcount


def find_deliveries(
    connection: Connection, wanted: DeliveryFilter, *, before_id: int | None = None, limit: int = 100
) -> list[Delivery]:
    """The newest matching rows, newest first; ``before_id`` is the ``delivery_id`` at which the last page ended."""
    equal = {
        table.c.CompanyID: wanted.company_id,
        table.c.State: wanted.state,
        table.c.Event: wanted.event,
        table.c.SubjectID: wanted.subject_id,
    }
    return _read(
        connection, newest(matching(select(table), equal), table.c.DeliveryID, before_id=before_id, limit=limit)
    )


def get_delivery(connection: Connection, delivery_id: int) -> Delivery | None:
    """One row, or None."""
    return next(iter(_read(connection, select(table).where(table.c.DeliveryID == delivery_id))), None)


def given_up_last(connection: Connection) -> dict[str, int]:
    """How much was given up, by company, where nothing was delivered since."""
    found = {}
    given_up = select(table.c.CompanyID).where(table.c.State == FAILED).distinct()
    for company in connection.execute(given_up).scalars().all():
        own = (table.c.CompanyID == company,)
        newest_good = select(func.max(table.c.FinishedAt)).where(*own, table.c.State == DELIVERED)
        since = connection.execute(newest_good).scalar()
        later = [table.c.FinishedAt > since] if since is not None else []
        count = select(func.count()).select_from(table).where(*own, table.c.State == FAILED, *later)
        if number := connection.execute(count).scalar_one():
            found[company] = int(number)
    return found


def _as_seen(row: Delivery, attempts: int) -> Any:
    return and_(table.c.DeliveryID == row.delivery_id, table.c.FinishedAt.is_(None), table.c.Attempts == attempts)


def _read(connection: Connection, statement: Any) -> list[Delivery]:
    return [from_row(Delivery, row, facts=read_facts(row.Facts) or {}) for row in connection.execute(statement)]
