"""The platform's poison queues: which dropped files and which jobs it has stopped trying.

After five tries of a blob the trigger writes a message into ``webjobs-blobtrigger-poison`` in the blob's own storage
account: base64 of JSON with ``FunctionId``, ``BlobType``, ``ContainerName``, ``BlobName`` and ``ETag`` (Microsoft
Learn, "Azure Blob storage trigger for Azure Functions", section "Poison blobs").

That queue is shared by all functions and apps of the storage account. Messages about other functions are put back as
they were; those of this app's function stay until their blob has an answer. A queue trigger has a poison queue of its
own, named after its queue, which gets the messages as they were sent.
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
    """A message about a blob or job of this app. ``etag`` is the version that failed, without quotes."""

    name: str
    etag: str
    raw: "QueueMessage"


class PoisonQueue:
    """Takes messages out of sight and gives them back. Every method raises :class:`errors.StorageUnavailable`.

    :param client: makes the queue's client; called on first use, so that storage is not needed to start.
    :param read: the name and the version that a message's content is about; None when it is about none of ours.
    """

    def __init__(self, client: "Callable[[], QueueClient]", *, read: Callable[[str], tuple[str, str] | None]) -> None:
        self._client = cache(client)
        self._about = read

    def take(self) -> list[PoisonMessage]:
        """The messages that are about ours, hidden until :meth:`release` or for a quarter of an hour."""
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
        """None for a message that is not ours. It stays in the queue: whose it is is not known."""
        about = self._about(str(raw.content))
        return None if about is None else PoisonMessage(*about, raw)

    def _call(self, operation: "Callable[[QueueClient], Any]") -> Any:
        """None when there is no queue, or the message was settled by another sweep."""
        return ask_storage(lambda: operation(self._client()), settled=_TAKEN)


def poisoned_blob(container: str) -> Callable[[str], tuple[str, str] | None]:
    """Reads messages about blobs of a container; None for one of another function or container, or of another form."""

    def read(content: str) -> tuple[str, str] | None:
        try:
            said = json.loads(base64.b64decode(content, validate=True))
            if said["FunctionId"] != _FUNCTION or said["ContainerName"] != container:
                return None
            name = str(said["BlobName"])
            return (name, plain_etag(str(said.get("ETag") or ""))) if is_addressable(name) else None
        except (binascii.Error, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None

    return read
