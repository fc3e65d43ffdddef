"""The host's own endpoints: ping, status, functions, and running a function by hand.

``POST /admin/functions/{name}`` with ``{"input": "..."}`` is how a timer or blob function is fired without waiting.
"""

import json
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from devstack.host.auth import KeyRing
from devstack.host.discovery import FunctionDefinition
from devstack.http_server import Answer, Request, json_answer

VERSION = "4.0.0.0"

#: runs a function by hand with the text of ``input``; returns when it ended
ManualRun = Callable[[str], object]


@dataclass(frozen=True)
class AdminFunction:
    """A function as the admin endpoints show it."""

    definition: FunctionDefinition
    #: address template of an HTTP function
    url: str | None
    errors: tuple[str, ...]
    #: None where running by hand makes no sense
    run: ManualRun | None


class Admin:
    """Everything below ``/admin/``."""

    def __init__(
        self,
        functions: Iterable[AdminFunction],
        problems: Mapping[str, str],
        *,
        host_id: str,
        keys: KeyRing,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``problems`` are the functions that could not be read at all, by name."""
        self._functions = {one.definition.name.casefold(): one for one in functions}
        self._problems = problems
        self._host_id = host_id
        self._keys = keys
        self._clock = clock
        self._started = clock()

    def answer(  # noqa: PLR0911 - one return per endpoint
        self, request: Request, path: str, read_body: Callable[[], bytes]
    ) -> Answer:
        """The answer below ``/admin/``; 404 for what this host does not have."""
        parts = path.casefold().strip("/").split("/")[1:]
        if parts == ["host", "ping"] and request.method in {"GET", "POST"}:
            return Answer(HTTPStatus.OK)
        if not self._keys.allows("admin", request.headers, request.query):
            return Answer(HTTPStatus.UNAUTHORIZED)
        match (request.method, parts):
            case ("GET", ["host", "status"]):
                return json_answer(self._status())
            case ("GET", ["functions"]):
                return json_answer([_describe(one) for one in self._functions.values()])
            case ("GET", ["functions", name]) if name in self._functions:
                return json_answer(_describe(self._functions[name]))
            case ("GET", ["functions", name, "status"]) if name in self._functions:
                return json_answer({"errors": list(self._functions[name].errors)})
            case ("POST", ["functions", name]) if name in self._functions:
                return self._run(self._functions[name], read_body())
        return Answer(HTTPStatus.NOT_FOUND)

    def _status(self) -> dict[str, Any]:
        errors = [f"The '{name}' function is in error: {problem}" for name, problem in self._problems.items()]
        errors += [error for one in self._functions.values() for error in one.errors]
        return {
            "id": self._host_id,
            "state": "Running",
            "version": VERSION,
            "versionDetails": f"{VERSION} (devstack)",
            "platformVersion": "",
            "instanceId": "",
            "computerName": "",
            "processUptime": round((self._clock() - self._started) * 1000),
            "processId": os.getpid(),
            "errors": errors,
        }

    def _run(self, function: AdminFunction, body: bytes) -> Answer:
        try:
            given = json.loads(body) if body else None
        except ValueError:
            given = None
        if not isinstance(given, dict):
            return _text(HTTPStatus.BAD_REQUEST, 'The body must be a JSON object such as {"input": ""}.')
        if function.errors:
            return _text(HTTPStatus.INTERNAL_SERVER_ERROR, function.errors[0])
        if function.run is None:
            return _text(HTTPStatus.BAD_REQUEST, "This function cannot be run by hand; call its own address.")
        text = given.get("input")
        text = "" if text is None else text if isinstance(text, str) else json.dumps(text)
        name = f"run-{function.definition.name}"
        threading.Thread(target=function.run, args=(text,), name=name, daemon=True).start()
        return Answer(HTTPStatus.ACCEPTED)


def _describe(function: AdminFunction) -> dict[str, Any]:
    return {
        "name": function.definition.name,
        "config": dict(function.definition.config),
        "invoke_url_template": function.url,
        "language": "python",
        "isDisabled": function.definition.disabled,
        "isDirect": False,
        "isProxy": False,
        "errors": list(function.errors),
    }


def _text(status: HTTPStatus, text: str) -> Answer:
    return Answer(status, text.encode(), "text/plain; charset=utf-8")
