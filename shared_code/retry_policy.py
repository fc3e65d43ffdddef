"""The seed document's retry policy: calls one function until it succeeds or may not be called again, on tenacity.

The rules are those of :class:`shared_code.providers.retry.Retries`, which the pipeline asks step by step. A policy
never waits past its total deadline, and never sleeps by itself: sleeping is a function that it is given.
"""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from shared_code.providers.retry import Retries, RetryConfig, is_retryable

if TYPE_CHECKING:
    import tenacity

__all__ = ["RetryConfig", "RetryPolicy", "is_retryable_error"]


def is_retryable_error(error: BaseException) -> bool:
    """Whether calling again can help; see :mod:`shared_code.providers.retry`."""
    return is_retryable(error)


class RetryPolicy(Retries):
    """Retries of one request.

    :ivar retry_count: calls that were made after the first one.
    """

    def __init__(
        self,
        config: RetryConfig | None = None,
        *,
        sleep: Callable[[float], None] = time.sleep,
        async_sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        **clocks: Any,
    ) -> None:
        """``clocks``: ``clock``, ``wall_clock`` and ``random``, see :class:`.retry.Retries`."""
        super().__init__(config, **clocks)
        self._sleep = sleep
        self._async_sleep = async_sleep

    @staticmethod
    def is_retryable_error(error: BaseException) -> bool:
        """See :func:`is_retryable_error`."""
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


class _Run:
    """Answers tenacity's three questions about one failed attempt, which it asks in this order."""

    def __init__(self, policy: RetryPolicy) -> None:
        self._policy = policy
        self._delay: float | None = None

    def failed_and_retryable(self, state: "tenacity.RetryCallState") -> bool:
        error = state.outcome.exception() if state.outcome else None
        if not isinstance(error, Exception):
            # Success, or an interruption (Ctrl-C, cancellation), which is not a failed attempt.
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
