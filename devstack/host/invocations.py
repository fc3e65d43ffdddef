"""Runs functions through the worker and keeps account of what runs: the two log lines, time limits, a calm end.

A limit is only reported, never enforced: Azure restarts the worker there, which this host does not do.
"""

import logging
import re
import secrets
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from devstack.host.worker import InvocationResult, Worker
from devstack.host.worker_processes.pool import WorkerPool

#: seconds after which Azure's load balancer gives up on an HTTP answer, whatever functionTimeout says
GATEWAY_LIMIT_SECONDS = 230.0

log = logging.getLogger("devstack.host")

#: W3C Trace Context, version 00
_TRACE_PARENT = re.compile(r"00-(?P<trace>(?!0{32})[0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-(?P<flags>[0-9a-f]{2})")


@dataclass
class _Running:
    name: str
    started: float
    #: (seconds, what happens in Azure then), soonest first
    limits: list[tuple[float, str]]


class Invocations:
    """Every call of a function goes through here."""

    def __init__(
        self,
        worker: Worker | WorkerPool,
        *,
        function_timeout_seconds: float | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._worker = worker
        self._timeout = function_timeout_seconds
        self._clock = clock
        self._running: dict[str, _Running] = {}
        self._changed = threading.Condition()

    def run(
        self,
        function: str,
        inputs: Sequence[tuple[str, Any]],
        *,
        metadata: Mapping[str, Any] | None = None,
        reason: str,
        through_gateway: bool = False,
        trace_parent: str | None = None,
    ) -> InvocationResult:
        """Run ``function`` and wait. The error and its traceback are logged here.

        :param trace_parent: header of the request that caused it, if there was one.
        """
        invocation_id = str(uuid.uuid4())
        log.info("Executing 'Functions.%s' (Reason='%s', Id=%s)", function, reason, invocation_id)
        started = self._clock()
        with self._changed:
            self._running[invocation_id] = _Running(function, started, self._limits(through_gateway=through_gateway))
        result = InvocationResult(ok=False, returned=None, outputs={}, error="interrupted")
        try:
            trace = next_trace_parent(trace_parent)
            result = self._worker.invoke(invocation_id, function, inputs, metadata or {}, trace)
        finally:
            took = round((self._clock() - started) * 1000)
            with self._changed:
                del self._running[invocation_id]
                self._changed.notify_all()
            outcome = "Succeeded" if result.ok else "Failed"
            log.log(
                logging.INFO if result.ok else logging.ERROR,
                "Executed 'Functions.%s' (%s, Id=%s, Duration=%dms)%s",
                function,
                outcome,
                invocation_id,
                took,
                "" if result.ok else f"\n{result.error}\n{result.traceback}".rstrip(),
            )
        return result

    def report_overdue(self) -> None:
        """Log each running invocation that passed a limit since the last call."""
        now = self._clock()
        with self._changed:
            for invocation_id, one in self._running.items():
                while one.limits and now - one.started > one.limits[0][0]:
                    seconds, consequence = one.limits.pop(0)
                    log.warning(
                        "'Functions.%s' (Id=%s) runs for more than %g s: %s",
                        one.name,
                        invocation_id,
                        seconds,
                        consequence,
                    )

    def drain(self, seconds: float) -> list[str]:
        """Wait until nothing runs, at most ``seconds``; the names of the functions that still do."""
        with self._changed:
            self._changed.wait_for(lambda: not self._running, timeout=seconds)
            return sorted(one.name for one in self._running.values())

    def _limits(self, *, through_gateway: bool) -> list[tuple[float, str]]:
        limits = []
        if through_gateway:
            limits.append((GATEWAY_LIMIT_SECONDS, "in Azure the caller has been cut off by the load balancer."))
        if self._timeout is not None:
            limits.append((self._timeout, "functionTimeout; in Azure the worker process is restarted now."))
        return sorted(limits)


def next_trace_parent(header: str | None) -> str:
    """``traceparent`` of an invocation: a new span of the trace that ``header`` names, or of a new trace."""
    found = _TRACE_PARENT.fullmatch((header or "").strip().lower())
    trace, flags = (found["trace"], found["flags"]) if found else (secrets.token_hex(16), "00")
    return f"00-{trace}-{secrets.token_hex(8)}-{flags}"
