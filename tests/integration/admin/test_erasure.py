"""DELETE /extractions/{id}: the document of a reading is erased with all its readings."""

import json

from sqlalchemy import insert

from shared_code.database import tables
from shared_code.database.stores.extractions import claims, readings
from shared_code.database.stores.extractions.claims import ClaimRequest
from shared_code.database.stores.extractions.idempotency_keys import KeyRequest, answer_key, take_key
from shared_code.database.stores.extractions.readings import Finished, ReadingHead
from shared_code.database.stores.extractions.same_invoice import find_same_invoice
from shared_code.database.stores.operations import logs, retries
from shared_code.database.stores.operations.logs import LogEntry
from shared_code.errors import InvalidFile
from shared_code.labels import new_reading_id
from shared_code.records import RetryAttempt

PLANTED = "Zephyrine Odulf"
SHA256 = "a" * 64


def claim(company="NT047", sha256=SHA256, call="c"):
    return ClaimRequest(company, sha256, "1", "Gemini", "m", "", call * 36, 60, username=PLANTED, file_label=PLANTED)


def store(api, *, state="done", **of):
    """A reading with whatever belongs to its run; returns its id."""
    wanted = claim(**of)

    def work(connection):
        claims.insert_claim(connection, wanted)
        if state == "running":
            return
        result = json.dumps({"status": "ok", "invoices": [{"seller": {"name": PLANTED}}]})
        finished = Finished("ok", result, "d" * 64, "e" * 64, PLANTED, wanted.head())
        claims.finish_claim(connection, wanted.key, wanted.call_id, finished)
        sent = KeyRequest(wanted.company_id, wanted.call_id, "i" * 64, wanted.call_id, wanted.reading_id, 60)
        take_key(connection, sent)
        answer_key(connection, sent, wanted.reading_id)
        failed = RetryAttempt(1, PLANTED, retryable=True, token_id=1, company_id="NT047", call_id=wanted.call_id)
        retries.insert_retries(connection, [failed])
        at = api.services.clock().replace(tzinfo=None)
        logs.insert_logs(connection, [LogEntry(at, "INFO", "shared_code", PLANTED, call_id=wanted.call_id)])

    api.services.database.run(work)
    return wanted.reading_id


def planted_in(api):
    tables_with_text = (tables.extractions, tables.retry_attempts, tables.application_logs, tables.admin_audit)
    return sum(PLANTED in str(row) for table in tables_with_text for row in api.rows(table))


def test_all_readings_of_the_document_are_erased_and_those_of_others_stay(api):
    reading = store(api)
    others = [store(api, company="OTHER", call="d"), store(api, sha256="b" * 64, call="e")]
    failed = ReadingHead(new_reading_id(), "NT047", SHA256, "f" * 36, username=PLANTED, file_label=PLANTED)
    run = api.services.database.run
    run(lambda connection: readings.insert_failed(connection, failed, InvalidFile(PLANTED)))
    assert planted_in(api) == 3 * 3 + 1
    erased = api.delete(f"extractions/{reading}")
    assert (erased.status, erased.data["id"], erased.data["readings"]) == (200, reading, 2)
    assert planted_in(api) == 2 * 3
    for each in (reading, failed.reading_id):
        shown = api.get(f"extractions/{each}").data
        assert shown["erased_at"] == erased.data["erased_at"]
        names = ("result", "error", "invoice_number", "requested_by", "branch", "file_label")
        assert [shown[name] for name in names] == [None] * len(names)
    assert [api.get(f"extractions/{each}").data["erased_at"] for each in others] == [None, None]
    assert {row.ReadingID for row in api.rows(tables.idempotency_keys)} == set(others)
    assert {row.DocumentSha256 + row.CompanyID for row in api.rows(tables.claims)} == {
        f"{SHA256}OTHER",
        "b" * 64 + "NT047",
    }
    # An erased reading is no earlier invoice of anybody's.
    found = api.services.database.read(
        lambda connection: find_same_invoice(
            connection, "NT047", duplicate_key="d" * 64, similar_key="e" * 64, not_sha256="c" * 64
        )
    )
    assert found is not None
    assert found.document_sha256 == "b" * 64


def test_erasing_again_answers_the_same_and_is_in_the_audit_again(api):
    reading = store(api)
    answers = [api.delete(f"extractions/{reading}{query}") for query in ("", "", "?with_source=true")]
    assert [answer.status for answer in answers] == [200, 200, 200]
    assert answers[0].data == answers[1].data == answers[2].data
    entries = api.get("audit?action=extraction.erase").data["items"]
    assert [entry["after"]["with_source"] for entry in entries] == [True, False, False]
    assert {entry["target"] for entry in entries} == {f"document {SHA256}"}


def test_what_is_being_read_is_refused_with_a_sentence_and_nothing_is_erased(api):
    running = store(api, state="running")
    answer = api.delete(f"extractions/{running}")
    assert (answer.status, answer.code, answer.json["error"]["retryable"]) == (409, "ALREADY_PROCESSING", True)
    assert "is being read" in answer.json["message"]
    assert int(answer.headers["retry-after"]) > 0
    assert [row.State for row in api.rows(tables.claims)] == ["running"]
    assert api.rows(tables.admin_audit) == []


def test_a_call_that_is_not_booked_yet_is_waited_for(api):
    reading = store(api)
    held = {
        "CallID": "9" * 36,
        "Attempt": 1,
        "CompanyID": "NT047",
        "LocalDay": api.services.clock().date(),
        "Provider": "Gemini",
        "Model": "m",
        "Source": "http",
        "DocumentSha256": SHA256,
        "BoundTokens": 5,
        "LeaseUntil": api.services.clock().replace(tzinfo=None),
    }
    api.services.database.run(lambda connection: connection.execute(insert(tables.token_reservations).values(held)))
    assert api.delete(f"extractions/{reading}").status == 409
    assert api.get(f"extractions/{reading}").data["invoice_number"] == PLANTED


def test_unknown_ids_and_other_companies(api):
    reading = store(api)
    for unknown in (new_reading_id(), "1", "ext_"):
        assert api.delete(f"extractions/{unknown}").status == 404
    assert api.delete(f"extractions/{reading}", key=api.new_key("operator")).status == 403
    assert api.delete(f"extractions/{reading}", key=api.new_key("admin", "OTHER")).status == 403
    assert planted_in(api) == 3
    assert api.delete(f"extractions/{reading}", key=api.new_key("admin", "NT047")).status == 200
