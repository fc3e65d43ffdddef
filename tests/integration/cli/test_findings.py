"""Why was this document not read, or so late? One command finds it, whatever is known of it."""

import json
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from shared_code import bootstrap
from shared_code.database import tables
from shared_code.errors import ServiceError
from shared_code.extraction.submission import Submission
from shared_code.observability.request_context import request_scope
from shared_code.records import Caller, CallIdentity, Source
from shared_code.web.extract import Upload, extract_response

SAMPLES = Path(__file__).parents[3] / "samples"
KEY = "AIzaSyFindings0123456789abcdefghijklmnop"
YESTERDAY = (datetime.now(UTC) - timedelta(days=1)).replace(hour=10, minute=2, second=40, microsecond=0, tzinfo=None)
#: file, user, and what is to be found of it
DOCUMENTS = {
    "refused": ("letter 100%.zip", "ama", "UNSUPPORTED_FILE_TYPE"),
    "failed": ("unsafe.pdf", "kofi", "PROVIDER_REJECTED"),
    "slow": ("slow.pdf", "esi", "ok"),
}


def send(services, data, *, file, user, request_id):
    call_id = str(uuid.uuid4())
    caller = Caller("NT047", user, "RUB")
    submission = Submission(
        data=data, identity=CallIdentity(call_id, caller, Source.HTTP, request_id), deadline_seconds=60, file_name=file
    )
    with request_scope(request_id=request_id, call_id=call_id):
        try:
            return services.extraction.extract(submission)
        except ServiceError as error:
            return error


@pytest.fixture
def found(manage, gemini):
    """``manage`` on a database with documents of yesterday."""
    assert manage("tokens", "add", "NT047", stdin=KEY, LOG_LEVEL="INFO")[0] == 0
    manage("tokens", "add", "OTHER", stdin=KEY + "o")
    services = bootstrap.services().ready()
    pdf = (SAMPLES / "ghana-vat-invoice.pdf").read_bytes()
    send(services, b"PK\x03\x04 no document", file="letter 100%.zip", user="ama", request_id="r-refused")
    gemini.latency(300)
    send(services, pdf, file="slow.pdf", user="esi", request_id="r-slow")
    gemini.latency(0)
    gemini.fault("safety", times=0)
    send(services, pdf + b"%2", file="unsafe.pdf", user="kofi", request_id="r-failed")
    upload = Upload(pdf, "application/pdf", {"companyID": "NT047", "username": "yaw", "model": "gpt-1"}, "early.pdf")
    extract_response(lambda: services, lambda: upload, request_id="r-early")
    bootstrap.reset()

    def move(connection):
        connection.execute(update(tables.extractions).values(CreatedAt=YESTERDAY))
        connection.execute(update(tables.application_logs).values(Timestamp=YESTERDAY))

    services = bootstrap.services()
    services.database.run(move)
    bootstrap.reset()
    return manage


def options(name):
    file, user, _ = DOCUMENTS[name]
    return {
        "file": ("--file", f"inbox/{file}"),
        "user": ("--company", "nt047", "--user", user),
        "request": ("--request-id", f"r-{name}"),
    }


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_of_yesterday_is_found_with_its_cause(found, name):
    file, user, outcome = DOCUMENTS[name]
    for wanted in options(name).values():
        (row,) = found("extractions", "list", *wanted, "--json")[1]
        assert (row["file_label"], row["requested_by"]) == (file, user)
        assert outcome in {row["status"], row["error_code"]}
        assert bool(row["cause"]) is (outcome != "ok")
    assert row["model_seconds"] is None if name == "refused" else row["model_seconds"] >= (0.3 if name == "slow" else 0)
    minute = f"{YESTERDAY:%Y-%m-%d %H:%M}"
    assert len(found("extractions", "list", "--company", "NT047", "--at", minute, "--json")[1]) == 3
    assert found("extractions", "list", "--at", f"{YESTERDAY + timedelta(hours=1):%Y-%m-%dT%H:%M}")[1] == (
        "Readings: none\n"
    )
    by_sha = found("extractions", "list", "--sha256", row["document_sha256"].upper(), "--json")[1]
    assert [one["id"] for one in by_sha] == [row["id"]]
    shown = found("extractions", "show", row["id"])[1]
    assert file in shown
    assert ("SAFETY" in shown) is (name == "failed"), "the attempts"


def test_a_document_is_found_by_the_number_that_was_read(found):
    (slow,) = found("extractions", "list", "--user", "esi", "--json")[1]
    (row,) = found("extractions", "list", "--number", slow["invoice_number"], "--json")[1]
    assert row["id"] == slow["id"]
    assert "method model" in found("logs", "search", "--number", slow["invoice_number"])[1]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_log_of_a_document_is_found_in_the_same_ways(found, name):
    file, _, outcome = DOCUMENTS[name]
    for wanted in options(name).values():
        code, said, _ = found("logs", "search", *wanted)
        assert code == 0
        assert (f"not read: {outcome}" in said) is (outcome != "ok")
        assert not [other for other, (theirs, _, _) in DOCUMENTS.items() if other != name and theirs in said]
    assert file in said


def test_refusals_are_told_at_the_level_of_whose_fault_they_are(found):
    above = found("logs", "search", "--level", "warning")[1]
    assert "not read: PROVIDER_REJECTED; company 'NT047', file 'unsafe.pdf', user 'kofi', sha256 '" in above
    assert "UNSUPPORTED_FILE_TYPE" not in above
    lines = found("logs", "search", "--level", "INFO", "--json")[1]
    levels = {line["message"].split(";")[0]: line["level"] for line in lines if line["message"].startswith("not read")}
    assert levels == {
        "not read: UNSUPPORTED_FILE_TYPE": "INFO",
        "not read: PROVIDER_REJECTED": "WARNING",
        "not read: INVALID_REQUEST": "INFO",
    }


def test_what_was_refused_before_it_was_read_is_found_by_its_names(found):
    for wanted in (("--user", "yaw"), ("--file", "early.pdf"), ("--request-id", "r-early")):
        assert "not read: INVALID_REQUEST; company 'NT047', file 'early.pdf'" in found("logs", "search", *wanted)[1]


def test_an_empty_search_says_so(found):
    for wanted in (("--company", "OTHER"), ("--file", "100x"), ("--user", "nobody"), ("--number", "1")):
        assert found("extractions", "list", *wanted)[1] == "Readings: none\n"
        assert found("logs", "search", *wanted)[1] == "Log lines: none\n"
        assert found("logs", "search", *wanted, "--json")[1] == []
    assert found("logs", "search", "--at", "2026-01-01 10:00", "--since", "2026-01-01")[0] == 1


def test_a_company_that_is_down_says_why_and_until_when(manage):
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).replace(hour=8, minute=0, second=0, microsecond=0, tzinfo=None)
    until = f"{tomorrow:%Y-%m-%d} 08:00 UTC"
    manage("tokens", "add", "NT047", stdin=KEY)
    code, said, _ = manage("company", "status", "nt047")
    assert (code, said.splitlines()[0]) == (0, "Company NT047 is served: 1 of 1 keys can take a call now.")
    services = bootstrap.services().ready()
    master = tables.token_master
    services.database.run(lambda connection: connection.execute(update(master).values(CooldownUntil=tomorrow)))
    error = send(services, (SAMPLES / "ghana-vat-invoice.pdf").read_bytes(), file="a.pdf", user="ama", request_id="r")
    assert error.code == "PROVIDER_RATE_LIMITED"
    assert f"they rest until {until}" in error.message
    assert error.details["free_at"].startswith(f"{tomorrow:%Y-%m-%dT08:00}")
    bootstrap.reset()
    manage("rollup", "run")
    code, said, _ = manage("company", "status", "NT047")
    assert (code, said.splitlines()[0]) == (
        1,
        f"Company NT047 is down: no key can serve now; served again from {until}.",
    )
    for part in (f"Active, rests until {until}", "company_without_key", "a.pdf", "PROVIDER_RATE_LIMITED"):
        assert part in said
    facts = manage("company", "status", "NT047", "--json")[1]
    assert (facts["verdict"], facts["served_again_at"]) == ("down", f"{tomorrow.isoformat()}+00:00")
    assert f"Active, rests until {until}" in manage("tokens", "list")[1]
    assert "company_without_key" in manage("alerts", "list")[1]
    health = manage("diagnose", "--json")[1]["health"]["checks"]
    assert health["companies"]["status"] == "unhealthy"
    assert until in health["companies"]["result"]["companies"]["NT047"]


def test_a_company_whose_key_is_stranded_says_so(manage):
    manage("tokens", "add", "NT047", "--limit", "3000", stdin=KEY)
    manage("rollup", "run")
    words = "stranded: its limit leaves 3000 tokens, and the smallest call needs 6600"
    code, said, _ = manage("company", "status", "NT047")
    assert (code, "is down" in said, words in said) == (1, True, True)
    assert words in manage("tokens", "list")[1]
    assert "key_stranded" in manage("alerts", "list")[1]
    assert manage("diagnose", "--json")[1]["health"]["checks"]["companies"]["result"]["stranded_keys"] == ["1"]
    error = send(
        bootstrap.services().ready(),
        (SAMPLES / "ghana-vat-invoice.pdf").read_bytes(),
        file="a.pdf",
        user="ama",
        request_id="r",
    )
    assert (error.code, error.retryable) == ("QUOTA_EXCEEDED", False)
    assert "leaves 3000 tokens, which is less than any document needs; this document needs at least" in error.message


def test_a_company_without_keys_and_one_whose_limit_is_used_up_are_down(manage):
    code, said, _ = manage("company", "status", "NOBODY")
    assert (code, "it has no key" in said) == (1, True)
    manage("tokens", "add", "NT047", stdin=KEY)
    manage("quota", "set", "NT047", "--user", "ama", "--daily", "100")
    code, said, _ = manage("company", "status", "NT047")
    assert (code, "limits of some users or branches are used up" in said) == (0, True)
    manage("quota", "set", "NT047", "--daily", "100")
    code, said, _ = manage("company", "status", "NT047")
    assert (code, "its daily limit is used up; it resets at" in said) == (1, True)
    stored = json.dumps(manage("company", "status", "NT047", "--json")[1])
    assert KEY not in stored
