"""Changes of quotas by operators: limits set and taken away, counters reset. Running periods take part at once.

Whoever changes a quota holds the company's row: operators come one after another, and the order of locks is kept (see
:mod:`shared_code.database.stores.lock_order`).
"""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from shared_code.database.clock import utc_now
from shared_code.database.company_case import same_company
from shared_code.database.stores.lock_order import hold_company
from shared_code.database.stores.quotas.period_counters import make_counters
from shared_code.database.stores.quotas.quotas import Missing, Quota, quota_of
from shared_code.database.tables import quota_counters, quotas
from shared_code.errors import AlreadyExists
from shared_code.labels import spellings
from shared_code.periods import day_period, month_period

counters = quota_counters


def reset_counters(connection: Connection, quota_id: int, *, day: date) -> int:
    """Forget what the running day and month have used; what is reserved stays. Returns how many counters."""
    running = _running(connection, quota_id, day)
    for counter_id in running.values():
        connection.execute(update(counters).where(counters.c.CounterID == counter_id).values(UsedTokens=0))
    return len(running)


def set_quota(
    connection: Connection,
    *,
    company_id: str,
    scope: str,
    subject: str,
    limits: tuple[int | None, int | None],
    day: date,
    must_be_new: bool = False,
) -> Quota:
    """Create or change a quota (``limits`` = daily, monthly); running periods take the new limit at once.

    What was booked earlier in a period, and what running calls hold, counts against a quota that is made in the middle
    of it.

    :raises AlreadyExists: ``must_be_new``, and there is one that limits something.
    """
    hold_company(connection, company_id)
    daily, monthly = limits
    where = (
        same_company(quotas.c.CompanyID, company_id),
        quotas.c.Scope == scope,
        # Both spellings: one that was typed in by SQL may stand there decomposed.
        quotas.c.Subject.in_(spellings(subject)),
    )
    values = {"DailyLimit": daily, "MonthlyLimit": monthly, "UpdatedAt": utc_now()}
    limits_nothing = and_(quotas.c.DailyLimit.is_(None), quotas.c.MonthlyLimit.is_(None))
    change = update(quotas).where(*where, *([limits_nothing] if must_be_new else [])).values(**values)
    if connection.execute(change).rowcount == 0:
        try:
            with connection.begin_nested():
                connection.execute(insert(quotas).values(CompanyID=company_id, Scope=scope, Subject=subject, **values))
        except IntegrityError:  # it stands already
            if connection.execute(change).rowcount == 0:
                raise _taken(connection, where) from None
    quota = quota_of(connection.execute(select(quotas).where(*where).order_by(quotas.c.QuotaID)).all()[0])
    running = _running(connection, quota.quota_id, day)
    periods = (day_period(day), month_period(day))
    lacking = [period for period in periods if period not in running and quota.limit_in(period) is not None]
    make_counters(connection, [Missing(quota, period) for period in lacking])
    for period, counter_id in running.items():
        connection.execute(
            update(counters).where(counters.c.CounterID == counter_id).values(LimitTokens=quota.limit_in(period))
        )
    return quota


def _running(connection: Connection, quota_id: int, day: date) -> dict[str, int]:
    """The counters of the running day and month by their periods, in ascending order of id."""
    rows = connection.execute(
        select(counters.c.Period, counters.c.CounterID)
        .where(counters.c.QuotaID == quota_id, counters.c.Period.in_([day_period(day), month_period(day)]))
        .order_by(counters.c.CounterID)
    )
    return {row.Period: row.CounterID for row in rows}


def delete_quota(connection: Connection, quota: Quota, *, day: date) -> None:
    """Take the limits of a quota away; its counters stay, and go on counting to the end of their periods."""
    hold_company(connection, quota.company_id)
    its_counters = select(counters.c.CounterID).where(counters.c.QuotaID == quota.quota_id).limit(1)
    if connection.execute(its_counters).first() is None:
        connection.execute(delete(quotas).where(quotas.c.QuotaID == quota.quota_id))
        return
    set_quota(
        connection,
        company_id=quota.company_id,
        scope=quota.scope,
        subject=quota.subject,
        limits=(None, None),
        day=day,
    )


def _taken(connection: Connection, where: Sequence[ColumnElement[bool]]) -> AlreadyExists:
    quota = quota_of(connection.execute(select(quotas).where(*where).order_by(quotas.c.QuotaID)).all()[0])
    return AlreadyExists(
        f"This {quota.scope} has a quota already (id {quota.quota_id}). Change that one.",
        details={"quota_id": quota.quota_id},
    )
