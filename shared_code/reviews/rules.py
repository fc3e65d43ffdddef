"""Which readings a person looks at: the rule of a company, and what a reading itself says."""

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from shared_code.database.stores.extractions import readings
from shared_code.database.stores.extractions.reading_ends import Surroundings
from shared_code.database.stores.extractions.readings import Finished, ReadingHead
from shared_code.database.stores.keys.token_fields import checked_company
from shared_code.database.stores.lock_order import hold_document
from shared_code.database.stores.operations.admin_audit import Actor, add_audit
from shared_code.database.stores.reviews import review_rows, review_rules
from shared_code.database.stores.reviews.review_rows import NewReview, Review, ReviewFacts
from shared_code.database.stores.reviews.review_rules import EVERYTHING, MODES, NEEDS_REVIEW, NEVER, ReviewRule
from shared_code.errors import InvalidRequest
from shared_code.invoices.schema import money_text
from shared_code.operations.access import require_own
from shared_code.reviews.carrying import carried
from shared_code.reviews.facts import facts_of

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from shared_code.database.connection import Database

_log = logging.getLogger(__name__)

#: reasons beside the codes of findings
ABOVE_AMOUNT = "above_amount"
NEW_SELLER = "new_seller"
CORRECTED_BEFORE = "corrected_before"
#: a person asked for a reading that no rule asks for
ASKED = "asked"

_MOST_AMOUNT = Decimal(10) ** 15
_MOST_READINGS = 1000


def reason_for(facts: ReviewFacts, rule: ReviewRule, decided: Callable[[str, int], int]) -> str | None:
    """Why a person is to look at a reading; None when nobody is.

    :param decided: how many readings of a seller were decided, counted up to a number.
    """
    if rule.mode == NEVER:
        return None
    if facts.doubt is not None:
        return facts.doubt
    if rule.above_amount is not None and facts.amount is not None and abs(facts.amount) > rule.above_amount:
        return ABOVE_AMOUNT
    first, seller = rule.first_of_seller, facts.seller_key
    if first and seller is not None and decided(seller, first) < first:
        return NEW_SELLER
    return EVERYTHING if rule.mode == EVERYTHING else None


@dataclass(frozen=True, slots=True)
class OpenedReview:
    """What a reading that was stored just now has of reviews: the state, and corrected values as JSON text."""

    state: str = review_rows.NONE
    corrected_values: str | None = None


def open_if_asked(
    connection: "Connection", head: ReadingHead, finished: Finished, around: Surroundings
) -> OpenedReview | None:
    """Open the review of a reading that was stored just now, if the rule of its company asks for one.

    A reading of a document whose values a person has corrected before is always looked at, whatever the rule says, and
    the corrected values stay until a person has decided.

    :returns: the review; None when there was one before, which may be in any state.
    """
    try:
        new = _wanted(connection, head, finished, around)
    except (InvalidRequest, KeyError, IndexError, TypeError, ValueError, AttributeError):
        # Whatever an odd result holds: its call is booked, and a person looks at it.
        _log.exception("what reading %s is reviewed for is not known", head.reading_id)
        new = NewReview(head.reading_id, head.company_id, head.document_sha256, NEEDS_REVIEW, ReviewFacts())
    if new is None:
        return OpenedReview()
    opened = review_rows.open_review(connection, new)
    return OpenedReview(review_rows.PENDING, new.corrected) if opened else None


def _wanted(connection: "Connection", head: ReadingHead, finished: Finished, around: Surroundings) -> NewReview | None:
    facts = finished.review or facts_of(json.loads(finished.result))
    document = head.company_id, head.document_sha256
    # Whoever decides about another reading of the document at this moment is waited for.
    read_before = around.read_before and hold_document(connection, *document, not_id=head.reading_id)
    earlier = review_rows.latest_corrected(connection, *document, not_id=head.reading_id) if read_before else None
    if earlier is not None:
        corrected = carried_values(connection, earlier, json.loads(finished.result))
        reason: str | None = CORRECTED_BEFORE
    else:
        corrected, reason = None, _reason(connection, head.company_id, facts, around.rule)
    if reason is None:
        return None
    return NewReview(head.reading_id, head.company_id, head.document_sha256, reason, facts, head.file_label, corrected)


def carried_values(connection: "Connection", earlier: Review, data: Mapping[str, Any]) -> str | None:
    """The corrections of an earlier reading that hold for another one of the same document, as JSON text."""
    found = readings.find_reading(connection, earlier.reading_id)
    if found is None or found.result is None or earlier.corrected_values is None:
        return None
    return carried(json.loads(found.result), earlier.corrected_values, data)


def open_if_doubtful(connection: "Connection", reading_id: str, data: Mapping[str, Any]) -> None:
    """Open the review of a reading that a late finding makes doubtful; what a person has decided stays decided."""
    facts = facts_of(data)
    if facts.doubt is None:
        return
    if review_rows.find_review(connection, reading_id) is not None:
        review_rows.doubt_anew(connection, reading_id, facts.doubt)
        return
    found = readings.find_reading(connection, reading_id)
    if found is None:
        return
    rule = review_rules.find_rule(connection, found.company_id.upper())
    reason = _reason(connection, found.company_id, facts, rule)
    if reason is not None:
        review_rows.open_review(
            connection,
            NewReview(reading_id, found.company_id, found.document_sha256, reason, facts, found.file_label),
        )


def _reason(connection: "Connection", company_id: str, facts: ReviewFacts, rule: ReviewRule) -> str | None:
    def decided(seller: str, at_most: int) -> int:
        return review_rows.decided_of_seller(connection, company_id, seller, at_most=at_most)

    return reason_for(facts, rule, decided)


@dataclass(frozen=True, slots=True)
class CompanyRule:
    """The rule of a company as operators see it; amounts are decimal text."""

    company_id: str
    mode: str
    above_amount: str | None
    first_of_seller: int | None


@dataclass(frozen=True, slots=True)
class ReviewRules:
    """Shows and sets the rules of companies, each change with its audit row."""

    database: "Database"

    def find(self, company_id: str, *, bound_to: str | None = None) -> CompanyRule:
        """The rule of a company; the default one where it has none of its own.

        :raises Forbidden: it is not the company of ``bound_to``.
        :raises InvalidRequest: it is no company id.
        """
        company = checked_company(company_id)
        require_own(bound_to, company)
        return _shown(company, self.database.read(lambda connection: review_rules.find_rule(connection, company)))

    def set_rule(self, company_id: str, rule: ReviewRule, actor: Actor) -> CompanyRule:
        """Set the rule of a company, for readings from now on.

        :raises Forbidden: it is not the actor's company.
        :raises InvalidRequest: it is no company id, there is no such mode, or a number is out of range.
        """
        company = checked_company(company_id)
        require_own(actor.company_id, company)
        rule = _checked(rule)

        def work(connection: "Connection") -> None:
            before = review_rules.find_rule(connection, company)
            review_rules.write_rule(connection, company, rule)
            facts = _facts(before), _facts(rule)
            add_audit(
                connection, actor, "company.set-review-rule", f"company {company}", before=facts[0], after=facts[1]
            )

        self.database.run(work)
        return _shown(company, rule)


def _checked(rule: ReviewRule) -> ReviewRule:
    if rule.mode not in MODES:
        raise InvalidRequest(f"mode must be one of {', '.join(MODES)}.", details={"field": "mode"})
    above, first = rule.above_amount, rule.first_of_seller
    if above is not None and not (above.is_finite() and 0 <= above < _MOST_AMOUNT):
        raise InvalidRequest("above_amount must be an amount that is not negative.", details={"field": "above_amount"})
    if first is not None and not 0 <= first <= _MOST_READINGS:
        raise InvalidRequest(f"first_of_seller must be 0 to {_MOST_READINGS}.", details={"field": "first_of_seller"})
    return replace(rule, first_of_seller=first or None)


def _shown(company_id: str, rule: ReviewRule) -> CompanyRule:
    above = None if rule.above_amount is None else money_text(Decimal(rule.above_amount).normalize())
    return CompanyRule(company_id, rule.mode, above, rule.first_of_seller)


def _facts(rule: ReviewRule) -> dict[str, Any]:
    shown = _shown("", rule)
    return {"mode": shown.mode, "above_amount": shown.above_amount, "first_of_seller": shown.first_of_seller}
