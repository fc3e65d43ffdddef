"""The outbox queue: bookings that the database could not take, kept in storage until the timer replays them.

Messages never expire. A message is deleted only after its booking is committed; replaying one twice books once.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from shared_code.errors import DatabaseUnavailable, InternalError, ServiceError, StorageUnavailable
from shared_code.metering.booking import Booking

if TYPE_CHECKING:
    from azure.storage.queue import QueueClient

_log = logging.getLogger(__name__)

#: a queue message holds 64 KiB, and base64 makes three bytes four
_MESSAGE_BYTES = 48 * 1024
_NO_EXPIRY = -1
_SEND_TIMEOUT_SECONDS = 10
#: seconds that a message stays hidden while it is replayed
_HIDDEN_SECONDS = 300
_BATCH = 32


class Outbox(Protocol):
    """Where bookings wait."""

    def put(self, booking: Booking) -> None:
        """Keep a booking. Raises :class:`StorageUnavailable`."""

    def replay(self, book: Callable[[Booking], object], *, most: int) -> "Replayed":
        """Give up to ``most`` waiting bookings to ``book`` and forget those that it took without raising."""

    def depth(self) -> int:
        """Messages that wait, about."""


@dataclass(slots=True)
class Replayed:
    """How many messages a replay saw, and how many of them it booked."""

    seen: int = 0
    booked: int = 0


class QueueOutbox:
    """The outbox in Azure Queue Storage (Azurite locally).

    :param client: makes the queue's client; called on first use, so that storage is not needed to start.
    """

    def __init__(self, client: "Callable[[], QueueClient]") -> None:
        self._make_client = client
        self._client: QueueClient | None = None

    def put(self, booking: Booking) -> None:
        """Send the booking with its result, or without it when it would not fit into one message."""
        text = booking.to_text()
        if len(text.encode()) > _MESSAGE_BYTES:
            text = booking.to_text(with_result=False)
        self._call(lambda queue: queue.send_message(text, time_to_live=_NO_EXPIRY, timeout=_SEND_TIMEOUT_SECONDS))

    def replay(self, book: Callable[[Booking], object], *, most: int) -> Replayed:
        """Book what waits; what cannot be read or booked stays in the queue, logged, and stops nothing.

        :raises DatabaseUnavailable: the rest would fare no better now.
        """
        done = Replayed()
        while done.seen < most:
            messages = self._call(
                lambda queue: list(queue.receive_messages(max_messages=_BATCH, visibility_timeout=_HIDDEN_SECONDS))
            )
            if not messages:
                break
            for message in messages:
                done.seen += 1
                done.booked += self._replay_one(message, book)
        return done

    def depth(self) -> int:
        """Messages in the queue, about (storage's own estimate)."""
        return int(self._call(lambda queue: queue.get_queue_properties().approximate_message_count or 0))

    def _replay_one(self, message: Any, book: Callable[[Booking], object]) -> bool:
        try:
            booking = Booking.from_text(message.content)
        except InternalError:
            _log.error("outbox message %s is not a booking and stays in the queue", message.id)
            return False
        try:
            book(booking)
        except DatabaseUnavailable:
            raise
        except ServiceError as error:
            _log.error("outbox message %s cannot be booked (%s) and stays in the queue", message.id, error.code)
            return False
        self._call(lambda queue: queue.delete_message(message))
        return True

    def _call(self, operation: "Callable[[QueueClient], Any]") -> Any:
        from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError

        try:
            if self._client is None:
                self._client = self._make_client()
            try:
                return operation(self._client)
            except ResourceNotFoundError:
                # Of several that find no queue at once, one makes it.
                with suppress(ResourceExistsError):
                    self._client.create_queue()
                return operation(self._client)
        except (AzureError, ValueError, OSError) as error:
            raise StorageUnavailable from error
