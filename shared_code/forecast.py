"""When keys and quotas run out, read from the database: the arithmetic is in ``run_out``.

Days are the company's own, as those of UsageDaily are. What was used since the last run of the timer is in what
remains, but not yet in the pace.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from shared_code.database import quotas, usage_sums
from shared_code.database.quotas import Quota
from shared_code.database.tokens import ApiKeyRow
from shared_code.periods import local_day, month_period, zone
from shared_code.run_out import PACE_DAYS, run_out_day

if TYPE_CHECKING:
    from sqlalchemy import Connection

_LONGEST_MONTH = timedelta(days=31)


def key_run_out_days(
    connection: "Connection", rows: Sequence[ApiKeyRow], *, now: datetime, default_zone: str
) -> dict[int, date | None]:
    """The day on which each key's limit ends, by token id; None as in :func:`run_out_day`. One statement for all.

    :param now: aware, UTC.
    """
    # A day more than the window: somewhere it is yesterday still.
    since = now.date() - timedelta(days=PACE_DAYS)
    only = rows[0].token_id if len(rows) == 1 else None
    used = usage_sums.tokens_per_day_by_key(connection, since=since, token_id=only)
    return {
        row.token_id: run_out_day(
            row.remaining_tokens if row.has_summary else row.total_token_limit,
            used.get(row.token_id, {}),
            today=local_day(now, zone(row.time_zone, default_zone)),
        )
        for row in rows
    }


def quota_run_out_day(connection: "Connection", quota: Quota, *, now: datetime, default_zone: str) -> date | None:
    """The day on which a monthly limit ends before its month does; None when it lasts, or there is none."""
    if quota.monthly_limit is None:
        return None
    today = local_day(now, zone(quotas.company_zone(connection, quota.company_id), default_zone))
    counter = quotas.counters_of(connection, quota, today).get(month_period(today))
    used = usage_sums.tokens_per_day_of(
        connection,
        company_id=quota.company_id,
        scope=quota.scope,
        subject=quota.subject,
        since=today - timedelta(days=PACE_DAYS),
    )
    return run_out_day(
        quota.monthly_limit - (counter.used if counter else 0),
        used,
        today=today,
        resets_on=(today.replace(day=1) + _LONGEST_MONTH).replace(day=1),
    )
