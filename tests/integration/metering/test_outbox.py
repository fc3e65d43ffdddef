"""Bookings in the storage queue: what cannot be read or booked waits beside the others, never before them."""

import base64
import json
import uuid
from datetime import date

import pytest
from azure.storage.queue import QueueServiceClient

from shared_code.blobs.clients import queue_client
from shared_code.errors import DatabaseUnavailable, InternalError
from shared_code.metering.booking import Booking
from shared_code.metering.outbox import QueueOutbox
from shared_code.records import Caller, CallIdentity, Provider, Reservation, Source, Usage
from tests.devstack.host.azurite import running_azurite

PLAIN = "typed in the portal with 'encode in base64' off"


@pytest.fixture(scope="module")
def storage(tmp_path_factory):
    with running_azurite(tmp_path_factory.mktemp("azurite")) as connection:
        yield connection


class Desk:
    """An outbox on queues of its own, with a book that refuses what it is told to refuse."""

    def __init__(self, storage, make_settings):
        self.name = f"outbox-{uuid.uuid4().hex[:8]}"
        settings = make_settings("sqlite://", azurewebjobsstorage=storage)
        self.outbox = QueueOutbox(lambda name: queue_client(settings, name), self.name)
        self.queues = QueueServiceClient.from_connection_string(storage)
        self.booked: list[str] = []
        self.refused: set[str] = set()
        self.labels: list[str] = []

    def book(self, booking: Booking) -> None:
        if booking.reservation.identity.call_id in self.refused:
            raise InternalError("refused")
        self.booked.append(booking.reservation.identity.call_id)

    def attempt(self, label, work):
        self.labels.append(label)
        try:
            return work()
        except InternalError:
            return None

    def replay(self):
        return self.outbox.replay(self.book, most=1_000, attempt=self.attempt)

    def put(self, call_id: str) -> str:
        identity = CallIdentity(call_id, Caller("NT047", "bzumah"), Source.HTTP)
        reservation = Reservation(identity, 1, 1, date(2026, 11, 21), Provider.GEMINI, "m", 9_000)
        booking = Booking(reservation, reservation.usage_row(Usage(total_tokens=1_000), outcome="ok"))
        self.outbox.put(booking)
        return booking.to_text()

    def send(self, text: str) -> None:
        self.queues.get_queue_client(self.name).send_message(text)

    def waiting(self, suffix: str = "") -> list[str]:
        queue = self.queues.get_queue_client(self.name + suffix)
        return sorted(message.content for message in queue.peek_messages(max_messages=32))


@pytest.fixture
def desk(storage, make_settings):
    return Desk(storage, make_settings)


@pytest.mark.parametrize(
    "strange",
    [
        PLAIN,
        base64.b64encode(b"\xff\xfe\x00").decode(),
        base64.b64encode(b"no booking").decode(),
        base64.b64encode(b'{"version": 99, "booking": {}}').decode(),
        "[" * 3_000,
        "<a>&amp; ü",
    ],
)
def test_a_message_that_is_no_booking_holds_up_none_and_keeps_its_text(desk, strange):
    for number in range(5):
        desk.put(f"before-{number}")
    desk.send(strange)
    for number in range(5):
        desk.put(f"after-{number}")
    done = desk.replay()
    assert (done.seen, done.booked) == (11, 10)
    assert len(set(desk.booked)) == 10
    assert desk.waiting() == []
    assert desk.waiting("-poison") == [strange]
    assert desk.outbox.depth() == 0
    # It is looked at again, stays, and is told under the same name, which holds nothing of its text.
    assert desk.replay().booked == 0
    assert desk.waiting("-poison") == [strange]
    labels = {label for label in desk.labels if desk.labels.count(label) > 1}
    assert len(labels) == 1
    assert strange[:6] not in labels.pop()


def test_a_booking_that_is_refused_is_booked_from_the_poison_queue_once_it_can_be(desk):
    desk.put("fine")
    desk.put("refused")
    desk.refused.add("refused")
    for _ in range(3):
        desk.replay()
    assert desk.booked == ["fine"]
    (text,) = desk.waiting("-poison")
    assert json.loads(base64.b64decode(text))["booking"]["reservation"]["identity"]["call_id"] == "refused"
    desk.refused.clear()
    assert desk.replay().booked == 1
    assert desk.booked == ["fine", "refused"]
    assert desk.waiting("-poison") == []


def test_a_booking_that_was_put_there_as_plain_text_is_booked(desk, storage, make_settings):
    text = Desk(storage, make_settings).put("plain")
    desk.put("first")
    desk.send(text)
    assert desk.replay().booked == 2
    assert sorted(desk.booked) == ["first", "plain"]


def test_an_outage_poisons_nothing(desk):
    desk.put("waits")

    def away(_label, _work):
        raise DatabaseUnavailable

    with pytest.raises(DatabaseUnavailable):
        desk.outbox.replay(desk.book, most=10, attempt=away)
    assert desk.outbox.depth() == 1


def test_a_message_that_another_replay_has_finished_stops_nothing(desk):
    desk.put("twice")
    desk.put("other")

    def book(booking):
        desk.book(booking)
        if booking.reservation.identity.call_id == "twice":
            desk.queues.get_queue_client(desk.name).clear_messages()

    done = desk.outbox.replay(book, most=10, attempt=desk.attempt)
    assert done.booked == 2
