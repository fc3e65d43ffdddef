"""/review-accuracy: how often persons had to correct what was read."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from shared_code.admin.dependencies import ReadingsContext
from shared_code.admin.envelope import Envelope, failures
from shared_code.admin.fields import CompanyId, GivenDay, Sent, example, fields_of
from shared_code.reviews.accuracy import AccuracyItem, AccuracyReport

router = APIRouter(tags=["reviews"])

_ITEM = {"key": "total", "label": "total", "decided": 240, "corrected": 6, "accuracy": 0.975}


class AccuracyQuery(Sent):
    """Which decisions, and how they are grouped."""

    company_id: CompanyId | None = None
    first_day: Annotated[
        GivenDay | None, Field(alias="from", description="First day (UTC); twelve weeks when it is left out.")
    ] = None
    last_day: Annotated[GivenDay | None, Field(alias="to", description="Last day, included; else today.")] = None
    group_by: Literal["field", "seller", "week"] = "field"


class AccuracyItemView(fields_of(AccuracyItem)):  # type: ignore[misc] # its fields are known at run time
    """One field, seller or week: of so many readings in so many it was corrected. `accuracy` is the share of others.

    `key` is a path without numbers (`line_items[].net_amount`), the digest of a seller (null = unknown), or a Monday.
    """

    model_config = example(**_ITEM)


class AccuracyView(fields_of(AccuracyReport, without={"items"})):  # type: ignore[misc] # as above
    """Readings that persons confirmed or corrected, and those of them with corrections."""

    model_config = example(
        first_day="2026-09-07", last_day="2026-11-29", decided=240, corrected=31, group_by="field", items=[_ITEM]
    )

    group_by: str
    items: list[AccuracyItemView]


@router.get("/review-accuracy", responses=failures())
def report_review_accuracy(
    context: ReadingsContext, query: Annotated[AccuracyQuery, Query()]
) -> Envelope[AccuracyView]:
    """How well documents were read, by what persons decided: by field (most corrected first), by seller or by week.

    A reading counts once, by its last decision; rejected ones do not count. Sellers are the 100 with the most readings.
    """
    company = context.principal.company(query.company_id)
    found = context.services.review_accuracy.report(company, query.first_day, query.last_day, group_by=query.group_by)
    items = [AccuracyItemView.model_validate(item, from_attributes=True) for item in found.items]
    facts = {name: getattr(found, name) for name in ("first_day", "last_day", "decided", "corrected")}
    return context.success(
        f"{found.first_day} to {found.last_day}", AccuracyView(**facts, group_by=query.group_by, items=items)
    )
