"""How quotas stand: their limits with what the running day and month have used."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from shared_code.database.stores.operations import company_zones
from shared_code.database.stores.quotas import quotas
from shared_code.database.stores.quotas.quotas import Counter, Quota
from shared_code.periods import day_period, local_day, month_period, period_end, zone

if TYPE_CHECKING:
    from sqlalchemy import Connection


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


def read_states(
    connection: "Connection", found: Sequence[Quota], *, now: datetime, default_zone: str
) -> list[QuotaState]:
    """How up to 1,000 quotas stand, in their order. Two statements, however many they are.

    :param now: the moment (aware, UTC), which decides the running day and month of a company.
    """
    names = company_zones.company_zones(connection, {quota.company_id for quota in found})
    zones = {quota.company_id: zone(names.get(quota.company_id), default_zone) for quota in found}
    days = {company: local_day(now, tz) for company, tz in zones.items()}
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
