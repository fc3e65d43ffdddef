"""What operators do to quotas, over the API and the command line alike: each change with its audit row."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from shared_code.database.stores import company_zones, quota_changes, quotas
from shared_code.database.stores.admin_audit import Actor, add_audit
from shared_code.database.stores.quotas import Counter, Quota
from shared_code.database.stores.token_fields import MAX_TOKENS, checked_amount, checked_company, checked_text
from shared_code.errors import ChangedMeanwhile, Conflict, InvalidRequest, NotFound
from shared_code.periods import day_period, local_day, month_period, period_end, zone

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from shared_code.database.connection import Database

_SUBJECT_LENGTHS = {"company": 0, "branch": 50, "user": 100}


@dataclass(frozen=True, slots=True)
class QuotaState:
    """A quota with what its running day and month have used; counters are None while nothing was asked of them."""

    quota: Quota
    daily: Counter | None
    monthly: Counter | None
    day_ends: datetime
    month_ends: datetime


def quota_facts(state: QuotaState) -> dict[str, Any]:
    """What people are shown of a quota. Amounts are model tokens; moments are aware, UTC."""
    quota = state.quota
    return {
        "quota_id": quota.quota_id,
        "company_id": quota.company_id,
        "scope": quota.scope,
        "subject": quota.subject or None,
        "daily_limit": quota.daily_limit,
        "monthly_limit": quota.monthly_limit,
        "daily_used": state.daily.used if state.daily else 0,
        "daily_reserved": state.daily.reserved if state.daily else 0,
        "monthly_used": state.monthly.used if state.monthly else 0,
        "monthly_reserved": state.monthly.reserved if state.monthly else 0,
        "daily_resets_at": state.day_ends,
        "monthly_resets_at": state.month_ends,
    }


def version_of(quota: Quota) -> str:
    """A name for a quota's limits: it is another one after each change."""
    facts = [quota.quota_id, quota.daily_limit, quota.monthly_limit]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]


class QuotaAdministration:
    """Sets, resets and takes away quotas.

    :param clock: the moment (aware, UTC), which decides the running day and month of a company.
    """

    def __init__(
        self,
        database: "Database",
        *,
        default_zone: str,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._default_zone = default_zone
        self._clock = clock

    def get(self, quota_id: int) -> QuotaState:
        """One quota. Raises :class:`NotFound`."""
        return self._database.read(lambda connection: self._state(connection, _found(connection, quota_id)))

    def page(self, *, company_id: str | None, scope: str | None, after_id: int, limit: int) -> list[QuotaState]:
        """Quotas in ascending order of id, after ``after_id``."""

        def work(connection: "Connection") -> list[QuotaState]:
            found = quotas.find_limits(connection, company_id=company_id, scope=scope, after_id=after_id, limit=limit)
            return self._states(connection, found)

        return self._database.read(work)

    def put(
        self,
        *,
        company_id: str,
        scope: str,
        subject: str | None,
        limits: tuple[int | None, int | None],
        actor: Actor,
        must_be_new: bool = False,
    ) -> QuotaState:
        """Make a quota, or change its limits (daily, monthly).

        :raises InvalidRequest: a value is malformed. :raises AlreadyExists: ``must_be_new`` and there is one.
        """
        company, named = checked_company(company_id), checked_subject(scope, subject)
        _check_limits(limits)

        def work(connection: "Connection") -> QuotaState:
            earlier = quotas.find_quotas(connection, company_id=company, scope=scope, subject=named)
            standing = [quota for quota in earlier if not _empty(quota)]
            known = standing[0] if standing else None
            return self._store(connection, (company, scope, named), limits, actor, known, must_be_new=must_be_new)

        return self._database.run(work)

    def change(
        self,
        quota_id: int,
        actor: Actor,
        *,
        limits: Callable[[Quota], tuple[int | None, int | None]],
        if_version: Callable[[str], bool] | None = None,
    ) -> QuotaState:
        """Change the limits of a quota to what ``limits`` makes of it.

        :raises NotFound, InvalidRequest: there is no such quota; a value is malformed.
        :raises Conflict: no limit would be left.
        :raises ChangedMeanwhile: ``if_version`` says no to the current version.
        """

        def work(connection: "Connection") -> QuotaState:
            quota = _held(connection, quota_id, if_version)
            wanted = limits(quota)
            if wanted == (None, None):
                raise Conflict(
                    "This would leave no limit. To end a quota, delete it.", details={"field": "daily_limit"}
                )
            _check_limits(wanted)
            return self._store(connection, (quota.company_id, quota.scope, quota.subject), wanted, actor, quota)

        return self._database.run(work)

    def reset(self, quota_id: int, actor: Actor, *, if_version: Callable[[str], bool] | None = None) -> QuotaState:
        """Forget what the running day and month have used; usage rows stay.

        :raises NotFound: there is no such quota. :raises ChangedMeanwhile: see :meth:`change`.
        """

        def work(connection: "Connection") -> QuotaState:
            quota = _held(connection, quota_id, if_version)
            before = self._state(connection, quota)
            quota_changes.reset_counters(connection, quota_id, day=self._today(connection, quota.company_id))
            after = self._state(connection, quota)
            _audit(connection, actor, "quota.reset", before, after)
            return after

        return self._database.run(work)

    def delete(self, quota_id: int, actor: Actor, *, if_version: Callable[[str], bool] | None = None) -> None:
        """Take the limits away.

        :raises NotFound: there is no such quota. :raises ChangedMeanwhile: see :meth:`change`.
        """

        def work(connection: "Connection") -> None:
            quota = _held(connection, quota_id, if_version)
            before = self._state(connection, quota)
            quota_changes.delete_quota(connection, quota_id, day=self._today(connection, quota.company_id))
            _audit(connection, actor, "quota.delete", before, None)

        self._database.run(work)

    def _store(
        self,
        connection: "Connection",
        owner: tuple[str, str, str],
        limits: tuple[int | None, int | None],
        actor: Actor,
        earlier: Quota | None,
        *,
        must_be_new: bool = False,
    ) -> QuotaState:
        before = self._state(connection, earlier) if earlier else None
        company, scope, subject = owner
        stored = quota_changes.set_quota(
            connection,
            company_id=company,
            scope=scope,
            subject=subject,
            limits=limits,
            day=self._today(connection, company),
            must_be_new=must_be_new,
        )
        after = self._state(connection, stored)
        _audit(connection, actor, "quota.change" if before else "quota.add", before, after)
        return after

    def _today(self, connection: "Connection", company_id: str) -> date:
        return local_day(self._clock(), zone(company_zones.company_zone(connection, company_id), self._default_zone))

    def _state(self, connection: "Connection", quota: Quota) -> QuotaState:
        return self._states(connection, [quota])[0]

    def _states(self, connection: "Connection", found: Sequence[Quota]) -> list[QuotaState]:
        """Two statements, however many they are (up to a page)."""
        names = company_zones.company_zones(connection, {quota.company_id for quota in found})
        zones = {quota.company_id: zone(names.get(quota.company_id), self._default_zone) for quota in found}
        days = {company: local_day(self._clock(), tz) for company, tz in zones.items()}
        counters = quotas.counters_in(connection, found, set(days.values()))
        states = []
        for quota in found:
            day, tz = days[quota.company_id], zones[quota.company_id]
            daily, monthly = day_period(day), month_period(day)
            states.append(
                QuotaState(
                    quota,
                    counters.get((quota.quota_id, daily)),
                    counters.get((quota.quota_id, monthly)),
                    period_end(daily, tz),
                    period_end(monthly, tz),
                )
            )
        return states


def checked_subject(scope: str, subject: str | None) -> str:
    """The branch or user as it is stored; '' for the company itself. Raises :class:`InvalidRequest`."""
    if scope not in quotas.SCOPES:
        raise InvalidRequest(f"scope must be one of {', '.join(quotas.SCOPES)}.", details={"field": "scope"})
    named = checked_text("subject", subject, max(_SUBJECT_LENGTHS[scope], 1)) or ""
    if (scope == "company") == bool(named):
        raise InvalidRequest(
            "subject must be empty for a company, and name the branch or user otherwise.", details={"field": "subject"}
        )
    return named


def _check_limits(limits: tuple[int | None, int | None]) -> None:
    if limits == (None, None):
        raise InvalidRequest(
            "Give daily_limit or monthly_limit; to end a quota, delete it.", details={"field": "daily_limit"}
        )
    checked_amount("daily_limit", limits[0], MAX_TOKENS)
    checked_amount("monthly_limit", limits[1], MAX_TOKENS)


def _found(connection: "Connection", quota_id: int, *, lock: bool = False) -> Quota:
    quota = quotas.get_quota(connection, quota_id, lock=lock)
    if quota is None or _empty(quota):
        raise NotFound(f"There is no quota {quota_id}.", details={"field": "quota_id"})
    return quota


def _held(connection: "Connection", quota_id: int, if_version: Callable[[str], bool] | None) -> Quota:
    """The quota, for a change, in the version that the operator saw."""
    quota = _found(connection, quota_id, lock=True)
    if if_version is not None and not if_version(version_of(quota)):
        raise ChangedMeanwhile
    return quota


def _empty(quota: Quota) -> bool:
    """A deleted quota that keeps its counters for the record."""
    return quota.daily_limit is None and quota.monthly_limit is None


def _audit(
    connection: "Connection", actor: Actor, action: str, before: QuotaState | None, after: QuotaState | None
) -> None:
    known = after or before
    add_audit(
        connection,
        actor,
        action,
        f"quota {known.quota.quota_id}" if known else None,
        before=quota_facts(before) if before else None,
        after=quota_facts(after) if after else None,
    )
