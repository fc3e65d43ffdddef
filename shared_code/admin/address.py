"""The address of a request to the admin API, before the app sees it.

What the adapter cannot decode it raises as an error, outside of every layer of the app, and the platform answers an
empty 500.
"""

import logging
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from shared_code import api_response
from shared_code.api_response import ApiResponse
from shared_code.errors import NotFound, ServiceError
from shared_code.web.address import path_of, query_of

_Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
_Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
_App = Callable[[MutableMapping[str, Any], _Receive, _Send], Awaitable[None]]

_API, _MANAGE = "/api", "/manage"
#: where the scope has what the address began with before ``/manage``, as the client knows it: ``/api``, or nothing
OUTER_PREFIX = "invoice.outer_prefix"
_PLAIN_PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+)*")

_log = logging.getLogger(__name__)


class AnyPrefix:
    """Lets an app whose addresses begin with ``/api/manage`` be called under another ``routePrefix`` of host.json."""

    def __init__(self, app: _App) -> None:
        self._app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: _Receive, send: _Send) -> None:
        """Hand one request on, with its address as the app knows it."""
        path = str(scope.get("path", ""))
        prefix, found, _ = f"{path}/".partition(f"{_MANAGE}/")
        if found and prefix != _API:
            scope = {**scope, "path": _API + path.removeprefix(prefix)}
            scope.pop("raw_path", None)
            if _PLAIN_PREFIX.fullmatch(prefix):
                scope[OUTER_PREFIX] = prefix
        await self._app(scope, receive, send)


def refusal(url: str, *, request_id: str | None) -> ApiResponse | None:
    """The answer to an address that the adapter would not decode to what was meant; None for all others.

    :param url: the whole address, as it was sent.
    :param request_id: the client's header.
    """
    try:
        path_of(url)
        query_of(url)
        if ";" in url.partition("?")[0]:
            # The adapter drops it with what follows: another address than was asked for would answer.
            raise NotFound
    except ServiceError as error:
        label = api_response.request_id_of(request_id)
        _log.info("request %s refused: %s %s", label, error.code, error.message)
        return api_response.failure(error, request_id=label)
    return None
