"""Logins that a browser sends by itself: the cookie of the console's session, and the platform's own.

A page of another origin can make a browser send such a request, so everything that changes something must come from a
page of ours. The browser says so itself (``Sec-Fetch-Site``, or ``Origin`` in old ones), and the page shows that it
could read its session's token, or that it may set headers at all, which other origins may not.
"""

import hashlib
import hmac
from urllib.parse import urlsplit

from shared_code.admin.error_layer import Scope, header
from shared_code.errors import Forbidden

SESSION_COOKIE = "console_session"
TOKEN_HEADER = "x-console-token"  # noqa: S105 - the name of a header
#: what the pages send by themselves, without a person: it does not keep a session alive
BACKGROUND_HEADER = "x-console-background"
#: where the secret of the session stands in the scope
SESSION = "invoice.console_session"

#: the token of pages that the platform has logged in: the header itself is what others cannot send
_PLATFORM = "platform"
_HARMLESS = {"GET", "HEAD", "OPTIONS"}
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def cookie(scope: Scope, name: str) -> str | None:
    """The value of a cookie; None without one."""
    for pair in (header(scope, "cookie") or "").split(";"):
        found, _, value = pair.strip().partition("=")
        if found == name and value:
            return value
    return None


def session_secret(scope: Scope) -> str | None:
    """What the browser sends as its session."""
    return cookie(scope, SESSION_COOKIE)


def csrf_token(scope: Scope) -> str:
    """What the pages of this login send with everything that changes something."""
    secret = scope.get(SESSION)
    return _PLATFORM if secret is None else _token_of(str(secret))


def is_background(scope: Scope) -> bool:
    """Whether a page asks by itself."""
    return header(scope, BACKGROUND_HEADER) is not None


def require_own_page(scope: Scope, secret: str | None = None) -> None:
    """Let pass what changes nothing, and what comes from a page of ours.

    :param secret: that of the session; None for a user of the platform, whose programs send no such headers.
    :raises Forbidden: it comes from elsewhere, or without the session's token.
    """
    if scope["method"] in _HARMLESS:
        return
    if secret is None:
        if header(scope, "origin") is None and header(scope, "sec-fetch-site") is None:
            return
        right = header(scope, TOKEN_HEADER) is not None
    else:
        right = hmac.compare_digest((header(scope, TOKEN_HEADER) or "").encode(), _token_of(secret).encode())
    require_own_origin(scope)
    if not right:
        raise Forbidden(
            "This request lacks the token of your session. Load the page again.", details={"reason": "token"}
        )


def require_own_origin(scope: Scope) -> None:
    """Let pass what a page of our own origin has sent.

    :raises Forbidden: another one has, or nobody says who.
    """
    site = header(scope, "sec-fetch-site")
    if site is None:
        right = _host_in(header(scope, "origin") or "") == (host_of(scope) or "none")
    else:
        # Where a front end stands before the service, the browser knows what its page's origin is, and we do not.
        right = site == "same-origin"
    if not right:
        raise Forbidden("This request comes from a page of another origin.")


def host_of(scope: Scope) -> str:
    """Host and port that the browser asked, in lower case."""
    sent = header(scope, "host")
    if sent is None and scope.get("server"):
        name, port = scope["server"]
        sent = f"{name}:{port}"
    return _without_default_port((sent or "").lower())


def is_loopback(scope: Scope) -> bool:
    """Whether the browser asked this machine by one of its own names."""
    return (urlsplit(f"//{host_of(scope)}").hostname or "") in _LOOPBACK


def _host_in(origin: str) -> str:
    return _without_default_port(origin.lower().partition("://")[2])


def _without_default_port(host: str) -> str:
    return host.removesuffix(":443").removesuffix(":80")


def _token_of(secret: str) -> str:
    return hmac.new(secret.encode(), b"console token", hashlib.sha256).hexdigest()
