"""The platform's poison queue of the blob trigger: which dropped files it has stopped trying.

After five tries of a blob the trigger writes a message into ``webjobs-blobtrigger-poison`` in the blob's own storage
account: base64 of JSON with ``FunctionId``, ``BlobType``, ``ContainerName``, ``BlobName`` and ``ETag`` (Microsoft
Learn, "Azure Blob storage trigger for Azure Functions", section "Poison blobs").

The queue is shared by all functions and apps of the storage account. Messages about other functions are put back as
they were; those of this app's function stay until their blob has an answer.
"""

import base64
import binascii
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from shared_code.blobs.clients import ask_storage
from shared_code.blobs.names import is_addressable, plain_etag

if TYPE_CHECKING:
    from azure.storage.queue import QueueClient, QueueMessage

QUEUE = "webjobs-blobtrigger-poison"
_FUNCTION = "Host.Functions.InvoiceBlobFunction"
_PAGE = 32
_MOST = 512
#: seconds that a message stays hidden from another instance's sweep; longer than a sweep lasts
_HIDDEN_SECONDS = 900
#: storage's codes for a message that another sweep has in hand, or is done with
_TAKEN = frozenset({"MessageNotFound", "PopReceiptMismatch"})


@dataclass(frozen=True, slots=True)
class PoisonMessage:
    """A message about a blob of this app. ``etag`` is the version that failed, without quotes."""

    name: str
    etag: str
    raw: "QueueMessage"


class PoisonQueue:
    """Takes messages out of sight and gives them back. Every method raises :class:`errors.StorageUnavailable`.

    :param client: makes the queue's client; called on first use, so that storage is not needed to start.
    """

    def __init__(self, client: "Callable[[], QueueClient]", *, container: str) -> None:
        self._client = cache(client)
        self._container = container

    def take(self) -> list[PoisonMessage]:
        """The messages about blobs of our container, hidden until :meth:`release` or for a quarter of an hour."""
        messages = self._call(
            lambda queue: list(
                queue.receive_messages(messages_per_page=_PAGE, visibility_timeout=_HIDDEN_SECONDS, max_messages=_MOST)
            )
        )
        found: list[PoisonMessage] = []
        for raw in messages or []:
            message = self._read(raw)
            if message is None:
                self._show(raw)
            else:
                found.append(message)
        return found

    def release(self, message: PoisonMessage) -> None:
        """Let the message be seen again."""
        self._show(message.raw)

    def delete(self, message: PoisonMessage) -> None:
        """The message is done with."""
        self._call(lambda queue: queue.delete_message(message.raw))

    def _show(self, raw: "QueueMessage") -> None:
        self._call(lambda queue: queue.update_message(raw, visibility_timeout=0))

    def _read(self, raw: "QueueMessage") -> PoisonMessage | None:
        """None for a message of another function or container, or one that the trigger did not write.

        Those stay in the queue: whose they are is not known.
        """
        try:
            content = json.loads(base64.b64decode(str(raw.content), validate=True))
            if content["FunctionId"] != _FUNCTION or content["ContainerName"] != self._container:
                return None
            name = str(content["BlobName"])
            return (
                PoisonMessage(name, plain_etag(str(content.get("ETag") or "")), raw) if is_addressable(name) else None
            )
        except (binascii.Error, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None

    def _call(self, operation: "Callable[[QueueClient], Any]") -> Any:
        """None when there is no queue, or the message was settled by another sweep."""
        return ask_storage(lambda: operation(self._client()), settled=_TAKEN)
