"""Serves what lies below the console's address, and hands everything else on to the admin API."""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from shared_code import api_response
from shared_code.admin.auth import Authenticator, Principal
from shared_code.admin.browsers.own_pages import csrf_token
from shared_code.admin.error_layer import REQUEST_ID, AsgiApp, Receive, Scope, Send
from shared_code.console import answers, operator_pages, review_pages, sign_in
from shared_code.console.assets import assets
from shared_code.console.page import Page
from shared_code.console.rendering import as_data, render
from shared_code.console.request import base_of, theme_of
from shared_code.errors import InternalError, MethodNotAllowed, NotAuthenticated, NotFound, ServiceError
from shared_code.operations.access import Action

if TYPE_CHECKING:
    from starlette.responses import Response

    from shared_code.bootstrap.container import Services

ROOT = "/api/manage/console"
PAGES: tuple[Page, ...] = (operator_pages.OVERVIEW, *review_pages.PAGES, *operator_pages.PAGES)

_log = logging.getLogger(__name__)

_STATIC = "static/"
_SESSION = "session"
_READING = ("GET", "HEAD")


class ConsoleLayer:
    """ASGI layer: the console, and ``app`` for all other addresses."""

    def __init__(
        self, app: AsgiApp, authenticator: Callable[[], Authenticator], services: "Callable[[], Services]"
    ) -> None:
        self._app = app
        self._authenticator = authenticator
        self._services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request.

        :raises ServiceError: of addresses that programs call; pages show what is wrong.
        """
        path = str(scope.get("path", ""))
        if scope["type"] != "http" or not f"{path}/".startswith(f"{ROOT}/"):
            await self._app(scope, receive, send)
            return
        below = path.removeprefix(ROOT).removeprefix("/")
        if path == ROOT:
            response = answers.redirect(f"{base_of(scope)}/")
        elif below.startswith(_STATIC):
            response = _static(scope, below.removeprefix(_STATIC))
        elif below == _SESSION:
            response = await _in_thread(lambda: _session(scope, self._authenticator()))
        elif below in sign_in.POSTED and scope["method"] not in _READING:
            response = await self._posted(scope, receive, below)
        else:
            response = await self._page(scope, below)
        await response(scope, receive, send)

    async def _posted(self, scope: Scope, receive: Receive, below: str) -> "Response":
        if scope["method"] != "POST":
            raise MethodNotAllowed("This address does not take this method.")
        body = await sign_in.body_of(receive)
        return await _in_thread(lambda: sign_in.POSTED[below](scope, body, self._authenticator(), self._services()))

    async def _page(self, scope: Scope, below: str) -> "Response":
        try:
            if scope["method"] not in _READING:
                raise MethodNotAllowed("This address does not take this method.")
            return await _in_thread(lambda: self._rendered(scope, below))
        except NotAuthenticated:
            return answers.redirect(sign_in.address(scope, below))
        except ServiceError as error:
            if error.http_status == InternalError.http_status:
                _log.exception("request %s failed: %s", scope[REQUEST_ID], error.message)
            return _error_page(scope, error)

    def _rendered(self, scope: Scope, below: str) -> "Response":
        if below == sign_in.PATH:
            return sign_in.page(scope, self._authenticator(), self._services())
        principal = self._authenticator().principal(scope)
        page, params = _page_at(below)
        principal.require(page.action)
        content = render(
            page.template,
            base=base_of(scope),
            theme=theme_of(scope),
            page=page,
            navigation=[each for each in PAGES if each.icon is not None and principal.may(each.action)],
            params=as_data(params),
            csrf=csrf_token(scope),
            who=principal,
            session=as_data(session_facts(principal)),
        )
        return answers.html(scope, content)


def _session(scope: Scope, authenticator: Authenticator) -> "Response":
    from starlette.responses import Response

    facts = session_facts(authenticator.principal(scope))
    # Scripts of other origins cannot read it.
    facts["token"] = csrf_token(scope)
    made = api_response.success("Signed in", facts, request_id=scope[REQUEST_ID])
    return Response(made.body, headers={**made.headers, **answers.SECURITY_HEADERS})


def session_facts(principal: Principal) -> dict[str, object]:
    """What the pages' modules know of who is signed in."""
    return {
        "name": principal.name,
        "role": principal.role.value,
        "company_id": principal.company_id,
        "may": [action.value for action in Action if principal.may(action)],
    }


def _page_at(below: str) -> tuple[Page, dict[str, str]]:
    for page in PAGES:
        params = page.params_of(below)
        if params is not None:
            return page, params
    raise NotFound("There is no such page.")


def _static(scope: Scope, below: str) -> "Response":
    version, _, name = below.partition("/")
    found = assets()
    asset = found.files.get(name)
    if asset is None:
        raise NotFound
    return answers.file(scope, asset, current=version == found.version)


def _error_page(scope: Scope, error: ServiceError) -> "Response":
    message = InternalError.default_message if isinstance(error, InternalError) else error.message
    facts = api_response.error_facts(error)
    wait = facts["retry_after_seconds"]
    content = render(
        "error.html",
        base=base_of(scope),
        theme=theme_of(scope),
        status=error.http_status,
        message=message,
        code=error.code,
        request_id=scope[REQUEST_ID],
    )
    headers = {"Retry-After": str(wait)} if wait is not None else {}
    return answers.html(scope, content, status=error.http_status, headers=headers)


async def _in_thread[Found](work: Callable[[], Found]) -> Found:
    from anyio import to_thread

    return await to_thread.run_sync(work)
