"""Takes messages off a storage queue, has each worked on, and settles, retries or poisons it.

The triggers for blobs and for queues do this alike. While a run lasts its message is kept invisible; a host that dies
leaves it invisible until the visibility timeout ends.
"""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from devstack.host.blobs.receipts import send_message
from devstack.host.storage import explain

if TYPE_CHECKING:
    from azure.storage.queue import QueueClient, QueueMessage

_MISSING = 404

log = logging.getLogger("devstack.host")


@dataclass(frozen=True)
class QueueOptions:
    """What host.json and the command line say about a queue.

    :ivar kind: what its messages are about, for the log.
    :ivar poison_threshold: tries before a message is poison.
    :ivar parallel: runs at once.
    :ivar batch: messages asked for at once.
    :ivar least_room: runs that must be free before messages are asked for.
    :ivar retry_seconds: after which a message is seen again whose run has failed.
    :ivar create: whether the host makes the queue; the queue of a queue trigger is made by whoever sends.
    """

    kind: str
    poison_threshold: int
    parallel: int
    visibility_seconds: int
    poll_seconds: float
    batch: int = 16
    least_room: int = 1
    retry_seconds: int = 0
    create: bool = True


class MessageHandler(Protocol):
    """What is done with a message."""

    def handle(self, raw: "QueueMessage") -> bool | None:
        """Whether the message is done with; False sends it back, None makes it poison at once. May raise AzureError."""

    def poison_queue(self, raw: "QueueMessage") -> "QueueClient":
        """Where it goes after its last try."""

    def describe(self, raw: "QueueMessage") -> str:
        """What the message is about, for the log."""


@dataclass
class _Taken:
    """A message in hand; its receipt changes with every renewal."""

    message: "QueueMessage"
    lock: threading.Lock = field(default_factory=threading.Lock)
    finished: bool = False


class QueueListener:
    """Works one queue."""

    def __init__(self, queue: "QueueClient", handler: MessageHandler, options: QueueOptions) -> None:
        self._queue = queue
        self._handler = handler
        self._options = options
        self._pool = ThreadPoolExecutor(options.parallel, thread_name_prefix=options.kind)
        self._taken: dict[str, _Taken] = {}
        self._changed = threading.Condition()

    def listen(self, stop: threading.Event) -> None:
        """Work until ``stop``; what runs then goes on (:meth:`finish`)."""
        from azure.core.exceptions import AzureError

        threading.Thread(target=self._renew, args=(stop,), name=f"{self._options.kind}-renewal", daemon=True).start()
        reported = ""
        while not stop.is_set():
            try:
                idle = self._take() == 0
                reported = ""
            except AzureError as error:
                idle, problem = True, explain(error)
                if getattr(error, "status_code", None) == _MISSING:
                    problem = self._create_queue() if self._options.create else ""
                if problem and problem != reported:
                    log.warning("The %s queue waits: %s.", self._options.kind, problem)
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
            if room < self._options.least_room:
                self._changed.wait(timeout=self._options.poll_seconds)
                return 1
        found = list(
            self._queue.receive_messages(
                max_messages=min(room, self._options.batch), visibility_timeout=self._options.visibility_seconds
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
            done = self._handler.handle(message) if tries <= self._options.poison_threshold else False
            with taken.lock:
                taken.finished = True
            if done:
                self._queue.delete_message(message)
            elif done is None or tries >= self._options.poison_threshold:
                self._poison(message)
            else:
                self._queue.update_message(message, visibility_timeout=self._options.retry_seconds)
        except AzureError as error:
            # Stays invisible until its timeout, then comes back.
            log.warning("A %s message could not be settled: %s.", self._options.kind, explain(error))
        except Exception:  # the pool would swallow it: a bug of this host must be seen
            log.exception("A %s message broke this host", self._options.kind)
        finally:
            with self._changed:
                self._taken.pop(message.id, None)
                self._changed.notify_all()

    def _poison(self, raw: "QueueMessage") -> None:
        """Move it to the poison queue."""
        queue = self._handler.poison_queue(raw)
        send_message(queue, str(raw.content))
        self._queue.delete_message(raw)
        log.error(
            "Message has reached MaxDequeueCount of %d. Moving message to queue '%s' (%s).",
            self._options.poison_threshold,
            queue.queue_name,
            self._handler.describe(raw),
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
                log.warning("A %s message could not be kept invisible: %s.", self._options.kind, explain(error))

    def _create_queue(self) -> str:
        """Make the queue; what went wrong, empty when nothing did."""
        from azure.core.exceptions import AzureError

        try:
            self._queue.create_queue()
        except AzureError as error:
            return explain(error)
        return ""
