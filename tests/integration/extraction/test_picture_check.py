"""Prints and pictures that say two things: a total that is covered by another one, and one that was read wrongly."""

import io
import shutil

import pypdfium2
import pytest
from PIL import Image, ImageDraw, ImageFont

from shared_code.documents.ocr import engine

from .conftest import INVOICES, SAMPLES

pytestmark = pytest.mark.skipif(not engine.is_installed(), reason="requirements-ocr.txt is not installed")

PRINTED = SAMPLES / "ghana-vat-invoice.pdf"
#: net amount, tax and total are printed
WITH_TAX = INVOICES / "font-no-tounicode.pdf"


@pytest.fixture
def database_url(request, tmp_path):
    """One kind of database: what is read here is stored like any other reading."""
    path = tmp_path / "test.db"
    shutil.copyfile(request.getfixturevalue("_sqlite_template"), path)
    return f"sqlite:///{path}"


def codes(outcome) -> dict[str, dict]:
    return {warning["code"]: warning for warning in outcome.data["warnings"]}


def figure(text: str, width: int, height: int) -> Image.Image:
    """Black on white, to lie over another figure."""
    image = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(image)
    size = height * 0.8
    while draw.textlength(text, ImageFont.load_default(size)) > width - 2:
        size *= 0.95
    draw.text((width - 1, height // 2), text, fill="black", anchor="rm", font=ImageFont.load_default(size))
    return image


def covered(text: str, box: list[float]) -> bytes:
    """The printed invoice with a picture of another figure over a place of it."""
    document = pypdfium2.PdfDocument(PRINTED.read_bytes())
    page = document[0]
    width, height = page.get_size()
    x0, y0, x1, y1 = box[0] * width, height - box[3] * height - 1, box[2] * width, height - box[1] * height + 1
    buffer = io.BytesIO()
    figure(text, int((x1 - x0) * 5), int((y1 - y0) * 5)).save(buffer, "JPEG", quality=95)
    picture = pypdfium2.PdfImage.new(document)
    picture.load_jpeg(buffer)
    picture.set_matrix(pypdfium2.PdfMatrix().scale(x1 - x0, y1 - y0).translate(x0, y0))
    page.insert_obj(picture)
    page.gen_content()
    saved = io.BytesIO()
    document.save(saved)
    document.close()
    return saved.getvalue()


def total_of(pipeline, data: bytes) -> dict:
    return pipeline.extract(data).data["invoices"][0]["evidence"]["total"]


@pytest.mark.parametrize("verifies", [True, False])
@pytest.mark.parametrize(("figures", "share"), [("96,440.00", 1.0), pytest.param("9", 0.125, marks=pytest.mark.long)])
def test_a_total_that_is_covered_by_another_one_goes_to_a_person(with_reader, scan_answer, verifies, figures, share):
    pipeline = with_reader(verify_doubtful=verifies)
    pipeline.add_key(limit=None)
    x0, y0, x1, y1 = total_of(pipeline, PRINTED.read_bytes())["box"]
    # The model reads the text, as some do: its sums are right.
    pipeline.gemini.fault("answer", json=scan_answer(), times=0)
    outcome = pipeline.extract(covered(figures, [x0, y0, x0 + share * (x1 - x0), y1]))
    assert outcome.data["invoices"][0]["total"] == "76440.00"
    assert ("text_differs_from_picture" in codes(outcome)) is verifies
    if verifies:
        finding = codes(outcome)["text_differs_from_picture"]
        assert (finding["field"], finding["found"], finding["expected"]) == ("total", "76440.00", "96440.00")
        assert (outcome.data["status"], outcome.data["confidence"]["total"]) == ("needs_review", "low")


@pytest.mark.long
def test_a_total_that_the_picture_shows_as_well_is_no_matter(with_reader):
    pipeline = with_reader(verify_doubtful=True)
    pipeline.add_key(limit=None)
    place = total_of(pipeline, PRINTED.read_bytes())
    outcome = pipeline.extract(covered("76,440.00", place["box"]))
    assert "text_differs_from_picture" not in codes(outcome)
    assert pipeline.services.second_readings.reader.starts > 0


def test_a_doubtful_reading_that_the_picture_confirms_stays_as_doubtful_as_it_was(with_reader, scan_answer):
    pipeline = with_reader(verify_doubtful=True)
    pipeline.add_key(limit=None)
    pipeline.gemini.fault("answer", json=scan_answer(total="74660.00", total_printed="74,660.00"), times=2)
    outcome = pipeline.extract(PRINTED.read_bytes())
    assert outcome.data["status"] == "needs_review"
    assert "text_differs_from_picture" not in codes(outcome)


def scan_with_total(pipeline, text: str) -> bytes:
    """A scan with another figure in the place of its total."""
    document = pypdfium2.PdfDocument(WITH_TAX.read_bytes())
    image = document[0].render(scale=200 / 72).to_pil().convert("RGB")
    document.close()
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    x0, y0, x1, y1 = total_of(pipeline, buffer.getvalue())["box"]
    left, top = int(x0 * image.width), int(y0 * image.height)
    right, bottom = int(x1 * image.width), int(y1 * image.height)
    image.paste(figure(text, right - left, bottom - top), (left, top))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(("shown", "settled"), [("258.00", True), ("289.00", False)])
@pytest.mark.long
def test_of_two_readings_of_a_total_a_digit_apart_the_sum_decides(with_reader, scan_answer, shown, settled):
    pipeline = with_reader()
    pipeline.add_key(limit=None)
    pipeline.gemini.fault("answer", json=scan_answer(WITH_TAX), times=0)
    outcome = pipeline.extract(scan_with_total(pipeline, shown))
    assert outcome.data["invoices"][0]["total"] == "252.00"
    doubted = {warning["field"] for warning in outcome.data["warnings"] if warning["code"] == "ungrounded"}
    assert ("total" in doubted) is not settled
    assert outcome.data["confidence"]["total"] == ("high" if settled else "low")
