"""When keys and quotas run out, by what is left and by the pace of the last days.

Days are the company's own, as those of UsageDaily are. What was used since the last run of the timer is in what
remains, but not yet in the pace.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from shared_code.database.stores.keys.tokens import StoredKey
from shared_code.database.stores.operations import company_zones
from shared_code.database.stores.quotas import quotas
from shared_code.database.stores.quotas.quotas import Quota
from shared_code.database.stores.usage import usage_sums
from shared_code.periods import local_day, month_period, zone

if TYPE_CHECKING:
    from sqlalchemy import Connection

#: days, the present one included, whose use makes the pace
PACE_DAYS = 14
#: further ahead a forecast says nothing
_FARTHEST_DAYS = 3650
_LONGEST_MONTH = timedelta(days=31)
#: keys or quotas that one statement names: Azure SQL takes 2,100 parameters
_PAGE = 600


def key_run_out_days(
    connection: "Connection", rows: Sequence[StoredKey], *, now: datetime, default_zone: str
) -> dict[int, date | None]:
    """The day on which each key's limit ends, by token id; None as in :func:`run_out_day`.

    One statement for each day that it is somewhere at the moment: at most three.

    :param now: aware, UTC.
    """
    zones = {name: local_day(now, zone(name, default_zone)) for name in {row.time_zone for row in rows}}
    ends: dict[int, date | None] = {}
    for today in set(zones.values()):
        own = [row for row in rows if zones[row.time_zone] == today]
        used = usage_sums.use_since_first_day(
            connection,
            first=today - timedelta(days=PACE_DAYS - 1),
            last=today,
            token_ids=[row.token_id for row in own] if len(own) <= _PAGE else None,
        )
        for row in own:
            remaining = row.remaining_tokens if row.has_summary else row.total_token_limit
            ends[row.token_id] = run_out_day(remaining, used.get(row.token_id, {}), today=today)
    return ends


def quota_run_out_days(
    connection: "Connection", found: Sequence[Quota], *, now: datetime, default_zone: str
) -> dict[int, date]:
    """The days on which monthly limits end before their months do, by quota id; those that last have no entry.

    Up to five statements for each page of quotas.

    :param now: aware, UTC.
    """
    limited = [quota for quota in found if quota.monthly_limit is not None]
    ends: dict[int, date] = {}
    for start in range(0, len(limited), _PAGE):
        ends |= _page_run_out_days(connection, limited[start : start + _PAGE], now, default_zone)
    return ends


def _page_run_out_days(
    connection: "Connection", page: Sequence[Quota], now: datetime, default_zone: str
) -> dict[int, date]:
    names = company_zones.company_zones(connection, {quota.company_id for quota in page})
    days = {quota.company_id: local_day(now, zone(names.get(quota.company_id), default_zone)) for quota in page}
    counters = quotas.counters_in(connection, page, set(days.values()))
    owners = {(quota.company_id, quota.scope, quota.subject) for quota in page}
    used = usage_sums.tokens_per_day_of(connection, owners, since=min(days.values()) - timedelta(days=PACE_DAYS))
    ends = {}
    for quota in page:
        today = days[quota.company_id]
        counter = counters.get((quota.quota_id, month_period(today)))
        day = run_out_day(
            (quota.monthly_limit or 0) - (counter.used if counter else 0),
            used.get((quota.company_id, quota.scope, quota.subject), {}),
            today=today,
            resets_on=(today.replace(day=1) + _LONGEST_MONTH).replace(day=1),
        )
        if day is not None:
            ends[quota.quota_id] = day
    return ends


def run_out_day(
    remaining: int | None, tokens_per_day: Mapping[date, int], *, today: date, resets_on: date | None = None
) -> date | None:
    """The day on which ``remaining`` tokens end; None when they do not (no limit, no use, or a reset comes before).

    A key that is younger than the window is measured from its first use on.

    :param tokens_per_day: use by local day; days outside the last 14 do not count.
    :param today: the day on which ``remaining`` was read, by the same calendar.
    :param resets_on: the first day on which the limit is whole again (a quota's next period), None for a key.
    """
    if remaining is None:
        return None
    if remaining <= 0:
        return today
    first = today - timedelta(days=PACE_DAYS - 1)
    window = {day: tokens for day, tokens in tokens_per_day.items() if first <= day <= today and tokens > 0}
    if not window:
        return None
    days = (today - min(window)).days + 1
    days_left = remaining * days // sum(window.values())
    if days_left > _FARTHEST_DAYS:
        return None
    ends = today + timedelta(days=days_left)
    return None if resets_on is not None and ends >= resets_on else ends
