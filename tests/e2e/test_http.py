"""The HTTP contract on the running stack: the seed's request, and each row of the error table."""

import itertools
import json
import socket
import time
import uuid
import zlib
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import pytest

from .calling import INVOICES, SAMPLES, control, extract, post_form, post_raw, request, rows, unique, write

SAMPLE = SAMPLES / "ghana-vat-invoice.pdf"
PDF = {"Content-Type": "application/pdf"}
_numbers = itertools.count(1)


@pytest.fixture
def company(stack):
    """Makes companies with keys, as people type them into the table."""
    keys = []

    def make(*statuses, limit=1_000_000, provider="Gemini"):
        name = f"E2E-{uuid.uuid4().hex[:8]}".upper()
        for status in statuses:
            secret = f"AIzaE2E{uuid.uuid4().hex}"
            keys.append(secret)
            write(
                stack,
                'INSERT INTO "TokenMaster" ("CompanyID", "ApiKey", "Provider", "TotalTokenLimit", "Status", "CreatedAt")'
                " VALUES (?, ?, ?, ?, ?, ?)",
                name.lower(),
                f" {secret}\n",
                provider,
                limit,
                status,
                f"2026-01-01 00:00:{next(_numbers) % 60:02d}.000000",
            )
        return name

    make.keys = keys
    yield make
    control(stack["gemini"], "reset", {})


def fault(stack, kind, **more):
    control(stack["gemini"], "faults", {"kind": kind, **more})


def test_the_seeds_request_answers_with_the_true_values_and_books_them(stack):
    calls = len(control(stack["gemini"], "calls")["calls"])
    answer = extract(stack["host"], unique(SAMPLES / "gst-invoice.pdf"))
    assert answer.status == 200, answer.raw
    body = answer.json
    assert body["status"] == "success"
    assert body["error"] is None
    invoice = body["data"]["invoices"][0]
    assert (invoice["invoice_number"], invoice["invoice_date"], invoice["total"]) == (
        "SPL/25-26/0417",
        "2025-11-07",
        "175083.00",
    )
    assert [line["net_amount"] for line in invoice["line_items"]] == ["130625.00", "15900.00", "1850.00"]
    call = control(stack["gemini"], "calls")["calls"][calls]
    row = rows(stack, 'SELECT * FROM "TokenUsageLogs" WHERE "RequestID" = ?', body["request_id"])[0]
    assert row["TotalTokensUsed"] == call["usage"]["totalTokenCount"] == body["data"]["usage"]["total_tokens"]
    assert row["InputTokens"] == call["usage"]["promptTokenCount"]
    assert row["OutputTokens"] == call["usage"]["candidatesTokenCount"]
    summary = rows(stack, 'SELECT * FROM "TokenUsageSummary" WHERE "TokenID" = ?', row["TokenID"])[0]
    assert summary["ReservedTokens"] == 0
    assert summary["TotalUsedTokens"] + summary["TotalRemainingTokens"] == 1_000_000


def test_a_request_id_is_echoed_and_a_bad_one_replaced(stack):
    data = SAMPLE.read_bytes()
    assert (
        extract(stack["host"], data, headers={"x-request-id": "front-end.42"}).headers["x-request-id"] == "front-end.42"
    )
    replaced = extract(stack["host"], data, headers={"x-request-id": "a b; drop"})
    assert replaced.headers["x-request-id"] not in {"", "a b; drop"}


def test_a_raw_body_with_fields_in_the_query_is_read(stack):
    answer = post_raw(
        stack["host"], unique(SAMPLE), "application/pdf", companyID="nt047", username="Ügur", branch="Köln"
    )
    assert answer.status == 200
    row = rows(stack, 'SELECT * FROM "TokenUsageLogs" WHERE "RequestID" = ?', answer.json["request_id"])[0]
    assert (row["CompanyID"], row["RequestedBy"], row["Branch"]) == ("NT047", "Ügur", "Köln")


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"companyID": ""}, "companyID"),
        ({"companyID": "x" * 51}, "51"),
        ({"companyID": "日本é"}, "companyID"),
        ({"companyID": "??é"}, "companyID"),
        ({"companyID": "a'; DROP TABLE x--"}, "companyID"),
        ({"username": "u" * 101}, "101"),
        ({"branch": "b" * 51}, "51"),
        ({"licenceID": "l\x00"}, "licenceID"),
        ({"force": "perhaps"}, "force"),
        ({"model": "gpt-1"}, "gpt-1"),
        ({"lines": "all"}, "lines"),
    ],
)
def test_a_wrong_field_is_named(stack, fields, named):
    answer = extract(stack["host"], SAMPLE.read_bytes(), **fields)
    assert (answer.status, answer.code) == (400, "INVALID_REQUEST")
    assert named in answer.json["message"]


def test_a_form_without_a_file_and_an_empty_body_say_so(stack):
    answer = post_form(stack["host"], None, companyID="NT047")
    assert (answer.status, answer.code) == (400, "INVALID_REQUEST")
    assert "file" in answer.json["message"]
    empty = post_raw(stack["host"], b"", "application/pdf", companyID="NT047")
    assert (empty.status, empty.code) == (400, "INVALID_REQUEST")
    wrong = post_raw(stack["host"], b"{}", "application/json", companyID="NT047")
    assert wrong.status == 400
    assert "application/json" in wrong.json["message"]


def test_a_name_in_another_encoding_is_refused_wherever_it_stands(stack):
    head = b'--e\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
    file = (
        b'--e\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n' + SAMPLE.read_bytes() + b"\r\n"
    )
    form = head % (b"companyID", b"NT047") + head % (b"username", b"Jos\xe9") + file + b"--e--\r\n"
    url = f"{stack['host']}/api/extract"
    for answer in (
        request(url, "POST", body=form, headers={"Content-Type": "multipart/form-data; boundary=e"}),
        request(f"{url}?companyID=NT047&username=Jos%E9", "POST", body=SAMPLE.read_bytes(), headers=PDF),
        request(f"{url}?companyID=NT047&username=Jos%EF%BF%BD", "POST", body=SAMPLE.read_bytes(), headers=PDF),
    ):
        assert (answer.status, answer.code) == (400, "INVALID_REQUEST")
        assert "UTF-8" in answer.json["message"]


def test_a_form_is_read_whole_or_refused(stack):
    """Its type in any case is fine; two files, a cut form and a body that is none say what is wrong."""
    file = b'--e\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n' + unique(SAMPLE) + b"\r\n"
    url = f"{stack['host']}/api/extract?companyID=NT047"
    kind = {"Content-Type": "Multipart/Form-Data; Boundary=e"}
    assert request(url, "POST", body=file + b"--e--\r\n", headers=kind).status == 200
    for body, said in ((file + file + b"--e--\r\n", "2 files"), (file, "is cut"), (b"{}", "does not occur")):
        answer = request(url, "POST", body=body, headers=kind)
        assert (answer.status, said in answer.json["message"]) == (400, True), answer.raw


def test_a_chunked_upload_is_told_what_to_send(stack):
    parts = urlsplit(stack["host"])
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as connection:
        connection.sendall(
            b"POST /api/extract?companyID=NT047 HTTP/1.1\r\nHost: x\r\nContent-Type: application/pdf\r\n"
            b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n4\r\n%PDF\r\n0\r\n\r\n"
        )
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    assert received.startswith(b"HTTP/1.1 400")
    assert b"Content-Length" in received


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("nasty-300-pages.pdf", 413, "TOO_MANY_PAGES"),
        ("nasty-text-renamed.pdf", 415, "UNSUPPORTED_FILE_TYPE"),
        ("nasty-encrypted-aes256.pdf", 422, "INVALID_FILE"),
        ("nasty-truncated-60.pdf", 422, "INVALID_FILE"),
        ("nasty-zero-byte.pdf", 422, "INVALID_FILE"),
    ],
)
def test_a_file_that_cannot_be_served_costs_no_call(stack, name, status, code):
    before = len(control(stack["gemini"], "calls")["calls"])
    answer = extract(stack["host"], (INVOICES / name).read_bytes())
    assert (answer.status, answer.code) == (status, code)
    assert len(control(stack["gemini"], "calls")["calls"]) == before


def test_a_file_over_the_limit_says_the_limit_and_its_size(stack):
    answer = extract(stack["host"], b"%PDF-1.7\n" + b"x" * (21 * 1024 * 1024))
    assert (answer.status, answer.code) == (413, "FILE_TOO_LARGE")
    assert "20 MB" in answer.json["message"]
    assert "21.0 MB" in answer.json["message"]


@pytest.mark.parametrize(
    ("statuses", "code", "message"),
    [
        ((), "TOKEN_NOT_FOUND", "No active token found for your company. Please contact support."),
        (("Expired",), "TOKEN_EXPIRED", "Your AI token has expired. Please renew your subscription."),
        (("Disabled", "expired "), "TOKEN_EXPIRED", "Your AI token has expired. Please renew your subscription."),
        (
            ("Expired", "Disabled"),
            "TOKEN_UNAVAILABLE",
            "Your AI token is no longer available or has been disabled. Please contact support.",
        ),
        (
            ("EXCEEDED",),
            "TOKEN_UNAVAILABLE",
            "Your AI token is no longer available or has been disabled. Please contact support.",
        ),
    ],
)
def test_a_company_without_a_usable_key_gets_the_seeds_message(stack, company, statuses, code, message):
    answer = extract(stack["host"], SAMPLE.read_bytes(), companyID=company(*statuses))
    assert (answer.status, answer.code, answer.json["message"]) == (403, code, message)


def test_keys_typed_by_hand_in_any_case_serve_their_company_only(stack, company):
    ours, theirs = company("active"), company("Active", provider=None)
    data = unique(SAMPLE)
    for name in (ours, theirs, ours.lower()):
        assert extract(stack["host"], data, companyID=name).status == 200
    used = rows(
        stack,
        'SELECT l."CompanyID" AS c, m."CompanyID" AS k, l."Outcome" AS o FROM "TokenUsageLogs" l'
        ' LEFT JOIN "TokenMaster" m ON m."TokenID" = l."TokenID" WHERE l."CompanyID" IN (?, ?) ORDER BY l."UsageID"',
        ours,
        theirs,
    )
    assert [(row["c"], row["k"], row["o"]) for row in used] == [
        (ours, ours.lower(), "ok"),
        (theirs, theirs.lower(), "ok"),
        (ours, None, "cached"),
    ]


@pytest.mark.parametrize("status", ["Active", "fullyutilized"])
def test_a_key_without_room_is_refused_with_the_limit_and_no_time_to_come_back(stack, company, status):
    answer = extract(stack["host"], unique(SAMPLE), companyID=company(status, limit=1_000))
    assert (answer.status, answer.code) == (429, "QUOTA_EXCEEDED")
    assert "retry-after" not in {name.lower() for name in answer.headers}
    error = answer.json["error"]
    assert (error["retryable"], error["retry_after_seconds"], error["retry_at"]) == (False, None, None)
    assert error["details"]["limit"] == 1_000


def test_a_limit_that_resets_says_when_in_the_header_and_the_body_whatever_is_accepted(stack, company):
    name = company("Active")
    write(
        stack,
        'INSERT INTO "Quotas" ("CompanyID", "Scope", "Subject", "DailyLimit") VALUES (?, ?, ?, ?)',
        *(name, "company", "", 10),
    )
    answer = extract(stack["host"], unique(SAMPLE), companyID=name, headers={"Accept": "text/csv"}, format="csv")
    assert (answer.status, answer.code) == (429, "QUOTA_EXCEEDED")
    error = answer.json["error"]
    assert error["retry_after_seconds"] == int(answer.headers["retry-after"]) > 0
    resets = datetime.fromisoformat(error["details"]["resets_at"])
    assert timedelta() <= datetime.fromisoformat(error["retry_at"]) - resets <= timedelta(seconds=2)


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("per_day_quota", 429, "PROVIDER_RATE_LIMITED"),
        ("invalid_key", 403, "TOKEN_UNAVAILABLE"),
        ("expired_key", 403, "TOKEN_EXPIRED"),
        ("no_credit", 403, "TOKEN_UNAVAILABLE"),
        ("safety", 422, "PROVIDER_REJECTED"),
        ("no_pages", 422, "INVALID_FILE"),
        ("broken_json", 502, "PROVIDER_BAD_ANSWER"),
        ("schema_too_complex", 500, "INTERNAL_ERROR"),
    ],
)
def test_what_the_provider_does_ends_in_the_stated_answer(stack, company, kind, status, code):
    name = company("Active")
    fault(stack, kind, times=0)
    answer = extract(stack["host"], unique(SAMPLE), companyID=name)
    assert (answer.status, answer.code) == (status, code), answer.raw
    if status in {429, 503}:
        assert int(answer.headers["retry-after"]) > 0
    if status == 500:
        assert answer.json["error"]["details"] == {}
        assert answer.json["request_id"]
    assert not rows(stack, 'SELECT 1 FROM "TokenReservations" WHERE "CompanyID" = ?', name)


def test_an_upload_is_fetched_again_by_its_id(stack):
    answered = extract(stack["host"], unique(SAMPLE)).json
    address = f"{stack['host']}/api/extractions/{answered['data']['id']}"
    again = request(address)
    assert (again.status, again.json["data"]) == (200, answered["data"])
    same = request(address, headers={"If-None-Match": again.headers["etag"]})
    assert (same.status, same.raw) == (304, b"")
    assert request(f"{address}?companyID=OTHER").code == "NOT_FOUND"
    assert request(f"{stack['host']}/api/extractions/1").code == "NOT_FOUND"


def test_no_key_shows_anywhere_not_even_when_the_provider_echoes_it(stack, company):
    name = company("Active", "Active")
    fault(stack, "suspended", times=0)
    answer = extract(stack["host"], unique(SAMPLE), companyID=name)
    assert answer.status == 403
    attempts = rows(stack, 'SELECT * FROM "RetryAttempts" WHERE "CompanyID" = ?', name)
    assert len(attempts) >= 1
    assert "suspended" in attempts[0]["ErrorMessage"]
    _wait_for_logs(stack, answer.json["request_id"])
    everything = json.dumps(
        [answer.json]
        + [
            rows(stack, f'SELECT * FROM "{table}"')
            for table in ("ApplicationLogs", "RetryAttempts", "Alerts", "Extractions")
        ],
        default=lambda evidence: zlib.decompress(evidence).decode(),
    )
    assert all(key not in everything for key in company.keys)
    assert all(key not in line for key in company.keys for line in [answer.raw.decode()])


def test_health_answers_without_a_login_and_without_details(stack):
    health = request(f"{stack['host']}/api/health")
    assert health.status == 200
    data = health.json["data"]
    assert data["overall_status"] in {"healthy", "degraded"}
    assert data["checks"]["database"] == {"status": "healthy"}
    assert request(f"{stack['host']}/api/health/ready").status == 200
    assert request(f"{stack['host']}/api/health/other").status == 404
    assert request(f"{stack['host']}/api/extract").status == 404


def _wait_for_logs(stack, request_id):
    for _ in range(100):
        if rows(stack, 'SELECT 1 FROM "ApplicationLogs" WHERE "RequestID" = ?', request_id):
            return
        time.sleep(0.05)
    raise AssertionError("no log rows came")


def test_a_client_that_hangs_up_after_the_model_call_gets_its_answer_without_another_one(stack, company):
    name, document, key = company("Active"), unique(SAMPLE), uuid.uuid4().hex
    before = len(control(stack["gemini"], "calls")["calls"])
    control(stack["gemini"], "latency", {"milliseconds": 1_000})
    address = urlsplit(stack["host"])
    head = (
        f"POST /api/extract?companyID={name}&force=true HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Type: "
        f"application/pdf\r\nIdempotency-Key: {key}\r\nContent-Length: {len(document)}\r\n\r\n"
    )
    with socket.create_connection((address.hostname, address.port), timeout=30) as client:
        client.sendall(head.encode() + document)
        wait_until(lambda: len(control(stack["gemini"], "calls")["calls"]) > before)
    wait_until(lambda: rows(stack, 'SELECT * FROM "Extractions" WHERE "CompanyID" = ?', name))
    # By the lists ...
    listed = request(
        f"{stack['host']}/api/manage/extractions?company_id={name}",
        headers={"Authorization": f"Bearer {stack['admin_key']}"},
    )
    (reading,) = listed.json["data"]["items"]
    found = request(f"{stack['host']}/api/extractions/{reading['id']}?companyID={name}")
    assert (found.status, found.json["data"]["state"], found.json["data"]["usage"]["requests"]) == (200, "done", 1)
    # ... or by the key of the upload.
    again = request(
        f"{stack['host']}/api/extract?companyID={name}&force=true",
        "POST",
        body=document,
        headers=PDF | {"Idempotency-Key": key},
    )
    assert (again.status, again.json["data"]["id"], again.json["data"]["cached"]) == (200, reading["id"], True)
    assert again.json["data"]["invoices"] == found.json["data"]["invoices"]
    assert len(control(stack["gemini"], "calls")["calls"]) == before + 1


def wait_until(true) -> None:
    ends = time.monotonic() + 30
    while not true():
        assert time.monotonic() < ends
        time.sleep(0.05)


def test_a_picture_says_that_the_stand_in_cannot_read_it(stack):
    data = extract(stack["host"], (INVOICES / "az-britain.png").read_bytes(), force="true").json["data"]
    assert data["status"] == "needs_review"
    assert "The stand-in cannot read pictures" in data["invoices"][0]["notes"]


def test_scripts_of_other_origins_may_read_when_to_come_back_but_nothing_of_the_admin_api(stack):
    exposed = "Retry-After, x-request-id, Location, Operation-Location, Preference-Applied, ETag"
    answers = [
        extract(stack["host"], SAMPLE.read_bytes()),
        extract(stack["host"], SAMPLE.read_bytes(), companyID="NOBODY"),
        request(f"{stack['host']}/api/extractions/ext_{'0' * 32}"),
        request(f"{stack['host']}/api/health"),
        request(f"{stack['host']}/api/health/nothing"),
    ]
    assert {one.headers.get("access-control-expose-headers") for one in answers} == {exposed}
    for headers in ({}, {"Authorization": f"Bearer {stack['admin_key']}"}):
        answer = request(f"{stack['host']}/api/manage/tokens", headers=headers)
        assert "access-control-expose-headers" not in answer.headers
