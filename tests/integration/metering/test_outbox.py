"""Bookings in the storage queue: what cannot be read or booked waits beside the others, never before them."""

import base64
import json
import multiprocessing
import os
import re
import signal
import time
import uuid
from datetime import UTC, date, datetime, timedelta

import pytest
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueClient, QueueServiceClient

from shared_code.blobs.clients import queue_client
from shared_code.database.stores.extractions.readings import Finished
from shared_code.errors import DatabaseUnavailable, InternalError, StorageUnavailable
from shared_code.metering.booking import Booking
from shared_code.metering.long_bookings import LongBookings
from shared_code.metering.outbox import QueueOutbox
from shared_code.records import Caller, CallIdentity, Provider, Reservation, Source, Usage
from tests.devstack.host.azurite import running_azurite

SHA256 = "5a" * 32
#: characters of a result that no message holds
LONG = 200_000
PLAIN = "typed in the portal with 'encode in base64' off"


@pytest.fixture(scope="module")
def storage(tmp_path_factory):
    with running_azurite(tmp_path_factory.mktemp("azurite")) as connection:
        yield connection


def a_booking(call_id: str, result_bytes: int) -> Booking:
    identity = CallIdentity(call_id, Caller("NT047", "bzumah"), Source.HTTP, document_sha256=SHA256)
    reservation = Reservation(identity, 1, 1, date(2026, 11, 21), Provider.GEMINI, "m", 9_000)
    row = reservation.usage_row(Usage(total_tokens=1_000), outcome="ok")
    return Booking(reservation, row, "claim", Finished("ok", "r" * result_bytes) if result_bytes else None)


def put_and_die(storage: str, name: str) -> None:
    """Put a long booking into the outbox, and end this process between its blob and its message."""
    QueueClient.send_message = lambda *_arguments, **_options: os.kill(os.getpid(), signal.SIGKILL)
    blobs = LongBookings(
        lambda: BlobServiceClient.from_connection_string(storage), f"{name}-results", clock=lambda: datetime.now(UTC)
    )
    outbox = QueueOutbox(lambda queue: QueueClient.from_connection_string(storage, queue), name, blobs)
    outbox.put(a_booking("killed", LONG))


class Desk:
    """An outbox on queues of its own, with a book that refuses what it is told to refuse."""

    def __init__(self, storage, make_settings):
        self.name = f"outbox-{uuid.uuid4().hex[:8]}"
        self.storage = storage
        settings = make_settings("sqlite://", azurewebjobsstorage=storage)
        self.later = timedelta(0)
        long_bookings = LongBookings(self.blob_service, f"{self.name}-results", clock=self.now)
        self.outbox = QueueOutbox(lambda name: queue_client(settings, name), self.name, long_bookings)
        self.queues = QueueServiceClient.from_connection_string(storage)
        self.container = BlobServiceClient.from_connection_string(storage).get_container_client(f"{self.name}-results")
        self.booked: list[str] = []
        self.results: dict[str, int | None] = {}
        self.claims: list[str | None] = []
        self.refused: set[str] = set()
        self.labels: list[str] = []

    def book(self, booking: Booking) -> None:
        if booking.reservation.identity.call_id in self.refused:
            raise InternalError("refused")
        self.booked.append(booking.reservation.identity.call_id)
        self.results[self.booked[-1]] = len(booking.finished.result) if booking.finished else None
        self.claims.append(booking.claim_key)

    def attempt(self, label, work):
        self.labels.append(label)
        try:
            return work()
        except InternalError:
            return None

    def replay(self):
        return self.outbox.replay(self.book, most=1_000, attempt=self.attempt)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.later

    def blob_service(self) -> BlobServiceClient:
        """Gives up at once where nobody serves: the pauses of the product's own client are not looked at here."""
        return BlobServiceClient.from_connection_string(self.storage, retry_total=0)

    def without(self, service: str) -> QueueOutbox:
        """The same outbox as long as one of the two services of the account is away."""
        cut = re.sub(rf"({service}Endpoint=http://127.0.0.1):\d+", r"\1:9", self.storage)
        blobs = BlobServiceClient.from_connection_string(cut, retry_total=0)
        long_bookings = LongBookings(lambda: blobs, f"{self.name}-results", clock=self.now)
        return QueueOutbox(
            lambda name: QueueClient.from_connection_string(cut, name, retry_total=0), self.name, long_bookings
        )

    def put(self, call_id: str, *, result_bytes: int = 0, outbox: QueueOutbox | None = None) -> str:
        booking = a_booking(call_id, result_bytes)
        (outbox or self.outbox).put(booking)
        return booking.to_text()

    def blobs(self) -> list[str]:
        return sorted(self.container.list_blob_names()) if self.container.exists() else []

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


def test_a_result_that_is_too_long_for_a_message_comes_back_from_its_blob(desk):
    desk.put("short", result_bytes=100)
    desk.put("long", result_bytes=LONG)
    assert desk.blobs() == [f"{SHA256}/long-1.json"]
    assert desk.replay().booked == 2
    assert desk.results == {"short": 100, "long": LONG}
    assert desk.blobs() == []
    assert desk.outbox.depth() == 0
    # Nothing is left over that would be booked again later.
    desk.later = timedelta(days=1)
    assert desk.replay().seen == 0


def test_the_blob_stays_until_its_booking_is_committed(desk):
    desk.put("long", result_bytes=LONG)

    def away(_booking):
        raise DatabaseUnavailable

    with pytest.raises(DatabaseUnavailable):
        desk.outbox.replay(away, most=10, attempt=lambda _label, work: work())
    assert desk.blobs() == [f"{SHA256}/long-1.json"]


@pytest.mark.parametrize("fault", ["missing", "other text", "half of it", "no booking"])
def test_a_blob_that_is_missing_or_damaged_costs_the_result_and_not_the_booking(desk, fault):
    desk.put("before", result_bytes=LONG)
    desk.put("long", result_bytes=LONG)
    blob = desk.container.get_blob_client(f"{SHA256}/long-1.json")
    content = blob.download_blob().readall()
    if fault == "missing":
        blob.delete_blob()
    else:
        damaged = {"other text": content.replace(b"1000", b"9999"), "half of it": content[: len(content) // 2]}
        blob.upload_blob(damaged.get(fault, b"\xff"), overwrite=True)
    done = desk.replay()
    assert (done.seen, done.booked) == (2, 2)
    assert desk.results == {"before": LONG, "long": None}
    assert desk.blobs() == []
    assert desk.waiting("-poison") == []


def test_without_blob_storage_the_booking_waits_without_its_result(desk):
    desk.put("long", result_bytes=LONG, outbox=desk.without("Blob"))
    assert desk.replay().booked == 1
    assert desk.results == {"long": None}


@pytest.mark.parametrize("result_bytes", [0, 100, LONG])
def test_without_the_queue_the_blob_alone_keeps_the_booking(desk, result_bytes):
    desk.put("kept", result_bytes=result_bytes, outbox=desk.without("Queue"))
    assert len(desk.blobs()) == 1
    # Its message may still be on its way.
    assert desk.replay().booked == 0
    desk.later = timedelta(minutes=2)
    assert desk.replay().booked == 1
    assert desk.results == {"kept": result_bytes or None}
    assert desk.blobs() == []


def test_without_any_storage_the_outbox_says_so(desk):
    outbox = desk.without("(?:Blob|Queue)")
    with pytest.raises(StorageUnavailable):
        desk.put("short", outbox=outbox)
    with pytest.raises(StorageUnavailable):
        desk.put("long", result_bytes=LONG, outbox=outbox)


def test_a_result_that_cannot_be_read_now_comes_later_and_the_sums_at_once(desk, monkeypatch):
    monkeypatch.setattr("shared_code.metering.outbox._HIDDEN_SECONDS", 1)
    desk.put("long", result_bytes=LONG)
    desk.put("short", result_bytes=100)
    half = desk.without("Blob")
    # Storage is told of last: all that could be done without it is done.
    with pytest.raises(StorageUnavailable):
        half.replay(desk.book, most=10, attempt=desk.attempt)
    assert desk.results == {"long": None, "short": 100}
    # The claim is not told that its result is lost: it waits.
    assert desk.claims == [None, "claim"]
    assert desk.outbox.depth() == 1
    time.sleep(1.1)
    assert desk.replay().booked == 1
    assert desk.results == {"long": LONG, "short": 100}
    assert desk.blobs() == []


def test_a_process_that_is_killed_between_blob_and_message_loses_neither_booking_nor_result(desk):
    process = multiprocessing.get_context("spawn").Process(target=put_and_die, args=(desk.storage, desk.name))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    assert desk.outbox.depth() == 0
    desk.later = timedelta(minutes=2)
    assert desk.replay().booked == 1
    assert desk.results == {"killed": LONG}
    assert desk.blobs() == []


def test_a_blob_that_cannot_be_booked_stays_for_a_person_and_stops_no_other(desk):
    for call in ("refused", "fine"):
        desk.put(call, result_bytes=LONG, outbox=desk.without("Queue"))
    desk.container.upload_blob("note.txt", b"put here by hand")
    desk.refused.add("refused")
    desk.later = timedelta(minutes=2)
    assert desk.replay().booked == 1
    assert desk.blobs() == [f"{SHA256}/refused-1.json", "note.txt"]
    assert set(desk.labels) == {"blob fine-1.json", "blob refused-1.json", "blob note.txt"}
    desk.refused.clear()
    assert desk.replay().booked == 1
    assert desk.results == {"fine": LONG, "refused": LONG}
