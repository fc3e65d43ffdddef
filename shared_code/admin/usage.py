"""/usage: what was used, by day, company, branch, user, token, model or source, right to the second."""

from collections.abc import Sequence
from dataclasses import asdict, fields
from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BeforeValidator, Field, PlainSerializer

from shared_code.admin.dependencies import ReportsContext
from shared_code.admin.envelope import Envelope, Page, failures, shown_as
from shared_code.admin.fields import CompanyId, GivenDay, PageQuery, SmallId, Text100, example, fields_of
from shared_code.database.stores.usage.usage_reports import GroupBy, UsageFilter, UsageLine
from shared_code.exports.csv_file import csv_text
from shared_code.exports.formats import Format, chosen_format

router = APIRouter(tags=["usage"])

_AMOUNTS = [each.name for each in fields(UsageLine) if each.name not in {group.field for group in GroupBy}]


def _split(value: Any) -> Any:
    """``day,company`` is the same as the parameter twice."""
    return value[0].split(",") if isinstance(value, list) and len(value) == 1 and "," in value[0] else value


class UsageQuery(PageQuery):
    """Which use, and what there is a line for."""

    first_day: Annotated[
        GivenDay | None,
        Field(alias="from", description="First day, in the company's own days; 30 days back by default."),
    ] = None
    last_day: Annotated[GivenDay | None, Field(alias="to", description="Last day, included; today by default.")] = None
    group_by: Annotated[
        list[GroupBy],
        BeforeValidator(_split),
        Field(min_length=1, max_length=7, description="One or more, also joined by commas.", examples=[["day"]]),
    ] = [GroupBy.DAY]  # noqa: RUF012 - pydantic copies defaults
    company_id: CompanyId | None = None
    branch: Text100 | None = None
    user: Text100 | None = None
    token_id: SmallId | None = None
    model: Text100 | None = None
    source: Annotated[Text100 | None, Field(description="The way in, such as `http` or `blob`.")] = None
    form: Annotated[
        Literal["json", "csv"] | None,
        Field(
            alias="format", description="`csv` holds all lines, up to 100,000; else by `Accept: text/csv`, else JSON."
        ),
    ] = None


class UsageView(fields_of(UsageLine)):  # type: ignore[misc] # its fields are known at run time
    """One line. What the report is not grouped by is null, and so is what a call did not name."""

    model_config = example(
        day="2026-11-21",
        company_id=None,
        branch=None,
        user=None,
        token_id=None,
        model=None,
        source=None,
        requests=42,
        errors=1,
        unmeasured=0,
        input_tokens=51200,
        output_tokens=18100,
        thoughts_tokens=0,
        cached_tokens=0,
        total_tokens=69300,
        cost_usd="0.02184000",
        unpriced=0,
    )

    cost_usd: Annotated[Decimal, PlainSerializer(lambda cost: format(cost, "f"), return_type=str)]


@router.get(
    "/usage",
    response_model=Envelope[Page[UsageView]],
    responses={**failures(), 200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
def report_usage(context: ReportsContext, query: Annotated[UsageQuery, Query()], request: Request) -> Any:
    """Sums over a range of days. Days are those of each company's own time zone.

    Pages are cut by number of lines: a line that appears between two pages (the first use of a new user) moves the
    others. `format=csv` gives all lines as of one moment.
    """
    company = context.principal.company(query.company_id)
    first, last = context.services.usage_reports.days(company, query.first_day, query.last_day)
    wanted = UsageFilter(
        first_day=first,
        last_day=last,
        company_id=company,
        branch=query.branch,
        user=query.user,
        token_id=query.token_id,
        model=query.model,
        source=query.source,
    )
    if chosen_format(query.form, request.headers.get("accept")) is Format.CSV:
        return _csv(context.services.usage_reports.whole(wanted, query.group_by), wanted, query.group_by)
    skip = query.cursor or 0
    lines = context.services.usage_reports.page(wanted, query.group_by, skip=skip, limit=query.limit + 1)
    following = str(skip + query.limit) if len(lines) > query.limit else None
    items = [shown_as(UsageView)(line) for line in lines[: query.limit]]
    return context.success(f"{first} to {last}", Page[UsageView](items=items, next_cursor=following))


def _csv(lines: Sequence[UsageLine], wanted: UsageFilter, group_by: Sequence[GroupBy]) -> Response:
    columns = [*dict.fromkeys(group.field for group in group_by), *_AMOUNTS]
    name = f"usage-{wanted.first_day}-{wanted.last_day}.csv"
    return Response(
        csv_text(columns, (asdict(line) for line in lines)),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
