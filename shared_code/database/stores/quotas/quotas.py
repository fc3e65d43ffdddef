"""Quotas of a company, branch or user, and their counters: one row per quota and period.

A counter carries a copy of its limit, because the conditional UPDATE that guards it may only read its own row; a
changed quota writes through to the counters of the running periods.
"""

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    String,
    and_,
    bindparam,
    insert,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from shared_code.database.company_case import same_company
from shared_code.database.stores.operations.rows_by_age import matching
from shared_code.database.stores.quotas.quota_scopes import COMPANY, LABELLED, subjects_of
from shared_code.database.stores.row_records import from_row
from shared_code.database.tables import quota_counters, quotas
from shared_code.periods import day_period, month_period
from shared_code.records import Caller

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


def _is_scope(name: str) -> ColumnElement[bool]:
    # A literal of ours, not a parameter: the text of the statement says which scopes there are.
    return quotas.c.Scope == literal_column(f"'{name}'")


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
            _is_scope(COMPANY),
            *(and_(_is_scope(scope.name), quotas.c.Subject == bindparam(scope.name)) for scope in LABELLED),
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
        # Only the company's own quota has a blank subject.
        **subjects_of(caller),
        "day": day_period(day),
        "month": month_period(day),
    }
    for row in connection.execute(_MATCHING, wanted):
        quota, periods = by_quota.setdefault(row.QuotaID, (quota_of(row), {}))
        if row.CounterID is not None:
            periods[row.Period] = row
    for quota, periods in by_quota.values():
        for period, limit in ((day_period(day), quota.daily_limit), (month_period(day), quota.monthly_limit)):
            if period in periods:
                found.append(_following(connection, _counter(periods[period], quota), limit))
            elif limit is not None:
                missing.append((quota, period, limit))
    made = [ensure_counter(connection, quota, period, limit) for quota, period, limit in missing]
    found += [counter for counter in made if counter is not None]
    return sorted(found, key=lambda counter: counter.counter_id)


def _following(connection: Connection, counter: Counter, limit: int | None) -> Counter:
    """The counter with its quota's limit: one that was changed by SQL reaches the running period here."""
    if counter.limit == limit:
        return counter
    connection.execute(update(counters).where(counters.c.CounterID == counter.counter_id).values(LimitTokens=limit))
    return replace(counter, limit=limit)


def counters_in(
    connection: Connection, found: Sequence[Quota], days: Collection[date]
) -> dict[tuple[int, str], Counter]:
    """Existing counters of up to 1,000 quotas for the periods of some days, by quota id and period name."""
    periods = {name for day in days for name in (day_period(day), month_period(day))}
    by_id = {quota.quota_id: quota for quota in found}
    rows = connection.execute(select(counters).where(counters.c.QuotaID.in_(by_id), counters.c.Period.in_(periods)))
    return {(row.QuotaID, row.Period): _counter(row, by_id[row.QuotaID]) for row in rows}


def find_quotas(
    connection: Connection, *, company_id: str | None = None, scope: str | None = None, subject: str | None = None
) -> list[Quota]:
    """Quotas that match all given parts, by id."""
    equal = {quotas.c.Scope: scope, quotas.c.Subject: subject}
    statement = matching(select(quotas), equal).order_by(quotas.c.QuotaID)
    return _of_company(connection, statement, company_id)


def find_limits(
    connection: Connection, *, company_id: str | None, scope: str | None, after_id: int = 0, limit: int = 100
) -> list[Quota]:
    """Quotas that limit something, in ascending order of id, after ``after_id``."""
    limits = or_(quotas.c.DailyLimit.is_not(None), quotas.c.MonthlyLimit.is_not(None))
    statement = matching(select(quotas), {quotas.c.Scope: scope}).where(quotas.c.QuotaID > after_id, limits)
    return _of_company(connection, statement.order_by(quotas.c.QuotaID).limit(limit), company_id)


def _of_company(connection: Connection, statement: Select[Any], company_id: str | None) -> list[Quota]:
    if company_id is not None:
        statement = statement.where(same_company(quotas.c.CompanyID, company_id))
    return [quota_of(row) for row in connection.execute(statement)]


def get_quota(connection: Connection, quota_id: int, *, lock: bool = False) -> Quota | None:
    """One quota; with ``lock`` its row is held until the transaction ends."""
    where = quotas.c.QuotaID == quota_id
    if lock:
        connection.execute(update(quotas).where(where).values(UpdatedAt=quotas.c.UpdatedAt))
    row = connection.execute(select(quotas).where(where)).first()
    return None if row is None else quota_of(row)


def ensure_counter(connection: Connection, quota: Quota, period: str, limit: int, *, used: int = 0) -> Counter | None:
    """The counter of a period, made if need be; None when the quota was taken away meanwhile."""
    values = {"QuotaID": quota.quota_id, "Period": period, "LimitTokens": limit, "UsedTokens": used}
    # A call that runs beside this one may have opened the period already; its row is the one to use.
    with suppress(IntegrityError), connection.begin_nested():
        connection.execute(insert(counters).values(**values))
    row = connection.execute(
        select(counters).where(counters.c.QuotaID == quota.quota_id, counters.c.Period == period)
    ).first()
    return None if row is None else _counter(row, quota)


def quota_of(row: Any) -> Quota:
    """The quota of a row."""
    return from_row(Quota, row, company_id=row.CompanyID.upper())


def _counter(row: Any, quota: Quota) -> Counter:
    return from_row(Counter, row, quota=quota, limit=row.LimitTokens, used=row.UsedTokens, reserved=row.ReservedTokens)
