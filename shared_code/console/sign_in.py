"""Signing in and out: an admin key, or a link of the local stack, for a session in a cookie that no script can read."""

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from starlette.responses import Response

from shared_code import api_response
from shared_code.admin.auth import Authenticator, source_of
from shared_code.admin.browsers import own_pages
from shared_code.admin.error_layer import REQUEST_ID, Receive, Scope
from shared_code.bootstrap.container import Services
from shared_code.console import answers, local_link
from shared_code.console.rendering import render
from shared_code.console.request import base_of, theme_of
from shared_code.database.stores.operations import console_sessions
from shared_code.database.stores.operations.admin_audit import Actor, add_audit
from shared_code.database.stores.operations.admin_keys import AdminKey
from shared_code.errors import Forbidden, InvalidRequest, NotAuthenticated, NotFound

PATH = "sign-in"

#: longer than any key
_MOST_BYTES = 4096
_SIGN_OUT = "sign-out"


def address(scope: Scope, below: str) -> str:
    """The sign-in page that leads back to a page of the console."""
    query = scope["query_string"].decode("latin-1")
    wanted = f"{below}?{query}" if query else below
    return f"{base_of(scope)}/{PATH}" + (f"?next={quote(wanted, safe='')}" if wanted else "")


def page(scope: Scope, authenticator: Authenticator, services: Services) -> Response:
    """The sign-in page, or the way into the console for who is signed in. Blocks on the database."""
    refused = None
    try:
        authenticator.principal(scope)
    except NotAuthenticated:
        pass
    except Forbidden as error:
        refused = error.message
    else:
        return answers.redirect(f"{base_of(scope)}/")
    content = render(
        "sign_in.html",
        base=base_of(scope),
        theme=theme_of(scope),
        link="yes" if local_link.is_open(scope, services.settings) else "no",
        platform=services.settings.website_auth_enabled,
        refused=refused,
    )
    return answers.html(scope, content)


def sign_in(scope: Scope, body: Mapping[str, Any], authenticator: Authenticator, services: Services) -> Response:
    """Begin a session by an admin key: ``{"key": "id.secret"}``.

    :raises NotAuthenticated, TooManyFailedLogins: the key is none, or revoked.
    :raises Forbidden: a page of another origin asks.
    """
    own_pages.require_own_origin(scope)
    key = authenticator.key_of(str(body.get("key") or "").strip(), scope)
    return _begin(scope, key, services, how="key")


def use_link(scope: Scope, body: Mapping[str, Any], _authenticator: Authenticator, services: Services) -> Response:
    """Begin a session by a link of the local stack: ``{"link": "..."}``.

    :raises NotFound: this is no local stack.
    :raises NotAuthenticated: the link was used, or is too old.
    """
    if not local_link.is_open(scope, services.settings):
        raise NotFound
    own_pages.require_own_origin(scope)
    secret = str(body.get("link") or "")
    key = services.database.run(lambda connection: console_sessions.use_link(connection, secret))
    if key is None:
        raise NotAuthenticated("This link was used already, or is older than five minutes. Sign in with a key.")
    return _begin(scope, key, services, how="link")


def sign_out(scope: Scope, _body: Mapping[str, Any], authenticator: Authenticator, services: Services) -> Response:
    """End the session of this browser. Without one there is nothing to do.

    :raises Forbidden: a page of another origin asks.
    """
    secret = own_pages.session_secret(scope)
    if secret is not None:
        try:
            actor = Actor(authenticator.principal(scope).name, scope[REQUEST_ID])
        except NotAuthenticated:
            actor = None
        services.database.run(lambda connection: _end(connection, secret, actor))
    where = "/.auth/logout" if services.settings.website_auth_enabled else None
    return _answer(scope, "Signed out", {"then": where}, _cookie(scope, "", seconds=0))


#: what is posted to, by its address below the console
POSTED: Mapping[str, Callable[[Scope, Mapping[str, Any], Authenticator, Services], Response]] = {
    PATH: sign_in,
    f"{PATH}/link": use_link,
    _SIGN_OUT: sign_out,
}


async def body_of(receive: Receive) -> Mapping[str, Any]:
    """What was posted, as JSON.

    :raises InvalidRequest: it is too long, or no object.
    """
    parts, more = bytearray(), True
    while more and len(parts) <= _MOST_BYTES:
        message = await receive()
        parts += message.get("body", b"")
        more = message.get("more_body", False)
    try:
        found = json.loads(parts or b"{}") if len(parts) <= _MOST_BYTES else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise InvalidRequest("The body must be a JSON object.", details={"field": "body"})
    return found


def _begin(scope: Scope, key: AdminKey, services: Services, *, how: str) -> Response:
    def work(connection: Any) -> str:
        secret = console_sessions.start_session(connection, key.key_id)
        actor = Actor(f"admin-key:{key.key_id}", scope[REQUEST_ID])
        facts = {"source": source_of(scope), "by": how}
        add_audit(connection, actor, "console.sign-in", f"admin-key {key.key_id}", after=facts)
        return secret

    secret = services.database.run(work)
    cookie = _cookie(scope, secret, seconds=console_sessions.LONGEST_SECONDS)
    scope[own_pages.SESSION] = secret
    facts = {"role": key.role.value, "company_id": key.company_id, "token": own_pages.csrf_token(scope)}
    return _answer(scope, "Signed in", facts, cookie)


def _end(connection: Any, secret: str, actor: Actor | None) -> None:
    key_id = console_sessions.end_session(connection, secret)
    if key_id is not None and actor is not None:
        add_audit(connection, actor, "console.sign-out", f"admin-key {key_id}")


def _answer(scope: Scope, message: str, data: Mapping[str, Any], cookie: str) -> Response:
    made = api_response.success(message, data, request_id=scope[REQUEST_ID])
    return Response(made.body, headers={**made.headers, **answers.SECURITY_HEADERS, "Set-Cookie": cookie})


def _cookie(scope: Scope, secret: str, *, seconds: int) -> str:
    path = base_of(scope).removesuffix("/console")
    secure = "" if own_pages.is_loopback(scope) else "; Secure"
    return f"{own_pages.SESSION_COOKIE}={secret}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"
