"""/tokens: the companies' keys."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query, Response

from shared_code.admin.dependencies import CompanyDesk, Desk, OperatorDesk
from shared_code.admin.envelope import Envelope, Page, failures
from shared_code.admin.fields import IfMatch, TokenIdPath, etag, versions
from shared_code.admin.token_models import (
    TokenChange,
    TokenCreate,
    TokenQuery,
    TokenRotate,
    TokenTestView,
    TokenView,
)
from shared_code.database.stores import tokens as store
from shared_code.database.stores.tokens import ApiKeyRow
from shared_code.errors import NotFound
from shared_code.metering.forecast import key_run_out_days
from shared_code.operations.tokens import NewToken, version_of
from shared_code.records import KeyStatus

router = APIRouter(tags=["tokens"])

_ETAG = {"ETag": {"schema": {"type": "string"}, "description": "For If-Match of a change."}}


@router.get("/tokens", responses=failures())
def list_tokens(desk: CompanyDesk, query: Annotated[TokenQuery, Query()]) -> Envelope[Page[TokenView]]:
    """Keys in ascending order of id."""
    company = desk.principal.company(query.company_id)
    rows = desk.read(
        lambda connection: store.list_tokens(
            connection,
            company_id=company,
            status=KeyStatus.parse(query.status) if query.status else None,
            after_id=query.position or 0,
            limit=query.limit + 1,
        )
    )
    ends = _run_out_days(desk, rows)
    return desk.page(
        rows, query.limit, show=lambda row: TokenView.of(row, ends[row.token_id]), cursor=lambda row: row.token_id
    )


@router.post("/tokens", status_code=201, responses={**failures(409), 201: {"headers": _ETAG}})
def add_token(desk: OperatorDesk, body: TokenCreate, response: Response) -> Envelope[TokenView]:
    """Add a key. One that the company has already, in whatever status, is refused."""
    new = NewToken(**{**body.model_dump(), "api_key": body.api_key.get_secret_value()})
    row = desk.services.token_administration.add(new, desk.actor)
    return _answer(desk, row, response, f"Token {row.token_id} was added")


@router.get("/tokens/{token_id}", responses={**failures(404), 200: {"headers": _ETAG}})
def get_token(desk: CompanyDesk, token_id: TokenIdPath, response: Response) -> Envelope[TokenView]:
    """One key."""
    try:
        row = desk.services.token_administration.get(token_id)
    except NotFound:
        desk.own(None)
        raise
    desk.own(row.company_id)
    return _answer(desk, row, response, f"Token {token_id}")


@router.patch("/tokens/{token_id}", responses={**failures(404, 409, 412), 200: {"headers": _ETAG}})
def change_token(
    desk: OperatorDesk, token_id: TokenIdPath, body: TokenChange, response: Response, if_match: IfMatch = None
) -> Envelope[TokenView]:
    """Change what is given. A lowered limit binds new calls; running ones end as they were reserved."""
    row = desk.services.token_administration.change(
        token_id, body.model_dump(exclude_unset=True), desk.actor, if_version=versions(if_match)
    )
    return _answer(desk, row, response, f"Token {token_id} was changed")


@router.delete("/tokens/{token_id}", responses={**failures(404, 412), 200: {"headers": _ETAG}})
def disable_token(
    desk: OperatorDesk, token_id: TokenIdPath, response: Response, if_match: IfMatch = None
) -> Envelope[TokenView]:
    """Disable a key. Its row and its usage stay; it can be activated again."""
    row = _set_status(desk, token_id, KeyStatus.DISABLED, if_match)
    return _answer(desk, row, response, f"Token {token_id} is disabled")


@router.post("/tokens/{token_id}/rotate", responses={**failures(404, 409, 412), 200: {"headers": _ETAG}})
def rotate_token(
    desk: OperatorDesk, token_id: TokenIdPath, body: TokenRotate, response: Response, if_match: IfMatch = None
) -> Envelope[TokenView]:
    """Put a new key in place of the old one. Limits, use and history stay; calls that run end with the old key."""
    row = desk.services.token_administration.rotate(
        token_id, body.api_key.get_secret_value(), desk.actor, if_version=versions(if_match)
    )
    return _answer(desk, row, response, f"Token {token_id} has a new key")


@router.post("/tokens/{token_id}/block", responses={**failures(404, 412), 200: {"headers": _ETAG}})
def block_token(
    desk: OperatorDesk, token_id: TokenIdPath, response: Response, if_match: IfMatch = None
) -> Envelope[TokenView]:
    """Take a key out of service."""
    row = _set_status(desk, token_id, KeyStatus.BLOCKED, if_match)
    return _answer(desk, row, response, f"Token {token_id} is blocked")


@router.post("/tokens/{token_id}/activate", responses={**failures(404, 409, 412), 200: {"headers": _ETAG}})
def activate_token(
    desk: OperatorDesk, token_id: TokenIdPath, response: Response, if_match: IfMatch = None
) -> Envelope[TokenView]:
    """Put a key back into service and end its rest. One whose end date has passed is refused."""
    row = _set_status(desk, token_id, KeyStatus.ACTIVE, if_match)
    return _answer(desk, row, response, f"Token {token_id} is active")


@router.post("/tokens/{token_id}/test", responses=failures(404))
def test_token(desk: OperatorDesk, token_id: TokenIdPath) -> Envelope[TokenTestView]:
    """Ask the provider for its list of models with this key, which costs no tokens. The key is left as it is."""
    test = desk.services.token_administration.test(token_id, desk.services.providers)
    return desk.success(test.message, TokenTestView.of(test))


def _set_status(desk: Desk, token_id: int, status: KeyStatus, if_match: str | None) -> ApiKeyRow:
    return desk.services.token_administration.set_status(token_id, status, desk.actor, if_version=versions(if_match))


def _answer(desk: Desk, row: ApiKeyRow, response: Response, message: str) -> Envelope[TokenView]:
    response.headers["ETag"] = etag(version_of(row))
    return desk.success(message, _view(desk, row))


def _view(desk: Desk, row: ApiKeyRow) -> TokenView:
    return TokenView.of(row, _run_out_days(desk, [row])[row.token_id])


def _run_out_days(desk: Desk, rows: list[ApiKeyRow]) -> dict[int, date | None]:
    services = desk.services
    if not rows:
        return {}
    return desk.read(
        lambda connection: key_run_out_days(
            connection, rows, now=services.clock(), default_zone=services.settings.default_time_zone
        )
    )
