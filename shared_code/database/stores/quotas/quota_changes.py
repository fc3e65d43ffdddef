"""Changes of quotas by operators: limits set and taken away, counters reset. Running periods take part at once."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from shared_code.database.clock import utc_now
from shared_code.database.company_case import same_company
from shared_code.database.stores.quotas.quotas import Quota, ensure_counter, quota_of
from shared_code.database.stores.usage.usage_rows import tokens_used
from shared_code.database.tables import quota_counters, quotas
from shared_code.errors import AlreadyExists
from shared_code.periods import day_period, month_period

counters = quota_counters


def reset_counters(connection: Connection, quota_id: int, *, day: date) -> int:
    """Forget what the running day and month have used; what is reserved stays. Returns how many counters."""
    return connection.execute(
        update(counters)
        .where(counters.c.QuotaID == quota_id, counters.c.Period.in_([day_period(day), month_period(day)]))
        .values(UsedTokens=0)
    ).rowcount


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

    What was booked earlier in a period counts against a quota that is made in the middle of it.

    :raises AlreadyExists: ``must_be_new``, and there is one that limits something.
    """
    daily, monthly = limits
    where = (same_company(quotas.c.CompanyID, company_id), quotas.c.Scope == scope, quotas.c.Subject == subject)
    values = {"DailyLimit": daily, "MonthlyLimit": monthly, "UpdatedAt": utc_now()}
    limits_nothing = and_(quotas.c.DailyLimit.is_(None), quotas.c.MonthlyLimit.is_(None))
    change = update(quotas).where(*where, *([limits_nothing] if must_be_new else [])).values(**values)
    if connection.execute(change).rowcount == 0:
        try:
            with connection.begin_nested():
                connection.execute(insert(quotas).values(CompanyID=company_id, Scope=scope, Subject=subject, **values))
        except IntegrityError:  # another operator has just made it; this change is the later one
            if connection.execute(change).rowcount == 0:
                raise _taken(connection, where) from None
    quota = quota_of(connection.execute(select(quotas).where(*where)).one())
    for period, limit, first_day in (
        (day_period(day), daily, day),
        (month_period(day), monthly, day.replace(day=1)),
    ):
        changed = connection.execute(
            update(counters)
            .where(counters.c.QuotaID == quota.quota_id, counters.c.Period == period)
            .values(LimitTokens=limit)
        )
        if changed.rowcount == 0 and limit is not None:
            used = tokens_used(connection, company_id=company_id, scope=scope, subject=subject, days=(first_day, day))
            ensure_counter(connection, quota, period, limit, used=used)
    return quota


def delete_quota(connection: Connection, quota: Quota, *, day: date) -> None:
    """Take the limits of a quota away; its counters stay for the record."""
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
    quota = quota_of(connection.execute(select(quotas).where(*where)).one())
    return AlreadyExists(
        f"This {quota.scope} has a quota already (id {quota.quota_id}). Change that one.",
        details={"quota_id": quota.quota_id},
    )
