"""Whether a failed call is made again, and how long to wait before it.

Our own errors tell it themselves. For all others the rules of the seed document apply: connection errors, timeouts,
rate limits, quotas, 5xx and "try again" are retryable; a wrong value, a missing file or a bad document never is. An
unknown error is not retried, because each call may cost money.
"""

import math
import random as random_module
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from shared_code.errors import ServiceError
from shared_code.observability.redaction import redact
from shared_code.providers.base import ModelCallFailed, Next
from shared_code.records import RetryAttempt

#: no wait is longer, also where no deadline is set: whoever is told to wait longer gives up
LONGEST_WAIT_SECONDS = 600.0
_LOGGED_TEXT = 2000
_LARGEST_EXPONENT = 300

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
#: class names of connection errors in many libraries; compared with each class that the error derives from
_RETRY_TYPES = re.compile(r"(?:Timeout|TimeoutError|ConnectError|ConnectionError|RateLimitError|ServiceUnavailable)$")
_RETRY_STATUSES = frozenset({408, 425, 429})
_FIRST_SERVER_ERROR, _FIRST_NO_STATUS, _FIRST_CLIENT_ERROR = 500, 600, 400


@dataclass(frozen=True, slots=True)
class RetryConfig:
    """How often to retry and how long to wait. ``max_retries=3`` means up to four calls; all times are seconds.

    :ivar total_deadline_seconds: for all calls and waits together, or None for no limit.
    :raises ValueError: a value is negative, not finite or of the wrong type.
    """

    max_retries: int = 3
    initial_delay: float = 1.0
    max_delay: float = 30.0
    backoff_multiplier: float = 2.0
    jitter: bool = True
    total_deadline_seconds: float | None = None

    def __post_init__(self) -> None:
        if isinstance(self.max_retries, bool) or not isinstance(self.max_retries, int) or self.max_retries < 0:
            raise ValueError(f"max_retries must be a whole number of 0 or more, not {self.max_retries!r}")
        for name in ("initial_delay", "max_delay"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) >= 0):
                raise ValueError(f"{name} must be 0 or more seconds, not {getattr(self, name)!r}")
        if not (math.isfinite(self.backoff_multiplier) and self.backoff_multiplier >= 1):
            raise ValueError(f"backoff_multiplier must be 1 or more, not {self.backoff_multiplier!r}")
        if self.total_deadline_seconds is not None and not self.total_deadline_seconds > 0:
            raise ValueError(f"total_deadline_seconds must be above 0, not {self.total_deadline_seconds!r}")


def is_retryable(error: BaseException) -> bool:
    """Whether the call that raised ``error`` may succeed when made again."""
    if isinstance(error, ModelCallFailed):
        return error.next_step is not Next.FAIL
    if isinstance(error, ServiceError):
        return error.retryable
    if not isinstance(error, Exception) or isinstance(error, _NEVER):
        # Not an Exception: an interruption such as Ctrl-C, which must not be retried.
        return False
    status = next(_statuses(error), None)
    if status is not None:
        return status >= _FIRST_SERVER_ERROR or status in _RETRY_STATUSES
    return _seems_temporary(error)


class Retries:
    """The attempts of one request and the waits between them; it never sleeps.

    The caller makes the calls, may change key or model between them, and asks after each failure (:meth:`record`,
    :meth:`delay_before`).

    :param clock: monotonic seconds; ``wall_clock`` stamps the log, ``random`` (0 to 1) spreads the waits.
    """

    def __init__(
        self,
        config: RetryConfig | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        random: Callable[[], float] = random_module.random,
    ) -> None:
        self.config = config or RetryConfig()
        self._clock = clock
        self._wall_clock = wall_clock
        self._random = random
        self._log: list[RetryAttempt] = []
        self._attempts = 0
        self._started = clock()

    @property
    def retry_count(self) -> int:
        """Calls made after the first one."""
        return max(0, self._attempts - 1, len(self._log) - 1)

    @property
    def remaining_seconds(self) -> float:
        """What is left of the total deadline, never below 0; infinite without one."""
        if self.config.total_deadline_seconds is None:
            return math.inf
        return max(0.0, self.config.total_deadline_seconds - (self._clock() - self._started))

    def begin_attempt(self) -> int:
        """Count one more call; returns its number, from 1."""
        self._attempts += 1
        return self._attempts

    def record(self, error: BaseException, *, retryable: bool | None = None, **labels: Any) -> RetryAttempt:
        """Log that the present attempt failed.

        :param retryable: the caller's own decision, in place of :func:`is_retryable`.
        :param labels: further fields of :class:`~shared_code.records.RetryAttempt` (token_id, company_id, ...).
        """
        entry = RetryAttempt(
            attempt=max(self._attempts, len(self._log) + 1),
            error=_text_of(error),
            retryable=is_retryable(error) if retryable is None else retryable,
            timestamp=self._wall_clock(),
            **labels,
        )
        self._log.append(entry)
        return entry

    def delay_before(self, attempt: int, error: BaseException, *, same_key_failures: int | None = None) -> float | None:
        """Seconds to wait before the call that follows failed attempt number ``attempt`` (from 1).

        The error's own hint (``wait_seconds``, ``retry_after``) counts when it is longer than the backoff.

        :param same_key_failures: failures in a row with the present key and model: an error may allow fewer retries
            with the same key than the policy does. None leaves that to the caller.
        :returns: None when no further call may be made: attempts used up, or the deadline would pass while waiting.
        """
        if attempt > self.config.max_retries or _used_up(error, same_key_failures):
            return None
        delay = max(self._backoff(attempt), _hint(error))
        if delay > LONGEST_WAIT_SECONDS or delay >= self.remaining_seconds:
            return None
        return delay

    def _backoff(self, attempt: int) -> float:
        exponent, base = attempt - 1, self.config.backoff_multiplier
        # The power may be too large for a float; the longest delay is shorter anyhow.
        growth = base**exponent if exponent * math.log10(base) < _LARGEST_EXPONENT else 10.0**_LARGEST_EXPONENT
        delay = min(self.config.initial_delay * growth, self.config.max_delay)
        # Between half and the whole of it, so that callers that failed together do not come back together.
        return delay * (0.5 + 0.5 * self._random()) if self.config.jitter else delay


def _used_up(error: BaseException, same_key_failures: int | None) -> bool:
    if not isinstance(error, ModelCallFailed) or error.next_step is not Next.SAME_KEY:
        return False
    most = error.max_same_key_retries
    return most is not None and same_key_failures is not None and same_key_failures > most


def _hint(error: BaseException) -> float:
    for name in ("wait_seconds", "retry_after"):
        value = getattr(error, name, None)
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value > 0:
            return float(value)
    return 0.0


def _text_of(error: BaseException) -> str:
    """What is logged of an error, redacted: its text with the vendor's words if any, or at least its type."""
    text = str(error)
    if isinstance(error, ModelCallFailed):
        said = error.details.get("provider_message")
        text = f"{error.reason}: {text} [{said}]" if said else f"{error.reason}: {text}"
    return redact(text or type(error).__name__)[:_LOGGED_TEXT]


def _seems_temporary(error: Exception) -> bool:
    text = str(error)
    if isinstance(error, _ALWAYS):
        return True
    if _NEVER_TEXT.search(text):
        return False
    named = any(_RETRY_TYPES.search(kind.__name__) for kind in type(error).__mro__)
    return named or bool(_RETRY_TEXT.search(text))


def _statuses(error: Exception) -> Iterator[int]:
    """HTTP error statuses in the attributes under which libraries keep them."""
    response = getattr(error, "response", None)
    for holder, name in ((error, "status_code"), (error, "code"), (error, "status"), (response, "status_code")):
        value = getattr(holder, name, None)
        if isinstance(value, int) and _FIRST_CLIENT_ERROR <= value < _FIRST_NO_STATUS:
            yield value
