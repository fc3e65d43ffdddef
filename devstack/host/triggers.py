"""The triggers that are not HTTP: started and stopped together, fired by hand through the admin endpoint."""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from devstack.host.blobs.invoker import BlobInvoker
from devstack.host.blobs.paths import parse_blob_path
from devstack.host.blobs.queue import BlobMessages
from devstack.host.blobs.receipts import BlobNotifier
from devstack.host.blobs.registration import BlobRegistration
from devstack.host.blobs.scanner import BlobScanner
from devstack.host.discovery import BLOB, HTTP, QUEUE, TIMER, FunctionDefinition
from devstack.host.errors import FunctionProblem, HostStartError
from devstack.host.invocations import Invocations
from devstack.host.locks import ListenerLock
from devstack.host.queue_listener import QueueListener, QueueOptions
from devstack.host.queue_trigger import QueueTrigger, message_encoding, queue_options
from devstack.host.schedules import parse_schedule
from devstack.host.settings import AppSettings, HostConfig
from devstack.host.storage import HOST_CONNECTION, NO_HOST_STORAGE, StorageAccount, is_configured, open_account
from devstack.host.timers import StatusStore, TimerListener

log = logging.getLogger("devstack.host")


FINISH_SECONDS = 2.0
#: runs at once per core, when host.json says nothing
BLOBS_PER_CORE = 8
POISON_THRESHOLD = 5


@dataclass(frozen=True)
class TriggerOptions:
    """What the command line says about triggers."""

    host_id: str
    blob_poll_seconds: float
    blob_visibility_seconds: int


class Triggers:
    """Timer, blob and queue functions; raises :class:`HostStartError` when they have no storage to work with."""

    def __init__(
        self,
        functions: Iterable[FunctionDefinition],
        *,
        settings: AppSettings,
        config: HostConfig,
        invocations: Invocations,
        options: TriggerOptions,
    ) -> None:
        found = [one for one in functions if one.trigger.type != HTTP]
        self.problems: dict[str, str] = {}
        self._timers: dict[str, TimerListener] = {}
        self._blobs: dict[str, BlobRegistration] = {}
        self._queues: dict[str, QueueTrigger] = {}
        self._listeners: list[QueueListener] = []
        self._scanner: BlobScanner | None = None
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._invoker = BlobInvoker(invocations)
        self._enabled = {one.name for one in found if not one.disabled}
        if not found:
            return
        if not is_configured(settings, HOST_CONNECTION):
            raise HostStartError(NO_HOST_STORAGE)
        try:
            account = open_account(settings, HOST_CONNECTION)
        except FunctionProblem as problem:
            raise HostStartError(str(problem)) from problem
        for function in found:
            try:
                if function.trigger.type == TIMER:
                    self._timers[function.name] = _timer(function, account, options.host_id, invocations)
                elif function.trigger.type == QUEUE:
                    self._queues[function.name] = _queue(function, settings, config, invocations)
                else:
                    self._blobs[function.name] = _blob(function, settings)
            except FunctionProblem as problem:
                self.problems[function.name] = str(problem)
        self._watch_blobs(account, config, options)
        self._watch_queues(config, options)

    def start(self) -> None:
        """Begin to listen; storage that does not answer yet is waited for in the background."""
        for name, timer in self._timers.items():
            if name in self._enabled:
                self._run(timer.listen, f"timer-{name}")
        if self._scanner:
            self._run(self._scanner.scan, "blob-scan")
        for listener in self._listeners:
            self._run(listener.listen, "queue")

    def stop(self) -> None:
        """Take no more work."""
        self._stop.set()

    def finish(self) -> bool:
        """Wait a moment for messages whose function has ended to be settled, and for locks to be given back."""
        deadline = time.monotonic() + FINISH_SECONDS
        settled = all(one.finish(max(0.0, deadline - time.monotonic())) for one in self._listeners)
        deadline = time.monotonic() + FINISH_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return settled and not any(thread.is_alive() for thread in self._threads)

    def describe(self, function: FunctionDefinition) -> str:
        """Path, queue or schedule, for people."""
        if function.trigger.type == QUEUE:
            return str(function.properties["queuename"])
        if function.trigger.type == BLOB:
            polled = str(function.properties.get("source") or "").casefold() == "eventgrid"
            return f"{function.properties['path']}{' (source EventGrid: polled here)' if polled else ''}"
        return str(function.properties.get("schedule") or "")

    def manual_run(self, function: FunctionDefinition) -> Callable[[str], object] | None:
        """How to run the function by hand, or None."""
        if function.name in self._timers:
            return self._timers[function.name].run_now
        if function.name in self._queues:
            return self._queues[function.name].run_by_hand
        registration = self._blobs.get(function.name)
        if registration is None:
            return None
        return lambda path: self._invoker.run_by_hand(registration, path)

    def _watch_blobs(self, account: StorageAccount, config: HostConfig, options: TriggerOptions) -> None:
        watched: Mapping[str, BlobRegistration] = {
            one.function_id: one for one in self._blobs.values() if one.function.name in self._enabled
        }
        if not watched:
            return
        queue = account.queues.get_queue_client(f"azure-webjobs-blobtrigger-{options.host_id}")
        self._scanner = BlobScanner(
            list(watched.values()),
            account=account,
            host_id=options.host_id,
            notifier=BlobNotifier(account, options.host_id, queue),
            poll_seconds=options.blob_poll_seconds,
        )
        blob_options = QueueOptions(
            kind="blob",
            poison_threshold=config.integer("extensions.blobs.poisonBlobThreshold", POISON_THRESHOLD),
            parallel=config.integer("extensions.blobs.maxDegreeOfParallelism", BLOBS_PER_CORE * (os.cpu_count() or 1)),
            visibility_seconds=options.blob_visibility_seconds,
            poll_seconds=options.blob_poll_seconds,
        )
        messages = BlobMessages(watched, account=account, invoker=self._invoker, scanner=self._scanner)
        self._listeners.append(QueueListener(queue, messages, blob_options))

    def _watch_queues(self, config: HostConfig, options: TriggerOptions) -> None:
        for trigger in self._queues.values():
            if trigger.function.name in self._enabled:
                settings = queue_options(
                    config, poll_seconds=options.blob_poll_seconds, visibility_seconds=options.blob_visibility_seconds
                )
                self._listeners.append(QueueListener(trigger.queue, trigger, settings))

    def _run(self, listen: Callable[[threading.Event], None], name: str) -> None:
        thread = threading.Thread(target=listen, args=(self._stop,), name=name, daemon=True)
        thread.start()
        self._threads.append(thread)


def _timer(
    function: FunctionDefinition, account: StorageAccount, host_id: str, invocations: Invocations
) -> TimerListener:
    return TimerListener(
        function,
        parse_schedule(str(function.properties["schedule"])),
        store=StatusStore(account, host_id, function.name),
        lock=ListenerLock(account, host_id, function.name),
        invocations=invocations,
    )


def _queue(
    function: FunctionDefinition, settings: AppSettings, config: HostConfig, invocations: Invocations
) -> QueueTrigger:
    connection = str(function.properties.get("connection") or HOST_CONNECTION)
    return QueueTrigger(function, open_account(settings, connection), invocations, message_encoding(config))


def _blob(function: FunctionDefinition, settings: AppSettings) -> BlobRegistration:
    pattern = parse_blob_path(str(function.properties["path"]))
    connection = str(function.properties.get("connection") or HOST_CONNECTION)
    return BlobRegistration(function, pattern, open_account(settings, connection))
