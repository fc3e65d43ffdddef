"""Puts the admin API together: errors outside, then the login, then the routes."""

import functools
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.routing import Match

from shared_code import __version__, api_response, bootstrap
from shared_code.admin import (
    address,
    alerts,
    audit,
    diagnostics,
    exports,
    extractions,
    logs,
    openapi,
    quotas,
    retries,
    tokens,
    usage,
    webhooks,
)
from shared_code.admin.auth import Authenticator, LoginLayer
from shared_code.admin.browsers.unchanged import UnchangedLayer
from shared_code.admin.dependencies import action_of
from shared_code.admin.error_layer import REQUEST_ID, AsgiApp, ErrorLayer
from shared_code.admin.figures import charts, overview, runs
from shared_code.admin.review import accuracy, check, counts, pages, reviews, trying
from shared_code.admin.review import rules as review_rules
from shared_code.admin.validation import refusal
from shared_code.console.app import PAGES, ConsoleLayer
from shared_code.errors import InvalidRequest, MethodNotAllowed, NotFound, ServiceError

if TYPE_CHECKING:
    from shared_code.bootstrap.container import Services

PREFIX = "/api/manage"

_METHOD_NOT_ALLOWED = 405
#: of two addresses that fit, the first one counts: `exports` before `extractions`
_ROUTES = (
    overview,
    charts,
    tokens,
    usage,
    quotas,
    retries,
    logs,
    exports,
    pages,
    runs,
    extractions,
    counts,
    reviews,
    check,
    accuracy,
    review_rules,
    trying,
    webhooks,
    alerts,
    diagnostics,
    audit,
)


def create_app(services: "Callable[[], Services]") -> AsgiApp:
    """The ASGI app over these services; they are asked for at the first request."""
    ready = _Ready(services)
    app = _described(ready)
    document = f"{PREFIX}/openapi.json"
    addresses = [document, *(f"{PREFIX}{route.path}" for route in _routes())]
    addresses += [f"{PREFIX}/console/{page.path}" for page in PAGES]
    words = {part for address in addresses for part in address.split("/") if not part.startswith("{")}
    login = LoginLayer(UnchangedLayer(app), ready.authenticator, public=frozenset({document}))
    inner = ErrorLayer(ConsoleLayer(login, ready.authenticator, ready.services), words=words)
    return address.AnyPrefix(inner)


def openapi_document(services: "Callable[[], Services]") -> dict[str, Any]:
    """The document that the app serves; the services are not asked for."""
    return _described(_Ready(services)).openapi()


def _described(ready: "_Ready") -> FastAPI:
    """The routes, with what they do and the document that describes them."""
    app = FastAPI(
        title="Invoice extraction",
        version=__version__,
        # Names of functions read well, and are told apart by a test.
        generate_unique_id_function=lambda route: route.name,
        docs_url=None,
        redoc_url=None,
        openapi_url=f"{PREFIX}/openapi.json",
        # A slash too many is a 404: a redirect would name the inner address.
        redirect_slashes=False,
    )
    app.state.services = ready.services
    for module in _ROUTES:
        app.include_router(module.router, prefix=PREFIX)
    app.add_exception_handler(ServiceError, _service_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)
    # A route that does not say who may use it ends this here: it is not served to everybody with a login.
    actions = {
        (f"{PREFIX}{route.path}", method): action_of(route) for route in _routes() for method in route.methods or ()
    }
    openapi.install(app, actions)
    return app


@functools.cache
def default_app() -> AsgiApp:
    """The app over the services of this process."""
    return create_app(bootstrap.services)


class _Ready:
    """The services with a database whose tables are there, and one authenticator for each of them."""

    def __init__(self, services: "Callable[[], Services]") -> None:
        self._find = services
        self._lock = threading.Lock()
        self._authenticator: tuple[Services, Authenticator] | None = None

    def services(self) -> "Services":
        """The services, once the tables are there.

        :raises DatabaseUnavailable: the database cannot be reached.
        :raises ConfigurationError: a setting is wrong, or the schema may not be brought up to date.
        """
        return self._find().ready()

    def authenticator(self) -> Authenticator:
        """Counts failures for as long as the services live."""
        found = self.services()
        with self._lock:
            if self._authenticator is None or self._authenticator[0] is not found:
                self._authenticator = (found, Authenticator(found))
            return self._authenticator[1]


def _respond(request: Request, error: ServiceError) -> Response:
    answer = api_response.failure(error, request_id=request.scope[REQUEST_ID])
    return Response(answer.body, status_code=answer.status_code, headers=dict(answer.headers))


def _service_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, ServiceError) or error.http_status == 500:  # noqa: PLR2004 - the log gets its trace
        raise error
    return _respond(request, error)


def _validation_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    return _respond(request, refusal(error))


def _methods(request: Request) -> set[str]:
    """All methods of this address; the framework names those of its first route only."""
    # A scope of its own, because matching writes into it.
    path = str(request.scope["path"]).removeprefix(PREFIX)
    scope = {"type": "http", "method": request.method, "path": path, "root_path": "", "headers": []}
    # An address that is written out is not also one with an id.
    found = {method for route in _routes() if route.path == path for method in route.methods or ()}
    if found:
        return found
    for route in _routes():
        if route.matches(scope)[0] is not Match.NONE:
            found |= set(route.methods or ())
    return found or {"GET"}


def _routes() -> Iterator[APIRoute]:
    """All routes, with addresses below the prefix."""
    for module in _ROUTES:
        yield from (route for route in module.router.routes if isinstance(route, APIRoute))


def _http_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    if error.status_code == _METHOD_NOT_ALLOWED:
        response = _respond(request, MethodNotAllowed("This address does not take this method."))
        response.headers["Allow"] = ", ".join(sorted(_methods(request)))
        return response
    if error.status_code == NotFound.http_status:
        return _respond(request, NotFound())
    # The framework could not read the body: no UTF-8, a number without end, too deep.
    return _respond(request, InvalidRequest("The body cannot be read as JSON.", details={"field": "body"}))
