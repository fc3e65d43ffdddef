"""Amounts, prices, dates and currencies as programs really write them, in each syntax that can have the fault."""

from datetime import date
from decimal import Decimal

import pytest

from shared_code.e_invoices.detection import reading_of
from shared_code.e_invoices.reader import read_e_invoice
from shared_code.e_invoices.xml import XmlValues
from shared_code.invoices.result import build_result
from shared_code.invoices.schema import as_dict
from tests.unit.e_invoices.written import cii, cii_line, fatturapa, fatturapa_body, ubl


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("238.00", "238.00"),
        ("238.000000000000", "238.000000000000"),
        ("238.00000000000000", "238"),
        ("199.99999999999997", "200"),
        ("0.30000000000000004", "0.3"),
        ("1234567.8900000001", "1234567.89"),
        ("12345678901234.56", "12345678901234.56"),
        ("33.333333333333336", "33.333333333333"),
        ("0.00001049", "0.00001049"),
        ("2.38E2", "238"),
        ("1E+05", "100000"),
        ("1.049e-05", "0.00001049"),
        ("-1.4210854715202004e-14", "0"),
        ("+5", "5"),
        ("0." + "3" * 400, "0.333333333333"),
        ("0" * 30 + "5.10", "5.10"),
    ],
)
def test_decimals_and_floats_of_any_length_are_numbers(written, value):
    values = XmlValues()
    read = values.amount(written, "total")
    assert (read, format(read, "f").removeprefix("-")) == (Decimal(value), value.removeprefix("-"))
    assert values.findings == []


@pytest.mark.parametrize("written", ["1E+30", "9" * 16, "1." + "1" * 2000])
def test_a_number_beyond_all_amounts_is_not_called_something_else(written):
    values = XmlValues()
    assert values.amount(written, "total") is None
    assert "too large" in values.findings[0].message


@pytest.mark.parametrize("form", ["610", "602", "616", "718"])
def test_a_month_or_another_period_is_a_remark_and_no_error(form):
    occurred = (
        '<ram:ActualDeliverySupplyChainEvent><ram:OccurrenceDateTime><udt:DateTimeString format="'
        f'{form}">202604</udt:DateTimeString></ram:OccurrenceDateTime></ram:ActualDeliverySupplyChainEvent>'
    )
    (reading,) = read_e_invoice(cii(delivery=occurred)).readings
    assert reading.invoice.delivery_date is None
    (finding,) = reading.findings
    assert (finding.code, finding.field, finding.found, finding.review) == (
        "no_single_day",
        "delivery_date",
        "202604",
        False,
    )


def test_prices_keep_eight_decimals():
    goods = (
        "<DettaglioLinee><NumeroLinea>1</NumeroLinea><Descrizione>Scatti</Descrizione><Quantita>20000000.00</Quantita>"
        "<PrezzoUnitario>0.01234567</PrezzoUnitario><PrezzoTotale>246913.40</PrezzoTotale></DettaglioLinee><DatiRiepilogo><ImponibileImporto>246913.40</ImponibileImporto>"
        "</DatiRiepilogo>"
    )
    invoice = read_e_invoice(fatturapa(fatturapa_body(goods=goods))).invoice
    assert as_dict(invoice)["line_items"][0]["unit_price"] == "0.01234567"


def test_given_and_family_name_may_be_the_same():
    seller = (
        "<DatiAnagrafici><Anagrafica><Nome>Pietro</Nome><Cognome>Pietro</Cognome></Anagrafica></DatiAnagrafici>"
        "<Sede><Indirizzo>5</Indirizzo><NumeroCivico>5</NumeroCivico></Sede>"
    )
    party = read_e_invoice(fatturapa(fatturapa_body(), seller=seller)).invoice.seller
    assert (party.name, party.address) == ("Pietro Pietro", "5 5")


def totals(*amounts: str) -> str:
    return "".join(
        f'<ram:GrandTotalAmount currencyID="{each[:3]}">{each[4:]}</ram:GrandTotalAmount>' for each in amounts
    )


@pytest.mark.parametrize("amounts", [("EUR 119.00", "PLN 511.70"), ("PLN 511.70", "EUR 119.00")])
def test_of_a_total_in_two_currencies_the_invoices_own_is_given(amounts):
    invoice = read_e_invoice(cii(totals=totals(*amounts))).invoice
    assert (invoice.currency, invoice.total) == ("EUR", Decimal("119.00"))


@pytest.mark.parametrize(
    ("amounts", "currency"), [(("PLN 511.70",), "PLN"), (("EUR 119.00", "PLN 511.70"), None), ((), None)]
)
def test_without_a_currency_the_totals_tell_it_if_they_agree(amounts, currency):
    data = cii(totals=totals(*amounts) + "<ram:DuePayableAmount>119.00</ram:DuePayableAmount>")
    assert read_e_invoice(data.replace(b"InvoiceCurrencyCode", b"Other")).invoice.currency == currency


def test_taxes_repeated_in_the_currency_of_the_tax_report_are_given_once():
    def tax(currency: str, amount: str) -> str:
        return (
            f'<ram:ApplicableTradeTax><ram:CalculatedAmount currencyID="{currency}">{amount}</ram:CalculatedAmount>'
            "<ram:RateApplicablePercent>19</ram:RateApplicablePercent></ram:ApplicableTradeTax>"
        )

    invoice = read_e_invoice(cii(settlement=tax("EUR", "19.00") + tax("PLN", "81.70"))).invoice
    assert [each.amount for each in invoice.taxes] == [Decimal("19.00")]


@pytest.mark.parametrize(
    ("base", "quantity", "amount", "expected"),
    [
        ("10", "10", "125.00", "12.50"),  # the quantity once more
        ("12.50", "10", "125.00", "12.50"),  # the price once more
        ("100", "4000", "500.00", "0.125"),  # a price for a hundred
    ],
)
def test_a_base_quantity_counts_when_it_gives_the_amount_of_the_line(base, quantity, amount, expected):
    price = f"<ram:ChargeAmount>12.50</ram:ChargeAmount><ram:BasisQuantity>{base}</ram:BasisQuantity>"
    discount = (
        "<ram:SpecifiedTradeAllowanceCharge><ram:ChargeIndicator><udt:Indicator>false</udt:Indicator></ram:ChargeIndicator>"
        "<ram:ActualAmount>5.00</ram:ActualAmount></ram:SpecifiedTradeAllowanceCharge>"
    )
    lowered = str(Decimal(amount) - 5)
    for line in (
        cii_line(price=price, quantity=quantity, amount=amount),
        cii_line(price=price, quantity=quantity, amount=lowered, settlement=discount),
    ):
        (read,) = read_e_invoice(cii(lines=line)).invoice.line_items
        assert read.unit_price == Decimal(expected)


def test_the_registered_name_counts_and_the_trading_name_is_kept():
    organization = (
        "<ram:SpecifiedLegalOrganization><ram:TradingBusinessName>Screw Paradise</ram:TradingBusinessName>"
        "</ram:SpecifiedLegalOrganization>"
    )
    data = cii().replace(b"</ram:SellerTradeParty>", organization.encode() + b"</ram:SellerTradeParty>")
    seller = read_e_invoice(data).invoice.seller
    assert (seller.name, seller.trading_name) == ("Seller Ltd", "Screw Paradise")
    seller = read_e_invoice(data.replace(b"<ram:Name>Seller Ltd</ram:Name>", b"")).invoice.seller
    assert seller.name == "Screw Paradise"


def test_an_amount_that_cannot_be_read_is_said_and_costs_nothing_else():
    (entry,) = read_e_invoice(ubl(totals="<cbc:TaxInclusiveAmount>119,00 EUR</cbc:TaxInclusiveAmount>")).readings
    assert (entry.invoice.invoice_number, entry.invoice.total) == ("U-1", None)
    assert [(finding.code, finding.found) for finding in entry.findings] == [("unreadable_amount", "119,00 EUR")]


@pytest.mark.parametrize(("due", "alarms"), [("470.15", set()), ("700.00", {"due_mismatch"})])
def test_the_minimum_profile_does_not_say_what_was_paid(due, alarms):
    amounts = (
        "<ram:TaxBasisTotalAmount>624.90</ram:TaxBasisTotalAmount><ram:TaxTotalAmount>46.25</ram:TaxTotalAmount>"
        f"<ram:GrandTotalAmount>671.15</ram:GrandTotalAmount><ram:DuePayableAmount>{due}</ram:DuePayableAmount>"
    )
    context = (
        "<rsm:ExchangedDocumentContext><ram:GuidelineSpecifiedDocumentContextParameter><ram:ID>urn:factur-x.eu:1p0:minimum"
        "</ram:ID></ram:GuidelineSpecifiedDocumentContextParameter></rsm:ExchangedDocumentContext><rsm:ExchangedDocument>"
    )
    data = cii(totals=amounts).replace(b"<rsm:ExchangedDocument>", context.encode(), 1)
    result = build_result(reading_of(read_e_invoice(data)), pages=(), today=date(2026, 11, 28))
    assert {finding.code for finding in result.warnings if finding.review} == alarms
