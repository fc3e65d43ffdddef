"""Works "this blob is due" messages: runs the function on the blob's present version.

A failed run is visible again at once: up to the threshold the tries follow each other without pause.
"""

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

from devstack.host.blobs.invoker import BlobInvoker
from devstack.host.blobs.registration import BlobMessage, BlobRegistration, decode_message, quoted
from devstack.host.blobs.scanner import BlobScanner
from devstack.host.storage import StorageAccount, explain

if TYPE_CHECKING:
    from azure.storage.queue import QueueClient, QueueMessage

POISON_QUEUE = "webjobs-blobtrigger-poison"

log = logging.getLogger("devstack.host")


class BlobMessages:
    """Messages of the queue ``azure-webjobs-blobtrigger-{hostId}``."""

    def __init__(
        self,
        registrations: Mapping[str, BlobRegistration],
        *,
        account: StorageAccount,
        invoker: BlobInvoker,
        scanner: BlobScanner,
    ) -> None:
        self._registrations = registrations
        self._account = account
        self._invoker = invoker
        self._scanner = scanner

    def handle(self, raw: "QueueMessage") -> bool:
        """Run the function with the blob; a message about an older version of it is replaced."""
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

    def poison_queue(self, raw: "QueueMessage") -> "QueueClient":
        """The poison queue of the blob's own account."""
        message = _read(raw)
        registration = self._registrations.get(message.function_id) if message else None
        account = registration.account if registration else self._account
        return account.queues.get_queue_client(POISON_QUEUE)

    def describe(self, raw: "QueueMessage") -> str:
        """Which blob it is about."""
        message = _read(raw)
        return f"{message.container}/{message.name}" if message else "unreadable"


def _read(raw: "QueueMessage") -> BlobMessage | None:
    try:
        return decode_message(str(raw.content))
    except ValueError:
        return None
