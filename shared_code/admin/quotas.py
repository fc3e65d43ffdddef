"""/quotas: daily and monthly limits of a company, or of a branch, a user or another owner within it."""

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union

from fastapi import APIRouter, Body, Query, Response
from pydantic import BaseModel, ConfigDict, Field, create_model

from shared_code.admin.dependencies import QuotasContext, ReportsContext, RouteContext
from shared_code.admin.envelope import Envelope, Page, failures
from shared_code.admin.fields import (
    NOT_BLANK,
    CompanyId,
    IfMatch,
    Moment,
    PageQuery,
    QuotaIdPath,
    Sent,
    Tokens,
    etag,
    example,
    versions,
    without_default,
)
from shared_code.database.stores.quotas import quota_scopes
from shared_code.database.stores.quotas.quota_scopes import QuotaScope
from shared_code.operations.quota_states import QuotaState, quota_facts, version_of

router = APIRouter(tags=["quotas"])

_ETAG = {"ETag": {"schema": {"type": "string"}, "description": "For If-Match of a change."}}


class QuotaView(BaseModel):
    """A quota and what its running day and month have used. Amounts are model tokens."""

    model_config = example(
        quota_id=1,
        company_id="NT047",
        scope="user",
        subject="bzumah",
        daily_limit=50000,
        monthly_limit=None,
        daily_used=3100,
        daily_reserved=0,
        monthly_used=0,
        monthly_reserved=0,
        daily_resets_at="2026-11-22T00:00:00+00:00",
        monthly_resets_at="2026-12-01T00:00:00+00:00",
        run_out_day=None,
    )

    quota_id: int
    company_id: str
    scope: str
    subject: str | None
    daily_limit: int | None
    monthly_limit: int | None
    daily_used: int
    daily_reserved: int
    monthly_used: int
    monthly_reserved: int
    daily_resets_at: Moment
    monthly_resets_at: Moment
    #: the company's local day on which the monthly limit ends before its month, at the pace of the last 14 days
    run_out_day: date | None

    @classmethod
    def of(cls, state: QuotaState, run_out_day: date | None) -> "QuotaView":
        """What is shown of a quota."""
        return cls(**quota_facts(state), run_out_day=run_out_day)


def _example(values: Mapping[str, Any]) -> ConfigDict:
    """The configuration of a new quota: one limit is needed."""
    one_limit: list[Any] = [{"required": ["daily_limit"]}, {"required": ["monthly_limit"]}]
    return ConfigDict(
        extra="forbid", json_schema_extra={"anyOf": one_limit, "example": {"company_id": "NT047", **values}}
    )


class _NewQuota(BaseModel):
    """What every new quota has. A limit that is left out is none; one is needed."""

    company_id: CompanyId
    daily_limit: Tokens = Field(default=0, json_schema_extra=without_default)
    monthly_limit: Tokens = Field(default=0, json_schema_extra=without_default)

    def limits(self) -> tuple[int | None, int | None]:
        """Those that were given."""
        given = self.model_fields_set
        return (
            self.daily_limit if "daily_limit" in given else None,
            self.monthly_limit if "monthly_limit" in given else None,
        )


class CompanyQuota(_NewQuota):
    """A quota of a whole company."""

    model_config = _example({"scope": quota_scopes.COMPANY, "monthly_limit": 5000000})

    scope: Literal["company"]
    subject: None = None


def _labelled(scope: QuotaScope) -> type[_NewQuota]:
    """The model of a new quota of one scope, such as ``BranchQuota``."""
    fields: dict[str, Any] = {
        "scope": Literal[scope.name],
        "subject": Annotated[str, Field(max_length=scope.longest, pattern=NOT_BLANK)],
    }
    return create_model(
        f"{scope.name.title()}Quota",
        __base__=_NewQuota,
        __cls_kwargs__={**_example({"scope": scope.name, **scope.example})},
        __doc__=f"A quota of {scope.about}.",
        **fields,
    )


#: the models of a new quota, one for each scope
NEW_QUOTAS: tuple[type[_NewQuota], ...] = (CompanyQuota, *map(_labelled, quota_scopes.LABELLED))

if TYPE_CHECKING:
    Scope = str

    class QuotaCreate(_NewQuota):
        """What each of the models below has, whatever its scope."""

        scope: Scope
        subject: str | None

else:  # made from the table of scopes, which a type checker cannot follow
    Scope = Literal[quota_scopes.NAMES]
    QuotaCreate = Annotated[Union[*NEW_QUOTAS], Field(discriminator="scope"), Body()]


class QuotaQuery(PageQuery):
    """Filters of the list."""

    company_id: CompanyId | None = None
    scope: Scope | None = None


class QuotaChange(Sent):
    """What is to be changed. A limit that is left out stays; null takes it away, but one must be left."""

    model_config = example(daily_limit=80000)

    daily_limit: Tokens | None = None
    monthly_limit: Tokens | None = None


class Deleted(BaseModel):
    """What was taken away."""

    quota_id: Annotated[int, Field(examples=[1])]


@router.get("/quotas", responses=failures())
def list_quotas(context: ReportsContext, query: Annotated[QuotaQuery, Query()]) -> Envelope[Page[QuotaView]]:
    """Quotas in ascending order of id."""
    company = context.principal.company(query.company_id)
    found = context.services.quota_administration.page(
        company_id=company, scope=query.scope, after_id=query.cursor or 0, limit=query.limit + 1
    )
    ends = context.services.forecasts.of_quotas([state.quota for state in found])
    return context.page(
        found,
        query.limit,
        show=lambda state: QuotaView.of(state, ends.get(state.quota.quota_id)),
        cursor=lambda state: state.quota.quota_id,
    )


@router.post("/quotas", status_code=201, responses={**failures(409), 201: {"headers": _ETAG}})
def add_quota(context: QuotasContext, body: QuotaCreate, response: Response) -> Envelope[QuotaView]:
    """Make a quota. What was used earlier in the running day and month counts."""
    state = context.services.quota_administration.add(
        company_id=body.company_id, scope=body.scope, subject=body.subject, limits=body.limits(), actor=context.actor
    )
    return _answer(context, state, response, f"Quota {state.quota.quota_id} was added")


@router.get("/quotas/{quota_id}", responses={**failures(404), 200: {"headers": _ETAG}})
def get_quota(context: ReportsContext, quota_id: QuotaIdPath, response: Response) -> Envelope[QuotaView]:
    """One quota."""
    state = context.services.quota_administration.get(quota_id, bound_to=context.principal.company_id)
    return _answer(context, state, response, f"Quota {quota_id}")


@router.patch("/quotas/{quota_id}", responses={**failures(404, 409, 412), 200: {"headers": _ETAG}})
def change_quota(
    context: QuotasContext, quota_id: QuotaIdPath, body: QuotaChange, response: Response, if_match: IfMatch = None
) -> Envelope[QuotaView]:
    """Change limits. The running periods take them at once; calls that run end as they were reserved."""
    given = body.model_fields_set
    state = context.services.quota_administration.change(
        quota_id,
        context.actor,
        limits=lambda quota: (
            body.daily_limit if "daily_limit" in given else quota.daily_limit,
            body.monthly_limit if "monthly_limit" in given else quota.monthly_limit,
        ),
        if_version=versions(if_match),
    )
    return _answer(context, state, response, f"Quota {quota_id} was changed")


@router.post("/quotas/{quota_id}/reset", responses={**failures(404, 412), 200: {"headers": _ETAG}})
def reset_quota(
    context: QuotasContext, quota_id: QuotaIdPath, response: Response, if_match: IfMatch = None
) -> Envelope[QuotaView]:
    """Let the running day and month begin at zero again. Usage reports are not changed by it."""
    state = context.services.quota_administration.reset(quota_id, context.actor, if_version=versions(if_match))
    return _answer(context, state, response, f"Quota {quota_id} begins at zero again")


@router.delete("/quotas/{quota_id}", responses=failures(404, 412))
def delete_quota(context: QuotasContext, quota_id: QuotaIdPath, if_match: IfMatch = None) -> Envelope[Deleted]:
    """Take a quota away."""
    context.services.quota_administration.delete(quota_id, context.actor, if_version=versions(if_match))
    return context.success(f"Quota {quota_id} was deleted", Deleted(quota_id=quota_id))


def _answer(context: RouteContext, state: QuotaState, response: Response, message: str) -> Envelope[QuotaView]:
    response.headers["ETag"] = etag(version_of(state.quota))
    ends = context.services.forecasts.of_quotas([state.quota])
    return context.success(message, QuotaView.of(state, ends.get(state.quota.quota_id)))
