"""Makes the counter of a limit for a period: with what was booked in it, and what running calls have reserved.

So a limit counts what ran and runs whoever made it, and when: an operator in the middle of a day, somebody who typed it
in by SQL, or a first call after midnight or after the company's time zone was changed. A row belongs to a period when
its LocalDay lies in it, whatever the zone was when the call was made.

The transaction that makes a counter does nothing else that locks rows before. Why it misses no call and counts none
twice is told in :mod:`shared_code.database.stores.lock_order`.
"""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import Connection, insert

from shared_code.database.stores.lock_order import hold_company, hold_keys
from shared_code.database.stores.quotas.quotas import Missing, Quota, counters_of
from shared_code.database.stores.usage.reservations import tokens_reserved
from shared_code.database.stores.usage.usage_rows import tokens_used
from shared_code.database.tables import quota_counters
from shared_code.records import Caller


def open_periods(connection: Connection, caller: Caller, day: date) -> None:
    """Make the counters that limits on a call of ``caller`` on ``day`` still lack. Safe to repeat."""
    hold_company(connection, caller.company_id)
    _, missing = counters_of(connection, caller, day)
    make_counters(connection, missing)


def make_counters(connection: Connection, missing: Sequence[Missing]) -> None:
    """Make counters of one company, whose row is held."""
    if missing:
        hold_keys(connection, missing[0].quota.company_id)
    for one in missing:
        used, reserved = so_far(connection, one.quota, one.period)
        connection.execute(
            insert(quota_counters).values(
                QuotaID=one.quota.quota_id,
                Period=one.period,
                LimitTokens=one.quota.limit_in(one.period),
                UsedTokens=used,
                ReservedTokens=reserved,
            )
        )


def so_far(connection: Connection, quota: Quota, period: str) -> tuple[int, int]:
    """Model tokens that the owner of a quota has used and reserved in a period that has no counter yet."""
    owner = {"company_id": quota.company_id, "scope": quota.scope, "subject": quota.subject, "period": period}
    return tokens_used(connection, **owner), tokens_reserved(connection, **owner)
