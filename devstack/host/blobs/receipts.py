"""Receipts: the memory of which version of which blob was handed to which function.

A receipt means "enqueued", not "succeeded". The order is the real host's: receipt marked incomplete, lease, message,
mark removed. A host that dies in between leaves an incomplete receipt, and the blob is enqueued again: at least once.
"""

import contextlib
from typing import TYPE_CHECKING

from devstack.host.blobs.registration import BlobMessage, BlobRegistration, quoted
from devstack.host.storage import StorageAccount

if TYPE_CHECKING:
    from azure.storage.blob import BlobClient, BlobLeaseClient
    from azure.storage.queue import QueueClient

INCOMPLETE = "Incomplete"
LEASE_SECONDS = 30
_NOT_NOW = {404, 409, 412}
_LOST = {404, 412}


class BlobNotifier:
    """Enqueues a blob for a function, once per version."""

    def __init__(self, account: StorageAccount, host_id: str, queue: "QueueClient") -> None:
        self._account = account
        self._host_id = host_id
        self._queue = queue

    def notify(self, registration: BlobRegistration, name: str) -> bool:
        """Enqueue the blob's present version unless that was done before.

        Returns False when it must be tried again later because another host is at it. Raises AzureError.
        """
        from azure.core.exceptions import ResourceNotFoundError
        from azure.storage.blob import BlobType

        if registration.pattern.match(registration.pattern.container, name) is None:
            return True
        try:
            properties = registration.blob(name).get_blob_properties()
        except ResourceNotFoundError:
            return True
        etag = quoted(properties.etag)
        receipt = self._receipt(registration, name, etag)
        done = self._is_completed(receipt)
        if done or (done is None and not self._create(receipt)):
            return bool(done)
        message = BlobMessage(
            registration.function_id,
            registration.pattern.container,
            name,
            etag,
            BlobType(properties.blob_type).value,
        )
        return self._enqueue(receipt, message)

    def _receipt(self, registration: BlobRegistration, name: str, etag: str) -> "BlobClient":
        container = registration.pattern.container
        path = f"blobreceipts/{self._host_id}/{registration.function_id}/{etag}/{container}/{name}"
        return self._account.host_container.get_blob_client(path)

    def _enqueue(self, receipt: "BlobClient", message: BlobMessage) -> bool:
        """Under a lease, so that two hosts cannot both do it."""
        from azure.core.exceptions import HttpResponseError

        try:
            lease = receipt.acquire_lease(LEASE_SECONDS)
        except HttpResponseError as error:
            if error.status_code in _NOT_NOW:
                return False
            raise
        try:
            if not self._is_completed(receipt):
                send_message(self._queue, message.encode())
                _mark_completed(receipt, lease)
        finally:
            _release(lease)
        return True

    def _is_completed(self, receipt: "BlobClient") -> bool | None:
        """None when there is no receipt."""
        from azure.core.exceptions import ResourceNotFoundError

        try:
            metadata = receipt.get_blob_properties().metadata
        except ResourceNotFoundError:
            return None
        return INCOMPLETE.casefold() not in {key.casefold() for key in metadata}

    def _create(self, receipt: "BlobClient") -> bool:
        """False when another host was faster."""
        from azure.core.exceptions import HttpResponseError

        try:
            receipt.upload_blob(b"", overwrite=False, metadata={INCOMPLETE: INCOMPLETE})
        except HttpResponseError as error:
            if error.status_code in {409, 412}:
                return False
            raise
        return True


def send_message(queue: "QueueClient", text: str) -> None:
    """Send, and make the queue first when it is not there."""
    from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError

    try:
        queue.send_message(text, time_to_live=-1)
    except ResourceNotFoundError:
        with contextlib.suppress(ResourceExistsError):
            queue.create_queue()
        queue.send_message(text, time_to_live=-1)


def _mark_completed(receipt: "BlobClient", lease: "BlobLeaseClient") -> None:
    from azure.core.exceptions import HttpResponseError

    try:
        receipt.set_blob_metadata({}, lease=lease)
    except HttpResponseError as error:
        # Deleted by a person, or the lease was lost to another host: nothing left to mark.
        if error.status_code not in _LOST:
            raise


def _release(lease: "BlobLeaseClient") -> None:
    from azure.core.exceptions import HttpResponseError

    try:
        lease.release()
    except HttpResponseError as error:
        if error.status_code not in _NOT_NOW:
            raise
