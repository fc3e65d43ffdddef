"""The document of a reading as a person sees it: from the kept copy or the dropped file, quickly, and never once erased."""

import base64
import hashlib
import io
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from PIL import Image
from sqlalchemy import update

from shared_code.blobs.kept_documents import CONTAINER
from shared_code.blobs.recent_pages import RecentPages
from shared_code.database import tables
from shared_code.database.stores.operations.admin_audit import Actor
from shared_code.database.stores.reviews.known_readings import known_readings
from shared_code.documents.ocr.reader import default_reader
from shared_code.evaluation.reviewed import fetch_documents, reviewed_documents
from shared_code.extraction.evidence_data import packed
from shared_code.reviews.corrected import Change
from shared_code.reviews.deciding import WantedDecision
from shared_code.settings import KeepDocuments, Ocr
from tests.integration.admin.conftest import Api
from tests.integration.blobs.stack import INVOICES, SAMPLES, unique
from tests.integration.blobs.test_kept_documents import PDF, services, upload

ANN = Actor("admin-key:ann")
MIME = {"pdf": PDF, "jpg": "image/jpeg", "tiff": "image/tiff", "heic": "image/heic", "png": "image/png"}


@pytest.fixture
def stage(quiet_stack):
    """The stack with nothing in it."""
    quiet_stack.now = datetime.now(UTC)
    quiet_stack.gemini.script.clear()
    for container in (CONTAINER, "invoices", "invoice-results"):
        client = quiet_stack.blobs.get_container_client(container)
        for name in quiet_stack.names(container):
            client.delete_blob(name)
    return quiet_stack


@pytest.fixture
def keeping(stage):
    """Services that keep every document, and have no second reader."""
    with services(stage, keep_documents=KeepDocuments.ALL, ocr=Ocr.OFF) as made:
        yield made


@pytest.fixture
def api(keeping):
    return Api(keeping)


@contextmanager
def services_that_read(stage):
    """Services with the second reader, whose threads end before the database is closed."""
    before = set(threading.enumerate())
    with services(stage, ocr=Ocr.AUTO, ocr_wait_seconds=30.0) as made:
        yield made
        made.second_readings.close()
        for thread in set(threading.enumerate()) - before:
            if thread.name.startswith("second-reader"):
                thread.join(30)


def read(made, name, content=None):
    """The id of the reading of a document that is kept."""
    kind = MIME[name.rpartition(".")[2]]
    found = upload(made, content or (INVOICES / name).read_bytes(), kind)["id"]
    assert made.blobs.keeper.flush(10)
    return found


def picture(answer):
    assert answer.status == 200, answer.body
    return Image.open(io.BytesIO(answer.body))


@pytest.mark.parametrize(
    ("name", "kind", "pages"),
    [
        ("syn-ghana-2026.pdf", "pdf", 1),
        ("img-exif-rotated.jpg", "image", 1),
        ("img-multipage.tiff", "image", 2),
        ("img-photo.heic", "image", 1),
    ],
)
def test_every_kind_of_document_is_shown_page_by_page_and_upright(api, keeping, name, kind, pages):
    reading = read(keeping, name)
    found = api.get(f"extractions/{reading}/pages").data
    assert (found["kept"], found["kind"], found["reason"], len(found["pages"])) == (True, kind, None, pages)
    for page in found["pages"]:
        assert page["height"] > page["width"]
        shown = picture(api.get(f"extractions/{reading}/pages/{page['number']}.png?width=700", binary=True))
        assert (shown.format, shown.width <= 800) == ("PNG", True)
        assert shown.height / shown.width == pytest.approx(page["height"] / page["width"], rel=0.01)
    beyond = api.get(f"extractions/{reading}/pages/{pages + 1}.png")
    assert (beyond.status, beyond.code) == (404, "NOT_FOUND")


def test_a_picture_is_at_most_200_dots_per_inch_and_8_megapixels(api, keeping):
    reading = read(keeping, "syn-ghana-2026.pdf")
    [page] = api.get(f"extractions/{reading}/pages").data["pages"]
    shown = picture(api.get(f"extractions/{reading}/pages/1.png?width=4000", binary=True))
    assert shown.width == pytest.approx(page["width"] / 72 * 200, abs=2)
    wide = read(keeping, "wide.pdf", _blank_pdf(14_400, 14_400, "Total 17.50"))
    shown = picture(api.get(f"extractions/{wide}/pages/1.png?width=4000", binary=True))
    assert 7_500_000 < shown.width * shown.height <= 8_010_000


def _blank_pdf(width, height, text):
    """A page of this size in points, with a text in its middle."""
    stream = f"BT /F1 40 Tf {width // 2} {height // 2} Td (Invoice INV-7 {text} EUR 2026-11-02) Tj ET".encode()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {width} {height}] /Contents 4 0 R "
        "/Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>".encode(),
        b"<< /Length %d >>\nstream\n%b\nendstream" % (len(stream), stream),
    ]
    body, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, start=1):
        places.append(len(body))
        body += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    head = b"xref\n0 5\n0000000000 65535 f \n"
    return body + head + table + b"trailer << /Size 5 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % len(body)


def test_a_picture_is_for_the_browser_alone_and_is_not_sent_twice(api, keeping):
    reading = read(keeping, "syn-ghana-2026.pdf")
    address = f"extractions/{reading}/pages/1.png"
    first = api.get(address, binary=True)
    assert first.headers["cache-control"] == "private, max-age=300"
    assert (first.headers["content-type"], first.headers["x-content-type-options"]) == ("image/png", "nosniff")
    again = api.get(address, headers={"If-None-Match": first.headers["etag"]}, binary=True)
    assert (again.status, again.body) == (304, b"")
    assert again.headers["cache-control"] == "private, max-age=300"
    other = api.get(f"{address}?width=400", headers={"If-None-Match": first.headers["etag"]}, binary=True)
    assert other.status == 200


def test_the_next_look_at_a_page_needs_no_storage(api, keeping, stage):
    reading = read(keeping, "syn-ghana-2026.pdf")
    api.get(f"extractions/{reading}/pages/1.png", binary=True)
    for name in stage.names(CONTAINER):
        stage.blobs.get_blob_client(CONTAINER, name).delete_blob()
    started = time.process_time()
    assert api.get(f"extractions/{reading}/pages/1.png", binary=True).status == 200
    assert time.process_time() - started < 0.1


def test_an_erased_document_is_shown_no_more_and_leaves_the_memory(api, keeping):
    reading = read(keeping, "syn-ghana-2026.pdf")
    first = api.get(f"extractions/{reading}/pages/1.png", binary=True)
    assert keeping.blobs.pages.recent.held_bytes > 10_000
    viewed = keeping.blobs.pages.find(reading)
    assert api.delete(f"extractions/{reading}").status == 200
    assert keeping.blobs.pages.recent.held_bytes == 0
    for path in ("pages", "pages/1.png"):
        assert api.get(f"extractions/{reading}/{path}").status == 410
    assert api.get(f"extractions/{reading}/pages/1.png", headers={"If-None-Match": first.headers["etag"]}).status == 410
    assert api.post(f"extractions/{reading}/pages/1/text", {"box": [0, 0, 1, 1]}).status == 410
    # A look that had begun before brings nothing back.
    keeping.blobs.pages._keep(viewed, "late", b"x", 1)
    assert keeping.blobs.pages.recent.held_bytes == 0


def test_a_document_that_is_not_kept_says_so(stage):
    with services(stage, keep_documents=KeepDocuments.OFF) as made:
        api = Api(made)
        reading = upload(made, unique(SAMPLES / "ghana-vat-invoice.pdf"))["id"]
        found = api.get(f"extractions/{reading}/pages").data
        assert found == {"kept": False, "kind": None, "reason": "not_kept", "pages": []}
        shown = api.get(f"extractions/{reading}/pages/1.png")
        assert (shown.status, shown.json["error"]["details"]["reason"]) == (404, "not_kept")


def test_data_without_pages_says_so(api, keeping):
    content = next(INVOICES.glob("*.xml")).read_bytes()
    for path in sorted(INVOICES.glob("*.xml")):
        content = path.read_bytes()
        try:
            reading = upload(keeping, content, "application/xml")["id"]
        except AssertionError:
            continue
        break
    assert keeping.blobs.keeper.flush(10)
    found = api.get(f"extractions/{reading}/pages").data
    assert found == {"kept": True, "kind": "xml", "reason": "no_pages", "pages": []}
    assert api.get(f"extractions/{reading}/pages/1.png").json["error"]["details"]["reason"] == "no_pages"


@pytest.mark.parametrize("name", ["NT047/RUB/ghana.pdf", "NT047/ghana.pdf", "nt047/2026/11/deep/other.pdf"])
def test_a_dropped_file_is_shown_from_its_container(stage, name):
    with services(stage, keep_documents=KeepDocuments.OFF) as made:
        content = unique(SAMPLES / "ghana-vat-invoice.pdf")
        etag = stage.drop(name, content)
        made.blobs.intake.process(name)
        api = Api(made)
        sha256 = hashlib.sha256(content).hexdigest()
        [row] = api.get(f"extractions?document_sha256={sha256}").data["items"]
        assert api.get(f"extractions/{row['id']}/pages").data["kind"] == "pdf"
        assert picture(api.get(f"extractions/{row['id']}/pages/1.png", binary=True)).width > 800
        made.blobs.pages.recent.forget(("NT047", sha256))
        made.blobs.pages.recent.forget(("NT047", sha256))
        assert stage.drop(name) != etag
        assert api.get(f"extractions/{row['id']}/pages").data["reason"] == "not_kept"


def test_the_text_under_a_box_is_what_stands_there(api, keeping):
    reading = read(keeping, "syn-ghana-2026.pdf")
    data = api.get(f"extractions/{reading}").data["data"]
    [invoice] = data["invoices"]
    looked = 0
    for path in ("invoice_number", "total", "seller.tax_id"):
        entry = invoice["evidence"].get(path)
        if entry is None or entry["box"] is None:
            continue
        found = api.post(f"extractions/{reading}/pages/{entry['page']}/text", {"box": entry["box"]}).data
        assert (found["text"], found["source"]) == (entry["text"], "text_layer")
        assert found["box"] == pytest.approx(entry["box"], abs=0.01)
        drawn = entry["box"][2:] + entry["box"][:2]
        assert api.post(f"extractions/{reading}/pages/1/text", {"box": drawn}).data["text"] == entry["text"]
        looked += 1
    assert looked == 3
    whole = api.post(f"extractions/{reading}/pages/1/text", {"box": [0, 0, 1, 1]}).data["text"]
    assert whole.count("\n") > 10
    empty = api.post(f"extractions/{reading}/pages/1/text", {"box": [0.98, 0.98, 1, 1]}).data
    assert empty == {"text": "", "box": None, "source": None}


def test_the_text_of_a_scan_is_known_where_values_of_the_reading_stand(api, keeping):
    reading = read(keeping, "syn-gst-intra-scan.jpg")
    top = {"box": [0, 0, 1, 0.5]}
    assert api.post(f"extractions/{reading}/pages/1/text", top).data == {"text": "", "box": None, "source": None}
    entry = {"source": "ocr", "page": 1, "reason": "once on the pages", "candidates": []}
    evidence = [
        {
            "total": {**entry, "box": [0.6, 0.3, 0.8, 0.32], "text": "1,180.00"},
            "invoice_number": {**entry, "box": [0.1, 0.1, 0.3, 0.12], "text": "INV-7"},
            "due_date": {**entry, "page": 2, "box": [0.1, 0.1, 0.3, 0.12], "text": "2026-01-01"},
        }
    ]
    own = tables.extractions.c.PublicID == reading
    stored = base64.b64decode(packed(evidence))
    keeping.database.run(
        lambda connection: connection.execute(update(tables.extractions).where(own).values(Evidence=stored))
    )
    found = api.post(f"extractions/{reading}/pages/1/text", top).data
    assert (found["text"], found["box"], found["source"]) == ("INV-7 1,180.00", [0.1, 0.1, 0.8, 0.32], "ocr")
    point = {"box": [0.7, 0.31, 0.701, 0.311]}
    assert api.post(f"extractions/{reading}/pages/1/text", point).data["text"] == "1,180.00"


@pytest.mark.long
@pytest.mark.skipif(default_reader() is None, reason="the second reader is not installed")
def test_the_text_of_a_scan_is_what_the_second_reader_sees(stage, keeping):
    reading = read(keeping, "syn-gst-intra-scan.jpg")
    with services_that_read(stage) as made:
        api = Api(made)
        found = api.post(f"extractions/{reading}/pages/1/text", {"box": [0, 0, 1, 0.5]}).data
        assert (found["source"], len(found["text"]) > 50) == ("ocr", True)
        started = time.process_time()
        assert api.post(f"extractions/{reading}/pages/1/text", {"box": [0, 0, 1, 0.3]}).data["source"] == "ocr"
        assert time.process_time() - started < 0.5


@pytest.mark.long
@pytest.mark.skipif(default_reader() is None, reason="the second reader is not installed")
def test_a_scan_that_is_shown_is_read_before_somebody_points_at_it(stage, keeping):
    reading = read(keeping, "syn-gst-intra-scan.jpg")
    with services_that_read(stage) as made:
        api, viewed = Api(made), made.blobs.pages.find(reading)
        assert api.get(f"extractions/{reading}/pages/1.png", binary=True).status == 200
        name, deadline = (viewed.company_id, viewed.sha256), time.monotonic() + 40
        while made.blobs.pages.recent.get(name, ("second reading", 1)) is None:
            assert time.monotonic() < deadline, "it was not read"
            time.sleep(0.05)
        # Nothing can be read any more: the answer is there already.
        made.second_readings.close()
        found = api.post(f"extractions/{reading}/pages/1/text", {"box": [0, 0, 1, 0.5]}).data
        assert found["source"] == "ocr"


@pytest.mark.skipif(default_reader() is None, reason="the second reader is not installed")
def test_whoever_points_at_a_page_that_is_being_read_waits_for_that_reading(stage, keeping):
    reading = read(keeping, "syn-gst-intra-scan.jpg")
    with services_that_read(stage) as made:
        api = Api(made)
        api.get(f"extractions/{reading}/pages/1.png", binary=True)
        assert api.post(f"extractions/{reading}/pages/1/text", {"box": [0, 0, 1, 0.5]}).data["source"] == "ocr"


@pytest.mark.parametrize("box", [[0, 0, 1], [0, 0, 1, 1.5], [0, 0, "a", 1], None, [0, 0, 1, 1, 1]])
def test_a_box_that_is_none_is_refused(api, keeping, box):
    reading = read(keeping, "syn-ghana-2026.pdf")
    answer = api.post(f"extractions/{reading}/pages/1/text", {"box": box})
    assert (answer.status, answer.code) == (400, "INVALID_REQUEST")


def test_another_companys_clerk_sees_no_page(api, keeping):
    reading = read(keeping, "syn-ghana-2026.pdf")
    for role, company, status in (("reviewer", "OTHER", 403), ("viewer", None, 403), ("reviewer", "NT047", 200)):
        key = api.new_key(role, company)
        for path in ("pages", "pages/1.png"):
            assert api.get(f"extractions/{reading}/{path}", key=key, binary=True).status == status
        assert api.post(f"extractions/{reading}/pages/1/text", {"box": [0, 0, 1, 1]}, key=key).status == status
    assert api.get("extractions/ext_" + "0" * 32 + "/pages").status == 404


def test_what_is_kept_in_memory_is_bounded_and_goes_by_itself():
    now = 0.0
    recent = RecentPages(most_bytes=100, clock=lambda: now)
    for number in range(5):
        recent.put(("NT047", str(number)), "picture", number, 40)
    assert recent.held_bytes == 80
    assert [recent.get(("NT047", str(number)), "picture") for number in range(5)] == [None, None, None, 3, 4]
    recent.put(("NT047", "9"), "picture", 9, 60)
    assert recent.get(("NT047", "9"), "picture") is None
    now = 601.0
    assert recent.get(("NT047", "4"), "picture") is None
    assert recent.held_bytes == 0


def test_documents_that_persons_decided_about_have_known_values(keeping, tmp_path):
    confirmed = read(keeping, "syn-ghana-2026.pdf", unique(INVOICES / "syn-ghana-2026.pdf"))
    wrong = read(keeping, "syn-export-usd.pdf", unique(INVOICES / "syn-export-usd.pdf"))
    desk = keeping.reviews.desk
    for reading in (confirmed, wrong):
        desk.take(reading, ANN)
    desk.decide(confirmed, WantedDecision("confirm"), ANN, matches=None)
    change = Change("buyer.name", "Somebody Else Ltd")
    desk.decide(wrong, WantedDecision("correct", (change,)), ANN, matches=None)
    known = keeping.database.read(lambda connection: known_readings(connection, company_id="NT047"))
    mine = [one for one in known if one.reading_id in {confirmed, wrong}]
    assert [one.reading_id for one in mine] == [wrong, confirmed]
    found = list(reviewed_documents(keeping.stored_readings, mine, tmp_path))
    runs = {one.reading.reading_id: one.as_read() for one in found}
    assert {value.compared.verdict.value for value in runs[confirmed].values} == {"right"}
    assert len(runs[confirmed].values) > 40
    [bad] = [value.compared for value in runs[wrong].values if value.compared.verdict.value != "right"]
    assert (bad.path, bad.expected, bad.got is not None) == ("buyer.name", "Somebody Else Ltd", True)
    folder = fetch_documents(keeping.database, keeping.blobs.sources, found)
    assert len(folder.documents) == 2
    assert all(one.path.read_bytes().startswith(b"%PDF") for one in folder.documents)
