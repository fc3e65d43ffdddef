"""What waits in the outbox of one document is booked and forgotten; all else waits on as it was."""

import base64

import pytest

from shared_code.errors import StorageUnavailable
from shared_code.metering.booking import Booking

from .test_outbox import LONG, PLAIN, SHA256, Desk, storage  # noqa: F401 - the fixture

OTHER = "7c" * 32


@pytest.fixture
def desk(storage, make_settings):  # noqa: F811
    return Desk(storage, make_settings)


def finish(desk, *, outbox=None):
    (outbox or desk.outbox).finish_document("NT047", SHA256, desk.book)


def others(desk):
    """Bookings of another document, and of another company, and what nobody can read."""
    texts = [
        desk.put("theirs").replace(SHA256, OTHER),
        desk.put("theirs").replace('"NT047"', '"OTHER"'),
    ]
    desk.queues.get_queue_client(desk.name).clear_messages()
    for text in (*texts, PLAIN):
        desk.send(text)
    return sorted([*texts, PLAIN])


def test_short_and_long_bookings_are_booked_with_their_results(desk):
    waiting = others(desk)
    desk.put("short", result_bytes=100)
    desk.put("long", result_bytes=LONG)
    desk.put("only a blob", result_bytes=100, outbox=desk.without("Queue"))
    finish(desk)
    assert set(desk.booked) == {"short", "long", "only a blob"}
    assert desk.results == {"short": 100, "long": LONG, "only a blob": 100}
    assert (desk.waiting(), desk.blobs()) == (waiting, [])
    desk.booked.clear()
    finish(desk)
    assert (desk.booked, desk.waiting()) == ([], waiting)


def test_more_messages_than_one_page_holds_are_all_looked_at(desk):
    for number in range(40):
        desk.put(f"call {number}")
        desk.send(PLAIN)
    finish(desk)
    assert len(desk.booked) == 40
    assert desk.outbox.depth() == 40


def test_the_blob_of_another_company_with_the_same_document_stays(desk):
    text = desk.put("theirs", result_bytes=LONG, outbox=desk.without("Queue")).replace('"NT047"', '"OTHER"')
    (name,) = desk.blobs()
    desk.container.get_blob_client(name).upload_blob(text.encode(), overwrite=True)
    finish(desk)
    assert (desk.booked, desk.blobs()) == ([], [name])


@pytest.mark.parametrize("size", [100, LONG])
def test_a_booking_that_is_refused_stays_without_its_result_and_names_and_is_booked_later(desk, size):
    desk.refused = {"bad"}
    desk.put("bad", result_bytes=size)
    for _ in range(2):
        finish(desk)
        assert (desk.waiting(), desk.blobs()) == ([], [])
        (left,) = desk.waiting("-poison")
        booking = Booking.from_text(base64.b64decode(left).decode())
        assert (booking.finished, booking.head, booking.row.identity.caller.username) == (None, None, None)
        assert booking.row.usage.total_tokens == 1_000
    desk.refused = set()
    desk.replay()
    assert (desk.booked, desk.results, desk.waiting("-poison")) == (["bad"], {"bad": None}, [])


def test_a_service_that_is_away_is_told(desk):
    desk.put("long", result_bytes=LONG)
    for service in ("Queue", "Blob"):
        with pytest.raises(StorageUnavailable):
            finish(desk, outbox=desk.without(service))
    finish(desk)
    assert desk.results == {"long": LONG}
