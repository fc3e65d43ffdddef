"""When a value that was read is the known one, and which line is which."""

import pytest

from shared_code.evaluation.comparison import Verdict, best_pairs, compare
from shared_code.evaluation.fields import field_of, normalised
from shared_code.evaluation.judging import judge
from shared_code.evaluation.known_values import KnownDocument, KnownInvoice, KnownRow, Place, known_invoice
from tests.unit.extraction.wire_answers import answer, invoice


def known(tmp_path, **values):
    return known_invoice(Place(tmp_path / "manifest.json"), values)


def verdicts(known_values, *read):
    return {one.path: (one.verdict.value, one.got) for one in compare([known_values], read)}


@pytest.mark.parametrize(
    ("path", "one", "other"),
    [
        ("total", "336.9", "336.90"),
        ("line_items[0].quantity", "1000", "1E+3"),
        ("invoice_number", "# INV-100", "inv-100"),
        ("invoice_number", "Nº4711", "4711"),
        ("invoice_number", "№ 4711", "4711"),
        ("seller.name", "CONTOSO, Ltd.", "Contoso Ltd"),
        ("seller.tax_id", "DE 990.004.178", "de990004178"),
        ("payment.bank_accounts[0].iban", "DE48 9900 0001", "DE4899000001"),
        ("notes", "***", "***"),
    ],
)
def test_the_same_value_in_other_words(path, one, other):
    assert normalised(field_of(path), one) == normalised(field_of(path), other)


@pytest.mark.parametrize(
    ("path", "one", "other"),
    [
        ("total", "336.90", "336.09"),
        ("invoice_number", "INV-100", "INV100"),
        ("invoice_number", "No-100", "100"),
        ("invoice_date", "2026-02-03", "2026-03-02"),
        ("seller.name", "Contoso", "Contoso Ltd"),
        ("notes", "***", "---"),
    ],
)
def test_another_value(path, one, other):
    assert normalised(field_of(path), one) != normalised(field_of(path), other)


def test_right_wrong_and_missing(tmp_path):
    values = known(tmp_path, total="5", currency="EUR", due_date=None, net_total="4", subtotal=None)
    read = {"total": "5.00", "currency": "USD", "due_date": None, "net_total": None, "subtotal": "4"}
    assert verdicts(values, read) == {
        "total": ("right", "5.00"),
        "currency": ("wrong", "USD"),
        "due_date": ("right", None),
        "net_total": ("missing", None),
        "subtotal": ("wrong", "4"),
    }


def test_an_amount_of_nothing_is_no_amount_but_a_total_of_nothing_is_one(tmp_path):
    values = known(tmp_path, round_off="0.00", total="0.00", discount_total=None)
    assert verdicts(values, {"round_off": None, "total": None, "discount_total": "0.00"}) == {
        "round_off": ("right", None),
        "total": ("missing", None),
        "discount_total": ("right", "0.00"),
    }


def test_the_order_of_plain_texts_says_nothing(tmp_path):
    values = known(tmp_path, po_numbers=["P-1", "P-2", "P-3"])
    assert verdicts(values, {"po_numbers": ["P-2", "P-1"]}) == {
        "po_numbers[0]": ("right", "P-1"),
        "po_numbers[1]": ("right", "P-2"),
        "po_numbers[2]": ("missing", None),
    }


LINES = [
    {"description": "Blue paint 5 l", "quantity": "2", "net_amount": "60.00"},
    {"description": "Brush", "quantity": "2", "net_amount": "10.00"},
    {"description": "Delivery", "quantity": "1", "net_amount": "60.00"},
]


def test_lines_are_found_wherever_they_stand(tmp_path):
    values = known(tmp_path, line_items=LINES)
    read = {"line_items": [LINES[2], LINES[0], LINES[1]]}
    assert {one.verdict for one in compare([values], [read])} == {Verdict.RIGHT}


def test_a_line_that_was_dropped_is_missing_and_the_others_are_right(tmp_path):
    found = compare([known(tmp_path, line_items=LINES)], [{"line_items": [LINES[0], LINES[2]]}])
    assert {one.path for one in found if one.verdict is Verdict.MISSING} == {
        f"line_items[1].{name}" for name in LINES[1]
    }
    assert [one.found_at for one in found if one.path == "line_items[2].net_amount"] == ["line_items[1].net_amount"]


def test_a_line_with_one_wrong_value_is_still_that_line(tmp_path):
    misread = [LINES[1], {**LINES[0], "net_amount": "600.00", "description": "Blue paint 51"}, LINES[2]]
    found = verdicts(known(tmp_path, line_items=LINES), {"line_items": misread})
    assert {path for path, (verdict, _) in found.items() if verdict != "right"} == {
        "line_items[0].net_amount",
        "line_items[0].description",
    }


def test_a_line_too_many_is_wrong_only_where_all_lines_are_known(tmp_path):
    read = {"line_items": [*LINES, {"description": "Invented"}]}
    found = verdicts(known(tmp_path, line_items=LINES), read)
    assert found["line_items[3]"] == ("wrong", "Invented")
    some = KnownInvoice({}, {"line_items": [KnownRow(0, LINES[0])]})
    assert {verdict for verdict, _ in verdicts(some, read).values()} == {"right"}


def test_a_line_that_is_known_not_to_be_there_is_looked_for_in_its_place(tmp_path):
    values = known(tmp_path, **{"line_items[2].net_amount": "60.00", "line_items[3].net_amount": None})
    assert {one[0] for one in verdicts(values, {"line_items": LINES}).values()} == {"right"}
    assert verdicts(values, {"line_items": [*LINES, LINES[2]]})["line_items[3].net_amount"] == ("wrong", "60.00")


def test_the_number_of_lines(tmp_path):
    values = KnownInvoice(counts={"line_items": 3})
    assert verdicts(values, {"line_items": LINES})["line_items.length"] == ("right", "3")
    assert verdicts(values, {"line_items": LINES[:2]})["line_items.length"] == ("wrong", "2")
    assert verdicts(values, {"line_items": []})["line_items.length"] == ("missing", None)


def test_the_best_pair_comes_first_and_the_nearest_of_equal_ones():
    assert best_pairs([[1, 2], [1, 3]]) == [0, 1]
    assert best_pairs([[3, 3], [3, 3]]) == [0, 1]
    assert best_pairs([[0, 0, 5], [5, 0, 0]]) == [2, 0]
    assert best_pairs([[1], [2]]) == [None, 0]
    assert best_pairs([[], []]) == [None, None]
    assert best_pairs([]) == []


def test_invoices_of_one_file_are_paired_too(tmp_path):
    one, other = known(tmp_path, invoice_number="1", total="5"), known(tmp_path, invoice_number="2", total="5")
    read = [{"invoice_number": "2", "total": "5"}, {"invoice_number": "1", "total": "6"}]
    found = {each.path: (each.verdict.value, each.found_at) for each in compare([one, other], read)}
    assert found == {
        "invoices[0].invoice_number": ("right", "invoices[1].invoice_number"),
        "invoices[0].total": ("wrong", "invoices[1].total"),
        "invoices[1].invoice_number": ("right", "invoices[0].invoice_number"),
        "invoices[1].total": ("right", "invoices[0].total"),
    }


def test_hundreds_of_lines_are_paired_in_a_moment(tmp_path):
    lines = [{"description": f"Part {number} of the whole", "net_amount": str(number)} for number in range(200)]
    found = compare([known(tmp_path, line_items=lines)], [{"line_items": lines[::-1]}])
    assert {one.verdict for one in found} == {Verdict.RIGHT}


# --- what became of a value


def judged(tmp_path, values, data, *answers):
    document = KnownDocument(tmp_path / "a.pdf", (known(tmp_path, **values),))
    return {one.compared.path: one for one in judge(document, data, answers)}


def test_confidence_and_review_are_those_of_the_value_or_of_its_list(tmp_path):
    data = {
        "invoices": [{"total": "5.00", "seller": {"name": "A"}, "line_items": [{"net_amount": "5.00"}]}],
        "confidence": {"total": "high", "line_items": "medium"},
        "warnings": [
            {"code": "x", "field": "line_items[0].net_amount", "review": True},
            {"code": "y", "field": "total", "review": False},
            {"code": "z", "field": None, "review": True},
        ],
    }
    found = judged(tmp_path, {"total": "5", "seller": {"name": "A"}, "line_items": [{"net_amount": "5"}]}, data)
    assert {path: (one.confidence, one.flagged) for path, one in found.items()} == {
        "total": ("high", False),
        "seller.name": (None, False),
        "line_items[0].net_amount": ("medium", True),
    }
    assert {one.lost for one in found.values()} == {None}


def test_a_right_value_of_the_model_that_we_do_not_give_is_lost(tmp_path):
    raw = answer(invoice(invoice_number="A-1", total="118.00", currency="EUR"))
    data = {"invoices": [{"invoice_number": "A-1", "total": None, "currency": "USD"}]}
    found = judged(tmp_path, {"invoice_number": "A-1", "total": "118", "currency": "EUR"}, data, raw)
    assert {path: one.lost for path, one in found.items()} == {"invoice_number": False, "total": True, "currency": True}


def test_a_wrong_value_of_the_model_that_we_give_rightly_is_put_right(tmp_path):
    raw = answer(invoice(invoice_number="A-1", currency="USD"))
    data = {"invoices": [{"invoice_number": "A-1", "currency": "EUR"}]}
    found = judged(tmp_path, {"invoice_number": "A-1", "currency": "EUR"}, data, raw)
    assert {path: one.corrected for path, one in found.items()} == {"invoice_number": False, "currency": True}


def test_it_is_enough_that_one_of_two_answers_is_right_and_one_that_is_no_answer_is_passed_over(tmp_path):
    first = answer(invoice(invoice_number="A-1", total="118.00"))
    second = answer(invoice(invoice_number="A-1", total="181.00"))
    data = {"invoices": [{"invoice_number": "A-1", "total": "181.00"}]}
    found = judged(tmp_path, {"total": "118.00"}, data, first, second, '{"document_sta')
    assert found["total"].lost


def test_without_an_answer_nothing_is_right_not_even_what_is_not_there(tmp_path):
    found = judged(tmp_path, {"total": "118.00", "due_date": None}, {})
    assert {path: one.compared.verdict for path, one in found.items()} == {"total": Verdict.MISSING}
