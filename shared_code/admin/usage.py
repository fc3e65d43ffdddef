"""/usage: what was used, by day, company, branch, user, token or model, right to the second."""

from dataclasses import asdict
from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from shared_code.admin.csv_export import MAX_ROWS, csv_text
from shared_code.admin.dependencies import CompanyDesk, Desk
from shared_code.admin.envelope import Envelope, Page, failures
from shared_code.admin.fields import CompanyId, GivenDay, PageQuery, SmallId, Text100
from shared_code.database.stores import company_zones
from shared_code.database.stores.usage_reports import GroupBy, UsageFilter, UsageLine, usage_report
from shared_code.errors import InvalidRequest
from shared_code.periods import latest_day, local_day, zone

router = APIRouter(tags=["usage"])

_DEFAULT_DAYS = 30
_AMOUNTS = [
    "requests",
    "errors",
    "unmeasured",
    "input_tokens",
    "output_tokens",
    "thoughts_tokens",
    "cached_tokens",
    "total_tokens",
    "cost_usd",
    "unpriced",
]
_KEYS = {
    GroupBy.DAY: "day",
    GroupBy.COMPANY: "company_id",
    GroupBy.BRANCH: "branch",
    GroupBy.USER: "user",
    GroupBy.TOKEN: "token_id",
    GroupBy.MODEL: "model",
}


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
        Field(min_length=1, max_length=6, description="One or more, also joined by commas.", examples=[["day"]]),
    ] = [GroupBy.DAY]  # noqa: RUF012 - pydantic copies defaults
    company_id: CompanyId | None = None
    branch: Text100 | None = None
    user: Text100 | None = None
    token_id: SmallId | None = None
    model: Text100 | None = None
    form: Annotated[
        Literal["json", "csv"], Field(alias="format", description="csv holds all lines, up to 100,000.")
    ] = "json"


class UsageView(BaseModel):
    """One line. What the report is not grouped by is null, and so is what a call did not name."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "day": "2026-11-21",
                "company_id": None,
                "branch": None,
                "user": None,
                "token_id": None,
                "model": None,
                "requests": 42,
                "errors": 1,
                "unmeasured": 0,
                "input_tokens": 51200,
                "output_tokens": 18100,
                "thoughts_tokens": 0,
                "cached_tokens": 0,
                "total_tokens": 69300,
                "cost_usd": "0.02184000",
                "unpriced": 0,
            }
        }
    )

    day: date | None
    company_id: str | None
    branch: str | None
    user: str | None
    token_id: int | None
    model: str | None
    requests: int
    errors: int
    unmeasured: int
    input_tokens: int
    output_tokens: int
    thoughts_tokens: int
    cached_tokens: int
    total_tokens: int
    cost_usd: Annotated[Decimal, PlainSerializer(lambda cost: format(cost, "f"), return_type=str)]
    unpriced: int


@router.get(
    "/usage",
    response_model=Envelope[Page[UsageView]],
    responses={**failures(), 200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
def report(desk: CompanyDesk, query: Annotated[UsageQuery, Query()]) -> Any:
    """Sums over a range of days. Days are those of each company's own time zone.

    Pages are cut by number of lines: a line that appears between two pages (the first use of a new user) moves the
    others. `format=csv` gives all lines as of one moment.
    """
    wanted = _filter(desk, query)
    groups = list(dict.fromkeys(query.group_by))
    if query.form == "csv":
        return _csv(desk, wanted, groups)
    skip = query.position or 0
    lines = desk.read(
        lambda connection: usage_report(connection, wanted, group_by=groups, skip=skip, limit=query.limit + 1)
    )
    following = str(skip + query.limit) if len(lines) > query.limit else None
    items = [UsageView(**asdict(line)) for line in lines[: query.limit]]
    return desk.success(f"{wanted.first_day} to {wanted.last_day}", Page[UsageView](items=items, next_cursor=following))


def _filter(desk: Desk, query: UsageQuery) -> UsageFilter:
    company = desk.principal.company(query.company_id)
    # A range that begins in the future has no use in it, which is an answer.
    last = query.last_day or max(_today(desk, company), query.first_day or date.min)
    first = query.first_day or last - timedelta(days=min(_DEFAULT_DAYS, (last - date.min).days))
    if first > last:
        raise InvalidRequest("from is later than to.", details={"field": "from"})
    return UsageFilter(
        first_day=first,
        last_day=last,
        company_id=company,
        branch=query.branch,
        user=query.user,
        token_id=query.token_id,
        model=query.model,
    )


def _today(desk: Desk, company: str | None) -> date:
    """The company's present day; without a company the latest one that there is anywhere."""
    services = desk.services
    if company is None:
        return latest_day(services.clock())
    name = desk.read(lambda connection: company_zones.company_zone(connection, company))
    return local_day(services.clock(), zone(name, services.settings.default_time_zone))


def _csv(desk: Desk, wanted: UsageFilter, groups: list[GroupBy]) -> Response:
    lines: list[UsageLine] = desk.read(
        lambda connection: usage_report(connection, wanted, group_by=groups, limit=MAX_ROWS + 1)
    )
    if len(lines) > MAX_ROWS:
        raise InvalidRequest(
            f"The report has more than {MAX_ROWS} lines. Take fewer days, name a company, or group by less.",
            details={"field": "group_by", "limit": MAX_ROWS},
        )
    columns = [_KEYS[group] for group in groups] + _AMOUNTS
    name = f"usage-{wanted.first_day}-{wanted.last_day}.csv"
    return Response(
        csv_text(columns, (asdict(line) for line in lines)),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
