"""Running totals beside what was booked: a difference is told with both numbers and corrected by hand only."""

import logging
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select

from shared_code.database import tables
from shared_code.database.stores.keys import token_changes
from shared_code.database.stores.usage import reconciliation

LONG_AGO = datetime.now(UTC).replace(tzinfo=None) - timedelta(days=1_000)


def test_totals_agree_before_between_and_after_the_fold(books):
    token = books.add_key(limit=100_000)
    books.use(token, 700)
    assert books.step("reconcile").changed == 0
    books.step("fold")
    books.use(token, 300)
    assert books.step("reconcile").changed == 0
    books.step("fold")
    result = books.step("reconcile")
    assert (result.seen, result.changed) == (1, 0)
    assert books.summary(token) == (1_000, 99_000)


def test_a_difference_is_an_alert_with_both_numbers_and_is_left_as_it_is(books, caplog):
    token = books.add_key(limit=100_000)
    books.use(token, 700)
    books.use(token, 50, move=False)
    books.run()
    books.run()
    assert books.summary(token) == (700, 99_300)
    (row,) = books.rows(tables.alerts)
    assert (row.Kind, row.Subject) == ("usage_drift", str(token))
    assert "has 700 used tokens on record, but 750 were booked" in row.Message
    assert (
        sum("usage_drift" in record.getMessage() for record in caplog.records if record.levelno == logging.WARNING) == 1
    )


def test_repair_takes_over_what_was_booked_and_the_alert_is_over(books):
    low, high = books.add_key(limit=100_000), books.add_key()
    books.use(low, 50, move=False)
    books.use(high, 9_000)
    books.change(tables.token_usage_summary, {"TokenID": high}, TotalUsedTokens=9_500)
    books.run()
    found = books.database.run(lambda connection: reconciliation.repair(connection, low))
    assert (found.recorded, found.booked) == (0, 50)
    assert books.database.run(lambda connection: reconciliation.repair(connection, low)) is None
    books.database.run(lambda connection: reconciliation.repair(connection, high))
    assert books.summary(low) == (50, 99_950)
    assert books.summary(high) == (9_000, None)
    books.run()
    assert books.alerts() == []
    assert books.database.run(lambda connection: reconciliation.repair(connection, 4_711)) is None


def test_pruning_changes_neither_reports_nor_totals(books):
    token = books.add_key(limit=1_000_000)
    for number in range(30):
        books.use(token, 100 + number, LoggedAt=LONG_AGO)
    books.use(token, 7)
    books.step("fold")
    books.use(token, 5, LoggedAt=LONG_AGO)  # old, and not folded yet
    before, totals = books.daily(), books.summary(token)
    assert books.step("prune TokenUsageLogs").changed == 30
    assert len(books.rows(tables.token_usage_logs)) == 2
    assert books.daily() == before
    assert books.step("reconcile").changed == 0
    assert books.summary(token) == totals
    books.step("fold")
    assert books.step("prune TokenUsageLogs").changed == 1
    assert books.step("reconcile").changed == 0


def test_a_key_whose_total_is_made_after_pruning_counts_what_was_pruned(books):

    token = books.add_key(limit=10_000)
    books.use(token, 3_000, LoggedAt=LONG_AGO)
    books.use(token, 500)
    books.step("fold")
    books.use(token, 40)
    books.step("prune TokenUsageLogs")
    books.database.run(lambda connection: connection.execute(tables.token_usage_summary.delete()))
    assert books.database.run(lambda connection: token_changes.ensure_summary(connection, token, 10_000))
    assert books.summary(token) == (3_540, 6_460)
    assert books.step("reconcile").changed == 0


def reviewed(reading, moment):
    """What persons made of a reading: a row of each table."""
    shared = {"ReadingID": reading}
    decided = shared | {"CompanyID": "A", "Version": 2}
    return {
        tables.reviews: shared
        | {"CompanyID": "A", "DocumentSha256": "s", "State": "corrected", "Reason": "asked", "CreatedAt": moment},
        tables.review_decisions: decided
        | {"Decision": "correct", "State": "corrected", "DecidedBy": "p", "DecidedAt": moment, "Fingerprint": "f"},
        tables.corrections: decided | {"Field": "total", "ChangedBy": "p", "ChangedAt": moment},
        tables.result_files: shared | {"SourceName": "n", "SourceETag": "e", "SourceSha256": "d", "WrittenAt": moment},
    }


def test_old_rows_go_by_their_own_setting_in_batches_and_new_ones_stay(books, make_services):
    books.services = make_services(
        retain_application_logs_days=10,
        retain_retry_attempts_days=20,
        retain_extractions_days=40,
        retain_usage_logs_days=30,
    )
    now = datetime.now(UTC).replace(tzinfo=None)

    def ago(days):
        return now - timedelta(days=days)

    claim = {"CompanyID": "A", "DocumentSha256": "s", "PromptVersion": "1", "Provider": "", "Model": "", "CallID": "c"}

    def fill(connection):
        connection.execute(
            tables.application_logs.insert(),
            [{"Timestamp": ago(days), "Message": "m"} for days in [9] * 3 + [11] * 1_200],
        )
        connection.execute(tables.retry_attempts.insert(), [{"Timestamp": ago(days)} for days in (19, 21, 22)])
        for number, (state, updated, lease) in enumerate(
            (
                ("done", 41, 41),
                ("done", 39, 41),  # read again lately
                ("done", 39, 39),
                ("running", 41, 41),  # its process died
                ("running", 41, -1),  # runs
            )
        ):
            moments = {"UpdatedAt": ago(updated), "LeaseUntil": ago(lease), "RunningID": f"ext_{number}"}
            connection.execute(tables.claims.insert().values(ClaimKey=str(number), State=state, **claim, **moments))
        for days in (41, 42, 39):
            reading = {"State": "done", "CreatedAt": ago(days), "PublicID": f"ext_old_{days}"}
            connection.execute(tables.extractions.insert().values(ClaimKey="", **claim, **reading))
            for table, values in reviewed(f"ext_old_{days}", ago(41)).items():
                connection.execute(table.insert().values(**values))
        key = {"CompanyID": "A", "Identity": "i", "CallID": "c", "ReadingID": "r", "State": "done"}
        for days in (0, 2):
            moments = {"CreatedAt": ago(days), "LeaseUntil": ago(days)}
            connection.execute(tables.idempotency_keys.insert().values(KeyDigest=str(days), **key, **moments))

    books.database.run(fill)
    results = books.run()
    assert {name: result.changed for name, result in results.items() if name.startswith("prune")} == {
        "prune ApplicationLogs": 1_200,
        "prune RetryAttempts": 2,
        "prune TokenUsageLogs": 0,
        "prune IdempotencyKeys": 1,
        "prune Jobs": 0,
        "prune WebhookDeliveries": 0,
        # The other one that is gone was never finished: its end needs no age.
        "prune Claims": 1,
        "prune Extractions": 2,
        # However old they are, they go with their reading.
        "prune Reviews": 2,
        "prune ReviewDecisions": 2,
        "prune Corrections": 2,
        "prune ResultFiles": 2,
        "prune QuotaCounters": 0,
        "prune Alerts": 0,
        "prune AdminAudit": 0,
        "prune WrittenResults": 0,
    }
    assert results["end stale claims"].changed == 1
    assert [row.ClaimKey for row in books.rows(tables.claims)] == ["1", "2", "4"]
    assert [row.PublicID for row in books.rows(tables.extractions)] == ["ext_old_39", "ext_3"]
    for table in reviewed("", now):
        assert [row.ReadingID for row in books.rows(table)] == ["ext_old_39"]
    left = books.database.read(
        lambda connection: connection.execute(select(func.count()).select_from(tables.application_logs)).scalar_one()
    )
    assert left == 3
