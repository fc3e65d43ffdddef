"""Files dropped on the running stack: every one gets exactly one answer that says which version it belongs to."""

import hashlib
import time

import pytest
from sqlalchemy import select

from shared_code.blobs.names import error_name, result_name, source_of
from shared_code.database import tables
from tests.devstack.host.running import wait_for
from tests.integration.blobs.stack import INVOICES, SAMPLES, unique

#: file -> model calls that it needs
MIXED = {
    "az-invoice.pdf": 1,
    "i2d-AzureInterior.pdf": 0,
    "syn-gst-intra-qr.pdf": 1,
    "syn-export-usd.pdf": 1,
    "et-consulting.pdf": 1,
    "zf-EN16931_Einfach.pdf": 0,
    "xr-01.01a_ubl.xml": 0,
    "nasty-zero-byte.pdf": 0,
    "nasty-encrypted-aes256.pdf": 0,
    "nasty-text-renamed.pdf": 0,
}


def answers(stack, name):
    """Names of the answer files of one source."""
    return [one for one in stack.names() if one in {result_name(name), error_name(name)}]


def usage_rows(stack, request_id):
    logs = tables.token_usage_logs
    return stack.services.database.read(
        lambda connection: connection.execute(select(logs).where(logs.c.RequestID == request_id)).all()
    )


def test_a_dozen_files_get_one_answer_each_and_each_document_one_call(stack):
    before = len(stack.billed_calls())
    names = [f"NT047/DOZEN/{name}" for name in MIXED] + ["NT047/DOZEN/same.pdf", "NT047/DOZEN/again/same.pdf"]
    for name, file in zip(names, [*MIXED, "az-invoice.pdf", "az-invoice.pdf"], strict=True):
        stack.drop(name, (INVOICES / file).read_bytes())
    wait_for(lambda: all(answers(stack, name) for name in names), seconds=40)
    assert {name: len(answers(stack, name)) for name in names} == dict.fromkeys(names, 1)
    assert len(stack.billed_calls()) - before == sum(MIXED.values())
    failed = {name.rpartition("/")[2] for name in names if answers(stack, name) == [error_name(name)]}
    assert failed == {name for name in MIXED if name.startswith("nasty-")}


def test_answer_is_the_envelope_of_the_api_and_names_its_version(stack):
    etag = stack.drop("NT047/RUB/version.pdf")
    body, metadata = stack.result("NT047/RUB/version.pdf")
    assert set(body) == {"status", "message", "request_id", "data", "error", "source"}
    assert (body["status"], body["error"]) == ("success", None)
    assert body["data"]["invoices"][0]["total"] == "76440.00"
    assert body["source"]["etag"] == metadata["sourceetag"] == etag
    assert body["source"]["name"] == source_of(metadata) == "NT047/RUB/version.pdf"
    [row] = usage_rows(stack, body["request_id"])
    assert (row.CompanyID, row.Branch, row.Source) == ("NT047", "RUB", "blob")


def test_metadata_says_whose_file_it_is(stack):
    stack.drop("NT047/of a scanner.pdf", companyid="nt047", branch="B 2", username="bzumah")
    body, _ = stack.result("NT047/of a scanner.pdf")
    [row] = usage_rows(stack, body["request_id"])
    assert (row.CompanyID, row.Branch, row.RequestedBy) == ("NT047", "B 2", "bzumah")


@pytest.mark.parametrize(
    ("name", "metadata", "code"),
    [
        ("nobody's.pdf", {}, "INVALID_REQUEST"),
        ("NOKEY/a.pdf", {}, "TOKEN_NOT_FOUND"),
        ("other/a.pdf", {"companyid": "NT047"}, "INVALID_REQUEST"),
        ("NT047/model.pdf", {"model": "not-allowed"}, "INVALID_REQUEST"),
    ],
)
def test_what_cannot_succeed_is_recorded_and_not_tried_again(stack, name, metadata, code):
    etag = stack.drop(name, **metadata)
    body, written = stack.error(name)
    assert (body["status"], body["error"]["code"], body["error"]["retryable"]) == ("error", code, False)
    assert written["sourceetag"] == body["source"]["etag"] == etag
    assert name not in stack.poison()
    wait_for(lambda: name in stack.open_alerts("blob_failed"))


def test_a_file_over_the_limit_is_refused_by_its_size(stack):
    stack.drop("NT047/large.pdf", b"%PDF-1.7" + bytes(2 * 1024 * 1024))
    body, _ = stack.error("NT047/large.pdf")
    assert body["error"]["code"] == "FILE_TOO_LARGE"
    assert body["error"]["details"] == {
        "field": "file",
        "reason": "too_large",
        "limit_mb": 2.0,
        "actual_bytes": 2 * 1024 * 1024 + 8,
    }


def test_all_byte_values_survive(stack):
    content = unique(SAMPLES / "gst-invoice.pdf") + b"% " + bytes(range(256)) + b"\n"
    stack.drop("NT047/bytes.pdf", content)
    body, _ = stack.result("NT047/bytes.pdf")
    assert body["data"]["provenance"]["sha256"] == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    "name",
    [
        "NT047/a b#c.pdf",
        "NT047/100%.pdf",
        "NT047/%2e%2e%2fx.pdf",
        "NT047/a+b&c=d?.pdf",
        "NT047/\U0001f9fe.pdf",
        "NT047/चालान.pdf",
        "NT047/" + "x" * 890 + ".pdf",
        "NT047/" + "न" * 890 + ".pdf",
        "NT047/inv.pdf.error",
        "NT047/..pdf",
    ],
)
def test_odd_names_keep_source_and_answer_matched(stack, name):
    etag = stack.drop(name)
    body, metadata = stack.result(name)
    assert (body["source"]["name"], source_of(metadata), metadata["sourceetag"]) == (name, name, etag)
    assert answers(stack, name) == [result_name(name)]


def test_overwriting_replaces_the_answer_whether_it_was_good_or_bad(stack):
    name = "NT047/mended.pdf"
    stack.drop(name, b"no invoice at all")
    stack.error(name)
    wait_for(lambda: name in stack.open_alerts("blob_failed"))
    second = stack.drop(name)
    assert stack.result(name)[1]["sourceetag"] == second
    wait_for(lambda: answers(stack, name) == [result_name(name)])
    wait_for(lambda: name not in stack.open_alerts("blob_failed"))
    third = stack.drop(name, b"broken again")
    assert stack.error(name)[1]["sourceetag"] == third
    wait_for(lambda: answers(stack, name) == [error_name(name)])


def test_a_blob_overwritten_while_it_is_read_gets_the_newest_versions_answer(stack):
    name = "NT047/moving.pdf"
    stack.gemini.latency(400)
    try:
        before = len(stack.gemini.calls())
        stack.drop(name)
        wait_for(lambda: len(stack.gemini.calls()) > before)
        newest = stack.drop(name, unique(SAMPLES / "gst-invoice.pdf"))
        wait_for(lambda: answers(stack, name) and stack.result(name)[1]["sourceetag"] == newest)
    finally:
        stack.gemini.latency(0)
    body, _ = stack.result(name)
    assert body["data"]["invoices"][0]["currency"] == "INR"
    settled = stack.names()
    began = time.monotonic()
    wait_for(lambda: time.monotonic() - began > 0.5)
    assert stack.result(name)[1]["sourceetag"] == newest
    assert stack.names() == settled


def test_a_deleted_source_leaves_nothing_behind_to_retry(stack):
    stack.gemini.latency(300)
    try:
        before = len(stack.gemini.calls())
        stack.drop("NT047/gone.pdf")
        wait_for(lambda: len(stack.gemini.calls()) > before)
        stack.blobs.get_blob_client("invoices", "NT047/gone.pdf").delete_blob()
    finally:
        stack.gemini.latency(0)
    stack.drop("NT047/after gone.pdf")
    stack.result("NT047/after gone.pdf")
    assert "NT047/gone.pdf" not in stack.poison()
