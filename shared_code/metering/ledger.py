"""Claims, reservations and bookings of one run, each as one unit of work against the database.

Nothing here talks to a model. The order of statements is the contract: a claim comes first, so that a second run finds
it; a settlement starts with the removal of its reservation, so that only one settler moves the sums; the result is
stored in the same transaction as the booking, before the answer leaves.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from shared_code.database.connection import repeatable
from shared_code.database.stores import alerts, extractions, reservations
from shared_code.database.stores.extractions import Claim, ClaimRequest, Finished
from shared_code.errors import DatabaseUnavailable, InternalError, QuotaExceeded, ServiceError
from shared_code.metering.booking import Booking
from shared_code.operations.alerts import announce
from shared_code.quota_manager import Booked, Contended, QuotaManager
from shared_code.records import Alert, ApiKey, Order, Reservation

if TYPE_CHECKING:
    from shared_code.database.connection import Database
    from shared_code.metering.outbox import Outbox

_log = logging.getLogger(__name__)

#: runs of one reservation that lost a race for the same key or quota
_CONTENDED_TRIES = 20


class ClaimTaken(Exception):
    """Another run claims the document."""


class Ledger:
    """Writes the accounts of runs. One for the process; every method is one transaction."""

    def __init__(self, database: "Database", quota_manager: QuotaManager, outbox: "Outbox | None") -> None:
        self._database = database
        self._quotas = quota_manager
        self._outbox = outbox

    def open(
        self,
        order: Order,
        keys: Callable[[], Sequence[ApiKey]],
        *,
        time_zone: str | None,
        claim: ClaimRequest,
        taken_over: Claim | None = None,
        force: bool = False,
    ) -> tuple[Reservation, ApiKey]:
        """Claim the document and reserve its bound, both or neither.

        :param keys: candidates of one provider; asked again after each lost race.
        :param taken_over: the claim that this run replaces (its lease ended, or ``force``).
        :raises ClaimTaken: another run has it.
        :raises errors.QuotaExceeded, errors.ProviderRateLimited: see :meth:`QuotaManager.reserve`.
        """

        def first(connection: Connection) -> None:
            if taken_over is None:
                try:
                    extractions.insert_claim(connection, claim)
                except IntegrityError as error:
                    raise ClaimTaken from error
            elif not extractions.take_over_claim(connection, claim, previous=taken_over, even_done=force):
                raise ClaimTaken

        return self._reserve(first, order, keys, time_zone=time_zone, claim_key=claim.key)

    def reserve_again(
        self,
        order: Order,
        keys: Callable[[], Sequence[ApiKey]],
        *,
        time_zone: str | None,
        instead_of: Reservation | None = None,
    ) -> tuple[Reservation, ApiKey]:
        """Reserve for another call of the same run, under another attempt number.

        ``instead_of`` is given back in the same transaction; a refusal leaves it as it is.
        """

        def first(connection: Connection) -> None:
            if instead_of is not None:
                self._quotas.release(connection, instead_of)

        return self._reserve(first, order, lambda: _given_back(keys(), instead_of), time_zone=time_zone)

    def book(
        self,
        booking: Booking,
        *,
        finish: Callable[[Connection | None], Finished] | None = None,
        budget_seconds: float,
    ) -> Booked | None:
        """Settle a billed call; None when it went to the outbox, or as a last resort into the log.

        :param finish: makes the result that is stored with the claim, inside the transaction; it is called without a
            connection when the database is away.
        """
        made: list[Finished] = []
        row = booking.row
        assert row is not None

        def work(connection: Connection) -> Booked:
            made.clear()
            booked = self._quotas.settle(connection, booking.reservation, row)
            if finish is not None and booking.claim_key is not None:
                made.append(finish(connection))
                extractions.finish_claim(connection, booking.claim_key, booking.reservation.call_id, made[0])
            return booked

        try:
            # Safe to repeat after a COMMIT whose answer was lost: settle finds its own row and stops.
            return self._database.run(work, budget_seconds=budget_seconds, on_unknown=repeatable)
        except DatabaseUnavailable:
            if finish is not None and not made:
                made.append(finish(None))
            self._keep(replace(booking, finished=made[0]) if made else booking)
        except (InternalError, IntegrityError):
            # What the database refuses is most likely the result, and the call is paid for all the same.
            _log.exception("booking of call %s was refused", booking.reservation.call_id)
            if finish is not None and not made:
                made.append(finish(None))
            self._keep(booking)
        return None

    def store(self, claim_key: str, call_id: str, finish: Callable[[Connection | None], Finished]) -> None:
        """Store a result whose calls are booked already. A database that is away costs the stored copy only."""

        def work(connection: Connection) -> None:
            extractions.finish_claim(connection, claim_key, call_id, finish(connection))

        try:
            self._database.run(work, on_unknown=repeatable)
        except DatabaseUnavailable:
            finish(None)
            _log.warning("the result of run %s could not be stored", call_id)

    def replay(self, booking: Booking) -> Booked | None:
        """Settle a booking from the outbox, with its result when the claim is still the run's own.

        :raises errors.InternalError: the database refuses it; another try would end the same way.
        """
        reservation, claim_key = booking.reservation, booking.claim_key

        def work(connection: Connection) -> Booked | None:
            if booking.row is None:
                self._quotas.withdraw(connection, reservation)
                if claim_key:
                    extractions.free_claim(connection, claim_key, reservation.call_id)
                return None
            booked = self._quotas.settle(connection, reservation, booking.row)
            if claim_key and booking.finished:
                extractions.finish_claim(connection, claim_key, reservation.call_id, booking.finished)
            return booked

        try:
            return self._database.run(work, on_unknown=repeatable)
        except IntegrityError as error:
            raise InternalError("A booking from the outbox was refused") from error

    def abandon(self, reservation: Reservation | None, claim_key: str | None, call_id: str) -> None:
        """Give back what an ended run holds. The outbox does it when the database is away, or else the lease."""

        def work(connection: Connection) -> None:
            if reservation is not None:
                self._quotas.release(connection, reservation)
            if claim_key is not None:
                extractions.free_claim(connection, claim_key, call_id)

        try:
            self._database.run(work, budget_seconds=1.0, on_unknown=repeatable)
        except ServiceError:
            if reservation is None:
                _log.warning("run %s could not be closed; its lease will end it", call_id)
            else:
                self._keep(Booking(reservation, None, claim_key))

    def find_claim(self, key: str) -> Claim | None:
        """The claim under a key, if any."""
        return self._database.read(lambda connection: extractions.find_claim(connection, key))

    def alert(self, alert: Alert) -> None:
        """Raise an alert and warn once; a database that is away costs the row, not the request."""
        try:
            opened = self._database.run(
                lambda connection: alerts.raise_alert(connection, alert),
                budget_seconds=1.0,
                on_unknown=repeatable,
            )
        except ServiceError:
            opened = True
        if opened:
            announce(alert)

    def _reserve(
        self,
        first: Callable[[Connection], None],
        order: Order,
        keys: Callable[[], Sequence[ApiKey]],
        *,
        time_zone: str | None,
        claim_key: str | None = None,
    ) -> tuple[Reservation, ApiKey]:
        candidates = keys()
        made: list[Reservation] = []

        def work(connection: Connection) -> tuple[Reservation, ApiKey]:
            made.clear()
            first(connection)
            reservation, key = self._quotas.reserve(connection, order, candidates, time_zone=time_zone)
            made.append(reservation)
            return reservation, key

        def committed(connection: Connection) -> tuple[Reservation, ApiKey] | None:
            found = reservations.find_reservation(connection, order.call_id, order.attempt)
            if found is None:
                return None
            return next((found, key) for key in candidates if key.token_id == found.token_id)

        for _ in range(_CONTENDED_TRIES):
            try:
                return self._database.run(work, on_unknown=committed)
            except Contended:
                candidates = keys()
            except DatabaseUnavailable:
                if made:
                    # A COMMIT may have got through whose answer never came; no call will follow it.
                    self._keep(Booking(made[0], None, claim_key))
                raise
        raise QuotaExceeded(
            "Too many requests compete for the last tokens of a limit. Please try again shortly.",
            details={"scope": "contended", "needed": order.least_bound},
            retry_after=1.0,
        )

    def _keep(self, booking: Booking) -> None:
        """Leave a booking, or what is to be given back, to the timer."""
        call, attempt = booking.reservation.call_id, booking.reservation.attempt
        if self._outbox is not None:
            try:
                self._outbox.put(booking)
            except ServiceError as error:
                _log.warning("the outbox is not available: %s", error.message)
            else:
                _log.warning("booking of call %s attempt %d waits in the outbox", call, attempt)
                return
        if booking.row is None:
            _log.warning("call %s attempt %d holds tokens that it does not need until its lease ends", call, attempt)
        else:
            # The last place that is left; the sweep books the bound, and a person can correct it from this line.
            _log.critical("booking could not be stored anywhere: %s", booking.to_text(with_result=False))


def _given_back(keys: Sequence[ApiKey], held: Reservation | None) -> Sequence[ApiKey]:
    """The keys as they are once ``held`` is given back: it must not stand in the way of what replaces it."""
    if held is None:
        return keys
    return [
        replace(key, reserved_tokens=key.reserved_tokens - held.bound_tokens) if key.token_id == held.token_id else key
        for key in keys
    ]
