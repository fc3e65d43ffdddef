"""One decision about a reading as a unit of work: it is written as a whole, with whom it is told to, or not at all."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from shared_code.database.stores.extractions import readings
from shared_code.database.stores.extractions.readings import FoundReading
from shared_code.database.stores.lock_order import hold_document
from shared_code.database.stores.operations import webhook_deliveries
from shared_code.database.stores.operations.webhook_deliveries import REVIEW_DECIDED, Happening
from shared_code.database.stores.reviews import decided_reviews, decisions, review_rows
from shared_code.database.stores.reviews.decisions import Correction, Decision
from shared_code.database.stores.reviews.review_rows import (
    CONFIRMED,
    CORRECTED,
    DECIDED,
    OPEN,
    POSTPONED,
    REJECTED,
    Review,
)
from shared_code.errors import ChangedMeanwhile, Conflict, InvalidRequest
from shared_code.reviews.corrected import (
    Change,
    changes_text,
    checked_change,
    in_order,
    read_changes,
    value_at,
    with_changes,
)
from shared_code.reviews.paths import read_path
from shared_code.reviews.people import actors_of, find_names
from shared_code.reviews.rules import CORRECTED_BEFORE, carried_values

if TYPE_CHECKING:
    from sqlalchemy import Connection

CONFIRM = "confirm"
CORRECT = "correct"
REJECT = "reject"
POSTPONE = "postpone"
_STATES: Mapping[str, str] = {CONFIRM: CONFIRMED, CORRECT: CORRECTED, REJECT: REJECTED, POSTPONE: POSTPONED}
DECISIONS = tuple(_STATES)

#: how long a review rests that is postponed without a moment
_POSTPONED_FOR = timedelta(days=1)
_MOST_CORRECTIONS = 2_000
_LONGEST_REASON = 1_000
_CORNERS = 4
_MOST_PAGES = 10_000


@dataclass(frozen=True, slots=True)
class WantedDecision:
    """What a person decides. ``until`` is naive UTC, of a postponement.

    :ivar corrections: in the order in which they are to be applied; without ``before``.
    """

    decision: str
    corrections: Sequence[Change] = ()
    reason: str | None = None
    until: datetime | None = None

    @property
    def fingerprint(self) -> str:
        """The same for the same decision."""
        said = [self.decision, [asdict(one) for one in self.corrections], self.reason, self.until]
        return hashlib.sha256(json.dumps(said, default=str, sort_keys=True).encode()).hexdigest()

    def checked(self) -> "WantedDecision":
        """The decision, if it is one.

        :raises InvalidRequest: it is not.
        """
        reason = (self.reason or "").strip() or None
        wrong = self._wrong(reason)
        if wrong is not None:
            name, said = wrong
            raise InvalidRequest(said, details={"field": name})
        for one in self.corrections:
            _check_place(one)
        return replace(self, corrections=tuple(self.corrections), reason=reason)

    def _wrong(self, reason: str | None) -> tuple[str, str] | None:
        decision, count = self.decision, len(self.corrections)
        rules = (
            ("decision", decision not in _STATES, f"decision must be one of {', '.join(DECISIONS)}."),
            ("corrections", decision == CORRECT and not count, "correct needs corrections; without any it is confirm."),
            ("corrections", decision != CORRECT and count, f"The decision {decision} has no corrections."),
            ("corrections", count > _MOST_CORRECTIONS, f"There are more than {_MOST_CORRECTIONS} corrections."),
            ("reason", decision == REJECT and reason is None, "The decision reject needs a reason."),
            ("reason", len(reason or "") > _LONGEST_REASON, f"reason is at most {_LONGEST_REASON} characters."),
            ("until", self.until is not None and decision != POSTPONE, "Only the decision postpone has until."),
        )
        return next(((name, said) for name, wrong, said in rules if wrong), None)


def _check_place(change: Change) -> None:
    page, box = change.page, change.box
    if page is not None and not 1 <= page <= _MOST_PAGES:
        raise InvalidRequest("page counts from 1.", details={"field": "page"})
    if box is not None and (len(box) != _CORNERS or not all(0 <= number <= 1 for number in box)):
        raise InvalidRequest("box is left, top, right and bottom in fractions of the page.", details={"field": "box"})


@dataclass(slots=True)
class Deciding:
    """The unit of work. True when it has decided, False when the same was decided before.

    The document first, so that no newer reading of it ends meanwhile without knowing of the corrections; then the
    review, so that nobody else decides.

    :ivar opened: makes a review where there is none; raises when there can be none.
    """

    reading_id: str
    wanted: WantedDecision
    actor: str
    matches: Callable[[str], bool] | None
    opened: "Callable[[Connection, str], None]"
    _data: Any = field(default=None, init=False)

    def __call__(self, connection: "Connection") -> bool:
        """Decide. Errors as :meth:`.ReviewDesk.decide`."""
        reading = readings.find_reading(connection, self.reading_id)
        if reading is not None:
            hold_document(connection, reading.company_id, reading.document_sha256)
        self.opened(connection, self.reading_id)
        review = review_rows.hold_review(connection, self.reading_id)
        if review is None or reading is None or reading.result is None:
            raise Conflict("This reading has no result that can be reviewed.", details={"field": "id"})
        if self._is_repeated(connection, review):
            return False
        self._check_version(connection, review)
        self._data = json.loads(reading.result)
        changes, made = self._changes(review)
        self._write(connection, review, changes, made)
        if made:
            self._tell_later_readings(connection, reading)
        return True

    def _is_repeated(self, connection: "Connection", review: Review) -> bool:
        last = decisions.last_decision(connection, self.reading_id)
        return (
            last is not None
            and last.version == review.version
            and last.fingerprint == self.wanted.fingerprint
            and last.decided_by == self.actor
        )

    def _check_version(self, connection: "Connection", review: Review) -> None:
        if self.matches is not None:
            if not self.matches(str(review.version)):
                name = _name(connection, review)
                raise ChangedMeanwhile(_told(review, name), details=_who(review, name))
        elif review.state in DECIDED:
            name = _name(connection, review)
            raise Conflict(_told(review, name), details=_who(review, name))

    def _changes(self, review: Review) -> tuple[list[Change], list[Correction]]:
        """All changes of the reading from now on, and what this decision changes, as its history tells it."""
        before = read_changes(review.corrected_values)
        if self.wanted.decision not in {CONFIRM, CORRECT}:
            return before, []
        invoices = self._data["invoices"]
        # What was carried from another reading is decided about now: it is a correction of this one.
        made = [
            Correction(one.field, value_at(invoices, read_path(one.field, invoices=len(invoices))), one.value,
                       one.page, one.box)
            for one in before
            if one.carried
        ]  # fmt: skip
        changes = [replace(one, carried=False) for one in before]
        now = with_changes({"invoices": invoices}, changes)["invoices"]
        for sent in in_order(self.wanted.corrections, invoices=len(now)):
            change = checked_change(now, sent)
            path = read_path(change.field, invoices=len(now))
            old = value_at(now, path)
            now = with_changes({"invoices": now}, [change])["invoices"]
            if old != change.value:
                made.append(Correction(change.field, old, change.value, change.page, change.box))
                changes.append(change)
        if self.wanted.decision == CORRECT and not made:
            raise InvalidRequest("No correction changes a value.", details={"field": "corrections"})
        return _shortened(changes), made

    def _write(
        self, connection: "Connection", review: Review, changes: Sequence[Change], made: Sequence[Correction]
    ) -> None:
        now = review_rows.now(connection)
        state = _STATES[self.wanted.decision]
        if state == CONFIRMED and changes:
            # What is confirmed are the corrected values, which are not those of the reading.
            state = CORRECTED
        until = (self.wanted.until or now + _POSTPONED_FOR) if state == POSTPONED else None
        written = decided_reviews.write_decision(
            connection,
            review,
            state=state,
            actor=self.actor,
            at=now,
            reason=self.wanted.reason,
            postponed_until=until,
            corrected=changes_text(changes),
        )
        if not written:
            name = _name(connection, review)
            raise ChangedMeanwhile(_told(review, name), details=_who(review, name))
        version = review.version + 1
        decisions.add_decision(
            connection,
            Decision(
                self.reading_id, review.company_id, version, self.wanted.decision, state, self.wanted.reason, until,
                self.actor, self.wanted.fingerprint, now, tuple(made),
            ),
        )  # fmt: skip
        if state in DECIDED:
            happening = Happening(REVIEW_DECIDED, review.company_id, self.reading_id, {"state": state}, str(version))
            webhook_deliveries.add_for_company(connection, happening)

    def _tell_later_readings(self, connection: "Connection", reading: FoundReading) -> None:
        """Let the corrections hold for newer readings of the document that nobody has decided about."""
        own = review_rows.find_review(connection, self.reading_id)
        for later_id in readings.later_readings(connection, reading.reading_id):
            later = readings.find_reading(connection, later_id)
            if own is None or later is None or later.result is None:
                continue
            self.opened(connection, later_id)
            review = review_rows.hold_review(connection, later_id)
            held = read_changes(review.corrected_values) if review is not None else []
            if any(not one.carried for one in held):
                return  # A person has corrected this one: those behind it have its values.
            text = carried_values(connection, own, json.loads(later.result))
            if review is not None and review.state in OPEN and text != review.corrected_values:
                review_rows.carry_corrections(connection, later_id, reason=CORRECTED_BEFORE, corrected=text)


def _shortened(changes: Sequence[Change]) -> list[Change]:
    """The changes without those that a later one of the same single value makes void."""
    kept: dict[Any, Change] = {}
    for number, one in enumerate(changes):
        single = "[" not in one.field.removeprefix("invoices[")
        # In lists the order decides what a path means.
        key = one.field if single else number
        kept.pop(key, None)
        kept[key] = one
    return list(kept.values())


def _name(connection: "Connection", review: Review) -> str | None:
    return find_names(connection, actors_of([review])).of(review.decided_by)


def _who(review: Review, name: str | None) -> dict[str, Any]:
    at = None if review.decided_at is None else review.decided_at.replace(tzinfo=UTC).isoformat()
    return {
        "field": "If-Match",
        "state": review.state,
        "version": review.version,
        "decided_by": name,
        "decided_by_id": review.decided_by,
        "decided_at": at,
        "reason": review.decision_reason,
    }


def _told(review: Review, name: str | None) -> str:
    if review.decided_at is None:
        return "What is thought of this reading has changed meanwhile. Look at it again, then decide."
    since = f"{review.decided_at:%Y-%m-%d %H:%M:%S}"
    return f"{name} has decided about this reading: it is {review.state} since {since} UTC."
