"""The outbox queue: bookings that the database could not take, kept in storage until the timer replays them.

Messages never expire. A message is deleted only after its booking is committed; replaying one twice books once. One
that cannot be read or booked goes as it is into a queue of its own (``usage-outbox-poison``), so that it holds up none
of the others, and is tried again from there.
"""

import base64
import binascii
import hashlib
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from shared_code.errors import StorageUnavailable
from shared_code.metering.booking import Booking

if TYPE_CHECKING:
    from azure.storage.queue import QueueClient, QueueMessage

_log = logging.getLogger(__name__)

#: a queue message holds 64 KiB, and base64 makes three bytes four
_MESSAGE_BYTES = 48 * 1024
_NO_EXPIRY = -1
_SEND_TIMEOUT_SECONDS = 10
#: seconds that a message stays hidden while it is replayed
_HIDDEN_SECONDS = 300
_BATCH = 32
#: messages of the poison queue that are looked at in one replay
_MOST_POISONED = 512
_POISON = "-poison"
#: storage's codes for a message that another replay has in hand, or is done with
_TAKEN = frozenset({"MessageNotFound", "PopReceiptMismatch"})

#: does the work for one message: what it returns, or None when the message is to be tried again later
Attempt = Callable[[str, Callable[[], bool]], bool | None]


class Outbox(Protocol):
    """Where bookings wait."""

    def put(self, booking: Booking) -> None:
        """Keep a booking. Raises :class:`StorageUnavailable`."""

    def replay(self, book: Callable[[Booking], object], *, most: int, attempt: Attempt) -> "Replayed":
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

    :param client: makes the client of a queue; called on first use, so that storage is not needed to start.
    :param name: of the queue.
    """

    def __init__(self, client: "Callable[[str], QueueClient]", name: str) -> None:
        self._make_client = client
        self._name = name
        self._clients: dict[str, QueueClient] = {}

    def put(self, booking: Booking) -> None:
        """Send the booking with its result, or without it when it would not fit into one message."""
        text = booking.to_text()
        if len(text.encode()) > _MESSAGE_BYTES:
            text = booking.to_text(with_result=False)
        self._send(self._name, base64.b64encode(text.encode()).decode())

    def replay(self, book: Callable[[Booking], object], *, most: int, attempt: Attempt) -> Replayed:
        """Book what waits; what cannot be read or booked is moved to the poison queue.

        :param attempt: runs the work for a message under a name that holds nothing of its text. What it raises ends the
            replay; what is not done by then waits for the next one.
        :raises StorageUnavailable: the rest waits for the next replay.
        """
        done = Replayed()
        while done.seen < most:
            messages = self._receive(self._name, most=_BATCH)
            if not messages:
                break
            for message in messages:
                done.seen += 1
                booked = attempt(_label(message), partial(_book, message, book)) or False
                done.booked += booked
                if not booked:
                    # Sent before it is deleted: its text is never nowhere.
                    self._send(self._name + _POISON, message.content)
                self._delete(self._name, message)
        self._replay_poisoned(book, done, attempt)
        return done

    def depth(self) -> int:
        """Messages in the queue, about (storage's own estimate); those in the poison queue do not count."""
        return int(self._call(self._name, lambda queue: queue.get_queue_properties().approximate_message_count or 0))

    def _replay_poisoned(self, book: Callable[[Booking], object], done: Replayed, attempt: Attempt) -> None:
        poison = self._name + _POISON
        for message in self._receive(poison, most=_MOST_POISONED):
            if attempt(_label(message), partial(_book, message, book)):
                done.seen += 1
                done.booked += 1
                self._delete(poison, message)
            else:
                self._show(poison, message)

    def _delete(self, name: str, message: "QueueMessage") -> None:
        self._on_message(name, lambda queue: queue.delete_message(message))

    def _show(self, name: str, message: "QueueMessage") -> None:
        self._on_message(name, lambda queue: queue.update_message(message, visibility_timeout=0))

    def _receive(self, name: str, *, most: int) -> "list[QueueMessage]":
        return list(
            self._call(
                name,
                lambda queue: list(
                    queue.receive_messages(
                        messages_per_page=_BATCH, max_messages=most, visibility_timeout=_HIDDEN_SECONDS
                    )
                ),
            )
        )

    def _send(self, name: str, text: str) -> None:
        self._call(name, lambda queue: queue.send_message(text, time_to_live=_NO_EXPIRY, timeout=_SEND_TIMEOUT_SECONDS))

    def _on_message(self, name: str, operation: "Callable[[QueueClient], Any]") -> None:
        """Delete or show a message; one that another replay has taken over is left to it."""
        from azure.core.exceptions import HttpResponseError

        def work(queue: "QueueClient") -> None:
            try:
                operation(queue)
            except HttpResponseError as error:
                if getattr(error, "error_code", None) not in _TAKEN:
                    raise

        self._call(name, work)

    def _call(self, name: str, operation: "Callable[[QueueClient], Any]") -> Any:
        from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError

        try:
            client = self._clients.get(name) or self._clients.setdefault(name, self._make_client(name))
            try:
                return operation(client)
            except ResourceNotFoundError:
                # Of several that find no queue at once, one makes it.
                with suppress(ResourceExistsError):
                    client.create_queue()
                return operation(client)
        except (AzureError, ValueError, OSError) as error:
            raise StorageUnavailable from error


def _book(message: "QueueMessage", book: Callable[[Booking], object]) -> bool:
    """Book a message. Raises :class:`InternalError` when it is no booking, and what ``book`` raises."""
    text = str(message.content)
    # Ours are base64; a tool may put text into the queue as it is.
    with suppress(binascii.Error, ValueError):
        text = base64.b64decode(text, validate=True).decode()
    book(Booking.from_text(text))
    return True


def _label(message: "QueueMessage") -> str:
    """The same for the same text, in whichever queue it is; tells nothing of it."""
    return f"message {hashlib.sha256(str(message.content).encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"
