"""Budgets: tokens are reserved before a model call and settled to what it cost, so that no limit is ever passed.

``reserve``, ``settle`` and ``release`` work inside the caller's transaction; the store's conditional UPDATEs decide.
A reservation carries everything that its settlement needs, so a booking can also be replayed from a queue by another
process; which counters it moves is looked up when it is settled, because limits are made while calls run. The order of
statements follows :mod:`shared_code.database.stores.lock_order`. The weakness is stated by the promise itself: it holds
as long as a call stays within its bound.
"""

import logging
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from shared_code import errors
from shared_code.database.stores import lock_order
from shared_code.database.stores.keys import token_changes, tokens
from shared_code.database.stores.quotas import period_counters, quotas
from shared_code.database.stores.usage import reservations, usage_rows
from shared_code.metering.bookable import bookable
from shared_code.metering.keys import SOON, are_used_up, bound_that_fits, in_order_of_trial, refusal
from shared_code.periods import day_period, local_day, period_end, zone
from shared_code.records import ApiKey, Caller, Reservation, TokenRequest, Usage, UsageKind, UsageRow

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from zoneinfo import ZoneInfo

    from sqlalchemy import Connection


_log = logging.getLogger(__name__)


class Booked(StrEnum):
    """What a settlement found: the reservation itself, an earlier booking, or one that had to be corrected."""

    SETTLED = "settled"
    ALREADY = "already booked"
    CORRECTED = "corrected"


class Contended(Exception):
    """A conditional UPDATE was refused because another call was quicker."""


class NotCounted(Exception):
    """A limit has no row yet that counts what it limits: make it in a transaction of its own, and reserve again."""

    def __init__(self, caller: Caller, day: date, keys: "Sequence[ApiKey]" = ()) -> None:
        super().__init__(f"a limit on a call of company {caller.company_id} on {day} has no counter")
        self._caller, self._day, self._keys = caller, day, keys

    def begin(self, connection: "Connection") -> None:
        """Make the rows that are lacking. Safe to repeat."""
        period_counters.open_periods(connection, self._caller, self._day)
        for key in self._keys:
            if key.token_id is not None:
                token_changes.ensure_summary(connection, key.token_id, key.total_token_limit)


@dataclass(frozen=True, slots=True)
class Budgets:
    """Reserves and settles tokens on keys and quotas. One for the process; safe for many threads.

    :ivar clock: the moment (aware, UTC) that decides days and periods.
    """

    clock: "Callable[[], datetime]"
    default_zone: str

    def reserve(
        self,
        connection: "Connection",
        request: TokenRequest,
        keys: "Sequence[ApiKey]",
        *,
        time_zone: str | None,
        instead_of: Reservation | None = None,
    ) -> tuple[Reservation, ApiKey]:
        """Set tokens aside on one of ``keys`` (of one provider) and on every quota of the caller.

        :param instead_of: is given back first, if it stands.
        :raises errors.QuotaExceeded: names the limit, what it leaves, what is needed and when it resets.
        :raises errors.ProviderRateLimited: the keys with room are cooling.
        :raises Contended: another call was quicker; roll back and try again with keys read anew.
        :raises NotCounted: roll back, make what is lacking, and try again with keys read anew.
        """
        tz = zone(time_zone, self.default_zone)
        now = self.clock()
        caller, day = request.identity.caller, local_day(now, tz)
        if instead_of is not None:
            self._give_back(connection, instead_of, day)
        counters, missing = quotas.counters_of(connection, caller, day)
        unknown = [key for key in keys if key.token_id is not None and not key.has_summary]
        if missing or unknown:
            raise NotCounted(caller, day, unknown)
        if are_used_up(keys, request.least_bound):
            # Before any limit that resets: to wait for that one would not help.
            raise refusal(request, keys, now.astimezone(UTC).replace(tzinfo=None))
        rooms = [counter.available for counter in counters]
        if bound_that_fits(request, *rooms) is None:
            raise _counter_refusal(request, counters, tz, now)
        key, bound = self._reserve_key(connection, request, keys, rooms=rooms, now=now)
        if not _set_aside(connection, counters, bound):
            raise Contended
        reservation = _reservation(request, key, day, bound)
        lease, known = request.lease_seconds, len(counters)
        if not reservations.insert_reservation(connection, reservation, known=known, lease_seconds=lease):
            raise Contended
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
        if not reservations.delete_reservation(connection, reservation.identity.call_id, reservation.attempt):
            return False
        row = _fit(row)
        usage_rows.insert_usage(connection, row)
        used = row.usage.billable_tokens or 0
        usage_rows.move_sums(connection, reservation, used=used, reserved=-reservation.bound_tokens)
        return True

    def release(self, connection: "Connection", reservation: Reservation) -> bool:
        """Give everything back: the call was not made, or cost nothing. False when the reservation is gone."""
        if not reservations.delete_reservation(connection, reservation.identity.call_id, reservation.attempt):
            return False
        usage_rows.move_sums(connection, reservation, used=0, reserved=-reservation.bound_tokens)
        return True

    def withdraw(self, connection: "Connection", reservation: Reservation) -> bool:
        """Give everything back as :meth:`release` does, also where the sweep has booked the bound meanwhile."""
        if self.release(connection, reservation):
            return True
        swept = usage_rows.booked_tokens(
            connection, reservation.identity.call_id, reservation.attempt, UsageKind.UNMEASURED
        )
        if swept is None:
            return False
        nothing = reservation.usage_row(Usage(total_tokens=0, requests=0), outcome="withdrawn")
        return self._settle_late(connection, reservation, nothing) is Booked.CORRECTED

    def _give_back(self, connection: "Connection", held: Reservation, day: date) -> None:
        """Release what a reservation of ``day`` is to replace, with every row locked in order that both touch."""
        caller = held.identity.caller
        if not reservations.delete_reservation(connection, held.identity.call_id, held.attempt):
            return
        lock_order.hold_company(connection, caller.company_id)
        lock_order.hold_keys(connection, caller.company_id)
        if held.local_day != day:
            days = (held.local_day, day)
            lock_order.hold_counters(
                connection, {i for each in days for i in quotas.counter_ids(connection, caller, each)}
            )
        usage_rows.move_sums(connection, held, used=0, reserved=-held.bound_tokens)

    def _reserve_key(
        self,
        connection: "Connection",
        request: TokenRequest,
        keys: "Sequence[ApiKey]",
        *,
        rooms: list[int | None],
        now: datetime,
    ) -> tuple[ApiKey, int]:
        moment = now.astimezone(UTC).replace(tzinfo=None)
        for key in in_order_of_trial(keys, moment):
            bound = bound_that_fits(request, key.available_tokens, *rooms)
            if bound is None:
                continue
            if key.token_id is None:
                lock_order.hold_company(connection, request.identity.caller.company_id)
                return key, bound
            if not reservations.reserve_on_key(connection, key.token_id, bound):
                raise Contended
            return key, bound
        raise refusal(request, keys, moment)

    def _settle_late(self, connection: "Connection", reservation: Reservation, row: UsageRow) -> Booked:
        row = _fit(row)
        call, attempt = reservation.identity.call_id, reservation.attempt
        if usage_rows.booked_tokens(connection, call, attempt, UsageKind.USAGE) is not None:
            return Booked.ALREADY
        unmeasured = usage_rows.booked_tokens(connection, call, attempt, UsageKind.UNMEASURED)
        if unmeasured is None:
            if not tokens.is_key_of(connection, reservation.token_id, row.identity.caller.company_id):
                # A database that was restored to before the call gives numbers of keys that it does not know out anew.
                reservation, row = replace(reservation, token_id=None), replace(row, token_id=None)
            added = usage_rows.insert_usage_once(connection, row)
            difference = row.usage.billable_tokens or 0
        elif row.kind is UsageKind.UNMEASURED:
            return Booked.ALREADY
        else:
            difference = (row.usage.billable_tokens or 0) - (unmeasured[0] or 0)
            correction = replace(
                row, kind=UsageKind.CORRECTION, usage=replace(row.usage, total_tokens=difference, requests=0)
            )
            added = usage_rows.insert_usage_once(connection, correction)
        if not added:
            return Booked.ALREADY
        usage_rows.move_sums(connection, reservation, used=difference, reserved=0)
        return Booked.CORRECTED


def _reservation(request: TokenRequest, key: "ApiKey", day: date, bound: int) -> Reservation:
    return Reservation(
        identity=request.identity,
        attempt=request.attempt,
        token_id=key.token_id,
        local_day=day,
        provider=key.provider,
        model=request.model,
        bound_tokens=bound,
    )


def _set_aside(connection: "Connection", counters: "Sequence[quotas.Counter]", bound: int) -> bool:
    """Reserve on all counters, given in ascending order of id; False when another call was quicker."""
    ids = [counter.counter_id for counter in counters]
    outdated = [counter for counter in counters if counter.copied_limit != counter.limit]
    if outdated:
        lock_order.hold_counters(connection, ids)
    followed = all(quotas.follow_limit(connection, counter) for counter in outdated)
    return followed and reservations.reserve_on_counters(connection, ids, bound)


def _fit(row: UsageRow) -> UsageRow:
    """The row as every database takes it. Whoever knows what was reported has told of a difference already."""
    made = bookable(row)
    if made.corrections:
        _log.warning("a usage row of call %s is corrected: %s", row.identity.call_id, "; ".join(made.corrections))
    return made.row


def _counter_refusal(
    request: TokenRequest, counters: "Sequence[quotas.Counter]", tz: "ZoneInfo", now: datetime
) -> errors.QuotaExceeded:
    lacking = [counter for counter in counters if not counter.leaves(request.least_bound)]
    # What running requests hold comes back within moments; of limits that are used up the last to reset decides.
    lasting = [counter for counter in lacking if not counter.leaves(request.least_bound, held=counter.reserved)]
    tightest = max(lasting or lacking, key=lambda counter: (period_end(counter.period, tz), -(counter.available or 0)))
    resets = period_end(tightest.period, tz)
    until_reset = max((resets - now).total_seconds(), 1.0)
    kind = "daily" if tightest.period == day_period(local_day(now, tz)) else "monthly"
    owner = f"{tightest.quota.scope} {tightest.quota.subject!r}" if tightest.quota.subject else "your company"
    available = max(tightest.available or 0, 0)
    return errors.QuotaExceeded(
        f"The {kind} limit of {owner} ({tightest.limit} tokens) leaves {available}; "
        f"this document needs at least {request.least_bound}. "
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
            "needed": request.least_bound,
            "resets_at": resets.isoformat().replace("+00:00", "Z"),
        },
        retry_after=until_reset if lasting else min(until_reset, SOON),
    )
