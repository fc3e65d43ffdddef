"""Which errors make another try worth while.

Our own errors say it themselves. For others the rules of the seed document hold: connection trouble, timeouts, rate
limits and quotas, 5xx and "try again" are retryable; a wrong value, a missing file or a bad document never is. What
is unknown is not retried: it would only cost a second time.
"""

import re
from collections.abc import Iterator

from shared_code.errors import ServiceError
from shared_code.providers.base import ModelCallFailed

_NEVER = (ValueError, FileNotFoundError, TypeError, LookupError, AttributeError, AssertionError, ArithmeticError)
_ALWAYS = (TimeoutError, ConnectionError)

_NEVER_TEXT = re.compile(
    r"invalid file|not an invoice|unsupported file|unsupported media|malformed|corrupt|invalid api key"
    r"|api key not valid|permission denied|unauthori[sz]ed|forbidden",
    re.IGNORECASE,
)
_RETRY_TEXT = re.compile(
    r"time[d]?[ -]?out|deadline exceeded|rate[ -]?limit|quota|too many requests|resource.{0,6}exhausted"
    r"|temporarily|service unavailable|currently unavailable|overloaded|server error|bad gateway|try again"
    r"|retry later|connection (?:was )?(?:reset|refused|aborted|closed|lost|error|broken)|network is unreachable"
    r"|(?:^|\b(?:http|status|error|code)\W{1,3}(?:code\W{1,2})?)5\d\d\b",
    re.IGNORECASE,
)
#: names under which libraries raise connection trouble; compared with each class that the error derives from
_RETRY_TYPES = re.compile(r"(?:Timeout|TimeoutError|ConnectError|ConnectionError|RateLimitError|ServiceUnavailable)$")
_RETRY_STATUSES = frozenset({408, 425, 429})
_FIRST_SERVER_ERROR, _FIRST_NO_STATUS, _FIRST_CLIENT_ERROR = 500, 600, 400


def is_retryable(error: BaseException) -> bool:
    """Whether the call that raised ``error`` may succeed when made again."""
    if isinstance(error, ModelCallFailed):
        return error.retry_is_useful
    if isinstance(error, ServiceError):
        return error.retryable
    if not isinstance(error, Exception) or isinstance(error, _NEVER):
        # Not an Exception: an interruption, which must go through.
        return False
    status = next(_statuses(error), None)
    if status is not None:
        return status >= _FIRST_SERVER_ERROR or status in _RETRY_STATUSES
    return _sounds_passing(error)


def _sounds_passing(error: Exception) -> bool:
    text = str(error)
    if isinstance(error, _ALWAYS):
        return True
    if _NEVER_TEXT.search(text):
        return False
    named = any(_RETRY_TYPES.search(kind.__name__) for kind in type(error).__mro__)
    return named or bool(_RETRY_TEXT.search(text))


def _statuses(error: Exception) -> Iterator[int]:
    """HTTP error statuses that the error carries, where libraries keep them."""
    response = getattr(error, "response", None)
    for holder, name in ((error, "status_code"), (error, "code"), (error, "status"), (response, "status_code")):
        value = getattr(holder, name, None)
        if isinstance(value, int) and _FIRST_CLIENT_ERROR <= value < _FIRST_NO_STATUS:
            yield value
