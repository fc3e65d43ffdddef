"""Runs a function for each message of a storage queue, as the real host's queue trigger does.

``extensions.queues`` of host.json: so many messages are asked for at once (``batchSize``), and again as soon as no more
than ``newBatchThreshold`` of them are under way; a failed run's message is seen again after ``visibilityTimeout``, and
after ``maxDequeueCount`` tries goes to a queue of the same name with ``-poison`` behind it. A message in another
encoding than ``messageEncoding`` goes there at once. So does Microsoft.Azure.WebJobs.Extensions.Storage.Queues in
azure-sdk-for-net. The queue itself is made by whoever sends; one that is not there is no error.
"""

import base64
import binascii
import json
import logging
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from devstack.host.discovery import FunctionDefinition
from devstack.host.errors import FunctionProblem, HostStartError
from devstack.host.invocations import Invocations
from devstack.host.queue_listener import QueueOptions
from devstack.host.schedules import parse_time_span
from devstack.host.settings import HostConfig
from devstack.host.storage import StorageAccount
from devstack.host.worker import datum

if TYPE_CHECKING:
    from azure.storage.queue import QueueClient, QueueMessage

BATCH_SIZE, MOST_MESSAGES = 16, 32
MAX_DEQUEUE_COUNT = 5
ENCODINGS = ("base64", "none")
_SECTION = "extensions.queues"

log = logging.getLogger("devstack.host")


@dataclass(frozen=True)
class QueueTrigger:
    """A queue function with the queue it listens to."""

    function: FunctionDefinition
    account: StorageAccount
    invocations: Invocations
    encoding: str

    @property
    def queue_name(self) -> str:
        """The queue's name."""
        return str(self.function.properties["queuename"])

    @property
    def queue(self) -> "QueueClient":
        """The queue."""
        return self.account.queues.get_queue_client(self.queue_name)

    def handle(self, raw: "QueueMessage") -> bool | None:
        """Whether the function succeeded; None for a message in another encoding."""
        body = self._decoded(str(raw.content))
        if body is None:
            log.error("A message in queue '%s' is not %s.", self.queue_name, self.encoding)
            return None
        return self._run(body, raw, f"New queue message detected on '{self.queue_name}'.")

    def poison_queue(self, raw: "QueueMessage") -> "QueueClient":  # noqa: ARG002 - one queue for all messages
        """The queue's own poison queue."""
        return self.account.queues.get_queue_client(f"{self.queue_name}-poison")

    def describe(self, raw: "QueueMessage") -> str:
        """The message's id: its text may hold anything."""
        return str(raw.id)

    def run_by_hand(self, text: str) -> None:
        """Run for a text without queue or retry."""
        self._run(text.encode(), None, "This function was programmatically called via the host APIs.")

    def _run(self, body: bytes, raw: "QueueMessage | None", reason: str) -> bool:
        trigger = self.function.trigger
        # The worker is given text; bytes only where function.json says so.
        value = (
            datum(body, "bytes") if trigger.data_type == "binary" else datum(body.decode("utf-8", "replace"), "string")
        )
        result = self.invocations.run(
            self.function.name, [(trigger.name, value)], metadata=_metadata(value, raw), reason=reason
        )
        return result.ok

    def _decoded(self, content: str) -> bytes | None:
        if self.encoding == "none":
            return content.encode()
        try:
            return base64.b64decode(content, validate=True)
        except (binascii.Error, ValueError):
            return None


def queue_options(config: HostConfig, *, poll_seconds: float, visibility_seconds: int) -> QueueOptions:
    """``extensions.queues`` of host.json. Raises :class:`HostStartError` for values that the real host refuses."""
    batch = config.integer(f"{_SECTION}.batchSize", BATCH_SIZE)
    threshold = config.integer(f"{_SECTION}.newBatchThreshold", max(batch // 2, 1))
    if not 1 <= batch <= MOST_MESSAGES or threshold < 0:
        raise HostStartError(
            f"host.json: {_SECTION}: batchSize must be 1 to {MOST_MESSAGES}, newBatchThreshold not negative."
        )
    return QueueOptions(
        kind="queue",
        poison_threshold=config.integer(f"{_SECTION}.maxDequeueCount", MAX_DEQUEUE_COUNT),
        parallel=batch + threshold,
        batch=batch,
        least_room=batch,
        visibility_seconds=visibility_seconds,
        poll_seconds=min(poll_seconds, _seconds(config, "maxPollingInterval", "00:01:00")),
        retry_seconds=int(_seconds(config, "visibilityTimeout", "00:00:00")),
        create=False,
    )


def message_encoding(config: HostConfig) -> str:
    """How messages are encoded. Raises :class:`HostStartError`."""
    encoding = config.text(f"{_SECTION}.messageEncoding", ENCODINGS[0]).casefold()
    if encoding not in ENCODINGS:
        raise HostStartError(
            f"host.json: {_SECTION}.messageEncoding must be {' or '.join(ENCODINGS)}, not '{encoding}'."
        )
    return encoding


def _seconds(config: HostConfig, key: str, default: str) -> float:
    try:
        return parse_time_span(config.text(f"{_SECTION}.{key}", default)).total_seconds()
    except FunctionProblem as problem:
        raise HostStartError(f"host.json: {_SECTION}.{key}: {problem}") from problem


def _metadata(value: Any, raw: "QueueMessage | None") -> dict[str, Any]:
    """What the trigger knows of the message beside its text."""
    metadata = {"QueueTrigger": value}
    if raw is None:
        return metadata
    moments = {
        "ExpirationTime": raw.expires_on,
        "InsertionTime": raw.inserted_on,
        "NextVisibleTime": raw.next_visible_on,
    }
    return metadata | {
        "Id": datum(str(raw.id), "string"),
        "PopReceipt": datum(str(raw.pop_receipt), "string"),
        "DequeueCount": datum(json.dumps(int(raw.dequeue_count or 1)), "json"),
        **{name: datum(json.dumps(_moment(moment)), "json") for name, moment in moments.items() if moment},
    }


def _moment(value: datetime) -> str:
    return value.isoformat()
