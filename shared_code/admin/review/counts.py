"""/reviews/counts: how much work there is."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from shared_code.admin.dependencies import ReviewContext
from shared_code.admin.envelope import Envelope, failures
from shared_code.admin.fields import CompanyId, Sent, Text100, example
from shared_code.database.stores.reviews.review_lists import ReviewFilter
from shared_code.database.stores.reviews.review_rows import PENDING, POSTPONED

router = APIRouter(tags=["reviews"])


class CountQuery(Sent):
    """Which reviews are counted."""

    company_id: CompanyId | None = None
    reason: Text100 | None = None


class ReviewCounts(BaseModel):
    """Reviews that nobody has decided about, each counted up to 10,000."""

    model_config = example(pending=17, postponed=2)

    pending: int
    postponed: int


@router.get("/reviews/counts", responses=failures())
def count_reviews(context: ReviewContext, query: Annotated[CountQuery, Query()]) -> Envelope[ReviewCounts]:
    """How many reviews wait for a person."""
    company, desk = context.principal.company(query.company_id), context.services.reviews.desk
    found = {
        state: desk.count_left(ReviewFilter(state, company, query.reason or None)) for state in (PENDING, POSTPONED)
    }
    return context.success(f"{found[PENDING]} wait", ReviewCounts(**found))
