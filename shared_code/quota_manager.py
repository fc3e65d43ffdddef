"""Budgets: tokens are reserved before a model call and settled to what it cost, so that no limit is ever passed.

``reserve``, ``settle`` and ``release`` work inside the caller's transaction; the store's conditional UPDATEs decide.
A reservation carries everything that its settlement needs, so a booking can also be replayed from a queue by another
process. The weakness is stated by the promise itself: it holds as long as a call stays within its bound.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from enum import StrEnum
from typing import TYPE_CHECKING

from shared_code import defaults, errors
from shared_code.database.stores import company_zones, quotas, reservations, tokens, usage
from shared_code.metering import key_selection
from shared_code.metering.booking import usage_row
from shared_code.periods import day_period, local_day, month_period, period_end, zone
from shared_code.records import ApiKey, Order, Reservation, Usage, UsageKind, UsageRow

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from zoneinfo import ZoneInfo

    from sqlalchemy import Connection

    from shared_code.database.connection import Database


class Booked(StrEnum):
    """What a settlement found: the reservation itself, an earlier booking, or one that had to be corrected."""

    SETTLED = "settled"
    ALREADY = "already booked"
    CORRECTED = "corrected"


class Contended(Exception):
    """A conditional UPDATE was refused because another call was quicker."""


@dataclass(frozen=True, slots=True)
class UserQuota:
    """A user's limits and use in model tokens; None = no limit. ``last_reset`` is when the running day began (UTC)."""

    user_id: str
    company_id: str | None
    daily_limit: int | None
    daily_used: int
    monthly_limit: int | None
    monthly_used: int
    last_reset: datetime


class QuotaManager:
    """Reserves and settles tokens on keys and quotas, and answers what is left.

    :param database: None means the default instance, so that ``QuotaManager()`` works as the seed shows.
    :param clock: the moment (aware, UTC) that decides days and periods.
    """

    def __init__(
        self,
        database: "Database | None" = None,
        *,
        clock: "Callable[[], datetime]" = lambda: datetime.now(UTC),
        default_zone: str = "UTC",
    ) -> None:
        if database is None:
            ours = defaults.default_services().quota_manager
            database, clock, default_zone = ours.database, ours.clock, ours.default_zone
        self.database: Database = database
        self.clock = clock
        self.default_zone = default_zone

    def reserve(
        self, connection: "Connection", order: Order, keys: "Sequence[ApiKey]", *, time_zone: str | None
    ) -> tuple[Reservation, ApiKey]:
        """Set tokens aside on one of ``keys`` (of one provider) and on every quota of the caller.

        :raises errors.QuotaExceeded: names the limit, what it leaves, what is needed and when it resets.
        :raises errors.ProviderRateLimited: the keys with room are cooling.
        :raises Contended: another call was quicker; roll back and try again with keys read anew.
        """
        tz = zone(time_zone, self.default_zone)
        now = self.clock()
        day = local_day(now, tz)
        counters = quotas.open_counters(connection, order.caller, day)
        rooms = [counter.available for counter in counters]
        if key_selection.bound_that_fits(order, *rooms) is None:
            raise _counter_refusal(order, counters, tz, now)
        key, bound = self._reserve_key(connection, order, keys, rooms=rooms, now=now)
        for counter in counters:
            if not reservations.reserve_on_counter(connection, counter.counter_id, bound):
                raise Contended
        reservation = Reservation(
            call_id=order.call_id,
            attempt=order.attempt,
            token_id=key.token_id,
            caller=order.caller,
            local_day=day,
            provider=key.provider,
            model=order.model,
            source=order.source,
            bound_tokens=bound,
            counter_ids=tuple(counter.counter_id for counter in counters),
            request_id=order.request_id,
            document_sha256=order.document_sha256,
        )
        reservations.insert_reservation(connection, reservation, lease_seconds=order.lease_seconds)
        return reservation, key

    def settle(self, connection: "Connection", reservation: Reservation, row: UsageRow) -> Booked:
        """Book ``row`` against its reservation; safe to repeat. Whoever removes the reservation moves the sums.

        A reservation that the sweep ended meanwhile leaves an ``unmeasured`` row; measured usage that turns up later
        is added as a ``correction`` with the difference.
        """
        if self.end(connection, reservation, row):
            return Booked.SETTLED
        return self._settle_late(connection, reservation, row)

    def end(self, connection: "Connection", reservation: Reservation, row: UsageRow) -> bool:
        """Turn a standing reservation into ``row``; False, and nothing done, when it does not stand any more."""
        if not reservations.delete_reservation(connection, reservation.call_id, reservation.attempt):
            return False
        usage.insert_usage(connection, row)
        self._move(connection, reservation, used=row.usage.billable_tokens or 0, reserved=-reservation.bound_tokens)
        return True

    def release(self, connection: "Connection", reservation: Reservation) -> bool:
        """Give everything back: the call was not made, or cost nothing. False when the reservation is gone."""
        if not reservations.delete_reservation(connection, reservation.call_id, reservation.attempt):
            return False
        self._move(connection, reservation, used=0, reserved=-reservation.bound_tokens)
        return True

    def withdraw(self, connection: "Connection", reservation: Reservation) -> bool:
        """Give everything back as :meth:`release` does, also where the sweep has booked the bound meanwhile."""
        if self.release(connection, reservation):
            return True
        swept = usage.booked_tokens(connection, reservation.call_id, reservation.attempt, UsageKind.UNMEASURED)
        if swept is None:
            return False
        nothing = usage_row(reservation, Usage(total_tokens=0, requests=0), outcome="withdrawn")
        return self._settle_late(connection, reservation, nothing) is Booked.CORRECTED

    def get_user_quota(self, user_id: str, company_id: str | None = None) -> UserQuota:
        """The limits and use of a user.

        :raises errors.InvalidRequest: the user id is known in several companies and ``company_id`` is not given.
        """
        company = company_id.upper() if company_id else None
        return self.database.read(lambda connection: self._user_quota(connection, user_id, company))

    def has_sufficient_quota(self, user_id: str, tokens: int, company_id: str | None = None) -> bool:
        """Whether ``tokens`` more would pass neither of the user's limits. Only ``reserve`` can promise it."""
        found = self.get_user_quota(user_id, company_id)
        day_fits = found.daily_limit is None or found.daily_used + tokens <= found.daily_limit
        month_fits = found.monthly_limit is None or found.monthly_used + tokens <= found.monthly_limit
        return day_fits and month_fits

    def _reserve_key(
        self,
        connection: "Connection",
        order: Order,
        keys: "Sequence[ApiKey]",
        *,
        rooms: list[int | None],
        now: datetime,
    ) -> tuple[ApiKey, int]:
        moment = now.astimezone(UTC).replace(tzinfo=None)
        contended = False
        for key in key_selection.in_order_of_trial(keys, moment):
            bound = key_selection.bound_that_fits(order, key.available_tokens, *rooms)
            if bound is None:
                continue
            if key.token_id is None:
                return key, bound
            if not key.has_summary:
                tokens.ensure_summary(connection, key.token_id, key.total_token_limit)
            if reservations.reserve_on_key(connection, key.token_id, bound):
                return key, bound
            contended = True
        if contended:
            raise Contended
        raise key_selection.refusal(order, keys, moment)

    def _settle_late(self, connection: "Connection", reservation: Reservation, row: UsageRow) -> Booked:
        call, attempt = reservation.call_id, reservation.attempt
        if usage.booked_tokens(connection, call, attempt, UsageKind.USAGE) is not None:
            return Booked.ALREADY
        unmeasured = usage.booked_tokens(connection, call, attempt, UsageKind.UNMEASURED)
        if unmeasured is None:
            added = usage.insert_usage_once(connection, row)
            difference = row.usage.billable_tokens or 0
        elif row.kind is UsageKind.UNMEASURED:
            return Booked.ALREADY
        else:
            difference = (row.usage.billable_tokens or 0) - (unmeasured[0] or 0)
            correction = replace(
                row, kind=UsageKind.CORRECTION, usage=replace(row.usage, total_tokens=difference, requests=0)
            )
            added = usage.insert_usage_once(connection, correction)
        if not added:
            return Booked.ALREADY
        self._move(connection, reservation, used=difference, reserved=0)
        return Booked.CORRECTED

    def _move(self, connection: "Connection", reservation: Reservation, *, used: int, reserved: int) -> None:
        if reservation.token_id is not None:
            usage.add_to_summary(connection, reservation.token_id, used=used, reserved=reserved)
        usage.add_to_counters(connection, reservation.counter_ids, used=used, reserved=reserved)

    def _user_quota(self, connection: "Connection", user_id: str, company: str | None) -> UserQuota:
        every = quotas.find_quotas(connection, company_id=company, scope="user", subject=user_id)
        # One that was taken away keeps its row for its counters, and makes nothing ambiguous.
        found = [quota for quota in every if (quota.daily_limit, quota.monthly_limit) != (None, None)] or every[:1]
        if len(found) > 1:
            companies = ", ".join(quota.company_id for quota in found)
            raise errors.InvalidRequest(
                f"User {user_id!r} has quotas in several companies ({companies}); say which by company_id.",
                details={"field": "company_id"},
            )
        company = found[0].company_id if found else company
        tz = zone(company_zones.company_zone(connection, company) if company else None, self.default_zone)
        day = local_day(self.clock(), tz)
        counters = quotas.counters_of(connection, found[0], day) if found else {}
        daily, monthly = counters.get(day_period(day)), counters.get(month_period(day))
        return UserQuota(
            user_id=user_id,
            company_id=company,
            daily_limit=found[0].daily_limit if found else None,
            daily_used=daily.used + daily.reserved if daily else 0,
            monthly_limit=found[0].monthly_limit if found else None,
            monthly_used=monthly.used + monthly.reserved if monthly else 0,
            last_reset=datetime.combine(day, time.min, tzinfo=tz).astimezone(UTC),
        )


def _counter_refusal(
    order: Order, counters: "Sequence[quotas.Counter]", tz: "ZoneInfo", now: datetime
) -> errors.QuotaExceeded:
    lacking = [counter for counter in counters if not counter.leaves(order.least_bound)]
    # What running requests hold comes back within moments; of limits that are used up the last to reset decides.
    lasting = [counter for counter in lacking if not counter.leaves(order.least_bound, held=counter.reserved)]
    tightest = max(lasting or lacking, key=lambda counter: (period_end(counter.period, tz), -(counter.available or 0)))
    resets = period_end(tightest.period, tz)
    until_reset = max((resets - now).total_seconds(), 1.0)
    kind = "daily" if tightest.period == day_period(local_day(now, tz)) else "monthly"
    owner = f"{tightest.quota.scope} {tightest.quota.subject!r}" if tightest.quota.subject else "your company"
    available = max(tightest.available or 0, 0)
    return errors.QuotaExceeded(
        f"The {kind} limit of {owner} ({tightest.limit} tokens) leaves {available}; "
        f"this document needs at least {order.least_bound}. "
        + ("" if lasting else "Running requests hold the rest and free what they do not use. ")
        + f"It resets at {resets:%Y-%m-%dT%H:%M:%SZ}.",
        details={
            "scope": tightest.quota.scope,
            "subject": tightest.quota.subject or None,
            "period": kind,
            "limit": tightest.limit,
            "used": tightest.used,
            "reserved": tightest.reserved,
            "available": available,
            "needed": order.least_bound,
            "resets_at": resets.isoformat().replace("+00:00", "Z"),
        },
        retry_after=until_reset if lasting else min(until_reset, key_selection.SOON),
    )
