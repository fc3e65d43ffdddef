"""Uploads that are read later: taken in, refused, read, found by their id, cancelled."""

import base64
import hashlib
import json
import socket
import uuid

import pytest

from shared_code.database import tables
from shared_code.database.stores.extractions.extraction_lists import ExtractionFilter, find_extractions
from shared_code.database.stores.operations.admin_audit import Actor
from shared_code.database.stores.operations.webhook_settings import write_webhook
from shared_code.jobs.messages import NAME
from tests.devstack.host.running import wait_for
from tests.integration.blobs.stack import INVOICES, SAMPLES, unique
from tests.integration.jobs.stack import JobStack


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """The functions on a host, as a front end meets them."""
    with JobStack(tmp_path_factory.mktemp("running"), BLOB_DEADLINE_SECONDS="60") as stack, stack.host() as host:
        stack.running = host
        yield stack


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    """No host: a job goes on when a test says so."""
    with JobStack(
        tmp_path_factory.mktemp("jobs"), MAX_UPLOAD_MB="2", MAX_RETRIES="0", BLOB_DEADLINE_SECONDS="60"
    ) as stack:
        yield stack


@pytest.fixture
def company(stack):
    """A company of the test's own, with a key."""
    name = f"C{uuid.uuid4().hex[:10].upper()}"
    stack.add_key(name)
    return name


@pytest.mark.parametrize("way", ["header", "field"])
def test_an_upload_that_is_read_later_is_answered_at_once_and_found_under_its_id(running, way):
    headers = {"Content-Type": "application/pdf"} | ({"Prefer": "wait=5, Respond-Async"} if way == "header" else {})
    query = "" if way == "header" else "&async=true"
    content = running.document()
    answer = running.running.request("POST", f"/api/extract?companyID=nt047&username=bz{query}", content, headers)
    assert answer.status == 202, answer.body
    data = answer.json["data"]
    assert data["state"] == "queued"
    assert answer.headers["Location"] == answer.headers["Operation-Location"] == f"/api/extractions/{data['id']}"
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.headers["Preference-Applied"] == ("respond-async" if way == "header" else None)
    assert "Operation-Location" in answer.headers["Access-Control-Expose-Headers"]
    first = running.running.get(answer.headers["Location"])
    assert (first.status, first.json["data"]["state"]) in {(200, "queued"), (200, "running"), (200, "done")}
    done = running.wait_until_done(running.running, data["id"]).json["data"]
    assert (done["id"], done["state"], done["status"], done["cached"]) == (data["id"], "done", "ok", False)
    assert done["usage"]["requests"] == 1
    assert done["invoices"][0]["invoice_number"]
    wait_for(lambda: running.documents() == [] and running.messages() == [])
    again = running.running.request(
        "POST", "/api/extract?companyID=NT047&username=bz", content, {"Content-Type": "application/pdf"}
    )
    same = again.json["data"]
    assert (same["id"], same["cached"], same["usage"]["requests"]) == (data["id"], True, 0)
    assert same["invoices"] == done["invoices"]
    (row,) = [one for one in running.rows(tables.extractions) if one.PublicID == data["id"]]
    assert (row.RequestedBy, row.Source, row.CompanyID) == ("bz", "http", "NT047")


def test_what_is_said_with_an_upload_reaches_its_reading(stack, company):
    query = "&username=J%C3%B6rg&branch=RUB&licenceID=L%20%C3%A9%20%E2%82%AC&lines=required&async=true"
    sent = stack.send(company=company, query=query)
    stack.deliver()
    (row,) = stack.rows(tables.extractions, tables.extractions.c.PublicID == sent.data["id"])
    assert (row.RequestedBy, row.Branch, row.State) == ("Jörg", "RUB", "done")
    (booked,) = stack.rows(tables.token_usage_logs, tables.token_usage_logs.c.CallID == row.CallID)
    assert (booked.RequestID, booked.Source, booked.RequestedBy) == ("r-1", "http", "Jörg")


@pytest.mark.parametrize(
    ("why", "status", "code"),
    [
        ("no company", 400, "INVALID_REQUEST"),
        ("a field", 400, "INVALID_REQUEST"),
        ("async", 400, "INVALID_REQUEST"),
        ("no key", 403, "TOKEN_NOT_FOUND"),
        ("type", 415, "UNSUPPORTED_FILE_TYPE"),
        ("damaged", 422, "INVALID_FILE"),
        ("encrypted", 422, "INVALID_FILE"),
        ("damaged xml", 422, "INVALID_FILE"),
        ("size", 413, "FILE_TOO_LARGE"),
    ],
)
def test_what_can_be_refused_at_once_is_refused_at_once_and_nothing_is_queued(stack, company, why, status, code):
    before = stack.documents(), stack.messages(), len(stack.rows())
    content, query, kind = None, "&async=true", "application/pdf"
    match why:
        case "no company":
            company = ""
        case "a field":
            query += "&username=%FF"
        case "async":
            query = "&async=perhaps"
        case "no key":
            company = "NOBODY"
        case "type":
            content = b"GIF89a" + b"\0" * 200
        case "damaged":
            content = b"%PDF-1.7\nnothing"
        case "encrypted":
            content = (INVOICES / "nasty-encrypted-aes256.pdf").read_bytes()
        case "damaged xml":
            content, kind = b'<?xml version="1.0"?><Invoice xmlns="urn:x">', "application/xml"
        case "size":
            content = unique(SAMPLES / "ghana-vat-invoice.pdf") + b"\0" * 2_100_000
    answer = stack.send(content, company=company, query=query, kind=kind)
    assert (answer.status, answer.code) == (status, code), answer.body
    assert (stack.documents(), stack.messages(), len(stack.rows())) == before
    assert stack.deliver() == {}


def test_the_field_overrules_the_header(stack, company):
    assert stack.send(company=company, query="&async=false", prefer="respond-async").status == 200
    assert stack.send(company=company, query="", prefer="return=minimal").status == 200


def test_a_document_that_was_read_before_costs_nothing_and_the_job_answers_with_that_reading(stack, company):
    content = stack.document()
    first = stack.send(content, company=company, query="")
    calls = len(stack.billed_calls())
    job = stack.send(content, company=company)
    assert job.status == 202
    assert stack.deliver() == {job.data["id"]: "result"}
    found = stack.get(job.data["id"])
    assert (found.data["state"], found.data["id"], found.data["cached"]) == ("done", first.data["id"], True)
    assert found.data["usage"]["requests"] == 0
    assert len(stack.billed_calls()) == calls
    forced = stack.send(content, company=company, query="&async=true&force=true")
    stack.deliver()
    new = stack.get(forced.data["id"])
    assert (new.data["id"], new.data["supersedes"]) == (forced.data["id"], first.data["id"])


def test_an_e_invoice_is_read_as_ever(stack, company):
    path = INVOICES / "xr-01.01a_ubl.xml"
    job = stack.send(path.read_bytes(), company=company, kind="application/xml")
    assert stack.deliver() == {job.data["id"]: "result"}
    assert stack.get(job.data["id"]).data["provenance"]["method"] == "embedded_xml"


def test_a_job_that_fails_says_so_under_its_id(stack, company):
    job = stack.send(company=company)
    stack.gemini.fault("safety", times=0)
    assert stack.deliver() == {job.data["id"]: "error"}
    stack.gemini.script.clear()
    found = stack.get(job.data["id"])
    assert (found.status, found.data["state"], found.data["error"]["code"]) == (200, "failed", "PROVIDER_REJECTED")
    assert stack.documents(company) == []


def test_the_same_upload_sent_again_under_its_key_is_the_same_job(stack, company):
    content, key = stack.document(), str(uuid.uuid4())
    first = stack.send(content, company=company, idempotency_key=key)
    again = stack.send(content, company=company, idempotency_key=key)
    assert (again.status, again.data) == (202, first.data)
    assert stack.send(content, company=company, query="", idempotency_key=key).code == "ALREADY_PROCESSING"
    assert stack.send(company=company, idempotency_key=key).code == "IDEMPOTENCY_CONFLICT"
    assert stack.deliver() == {first.data["id"]: "result"}
    done = stack.send(content, company=company, idempotency_key=key)
    assert (done.status, done.data["id"], done.data["state"]) == (202, first.data["id"], "done")
    answer = stack.send(content, company=company, query="", idempotency_key=key)
    assert (answer.status, answer.data["id"], answer.data["cached"]) == (200, first.data["id"], True)


def test_a_job_that_has_not_begun_can_be_cancelled(stack, company):
    calls, key = len(stack.billed_calls()), str(uuid.uuid4())
    content = stack.document()
    job = stack.send(content, company=company, idempotency_key=key).data["id"]
    for _ in range(2):
        done = stack.cancel(job)
        assert (done.status, done.data["state"], done.data["error"]["code"]) == (200, "cancelled", "JOB_CANCELLED")
    assert stack.documents(company) == []
    assert stack.deliver() == {job: "settled"}
    assert stack.get(job).data["state"] == "cancelled"
    assert len(stack.billed_calls()) == calls
    assert stack.send(content, company=company, idempotency_key=key).code == "JOB_CANCELLED"
    assert stack.send(content, company=company, query="", idempotency_key=key).code == "JOB_CANCELLED"
    assert stack.rows(tables.extractions, tables.extractions.c.PublicID == job) == []


def test_a_job_that_has_begun_or_ended_cannot_be_cancelled_and_is_not_erased(stack, company):
    job = stack.send(company=company).data["id"]
    seen = []
    extract = stack.services.extraction.extract

    def while_it_runs(submission):
        seen.extend([stack.get(job), stack.cancel(job)])
        return extract(submission)

    object.__setattr__(
        stack.services.jobs.runner, "extraction", type("E", (), {"extract": staticmethod(while_it_runs)})
    )
    try:
        stack.deliver()
    finally:
        object.__setattr__(stack.services.jobs.runner, "extraction", stack.services.extraction)
    assert (seen[0].data["state"], seen[0].headers["Retry-After"]) == ("running", "2")
    assert (seen[1].status, seen[1].code) == (409, "CONFLICT")
    ended = stack.cancel(job)
    assert (ended.status, ended.code) == (409, "CONFLICT")
    assert stack.get(job).data["state"] == "done"
    upload = stack.send(company=company, query="").data["id"]
    assert stack.cancel(upload).status == 409
    assert stack.cancel("ext_" + "0" * 32).status == 404
    assert stack.cancel("ext_" + "0" * 31).status == 404


def test_another_company_sees_nothing_of_a_job(stack, company):
    job = stack.send(company=company).data["id"]
    assert stack.get(job, "?companyID=OTHER").status == 404
    assert stack.cancel(job, "?companyID=OTHER").status == 404
    assert stack.cancel(job, f"?companyID={company}").status == 200
    stack.deliver()


def test_a_message_that_is_no_job_of_ours_is_done_with(stack):
    for text in ("", "[]", "{", '{"id": 5}', '{"id": "ext_x"}', json.dumps({"id": "ext_" + "1" * 32}), "[" * 100_000):
        assert str(stack.services.jobs.receive(text).disposition) == "gone"


def test_messages_hold_no_contents_and_documents_no_more_than_was_sent(stack, company):
    job = stack.send(company=company, query="&username=Jane%20Doe&async=true").data["id"]
    (message,) = stack.queues.get_queue_client(NAME).peek_messages()
    assert json.loads(base64.b64decode(message.content)) == {"name": f"{company}/{job}", "id": job}
    (blob,) = stack.documents(company)
    assert blob == f"{company}/{job}"
    stack.deliver()
    assert stack.documents(company) == []


def test_a_document_that_is_erased_is_not_read_by_a_job_that_waits(stack, company):
    content = stack.document()
    read = stack.send(content, company=company, query="").data["id"]
    cached = stack.send(content, company=company).data["id"]
    stack.deliver()
    waiting = stack.send(content, company=company).data["id"]
    stack.services.document_erasure.erase(cached, Actor("test"))
    assert [stack.get(one).status for one in (read, cached, waiting)] == [410, 410, 200]
    assert stack.get(waiting).data["state"] == "cancelled"
    assert stack.documents(company) == []
    calls = len(stack.billed_calls())
    assert stack.deliver() == {waiting: "settled"}
    assert len(stack.billed_calls()) == calls


def test_an_upload_whose_client_goes_away_leaves_its_answer_under_its_id(running):
    content = running.document()
    calls = len(running.billed_calls())
    running.gemini.latency(700)
    head = (
        "POST /api/extract?companyID=NT047 HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/pdf\r\n"
        f"Content-Length: {len(content)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", running.running.port)) as client:
        client.sendall(head.encode() + content)
        wait_for(lambda: len(running.gemini.calls()) > calls)
    sha256 = hashlib.sha256(content).hexdigest()
    (row,) = wait_for(lambda: running.rows(tables.extractions, tables.extractions.c.DocumentSha256 == sha256))
    running.gemini.latency(0)
    found = running.running.get(f"/api/extractions/{row.PublicID}").json["data"]
    assert (found["state"], found["status"], found["usage"]["requests"]) == ("done", "ok", 1)
    again = running.running.request(
        "POST", "/api/extract?companyID=NT047", content, {"Content-Type": "application/pdf"}
    ).json["data"]
    assert (again["id"], again["cached"], again["usage"]["requests"]) == (row.PublicID, True, 0)
    assert len(running.billed_calls()) == calls + 1


def test_operators_see_what_waits_and_what_was_cancelled(stack, company):
    waiting, cancelled = (stack.send(company=company).data["id"] for _ in range(2))
    stack.cancel(cancelled)

    def listed(state, **more):
        wanted = ExtractionFilter(company_id=company, state=state, **more)
        return [
            (row.id, row.state, row.company_id)
            for row in stack.services.database.read(lambda connection: find_extractions(connection, wanted))
        ]

    assert listed("queued") == [(waiting, "queued", company)]
    assert listed("cancelled") == [(cancelled, "cancelled", company)]
    assert listed("queued", file="invoice") == []
    stack.deliver()
    assert listed("queued") == []
    assert listed("done") == [(waiting, "done", company)]


def test_a_company_is_told_of_the_end_of_each_job_once_also_where_an_earlier_reading_answers(stack, company):
    receiver = {"WebhookUrl": "https://example.com/hook", "WebhookEvents": "extraction.done extraction.failed"}
    stack.services.database.run(lambda connection: write_webhook(connection, company, receiver))
    content = stack.document()
    first = stack.send(content, company=company).data["id"]
    stack.deliver()
    again = stack.send(content, company=company).data["id"]
    stack.deliver()
    stack.services.jobs.receive(json.dumps({"id": again}))
    failing = stack.send(company=company).data["id"]
    stack.gemini.fault("overloaded_503", times=0)
    stack.deliver()
    stack.gemini.script.clear()
    rows = stack.rows(tables.webhook_deliveries, tables.webhook_deliveries.c.CompanyID == company)
    assert [(row.Event, row.SubjectID) for row in rows] == [("extraction.done", first), ("extraction.done", again)]
    stack.gemini.fault("safety", times=0)
    stack.queues.get_queue_client(NAME).clear_messages()
    stack.services.jobs.receive(json.dumps({"id": failing}))
    stack.gemini.script.clear()
    rows = stack.rows(tables.webhook_deliveries, tables.webhook_deliveries.c.CompanyID == company)
    assert [(row.Event, row.SubjectID) for row in rows][2:] == [("extraction.failed", failing)]
