"""Quotas of a company, branch or user, and their counters: one row per quota and period.

A counter carries a copy of its limit, because the conditional UPDATE that guards it may only read its own row; a
changed quota writes through to the counters of the running periods, and a limit that was changed by SQL reaches them
with the next reservation. Every call moves all counters that exist for its company, branch and user in the day and
month of its LocalDay, whether or not they limit anything at the moment: a counter is right from when it is made
(:mod:`.period_counters`) to the end of its period.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    String,
    and_,
    bindparam,
    func,
    literal_column,
    or_,
    select,
    update,
)

from shared_code.database.company_case import same_company
from shared_code.database.stores.lock_order import hold_company
from shared_code.database.stores.operations.rows_by_age import matching
from shared_code.database.stores.prepared import Prepared
from shared_code.database.stores.quotas.quota_scopes import COMPANY, LABELLED, subjects_of
from shared_code.database.stores.row_records import from_row
from shared_code.database.tables import quota_counters, quotas
from shared_code.labels import composed, spellings
from shared_code.periods import day_period, is_day, month_period
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

    def limit_in(self, period: str) -> int | None:
        """The limit that holds in a period."""
        return self.daily_limit if is_day(period) else self.monthly_limit


@dataclass(frozen=True, slots=True)
class Counter:
    """What a quota has used and reserved in one period.

    ``limit`` is the quota's; ``copied_limit`` is the one that stands in the counter's row, which may be an older one.
    """

    counter_id: int
    quota: Quota
    period: str
    limit: int | None
    used: int
    reserved: int
    copied_limit: int | None

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


#: ends the name of the parameter that holds a subject's decomposed spelling
_DECOMPOSED = "_decomposed"

_OF_CALLER = and_(
    same_company(quotas.c.CompanyID, bindparam("company", type_=String(50))),
    or_(
        _is_scope(COMPANY),
        *(
            and_(
                _is_scope(scope.name),
                # Both spellings: a subject that was typed in by SQL may stand there decomposed.
                quotas.c.Subject.in_([bindparam(scope.name), bindparam(scope.name + _DECOMPOSED)]),
            )
            for scope in LABELLED
        ),
    ),
)
_OF_DAY = and_(
    counters.c.QuotaID == quotas.c.QuotaID,
    or_(counters.c.Period == bindparam("day"), counters.c.Period == bindparam("month")),
)

# Built once: putting a statement together costs more than running it on SQLite.
_MATCHING = Prepared(
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
    .select_from(quotas.outerjoin(counters, _OF_DAY))
    .where(_OF_CALLER)
    .order_by(quotas.c.QuotaID)
)
_EXISTING = select(counters.c.CounterID).select_from(quotas.join(counters, _OF_DAY)).where(_OF_CALLER)
_IDS = Prepared(_EXISTING.order_by(counters.c.CounterID))
#: how many counters exist for a caller and day; takes :func:`counter_parameters`
EXISTING_COUNTERS = _EXISTING.with_only_columns(func.count()).scalar_subquery()


@dataclass(frozen=True, slots=True)
class Missing:
    """A limit that has no counter yet in a period."""

    quota: Quota
    period: str


def counter_parameters(caller: Caller, day: date) -> dict[str, str]:
    """Which counters a call of ``caller`` on ``day`` moves, as parameters of statements."""
    parameters = {"company": caller.company_id, "day": day_period(day), "month": month_period(day)}
    # Only the company's own quota has a blank subject.
    for scope, subject in subjects_of(caller).items():
        *_, decomposed = spellings(subject)
        parameters |= {scope: subject, scope + _DECOMPOSED: decomposed}
    return parameters


def counters_of(connection: Connection, caller: Caller, day: date) -> tuple[list[Counter], list[Missing]]:
    """The counters that a call of ``caller`` on ``day`` moves, in ascending order of id, and those not yet made."""
    found: list[Counter] = []
    missing: list[Missing] = []
    by_quota: dict[int, tuple[Quota, dict[str, Any]]] = {}
    for row in _MATCHING.rows(connection, counter_parameters(caller, day)):
        quota, periods = by_quota.setdefault(row.QuotaID, (quota_of(row), {}))
        if row.CounterID is not None:
            periods[row.Period] = row
    for quota, periods in by_quota.values():
        for period in (day_period(day), month_period(day)):
            if period in periods:
                found.append(_counter(periods[period], quota))
            elif quota.limit_in(period) is not None:
                missing.append(Missing(quota, period))
    return sorted(found, key=lambda counter: counter.counter_id), missing


def counter_ids(connection: Connection, caller: Caller, day: date) -> list[int]:
    """Ids of the counters that a call of ``caller`` on ``day`` moves, in ascending order."""
    return [row.CounterID for row in _IDS.rows(connection, counter_parameters(caller, day))]


def follow_limit(connection: Connection, counter: Counter) -> bool:
    """Give the counter its quota's limit, which was changed by SQL; False when another one has done so meanwhile."""
    copied = counters.c.LimitTokens
    seen = copied.is_(None) if counter.copied_limit is None else copied == counter.copied_limit
    changed = connection.execute(
        update(counters).where(counters.c.CounterID == counter.counter_id, seen).values(LimitTokens=counter.limit)
    )
    return changed.rowcount == 1


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
    statement = matching(select(quotas), {quotas.c.Scope: scope}).order_by(quotas.c.QuotaID)
    if subject is not None:
        statement = statement.where(quotas.c.Subject.in_(spellings(subject)))
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
    """One quota; with ``lock`` nobody else changes the company's quotas until the transaction ends."""
    statement = select(quotas).where(quotas.c.QuotaID == quota_id)
    row = connection.execute(statement).first()
    if row is not None and lock:
        hold_company(connection, row.CompanyID.upper())
        row = connection.execute(statement).first()
    return None if row is None else quota_of(row)


def quota_of(row: Any) -> Quota:
    """The quota of a row."""
    return from_row(Quota, row, company_id=row.CompanyID.upper(), subject=composed(row.Subject))


def _counter(row: Any, quota: Quota) -> Counter:
    return from_row(
        Counter,
        row,
        quota=quota,
        limit=quota.limit_in(row.Period),
        used=row.UsedTokens,
        reserved=row.ReservedTokens,
        copied_limit=row.LimitTokens,
    )
