"""Places of text on a page, compared with what PDFium itself reads there."""

import json
from datetime import date
from decimal import Decimal

import pytest

from bench.text_under import Pages
from shared_code.documents.document import page_texts
from shared_code.extraction.answer.interpret import read_invoices
from shared_code.extraction.answer.wire_schema import parse_answer
from shared_code.invoices.evidence.page_index import PageIndex
from shared_code.invoices.page import PAGE_SIDE
from shared_code.invoices.result import build_result, on_pages
from shared_code.invoices.text_layer import TextLayer, compact_code
from tests.unit.documents.files import FOLDER, build_pdf, invoice, page_pdf, stream

ANSWERS = FOLDER.parent / "answers"
CONTENT = b"BT /F1 12 Tf 72 700 Td (Total: GHS1,180.00) Tj 0 -20 Td (Invoice No: BX-2026-0417) Tj ET"
PAGES = {
    "plain": b"/MediaBox[0 0 595 842]",
    "turned right": b"/MediaBox[0 0 595 842]/Rotate 90",
    "upside down": b"/MediaBox[0 0 595 842]/Rotate 180",
    "turned left": b"/MediaBox[0 0 595 842]/Rotate 270",
    "turned back": b"/MediaBox[0 0 595 842]/Rotate -90",
    "cropped": b"/MediaBox[0 0 595 842]/CropBox[50 600 400 800]",
    "cropped and turned": b"/MediaBox[0 0 595 842]/CropBox[50 600 400 800]/Rotate 90",
    "its corner elsewhere": b"/MediaBox[-100 -200 495 742]",
    "larger crop than page": b"/MediaBox[0 0 595 842]/CropBox[-50 -50 900 900]",
    "in other units": b"/MediaBox[0 0 595 842]/UserUnit 2",
}


@pytest.fixture
def texts(open_file, sandbox):
    """The pages of a PDF, and what PDFium reads on them."""

    def read(data):
        return page_texts(open_file(data), sandbox=sandbox).parts, Pages(data)

    return read


def fractions(box):
    return [number / PAGE_SIDE for number in box]


def under(found, pages):
    return pages.text_in(found.page, fractions(found.hull)).strip()


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_boxes_are_those_of_the_page_as_it_is_shown(texts, page):
    (text,), pages = texts(page_pdf(CONTENT, page=page))
    index = PageIndex(1, text.placed[0])
    (total,), (number,) = index.amounts(Decimal(1180)), index.texts("BX-2026-0417")
    assert under(total, pages) == "1,180.00"
    assert under(number, pages) == "BX-2026-0417"


def test_an_upright_page_has_its_origin_at_the_top_left(texts):
    (text,), _ = texts(page_pdf(CONTENT))
    left, top, right, bottom = fractions(PageIndex(1, text.placed[0]).texts("Total")[0].hull)
    assert left == pytest.approx(72 / 595, abs=0.002)
    assert top < 1 - 700 / 842 < bottom < 0.2
    assert right > left


@pytest.mark.parametrize(
    "matrix", [b"1 0 0 1", b"0 1 -1 0", b"-1 0 0 -1", b".99 .12 -.12 .99"], ids=["across", "up", "over head", "slanted"]
)
def test_text_that_runs_another_way_has_its_box(texts, matrix):
    content = b"BT /F1 12 Tf " + matrix + b" 300 400 Tm (BX-2026-0417) Tj ET"
    (text,), pages = texts(page_pdf(content))
    (found,) = PageIndex(1, text.placed[0]).texts("BX-2026-0417")
    assert compact_code(pages.text_in(1, fractions(found.hull))) == "bx20260417"


def test_places_stay_right_where_hidden_text_is_taken_out(texts):
    hidden = b"BT 3 Tr /F1 12 Tf 72 720 Td (pay 999.00 to me) Tj ET\nBT 0 Tr /F1 12 Tf 72 660 Td (Paid 7.50) Tj ET"
    (text,), pages = texts(page_pdf(CONTENT + b"\n" + hidden))
    assert text.hidden == "pay 999.00 to me"
    index = PageIndex(1, text.placed[0])
    assert index.amounts(Decimal(999)) == []
    assert under(index.amounts(Decimal("7.50"))[0], pages) == "7.50"
    assert under(index.texts("BX-2026-0417")[0], pages) == "BX-2026-0417"


def test_what_is_typed_into_a_form_field_says_so(texts):
    field = b"<</Type/Annot/Subtype/Widget/FT/Tx/T(total)/V(118.00)/DA(/F1 12 Tf 0 g)/Rect[72 500 200 520]/F 4/AP<</N 7 0 R>>>>"
    look = stream(
        b"BT /F1 12 Tf 4 5 Td (118.00) Tj ET",
        b"/Type/XObject/Subtype/Form/BBox[0 0 128 20]/Resources<</Font<</F1 5 0 R>>>>",
    )
    data = build_pdf(
        {
            1: b"<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[6 0 R]/DR<</Font<</F1 5 0 R>>>>>>>>",
            2: b"<</Type/Pages/Count 1/Kids[3 0 R]>>",
            3: b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Annots[6 0 R]"
            b"/Resources<</Font<</F1 5 0 R>>>>>>",
            4: stream(CONTENT),
            5: b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
            6: field,
            7: look,
        }
    )
    (text,), _ = texts(data)
    index = PageIndex(1, text.placed[0])
    assert [one.source.value for one in index.amounts(Decimal(118))] == ["form_field"]
    assert [one.source.value for one in index.amounts(Decimal(1180))] == ["text_layer"]


@pytest.mark.parametrize(
    "name", ["syn-ghana-2026.pdf", "az-training-4.pdf", "syn-two-invoices.pdf", "et-consulting.pdf"]
)
def test_every_piece_of_real_pages_is_where_it_is_printed(texts, name):
    parts, pages = texts(invoice(name))
    looked_at = 0
    for number, text in enumerate(parts, start=1):
        for placed in text.placed:
            pieces = list(placed.pieces)
            for at in range(0, len(pieces), 6):
                start, end, *box = pieces[at : at + 6]
                printed = compact_code(placed.text[start:end])
                assert printed in compact_code(pages.text_in(number, fractions(box))), (number, placed.text[start:end])
                looked_at += 1
    assert looked_at > 50


def test_the_text_under_each_box_is_the_value_over_documents_with_known_answers(texts):
    wrong, looked_at, critical, boxed = [], 0, 0, 0
    for path in sorted(ANSWERS.glob("*.answer.json"))[::4]:
        data = path.with_name(path.name.replace(".answer.json", ".pdf")).read_bytes()
        try:
            parts, pages = texts(data)
        except Exception as error:  # noqa: BLE001 - files that the service refuses are among them
            assert "InvalidFile" in type(error).__name__  # noqa: PT017
            continue
        layer = TextLayer(parts)
        answer = json.loads(path.read_text(encoding="utf-8"))["model_answers"][-1]
        reading = read_invoices(parse_answer(json.dumps(answer)), layer)
        result = build_result(reading, pages=(), today=date(2026, 11, 20), evidence=on_pages(layer))
        for evidence, verdict in zip(result.evidence, result.verdicts, strict=True):
            for field, entry in evidence.items():
                known = layer.usable and verdict.confidence.get(field) == "high"
                critical += known
                boxed += bool(known and entry["box"])
                if entry["box"]:
                    looked_at += 1
                    boxes = entry.get("boxes", [entry["box"]])
                    found = "".join(pages.text_in(entry["page"], box) for box in boxes)
                    # PDFium gives lines that run from right to left in the order of the screen.
                    if compact_code(entry["text"]) not in {compact_code(found), compact_code(found[::-1])}:
                        wrong.append((path.name, field, entry["text"], found))
    assert looked_at > 500
    assert len(wrong) <= looked_at * 0.01, wrong
    assert boxed >= 0.95 * critical
