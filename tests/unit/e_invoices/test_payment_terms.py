"""The due date and the discounts for early payment, in each syntax that has them."""

from datetime import date
from decimal import Decimal

import pytest

from shared_code.e_invoices.reader import read_e_invoice
from shared_code.invoices.schema import CashDiscount
from tests.unit.e_invoices.written import cii, fatturapa, fatturapa_body, ubl

SKONTO = "#SKONTO#TAGE=7#PROZENT=3.00#\n#SKONTO#TAGE=14#PROZENT=2.25#BASISBETRAG=100.00#\nNet in 30 days"


def day(written: str, tag: str = "DueDateDateTime") -> str:
    return f'<ram:{tag}><udt:DateTimeString format="102">{written}</udt:DateTimeString></ram:{tag}>'


def term(due: str = "", *, words: str = "", discount: str = "", part: str = "") -> str:
    described = f"<ram:Description>{words}</ram:Description>" if words else ""
    terms = f"<ram:ApplicableTradePaymentDiscountTerms>{discount}</ram:ApplicableTradePaymentDiscountTerms>"
    return (
        f"<ram:SpecifiedTradePaymentTerms>{described}{day(due) if due else ''}{part}"
        f"{terms if discount else ''}</ram:SpecifiedTradePaymentTerms>"
    )


def days(count: str, percent: str, *, more: str = "", unit: str = "DAY") -> str:
    return (
        f'{more}<ram:BasisPeriodMeasure unitCode="{unit}">{count}</ram:BasisPeriodMeasure>'
        f"<ram:CalculationPercent>{percent}</ram:CalculationPercent>"
    )


def read(*terms: str):
    invoice = read_e_invoice(cii(settlement="".join(terms))).invoice
    discounts = invoice.payment.discounts if invoice.payment else ()
    return invoice.due_date, [(each.percent, each.until, each.base) for each in discounts]


NET = term("20260214", words="Net")
PART = "<ram:PartialPaymentAmount>50.00</ram:PartialPaymentAmount>"
TWO, THREE = Decimal(2), Decimal(3)


@pytest.mark.parametrize(
    ("terms", "due", "discounts"),
    [
        pytest.param([NET], date(2026, 2, 14), [], id="one day"),
        pytest.param(
            [term("20260129", discount=days("14", "2")), NET],
            date(2026, 2, 14),
            [(TWO, date(2026, 1, 29), None)],
            id="discount first",
        ),
        pytest.param(
            [NET, term("20260129", discount=days("14", "2"))],
            date(2026, 2, 14),
            [(TWO, date(2026, 1, 29), None)],
            id="discount last",
        ),
        pytest.param(
            [term("20260122", discount=days("7", "3")), term("20260129", discount=days("14", "2")), NET],
            date(2026, 2, 14),
            [(THREE, date(2026, 1, 22), None), (TWO, date(2026, 1, 29), None)],
            id="two discounts",
        ),
        pytest.param(
            [term("20260214", discount=days("14", "2"))],
            date(2026, 2, 14),
            [(TWO, date(2026, 1, 29), None)],
            id="one term with the net day and a discount before it",
        ),
        pytest.param(
            [term(discount=days("10", "2", more=day("20260120", "BasisDateTime")))],
            None,
            [(TWO, date(2026, 1, 30), None)],
            id="counted from a day of its own",
        ),
        pytest.param(
            [term("20260129", discount="<ram:CalculationPercent>2</ram:CalculationPercent>"), NET],
            date(2026, 2, 14),
            [(TWO, date(2026, 1, 29), None)],
            id="no period",
        ),
        pytest.param([term(discount=days("1", "2", unit="MON"))], None, [(TWO, date(2026, 2, 15), None)], id="a month"),
        pytest.param(
            [
                term(
                    discount=(
                        '<ram:BasisPeriodMeasure unitCode="DAY">14</ram:BasisPeriodMeasure>'
                        "<ram:BasisAmount>119.00</ram:BasisAmount><ram:ActualDiscountAmount>3.57</ram:ActualDiscountAmount>"
                    )
                )
            ],
            None,
            [(THREE, date(2026, 1, 29), Decimal("119.00"))],
            id="an amount",
        ),
        pytest.param(
            [term("20260129", words="2,5 % Skonto bis"), term("20260214", words="Zahlbar ohne Abschlag bis")],
            date(2026, 2, 14),
            [(Decimal("2.5"), date(2026, 1, 29), None)],
            id="a discount in words only",
        ),
        pytest.param(
            [term("20260129", words="Mit Skonto bis"), term("20260214", words="Netto bis")],
            date(2026, 2, 14),
            [(None, date(2026, 1, 29), None)],
            id="a discount in words without a percentage",
        ),
        pytest.param(
            [term("20260214", words="Bis 29.01. 2 % Skonto, netto bis 14.02.")],
            date(2026, 2, 14),
            [],
            id="both in words",
        ),
        pytest.param([term("20260314"), term("20260214"), term("20260414")], date(2026, 2, 14), [], id="instalments"),
        pytest.param(
            [
                term("20260129", discount=days("14", "2"), part=PART),
                term("20260214", part=PART),
                term("20260314", part=PART),
            ],
            date(2026, 2, 14),
            [(TWO, date(2026, 1, 29), None)],
            id="instalments with a discount",
        ),
        pytest.param([term("20260214", discount=days("14", "0"))], date(2026, 2, 14), [], id="no discount after all"),
    ],
)
def test_the_due_date_is_that_of_the_net_payment(terms, due, discounts):
    assert read(*terms) == (due, discounts)


@pytest.mark.parametrize("read_words", ["cii", "ubl"])
def test_discounts_in_the_form_of_xrechnung_are_read_and_stay_on_their_lines(read_words):
    terms = f"<cac:PaymentTerms><cbc:Note>{SKONTO}</cbc:Note></cac:PaymentTerms>"
    data = cii(settlement=term("20260214", words=SKONTO)) if read_words == "cii" else ubl(terms)
    payment = read_e_invoice(data).invoice.payment
    assert payment.terms == SKONTO
    assert payment.discounts == (
        CashDiscount(percent=Decimal("3.00"), until=date(2026, 1, 22)),
        CashDiscount(percent=Decimal("2.25"), until=date(2026, 1, 29), base=Decimal("100.00")),
    )


def test_ubl_payment_terms_tell_discount_and_net_payment_apart():
    discount = (
        "<cac:PaymentTerms><cbc:SettlementDiscountPercent>2</cbc:SettlementDiscountPercent>"
        "<cbc:PaymentDueDate>2026-01-29</cbc:PaymentDueDate></cac:PaymentTerms>"
    )
    net = "<cac:PaymentTerms><cbc:PaymentDueDate>2026-02-14</cbc:PaymentDueDate></cac:PaymentTerms>"
    for body in (discount + net, net + discount):
        invoice = read_e_invoice(ubl(body)).invoice
        assert invoice.due_date == date(2026, 2, 14)
        assert invoice.payment.discounts == (CashDiscount(percent=Decimal(2), until=date(2026, 1, 29)),)


def payments(*details: str) -> bytes:
    rows = "".join(f"<DettaglioPagamento>{detail}</DettaglioPagamento>" for detail in details)
    return fatturapa(
        fatturapa_body(payment=f"<DatiPagamento><CondizioniPagamento>TP01</CondizioniPagamento>{rows}</DatiPagamento>")
    )


def test_fatturapa_gives_discounts_as_amounts_with_a_day():
    data = payments(
        "<DataScadenzaPagamento>2026-02-14</DataScadenzaPagamento><ImportoPagamento>122.00</ImportoPagamento>"
        "<ScontoPagamentoAnticipato>2.44</ScontoPagamentoAnticipato>"
        "<DataLimitePagamentoAnticipato>2026-01-29</DataLimitePagamentoAnticipato>"
    )
    invoice = read_e_invoice(data).invoice
    assert invoice.due_date == date(2026, 2, 14)
    expected = CashDiscount(percent=TWO, until=date(2026, 1, 29), base=Decimal("122.00"))
    assert invoice.payment.discounts == (expected,)


def test_fatturapa_counts_days_and_gives_the_first_instalment():
    counted = (
        "<DataRiferimentoTerminiPagamento>2026-01-15</DataRiferimentoTerminiPagamento>"
        "<GiorniTerminiPagamento>30</GiorniTerminiPagamento><ImportoPagamento>61.00</ImportoPagamento>"
    )
    later = "<DataScadenzaPagamento>2026-03-14</DataScadenzaPagamento><ImportoPagamento>61.00</ImportoPagamento>"
    assert read_e_invoice(payments(later, counted)).invoice.due_date == date(2026, 2, 14)
