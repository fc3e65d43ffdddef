"""Each condition is one alert from its begin to its end: a row, a warning, an event."""

import logging
import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, text

from shared_code.database import tables
from shared_code.database.stores.operations import alerts
from shared_code.observability.telemetry import Telemetry, telemetry
from shared_code.observability.telemetry_items import EventItem
from shared_code.operations.alerts import raise_alert
from shared_code.operations.health_checks import companies_check, rollup_check
from shared_code.records import Alert
from shared_code.rollup.run import run_rollup
from tests.collected_telemetry import Collected
from tests.integration.rollup.books import NO_STORAGE


def raised(caplog):
    return [
        record.getMessage()
        for record in caplog.records
        if record.levelno == logging.WARNING and record.getMessage().startswith("alert ")
    ]


def note(kind: str, subject: str, *, severity: str = "warning") -> Alert:
    return Alert(kind=kind, subject=subject, severity=severity, message="something happened", details={"n": 1})


def test_a_condition_is_told_once_and_kept_up_to_date(books, caplog):
    token = books.add_key(limit=100_000, threshold=20_000)
    books.use(token, 85_000)
    for _ in range(3):
        books.run()
        books.use(token, 100)
    (row,) = books.rows(tables.alerts)
    assert (row.Kind, row.Subject, row.Occurrences, row.ClosedAt) == ("below_threshold", str(token), 1, None)
    assert "has 14800 of 100000 tokens left" in row.Message
    assert len(raised(caplog)) == 1


def test_an_alert_is_an_event_for_azure_monitor_when_it_opens_and_when_it_closes(books, monkeypatch):
    sent = Collected()
    token = books.add_key(limit=1_000)
    books.add_key()  # its company is served all the same
    monkeypatch.setattr("shared_code.observability.telemetry._current", Telemetry(sent))
    assert telemetry().enabled
    books.run()
    books.change(tables.token_master, {"TokenID": token}, TotalTokenLimit=None)
    books.run()
    events = [item for item in sent.items if isinstance(item, EventItem)]
    seen = [(item.name, item.properties["kind"], item.properties["subject"]) for item in events]
    assert seen == [("alert_opened", "used_up", str(token)), ("alert_closed", "used_up", str(token))]


def test_a_refused_key_stays_an_alert_until_somebody_deals_with_it(books):
    token, other = books.add_key(Status="Blocked"), books.add_key(Status="Exceeded")
    for subject in (token, other):
        raise_alert(books.database, note("key_refused", str(subject), severity="error"))
    books.run()
    assert books.alerts("key_refused") == [("key_refused", str(token)), ("key_refused", str(other))]
    books.change(tables.token_master, {"TokenID": token}, Status="Active")
    books.change(tables.token_master, {"TokenID": other}, Status="Disabled")
    books.run()
    assert books.alerts("key_refused") == []


@pytest.mark.parametrize("kind", ["estimate_miss", "unmeasured_call"])
def test_what_happened_in_passing_is_over_after_a_quiet_day(books, kind):
    raise_alert(books.database, note(kind, "gemini-3.5-flash-lite"))
    books.run()
    assert books.alerts(kind)
    ago = datetime.now(UTC).replace(tzinfo=None)
    books.change(tables.alerts, {"Kind": kind}, LastSeenAt=ago - timedelta(hours=23))
    books.run()
    assert books.alerts(kind)
    books.change(tables.alerts, {"Kind": kind}, LastSeenAt=ago - timedelta(hours=25))
    books.run()
    assert books.alerts(kind) == []


def test_a_model_that_is_called_or_set_and_ends_soon_is_an_alert(books, make_services, clock):
    books.use(None, Model="gemini-2.5-flash", LocalDay=clock.now.date() - timedelta(days=2))
    books.run()
    assert books.alerts("model_ending") == [("model_ending", "gemini-2.5-flash")]
    (row,) = books.rows(tables.alerts)
    assert row.Message == "Model gemini-2.5-flash ends on 2026-12-01; its successor is gemini-3.5-flash-lite."
    clock.now = datetime(2026, 11, 28, tzinfo=UTC)
    books.run()
    assert books.alerts("model_ending") == []
    books.services = make_services(gemini_fallback_model="gemini-2.5-pro")
    books.run()
    assert books.alerts("model_ending") == [("model_ending", "gemini-2.5-pro")]
    clock.now = datetime(2026, 9, 1, tzinfo=UTC)  # 91 days before
    books.run()
    assert books.alerts("model_ending") == []


def test_bookings_that_stay_in_the_outbox_are_an_alert_until_they_are_gone(books, make_services):
    class Queue:
        """An outbox whose messages cannot be replayed."""

        waiting = 3

        def depth(self):
            return self.waiting

    queue = Queue()
    books.services = make_services(outbox=queue, azurewebjobsstorage=NO_STORAGE)
    books.step("outbox alert")
    assert books.alerts() == [("outbox_stuck", "usage-outbox")]
    queue.waiting = 0
    books.step("outbox alert")
    assert books.alerts() == []


def test_more_connections_than_the_database_takes_are_an_alert_until_they_fit(books, make_services):
    books.services = make_services(db_connection_limit=14, db_pool_size=10, db_max_overflow=5)
    books.step("connection alert")
    assert books.alerts() == [("connections_over_limit", "database")]
    books.services = make_services(db_connection_limit=15, db_pool_size=10, db_max_overflow=5)
    books.step("connection alert")
    assert books.alerts() == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # it breaks its database
def test_one_failing_step_stops_no_other_and_is_in_the_report(books, caplog):
    token = books.add_key(limit=1_000)
    books.use(token, 100)
    books.database.run(lambda connection: connection.execute(text('ALTER TABLE "Alerts" RENAME TO "Gone"')))
    with caplog.at_level(logging.INFO):
        results = {result.name: result for result in run_rollup(books.services.rollup)}
    assert {name for name, result in results.items() if result.error == "INTERNAL_ERROR"} >= {"reconcile", "key alerts"}
    assert (results["fold"].changed, results["fold"].error) == (1, None)
    assert results["prune Extractions"].error is None
    (line,) = [record.getMessage() for record in caplog.records if record.getMessage().startswith("rollup: ")]
    assert "fold 1/1 in" in line
    assert re.search(r"reconcile 0/0 in \d+ ms failed \(INTERNAL_ERROR\)", line)


def test_a_zone_that_was_typed_wrong_is_told_until_it_is_mended(books, caplog):
    for company, zone in (("a1", " Asia/Kolkata\n"), ("B2", "Asia/Kolkatta"), ("C3", "localtime")):
        typed = insert(tables.company_settings).values(CompanyID=company, TimeZone=zone)
        books.database.run(lambda connection, typed=typed: connection.execute(typed))
    books.step("zone alerts")
    books.step("zone alerts")
    found = books.rows(tables.alerts)
    assert [(row.Kind, row.Subject, row.Occurrences) for row in found] == [
        ("zone_unreadable", "B2", 1),
        ("zone_unreadable", "C3", 1),
    ]
    assert "the default zone UTC until it is mended" in found[0].Message
    assert len(raised(caplog)) == 2
    books.change(tables.company_settings, {"CompanyID": "B2"}, TimeZone="Asia/Kolkata")
    books.step("zone alerts")
    assert [row.ClosedAt is None for row in books.rows(tables.alerts)] == [False, True]


def told(books, kind):
    (row,) = [row for row in books.rows(tables.alerts) if row.Kind == kind and row.ClosedAt is None]
    return row.Message


def test_a_company_whose_only_key_rests_until_tomorrow_is_down_until_then(books, clock):
    tomorrow = datetime(2026, 11, 22, 8, 0)
    token = books.add_key(company="nt047", CooldownUntil=tomorrow)
    books.add_key(company="OTHER")
    check = companies_check(books.database)
    books.run()
    books.run()
    assert books.alerts() == [("company_without_key", "NT047")]
    assert told(books, "company_without_key") == (
        f"No key of company NT047 can serve now. token {token}: Active, rests until 2026-11-22 08:00 UTC. "
        "It is served again from 2026-11-22 08:00 UTC."
    )
    if tomorrow > datetime.now(UTC).replace(tzinfo=None):  # health goes by the database's clock
        assert (bool(check()), list(check().facts["companies"])) == (False, ["NT047"])
    clock.now = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
    books.run()
    assert books.alerts() == []
    assert check().facts == {"without_key": 0, "companies": {}, "stranded_keys": []}
    assert check()


@pytest.mark.parametrize(("status", "down"), [("Blocked", True), ("Expired", True), ("Disabled", False)])
def test_a_company_without_a_usable_key_is_told_unless_a_person_has_disabled_it(books, status, down):
    books.add_key(Status=status)
    assert bool(companies_check(books.database)())
    books.run()
    assert books.alerts("company_without_key") == ([("company_without_key", "NT047")] if down else [])
    assert bool(companies_check(books.database)()) is not down
    if down:
        assert told(books, "company_without_key").endswith("It does not end by itself.")
    books.add_key(company=" nt047")
    books.run()
    assert books.alerts("company_without_key") == []


def test_a_rest_of_a_minute_is_no_alert(books, clock):
    books.add_key(CooldownUntil=clock.now.replace(tzinfo=None) + timedelta(minutes=1))
    books.run()
    assert books.alerts() == []


def test_a_key_that_has_less_left_than_any_call_needs_is_told_until_its_limit_is_raised(books):
    token = books.add_key(limit=100_000)
    books.use(token, 97_000)
    books.run()
    assert ("key_stranded", str(token)) in books.alerts()
    assert ("company_without_key", "NT047") in books.alerts()
    assert "has 3000 of 100000 tokens left, and the smallest call needs 6600" in told(books, "key_stranded")
    assert companies_check(books.database)().facts["stranded_keys"] == [str(token)]
    books.change(tables.token_master, {"TokenID": token}, TotalTokenLimit=500_000)
    books.run()
    assert books.alerts("key_stranded") == books.alerts("company_without_key") == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # it types in what the others refuse
def test_a_key_that_cannot_be_read_makes_no_company_down(books):
    books.add_key(Status="Blocked")
    good = books.add_key()
    update = f"UPDATE TokenMaster SET ExpiresAt = 'soon' WHERE TokenID = {good}"
    books.database.run(lambda connection: connection.execute(text(update)))
    books.run()
    assert books.alerts("company_without_key") == []


def test_health_knows_whether_the_timer_has_ever_run(books):
    check = rollup_check(books.database)
    assert not check()
    assert check().facts["seconds_since_last_run"] is None
    for _ in range(2):
        books.run()
    assert check()
    assert check().facts["seconds_since_last_run"] < 60
    notes = books.database.read(alerts.find_alerts)
    assert notes == [], "it is no condition"
