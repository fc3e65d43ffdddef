"""/review-rules: which readings of a company a person looks at."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path

from shared_code.admin.dependencies import ReviewContext, ReviewRulesContext
from shared_code.admin.envelope import Envelope, failures, shown_as
from shared_code.admin.fields import CompanyId, GivenAmount, Readings, Sent, example, fields_of
from shared_code.database.stores.reviews.review_rules import ReviewRule
from shared_code.reviews.rules import CompanyRule

router = APIRouter(tags=["reviews"])

CompanyPath = Annotated[CompanyId, Path(description="Case does not count.", examples=["NT047"])]


class RuleView(fields_of(CompanyRule)):  # type: ignore[misc] # its fields are known at run time
    """The rule of a company.

    `mode` is `needs_review` (what the service doubts; the default), `everything` or `never`. Beside the mode, but never
    with `never`: invoices above `above_amount` in their own currency, and the readings of a seller until
    `first_of_seller` of them were decided. A reading of a document that was corrected before is always looked at.
    """

    model_config = example(company_id="NT047", mode="needs_review", above_amount="10000", first_of_seller=3)


class RuleSent(Sent):
    """The rule as it should be; what is left out is none."""

    model_config = example(mode="needs_review", above_amount="10000", first_of_seller=3)

    mode: Literal["needs_review", "everything", "never"] = "needs_review"
    above_amount: GivenAmount | None = None
    first_of_seller: Readings | None = None


@router.get("/review-rules/{company_id}", responses=failures())
def get_review_rule(context: ReviewContext, company_id: CompanyPath) -> Envelope[RuleView]:
    """The rule of a company; the default one where it has none of its own."""
    found = context.services.reviews.rules.find(company_id, bound_to=context.principal.company_id)
    return context.success(f"Review rule of company {company_id}", shown_as(RuleView)(found))


@router.put("/review-rules/{company_id}", responses=failures())
def set_review_rule(context: ReviewRulesContext, company_id: CompanyPath, body: RuleSent) -> Envelope[RuleView]:
    """Set the rule of a company, for readings from now on."""
    rule = ReviewRule(body.mode, body.above_amount, body.first_of_seller)
    found = context.services.reviews.rules.set_rule(company_id, rule, context.actor)
    return context.success(f"Company {company_id} has this review rule now", shown_as(RuleView)(found))
