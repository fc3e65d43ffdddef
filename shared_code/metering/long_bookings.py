"""The container of the outbox: bookings with their results, where those are too long for a queue message.

A blob holds the whole booking, so that it can be booked without its message: that happens when the process was killed
before it could send one, or when the queue was away. A blob is removed only after its booking is committed, and booking
one twice books once.
"""

import hashlib
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from shared_code.errors import ConfigurationError, InternalError, StorageUnavailable
from shared_code.metering.booking import Booking, FullCopy

if TYPE_CHECKING:
    from azure.storage.blob import BlobClient, BlobServiceClient

_log = logging.getLogger(__name__)

_TIMEOUT_SECONDS = 10
#: age at which a blob does not wait for its message any more: sending one takes seconds. A younger one could be booked
#: as well; an older one must be booked before the lease of its call ends.
_FORGOTTEN_AFTER = timedelta(seconds=60)


class LongBookings:
    """Bookings as blobs in Azure Blob Storage (Azurite locally). Safe for many threads.

    :param client: makes the client of the blob service; called on first use, so that storage is not needed to start.
    :param container: is made when it is needed first.
    :param clock: the moment, aware UTC.
    """

    def __init__(
        self,
        client: "Callable[[], BlobServiceClient]",
        container: str,
        *,
        clock: Callable[[], datetime],
    ) -> None:
        self._client = cache(client)
        self._container = container
        self._clock = clock

    def put(self, booking: Booking) -> FullCopy:
        """Keep a booking with its result.

        :raises errors.StorageUnavailable, errors.ConfigurationError: it is not kept.
        """
        from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError

        content = booking.to_text().encode()
        identity = booking.reservation.identity
        # By document, so that all that is kept of one can be found.
        name = f"{_folder(identity.document_sha256)}{identity.call_id}-{booking.reservation.attempt}.json"

        def upload() -> FullCopy:
            self._blob(name).upload_blob(content, overwrite=True, timeout=_TIMEOUT_SECONDS)
            return FullCopy(name, hashlib.sha256(content).hexdigest())

        def work() -> FullCopy:
            try:
                return upload()
            except ResourceNotFoundError:
                # Of several that find no container at once, one makes it.
                with suppress(ResourceExistsError):
                    self._client().create_container(self._container)
                return upload()

        kept: FullCopy | None = _ask(work)
        if kept is None:
            raise StorageUnavailable
        return kept

    def read(self, copy: FullCopy) -> Booking | None:
        """The booking that was kept; None when it is gone, or is not what was kept.

        :raises errors.StorageUnavailable, errors.ConfigurationError: nobody knows.
        """
        content = self._content(copy.blob)
        if content is None or hashlib.sha256(content).hexdigest() != copy.sha256:
            return None
        try:
            return _booking(content)
        except InternalError:
            return None

    def find(self, name: str) -> Booking | None:
        """The booking in a blob; None when it is gone.

        :raises errors.InternalError: the blob holds no booking.
        :raises errors.StorageUnavailable, errors.ConfigurationError: nobody knows.
        """
        content = self._content(name)
        return None if content is None else _booking(content)

    def forgotten(self) -> list[str]:
        """Names of blobs that no message may tell of; none when no blob service is named.

        :raises errors.StorageUnavailable: nobody knows.
        """
        before = self._clock() - _FORGOTTEN_AFTER

        def work() -> list[str]:
            found = self._client().get_container_client(self._container).list_blobs()
            return [str(blob.name) for blob in found if blob.last_modified < before]

        try:
            return _ask(work) or []
        except ConfigurationError:
            return []

    def of_document(self, sha256: str) -> list[str]:
        """Names of the blobs that hold bookings of a document, of whichever company.

        :raises errors.StorageUnavailable, errors.ConfigurationError: nobody knows.
        """

        def work() -> list[str]:
            container = self._client().get_container_client(self._container)
            return [str(name) for name in container.list_blob_names(name_starts_with=_folder(sha256))]

        return _ask(work) or []

    def erase(self, name: str) -> None:
        """Remove a blob for certain.

        :raises errors.StorageUnavailable, errors.ConfigurationError: it may be there still.
        """
        _ask(lambda: self._blob(name).delete_blob(timeout=_TIMEOUT_SECONDS))

    def remove(self, name: str) -> None:
        """Remove a blob whose booking is committed. One that stays is found, and booked to no effect, later."""
        try:
            self.erase(name)
        except (StorageUnavailable, ConfigurationError) as error:
            _log.warning("%s stays in the outbox although it is booked: %s", name, error.message)

    def _content(self, name: str) -> bytes | None:
        found: bytes | None = _ask(lambda: self._blob(name).download_blob(timeout=_TIMEOUT_SECONDS).readall())
        return found

    def _blob(self, name: str) -> "BlobClient":
        return self._client().get_blob_client(self._container, name)


def _folder(sha256: str | None) -> str:
    return f"{sha256 or 'unknown'}/"


def _booking(content: bytes) -> Booking:
    return Booking.from_text(content.decode("utf-8", "replace"))


def _ask(ask: Callable[[], Any]) -> Any:
    """The answer of storage; None when what was asked for is not there."""
    from azure.core.exceptions import AzureError, ResourceNotFoundError

    try:
        return ask()
    except ResourceNotFoundError:
        return None
    except (AzureError, ValueError, OSError) as error:
        raise StorageUnavailable from error
