"""Takes "this blob is due" messages off the internal queue, runs the function, and retries or poisons.

A failed run is visible again at once: up to the threshold the tries follow each other without pause. While a run lasts
its message is kept invisible; a host that dies leaves it invisible until the visibility timeout ends.
"""

import logging
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from devstack.host.blob_invoker import BlobInvoker
from devstack.host.blob_receipts import send_message
from devstack.host.blob_registration import BlobMessage, BlobRegistration, decode_message, quoted
from devstack.host.blob_scanner import BlobScanner
from devstack.host.storage import StorageAccount, explain

if TYPE_CHECKING:
    from azure.storage.queue import QueueClient, QueueMessage

POISON_QUEUE = "webjobs-blobtrigger-poison"
_MOST_MESSAGES = 16
_MISSING = 404

log = logging.getLogger("devstack.host")


@dataclass(frozen=True)
class BlobQueueOptions:
    """``extensions.blobs`` of host.json and what the command line adds.

    :ivar poison_threshold: tries before a message is poison.
    :ivar parallel: runs at once.
    """

    poison_threshold: int
    parallel: int
    visibility_seconds: int
    poll_seconds: float


@dataclass
class _Taken:
    """A message in hand; its receipt changes with every renewal."""

    message: "QueueMessage"
    lock: threading.Lock = field(default_factory=threading.Lock)
    finished: bool = False


class BlobQueueListener:
    """Works the queue ``azure-webjobs-blobtrigger-{hostId}``."""

    def __init__(
        self,
        queue: "QueueClient",
        registrations: Mapping[str, BlobRegistration],
        *,
        account: StorageAccount,
        invoker: BlobInvoker,
        scanner: BlobScanner,
        options: BlobQueueOptions,
    ) -> None:
        self._queue = queue
        self._registrations = registrations
        self._account = account
        self._invoker = invoker
        self._scanner = scanner
        self._options = options
        self._pool = ThreadPoolExecutor(options.parallel, thread_name_prefix="blob")
        self._taken: dict[str, _Taken] = {}
        self._changed = threading.Condition()

    def listen(self, stop: threading.Event) -> None:
        """Work until ``stop``; what runs then goes on (:meth:`finish`)."""
        from azure.core.exceptions import AzureError

        threading.Thread(target=self._renew, args=(stop,), name="blob-renewal", daemon=True).start()
        reported = ""
        while not stop.is_set():
            try:
                idle = self._take() == 0
                reported = ""
            except AzureError as error:
                idle, problem = True, explain(error)
                if getattr(error, "status_code", None) == _MISSING:
                    problem = self._create_queue()
                if problem and problem != reported:
                    log.warning("The blob queue waits: %s.", problem)
                    reported = problem
            if idle:
                stop.wait(self._options.poll_seconds)
        self._pool.shutdown(wait=False)

    def finish(self, seconds: float) -> bool:
        """Wait until every message in hand is settled; False when some is not after ``seconds``."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._taken, timeout=seconds)

    def _take(self) -> int:
        """Take as many messages as there is room for; returns how many came."""
        with self._changed:
            room = self._options.parallel - len(self._taken)
            if room <= 0:
                self._changed.wait(timeout=self._options.poll_seconds)
                return 1
        found = list(
            self._queue.receive_messages(
                max_messages=min(room, _MOST_MESSAGES), visibility_timeout=self._options.visibility_seconds
            )
        )
        for message in found:
            taken = _Taken(message)
            with self._changed:
                self._taken[message.id] = taken
            self._pool.submit(self._work, taken)
        return len(found)

    def _work(self, taken: _Taken) -> None:
        from azure.core.exceptions import AzureError

        message = taken.message
        tries = int(message.dequeue_count or 1)
        try:
            succeeded = tries <= self._options.poison_threshold and self._handle(message)
            with taken.lock:
                taken.finished = True
            if succeeded:
                self._queue.delete_message(message)
            elif tries >= self._options.poison_threshold:
                self._poison(message)
            else:
                self._queue.update_message(message, visibility_timeout=0)
        except AzureError as error:
            # Stays invisible until its timeout, then comes back.
            log.warning("A blob message could not be settled: %s.", explain(error))
        except Exception:  # the pool would swallow it: a bug of this host must be seen
            log.exception("A blob message broke this host")
        finally:
            with self._changed:
                self._taken.pop(message.id, None)
                self._changed.notify_all()

    def _handle(self, raw: "QueueMessage") -> bool:
        """Whether the message is done with; False sends it back."""
        from azure.core.exceptions import AzureError, ResourceNotFoundError

        try:
            message = decode_message(str(raw.content))
        except ValueError as error:
            log.error("A message in the blob queue is unreadable: %s.", error)  # noqa: TRY400 - the message says it
            return False
        registration = self._registrations.get(message.function_id)
        if registration is None:
            log.warning(
                "'%s' is not a function of this host; the message of blob '%s' is dropped.",
                message.function_id,
                message.name,
            )
            return True
        try:
            present = quoted(registration.blob(message.name).get_blob_properties().etag)
            if present != message.etag:
                self._scanner.renotify(registration, message.name)
                return True
            reason = f"New blob detected: {message.container}/{message.name}"
            return self._invoker.run(registration, message.name, reason=reason)
        except ResourceNotFoundError:
            log.info("Blob '%s/%s' is gone; its message is dropped.", message.container, message.name)
            return True
        except AzureError as error:
            log.warning("Blob '%s/%s' could not be read: %s.", message.container, message.name, explain(error))
            return False

    def _poison(self, raw: "QueueMessage") -> None:
        """Move to the poison queue of the blob's own account."""
        try:
            message: BlobMessage | None = decode_message(str(raw.content))
        except ValueError:
            message = None
        registration = self._registrations.get(message.function_id) if message else None
        account = registration.account if registration else self._account
        queue = account.queues.get_queue_client(POISON_QUEUE)
        send_message(queue, str(raw.content))
        self._queue.delete_message(raw)
        log.error(
            "Message has reached MaxDequeueCount of %d. Moving message to queue '%s' (%s).",
            self._options.poison_threshold,
            POISON_QUEUE,
            f"{message.container}/{message.name}" if message else "unreadable",
        )

    def _renew(self, stop: threading.Event) -> None:
        """Keep the messages in hand invisible; goes on after ``stop`` for those that still run."""
        pause = self._options.visibility_seconds / 2
        while not stop.wait(pause) or not self.finish(pause):
            with self._changed:
                taken = list(self._taken.values())
            for one in taken:
                self._renew_one(one)

    def _renew_one(self, taken: _Taken) -> None:
        from azure.core.exceptions import AzureError

        with taken.lock:
            if taken.finished:
                return
            try:
                renewed = self._queue.update_message(taken.message, visibility_timeout=self._options.visibility_seconds)
                taken.message.pop_receipt = renewed.pop_receipt
            except AzureError as error:
                log.warning("A blob message could not be kept invisible: %s.", explain(error))

    def _create_queue(self) -> str:
        """Make the queue; what went wrong, empty when nothing did."""
        from azure.core.exceptions import AzureError

        try:
            self._queue.create_queue()
        except AzureError as error:
            return explain(error)
        return ""
