"""What happens between the socket and a function, in the host's order.

CORS preflight, admin endpoints, route, function key, disabled, limits, body, run. (The limits are a middleware of the
real host, ``HttpThrottleMiddleware``, and the body is read behind it.)
"""

import logging
import threading
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from http import HTTPStatus

from devstack.host.admin import Admin
from devstack.host.auth import KeyRing
from devstack.host.cors import CorsPolicy
from devstack.host.http_messages import decode_path, to_answer, to_datum
from devstack.host.invocations import Invocations
from devstack.host.routes import Route, RouteTable
from devstack.host.worker import InvocationResult
from devstack.http_server import Answer, BodyTooLarge, Request

log = logging.getLogger("devstack.host")

HOMEPAGE = b"<!DOCTYPE html><title>Functions</title><h1>Your Functions 4.0 app is up and running</h1>\n"

ReadBody = Callable[[], bytes]


@dataclass(frozen=True)
class Limits:
    """``extensions.http``; -1 means none, as in host.json."""

    max_outstanding: int = -1
    max_concurrent: int = -1


class Gateway:
    """Answers every request; never raises for what a client or a function does."""

    def __init__(
        self,
        *,
        routes: RouteTable,
        invocations: Invocations,
        admin: Admin,
        keys: KeyRing,
        cors: CorsPolicy,
        limits: Limits,
        broken: frozenset[str] = frozenset(),
        debug_errors: bool = False,
    ) -> None:
        self._routes = routes
        self._invocations = invocations
        self._admin = admin
        self._keys = keys
        self._cors = cors
        self._limits = limits
        self._broken = broken
        self._debug_errors = debug_errors
        self._outstanding = 0
        self._lock = threading.Lock()
        self._slots = threading.BoundedSemaphore(limits.max_concurrent) if limits.max_concurrent > 0 else None

    def answer(self, request: Request, read_body: ReadBody) -> Answer:
        """The answer to one request. ``read_body`` is called only where the real host reads the body."""
        preflight = self._cors.preflight(request.method, request.headers)
        if preflight is not None:
            return preflight
        try:
            answer = self._route(request, read_body)
        except BodyTooLarge:
            answer = Answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        extra = self._cors.headers(request.headers)
        return replace(answer, headers=(*answer.headers, *extra)) if extra else answer

    def _route(self, request: Request, read_body: ReadBody) -> Answer:
        path = decode_path(request.path)
        if path.casefold().startswith("/admin/"):
            return self._admin.answer(request, path, read_body)
        found = self._routes.find(request.method, path)
        if found is None:
            return self._homepage(request) if path in {"", "/"} else Answer(HTTPStatus.NOT_FOUND)
        route, values = found
        if not self._keys.allows(route.function.auth_level, request.headers, request.query):
            return Answer(HTTPStatus.UNAUTHORIZED)
        if route.function.disabled:
            return Answer(HTTPStatus.NOT_FOUND)
        return self._throttled(route, values, request, read_body)

    def _throttled(self, route: Route, values: dict[str, str], request: Request, read_body: ReadBody) -> Answer:
        with self._lock:
            if 0 <= self._limits.max_outstanding <= self._outstanding:
                return Answer(HTTPStatus.TOO_MANY_REQUESTS)
            self._outstanding += 1
        try:
            # The body of a request that waits for its turn stays with the client.
            with self._slots or nullcontext():
                return self._run(route, values, replace(request, body=read_body()))
        finally:
            with self._lock:
                self._outstanding -= 1

    def _run(self, route: Route, values: dict[str, str], request: Request) -> Answer:
        function = route.function
        if function.name in self._broken:
            log.error("Function %s failed to load and cannot run; see the message at start.", function.name)
            return Answer(HTTPStatus.INTERNAL_SERVER_ERROR)
        result = self._invocations.run(
            function.name,
            [(function.trigger.name, to_datum(request, values))],
            reason="This function was programmatically called via the host APIs.",
            through_gateway=True,
            trace_parent=request.headers.get("traceparent"),
        )
        if not result.ok:
            return self._failed(result)
        outputs = [one.name for one in function.bindings if one.direction == "out" and one.type.casefold() == "http"]
        try:
            return to_answer(result, outputs)
        except (ValueError, TypeError, KeyError) as error:
            log.exception("The answer of '%s' cannot be encoded", function.name)
            return self._failed(replace(result, error=repr(error)))

    def _failed(self, result: InvocationResult) -> Answer:
        """500 with an empty body, as in Azure; the reason is in the log, or here with ``--debug-errors``."""
        if not self._debug_errors:
            return Answer(HTTPStatus.INTERNAL_SERVER_ERROR)
        text = f"{result.error}\n{result.traceback}".encode(errors="replace")
        return Answer(HTTPStatus.INTERNAL_SERVER_ERROR, text, "text/plain; charset=utf-8")

    def _homepage(self, request: Request) -> Answer:
        if request.method not in {"GET", "HEAD"}:
            return Answer(HTTPStatus.NOT_FOUND)
        return Answer(HTTPStatus.OK, HOMEPAGE, "text/html")
