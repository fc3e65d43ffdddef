"""/overview/charts: what was used, day by day, of all and of the largest: all charts of the overview in one answer."""

from decimal import Decimal
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field, PlainSerializer

from shared_code.admin.dependencies import ReportsContext
from shared_code.admin.envelope import Envelope, failures, shown_as
from shared_code.admin.fields import CompanyId, GivenDay, Sent, example, fields_of
from shared_code.database.stores.usage.usage_charts import DayUse
from shared_code.database.stores.usage.usage_reports import GroupBy, UsageFilter

router = APIRouter(tags=["usage"])

#: as many as a chart has colours for, beside "others"
_MOST = 7


class ChartsQuery(Sent):
    """Which use, and what it is split by."""

    first_day: Annotated[
        GivenDay | None,
        Field(alias="from", description="First day, in the company's own days; 30 days back by default."),
    ] = None
    last_day: Annotated[GivenDay | None, Field(alias="to", description="Last day, included; today by default.")] = None
    by: Annotated[
        Literal[GroupBy.COMPANY, GroupBy.MODEL, GroupBy.SOURCE], Field(description="What there is a chart for.")
    ] = GroupBy.COMPANY
    company_id: CompanyId | None = None


class DayUseView(fields_of(DayUse)):  # type: ignore[misc] # its fields are known at run time
    """The use of one day. Unknown counts add nothing."""

    model_config = example(
        day="2026-11-21", requests=42, errors=1, total_tokens=69300, cost_usd="0.02184000", unpriced=0
    )

    cost_usd: Annotated[Decimal, PlainSerializer(lambda cost: format(cost, "f"), return_type=str)]


class ChartView(BaseModel):
    """The days with use, of all (`name` is null) or of what has this name."""

    model_config = example(name="NT047", days=[])

    name: str | None
    days: list[DayUseView]


class ChartsView(BaseModel):
    """All use, then that of those with the most requests, the largest first."""

    model_config = example(charts=[{"name": "NT047", "days": []}])

    charts: list[ChartView]


@router.get("/overview/charts", responses=failures())
def get_charts(context: ReportsContext, query: Annotated[ChartsQuery, Query()]) -> Envelope[ChartsView]:
    """What was used day by day: of all, and of the seven companies, models or ways in with the most requests."""
    company = context.principal.company(query.company_id)
    reports = context.services.usage_reports
    first, last = reports.days(company, query.first_day, query.last_day)
    found = reports.charts(UsageFilter(first, last, company_id=company), GroupBy(query.by), most=_MOST)
    charts = [ChartView(name=chart.name, days=[shown_as(DayUseView)(day) for day in chart.days]) for chart in found]
    return context.success(f"{first} to {last}", ChartsView(charts=charts))
