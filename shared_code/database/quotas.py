"""Quotas of a company, branch or user, and their counters: one row per quota and period.

A counter carries a copy of its limit, because the conditional UPDATE that guards it may only read its own row; a
changed quota writes through to the counters of the running periods.
"""

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy import Connection, String, and_, bindparam, delete, insert, literal_column, or_, select, update
from sqlalchemy.exc import IntegrityError

from shared_code.database.clock import utc_now
from shared_code.database.folding import same_company
from shared_code.database.tables import company_settings, quota_counters, quotas
from shared_code.database.usage import tokens_used
from shared_code.periods import day_period, month_period
from shared_code.records import Caller

SCOPES = ("company", "branch", "user")

counters = quota_counters


@dataclass(frozen=True, slots=True)
class Quota:
    """Limits in model tokens; None = no limit. ``subject`` is '' for the company itself."""

    quota_id: int
    company_id: str
    scope: str
    subject: str
    daily_limit: int | None
    monthly_limit: int | None


@dataclass(frozen=True, slots=True)
class Counter:
    """What a quota has used and reserved in one period."""

    counter_id: int
    quota: Quota
    period: str
    limit: int | None
    used: int
    reserved: int

    @property
    def available(self) -> int | None:
        """Tokens that a new reservation can take; None = no limit."""
        return None if self.limit is None else self.limit - self.used - self.reserved

    def leaves(self, tokens: int, *, held: int = 0) -> bool:
        """Whether ``tokens`` fit, once ``held`` of what is reserved has been given back."""
        return self.available is None or self.available + held >= tokens


# Built once: putting a statement together costs more than running it on SQLite.
_MATCHING = (
    select(
        quotas.c.QuotaID,
        quotas.c.CompanyID,
        quotas.c.Scope,
        quotas.c.Subject,
        quotas.c.DailyLimit,
        quotas.c.MonthlyLimit,
        counters.c.CounterID,
        counters.c.Period,
        counters.c.LimitTokens,
        counters.c.UsedTokens,
        counters.c.ReservedTokens,
    )
    .select_from(
        quotas.outerjoin(
            counters,
            and_(
                counters.c.QuotaID == quotas.c.QuotaID,
                or_(counters.c.Period == bindparam("day"), counters.c.Period == bindparam("month")),
            ),
        )
    )
    .where(
        same_company(quotas.c.CompanyID, bindparam("company", type_=String(50))),
        or_(
            quotas.c.Scope == literal_column("'company'"),
            and_(quotas.c.Scope == literal_column("'branch'"), quotas.c.Subject == bindparam("branch")),
            and_(quotas.c.Scope == literal_column("'user'"), quotas.c.Subject == bindparam("user")),
        ),
    )
    .order_by(quotas.c.QuotaID)
)


def open_counters(connection: Connection, caller: Caller, day: date) -> list[Counter]:
    """Counters that a call of ``caller`` on ``day`` must pass, in ascending order of id; missing ones are made."""
    found: list[Counter] = []
    missing: list[tuple[Quota, str, int]] = []
    by_quota: dict[int, tuple[Quota, dict[str, Any]]] = {}
    wanted = {
        "company": caller.company_id,
        # No quota has a blank subject but the company's own.
        "branch": caller.branch or "",
        "user": caller.username or "",
        "day": day_period(day),
        "month": month_period(day),
    }
    for row in connection.execute(_MATCHING, wanted):
        quota, periods = by_quota.setdefault(row.QuotaID, (_quota(row), {}))
        if row.CounterID is not None:
            periods[row.Period] = row
    for quota, periods in by_quota.values():
        for period, limit in ((day_period(day), quota.daily_limit), (month_period(day), quota.monthly_limit)):
            if period in periods:
                found.append(_following(connection, _counter(periods[period], quota), limit))
            elif limit is not None:
                missing.append((quota, period, limit))
    found.extend(_ensure_counter(connection, quota, period, limit) for quota, period, limit in missing)
    return sorted(found, key=lambda counter: counter.counter_id)


def _following(connection: Connection, counter: Counter, limit: int | None) -> Counter:
    """The counter with its quota's limit: one that was changed by SQL reaches the running period here."""
    if counter.limit == limit:
        return counter
    connection.execute(update(counters).where(counters.c.CounterID == counter.counter_id).values(LimitTokens=limit))
    return replace(counter, limit=limit)


def counters_of(connection: Connection, quota: Quota, day: date) -> dict[str, Counter]:
    """Existing counters of one quota for the periods of ``day``, by period name."""
    rows = connection.execute(
        select(counters).where(
            counters.c.QuotaID == quota.quota_id, counters.c.Period.in_([day_period(day), month_period(day)])
        )
    )
    return {row.Period: _counter(row, quota) for row in rows}


def find_quotas(
    connection: Connection, *, company_id: str | None = None, scope: str | None = None, subject: str | None = None
) -> list[Quota]:
    """Quotas that match all given parts, by id."""
    statement = select(quotas).order_by(quotas.c.QuotaID)
    if company_id is not None:
        statement = statement.where(same_company(quotas.c.CompanyID, company_id))
    if scope is not None:
        statement = statement.where(quotas.c.Scope == scope)
    if subject is not None:
        statement = statement.where(quotas.c.Subject == subject)
    return [_quota(row) for row in connection.execute(statement)]


def find_limits(
    connection: Connection, *, company_id: str | None, scope: str | None, after_id: int = 0, limit: int = 100
) -> list[Quota]:
    """Quotas that limit something, in ascending order of id, after ``after_id``."""
    statement = (
        select(quotas)
        .where(quotas.c.QuotaID > after_id, or_(quotas.c.DailyLimit.is_not(None), quotas.c.MonthlyLimit.is_not(None)))
        .order_by(quotas.c.QuotaID)
        .limit(limit)
    )
    if company_id is not None:
        statement = statement.where(same_company(quotas.c.CompanyID, company_id))
    if scope is not None:
        statement = statement.where(quotas.c.Scope == scope)
    return [_quota(row) for row in connection.execute(statement)]


def get_quota(connection: Connection, quota_id: int, *, lock: bool = False) -> Quota | None:
    """One quota; with ``lock`` its row is held until the transaction ends."""
    where = quotas.c.QuotaID == quota_id
    if lock:
        connection.execute(update(quotas).where(where).values(UpdatedAt=quotas.c.UpdatedAt))
    row = connection.execute(select(quotas).where(where)).first()
    return None if row is None else _quota(row)


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
) -> Quota:
    """Create or change a quota (``limits`` = daily, monthly); running periods take the new limit at once.

    What was booked earlier in a period counts against a quota that is made in the middle of it.
    """
    daily, monthly = limits
    where = (same_company(quotas.c.CompanyID, company_id), quotas.c.Scope == scope, quotas.c.Subject == subject)
    values = {"DailyLimit": daily, "MonthlyLimit": monthly, "UpdatedAt": utc_now()}
    if connection.execute(update(quotas).where(*where).values(**values)).rowcount == 0:
        try:
            with connection.begin_nested():
                connection.execute(insert(quotas).values(CompanyID=company_id, Scope=scope, Subject=subject, **values))
        except IntegrityError:  # another operator was quicker: theirs exists, ours is the later word
            connection.execute(update(quotas).where(*where).values(**values))
    quota = _quota(connection.execute(select(quotas).where(*where)).one())
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
            _ensure_counter(connection, quota, period, limit, used=used)
    return quota


def delete_quota(connection: Connection, quota_id: int, *, day: date) -> bool:
    """Take the limits of a quota away; its counters stay for the record. Says whether it existed."""
    found = connection.execute(select(quotas).where(quotas.c.QuotaID == quota_id)).first()
    if found is None:
        return False
    has_counters = connection.execute(
        select(counters.c.CounterID).where(counters.c.QuotaID == quota_id).limit(1)
    ).first()
    if has_counters is None:
        connection.execute(delete(quotas).where(quotas.c.QuotaID == quota_id))
        return True
    row = _quota(found)
    set_quota(
        connection,
        company_id=row.company_id,
        scope=row.scope,
        subject=row.subject,
        limits=(None, None),
        day=day,
    )
    return True


def company_zone(connection: Connection, company_id: str) -> str | None:
    """The company's IANA time zone, or None when it has none of its own."""
    return connection.execute(
        select(company_settings.c.TimeZone).where(same_company(company_settings.c.CompanyID, company_id))
    ).scalar()


def set_company_zone(connection: Connection, company_id: str, time_zone: str) -> None:
    """Store the company's time zone; days and periods turn by it from the next call on."""
    where = same_company(company_settings.c.CompanyID, company_id)
    values = {"TimeZone": time_zone, "UpdatedAt": utc_now()}
    if connection.execute(update(company_settings).where(where).values(**values)).rowcount == 0:
        connection.execute(insert(company_settings).values(CompanyID=company_id, **values))


def _ensure_counter(connection: Connection, quota: Quota, period: str, limit: int, *, used: int = 0) -> Counter:
    values = {"QuotaID": quota.quota_id, "Period": period, "LimitTokens": limit, "UsedTokens": used}
    # A call that runs beside this one may have opened the period already; its row is the one to use.
    with suppress(IntegrityError), connection.begin_nested():
        connection.execute(insert(counters).values(**values))
    row = connection.execute(
        select(counters).where(counters.c.QuotaID == quota.quota_id, counters.c.Period == period)
    ).one()
    return _counter(row, quota)


def _quota(row: Any) -> Quota:
    return Quota(
        quota_id=row.QuotaID,
        company_id=row.CompanyID.upper(),
        scope=row.Scope,
        subject=row.Subject,
        daily_limit=row.DailyLimit,
        monthly_limit=row.MonthlyLimit,
    )


def _counter(row: Any, quota: Quota) -> Counter:
    return Counter(
        counter_id=row.CounterID,
        quota=quota,
        period=row.Period,
        limit=row.LimitTokens,
        used=row.UsedTokens,
        reserved=row.ReservedTokens,
    )
