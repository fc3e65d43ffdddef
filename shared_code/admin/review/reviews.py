"""/reviews: readings that a person looks at, and what is decided about them."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import Field

from shared_code.admin.dependencies import ReviewContext, RouteContext
from shared_code.admin.envelope import Envelope, Page, failures
from shared_code.admin.fields import CompanyId, GivenAmount, IfMatch, ReadingIdPath, Sent, Text100, etag, versions
from shared_code.admin.review.views import (
    DecisionSent,
    DocumentView,
    NextReview,
    PositionView,
    ReviewSummary,
    ReviewView,
    State,
    decision_view,
    earlier_view,
    summary,
    summary_facts,
)
from shared_code.database.stores.reviews.review_lists import ReviewFilter
from shared_code.database.stores.reviews.review_rows import PENDING, Review
from shared_code.errors import ConfigurationError, Gone, InvalidRequest, NotFound, StorageUnavailable
from shared_code.extraction.evidence_data import EvidenceWanted
from shared_code.labels import read_company_id
from shared_code.reviews.desk import CURSOR, History, place_text, read_place

router = APIRouter(tags=["reviews"])

_ETAG: dict[str, Any] = {
    "ETag": {"schema": {"type": "string"}, "description": "The version that you decide about; for `If-Match`."}
}


class ReviewQuery(Sent):
    """Filters and order of the list. By amount the largest come first, whatever their currency."""

    state: State = "pending"
    company_id: CompanyId | None = None
    reason: Text100 | None = None
    min_amount: Annotated[GivenAmount | None, Field(description="In the invoice's own currency.")] = None
    order: Literal["oldest", "newest", "amount"] = "oldest"
    limit: Annotated[int, Field(ge=1, le=500, description="Items of one page.")] = 100
    cursor: Annotated[
        str | None, Field(pattern=CURSOR, description="`next_cursor` of the page before.", examples=["100"])
    ] = None


@router.get("/reviews", responses=failures())
def list_reviews(context: ReviewContext, query: Annotated[ReviewQuery, Query()]) -> Envelope[Page[ReviewSummary]]:
    """Reviews in a state, pending ones unless another is named. Postponed ones are pending again when it is time."""
    company = context.principal.company(query.company_id)
    wanted = ReviewFilter(query.state, company, query.reason, query.min_amount)
    found = context.services.reviews.desk.find_page(
        wanted, order=query.order, after=read_place(query.cursor), limit=query.limit + 1
    )
    shown = found[: query.limit]
    following = place_text(shown[-1]) if len(found) > query.limit else None
    names = context.services.reviews.desk.names(shown)
    items = [summary(row, names) for row in shown]
    return context.success(f"{len(items)} found", Page(items=items, next_cursor=following))


@router.post("/reviews/next", responses=failures())
def take_next_review(context: ReviewContext, wanted: NextReview) -> Envelope[ReviewSummary | None]:
    """Take the next pending review for ten minutes: nobody else gets it. `data` is null when none is left."""
    asked = None if not wanted.company_id else read_company_id(wanted.company_id.strip())
    if wanted.company_id and asked is None:
        raise InvalidRequest("company_id is not the id of a company.", details={"field": "company_id"})
    chosen = ReviewFilter(PENDING, context.principal.company(asked), wanted.reason or None, wanted.min_amount)
    found = context.services.reviews.desk.take_next(
        chosen, context.actor, order=wanted.order, after=wanted.after or None
    )
    if found is None:
        return context.success("No review is left", None)
    return context.success(f"Review {found.reading_id} is yours", _summary(context, found))


@router.post("/reviews/{extraction_id}/take", responses=failures(404, 409, 410))
def take_review(context: ReviewContext, extraction_id: ReadingIdPath) -> Envelope[ReviewSummary]:
    """Take this review for ten minutes, or for ten more. A reading that nobody asked for gets a review by it."""
    found = context.services.reviews.desk.take(extraction_id, context.actor)
    return context.success(f"Review {extraction_id} is yours", _summary(context, found))


@router.post("/reviews/{extraction_id}/release", responses=failures(404))
def release_review(context: ReviewContext, extraction_id: ReadingIdPath) -> Envelope[ReviewSummary]:
    """Give a review back that you have taken; one that is not yours stays as it is."""
    found = context.services.reviews.desk.release(extraction_id, context.actor)
    return context.success(f"Review {extraction_id}", _summary(context, found))


@router.get("/reviews/{extraction_id}", responses={**failures(404, 410), 200: {"headers": _ETAG}})
def get_review(context: ReviewContext, extraction_id: ReadingIdPath, response: Response) -> Envelope[ReviewView]:
    """One review with its reading as it is answered now and as it was read, and what was decided before."""
    desk = context.services.reviews.desk
    review = desk.find(extraction_id, bound_to=context.principal.company_id)
    found = desk.history(extraction_id)
    return _shown(context, found.review or review, found, response)


@router.post("/reviews/{extraction_id}/decision", responses={**failures(404, 409, 410, 412), 200: {"headers": _ETAG}})
def decide_review(
    context: ReviewContext,
    extraction_id: ReadingIdPath,
    body: DecisionSent,
    response: Response,
    if_match: IfMatch = None,
) -> Envelope[ReviewSummary]:
    """Decide: the answers have the corrected values from now on, and the company is told (`review.decided`).

    The same decision again is none. Without `If-Match` a review that was decided before is refused (409), and with it
    one of another version (412): `error.details` say who decided what and when.
    """
    desk = context.services.reviews.desk
    found = desk.decide(extraction_id, body.wanted(), context.actor, matches=versions(if_match))
    response.headers["ETag"] = etag(str(found.version))
    return context.success(f"Review {extraction_id} is {found.state}", _summary(context, found))


def _summary(context: RouteContext, found: Review) -> ReviewSummary:
    return summary(found, context.services.reviews.desk.names([found]))


def _shown(context: RouteContext, review: Review, found: History, response: Response) -> Envelope[ReviewView]:
    services, reading_id = context.services, review.reading_id
    both = services.stored_readings.find_both(reading_id, evidence=EvidenceWanted.LINES)
    if both is None:
        raise Gone("This reading was erased.", details={"field": "extraction_id"})
    left = services.reviews.desk.count_left(ReviewFilter(PENDING, review.company_id))
    # A decision between the two looks would make it another version than the data's: the older one is refused then.
    response.headers["ETag"] = etag(str(review.version))
    corrected = found.earlier.corrections if found.earlier else []
    names = services.reviews.desk.names([review], found.decisions, corrected)
    view = ReviewView(
        **summary_facts(review, names),
        data=dict(both[0]),
        original=dict(both[1]),
        history=[decision_view(one, names) for one in found.decisions],
        earlier=earlier_view(found.earlier, names),
        document=_document(context, reading_id),
        position=PositionView(left=left),
    )
    return context.success(f"Review {reading_id}", view)


def _document(context: RouteContext, reading_id: str) -> DocumentView:
    pages = context.services.blobs.pages
    try:
        viewed = pages.find(reading_id)
        found = None if viewed is None else pages.pages(viewed)
    except (StorageUnavailable, ConfigurationError):
        return DocumentView(kept=False, kind=None, pages=0, unavailable_reason="storage_unavailable")
    except (Gone, NotFound):
        found = None
    if found is None:
        return DocumentView(kept=False, kind=None, pages=0, unavailable_reason="not_kept")
    return DocumentView(kept=found.kept, kind=found.kind, pages=len(found.pages), unavailable_reason=found.reason)
