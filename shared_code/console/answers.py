"""Answers of the console, with the headers that keep pages from running what is not ours."""

import gzip
from collections.abc import Mapping

from starlette.responses import Response

from shared_code.admin.error_layer import Scope, header
from shared_code.console.assets import Asset

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "font-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
SECURITY_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": _POLICY,
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}
_FOR_A_YEAR = "public, max-age=31536000, immutable"
#: asked for with every use, answered 304 where it is the same
_ASK_FIRST = "no-cache"


def html(scope: Scope, content: bytes, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A page, which no cache keeps."""
    response = Response(
        content, status, headers={**SECURITY_HEADERS, **(headers or {})}, media_type="text/html; charset=utf-8"
    )
    response.headers["Vary"] = "Accept-Encoding, Cookie"
    if _takes_gzip(scope):
        response.body = gzip.compress(content, 5, mtime=0)
        response.headers["Content-Encoding"] = "gzip"
        response.headers["Content-Length"] = str(len(response.body))
    return response


def redirect(to: str) -> Response:
    """Leads to another page of ours."""
    return Response(status_code=303, headers={**SECURITY_HEADERS, "Location": to})


def file(scope: Scope, asset: Asset, *, current: bool) -> Response:
    """A static file.

    :param current: the address names the version that this is.
    """
    headers = {
        **SECURITY_HEADERS,
        "ETag": asset.etag,
        "Cache-Control": _FOR_A_YEAR if current else _ASK_FIRST,
        "Vary": "Accept-Encoding",
    }
    if asset.etag in (header(scope, "if-none-match") or ""):
        return Response(status_code=304, headers=headers)
    if asset.packed is not None and _takes_gzip(scope):
        return Response(asset.packed, headers={**headers, "Content-Encoding": "gzip"}, media_type=asset.media_type)
    return Response(asset.content, headers=headers, media_type=asset.media_type)


def _takes_gzip(scope: Scope) -> bool:
    return "gzip" in (header(scope, "accept-encoding") or "")
