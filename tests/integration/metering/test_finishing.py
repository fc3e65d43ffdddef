"""How calls and runs end: all that belongs together is written at one moment, and once."""

import uuid
from dataclasses import replace

import pytest

from shared_code.database import tables
from shared_code.database.stores.extractions import claims
from shared_code.database.stores.extractions.claims import ClaimRequest
from shared_code.database.stores.extractions.readings import Finished
from shared_code.database.stores.operations import webhook_deliveries, webhook_settings
from shared_code.database.stores.operations.webhook_deliveries import DeliveryFilter
from shared_code.errors import InternalError, ProviderRejected
from shared_code.metering.booking import Booking
from shared_code.metering.budgets import Booked
from shared_code.metering.finishing import Ended, Ending, Failed, HeldClaim, finish
from shared_code.metering.ledger import Ledger
from shared_code.records import UsageKind


class Run:
    """A run that has claimed its document, and reserved 1000 tokens of 10000."""

    def __init__(self, accounts) -> None:
        self.accounts = accounts
        self.token_id = accounts.add_key(limit=10_000)
        self.reservation = accounts.reserve()
        call_id = self.reservation.identity.call_id
        self.request = ClaimRequest("NT047", "a" * 64, "1", "Gemini", "gemini-3.5-flash-lite", "", call_id, 60)
        accounts.database.run(lambda connection: claims.insert_claim(connection, self.request))
        self.claim = HeldClaim(self.request.key, call_id)
        self.result = Finished("ok", '{"invoices": []}', head=self.request.head())

    def row(self, tokens: int | None, **values):
        return self.accounts.row(self.reservation, tokens, **values)

    def failed(self, error) -> Failed:
        return Failed(self.request.head(), error)

    def finish(self, ending: Ending) -> Ended:
        return self.accounts.database.run(lambda connection: finish(connection, self.accounts.budgets, ending))

    def state(self) -> dict:
        """All that an end can touch."""
        read = self.accounts.database.read
        used, _, reserved = self.accounts.summary(self.token_id)
        return {
            "claims": [row.State for row in read(lambda c: c.execute(tables.claims.select()).all())],
            "readings": [
                (row.State, row.Status or row.ErrorCode)
                for row in read(lambda c: c.execute(tables.extractions.select()).all())
            ],
            "rows": [(row.Kind, row.TotalTokensUsed) for row in self.accounts.rows()],
            "sums": (used, reserved),
        }


@pytest.fixture
def run(accounts) -> Run:
    return Run(accounts)


RUNNING = {"claims": ["running"], "readings": [], "rows": [], "sums": (0, 1_000)}


def done(run):
    """A call is settled, with the result of its run."""
    return Ending(run.reservation, run.row(700), run.claim, run.result)


def rejected(run):
    """A run fails before a call that costs anything."""
    return Ending(run.reservation, claim=run.claim, failed=run.failed(ProviderRejected()))


def lost(run):
    """A call is settled, and its result is nowhere."""
    return Ending(run.reservation, run.row(700), run.claim, failed=run.failed(InternalError()))


def swept(run):
    """The timer ends a lease."""
    row = run.row(1_000, kind=UsageKind.UNMEASURED)
    failed = run.failed(InternalError())
    return Ending(run.reservation, row, run.claim, failed=failed, from_outside=True)


def cached(run):
    """An answer that costs nothing beside a run that goes on."""
    identity = replace(run.reservation.identity, call_id=str(uuid.uuid4()))
    return Ending(row=replace(run.row(0), identity=identity, attempt=0))


@pytest.mark.parametrize(
    ("ending_of", "after"),
    [
        (done, {"claims": ["done"], "readings": [("done", "ok")], "rows": [("usage", 700)], "sums": (700, 0)}),
        (rejected, {"claims": [], "readings": [("failed", "PROVIDER_REJECTED")], "rows": [], "sums": (0, 0)}),
        (lost, {"claims": [], "readings": [("failed", "INTERNAL_ERROR")], "rows": [("usage", 700)], "sums": (700, 0)}),
        (
            swept,
            {
                "claims": [],
                "readings": [("failed", "INTERNAL_ERROR")],
                "rows": [("unmeasured", 1_000)],
                "sums": (1_000, 0),
            },
        ),
        (cached, {**RUNNING, "rows": [("usage", 0)]}),
    ],
)
def test_an_end_is_written_whole_or_not_at_all_and_once(run, ending_of, after):
    ending = ending_of(run)

    def dies(connection):
        finish(connection, run.accounts.budgets, ending)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run.accounts.database.run(dies)
    assert run.state() == RUNNING
    for _ in range(2):
        run.finish(ending)
        assert run.state() == after


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_who_ends_a_call_from_outside_comes_too_late_when_its_owner_has_settled_it(run):
    run.finish(done(run))
    before = run.state()
    assert run.finish(swept(run)) == Ended()
    assert run.state() == before


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_run_that_was_given_up_brings_its_result_after_all(run):
    run.finish(swept(run))
    assert run.finish(done(run)).booked is Booked.CORRECTED
    state = run.state()
    assert state["readings"] == [("done", "ok")]
    assert state["sums"] == (700, 0)
    assert sum(tokens for _, tokens in state["rows"]) == 700


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_result_is_stored_by_booking_its_last_call_once_more(run):
    run.finish(Ending(run.reservation, run.row(700)))
    ledger = Ledger(run.accounts.database, run.accounts.budgets, None, booking_seconds=1.0)
    ledger.store(Booking(run.reservation, run.row(700), run.claim.key, run.result))
    assert run.state() == {
        "claims": ["done"],
        "readings": [("done", "ok")],
        "rows": [("usage", 700)],
        "sums": (700, 0),
    }


class Kept:
    """An outbox in memory."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def put(self, booking: Booking) -> None:
        self.texts.append(booking.to_text())


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_booking_that_is_refused_in_every_form_keeps_its_result_in_the_outbox(run):
    outbox = Kept()
    ledger = Ledger(run.accounts.database, run.accounts.budgets, outbox, booking_seconds=1.0)
    rule = "CREATE TRIGGER no_rows BEFORE INSERT ON \"TokenUsageLogs\" BEGIN SELECT RAISE(ABORT, 'no rows today'); END"
    run.accounts.database.run(lambda connection: connection.exec_driver_sql(rule))
    assert ledger.book(Booking(run.reservation, run.row(700), run.claim.key, run.result)) is None
    run.accounts.database.run(lambda connection: connection.exec_driver_sql("DROP TRIGGER no_rows"))
    (text,) = outbox.texts
    assert ledger.replay(Booking.from_text(text)).booked is Booked.SETTLED
    assert run.state()["readings"] == [("done", "ok")]


class TestWhoIsTold:
    @pytest.fixture
    def told(self, run):
        """What the company is to be told of, oldest first: event, id, verdict."""

        def find():
            rows = run.accounts.database.read(lambda c: webhook_deliveries.find_deliveries(c, DeliveryFilter()))
            return [(row.event, row.subject_id, row.facts["status"]) for row in reversed(rows)]

        values = {"WebhookUrl": "https://a.example/", "WebhookEvents": "extraction.done,extraction.failed"}
        run.accounts.database.run(lambda c: webhook_settings.write_webhook(c, "NT047", values))
        return find

    @pytest.mark.parametrize(
        ("ending_of", "event", "status"),
        [
            (done, "extraction.done", "ok"),
            (rejected, "extraction.failed", None),
            (lost, "extraction.failed", None),
            (swept, "extraction.failed", None),
            (cached, None, None),
        ],
    )
    def test_an_end_is_told_once_with_its_reading_or_not_at_all(self, run, told, ending_of, event, status):
        ending = ending_of(run)

        def dies(connection):
            finish(connection, run.accounts.budgets, ending)
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            run.accounts.database.run(dies)
        assert told() == []
        for _ in range(3):
            run.finish(ending)
        assert told() == ([(event, run.request.reading_id, status)] if event else [])

    def test_a_run_that_seemed_dead_and_brings_its_result_tells_both(self, run, told):
        run.finish(swept(run))
        run.finish(done(run))
        reading = run.request.reading_id
        assert told() == [("extraction.failed", reading, None), ("extraction.done", reading, "ok")]

    def test_a_company_without_a_receiver_is_told_of_nothing(self, run, told):
        run.accounts.database.run(lambda c: webhook_settings.remove_webhook(c, "NT047"))
        run.finish(done(run))
        assert told() == []
