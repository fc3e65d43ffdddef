"""How reviews, decisions and corrections are shown, and what a decision looks like that is sent."""

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from shared_code.admin.fields import GivenAmount, GivenMoment, Moment, OptionalText100, PageNumber, Sent, Side, example
from shared_code.database.stores.reviews.decisions import Correction, Decision
from shared_code.database.stores.reviews.review_rows import Review
from shared_code.invoices.schema import money_text
from shared_code.reviews.corrected import Change
from shared_code.reviews.deciding import WantedDecision
from shared_code.reviews.desk import Earlier
from shared_code.reviews.people import Names

State = Literal["pending", "postponed", "confirmed", "corrected", "rejected"]
_ID = "ext_5e0f8f6f0d0c4c0f9a0d1b2c3d4e5f60"
SUMMARY: dict[str, Any] = {
    "id": _ID,
    "company_id": "NT047",
    "state": "pending",
    "reason": "total_mismatch",
    "seller": "Adom Trading Company Ltd",
    "invoice_number": "ADM-26-00118",
    "amount": "76440",
    "currency": "GHS",
    "file_label": "invoice.pdf",
    "created_at": "2026-11-29T09:30:03+00:00",
    "taken_by": "Ama",
    "taken_by_id": "admin-key:5f1d",
    "taken_until": "2026-11-29T09:42:00+00:00",
    "postponed_until": None,
    "decided_at": None,
    "decided_by": None,
    "decided_by_id": None,
    "decision_reason": None,
    "version": 1,
}
_CORRECTION: dict[str, Any] = {
    "field": "total",
    "before": "76440.00",
    "after": "76540.00",
    "page": 1,
    "box": [0.61, 0.08, 0.83, 0.1],
    "by": "Ama",
    "by_id": "admin-key:5f1d",
    "at": "2026-11-29T09:33:12+00:00",
}


class ReviewSummary(BaseModel):
    """One review. `id` is that of its reading; `amount`, `seller`, `invoice_number` are of its first invoice as read.

    `reason` is the code of the first warning that asks for a person, or the rule: `everything`, `above_amount`,
    `new_seller`, `corrected_before` (a person corrected an earlier reading of the document), `asked`.
    `taken_by` and `decided_by` are the labels of keys, or names; `..._id` say the same as the audit does.
    """

    model_config = example(**SUMMARY)

    id: str
    company_id: str
    state: str
    reason: str
    seller: str | None
    invoice_number: str | None
    amount: str | None
    currency: str | None
    file_label: str | None
    created_at: Moment
    taken_by: str | None
    taken_by_id: str | None
    taken_until: Moment | None
    postponed_until: Moment | None
    decided_at: Moment | None
    decided_by: str | None
    decided_by_id: str | None
    decision_reason: str | None
    version: int


class CorrectionView(BaseModel):
    """One value that a person changed. `before` and `after` are values as an answer shows them; null = not there."""

    model_config = example(**_CORRECTION)

    field: str
    before: Any
    after: Any
    page: int | None
    box: list[float] | None
    by: str | None
    by_id: str | None
    at: Moment | None


class DecisionView(BaseModel):
    """One decision with its corrections. `version` is that of the review since then."""

    model_config = example(
        version=2,
        decision="correct",
        state="corrected",
        reason=None,
        until=None,
        by="Ama",
        by_id="admin-key:5f1d",
        at="2026-11-29T09:33:12+00:00",
        corrections=[_CORRECTION],
    )

    version: int
    decision: str
    state: str
    reason: str | None
    until: Moment | None
    by: str
    by_id: str
    at: Moment
    corrections: list[CorrectionView]


class EarlierView(BaseModel):
    """Another reading of the same document whose values a person has corrected."""

    model_config = example(id="ext_00000000000000000000000000000001", corrections=[_CORRECTION])

    id: str
    corrections: list[CorrectionView]


class DocumentView(BaseModel):
    """Whether the document can be seen: `unavailable_reason` says why not; its pages: `/extractions/{id}/pages`."""

    model_config = example(kept=True, kind="pdf", pages=1, unavailable_reason=None)

    kept: bool
    kind: str | None
    pages: int
    unavailable_reason: str | None


class PositionView(BaseModel):
    """How many reviews of the company are pending, counted up to 10,000."""

    model_config = example(left=17)

    left: int


class ReviewView(ReviewSummary):
    """One review with all that is needed to decide.

    `data` is the reading as it is answered now, with the evidence of lines, `original` as it was read.
    """

    model_config = example(
        **SUMMARY,
        data={"status": "needs_review", "invoices": []},
        original={"status": "needs_review", "invoices": []},
        history=[],
        earlier=None,
        document={"kept": True, "kind": "pdf", "pages": 1, "unavailable_reason": None},
        position={"left": 17},
    )

    data: dict[str, Any]
    original: dict[str, Any]
    history: list[DecisionView]
    earlier: EarlierView | None
    document: DocumentView
    position: PositionView


class CorrectionSent(Sent):
    """A value as it should be, and where it stands.

    `field` is a path such as `seller.tax_id`, `line_items[2].net_amount` or `invoices[1].total`, as in the answer
    before the decision. Amounts are decimal text, days ISO 8601; null = the document does not show it. Of an element of
    a list null takes it away; one behind the last is added, a line as a whole.
    """

    model_config = example(field="total", value="76540.00", page=1, box=[0.61, 0.08, 0.83, 0.1])

    field: Annotated[str, Field(min_length=1, max_length=200)]
    value: Any
    page: PageNumber | None = None
    box: Annotated[list[Side] | None, Field(min_length=4, max_length=4)] = None

    def change(self) -> Change:
        """As the desk takes it."""
        return Change(self.field, self.value, self.page, self.box)


class DecisionSent(Sent):
    """What a person decides. `correct` needs corrections, `reject` a reason; `until` is for `postpone`."""

    model_config = example(decision="correct", corrections=[{"field": "total", "value": "76540.00"}])

    decision: Literal["confirm", "correct", "reject", "postpone"]
    corrections: Annotated[list[CorrectionSent], Field(max_length=2_000, default_factory=list)]
    reason: Annotated[str | None, Field(max_length=1_000)] = None
    until: GivenMoment | None = None

    def wanted(self) -> WantedDecision:
        """As the desk takes it."""
        return WantedDecision(self.decision, tuple(one.change() for one in self.corrections), self.reason, self.until)


class NextReview(Sent):
    """Which review to take. `after` is the id of the one behind which to begin; then the others follow."""

    model_config = example(company_id="NT047", order="oldest")

    company_id: Annotated[str, Field(pattern=r"^ *[A-Za-z0-9._\-]{0,50} *$", max_length=100)] | None = None
    reason: OptionalText100 | None = None
    min_amount: GivenAmount | None = None
    order: Literal["oldest", "newest", "amount"] = "oldest"
    after: OptionalText100 | None = None


def summary(row: Review, names: Names) -> ReviewSummary:
    """A review of a list."""
    return ReviewSummary(**summary_facts(row, names))


def summary_facts(row: Review, names: Names) -> dict[str, Any]:
    """The fields of a summary."""
    return {
        "id": row.reading_id,
        "company_id": row.company_id,
        "state": row.state,
        "reason": row.reason,
        "seller": row.seller,
        "invoice_number": row.invoice_number,
        "amount": None if row.amount is None else money_text(Decimal(row.amount).normalize()),
        "currency": row.currency,
        "file_label": row.file_label,
        "created_at": row.created_at,
        "taken_by": names.of(row.taken_by),
        "taken_by_id": row.taken_by,
        "taken_until": row.taken_until,
        "postponed_until": row.postponed_until,
        "decided_at": row.decided_at,
        "decided_by": names.of(row.decided_by),
        "decided_by_id": row.decided_by,
        "decision_reason": row.decision_reason,
        "version": row.version,
    }


def correction_view(one: Correction, names: Names) -> CorrectionView:
    """A correction of a history."""
    return CorrectionView(
        field=one.field,
        before=one.before,
        after=one.after,
        page=one.page,
        box=one.box,
        by=names.of(one.changed_by),
        by_id=one.changed_by,
        at=one.changed_at,
    )


def decision_view(one: Decision, names: Names) -> DecisionView:
    """A decision of a history."""
    return DecisionView(
        version=one.version,
        decision=one.decision,
        state=one.state,
        reason=one.reason,
        until=one.until,
        by=names.of(one.decided_by) or one.decided_by,
        by_id=one.decided_by,
        at=one.decided_at,
        corrections=[correction_view(each, names) for each in one.corrections],
    )


def earlier_view(found: Earlier | None, names: Names) -> EarlierView | None:
    """The other reading, if there is one."""
    if found is None:
        return None
    return EarlierView(id=found.id, corrections=[correction_view(one, names) for one in found.corrections])
