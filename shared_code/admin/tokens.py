"""/tokens: the companies' keys."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from shared_code.admin.dependencies import KeysContext, ReportsContext, RouteContext
from shared_code.admin.envelope import Envelope, Page, failures, shown_as
from shared_code.admin.fields import IfMatch, TokenIdPath, etag, versions
from shared_code.admin.token_models import (
    TokenChange,
    TokenCreate,
    TokenQuery,
    TokenRotate,
    TokenTestView,
    TokenView,
)
from shared_code.database.stores.keys import tokens as store
from shared_code.database.stores.keys.token_keys import NewToken
from shared_code.database.stores.keys.tokens import StoredKey
from shared_code.operations.tokens import version_of
from shared_code.records import KeyStatus

router = APIRouter(tags=["tokens"])

_ETAG = {"ETag": {"schema": {"type": "string"}, "description": "For If-Match of a change."}}


@router.get("/tokens", responses=failures())
def list_tokens(context: ReportsContext, query: Annotated[TokenQuery, Query()]) -> Envelope[Page[TokenView]]:
    """Keys in ascending order of id."""
    company = context.principal.company(query.company_id)
    rows = context.read(
        lambda connection: store.list_tokens(
            connection,
            company_id=company,
            status=KeyStatus.parse(query.status) if query.status else None,
            after_id=query.cursor or 0,
            limit=query.limit + 1,
        )
    )
    ends = context.services.forecasts.of_keys(rows)
    return context.page(
        rows, query.limit, show=lambda row: TokenView.of(row, ends[row.token_id]), cursor=lambda row: row.token_id
    )


@router.post("/tokens", status_code=201, responses={**failures(409), 201: {"headers": _ETAG}})
def add_token(context: KeysContext, body: TokenCreate, response: Response) -> Envelope[TokenView]:
    """Add a key. One that the company has already, in whatever status, is refused."""
    new = NewToken(**{**body.model_dump(), "api_key": body.api_key.get_secret_value()})
    row = context.services.token_administration.add(new, context.actor)
    return _answer(context, row, response, f"Token {row.token_id} was added")


@router.get("/tokens/{token_id}", responses={**failures(404), 200: {"headers": _ETAG}})
def get_token(context: ReportsContext, token_id: TokenIdPath, response: Response) -> Envelope[TokenView]:
    """One key."""
    row = context.services.token_administration.get(token_id, bound_to=context.principal.company_id)
    return _answer(context, row, response, f"Token {token_id}")


@router.patch("/tokens/{token_id}", responses={**failures(404, 409, 412), 200: {"headers": _ETAG}})
def change_token(
    context: KeysContext, token_id: TokenIdPath, body: TokenChange, response: Response, if_match: IfMatch = None
) -> Envelope[TokenView]:
    """Change what is given. A lowered limit binds new calls; running ones end as they were reserved."""
    row = context.services.token_administration.change(
        token_id, body.model_dump(exclude_unset=True), context.actor, if_version=versions(if_match)
    )
    return _answer(context, row, response, f"Token {token_id} was changed")


@router.delete("/tokens/{token_id}", responses={**failures(404, 412), 200: {"headers": _ETAG}})
def disable_token(
    context: KeysContext, token_id: TokenIdPath, response: Response, if_match: IfMatch = None
) -> Envelope[TokenView]:
    """Disable a key. Its row and its usage stay; it can be activated again."""
    row = _set_status(context, token_id, KeyStatus.DISABLED, if_match)
    return _answer(context, row, response, f"Token {token_id} is disabled")


@router.post("/tokens/{token_id}/rotate", responses={**failures(404, 409, 412), 200: {"headers": _ETAG}})
def rotate_token(
    context: KeysContext, token_id: TokenIdPath, body: TokenRotate, response: Response, if_match: IfMatch = None
) -> Envelope[TokenView]:
    """Put a new key in place of the old one. Limits, use and history stay; calls that run end with the old key."""
    row = context.services.token_administration.rotate(
        token_id, body.api_key.get_secret_value(), context.actor, if_version=versions(if_match)
    )
    return _answer(context, row, response, f"Token {token_id} has a new key")


@router.post("/tokens/{token_id}/block", responses={**failures(404, 412), 200: {"headers": _ETAG}})
def block_token(
    context: KeysContext, token_id: TokenIdPath, response: Response, if_match: IfMatch = None
) -> Envelope[TokenView]:
    """Take a key out of service."""
    row = _set_status(context, token_id, KeyStatus.BLOCKED, if_match)
    return _answer(context, row, response, f"Token {token_id} is blocked")


@router.post("/tokens/{token_id}/activate", responses={**failures(404, 409, 412), 200: {"headers": _ETAG}})
def activate_token(
    context: KeysContext, token_id: TokenIdPath, response: Response, if_match: IfMatch = None
) -> Envelope[TokenView]:
    """Put a key back into service and end its rest. One whose end date has passed is refused."""
    row = _set_status(context, token_id, KeyStatus.ACTIVE, if_match)
    return _answer(context, row, response, f"Token {token_id} is active")


@router.post("/tokens/{token_id}/test", responses=failures(404))
def test_token(context: KeysContext, token_id: TokenIdPath) -> Envelope[TokenTestView]:
    """Ask the provider for its list of models with this key, which costs no tokens. The key is left as it is."""
    test = context.services.token_administration.test(
        token_id, context.services.providers, bound_to=context.principal.company_id
    )
    return context.success(test.message, shown_as(TokenTestView)(test))


def _set_status(context: RouteContext, token_id: int, status: KeyStatus, if_match: str | None) -> StoredKey:
    return context.services.token_administration.set_status(
        token_id, status, context.actor, if_version=versions(if_match)
    )


def _answer(context: RouteContext, row: StoredKey, response: Response, message: str) -> Envelope[TokenView]:
    response.headers["ETag"] = etag(version_of(row))
    return context.success(message, TokenView.of(row, context.services.forecasts.of_keys([row])[row.token_id]))
