from dataclasses import replace
from datetime import date
from decimal import Decimal as D  # noqa: N817 - a table of amounts

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared_code.invoices.schema import India, Invoice, LineItem, Tax, Withholding
from shared_code.invoices.sums import check_sums, with_proven_totals


def line(quantity, price, net=None, **more):
    amounts = {name: D(value) for name, value in more.items()}
    return LineItem(quantity=D(quantity), unit_price=D(price), net_amount=None if net is None else D(net), **amounts)


def tax(name, rate, amount, base=None):
    return Tax(name=name, rate=D(rate), amount=D(amount), taxable_amount=None if base is None else D(base))


def codes(invoice, **options):
    return [check.finding.code for check in check_sums(invoice, **options) if check.finding]


def money(**values):
    return {name: D(value) for name, value in values.items()}


GST_INTRA = Invoice(
    currency="INR",
    line_items=(line("1250", "104.50", "130625.00"), line("75", "212.00", "15900.00"), line("1", "1850.00", "1850.00")),
    taxes=(tax("CGST", "9", "13353.75"), tax("SGST", "9", "13353.75")),
    **money(subtotal="148375.00", net_total="148375.00", tax_total="26707.50", round_off="0.50", total="175083.00"),
)
GST_INTER = Invoice(
    currency="INR",
    taxes=(tax("IGST", "5", "17971.98"),),
    **money(net_total="359439.63", tax_total="17971.98", total="377411.61"),
)
GHANA_2026 = Invoice(
    currency="GHS",
    invoice_date=date(2026, 3, 5),
    line_items=(line("400", "98.00", "39200.00"), line("2.5", "9800.00", "24500.00")),
    taxes=(tax("NHIL", "2.5", "1592.50"), tax("GETFund", "2.5", "1592.50"), tax("VAT", "15", "9555.00")),
    **money(subtotal="63700.00", net_total="63700.00", tax_total="12740.00", total="76440.00"),
)
GHANA_2025 = Invoice(  # the levies enter the base of the VAT
    currency="GHS",
    invoice_date=date(2025, 6, 1),
    taxes=(
        tax("NHIL", "2.5", "25.00"),
        tax("GETFund", "2.5", "25.00"),
        tax("COVID-19 HRL", "1", "10.00"),
        tax("VAT", "15", "159.00"),
    ),
    **money(net_total="1000.00", tax_total="219.00", total="1219.00"),
)
CONSISTENT = {
    "gst within a state, with round-off": GST_INTRA,
    "gst between states": GST_INTER,
    "ghana from 2026": GHANA_2026,
    "ghana before 2026": GHANA_2025,
    "discount before tax": Invoice(currency="USD", line_items=(line(8, 90, 720), line(8, 90, 720)), **money(subtotal="1440", discount_total="4", net_total="1436", tax_total="100.52", total="1536.52")),
    "discount printed as a negative amount": Invoice(currency="USD", **money(subtotal="1440", discount_total="-4", net_total="1436", total="1436")),
    "freight": Invoice(currency="USD", line_items=(line(18000, "1.28", "23040.00"),), taxes=(tax("IGST", "0", "0.00"),), **money(subtotal="23040.00", charges_total="950.00", net_total="23990.00", tax_total="0.00", total="23990.00")),
    "prices with tax": Invoice(currency="EUR", line_items=(line(1, "399.00", "399.00"), line(1, "318.97", "318.97")), taxes=(tax("BTW", 21, "124.61"),), **money(subtotal="717.97", net_total="593.36", tax_total="124.61", total="717.97")),
    "prices with tax and no subtotal": Invoice(currency="EUR", line_items=(line(1, "717.97", "717.97"),), **money(net_total="593.36", tax_total="124.61", total="717.97")),
    "earlier balance": Invoice(currency="USD", **money(net_total="100", tax_total="10", total="110", previous_balance="500", amount_due="610")),
    "paid in part": Invoice(currency="USD", **money(total="19647.68", amount_paid="15000.00", amount_due="4647.68")),
    "paid in full, payment not printed": Invoice(currency="USD", **money(total="710.00", amount_due="0.00")),
    "rounding of the payable amount": Invoice(currency="EUR", **money(net_total="100", tax_total="19", total="119", round_off="0.02", amount_due="119.02")),
    "tax withheld from the payment": Invoice(currency="INR", withholdings=(Withholding(name="TDS", amount=D(10)),), **money(total="118", amount_due="108")),
    "tax collected on top": Invoice(currency="INR", withholdings=(Withholding(name="TCS", amount=D(1)),), **money(net_total="100", tax_total="18", total="119")),
    "reverse charge": Invoice(currency="INR", india=India(reverse_charge=True), **money(net_total="100", tax_total="18", total="100")),
    "several rates, base printed": Invoice(currency="EUR", taxes=(tax("VAT", 7, "7.00", 100), tax("VAT", 19, "38.00", 200)), **money(net_total="300", tax_total="45", total="345")),
    "several rates, base by line": Invoice(currency="EUR", line_items=(line(1, 100, 100, tax_rate=7), line(1, 200, 200, tax_rate=19)), taxes=(tax("VAT", 7, "7.00"), tax("VAT", 19, "38.00")), **money(net_total="300", tax_total="45", total="345")),
    "rounded unit price": Invoice(currency="EUR", line_items=(line(300, "0.33", "100.00"),)),
    "line discount": Invoice(currency="EUR", line_items=(line(10, "20.00", "180.00", discount_amount="20.00"),), **money(subtotal="180.00")),
    "yen have no cents": Invoice(currency="JPY", line_items=(line(3, "333", "999"),), taxes=(tax("VAT", 10, "99"),), **money(subtotal="999", net_total="999", tax_total="99", total="1098")),
    "credit note, negative throughout": Invoice(document_type="credit_note", currency="EUR", line_items=(line(-2, "50.00", "-100.00"),), taxes=(tax("VAT", 19, "-19.00"),), **money(subtotal="-100", net_total="-100", tax_total="-19", total="-119")),
    "correction of an invoice that was paid in part": Invoice(currency="EUR", **money(total="-214.20", amount_paid="-14.20", amount_due="-200.00")),
    "reverse charge that names the rate": Invoice(currency="EUR", taxes=(Tax(name="VAT", rate=D(19), taxable_amount=D(100), amount=D(0), category="AE"),), **money(net_total="100", tax_total="0", total="100")),
    "reverse charge of GST that names the rate": Invoice(currency="INR", india=India(reverse_charge=True), taxes=(tax("IGST", 18, 0),), **money(net_total="100", tax_total="0", total="100")),
    "nothing to check": Invoice(currency="EUR", **money(total="5")),
}  # fmt: skip
WRONG = {
    "line_mismatch": Invoice(currency="EUR", line_items=(line(3, "10.00", "40.00"),)),
    "lines_incomplete": Invoice(currency="EUR", line_items=(line(1, "10.00", "10.00"),), **money(subtotal="170.00")),
    "net_mismatch": Invoice(currency="EUR", **money(subtotal="100", discount_total="10", net_total="95")),
    "tax_mismatch": Invoice(currency="EUR", taxes=(tax("VAT", 7, "7.00", 100), tax("VAT", 19, "38.00", 200)), **money(tax_total="44.00")),
    "tax_rate_mismatch": Invoice(currency="EUR", taxes=(tax("BTW", 21, "10.00"),), **money(net_total="100.00")),
    "total_mismatch": Invoice(currency="EUR", **money(net_total="2535.00", tax_total="507.00", total="3000.00")),
    "due_mismatch": Invoice(currency="INR", **money(total="708000.00", amount_due="654321.00")),
    "round_off_large": Invoice(currency="INR", **money(net_total="100", total="105", round_off="5")),
}  # fmt: skip


@pytest.mark.parametrize("name", CONSISTENT)
def test_honest_documents_pass(name):
    assert codes(CONSISTENT[name]) == []


@pytest.mark.parametrize("code", WRONG)
def test_each_wrong_sum_is_found_and_nothing_else(code):
    assert codes(WRONG[code]) == [code]


def test_a_finding_names_both_figures():
    finding = next(check.finding for check in check_sums(WRONG["total_mismatch"]) if check.finding)
    assert (finding.field, finding.expected, finding.found, finding.review) == ("total", "3042.00", "3000.00", True)


def test_lines_with_a_percentage_discount_are_not_checked():
    invoice = Invoice(currency="USD", line_items=(line(1, 3000, 2550),))
    assert codes(invoice) == ["line_mismatch"]
    assert codes(invoice, unchecked_lines={0}) == []


def test_lines_of_a_whole_order_need_not_add_up_to_one_of_its_invoices():
    billed = Invoice(
        line_items=(line(1, 100, 100), line(2, 50, 90)), **money(net_total="40", tax_total="0", total="40")
    )
    assert codes(billed, lines_of_order=True) == ["line_mismatch"]
    assert codes(billed) == ["line_mismatch", "lines_incomplete"]


def test_a_rate_of_minus_a_hundred_percent_is_no_accident():
    assert codes(Invoice(taxes=(tax("VAT", -100, "5", "10"),))) == ["tax_rate_mismatch"]


def test_many_wrong_lines_are_reported_ten_by_ten():
    invoice = Invoice(currency="EUR", line_items=tuple(line(1, 1, 2) for _ in range(500)))
    assert codes(invoice) == ["line_mismatch"] * 11


def test_the_covid_levy_is_remarked_on_after_its_end():
    invoice = Invoice(
        currency="GHS",
        invoice_date=date(2026, 2, 1),
        taxes=(tax("COVID-19 Levy", 1, "10.00"),),
        **money(net_total="1000"),
    )
    assert codes(invoice) == ["abolished_levy"]


def test_sums_that_nobody_printed_are_given_only_when_the_total_proves_them():
    printed = Invoice(
        currency="INR", taxes=GST_INTRA.taxes, **money(subtotal="148375.00", round_off="0.50", total="175083.00")
    )
    assert with_proven_totals(printed).tax_total == D("26707.50")
    assert with_proven_totals(printed).net_total == D("148375.00")
    wrong = Invoice(currency="INR", taxes=GST_INTRA.taxes, **money(subtotal="148375.00", total="99.00"))
    assert with_proven_totals(wrong) == wrong


def test_a_discount_on_a_line_that_is_taken_back_is_taken_back_too():
    back = line("-2", "50", "-90", discount_amount=D(-10))
    assert codes(Invoice(currency="EUR", line_items=(back,))) == []
    assert codes(Invoice(currency="EUR", line_items=(replace(back, net_amount=D(-80)),))) == ["line_mismatch"]


CENTS = st.integers(1, 10_000_000).map(lambda cents: D(cents) / 100)


@st.composite
def invoices(draw):
    """Documents whose sums are right, rounded to cents line by line as programs do."""
    rate = draw(st.sampled_from([D(0), D(5), D(7), D("12.5"), D(19), D(21)]))
    lines = tuple(
        line(quantity, price, (quantity * price).quantize(D("0.01")))
        for quantity, price in draw(st.lists(st.tuples(st.integers(1, 99).map(D), CENTS), min_size=1, max_size=8))
    )
    subtotal = sum(entry.net_amount for entry in lines)
    discount = (subtotal * draw(st.integers(0, 20)) / 100).quantize(D("0.01"))
    net = subtotal - discount
    amount = (net * rate / 100).quantize(D("0.01"))
    return Invoice(currency="EUR", line_items=lines, taxes=(tax("VAT", rate, amount),), subtotal=subtotal, discount_total=discount, net_total=net, tax_total=amount, total=net + amount, amount_due=net + amount)  # fmt: skip


@settings(derandomize=True, max_examples=60, deadline=None, database=None)
@given(invoices())
def test_right_sums_are_never_doubted(invoice):
    assert codes(invoice) == []


@settings(derandomize=True, max_examples=60, deadline=None, database=None)
@given(invoices(), st.sampled_from(["total", "net_total", "tax_total", "subtotal"]), st.integers(4, 10_000))
def test_a_changed_figure_is_always_found(invoice, field, cents):
    """Three minor units are the tolerance of a sum of three; anything above must show."""

    changed = replace(invoice, **{field: getattr(invoice, field) + D(cents + len(invoice.line_items)) / 100})
    assert codes(changed)
