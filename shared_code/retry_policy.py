"""When a failed call is made again, how long to wait before, and when to stop. The only importer of tenacity.

One policy object serves one request: it holds the request's log and clock. Two ways to use it:

* ``execute_with_retry`` / ``execute_with_retry_sync`` call one function until it succeeds or may not be called again;
* a caller that changes key or model between calls asks step by step: :meth:`RetryPolicy.begin_attempt`,
  :meth:`RetryPolicy.record`, :meth:`RetryPolicy.delay_before`.

It never waits past the total deadline, and it never sleeps by itself: sleeping is a function that it is given.
"""

import asyncio
import inspect
import math
import random as random_module
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared_code.observability.redaction import redact
from shared_code.providers.base import ModelCallFailed, Next
from shared_code.providers.retryable import is_retryable
from shared_code.records import RetryAttempt

if TYPE_CHECKING:
    import tenacity

#: a hint beyond this is no invitation to wait, also where no deadline is set
LONGEST_WAIT_SECONDS = 600.0
_LOGGED_TEXT = 2000
_LARGEST_EXPONENT = 300


@dataclass(frozen=True, slots=True)
class RetryConfig:
    """How often and how patiently. ``max_retries=3`` means up to four calls; all times are seconds.

    :ivar total_deadline_seconds: for all calls and waits together, or None for no limit.
    :raises ValueError: for values that make no sense.
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


class RetryPolicy:
    """Retries of one request.

    :ivar retry_count: calls that were made after the first one.
    """

    def __init__(
        self,
        config: RetryConfig | None = None,
        *,
        sleep: Callable[[float], None] = time.sleep,
        async_sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        random: Callable[[], float] = random_module.random,
    ) -> None:
        self.config = config or RetryConfig()
        self._sleep = sleep
        self._async_sleep = async_sleep
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

    @staticmethod
    def is_retryable_error(error: BaseException) -> bool:
        """Whether calling again can help; see :mod:`shared_code.providers.retryable`."""
        return is_retryable(error)

    def get_retry_log(self) -> list[dict[str, Any]]:
        """Failed attempts so far: ``attempt`` (from 1), ``error`` (redacted), ``retryable``, ``timestamp`` (Unix)."""
        return [
            {
                "attempt": entry.attempt,
                "error": entry.error,
                "retryable": entry.retryable,
                "timestamp": entry.timestamp,
            }
            for entry in self._log
        ]

    def begin_attempt(self) -> int:
        """Count one more call; returns its number, from 1."""
        self._attempts += 1
        return self._attempts

    def record(self, error: BaseException, *, retryable: bool | None = None, **labels: Any) -> RetryAttempt:
        """Log that the present attempt failed.

        :param retryable: the caller's own decision, in place of :meth:`is_retryable_error`.
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

    async def execute_with_retry(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call ``fn`` (async or not) until it succeeds; raises its last error as it is."""
        import tenacity

        async def call() -> Any:
            self.begin_attempt()
            result = fn(*args, **kwargs)
            return await result if inspect.isawaitable(result) else result

        run = self._start()
        return await tenacity.AsyncRetrying(
            sleep=self._async_sleep, retry=run.failed_and_retryable, wait=run.wait, stop=run.stop, reraise=True
        )(call)

    def execute_with_retry_sync(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call ``fn`` until it succeeds; raises its last error as it is."""
        import tenacity

        def call() -> Any:
            self.begin_attempt()
            return fn(*args, **kwargs)

        run = self._start()
        return tenacity.Retrying(
            sleep=self._sleep, retry=run.failed_and_retryable, wait=run.wait, stop=run.stop, reraise=True
        )(call)

    def _start(self) -> "_Run":
        """Begin anew: a policy that is used for a second call does not carry the first one's log and clock."""
        self._log.clear()
        self._attempts = 0
        self._started = self._clock()
        return _Run(self)

    def _backoff(self, attempt: int) -> float:
        exponent, base = attempt - 1, self.config.backoff_multiplier
        # A power too large for a float is any number beyond the longest delay.
        growth = base**exponent if exponent * math.log10(base) < _LARGEST_EXPONENT else 10.0**_LARGEST_EXPONENT
        delay = min(self.config.initial_delay * growth, self.config.max_delay)
        # Between half and the whole: callers that failed together come back apart, none of them at once.
        return delay * (0.5 + 0.5 * self._random()) if self.config.jitter else delay


class _Run:
    """Answers tenacity's three questions about one failed attempt, which it asks in this order."""

    def __init__(self, policy: RetryPolicy) -> None:
        self._policy = policy
        self._delay: float | None = None

    def failed_and_retryable(self, state: "tenacity.RetryCallState") -> bool:
        error = state.outcome.exception() if state.outcome else None
        if not isinstance(error, Exception):
            # Success, or an interruption (Ctrl-C, cancellation) that is nobody's failed attempt.
            return False
        retryable = self._policy.record(error).retryable
        if retryable:
            failures = state.attempt_number
            self._delay = self._policy.delay_before(failures, error, same_key_failures=failures)
        return retryable

    def wait(self, _state: "tenacity.RetryCallState") -> float:
        return self._delay or 0.0

    def stop(self, _state: "tenacity.RetryCallState") -> bool:
        return self._delay is None


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
    """What is logged of an error: the vendor's words where there are any, else its text or at least its type."""
    text = str(error)
    if isinstance(error, ModelCallFailed):
        said = error.details.get("provider_message")
        text = f"{error.reason}: {text} [{said}]" if said else f"{error.reason}: {text}"
    return redact(text or type(error).__name__)[:_LOGGED_TEXT]
