"""All 50 documents of the shared set over HTTP, each with the outcome that its manifest names, and files meant to hurt.

One pass over the set, then one test for each file, so that a report names the file.
"""

import json
import re
import sys
import threading
import time
import urllib.error
import urllib.request
import uuid
import zlib
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from tests.unit.documents import files

FOLDER = files.FOLDER
MANIFEST = {
    entry["file"]: entry for entry in json.loads((FOLDER / "manifest.json").read_text(encoding="utf-8"))["files"]
}
UPLOAD_NAMES = json.loads((FOLDER / "manifest.json").read_text(encoding="utf-8"))["upload_names_to_try"]
REJECT_SECONDS = 5.0
CHILD_MEMORY_MB = 512

REFUSED = {
    "nasty-300-pages.pdf": (413, "TOO_MANY_PAGES", "too_many_pages"),
    "nasty-bomb-20000x20000.png": (422, "INVALID_FILE", "image_too_large"),
    "nasty-encrypted-aes256.pdf": (422, "INVALID_FILE", "encrypted"),
    "nasty-exe-header.pdf": (415, "UNSUPPORTED_FILE_TYPE", "unsupported"),
    "nasty-flate-bomb-300MB.pdf": (422, "INVALID_FILE", "bomb"),
    "nasty-no-pages.pdf": (422, "INVALID_FILE", "no_pages"),
    "nasty-text-renamed.pdf": (415, "UNSUPPORTED_FILE_TYPE", "unsupported"),
    "nasty-truncated-60.pdf": (422, "INVALID_FILE", "corrupt"),
    "nasty-xxe.xml": (422, "INVALID_FILE", "dtd"),
    "nasty-zero-byte.pdf": (422, "INVALID_FILE", "empty"),
}
#: read without a model, with what must be remarked beside the values
EMBEDDED = {
    "fpa-FPR01.xml": set(),
    "fx-CALC-001.pdf": {"xml_page_mismatch", "total_mismatch"},
    "fx-DATA-002.xml": {"impossible_date"},
    "fx-OK-001.pdf": set(),
    "i2d-AzureInterior.pdf": set(),
    "xr-01.01a_ubl.xml": set(),
    "zf-EN16931_Einfach.pdf": set(),
    "zf-EN16931_Gutschrift.ubl.xml": set(),
    "zf-EN16931_Rabatte.cii.xml": set(),
    "zf1-BASIC_Einfach.pdf": set(),
}
#: read by the stand-in from their text layer, with what must be remarked
TEXT = {
    "az-invoice.pdf": set(),
    "az-training-4.pdf": set(),
    "et-consulting.pdf": set(),
    "font-no-tounicode.pdf": set(),
    "fx-XML-001-broken-xml.pdf": {"embedded_xml_unusable"},
    "gg-plumbing-1.pdf": set(),
    "i2d-coolblue1.pdf": set(),
    "nasty-javascript.pdf": {"active_content"},
    "nasty-owner-password-only.pdf": {"decrypted"},
    "nasty-pdf-zip-polyglot.pdf": set(),
    "nasty-prompt-injection-hidden.pdf": {"hidden_text"},
    "syn-export-usd.pdf": set(),
    "syn-ghana-2026.pdf": set(),
    "syn-gst-inter-qr.pdf": set(),
    "syn-gst-intra-qr.pdf": set(),
}
#: pictures: the stand-in reads text layers only, and says so
UNREADABLE = {name for name, entry in MANIFEST.items() if entry["kind"] in {"image", "scanned PDF"}}
SIGNED_CODES = {
    "img-exif-rotated.jpg",
    "img-multipage.tiff",
    "img-photo.heic",
    "nasty-javascript.pdf",
    "nasty-owner-password-only.pdf",
    "nasty-pdf-zip-polyglot.pdf",
    "nasty-png-renamed.pdf",
    "syn-gst-inter-qr.pdf",
    "syn-gst-intra-qr.pdf",
    "syn-gst-intra-scan.jpg",
}
#: the manifest does not repeat the values of a file that was made from another one
SAME_INVOICE = {"fx-XML-001-broken-xml.pdf": "fx-OK-001.pdf", "nasty-pdf-zip-polyglot.pdf": "syn-gst-inter-qr.pdf"}
#: nothing asks for review
CLEAN = {
    "font-no-tounicode.pdf",
    "fx-XML-001-broken-xml.pdf",
    "nasty-javascript.pdf",
    "nasty-owner-password-only.pdf",
    "nasty-pdf-zip-polyglot.pdf",
    "syn-export-usd.pdf",
    "syn-ghana-2026.pdf",
    "syn-gst-inter-qr.pdf",
    "syn-gst-intra-qr.pdf",
}
OTHER_AMOUNTS = ("net_total", "tax_total", "amount_due")
DOCUMENT_TYPES = {"380": "invoice", "381": "credit_note", "389": "invoice", "TD01": "invoice"}


def opener():
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))


def post(stack, name, data, **fields):
    """HTTP status, envelope and seconds of one upload."""
    border = uuid.uuid4().hex
    fields = {"companyID": "NT047", "username": "tests", "force": "true", **fields}
    body = "".join(
        f'--{border}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'
        for field, value in fields.items()
    ).encode()
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    body += f'--{border}\r\nContent-Disposition: form-data; name="file"; filename="{escaped}"\r\n'.encode()
    body += b"Content-Type: application/octet-stream\r\n\r\n" + data + f"\r\n--{border}--\r\n".encode()
    headers = {"Content-Type": f"multipart/form-data; boundary={border}"}
    request = urllib.request.Request(f"{stack['host']}/api/extract", body, headers)
    began = time.monotonic()
    try:
        with opener().open(request, timeout=60) as response:
            status, envelope = response.status, json.loads(response.read())
    except urllib.error.HTTPError as refused:
        with refused:
            status, envelope = refused.code, json.loads(refused.read())
    return status, envelope, time.monotonic() - began


def model_calls(stack, *, since=0):
    with opener().open(f"{stack['gemini']}/_control/calls?since={since}", timeout=20) as response:
        return json.loads(response.read())["calls"]


def last_call(stack):
    return max((call["number"] for call in model_calls(stack)), default=0)


class ChildMemory:
    """Highest resident memory of each process that reads documents for the host, in megabytes."""

    def __init__(self, host_pid):
        self._host = psutil.Process(host_pid)
        self._over = threading.Event()
        self.peaks = {}
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def _watch(self):
        while not self._over.wait(0.02):
            for child in self._host.children(recursive=True):
                try:
                    peak = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{child.pid}/status").read_text())
                except OSError:
                    continue
                if peak:
                    self.peaks[child.pid] = int(peak[1]) / 1024


@pytest.fixture(scope="module")
def answers(stack):
    """Status, envelope, seconds and model calls of every file, in the order of the manifest."""
    seen = {}
    for name in MANIFEST:
        before = last_call(stack)
        status, envelope, seconds = post(stack, name, (FOLDER / name).read_bytes())
        calls = len(model_calls(stack, since=before))
        seen[name] = SimpleNamespace(status=status, envelope=envelope, seconds=seconds, calls=calls)
    return seen


def codes(answer):
    return {warning["code"] for warning in answer.envelope["data"]["warnings"]}


def number(text):
    return None if text is None else re.sub(r"\s", "", text).removeprefix("#")


def amount(text):
    return None if text is None else Decimal(text)


def taxes(invoice):
    return {(tax["name"].upper(), amount(tax["rate"]), amount(tax["amount"])) for tax in invoice.get("taxes", ())}


def assert_right(invoice, expected, *, embedded):
    """Number, date and total as the manifest has them; what else was read is right, too."""
    assert number(invoice["invoice_number"]) == number(expected["invoice_number"])
    assert invoice["invoice_date"] == expected["invoice_date"]
    for field in ("total", *OTHER_AMOUNTS):
        if field in expected and (embedded or field == "total" or invoice[field] is not None):
            assert amount(invoice[field]) == amount(expected[field]), field
    if invoice["currency"] is not None:
        assert invoice["currency"] == expected["currency"]


def test_every_file_of_the_set_has_its_place():
    groups = [set(REFUSED), set(EMBEDDED), set(TEXT), UNREADABLE - {"nasty-bomb-20000x20000.png"}]
    groups += [{"not-an-invoice-letter.pdf", "syn-two-invoices.pdf"}]
    assert sorted(name for group in groups for name in group) == sorted(MANIFEST)
    assert {name for name, entry in MANIFEST.items() if entry["outcome"].startswith("reject:")} <= set(REFUSED)


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_file_that_cannot_be_read_is_refused_at_once_without_a_model_call(answers, name):
    answer = answers[name]
    error = answer.envelope["error"]
    assert (answer.status, error["code"], error["details"]["reason"]) == REFUSED[name]
    assert answer.envelope["data"] is None
    assert answer.calls == 0
    assert answer.seconds < REJECT_SECONDS


@pytest.mark.parametrize("name", sorted(EMBEDDED))
def test_an_e_invoice_is_read_exactly_without_a_model_call(answers, name):
    answer, expected = answers[name], MANIFEST[name]["expected"]
    assert answer.status == 200, answer.envelope
    data = answer.envelope["data"]
    assert answer.calls == 0
    assert data["usage"]["total_tokens"] == 0
    assert data["provenance"]["method"] == "embedded_xml"
    assert data["provenance"]["syntax"] == expected.get("syntax", "UBL")
    assert data["provenance"]["guideline"] == expected.get("guideline", data["provenance"]["guideline"])
    [invoice] = data["invoices"]
    assert_right(invoice, expected, embedded=True)
    assert invoice["due_date"] == expected.get("due_date", invoice["due_date"])
    assert invoice["seller"]["name"] == expected["issuer"]
    if "buyer" in expected:
        assert invoice["buyer"]["name"] == expected["buyer"]
    if "type_code" in expected:
        assert invoice["document_type"] == DOCUMENT_TYPES[expected["type_code"]]
    if "line_count" in expected:
        assert len(invoice["line_items"]) == expected["line_count"]
    if "iban" in expected:
        assert invoice["payment"]["bank_accounts"][0]["iban"] == expected["iban"]
    assert codes(answer) >= EMBEDDED[name]
    if "flag" in MANIFEST[name]["outcome"]:
        assert data["status"] == "needs_review"


@pytest.mark.parametrize("name", sorted(TEXT))
def test_a_pdf_with_text_is_read_right_and_what_is_doubtful_is_remarked(answers, name):
    answer = answers[name]
    assert answer.status == 200, answer.envelope
    data = answer.envelope["data"]
    expected = MANIFEST[SAME_INVOICE.get(name, name)]["expected"]
    [invoice] = data["invoices"]
    assert_right(invoice, expected, embedded=False)
    assert codes(answer) >= TEXT[name]
    assert data["status"] == ("ok" if name in CLEAN else "needs_review")
    assert data["provenance"]["method"] == ("qr+model" if name in SIGNED_CODES else "model")
    assert answer.calls == data["usage"]["requests"] == 1
    assert taxes(invoice) >= taxes(expected)
    if "irn" in expected:
        assert invoice["india"]["irn"] == expected["irn"]


@pytest.mark.parametrize("name", sorted(UNREADABLE - {"nasty-bomb-20000x20000.png"}))
def test_what_the_model_cannot_read_asks_for_review_and_nothing_is_made_up(answers, name):
    answer = answers[name]
    assert answer.status == 200, answer.envelope
    data = answer.envelope["data"]
    [invoice] = data["invoices"]
    assert data["status"] == invoice["status"] == "needs_review"
    assert "The stand-in cannot read pictures" in invoice["notes"]
    said = {key for key, value in invoice.items() if value not in (None, [], {}, "other", "needs_review")}
    assert said - {"seller", "notes", "confidence", "warnings", "india"} == set()
    assert set(invoice["seller"].values()) == {None}
    assert "unreadable" in codes(answer)
    assert data["provenance"]["method"] == ("qr+model" if name in SIGNED_CODES else "model")
    assert answer.calls == 1
    if name == "nasty-png-renamed.pdf":
        assert "type_mismatch" in codes(answer)


def test_a_letter_is_no_invoice(answers):
    data = answers["not-an-invoice-letter.pdf"].envelope["data"]
    assert (data["status"], data["invoices"], data["warnings"]) == ("not_an_invoice", [], [])


def test_two_invoices_in_one_file_stay_two(answers):
    data = answers["syn-two-invoices.pdf"].envelope["data"]
    assert data["status"] == "multiple_invoices"
    expected = MANIFEST["syn-two-invoices.pdf"]["expected_list"]
    assert len(data["invoices"]) == len(expected)
    for invoice, entry in zip(data["invoices"], expected, strict=True):
        assert_right(invoice, entry, embedded=False)


def test_hidden_orders_to_the_model_change_nothing(answers):
    data = answers["nasty-prompt-injection-hidden.pdf"].envelope["data"]
    assert data["status"] == "needs_review"
    values = [{name: one for name, one in invoice.items() if name != "warnings"} for invoice in data["invoices"]]
    assert "HACKED" not in json.dumps(values)


def test_the_same_invoice_in_another_file_is_named(answers):
    """One number of one seller in four files; the three that came later name an earlier one."""
    family = ("nasty-javascript.pdf", "nasty-owner-password-only.pdf", "nasty-pdf-zip-polyglot.pdf")
    hashes = {MANIFEST[name]["sha256"] for name in family}
    assert answers["syn-gst-inter-qr.pdf"].envelope["data"]["duplicate_of"] in hashes


def _nested_bomb():
    return files.page_pdf(
        files.stream(zlib.compress(files.spaces(300 * files.MEGABYTE), 9), b"/Filter[/FlateDecode/FlateDecode]")
    )


def _looping_tree():
    return files.build_pdf({1: b"<</Type/Catalog/Pages 2 0 R>>", 2: b"<</Type/Pages/Count 9999999/Kids[2 0 R]>>"})


def _header_only_png():
    size = (65_500).to_bytes(4) * 2
    return b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + size + b"\x01\x00\x00\x00\x00\x00\x00\x00\x00"


def _laughs():
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    return f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "lol">{entities}]><Invoice>&l9;</Invoice>'.encode()


ATTACKS = {
    "compression in compression": _nested_bomb,
    "page tree that loops": _looping_tree,
    "lengths that refer to lengths": lambda: files.endless_lengths(20_000),
    "picture of 4 gigapixels": _header_only_png,
    "billion laughs": _laughs,
    "external entity in UTF-16": lambda: (
        '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]>'
        "<Invoice>&e;</Invoice>"
    ).encode("utf-16"),
    "deep XML": lambda: b"<a>" * 200_000 + b"</a>" * 200_000,
    "XML of another kind": lambda: b"<?xml version='1.0'?><Order><ID>1</ID></Order>",
    "archive": lambda: b"PK\x03\x04" + bytes(200),
    "old office file": lambda: bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600),
    "page": lambda: b"<!doctype html><html><body>Invoice 1</body></html>",
}


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_attacks_are_refused_within_the_limits_and_the_host_keeps_serving(stack):
    before = last_call(stack)
    bombs = {name: (FOLDER / name).read_bytes() for name in REFUSED if "bomb" in name}
    with ChildMemory(stack["pids"]["host"]) as memory:
        for name, data in (bombs | {name: make() for name, make in ATTACKS.items()}).items():
            status, envelope, seconds = post(stack, "invoice.pdf", data)
            assert status in {415, 422}, (name, envelope)
            assert envelope["error"]["code"] in {"INVALID_FILE", "UNSUPPORTED_FILE_TYPE"}, name
            assert seconds < REJECT_SECONDS, name
    assert model_calls(stack, since=before) == []
    assert memory.peaks
    assert max(memory.peaks.values()) < CHILD_MEMORY_MB
    with opener().open(f"{stack['host']}/api/health", timeout=20) as response:
        assert response.status == 200
    assert post(stack, "fx-OK-001.pdf", (FOLDER / "fx-OK-001.pdf").read_bytes())[0] == 200


@pytest.mark.parametrize(
    "name", [name for name in UPLOAD_NAMES if "\x00" not in name], ids=lambda name: ascii(name)[:40]
)
def test_odd_file_names_are_names_and_no_more(stack, name):
    status, envelope, _ = post(stack, name, (FOLDER / "fx-OK-001.pdf").read_bytes())
    assert status == 200, envelope
    assert envelope["data"]["invoices"][0]["invoice_number"] == "FA-2026-0001"
