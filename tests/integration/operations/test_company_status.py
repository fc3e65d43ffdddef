"""What operators look for, on every database: documents by whatever is known of them, and why a company is down."""

from datetime import UTC, date, datetime, timedelta

import pytest

from shared_code.database.key_cipher import KeyCipher
from shared_code.database.stores.extractions import extraction_lists, readings
from shared_code.database.stores.extractions.extraction_lists import ExtractionFilter
from shared_code.database.stores.extractions.readings import ReadingHead
from shared_code.database.stores.keys import token_keys, tokens
from shared_code.database.stores.operations import logs, retries
from shared_code.database.stores.operations.logs import LogEntry, LogFilter
from shared_code.database.stores.quotas import quota_changes
from shared_code.database.stores.usage import usage_rows
from shared_code.errors import ProviderRejected, UnsupportedFileType
from shared_code.labels import new_reading_id
from shared_code.operations.company_status import company_status
from shared_code.records import Caller, CallIdentity, RetryAttempt, Source, Usage, UsageKind, UsageRow

CALL, OTHER_CALL = "c" * 36, "d" * 36
NOW = datetime.now(UTC).replace(tzinfo=None)


@pytest.fixture
def filled(database):
    """Two documents that failed, with what their runs left."""

    def head(call, file, user):
        return ReadingHead(new_reading_id(), "NT047", call[0] * 64, call, username=user, branch="RUB", file_label=file)

    def fill(connection):
        readings.insert_failed(connection, head(CALL, "Zoë [1] 100%.pdf", "Zoë"), ProviderRejected())
        readings.insert_failed(connection, head(OTHER_CALL, "other.zip", "ama"), UnsupportedFileType())
        attempt = RetryAttempt(1, "SAFETY", retryable=False, company_id="NT047", request_id="r1", call_id=CALL)
        retries.insert_retries(connection, [attempt])
        row = UsageRow(
            identity=CallIdentity(CALL, Caller("NT047", "Zoë"), Source.HTTP),
            attempt=1,
            kind=UsageKind.USAGE,
            token_id=None,
            usage=Usage(total_tokens=1),
            local_day=date(2026, 11, 20),
            model="m",
            outcome="ok",
            duration_ms=1_500,
        )
        usage_rows.insert_usage(connection, row)
        logs.insert_logs(
            connection,
            [
                LogEntry(NOW, "INFO", "x", "about the first", call_id=CALL),
                LogEntry(NOW, "WARNING", "x", "about the other", call_id=OTHER_CALL, request_id="r2"),
                LogEntry(NOW, "ERROR", "x", "not read: X; company 'NT047', file 'early.pdf'", call_id="e" * 36),
            ],
        )

    database.run(fill)
    return database


@pytest.mark.parametrize(
    "wanted",
    [
        {"file": "[1] 100%"},
        {"requested_by": "Zoë"},
        {"requested_by": "Zoe\u0308"},
        {"request_id": "r1"},
        {"error_code": "PROVIDER_REJECTED", "company_id": "NT047"},
        {"document_sha256": "c" * 64, "since": NOW - timedelta(hours=1), "until": NOW + timedelta(hours=1)},
    ],
)
def test_a_document_is_found_by_each_thing_that_is_known_of_it(filled, wanted):
    def read(connection):
        found = extraction_lists.find_extractions(connection, ExtractionFilter(**wanted))
        return found, extraction_lists.model_seconds(connection, [row.call_id for row in found])

    (row,), seconds = filled.read(read)
    assert (row.call_id, row.error["message"]) == (CALL, ProviderRejected.default_message)
    assert seconds == {CALL: 1.5}


@pytest.mark.parametrize(
    "wanted", [{"file": "1_0"}, {"requested_by": "zoe"}, {"request_id": "r9"}, {"until": NOW - timedelta(hours=1)}]
)
def test_what_is_not_there_is_not_found(filled, wanted):
    for state in (None, "running"):
        asked = ExtractionFilter(**wanted, state=state)
        assert filled.read(lambda connection, asked=asked: extraction_lists.find_extractions(connection, asked)) == []


def test_lines_of_runs_and_lines_that_name_a_document_are_found_by_level(filled):
    def found(**wanted):
        return [line.message[:15] for line in filled.read(lambda c: logs.find_logs(c, LogFilter(**wanted)))][::-1]

    assert found(runs=[CALL]) == ["about the first"]
    assert found(runs=[], words=["company 'NT047'", "early"]) == ["not read: X; co"]
    assert found(runs=[]) == []
    assert found(level="WARNING") == ["about the other", "not read: X; co"]
    assert found(level="WARNING", runs=[CALL, OTHER_CALL]) == ["about the other"]


def test_a_company_is_up_limited_or_down(filled):
    cipher = KeyCipher("test:" + "A" * 43 + "=")

    def status():
        return company_status(filled, cipher, "NT047", default_zone="UTC")

    assert (status().verdict, [row.file_label for row in status().failures]) == (
        "down",
        ["other.zip", "Zoë [1] 100%.pdf"],
    )
    new = token_keys.NewToken("nt047", "AIzaSyStatus0123456789abcdefghijklmnopq", None)
    token_id = filled.run(lambda connection: token_keys.add_token(connection, cipher, new))
    assert status().verdict == "up"
    tomorrow = (NOW + timedelta(days=1)).replace(microsecond=0)
    filled.run(lambda connection: tokens.set_cooldown(connection, token_id, tomorrow))
    assert (status().verdict, status().standing.until) == ("down", tomorrow)
    filled.run(lambda connection: tokens.set_cooldown(connection, token_id, None))

    def limit(scope, subject):
        change = {"company_id": "NT047", "scope": scope, "subject": subject, "limits": (100, None), "day": NOW.date()}
        filled.run(lambda connection: quota_changes.set_quota(connection, **change))

    limit("user", "ama")
    assert (status().verdict, [spent.owner for spent in status().spent]) == ("limited", ["user ama"])
    limit("company", "")
    assert status().verdict == "down"
