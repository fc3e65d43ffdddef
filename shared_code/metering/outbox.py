"""The outbox queue: bookings that the database could not take, kept in storage until the timer replays them.

Messages never expire. A message is deleted only after its booking is committed; replaying one twice books once. One
that cannot be read or booked goes as it is into a queue of its own (``usage-outbox-poison``), so that it holds up none
of the others, and is tried again from there.

A booking whose result is too long for a message is kept in a blob (:mod:`.long_bookings`), before its message, which
names the blob and holds all of the booking but the result. So either of the two is enough to book the call: a blob that
is missing or damaged costs the result, and a queue that is away costs nothing.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from shared_code.errors import InternalError, ServiceError, StorageUnavailable
from shared_code.metering.booking import Booking, FullCopy
from shared_code.metering.long_bookings import LongBookings
from shared_code.metering.outbox_messages import booking_in, encoded, is_of, label_of, text_of

if TYPE_CHECKING:
    from azure.storage.queue import QueueClient, QueueMessage

_log = logging.getLogger(__name__)

#: a queue message holds 64 KiB, and base64 makes three bytes four
_MESSAGE_BYTES = 48 * 1024
_NO_EXPIRY = -1
_SEND_TIMEOUT_SECONDS = 10
#: seconds that a message stays hidden while it is replayed, or until its result can be read
_HIDDEN_SECONDS = 300
_BATCH = 32
#: messages of the poison queue that are looked at in one replay
_MOST_POISONED = 512
_POISON = "-poison"
#: storage's codes for a message that another replay has in hand, or is done with
_TAKEN = frozenset({"MessageNotFound", "PopReceiptMismatch"})

#: does the work for one message: what it returns (whether it is done with the message), or None when it cannot be done
Attempt = Callable[[str, Callable[[], bool]], bool | None]


class Outbox(Protocol):
    """Where bookings wait."""

    def put(self, booking: Booking) -> None:
        """Keep a booking. Raises :class:`StorageUnavailable`."""

    def replay(self, book: Callable[[Booking], object], *, most: int, attempt: Attempt) -> "Replayed":
        """Give up to ``most`` waiting bookings to ``book`` and forget those that it took without raising."""

    def finish_document(self, company_id: str, sha256: str, book: Callable[[Booking], object]) -> None:
        """Book now what waits of one document, and forget it. Raises :class:`StorageUnavailable`."""

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
    :param long_bookings: takes what is too long for a message, and everything while the queue is away.
    """

    def __init__(self, client: "Callable[[str], QueueClient]", name: str, long_bookings: LongBookings) -> None:
        self._make_client = client
        self._name = name
        self._long = long_bookings
        self._clients: dict[str, QueueClient] = {}

    def put(self, booking: Booking) -> None:
        """Send the booking, by way of a blob when it does not fit into one message.

        A blob service that is away costs the result. The queue may be away, as long as the blob service is not.

        :raises errors.ServiceError: neither of them keeps the booking.
        """
        text = booking.to_text()
        if len(text.encode()) > _MESSAGE_BYTES:
            self._put_long(booking)
            return
        try:
            self._send_text(text)
        except ServiceError as error:
            self._log_blob_only(self._long.put(booking), error)

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
                booked = attempt(label_of(message.content), partial(self._book, message, book))
                done.booked += bool(booked)
                if booked is False:
                    continue  # it stays, hidden for a while
                if booked is None:
                    # Sent before it is deleted: its text is never nowhere.
                    self._send(self._name + _POISON, message.content)
                self._delete(self._name, message)
        self._replay_poisoned(book, done, attempt)
        self._replay_forgotten(book, done, attempt)
        return done

    def finish_document(self, company_id: str, sha256: str, book: Callable[[Booking], object]) -> None:
        """Book now what waits of one document, so that nothing of it waits any more.

        A booking that is refused stays in the poison queue, without its result and its caller's names. What another
        replay has in hand is not seen, and what this version cannot read is left alone.

        :raises errors.StorageUnavailable, errors.DatabaseUnavailable: some of it may wait still.
        """
        for name in (self._name, self._name + _POISON):
            self._finish_messages(name, partial(is_of, company_id, sha256), book)
        for blob in self._long.of_document(sha256):
            with suppress(InternalError):  # no booking, or refused: its message, without a result, waits
                booking = self._long.find(blob)
                if booking is not None and is_of(company_id, sha256, booking):
                    book(booking)
                    self._long.erase(blob)

    def depth(self) -> int:
        """Messages in the queue, about (storage's own estimate); those in the poison queue do not count."""
        return int(self._call(self._name, lambda queue: queue.get_queue_properties().approximate_message_count or 0))

    def _put_long(self, booking: Booking) -> None:
        """Keep the whole booking in a blob, then send all but its result in a message that names the blob."""
        call = booking.reservation.identity.call_id
        try:
            copy = self._long.put(booking)
        except ServiceError as error:
            _log.warning("the result of call %s is lost; there is no blob storage to keep it: %s", call, error.code)
            self._send_text(booking.to_text(with_result=False))
            return
        try:
            self._send_text(replace(booking, full_copy=copy).to_text(with_result=False))
        except ServiceError as error:
            self._log_blob_only(copy, error)

    def _log_blob_only(self, copy: FullCopy, error: ServiceError) -> None:
        _log.warning("the queue %s is not available (%s): a booking waits in %s", self._name, error.code, copy.blob)

    def _book(self, message: "QueueMessage", book: Callable[[Booking], object]) -> bool:
        """Book a message; False when its result cannot be had now, and the message must stay.

        :raises errors.InternalError: it is no booking. Raises what ``book`` raises.
        """
        booking = Booking.from_text(text_of(message.content))
        if booking.full_copy is None:
            book(booking)
            return True
        try:
            whole = self._long.read(booking.full_copy)
        except ServiceError as error:
            # The sums first. The claim and its reading wait for the result, which comes with a later replay.
            book(replace(booking, claim_key=None, head=None))
            _log.warning("the result in %s cannot be read now: %s", booking.full_copy.blob, error.code)
            return False
        if whole is None:
            _log.warning("%s is gone, or does not hold the result that was kept in it", booking.full_copy.blob)
        book(whole or booking)
        self._long.remove(booking.full_copy.blob)
        return True

    def _finish_messages(self, name: str, wanted: Callable[[Booking], bool], book: Callable[[Booking], object]) -> None:
        kept: dict[str, QueueMessage] = {}
        try:
            while messages := [one for one in self._receive(name, most=_BATCH) if one.id not in kept]:
                for message in messages:
                    booking = booking_in(message.content)
                    if booking is None or not wanted(booking) or not self._finish_message(message, booking, book):
                        kept[message.id] = message
                    else:
                        self._delete(name, message)
        finally:
            for message in kept.values():
                self._show(name, message)

    def _finish_message(self, message: "QueueMessage", booking: Booking, book: Callable[[Booking], object]) -> bool:
        """Whether the message can go."""
        try:
            if not self._book(message, book):
                raise StorageUnavailable
        except InternalError:
            if booking.is_anonymous:
                return False
            self._send(self._name + _POISON, encoded(booking.anonymous().to_text()))
            if booking.full_copy is not None:
                self._long.erase(booking.full_copy.blob)
        return True

    def _replay_forgotten(self, book: Callable[[Booking], object], done: Replayed, attempt: Attempt) -> None:
        """Book blobs whose message was never sent, is done with, or waits in the poison queue."""
        for name in self._long.forgotten():
            if attempt(f"blob {name.rpartition('/')[2]}", partial(self._book_blob, name, book)):
                done.seen += 1
                done.booked += 1

    def _book_blob(self, name: str, book: Callable[[Booking], object]) -> bool:
        """Book a blob; False when it is gone: another replay has done it."""
        booking = self._long.find(name)
        if booking is None:
            return False
        book(booking)
        self._long.remove(name)
        return True

    def _replay_poisoned(self, book: Callable[[Booking], object], done: Replayed, attempt: Attempt) -> None:
        poison = self._name + _POISON
        for message in self._receive(poison, most=_MOST_POISONED):
            if attempt(label_of(message.content), partial(self._book, message, book)):
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

    def _send_text(self, text: str) -> None:
        self._send(self._name, encoded(text))

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
