"""What persons do with reviews: list them, take the next one, decide, and look at what was decided."""

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from shared_code.database.connection import repeatable
from shared_code.database.stores.extractions import readings
from shared_code.database.stores.operations.admin_audit import Actor
from shared_code.database.stores.reviews import decisions, review_lists, review_rows
from shared_code.database.stores.reviews.decisions import Correction, Decision
from shared_code.database.stores.reviews.review_lists import Place, ReviewFilter
from shared_code.database.stores.reviews.review_rows import NewReview, Review
from shared_code.errors import Conflict, Gone, InvalidRequest, NotFound
from shared_code.labels import is_reading_id
from shared_code.operations.access import require_own
from shared_code.reviews.deciding import Deciding, WantedDecision
from shared_code.reviews.facts import facts_of
from shared_code.reviews.people import Names, actors_of, find_names
from shared_code.reviews.rules import ASKED

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from shared_code.database.connection import Database

#: what :func:`place_text` makes: the number of a review, and its amount where it has one
CURSOR = r"^[0-9]{1,18}(_-?[0-9]{1,20}(\.[0-9]{1,8})?)?$"
_CURSOR = re.compile(CURSOR)
#: reviews that are left are counted up to this
_MOST_COUNTED = 10_000


@dataclass(frozen=True, slots=True)
class Earlier:
    """Another reading of the same document whose values a person has corrected."""

    id: str
    corrections: list[Correction]


@dataclass(frozen=True, slots=True)
class History:
    """What persons made of one reading. ``review`` is None when nobody was asked for it."""

    review: Review | None
    decisions: list[Decision]
    earlier: Earlier | None


@dataclass(frozen=True, slots=True)
class ReviewDesk:
    """Reviews of all companies. One for the process; safe for many threads.

    :ivar decided: told the id of a reading that was decided about, behind the decision. Takes no time, never raises.
    """

    database: "Database"
    decided: Callable[[str], None] = lambda _reading_id: None

    def find_page(self, wanted: ReviewFilter, *, order: str, after: Place | None, limit: int) -> list[Review]:
        """A page of the list."""
        self._end_postponements()
        return self.database.read(
            lambda connection: review_lists.find_reviews(connection, wanted, order=order, after=after, limit=limit)
        )

    def count_left(self, wanted: ReviewFilter) -> int:
        """How many there are, counted up to 10,000."""
        return self.database.read(
            lambda connection: review_lists.count_reviews(connection, wanted, at_most=_MOST_COUNTED)
        )

    def take_next(
        self, wanted: ReviewFilter, actor: Actor, *, order: str = review_lists.OLDEST, after: str | None = None
    ) -> Review | None:
        """Take the next pending review for ten minutes; nobody else gets it meanwhile. None when none is left.

        :param after: the id of the reading behind which to begin.
        """
        self._end_postponements()
        place = None if after is None else self._place(after)

        def work(connection: "Connection") -> Review | None:
            return review_lists.take_next(connection, wanted, actor.name, order=order, after=place)

        taken = self.database.run(work)
        return None if taken is None else self.find(taken.reading_id, bound_to=actor.company_id)

    def take(self, reading_id: str, actor: Actor) -> Review:
        """Take the review of a reading for ten minutes, or for ten more; one that has none gets one.

        :raises NotFound, Gone, Forbidden: as :meth:`find`.
        :raises Conflict: somebody else has it, or the reading has no result.
        """
        self._known(reading_id, actor.company_id)

        def work(connection: "Connection") -> bool:
            opened(connection, reading_id)
            return review_rows.take(connection, reading_id, actor.name)

        if not self.database.run(work, on_unknown=repeatable):
            found = self.find(reading_id, bound_to=actor.company_id)
            name = self.names([found]).of(found.taken_by)
            raise Conflict(
                f"{name} works on this review.",
                details={
                    "field": "id",
                    "taken_by": name,
                    "taken_by_id": found.taken_by,
                    "taken_until": _utc(found.taken_until),
                },
            )
        return self.find(reading_id, bound_to=actor.company_id)

    def release(self, reading_id: str, actor: Actor) -> Review:
        """Give a review back; one that is not the actor's stays as it is. Errors as :meth:`find`."""
        self.find(reading_id, bound_to=actor.company_id)
        self.database.run(
            lambda connection: review_rows.release(connection, reading_id, actor.name), on_unknown=repeatable
        )
        return self.find(reading_id, bound_to=actor.company_id)

    def find(self, reading_id: str, *, bound_to: str | None = None) -> Review:
        """The review of a reading.

        :raises NotFound: there is none.
        :raises Forbidden: it is not of the company of ``bound_to``.
        """
        known = is_reading_id(reading_id)
        found = self.database.read(lambda c: review_rows.find_review(c, reading_id)) if known else None
        require_own(bound_to, found.company_id if found else None)
        if found is None:
            raise NotFound("There is no review of a reading with this id.", details={"field": "id"})
        return _in_time(found, self._now())

    def history(self, reading_id: str) -> History:
        """What persons made of a reading, oldest first. Nobody is kept from it: callers have shown who they are."""

        def work(connection: "Connection") -> History:
            review = review_rows.find_review(connection, reading_id)
            made = decisions.history(connection, reading_id)
            return History(review, made, _earlier(connection, review))

        found = self.database.read(work)
        if found.review is None:
            return found
        return replace(found, review=_in_time(found.review, self._now()))

    def names(
        self,
        reviews: Iterable[Review],
        decisions: Iterable[Decision] = (),
        corrections: Iterable[Correction] = (),
    ) -> Names:
        """What those are called who took, decided or corrected these."""
        actors = {actor for actor in actors_of(reviews, decisions, corrections) if actor is not None}
        return self.database.read(lambda connection: find_names(connection, actors)) if actors else Names()

    def decide(
        self,
        reading_id: str,
        wanted: WantedDecision,
        actor: Actor,
        *,
        matches: Callable[[str], bool] | None = None,
    ) -> Review:
        """Decide about a reading; the same decision again by the same person is none.

        :param matches: says of a version whether the decision may be about it; None = the caller does not ask.
        :raises InvalidRequest: the decision is none, or a correction does not fit.
        :raises NotFound, Gone, Forbidden: as :meth:`find`.
        :raises ChangedMeanwhile: it is of another version by now; ``details`` say who decided what and when.
        :raises Conflict: it was decided, and the caller does not say about which version he decides.
        """
        self._known(reading_id, actor.company_id)
        deciding = Deciding(reading_id, wanted.checked(), actor.name, matches, opened)
        made = self.database.run(deciding, on_unknown=repeatable)
        if made:
            self.decided(reading_id)
        return self.find(reading_id, bound_to=actor.company_id)

    def end_postponements(self) -> int:
        """Make those pending again whose time has come; returns how many."""
        return self.database.run(review_rows.end_postponement, on_unknown=repeatable)

    def _end_postponements(self) -> None:
        if self.database.read(review_rows.has_due_postponement):
            self.end_postponements()

    def _known(self, reading_id: str, bound_to: str | None) -> None:
        """Keep callers from what is not theirs, or is not there."""
        found = None
        if is_reading_id(reading_id):
            found = self.database.read(lambda connection: readings.find_reading(connection, reading_id))
        require_own(bound_to, found.company_id if found else None)
        if found is None:
            raise NotFound("There is no reading under this id.", details={"field": "id"})

    def _place(self, reading_id: str) -> Place | None:
        found = None
        if is_reading_id(reading_id):
            found = self.database.read(lambda connection: review_rows.find_review(connection, reading_id))
        return None if found is None else Place(found.review_id, found.amount)

    def _now(self) -> datetime:
        return self.database.read(review_rows.now)


def opened(connection: "Connection", reading_id: str) -> None:
    """Have a review of a reading that has a result.

    :raises Gone: it was erased.
    :raises NotFound: there is none.
    :raises Conflict: it has no result.
    """
    found = readings.find_reading(connection, reading_id)
    if found is None:
        raise NotFound("There is no reading under this id.", details={"field": "id"})
    if found.erased_at is not None:
        raise Gone("This reading was erased.", details={"field": "id"})
    if found.result is None:
        raise Conflict("This reading has no result that can be reviewed.", details={"field": "id"})
    if found.review_state is None:
        facts = facts_of(json.loads(found.result))
        new = NewReview(
            reading_id, found.company_id, found.document_sha256, facts.doubt or ASKED, facts, found.file_label
        )
        review_rows.open_review(connection, new)


def read_place(cursor: str | None) -> Place | None:
    """Where a page ended, from the text that :func:`place_text` made of it.

    :raises InvalidRequest: it is none.
    """
    if cursor is None:
        return None
    if not _CURSOR.fullmatch(cursor):
        raise InvalidRequest("cursor is not the next_cursor of a page.", details={"field": "cursor"})
    number, _, amount = cursor.partition("_")
    return Place(int(number), Decimal(amount) if amount else None)


def place_text(row: Review) -> str:
    """Where a page ended, as text."""
    return str(row.review_id) if row.amount is None else f"{row.review_id}_{row.amount.normalize():f}"


def _earlier(connection: "Connection", review: Review | None) -> Earlier | None:
    if review is None:
        return None
    other = review_rows.latest_corrected(
        connection, review.company_id, review.document_sha256, not_id=review.reading_id, before_id=review.review_id
    )
    if other is None:
        return None
    made = decisions.corrections_of(connection, [other.reading_id])
    return Earlier(other.reading_id, made.get(other.reading_id, []))


def _in_time(review: Review, now: datetime) -> Review:
    """The review without a lock that has ended."""
    if review.taken_until is None or review.taken_until >= now:
        return review
    return replace(review, taken_by=None, taken_until=None)


def _utc(moment: datetime | None) -> Any:
    return None if moment is None else moment.isoformat() + "Z"
