"""/reviews/{id}/check: corrected values by the service's own rules, while a person types them."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from shared_code.admin.dependencies import ReviewContext
from shared_code.admin.envelope import Envelope, failures, shown_as
from shared_code.admin.fields import ReadingIdPath, Sent, example
from shared_code.admin.review.pages import viewed_document
from shared_code.admin.review.views import CorrectionSent
from shared_code.errors import Gone
from shared_code.extraction.evidence_data import EvidenceWanted
from shared_code.reviews.check import check_changes

router = APIRouter(tags=["reviews"])

_EQUATION: dict[str, Any] = {
    "name": "total",
    "left": "76540.00",
    "right": "76440.00",
    "holds": False,
    "fields": ["total", "net_total", "tax_total"],
    "left_fields": ["net_total", "tax_total"],
    "right_fields": ["total"],
}


class CheckSent(Sent):
    """Corrections as a decision has them; none at all checks the answer as it is."""

    model_config = example(corrections=[{"field": "total", "value": "76540.00"}])

    corrections: Annotated[list[CorrectionSent], Field(max_length=2_000, default_factory=list)]


class EquationView(BaseModel):
    """A sum that could be checked: `left` is what `left_fields` give, `right` what is printed in `right_fields`.

    `name` is `line` (quantity times price), `lines_sum`, `net_total`, `tax_total`, `total`, `amount_due` or `tax_rate`.
    `fields` are those of both sides. `holds` is what the service thinks, which knows in how many ways a sum is meant.
    """

    model_config = example(**_EQUATION)

    name: str
    left: str
    right: str
    holds: bool
    fields: list[str]
    left_fields: list[str]
    right_fields: list[str]


class CheckView(BaseModel):
    """The answer with the corrections: what the rules say of it. Nothing is stored.

    `status` is what the service would say now. A warning that the corrections have settled says `resolved`. A value
    that is not in the form of its field is a warning `malformed_value`, and stays in `invoices` as it was sent. Numbers
    of lines are those after the corrections.
    """

    model_config = example(
        status="ok", invoices=[{"total": "76540.00"}], warnings=[], confidence={"total": "high"}, equations=[_EQUATION]
    )

    status: str
    invoices: list[dict[str, Any]]
    warnings: list[dict[str, Any]]
    confidence: dict[str, str]
    equations: list[EquationView]


@router.post("/reviews/{extraction_id}/check", responses=failures(404, 410))
def check_corrections(context: ReviewContext, extraction_id: ReadingIdPath, sent: CheckSent) -> Envelope[CheckView]:
    """What the service's own rules say of the reading with these corrections."""
    viewed_document(context, extraction_id)
    both = context.services.stored_readings.find_both(extraction_id, evidence=EvidenceWanted.LINES)
    if both is None:
        raise Gone("This reading was erased, or has no result.", details={"field": "extraction_id"})
    changes = [one.change() for one in sent.corrections]
    checked = check_changes(both[1], both[0], changes, today=context.services.clock().date())
    return context.success(f"Checked {len(changes)} corrections", shown_as(CheckView)(checked))
