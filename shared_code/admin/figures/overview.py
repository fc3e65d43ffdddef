"""/overview: how the service stands at a glance."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from shared_code.admin.dependencies import ReportsContext
from shared_code.admin.envelope import Envelope, failures, shown_as
from shared_code.admin.fields import CompanyId, Sent, example, fields_of
from shared_code.admin.token_models import TokenView
from shared_code.operations.overview import SAMPLE, ModelTimes, overview

router = APIRouter(tags=["usage"])


class OverviewQuery(Sent):
    """Which figures."""

    company_id: CompanyId | None = None


class ModelTimesView(fields_of(ModelTimes)):  # type: ignore[misc] # its fields are known at run time
    """How long the last calls of a model took, in milliseconds."""

    model_config = example(model="gemini-3.5-flash-lite", calls=1800, p50=2100, p95=5400)


class OverviewView(BaseModel):
    """Figures of the newest calls and readings, and the keys that are nearest to their end.

    `verdicts` counts `readings` by what they came to (`failed` for nothing); `for_review` of them are, or were, for a
    person to look at.
    """

    model_config = example(
        times=[{"model": "gemini-3.5-flash-lite", "calls": 1800, "p50": 2100, "p95": 5400}],
        readings=2000,
        verdicts={"ok": 1900, "needs_review": 90, "failed": 10},
        for_review=90,
        low_keys=[],
    )

    times: list[ModelTimesView]
    readings: int
    verdicts: dict[str, int]
    for_review: int
    low_keys: list[TokenView]


@router.get("/overview", responses=failures(), description=f"Figures of the newest {SAMPLE} calls and readings.")
def get_overview(context: ReportsContext, query: Annotated[OverviewQuery, Query()]) -> Envelope[OverviewView]:
    """How the service stands."""
    company = context.principal.company(query.company_id)
    found = overview(context.services.database, context.services.forecasts, company)
    view = OverviewView(
        times=[shown_as(ModelTimesView)(times) for times in found.times],
        readings=found.readings,
        verdicts=found.verdicts,
        for_review=found.for_review,
        low_keys=[TokenView.of(key, end) for key, end in found.low_keys],
    )
    return context.success("How the service stands", view)
