"""One bad row never stops the others, whichever step meets it: it is set aside, told once, and tried again later."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, text

from shared_code.database import tables
from shared_code.database.clock import utc_in
from shared_code.errors import DatabaseUnavailable, InternalError, StorageUnavailable
from shared_code.operations.health_checks import rollup_check
from shared_code.operations.timer_state import set_aside_rows
from shared_code.rollup.run import run_rollup
from shared_code.rollup.set_aside import PAUSES, setting_aside
from tests.integration.rollup.books import reserve

LARGEST = 2**63 - 1
#: a moment that the database takes and no reader does
UNREADABLE = {"sqlite": "never", "postgresql": "infinity"}


def type_in(books, statement: str, **values) -> None:
    """What a person types: past every type of ours."""
    for table in ("TokenMaster", "TokenUsageLogs", "Alerts", "QuotaCounters"):
        place = f'"{table}"' if books.database.dialect == "sqlite" else f'"docUpload"."{table}"'
        statement = statement.replace(f"@{table}", place)
    books.database.run(lambda connection: connection.execute(text(statement), values))


def aside(books) -> list[tuple[str, str, int]]:
    return sorted((row["step"], row["row"], row["tries"]) for row in set_aside_rows(books.database))


@pytest.mark.parametrize("wrong", [{"Source": "sms"}, {"Provider": "Cohere"}])
def test_a_reservation_that_nobody_understands_does_not_keep_the_others(books, clock, caplog, wrong):
    token = books.add_key(limit=100_000)
    bad = reserve(books, token, LeaseUntil=utc_in(-3_600), **wrong)
    for _ in range(2):
        reserve(books, token)
    for _ in range(3):
        results = books.run()
    assert results["end stale reservations"].error is None
    assert [row.CallID for row in books.rows(tables.token_reservations)] == [bad]
    assert len(books.rows(tables.token_usage_logs, Kind="unmeasured")) == 2
    subject = f"end stale reservations: call {bad} attempt 1"
    assert books.alerts("row_set_aside") == [("row_set_aside", subject)]
    told = [record for record in caplog.records if record.getMessage().startswith("alert row_set_aside")]
    assert len(told) == 1
    # One try: the next is due in minutes, then in hours.
    assert aside(books) == [("end stale reservations", f"call {bad} attempt 1", 1)]
    (row,) = set_aside_rows(books.database)
    assert "ValueError" in row["cause"]
    for tries, pause in enumerate((*PAUSES, PAUSES[-1]), 2):
        clock.now += timedelta(seconds=pause)
        books.run()
        assert aside(books)[0][2] == tries
    books.change(tables.token_reservations, {"CallID": bad}, Source="http", Provider="Gemini")
    clock.now += timedelta(seconds=PAUSES[-1])
    books.run()
    assert books.rows(tables.token_reservations) == []
    assert books.alerts("row_set_aside") == []
    assert len(books.alerts("row_set_aside", open_only=False)) == 1


def test_a_person_need_not_wait_for_the_pause(books):
    bad = reserve(books, books.add_key(), Source="sms")
    books.run()
    books.change(tables.token_reservations, {"CallID": bad}, Source="http")
    books.run()
    assert len(books.rows(tables.token_reservations)) == 1
    run_rollup(replace(books.services.rollup, try_resting=True))
    assert books.rows(tables.token_reservations) == []
    assert books.alerts("row_set_aside") == []


def test_a_total_at_the_end_of_its_range_keeps_no_lowered_limit_from_binding(books):
    first, last = books.add_key(limit=30_000), books.add_key(limit=30_000)
    broken = books.add_key(limit=50_000)
    for token in (first, broken, last):
        books.use(token, 10)
    books.change(tables.token_usage_summary, {"TokenID": broken}, TotalRemainingTokens=LARGEST)
    for token in (first, last):
        books.change(tables.token_master, {"TokenID": token}, TotalTokenLimit=9_000)
    books.run()
    assert [books.summary(token)[1] for token in (first, broken, last)] == [8_990, 49_990, 8_990]
    assert aside(books) == []


@pytest.mark.every_database
def test_limits_and_totals_that_cannot_be_taken_over_are_set_aside(books):
    if books.database.dialect == "sqlite":
        pytest.skip("its numbers grow into floating point instead")
    if books.database.dialect == "mssql":
        pytest.skip("the stand-in's numbers do the same")
    broken, fine = books.add_key(limit=1_000), books.add_key(limit=30_000)
    books.change(tables.token_usage_summary, {"TokenID": broken}, TotalUsedTokens=-10)
    books.change(tables.token_master, {"TokenID": broken}, TotalTokenLimit=LARGEST)
    books.change(tables.token_master, {"TokenID": fine}, TotalTokenLimit=9_000)
    results = books.run()
    assert results["take over limits"].error is None
    assert books.summary(fine) == (0, 9_000)
    assert ("take over limits", str(broken), 1) in aside(books)


@pytest.mark.every_database
def test_a_key_that_cannot_be_read_is_alone_with_that(books, clock):
    if books.database.dialect not in UNREADABLE:
        pytest.skip("it takes no such moment")
    keys = [books.add_key(limit=40_000) for _ in range(9)]
    for token in keys:
        books.use(token, 20_000)
    books.run()
    assert len(books.alerts("below_threshold")) == 9
    broken = keys[4]
    type_in(
        books,
        'UPDATE @TokenMaster SET "ExpiresAt" = :moment WHERE "TokenID" = :token',
        moment=UNREADABLE[books.database.dialect],
        token=broken,
    )
    for token in keys:
        books.use(token, 19_500)
    results = books.run()
    assert {result.error for result in results.values()} == {None}
    assert [books.status(token) for token in keys if token != broken] == ["FullyUtilized"] * 8
    assert aside(books) == [("set statuses", str(broken), 1)]
    # Of what is not known nothing is told: neither that it is over nor that it is worse.
    assert books.alerts("below_threshold") == [("below_threshold", str(broken))]
    type_in(books, 'UPDATE @TokenMaster SET "ExpiresAt" = NULL')
    clock.now += timedelta(seconds=PAUSES[0])
    books.run()
    assert aside(books) == []
    assert len(books.alerts("used_up")) == 9


@pytest.mark.every_database
def test_a_usage_row_that_cannot_be_folded_is_taken_out_of_its_batch(books, clock):
    if books.database.dialect not in UNREADABLE:
        pytest.skip("it takes no such moment")
    token = books.add_key(limit=100_000)
    for _ in range(20):
        books.use(token, 10)
    books.use(None, 7, LocalDay=None, CallID="bad", LoggedAt=None)
    for _ in range(20):
        books.use(token, 10)
    moment = UNREADABLE[books.database.dialect]
    type_in(books, 'UPDATE @TokenUsageLogs SET "LoggedAt" = :moment WHERE "CallID" = \'bad\'', moment=moment)
    assert books.step("fold").changed == 40
    assert books.step("fold").changed == 0
    assert [row[:1] + row[2:] for row in aside(books)] == [("fold", 1)]
    type_in(books, "UPDATE @TokenUsageLogs SET \"LoggedAt\" = '2026-11-20 10:00:00' WHERE \"CallID\" = 'bad'")
    clock.now += timedelta(seconds=PAUSES[0])
    assert books.step("fold").changed == 1
    assert sum(row["TotalTokens"] for row in books.daily().values()) == 407
    assert aside(books) == []


@pytest.mark.parametrize("details", ["not json", "[1]", "null", '"text"', "{" * 5_000])
def test_alerts_whose_facts_were_written_by_hand_stop_no_step(books, details):
    token = books.add_key(limit=10_000, threshold=5_000)
    books.use(token, 6_000)
    bad = reserve(books, token, Source="sms")
    books.run()
    told = {"below_threshold", "row_set_aside", "key_stranded", "company_without_key"}
    assert {kind for kind, _ in books.alerts()} == told
    type_in(books, 'UPDATE @Alerts SET "Details" = :details', details=details)
    results = books.run()
    assert {result.error for result in results.values()} == {None}
    assert aside(books) == [("end stale reservations", f"call {bad} attempt 1", 1)]


@pytest.mark.every_database
def test_old_rows_that_cannot_be_deleted_do_not_keep_the_others(books, make_services):
    if books.database.dialect == "mssql":
        pytest.skip("the stand-in takes no tables of others")
    old = datetime.now(UTC).replace(tzinfo=None) - timedelta(days=500)
    for number in range(7):
        books.use(None, 10, LoggedAt=old, CallID=f"old-{number}")
    books.step("fold")
    ids = [row.UsageID for row in books.rows(tables.token_usage_logs)]
    place = '"TokenUsageLogs"' if books.database.dialect == "sqlite" else '"docUpload"."TokenUsageLogs"'
    books.database.run(
        lambda connection: connection.execute(
            text(f'CREATE TABLE theirs (number INTEGER REFERENCES {place} ("UsageID"))')
        )
    )
    books.database.run(
        lambda connection: connection.execute(text("INSERT INTO theirs VALUES (:number)"), {"number": ids[3]})
    )
    try:
        assert books.step("prune TokenUsageLogs").changed == 6
        assert books.step("prune TokenUsageLogs").changed == 0
        assert aside(books) == [("prune TokenUsageLogs", str(ids[3]), 1)]
    finally:
        books.database.run(lambda connection: connection.execute(text("DROP TABLE theirs")))


def test_an_outage_sets_nothing_aside_and_so_many_failures_are_the_steps_own(books):
    context = books.services.rollup

    def away(error):
        raise error

    for error in (DatabaseUnavailable(), StorageUnavailable()):
        with pytest.raises(type(error)), setting_aside(context, "fold") as rows:
            rows.attempt("1", lambda error=error: away(error))
    assert aside(books) == []
    with pytest.raises(InternalError), setting_aside(context, "fold") as rows:
        rows.attempt_ids(list(range(1, 301)), lambda first, last: away(ValueError(f"{first}-{last}")))
    assert len(aside(books)) == 100
    # The next run passes over them.
    with pytest.raises(InternalError), setting_aside(context, "fold") as rows:
        rows.attempt_ids(list(range(1, 301)), lambda first, last: away(ValueError(f"{first}-{last}")))
    assert len(aside(books)) == 200


def test_a_range_is_taken_apart_only_where_a_row_fails(books):
    asked = []

    def work(first, last):
        asked.append((first, last))
        if first <= 700 <= last:
            raise ValueError("700")
        return last - first + 1

    with setting_aside(books.services.rollup, "fold") as rows:
        assert sum(rows.attempt_ids(list(range(1, 1_001)), work)) == 999
    assert len(asked) <= 2 * 10 + 1
    asked.clear()
    with setting_aside(books.services.rollup, "fold") as rows:
        assert sum(rows.attempt_ids(list(range(1, 1_001)), work)) == 999
    assert asked == [(1, 699), (701, 1_000)]


def test_a_cause_holds_no_key_and_no_text_of_the_database(books):
    secret = "AIzaSyA-1234567890abcdefghijklmnopqrstu"

    def refuse():
        raise ValueError(f"what is {secret}")

    def break_a_rule():
        books.database.run(
            lambda connection: connection.execute(
                insert(tables.alerts).values(Kind="k" * 10, Subject=None, Severity="x", Message=secret)
            )
        )

    with setting_aside(books.services.rollup, "fold") as rows:
        rows.attempt("1", refuse)
        rows.attempt("2", break_a_rule)
    assert len(aside(books)) == 2
    assert secret not in str(set_aside_rows(books.database))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # it breaks its database
def test_a_step_that_fails_is_an_alert_and_unhealthy_until_it_works_again(books):
    check = rollup_check(books.database)
    books.use(books.add_key(), 100)
    for renamed in ('"UsageDaily" RENAME TO "Gone"', '"Gone" RENAME TO "UsageDaily"'):
        books.database.run(lambda connection, renamed=renamed: connection.execute(text(f"ALTER TABLE {renamed}")))
        failed = [result.name for result in run_rollup(books.services.rollup) if result.error]
        run_rollup(books.services.rollup)
        assert sorted(subject for _, subject in books.alerts("rollup_step_failed")) == sorted(failed)
        assert check().facts["failing_steps"] == failed
        assert bool(check()) is not failed
        assert bool(failed) == renamed.startswith('"UsageDaily"')
    assert bool(check())


def test_the_claim_of_a_killed_run_ends_and_an_earlier_answer_stands_again(books):
    def claim(number, state, lease, reading=None):
        row = {
            "ClaimKey": str(number),
            "CompanyID": "NT047",
            "DocumentSha256": str(number),
            "PromptVersion": "1",
            "Provider": "Gemini",
            "Model": "m",
            "CallID": f"call-{number}",
            "State": state,
            "LeaseUntil": utc_in(lease),
            "ReadingID": reading,
            "RunningID": f"ext_{number}" if state == "running" else None,
        }
        books.database.run(lambda connection: connection.execute(insert(tables.claims).values(row)))

    claim(1, "running", -60)
    claim(2, "running", 60)
    claim(3, "done", -60, "ext_old")
    claim(4, "running", -60, "ext_older")
    done = books.step("end stale claims")
    assert (done.seen, done.changed) == (2, 2)
    assert [(row.ClaimKey, row.State) for row in books.rows(tables.claims)] == [
        ("2", "running"),
        ("3", "done"),
        ("4", "done"),
    ]
    # Whoever asks for a reading that was never finished learns that it has failed.
    ended = {row.PublicID: (row.State, row.ErrorCode, row.ClaimKey) for row in books.rows(tables.extractions)}
    assert ended == {f"ext_{number}": ("failed", "INTERNAL_ERROR", str(number)) for number in (1, 4)}
    assert {json.loads(row.Error)["retryable"] for row in books.rows(tables.extractions)} == {True}
    assert books.step("end stale claims").seen == 0


def test_counters_closed_alerts_and_audit_go_by_their_own_settings(books, make_services):
    books.services = make_services(
        retain_quota_counters_days=10, retain_closed_alerts_days=20, retain_admin_audit_days=30
    )
    now = datetime.now(UTC).replace(tzinfo=None)

    def ago(days):
        return now - timedelta(days=days)

    month = ago(10).replace(day=1)
    last_month = month - timedelta(days=1)
    periods = [
        ago(12).date().isoformat(),
        ago(8).date().isoformat(),
        now.date().isoformat(),
        f"{month:%Y-%m}",
        f"{last_month - timedelta(days=31):%Y-%m}",
        f"{now:%Y-%m}",
    ]

    def fill(connection):
        quota = connection.execute(
            insert(tables.quotas).values(CompanyID="NT047", Scope="company")
        ).inserted_primary_key[0]
        for period in dict.fromkeys(periods):
            connection.execute(insert(tables.quota_counters).values(QuotaID=quota, Period=period, UsedTokens=5))
        connection.execute(
            insert(tables.quota_counters).values(QuotaID=quota, Period="2020-01", UsedTokens=5, ReservedTokens=1)
        )
        for days, closed in ((30, 21), (30, 19), (30, None)):
            connection.execute(
                insert(tables.alerts).values(
                    Kind="k",
                    Subject=f"{days} {closed}",
                    Severity="warning",
                    Message="m",
                    OpenedAt=ago(days),
                    ClosedAt=closed and ago(closed),
                )
            )
        for days in (29, 31):
            connection.execute(insert(tables.admin_audit).values(At=ago(days), Actor="a", Action="x"))

    books.database.run(fill)
    results = books.run()
    kept = {row.Period for row in books.rows(tables.quota_counters)}
    assert kept == set(periods) - {periods[0], periods[4]} | {"2020-01"}
    assert {row.Subject for row in books.rows(tables.alerts)} == {"30 19", "30 None"}
    assert len(books.rows(tables.admin_audit)) == 1
    assert [results[f"prune {table}"].changed for table in ("QuotaCounters", "Alerts", "AdminAudit")] == [2, 1, 1]
