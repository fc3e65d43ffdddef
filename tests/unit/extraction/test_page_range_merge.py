"""Answers about page ranges as one answer: nothing twice, nothing lost, totals from the end, and the sums decide."""

from shared_code.documents.page_ranges import PageRange
from shared_code.extraction.answer.interpret import read_invoices
from shared_code.extraction.answer.page_range_merge import PartAnswer, joined, read_joined
from shared_code.extraction.answer.wire_schema import parse_answer
from shared_code.invoices.text_layer import TextLayer

from .wire_answers import answer, invoice


def line(number, *, page="1", amount="10.00", text=None, **values):
    description = text or f"Article {number}"
    return {"line_no": str(number), "description": description, "net_amount": amount, "page": page} | values


def part(first, last, *lines, sure=None, **values):
    wire = parse_answer(answer(invoice(line_items=lines, **values)))
    return PartAnswer(PageRange(first, last), wire, sure)


def read(*parts):
    (entry,) = read_joined(parts, lambda wire: read_invoices(wire, TextLayer(()))).invoices
    return entry


def texts(entry):
    return [line.description for line in entry.invoice.line_items]


def test_the_head_comes_from_the_first_range_and_the_totals_from_the_last():
    entry = read(
        part(1, 2, line(1), line(2, page="2"), invoice_number="A-1", invoice_date="2026-11-02", total="20.00"),
        part(3, 3, line(3), total="36.00", net_total="30.00", tax_total="6.00", due_date="2026-12-02"),
        part(4, 4, payment_terms="30 days"),
    )
    made = entry.invoice
    assert (made.invoice_number, str(made.total), str(made.net_total)) == ("A-1", "36.00", "30.00")
    assert made.due_date.isoformat() == "2026-12-02"
    assert made.payment.terms == "30 days"
    assert [line.page for line in made.line_items] == [1, 2, 3]


def test_totals_of_a_cut_answer_that_had_seen_all_pages_win_when_their_sums_hold():
    entry = read(
        part(1, 2, line(1), line(2), sure=1, invoice_number="A-1", total="24.00", net_total="20.00", tax_total="4.00"),
        part(2, 2, line(2), total="20.00", net_total="20.00", tax_total="4.00"),
    )
    assert str(entry.invoice.total) == "24.00"
    assert texts(entry) == ["Article 1", "Article 2"]


def test_a_sum_carried_over_the_seam_is_no_line():
    entry = read(
        part(1, 1, line(1), line(2), line(3, amount="20.00", text="Carried forward"), invoice_number="A-1"),
        part(2, 2, line(1, amount="20.00", text="Brought forward"), line(2, text="Article 3"), total="30.00"),
    )
    assert texts(entry) == ["Article 1", "Article 2", "Article 3"]
    assert [finding.code for finding in entry.findings if not finding.review] == ["carried_sums_left_out"]


def test_a_line_that_happens_to_be_the_sum_so_far_stays_when_the_totals_need_it():
    entry = read(
        part(1, 1, line(1), line(2), invoice_number="A-1"),
        part(2, 2, line(3, amount="20.00"), subtotal="40.00", net_total="40.00", tax_total="0.00", total="40.00"),
    )
    assert texts(entry) == ["Article 1", "Article 2", "Article 3"]


def test_a_line_whose_text_goes_on_over_the_page_is_one():
    rest = {"line_no": None, "description": "with gasket", "net_amount": None, "page": "1"}
    entry = read(part(1, 1, line(1), line(2), invoice_number="A-1"), part(2, 2, rest, line(3)))
    assert texts(entry) == ["Article 1", "Article 2 with gasket", "Article 3"]


def test_lines_that_the_model_numbered_itself_are_numbered_on_with_their_taxes():
    tax = {"line_no": "1", "name": "CGST", "rate": "9 %", "amount": "0.90"}
    wire = joined(
        [
            part(1, 1, line(1), line(2), line_taxes=[tax], invoice_number="A-1"),
            part(2, 2, line(1, text="Article 3"), line_taxes=[tax]),
        ]
    ).wire
    rows = wire.invoices[0].rows
    assert [row["line_no"] for row in rows["line_items"]] == ["1", "2", "3"]
    assert [row["line_no"] for row in rows["line_taxes"]] == ["1", "3"]


def test_lines_of_the_page_on_which_an_answer_was_cut_are_there_once():
    """The pages of the lines were guessed wrongly (sure=1); where the lines meet shows it."""
    cut = part(1, 3, *(line(at) for at in range(1, 8)), sure=1, invoice_number="A-1")
    entry = read(cut, part(2, 3, *(line(at) for at in range(4, 11))))
    assert texts(entry) == [f"Article {at}" for at in range(1, 11)]


def test_lines_that_read_a_little_differently_the_second_time_are_taken_by_their_pages():
    cut = part(1, 2, line(1), line(2), line(3, text="Artcle 3"), sure=2, invoice_number="A-1")
    assert texts(read(cut, part(2, 2, line(3), line(4)))) == [f"Article {at}" for at in range(1, 5)]


def test_another_number_begins_another_invoice():
    wire = joined(
        [
            part(1, 2, line(1), invoice_number="A-1", first_page="1", last_page="2"),
            part(3, 4, line(1), invoice_number="B-7", first_page="1", last_page="2"),
        ]
    ).wire
    assert [(one.scalars["invoice_number"], one.scalars["first_page"]) for one in wire.invoices] == [
        ("A-1", "1"),
        ("B-7", "3"),
    ]


def test_a_range_that_is_no_invoice_adds_nothing():
    terms = PartAnswer(PageRange(2, 3), parse_answer(answer(status="not_an_invoice")))
    assert texts(read(part(1, 1, line(1), invoice_number="A-1"), terms)) == ["Article 1"]
