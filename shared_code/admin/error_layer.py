"""The outermost layer: every answer carries our headers, every error our envelope, and nothing is raised further.

Starlette's own error layer answers in plain text and then raises the error again; the platform's adapter would log its
text, which can hold what a client sent, and the caller would get an empty 500. Answers are held back until the app is
done, so that an error in the middle of one replaces it; the adapter buffers them anyway.
"""

import logging
import uuid
from collections.abc import Awaitable, Callable, Collection, Mapping, MutableMapping
from typing import Any

from shared_code import api_response
from shared_code.api_response import ApiResponse
from shared_code.errors import InternalError, ServiceError
from shared_code.observability import request_context
from shared_code.observability.telemetry import telemetry

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

#: where the request's id stands in the scope
REQUEST_ID = "invoice.request_id"

_log = logging.getLogger(__name__)


class ErrorLayer:
    """Wraps an ASGI app.

    :param words: the parts of addresses that are the same for all requests.
    """

    def __init__(self, app: AsgiApp, *, words: Collection[str] = ()) -> None:
        self._app = app
        self._words = frozenset(words)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        label = api_response.request_id_of(header(scope, "x-request-id"))
        scope[REQUEST_ID] = label
        trace = getattr(scope.get("azure_functions.trace_context"), "trace_parent", None)
        held: list[Message] = []

        async def hold(message: Message) -> None:
            held.append(message)

        with (
            request_context.request_scope(request_id=label, call_id=str(uuid.uuid4()), trace_parent=trace),
            telemetry().request("manage", url=masked_path(scope["path"], self._words)) as span,
        ):
            answer = await self._run(scope, receive, hold, label)
            if answer is not None:
                held = messages_of(answer)
            span.set(method=scope["method"], route=getattr(scope.get("route"), "path", None))
            span.finish(held[0]["status"])
        for message in with_headers(held, label):
            await send(message)

    async def _run(self, scope: Scope, receive: Receive, hold: Send, label: str) -> ApiResponse | None:
        """Run the app; what it raised, as an answer."""
        try:
            await self._app(scope, receive, hold)
        except InternalError as error:
            _log.exception("request %s failed: %s", label, error.message)
            return api_response.failure(error, request_id=label)
        except ServiceError as error:
            return api_response.failure(error, request_id=label)
        except Exception:  # noqa: BLE001 - the border of the service: the caller gets the envelope, the log the trace
            _log.exception("request %s failed", label)
            return api_response.failure(InternalError(), request_id=label)
        return None


def masked_path(path: str, words: Collection[str]) -> str:
    """The path for telemetry: what a client chose in it, an id or something pasted by mistake, stands as ``*``."""
    return "/".join(part if not part or part in words else "*" for part in path.split("/"))


def header(scope: Scope, name: str) -> str | None:
    """A request header's value."""
    wanted = name.encode()
    return next((value.decode("latin-1") for key, value in scope["headers"] if key.lower() == wanted), None)


def messages_of(answer: ApiResponse) -> list[Message]:
    """An answer of ours, as ASGI sends it."""
    headers = [(name.lower().encode(), value.encode()) for name, value in answer.headers.items()]
    return [
        {"type": "http.response.start", "status": answer.status_code, "headers": headers},
        {"type": "http.response.body", "body": answer.body, "more_body": False},
    ]


def with_headers(messages: list[Message], label: str) -> list[Message]:
    """The answer with what every one of ours carries. No cache keeps it, unless it says otherwise itself."""
    ours: Mapping[bytes, bytes] = {b"x-request-id": label.encode(), b"x-content-type-options": b"nosniff"}
    start = messages[0]
    others = [(name, value) for name, value in start["headers"] if name.lower() not in ours]
    if all(name.lower() != b"cache-control" for name, _ in others):
        others.append((b"cache-control", b"no-store"))
    return [{**start, "headers": [*others, *ours.items()]}, *messages[1:]]
