"""The workers of one host: invocations go to them in turn; one that ends is started again while the others serve."""

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from devstack.host.discovery import FunctionDefinition
from devstack.host.errors import HostStartError
from devstack.host.settings import AppSettings
from devstack.host.worker import InvocationResult
from devstack.host.worker_processes.link import WorkerGone, WorkerLink

SETTING = "FUNCTIONS_WORKER_PROCESS_COUNT"
MOST_PROCESSES = 10
#: that an invocation waits for a worker while none runs
_WAIT_SECONDS = 30.0
#: pauses before a worker is started again that ended soon after its start; one that lived longer is replaced at once
_LONGEST_PAUSE_SECONDS = 30.0
_SHORT_LIFE_SECONDS = 30.0

log = logging.getLogger("devstack.host")


def worker_count(settings: AppSettings) -> int:
    """How many worker processes the app wants. Raises :class:`HostStartError` for what is no such number."""
    text = (settings.get(SETTING) or "1").strip()
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= MOST_PROCESSES):
        raise HostStartError(f"{SETTING} must be a whole number from 1 to {MOST_PROCESSES}, not {text!r}.")
    return int(text)


class WorkerPool:
    """Used like one :class:`~devstack.host.worker.Worker`."""

    def __init__(self, count: int, root: Path) -> None:
        self._count = count
        self._root = root
        self._changed = threading.Condition()
        self._links: list[WorkerLink] = []
        self._began: dict[WorkerLink, float] = {}
        self._functions: list[FunctionDefinition] = []
        self._turn = 0
        self._short_lives = 0
        self._closing = False

    @property
    def pids(self) -> list[int]:
        """Process ids of those that serve now."""
        with self._changed:
            return [link.pid for link in self._links]

    def start(self) -> None:
        """Start all of them. Raises :class:`HostStartError` when one ends instead."""
        links = [self._new() for _ in range(self._count)]
        try:
            for link in links:
                link.started.result()
        except WorkerGone:
            raise HostStartError("A worker process ended while it was starting; see the lines above.") from None
        with self._changed:
            self._links = links

    def load(self, function: FunctionDefinition) -> str | None:
        """Have every worker import the function. Returns what is wrong, or None."""
        # What worker processes need to know of it; the rest cannot be sent to them either.
        function = replace(function, properties={}, config={})
        self._functions.append(function)
        with self._changed:
            links = list(self._links)
        try:
            found = [answer.result() for answer in [link.ask("load", function) for link in links]]
        except WorkerGone:
            return "A worker process ended while it loaded the function."
        return next((error for error in found if error is not None), None)

    def invoke(
        self,
        invocation_id: str,
        function: str,
        inputs: Sequence[tuple[str, Any]],
        metadata: Mapping[str, Any],
        trace_parent: str,
    ) -> InvocationResult:
        """Run a function on the worker whose turn it is, and wait, however long it takes."""
        link = self._next()
        if link is None:
            return _failed("no worker process runs")
        try:
            result: InvocationResult = link.ask(
                "invoke", invocation_id, function, list(inputs), dict(metadata), trace_parent
            ).result()
        except WorkerGone:
            return _failed(f"the worker process {link.pid} ended during the invocation")
        return result

    def close(self, seconds: float) -> None:
        """End all of them, and those that are starting."""
        with self._changed:
            self._closing = True
            links = list(self._began)
            self._changed.notify_all()
        for link in links:
            link.close()
        ends = time.monotonic() + seconds
        for link in links:
            link.wait(ends - time.monotonic())

    def _new(self) -> WorkerLink:
        """One more process. Raises :class:`WorkerGone` when the host ends."""
        with self._changed:
            if self._closing:
                raise WorkerGone
            link = WorkerLink(self._root, self._ended)
            self._began[link] = time.monotonic()
        return link

    def _next(self) -> WorkerLink | None:
        with self._changed:
            self._changed.wait_for(lambda: self._closing or self._alive(), timeout=_WAIT_SECONDS)
            alive = self._alive()
            if not alive:
                return None
            self._turn += 1
            return alive[self._turn % len(alive)]

    def _alive(self) -> list[WorkerLink]:
        return [link for link in self._links if not link.has_ended]

    def _ended(self, link: WorkerLink) -> None:
        """Put another in the place of one that has ended; on the thread that has read its answers."""
        link.wait(1.0)
        with self._changed:
            lived = time.monotonic() - self._began.pop(link, 0.0)
            served = link in self._links
            if served:
                self._links.remove(link)
            if self._closing or not served:
                return
            self._short_lives = self._short_lives + 1 if lived < _SHORT_LIFE_SECONDS else 0
            pause = min(2.0 ** (self._short_lives - 1) - 1.0, _LONGEST_PAUSE_SECONDS) if self._short_lives else 0.0
        log.error("Worker process %d has ended; another one is started in %g s.", link.pid, pause)
        self._replace(pause)

    def _replace(self, pause: float) -> None:
        while True:
            with self._changed:
                if self._changed.wait_for(lambda: self._closing, timeout=pause):
                    return
            try:
                link = self._new()
                link.started.result()
                for answer in [link.ask("load", function) for function in self._functions]:
                    answer.result()
            except WorkerGone:
                pause = min(max(pause * 2, 1.0), _LONGEST_PAUSE_SECONDS)
                continue
            with self._changed:
                # One that was closed meanwhile ends by itself.
                self._links.append(link)
                self._changed.notify_all()
            log.info("Worker process %d serves in its place.", link.pid)
            return


def _failed(reason: str) -> InvocationResult:
    return InvocationResult(ok=False, returned=None, outputs={}, error=f"WorkerProcessExit: {reason}")
