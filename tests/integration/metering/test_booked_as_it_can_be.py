"""What cannot be booked as it is, is booked as it can be, on every database: nothing that was paid for is lost."""

from dataclasses import replace
from decimal import Decimal

import pytest
from sqlalchemy import delete, event, text

from shared_code.database import tables
from shared_code.database.stores.extractions import claims
from shared_code.database.stores.extractions.claims import ClaimRequest
from shared_code.database.stores.extractions.readings import Finished
from shared_code.errors import DatabaseUnavailable
from shared_code.metering.booking import Booking
from shared_code.metering.budgets import Booked
from shared_code.metering.ledger import Ledger
from shared_code.records import Caller, Usage, UsageKind


@pytest.fixture
def ledger(accounts) -> Ledger:
    return Ledger(accounts.database, accounts.budgets, None, booking_seconds=1.0)


def delete_key(accounts, token_id: int) -> None:
    """As a person does it by SQL: first the rows that name the key, then the key."""

    def work(connection):
        for table in (tables.token_usage_logs, tables.token_usage_summary, tables.token_master):
            connection.execute(delete(table).where(table.c.TokenID == token_id))

    accounts.database.run(work)


def booked(accounts) -> list[tuple]:
    return [(row.TokenID, row.CompanyID, row.Kind, row.TotalTokensUsed) for row in accounts.rows()]


def test_use_of_a_key_that_was_deleted_meanwhile_is_kept_under_its_company(accounts):
    token = accounts.add_key(limit=10_000)
    accounts.set_quota("company", daily=50_000)
    reservation = accounts.reserve()
    delete_key(accounts, token)
    assert accounts.settle(reservation, 700) is Booked.SETTLED
    assert accounts.settle(reservation, 700) is Booked.ALREADY
    assert booked(accounts) == [(None, "NT047", "usage", 700)]
    assert accounts.counters() == [("2026-11-21", 700, 0)]
    assert accounts.open_reservations() == 0


def test_a_lease_of_a_deleted_key_ends_and_its_late_report_corrects_it(accounts):
    token = accounts.add_key(limit=10_000)
    accounts.set_quota("company", daily=50_000)
    reservation = accounts.reserve()
    delete_key(accounts, token)
    swept = accounts.row(reservation, 1_000, kind=UsageKind.UNMEASURED, outcome="lease_ended")
    assert accounts.database.run(lambda connection: accounts.budgets.end(connection, reservation, swept))
    assert accounts.counters() == [("2026-11-21", 1_000, 0)]
    assert accounts.settle(reservation, 640) is Booked.CORRECTED
    assert booked(accounts) == [(None, "NT047", "unmeasured", 1_000), (None, "NT047", "correction", -360)]
    assert accounts.counters() == [("2026-11-21", 640, 0)]


def test_a_call_of_a_deleted_key_that_cost_nothing_gives_its_bound_back(accounts):
    token = accounts.add_key(limit=10_000)
    accounts.set_quota("company", daily=50_000)
    reservation = accounts.reserve()
    delete_key(accounts, token)
    assert accounts.database.run(lambda connection: accounts.budgets.withdraw(connection, reservation))
    assert accounts.counters() == [("2026-11-21", 0, 0)]
    assert accounts.rows() == []


@pytest.mark.parametrize(
    ("usage", "total"),
    [
        (Usage(4_000, 309, 0), 4_309),
        (Usage(4_000, 309, 2**40), 2**31 - 1),
        (Usage(2**40, -1, None, 2**40, -1), 2**31 - 1),
        (Usage(-4_000, 309, -1), 309),
    ],
)
def test_counts_that_cannot_be_booked_move_the_sums_by_what_the_row_says(accounts, usage, total):
    token = accounts.add_key(limit=10_000)
    reservation = accounts.reserve()
    row = replace(accounts.row(reservation, None), usage=usage, cost_usd=Decimal(10**12))
    accounts.database.run(lambda connection: accounts.budgets.settle(connection, reservation, row))
    assert accounts.summary(token) == (total, 10_000 - total, 0)
    assert accounts.logged() == total
    assert accounts.rows()[0].Outcome == "ok_corrected"


@pytest.mark.parametrize("model", ["m" * 400, "gemini\0-3.5", "\ud800gemini"])
def test_a_model_name_that_no_column_takes_costs_no_booking(accounts, model):
    accounts.add_key(limit=10_000)
    reservation = accounts.reserve()
    accounts.settle(reservation, 700, model=model)
    (row,) = accounts.rows()
    assert row.TotalTokensUsed == 700
    assert row.Model
    assert len(row.Model) <= 100
    assert "\0" not in row.Model


FINISHED = Finished(status="ok", result="{}")


def claim(accounts, call_id: str) -> str:
    request = ClaimRequest("NT047", "a" * 64, "1", "Gemini", "gemini-3.5-flash-lite", "", call_id, 60)
    accounts.database.run(lambda connection: claims.insert_claim(connection, request))
    return request.key


def test_a_result_of_characters_that_no_database_takes_is_stored_without_them(accounts, ledger):
    accounts.add_key(limit=10_000)
    reservation = accounts.reserve()
    key = claim(accounts, reservation.identity.call_id)
    odd = Finished("ok", '{"a": "\ud800\0b"}', invoice_number="\0" + "\U0001f600" * 80)
    assert ledger.book(Booking(reservation, accounts.row(reservation, 700), key, odd)).booked is Booked.SETTLED
    (row,) = accounts.database.read(lambda connection: connection.execute(tables.extractions.select()).all())
    assert (row.State, row.Result, row.InvoiceNumber) == ("done", '{"a": "?b"}', "\U0001f600" * 50)


def test_a_result_that_the_database_refuses_costs_only_itself(accounts, ledger):
    token = accounts.add_key(limit=10_000)
    reservation = accounts.reserve()
    key = claim(accounts, reservation.identity.call_id)
    # No driver sends an object as text.
    refused = replace(FINISHED, duplicate_key=object())
    assert ledger.book(Booking(reservation, accounts.row(reservation, 700), key, refused)).booked is Booked.SETTLED
    assert accounts.summary(token) == (700, 9_300, 0)
    assert (accounts.rows()[0].RequestedBy, accounts.rows()[0].Branch) == ("bzumah", "RUB")
    # The next caller reads the document at once.
    assert accounts.database.read(lambda connection: connection.execute(tables.claims.select()).all()) == []


def forbid_branch(accounts, name: str):
    """A rule of the database's owner, which refuses a label."""
    dialect = accounts.database.dialect
    table = '"TokenUsageLogs"' if dialect == "sqlite" else '"docUpload"."TokenUsageLogs"'
    if dialect == "postgresql":
        rule = f"ALTER TABLE {table} ADD CONSTRAINT no_such_branch CHECK (\"Branch\" <> '{name}')"
        return rule, f"ALTER TABLE {table} DROP CONSTRAINT no_such_branch"
    if dialect == "sqlite":
        rule = (
            f"CREATE TRIGGER no_such_branch BEFORE INSERT ON {table} WHEN NEW.\"Branch\" = '{name}' "
            "BEGIN SELECT RAISE(ABORT, 'no such branch'); END"
        )
        return rule, "DROP TRIGGER no_such_branch"
    return None


@pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
@pytest.mark.parametrize("way", ["book", "replay"])
def test_a_label_that_a_rule_of_the_database_forbids_costs_only_the_label(accounts, ledger, way):
    token = accounts.add_key(limit=10_000)
    accounts.set_quota("branch", "CLOSED", daily=50_000)
    reservation = accounts.reserve(caller=Caller("NT047", "bzumah", "CLOSED"))
    rule, no_rule = forbid_branch(accounts, "CLOSED")
    accounts.database.run(lambda connection: connection.execute(text(rule)))
    try:
        booking = Booking(reservation, accounts.row(reservation, 700), "key", FINISHED)
        assert getattr(ledger, way)(booking).booked is Booked.SETTLED
    finally:
        accounts.database.run(lambda connection: connection.execute(text(no_rule)))
    assert booked(accounts) == [(token, "NT047", "usage", 700)]
    assert accounts.rows()[0].Branch is None
    (alert,) = accounts.database.read(lambda connection: connection.execute(tables.alerts.select()).all())
    assert "the database refused its labels" in alert.Message
    assert accounts.counters() == [("2026-11-21", 700, 0)]


def test_a_replayed_booking_that_must_be_corrected_is_told_once(accounts, ledger):
    token = accounts.add_key(limit=10_000)
    reservation = accounts.reserve()
    row = replace(accounts.row(reservation, None), usage=Usage(4_000, 309, 0))
    booking = Booking.from_text(Booking(reservation, row).to_text())
    assert ledger.replay(booking).booked is Booked.SETTLED
    assert ledger.replay(booking).booked is Booked.ALREADY
    assert accounts.summary(token) == (4_309, 5_691, 0)
    (alert,) = accounts.database.read(lambda connection: connection.execute(tables.alerts.select()).all())
    assert (alert.Kind, alert.Occurrences) == ("usage_corrected", 1)
    assert "total_tokens 0 is below its parts, 4309" in alert.Message


def test_a_settlement_costs_no_statement_more(accounts):
    accounts.add_key(limit=10_000)
    reservation = accounts.reserve()
    seen: list[str] = []
    event.listen(
        accounts.database.engine,
        "before_cursor_execute",
        lambda _c, _cursor, statement, *_: seen.append(statement.split(None, 1)[0]),
    )
    accounts.settle(reservation, 700)
    assert [word for word in seen if word in {"DELETE", "INSERT", "UPDATE"}] == ["DELETE", "INSERT", "UPDATE"]


def test_an_outage_is_no_refusal(accounts, ledger, monkeypatch):
    accounts.add_key(limit=10_000)
    reservation = accounts.reserve()
    tried = []

    def away(*_args, **_options):
        tried.append(1)
        raise DatabaseUnavailable

    monkeypatch.setattr(accounts.database, "run", away)
    assert ledger.book(Booking(reservation, accounts.row(reservation, 700), "key", FINISHED)) is None
    assert len(tried) == 1
