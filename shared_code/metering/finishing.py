"""The one place where calls and runs end: reading, claim, usage row, sums and who is told, in one transaction.

Settlement, e-invoices, cached answers, the outbox, the sweep of leases and failures all come here, so that what must
follow from an end is written in one place.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from shared_code.database.stores.extractions import claims, erased_readings, readings
from shared_code.database.stores.extractions.erased_readings import DocumentKey
from shared_code.database.stores.extractions.reading_ends import surroundings
from shared_code.database.stores.extractions.readings import DONE, FAILED, Finished, ReadingHead
from shared_code.database.stores.operations import webhook_deliveries
from shared_code.database.stores.operations.webhook_deliveries import EXTRACTION_DONE, EXTRACTION_FAILED, Happening
from shared_code.database.stores.usage import usage_rows
from shared_code.errors import RunEnded, ServiceError
from shared_code.metering.booking import Booking
from shared_code.metering.budgets import Booked, Budgets
from shared_code.operations.alerts import raise_alert
from shared_code.records import Alert, Caller, Reservation, UsageRow
from shared_code.reviews.rules import OpenedReview, open_if_asked

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from shared_code.database.connection import Database

#: kind of the alert: a call is booked, and the result that it was paid for could not be kept
RESULT_LOST = "result_lost"


@dataclass(frozen=True, slots=True)
class HeldClaim:
    """The claim that the run ``call_id`` holds. ``needed_tokens``: see :func:`.claims.free_claim`."""

    key: str
    call_id: str
    needed_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """A reading that did not come to a result, and what the caller is told."""

    head: ReadingHead
    error: ServiceError


@dataclass(frozen=True, slots=True)
class AnsweredJob:
    """A job that an earlier reading answers: nothing is read, but its company is told. ``status`` is the reading's."""

    job_id: str
    company_id: str
    status: str


@dataclass(frozen=True, slots=True)
class Ending:
    """What an end writes. All of it may be absent: a cached answer is a usage row alone.

    :ivar reservation: what the call held. Without a ``row`` it is given back: the call cost nothing, or was not made.
    :ivar row: what is booked.
    :ivar claim: is finished by a result, and freed without one.
    :ivar result: of the reading that is done.
    :ivar failed: of one that is not; noted only when the claim, if there is one, is still the run's.
    :ivar answered: a job that ends without a reading of its own.
    :ivar from_outside: whether somebody else ends the call, whose owner may be quicker: only a reservation that still
        stands is booked then.
    """

    reservation: Reservation | None = None
    row: UsageRow | None = None
    claim: HeldClaim | None = None
    result: Finished | None = None
    failed: Failed | None = None
    answered: AnsweredJob | None = None
    from_outside: bool = False


@dataclass(frozen=True, slots=True)
class Ended:
    """What :func:`finish` did.

    :ivar booked: of a row that settles a reservation.
    :ivar freed: whether the claim was the run's, and is free now.
    :ivar review: of the reading that was stored now; None when it was stored before, or none was.
    """

    booked: Booked | None = None
    freed: bool = False
    review: OpenedReview | None = None


def finish(connection: "Connection", budgets: Budgets, ending: Ending) -> Ended:
    """End a call, a run, or both. Safe to repeat."""
    # The claim first: who takes it over holds it before the key's total.
    ended = _end_reading(connection, ending)
    if ending.reservation is None:
        if ending.row is not None:
            usage_rows.insert_usage_once(connection, ending.row)
        return ended
    if ending.row is None:
        budgets.withdraw(connection, ending.reservation)
        return ended
    if ending.from_outside:
        stood = budgets.end(connection, ending.reservation, ending.row)
        return replace(ended, booked=Booked.SETTLED if stood else None)
    booked = budgets.settle(connection, ending.reservation, ending.row)
    if booked is Booked.CORRECTED:
        _forget_names(connection, ending.row)
    return replace(ended, booked=booked)


def _forget_names(connection: "Connection", row: UsageRow) -> None:
    """Book a late call without names when its document was erased: nothing is erased before its calls have ended."""
    identity = row.identity
    if identity.document_sha256 is not None:
        document = DocumentKey(identity.caller.company_id, identity.document_sha256)
        erased_readings.blank_late_booking(connection, document, identity.call_id)


def _end_reading(connection: "Connection", ending: Ending) -> Ended:
    claim, failed, answered = ending.claim, ending.failed, ending.answered
    if answered is not None:
        facts = {"state": DONE, "status": answered.status}
        happening = Happening(EXTRACTION_DONE, answered.company_id, answered.job_id, facts)
        webhook_deliveries.add_for_company(connection, happening)
    if claim is not None and ending.result is not None:
        head = claims.finish_claim(connection, claim.key, claim.call_id, ending.result)
        if head is None:
            return Ended()
        around = surroundings(connection, head)
        review = open_if_asked(connection, head, ending.result, around)
        if around.has_receiver:
            _tell(connection, head, EXTRACTION_DONE, DONE, ending.result.status)
        return Ended(review=review)
    freed = claim is not None and claims.free_claim(
        connection, claim.key, claim.call_id, needed_tokens=claim.needed_tokens
    )
    if (
        failed is not None
        and (freed or claim is None)
        and readings.insert_failed(connection, failed.head, failed.error)
    ):
        _tell(connection, failed.head, EXTRACTION_FAILED, FAILED, None)
    return Ended(freed=freed)


def _tell(connection: "Connection", head: ReadingHead, event: str, state: str, status: str | None) -> None:
    """Have the company told of a reading that was written just now."""
    happening = Happening(event, head.company_id, head.reading_id, {"state": state, "status": status})
    webhook_deliveries.add_for_company(connection, happening)


def ending_of(booking: Booking) -> Ending:
    """What a booking writes."""
    claim = None
    if booking.claim_key:
        claim = HeldClaim(booking.claim_key, booking.reservation.identity.call_id, booking.needed_tokens)
    lost = None if booking.head is None else Failed(booking.head, RunEnded(details={"reason": "result_lost"}))
    return Ending(booking.reservation, booking.row, claim, booking.finished, lost)


def forms(booking: Booking) -> Iterator[Booking]:
    """The booking, then less and less of it: a call that is paid for is booked even if all else must be left out.

    What a database refuses beside the row's own numbers is the result, or a label that a rule of its owner forbids.
    """
    yield booking
    if booking.finished is not None:
        yield booking.without_result()
    if booking.row is not None:
        identity = booking.row.identity
        bare = replace(identity, caller=Caller(identity.caller.company_id), request_id=None, document_sha256=None)
        yield replace(booking.without_result(), row=replace(booking.row, identity=bare, model=None, cost_usd=None))


def tell_lost_result(database: "Database", booking: Booking) -> None:
    """Say that a document was paid for and its result is nowhere. Never raises."""
    identity, tokens = booking.reservation.identity, booking.row.usage.billable_tokens if booking.row else 0
    company = identity.caller.company_id
    raise_alert(
        database,
        Alert(
            kind=RESULT_LOST,
            subject=company,
            severity="warning",
            message=f"The result of call {identity.call_id} of company {company} is lost. "
            f"Its {tokens} tokens are booked, and the document is read again when it is sent again.",
            details={
                "call_id": identity.call_id,
                "document_sha256": identity.document_sha256,
                "booked_tokens": tokens,
            },
        ),
    )
