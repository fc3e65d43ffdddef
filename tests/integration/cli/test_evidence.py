"""``evidence``: a picture of each page with a box around each value."""

import io

import pytest
from PIL import Image

from tests.unit.documents.files import FOLDER, page_pdf

SAMPLE = FOLDER.parents[2] / "samples" / "ghana-vat-invoice.pdf"
GREEN, WHITE = (16, 124, 65), (255, 255, 255)
TWO_PAGES = FOLDER / "syn-two-invoices.pdf"


@pytest.fixture
def company(manage):
    manage("db", "upgrade")
    assert manage("tokens", "add", "NT047", stdin="AIzaTestKey0000000001\n")[0] == 0
    return manage


def colours(picture: Image.Image) -> set:
    return {colour for _, colour in picture.getcolors(1 << 24)}


def test_the_picture_has_a_box_in_the_place_of_each_value(company, tmp_path):
    out = tmp_path / "page.png"
    code, said, err = company("evidence", SAMPLE, "--out", out)
    assert code == 0, err
    assert said.splitlines()[0] == str(out)
    assert "beside the label" in said
    picture = Image.open(io.BytesIO(out.read_bytes()))
    left, top, right, bottom = read(company)["evidence"]["total"]["box"]
    assert max(picture.size) == 1600
    # The frame stands just outside of the value, which is not painted over.
    frame = picture.getpixel((int(left * picture.width) - 1, int((top + bottom) / 2 * picture.height)))
    assert frame == GREEN
    assert WHITE in colours(picture.crop(_pixels((left, top, right, bottom), picture)))


def read(company) -> dict:
    code, answer, _ = company("extract", SAMPLE, "--json")
    assert code == 0
    return answer["data"]["invoices"][0]


def _pixels(box, picture):
    return tuple(int(part * side) for part, side in zip(box, (*picture.size, *picture.size), strict=True))


def test_several_pages_give_several_pictures(company, tmp_path):
    code, said, err = company("evidence", TWO_PAGES, "--out", tmp_path / "page.png")
    assert code == 0, err
    pictures = sorted(path.name for path in tmp_path.glob("*.png"))
    assert pictures == ["page-1.png", "page-2.png"]
    files = [str(tmp_path / name) for name in pictures]
    assert said.splitlines()[:2] == files
    said = company("evidence", TWO_PAGES, "--out", tmp_path / "page.png", "--json")[1]
    assert (said["files"], set(said["evidence"][0]) >= {"field", "page", "text"}) == (files, True)


def test_a_stored_reading_is_drawn_without_another_call_of_a_model(company, gemini, tmp_path):
    answer = company("extract", SAMPLE, "--json")[1]
    calls = len(gemini.calls())
    code, _, err = company("evidence", SAMPLE, "--id", answer["data"]["id"], "--out", tmp_path / "page.png")
    assert (code, len(gemini.calls())) == (0, calls), err
    other = tmp_path / "other.pdf"
    other.write_bytes(page_pdf(b"BT /F1 12 Tf 72 700 Td (Hello) Tj ET"))
    code, _, err = company("evidence", other, "--id", answer["data"]["id"], "--out", tmp_path / "other.png")
    assert code == 1
    assert "is not the document of this reading" in err


def test_how_much_evidence_is_printed_can_be_chosen(company):
    assert "total" in company("extract", SAMPLE, "--json")[1]["data"]["invoices"][0]["evidence"]
    assert "evidence" not in company("extract", SAMPLE, "--evidence", "none", "--json")[1]["data"]["invoices"][0]
