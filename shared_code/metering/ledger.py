"""Claims, reservations and bookings of one run, each as one unit of work against the database.

Nothing here talks to a model. The order of statements is the contract: a claim comes first, so that a second run finds
it; a settlement starts with its result and the removal of its reservation, so that only one settler moves the sums; the
result is stored in the same transaction as the booking, before the answer leaves.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from shared_code.database.connection import repeatable
from shared_code.database.stores.extractions import claims
from shared_code.database.stores.extractions.claims import Claim, ClaimRequest
from shared_code.database.stores.usage import reservations
from shared_code.errors import DatabaseUnavailable, InternalError, ServiceError
from shared_code.metering.bookable import Bookable, bookable, tell
from shared_code.metering.booking import Booking
from shared_code.metering.budgets import Booked, Budgets, Contended, NotCounted
from shared_code.metering.finishing import Ended, Ending, Failed, HeldClaim, ending_of, finish, forms, tell_lost_result
from shared_code.records import ApiKey, Reservation, TokenRequest

if TYPE_CHECKING:
    from shared_code.database.connection import Database
    from shared_code.metering.outbox import Outbox

_log = logging.getLogger(__name__)

#: how a database refuses a booking: by a rule, by a statement's error, or already in its driver, which cannot send a
#: text (ValueError) or a number (OverflowError)
_REFUSED = (InternalError, IntegrityError, ValueError, OverflowError)


#: seconds that a run which has failed waits for the database
_GIVE_UP_SECONDS = 1.0


class ClaimTaken(Exception):
    """Another run claims the document."""


@dataclass(frozen=True, slots=True)
class Claiming:
    """The claim that comes with a run's first reservation.

    ``taken_over`` is the claim that this run replaces: its lease ended, or ``force`` asks for a new reading.
    """

    request: ClaimRequest
    taken_over: Claim | None = None
    force: bool = False

    @property
    def needed_tokens(self) -> int:
        """Model tokens that the first call must be able to take: what the run before was short of; 0 = no matter."""
        return 0 if self.force or self.taken_over is None else self.taken_over.needed_tokens or 0

    def write(self, connection: Connection) -> None:
        """Claim the document. Raises :class:`ClaimTaken` when another run has it."""
        if self.taken_over is None:
            try:
                claims.insert_claim(connection, self.request)
            except IntegrityError as error:
                raise ClaimTaken from error
        elif not claims.take_over_claim(
            connection,
            self.request,
            previous=self.taken_over,
            # A reading that is gone (its age, an erasure) serves nobody.
            even_done=self.force or self.taken_over.result is None,
        ):
            raise ClaimTaken


@dataclass(frozen=True, slots=True)
class Ledger:
    """Writes the accounts of runs. One for the process; every method is one transaction.

    :ivar booking_seconds: how long a booking waits for a database that comes back, before the outbox takes it.
    """

    database: "Database"
    budgets: Budgets
    outbox: "Outbox | None"
    booking_seconds: float

    def reserve(
        self,
        request: TokenRequest,
        keys: Sequence[ApiKey],
        *,
        time_zone: str | None,
        claiming: Claiming | None = None,
        instead_of: Reservation | None = None,
    ) -> tuple[Reservation, ApiKey]:
        """Reserve the bound of one call, together with the claim on the document when one is given: both or neither.

        :param keys: candidates of one provider.
        :param instead_of: is given back in the same transaction; a refusal leaves it as it is.
        :raises ClaimTaken: another run has the document.
        :raises Contended: another call was quicker, or a limit began to count; try again with keys read anew.
        :raises errors.QuotaExceeded, errors.ProviderRateLimited: see :meth:`Budgets.reserve`.
        :raises errors.DatabaseUnavailable: nothing stays reserved.
        """
        if instead_of is not None:
            keys = _given_back(keys, instead_of)
        work = _Reserving(self.budgets, request, keys, time_zone, claiming, instead_of)
        try:
            return self.database.run(work, on_unknown=work.committed)
        except NotCounted as limit:
            self.database.run(limit.begin, on_unknown=repeatable)
            raise Contended from limit
        except DatabaseUnavailable:
            if work.made is not None:
                # A COMMIT may have got through whose answer never came; no call will follow it.
                self._keep(Booking(work.made, None, claiming.request.key if claiming else None))
            raise

    def book(self, booking: Booking) -> Ended | None:
        """Settle a billed call; None when it went to the outbox, or as a last resort into the log.

        A result that the booking carries is stored with its claim in the same transaction.
        """
        return self._settled_or_kept(booking)

    def store(self, booking: Booking) -> Ended | None:
        """Store the result of a run whose calls are all booked: the last of them, which is not booked twice.

        None as for :meth:`book`.
        """
        return self._settled_or_kept(booking)

    def replay(self, booking: Booking) -> Ended:
        """Settle a booking from the outbox, and store its result.

        :raises errors.InternalError: the database refuses it in every form; another try would end the same way.
        :raises errors.DatabaseUnavailable: the database cannot be reached.
        """
        made = bookable(booking.row) if booking.row else None
        ended = self._settled(booking)
        if made is not None and made.corrections and booking.row is not None and ended.booked is not Booked.ALREADY:
            tell(self.database, made, booking.row)
        return ended

    def abandon(
        self,
        reservation: Reservation | None,
        claim_key: str | None,
        call_id: str,
        *,
        needed_tokens: int | None = None,
        failed: Failed | None = None,
    ) -> None:
        """Give back what an ended run holds. The outbox does it when the database is away, or else the lease.

        :param needed_tokens: what the claim remembers; see :func:`.claims.free_claim`.
        :param failed: the reading that came to nothing. A database that refuses it costs the note only.
        """
        claim = None if claim_key is None else HeldClaim(claim_key, call_id, needed_tokens)
        ending = Ending(reservation, claim=claim, failed=failed)
        try:
            try:
                self._give_up(ending)
            except _REFUSED:
                self._give_up(replace(ending, failed=None))
        except ServiceError:
            if reservation is None:
                _log.warning("run %s could not be closed; its lease will end it", call_id)
            else:
                self._keep(Booking(reservation, None, claim_key, needed_tokens=needed_tokens))

    def _give_up(self, ending: Ending) -> None:
        work = partial(finish, budgets=self.budgets, ending=ending)
        self.database.run(work, budget_seconds=_GIVE_UP_SECONDS, on_unknown=repeatable)

    def find_claim(self, key: str) -> Claim | None:
        """The claim under a key, if any. Raises :class:`DatabaseUnavailable`."""
        return self.database.read(lambda connection: claims.find_claim(connection, key))

    def _settled_or_kept(self, booking: Booking) -> Ended | None:
        try:
            return self._settled(booking, budget_seconds=self.booking_seconds)
        except (DatabaseUnavailable, InternalError):
            self._keep(booking)
        return None

    def _settled(self, booking: Booking, *, budget_seconds: float | None = None) -> Ended:
        """Settle in the fullest form that the database takes.

        :raises errors.InternalError: it takes none.
        :raises errors.DatabaseUnavailable: it cannot be reached.
        """
        refusal: Exception | None = None
        for form in forms(booking):
            # Safe to repeat after a COMMIT whose answer was lost: what is booked already is left as it is.
            work = partial(finish, budgets=self.budgets, ending=ending_of(form))
            try:
                ended = self.database.run(work, budget_seconds=budget_seconds, on_unknown=repeatable)
            except _REFUSED as error:
                refusal = error
                _log.exception("booking of call %s was refused", booking.reservation.identity.call_id)
                continue
            if form.row is not None and booking.row is not None and form.row is not booking.row:
                tell(self.database, Bookable(form.row, ("the database refused its labels",)), booking.row)
            if ended.freed and form.row is not None:
                tell_lost_result(self.database, booking)
            return ended
        raise InternalError("The database refuses a booking in every form") from refusal

    def _keep(self, booking: Booking) -> None:
        """Leave a booking, or what is to be given back, to the timer."""
        call, attempt = booking.reservation.identity.call_id, booking.reservation.attempt
        if self.outbox is not None:
            try:
                self.outbox.put(booking)
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


@dataclass(slots=True)
class _Reserving:
    """One reservation as a unit of work. ``made`` is what its last try wrote, whether or not the COMMIT got through."""

    budgets: Budgets
    request: TokenRequest
    keys: Sequence[ApiKey]
    time_zone: str | None
    claiming: Claiming | None
    instead_of: Reservation | None
    made: Reservation | None = None

    def __call__(self, connection: Connection) -> tuple[Reservation, ApiKey]:
        self.made = None
        if self.claiming is not None:
            self.claiming.write(connection)
        reservation, key = self.budgets.reserve(
            connection, self.request, self.keys, time_zone=self.time_zone, instead_of=self.instead_of
        )
        self.made = reservation
        return reservation, key

    def committed(self, connection: Connection) -> tuple[Reservation, ApiKey] | None:
        """What a COMMIT whose answer was lost has written; None when it did not get through."""
        request = self.request
        found = reservations.find_reservation(connection, request.identity.call_id, request.attempt)
        if found is None:
            return None
        return next((found, key) for key in self.keys if key.token_id == found.token_id)


def _given_back(keys: Sequence[ApiKey], held: Reservation) -> Sequence[ApiKey]:
    """The keys as they are once ``held`` is given back: it must not stand in the way of what replaces it."""
    return [
        replace(key, reserved_tokens=key.reserved_tokens - held.bound_tokens) if key.token_id == held.token_id else key
        for key in keys
    ]
