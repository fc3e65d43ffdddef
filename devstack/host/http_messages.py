"""The translation between a request on the wire and the worker's Datum objects, and back.

It keeps what the real host does to both: lower-case header names, repeated values joined by commas, empty query values
dropped, cookies re-written, an answer that cannot be encoded turned into a failed invocation.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from http.cookies import Morsel
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

from devstack.host.worker import InvocationResult, datum
from devstack.http_server import Answer, Request

DEFAULT_CONTENT_TYPE = "text/plain; charset=utf-8"
JSON_CONTENT_TYPE = "application/json; charset=utf-8"
#: set by the server itself, or meaningless between two hops
_DROPPED_HEADERS = {"content-length", "transfer-encoding", "connection", "date", "server"}
_EXPIRES_FORM = "%a, %d %b %Y %H:%M:%S GMT"
_SHORTEST_STATUS, _LONGEST_STATUS = 100, 999


def query_values(query: str) -> dict[str, str]:
    """Query values as the host passes them: names without regard to case, repeats joined, empty ones dropped."""
    values: dict[str, list[str]] = {}
    spelling: dict[str, str] = {}
    for name, value in parse_qsl(query.removeprefix("?"), keep_blank_values=True):
        key = spelling.setdefault(name.casefold(), name)
        values.setdefault(key, [])
        if value:
            values[key].append(value)
    return {name: ",".join(found) for name, found in values.items() if found}


def decode_path(path: str) -> str:
    """The path as routes see it: decoded, but ``%2F`` stays (else it would become a separator), dots resolved."""
    kept = path.replace("%2F", "%252F").replace("%2f", "%252f")
    decoded = unquote(kept)
    if "/." not in decoded:
        return decoded
    done: list[str] = []
    pieces = decoded.split("/")
    for index, piece in enumerate(pieces):
        if piece == "..":
            done = done[:1] if len(done) <= 1 else done[:-1]
        elif piece != ".":
            done.append(piece)
        if piece in {".", ".."} and index == len(pieces) - 1:
            done.append("")
    return "/".join(done)


def to_datum(request: Request, route_values: Mapping[str, str]) -> Any:
    """The HTTP trigger's input: the body is always bytes and never parsed."""
    url = f"http://{request.headers.get('host', '')}{request.path}{'?' + request.query if request.query else ''}"
    return datum(
        {
            "method": datum(request.method, "string"),
            "url": datum(url, "string"),
            "headers": {name: datum(value, "string") for name, value in request.headers.items()},
            "params": {name: datum(value, "string") for name, value in route_values.items()},
            "query": {name: datum(value, "string") for name, value in query_values(request.query).items()},
            "body": datum(request.body, "bytes"),
        },
        "http",
    )


def to_answer(result: InvocationResult, http_outputs: Iterable[str]) -> Answer:
    """What the function answered. Raises ValueError when the real host could not encode it."""
    returned = result.returned
    if returned is None:
        returned = next((result.outputs[name] for name in http_outputs if name in result.outputs), None)
    if returned is None:
        return Answer(204)
    if returned.type == "http":
        return _from_http(returned.value)
    return from_text(returned.value)


def from_text(text: str) -> Answer:
    """A function annotated ``-> str``: JSON with a ``body`` is taken for a description of the answer."""
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        return Answer(200, text.encode(), DEFAULT_CONTENT_TYPE)
    described = {key.casefold(): part for key, part in value.items()}
    if "body" not in described:
        return Answer(200, text.encode(), JSON_CONTENT_TYPE)
    body = described["body"]
    status = described.get("status") or described.get("statuscode") or 200
    headers = [(str(name), str(one)) for name, one in (described.get("headers") or {}).items()]
    if isinstance(body, str):
        return _checked(int(status), headers, body.encode(), DEFAULT_CONTENT_TYPE)
    return _checked(int(status), headers, json.dumps(body).encode(), JSON_CONTENT_TYPE)


def _from_http(value: Mapping[str, Any]) -> Answer:
    headers = [(name, part.value) for name, part in value["headers"].items()]
    for jar in value.get("cookies") or ():
        headers.extend(("Set-Cookie", _cookie(name, morsel)) for name, morsel in jar.items())
    body = value["body"].value
    content = body if isinstance(body, bytes) else str(body).encode()
    return _checked(int(value["status_code"].value), headers, content, DEFAULT_CONTENT_TYPE)


def _checked(status: int, headers: Iterable[tuple[str, str]], body: bytes, content_type: str) -> Answer:
    """The answer, with a content type when ``headers`` name none. Raises ValueError for what cannot be sent."""
    if not _SHORTEST_STATUS <= status <= _LONGEST_STATUS:
        raise ValueError(f"{status} is not an HTTP status code")
    kept = tuple((name, str(value)) for name, value in headers if name.casefold() not in _DROPPED_HEADERS)
    for name, value in kept:
        if not (name.isascii() and name.isprintable() and value.isascii() and (value + " ").isprintable()):
            raise ValueError(f"header {name!r} holds a non-ASCII or control character")
    named = any(name.casefold() == "content-type" for name, _ in kept)
    return Answer(status, body, None if named else content_type, kept)


def _cookie(name: str, morsel: Morsel[str]) -> str:
    """One Set-Cookie line; the host escapes the value and takes ``expires`` in one form only."""
    parts = [f"{name}={quote(morsel.value, safe='-._~')}"]
    if morsel["expires"]:
        datetime.strptime(morsel["expires"], _EXPIRES_FORM)  # noqa: DTZ007 - only whether it parses, else ValueError
        parts.append(f"expires={morsel['expires']}")
    parts.extend(f"{key}={morsel[key]}" for key in ("max-age", "domain", "path") if morsel[key])
    if morsel["secure"]:
        parts.append("secure")
    if morsel["samesite"]:
        parts.append(f"samesite={morsel['samesite'].lower()}")
    if morsel["httponly"]:
        parts.append("httponly")
    return "; ".join(parts)
