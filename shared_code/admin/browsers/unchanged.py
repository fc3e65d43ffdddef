"""Lets pages ask often: an answer that is the same as the one before it is sent without its content, others packed.

Each JSON answer to a GET gets a weak ETag over all but its ``request_id``, unless it has one already. It is weak, so
that nobody takes it for the version of what is shown: ``If-Match`` never fits it.
"""

import gzip
import hashlib
import re

from shared_code.admin.error_layer import AsgiApp, Message, Receive, Scope, Send, header

_REQUEST_ID = re.compile(rb'"request_id": ?"[^"]*"')
_OK, _NOT_MODIFIED = 200, 304
#: smaller answers are sent as they are
_SMALLEST_PACKED = 2048
#: of 1 to 9: the first steps save nearly all
_LEVEL = 3


class UnchangedLayer:
    """ASGI layer around the routes; it holds an answer back until it is whole, as the outermost layer does."""

    def __init__(self, app: AsgiApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        held: list[Message] = []

        async def hold(message: Message) -> None:
            held.append(message)

        await self._app(scope, receive, hold)
        for message in sparing(scope, held):
            await send(message)


def sparing(scope: Scope, messages: list[Message]) -> list[Message]:
    """The answer with its ETag, or without its content for whoever has it."""
    start = messages[0]
    headers = {name.lower(): value for name, value in start["headers"]}
    is_json = headers.get(b"content-type", b"").startswith(b"application/json")
    if start["status"] != _OK or not is_json or b"etag" in headers:
        return messages
    body = b"".join(message.get("body", b"") for message in messages[1:])
    digest = hashlib.sha256(_REQUEST_ID.sub(b"", body, count=1)).hexdigest()
    etag = f'W/"{digest[:32]}"'
    if etag in (header(scope, "if-none-match") or ""):
        return [
            {"type": "http.response.start", "status": _NOT_MODIFIED, "headers": [(b"etag", etag.encode())]},
            {"type": "http.response.body", "body": b"", "more_body": False},
        ]
    others = [(name, value) for name, value in start["headers"] if name.lower() != b"content-length"]
    others += [(b"etag", etag.encode()), (b"vary", b"Accept-Encoding")]
    if len(body) >= _SMALLEST_PACKED and "gzip" in (header(scope, "accept-encoding") or ""):
        body = gzip.compress(body, _LEVEL, mtime=0)
        others.append((b"content-encoding", b"gzip"))
    others.append((b"content-length", str(len(body)).encode()))
    return [{**start, "headers": others}, {"type": "http.response.body", "body": body, "more_body": False}]
