"""Facturae 3.2 to 3.2.2: invoices as the ministry's samples and as programs write them, with values by hand."""

import pytest

from tests.unit.e_invoices.national.played import answer

_NAMESPACES = {
    "3.2": "http://www.facturae.es/Facturae/2009/v3.2/Facturae",
    "3.2.1": "http://www.facturae.es/Facturae/2014/v3.2.1/Facturae",
    "3.2.2": "http://www.facturae.gob.es/formato/Versiones/Facturaev3_2_2.xml",
}
_SELLER = (
    "<TaxIdentification><PersonTypeCode>J</PersonTypeCode><ResidenceTypeCode>R</ResidenceTypeCode>"
    "<TaxIdentificationNumber>A58818501</TaxIdentificationNumber></TaxIdentification><LegalEntity><CorporateName>"
    "Suministros Ejemplo SA</CorporateName><TradeName>Ejemplo</TradeName><AddressInSpain><Address>Calle Mayor 1</Address>"
    "<PostCode>28013</PostCode><Town>Madrid</Town><Province>Madrid</Province><CountryCode>ESP</CountryCode></AddressInSpain>"
    "<ContactDetails><Telephone>910000000</Telephone><ElectronicMail>ventas@ejemplo.example</ElectronicMail></ContactDetails>"
    "</LegalEntity>"
)
_PERSON = (
    "<TaxIdentification><PersonTypeCode>F</PersonTypeCode><ResidenceTypeCode>E</ResidenceTypeCode>"
    "<TaxIdentificationNumber>123-45</TaxIdentificationNumber></TaxIdentification><Individual><Name>Ana</Name><FirstSurname>"
    "Neri</FirstSurname><SecondSurname>Paz</SecondSurname><OverseasAddress><Address>Main Street 1</Address><PostCodeAndTown>"
    "10001 New York</PostCodeAndTown><Province>NY</Province><CountryCode>USA</CountryCode></OverseasAddress></Individual>"
)


def _tax(rate, base, amount, code="01", more=""):
    return (
        f"<Tax><TaxTypeCode>{code}</TaxTypeCode><TaxRate>{rate}</TaxRate><TaxableBase><TotalAmount>{base}</TotalAmount>"
        f"</TaxableBase><TaxAmount><TotalAmount>{amount}</TotalAmount></TaxAmount>{more}</Tax>"
    )


def _line(quantity, price, gross, *, rate="21.00", more="", before=""):
    return (
        f"<InvoiceLine>{before}<ItemDescription>Servicio</ItemDescription><Quantity>{quantity}</Quantity><UnitOfMeasure>02"
        f"</UnitOfMeasure><UnitPriceWithoutTax>{price}</UnitPriceWithoutTax><TotalCost>{gross}</TotalCost>{more}<GrossAmount>"
        f"{gross}</GrossAmount><TaxesOutputs>{_tax(rate, gross, '0.00')}</TaxesOutputs></InvoiceLine>"
    )


def _facturae(*invoices, version="3.2.2", buyer=_SELLER, header=""):
    return (
        f'<fe:Facturae xmlns:fe="{_NAMESPACES[version]}"><FileHeader><SchemaVersion>{version}</SchemaVersion>'
        f"<Modality>I</Modality>{header or '<InvoiceIssuerType>EM</InvoiceIssuerType>'}</FileHeader><Parties><SellerParty>{_SELLER}"
        f"</SellerParty><BuyerParty>{buyer}</BuyerParty></Parties><Invoices>{''.join(invoices)}</Invoices></fe:Facturae>"
    )


def _invoice(*, number="25", header="", issue="", taxes, withheld="", totals, lines, payment="", currency="EUR"):
    return (
        f"<Invoice><InvoiceHeader><InvoiceNumber>{number}</InvoiceNumber><InvoiceSeriesCode>A</InvoiceSeriesCode>"
        f"<InvoiceDocumentType>FC</InvoiceDocumentType>{header or '<InvoiceClass>OO</InvoiceClass>'}</InvoiceHeader>"
        f"<InvoiceIssueData><IssueDate>2026-05-04</IssueDate><InvoiceCurrencyCode>{currency}</InvoiceCurrencyCode>{issue}"
        f"<TaxCurrencyCode>EUR</TaxCurrencyCode></InvoiceIssueData><TaxesOutputs>{taxes}</TaxesOutputs>{withheld}"
        f"<InvoiceTotals>{totals}</InvoiceTotals><Items>{lines}</Items>{payment}</Invoice>"
    )


def _totals(gross, before, taxes, total, due, *, withheld="0.00", discount="", below="", balance=""):
    return (
        f"<TotalGrossAmount>{gross}</TotalGrossAmount>{discount}<TotalGrossAmountBeforeTaxes>{before}</TotalGrossAmountBeforeTaxes>"
        f"<TotalTaxOutputs>{taxes}</TotalTaxOutputs><TotalTaxesWithheld>{withheld}</TotalTaxesWithheld><InvoiceTotal>{total}"
        f"</InvoiceTotal>{below}<TotalOutstandingAmount>{total}</TotalOutstandingAmount>{balance}"
        f"<TotalExecutableAmount>{due}</TotalExecutableAmount>"
    )


@pytest.mark.parametrize("version", ["3.2", "3.2.1", "3.2.2"])
def test_an_invoice_with_income_tax_kept_back_and_a_discount(version):
    """Hours of 500.00 less 5 % = 475.00; 21 % VAT 99.75; 15 % income tax 71.25: 503.50 to pay."""
    text = _facturae(
        _invoice(
            taxes=_tax("21.00", "475.00", "99.75"),
            withheld=f"<TaxesWithheld>{_tax('15.00', '475.00', '71.25', '04')}</TaxesWithheld>",
            totals=_totals(
                "500.00", "475.00", "99.75", "503.50", "503.50", withheld="71.25",
                discount="<TotalGeneralDiscounts>25.00</TotalGeneralDiscounts>",
            ),
            lines=_line("10.0", "50.00", "500.00", before="<ReceiverTransactionReference>PO-7</ReceiverTransactionReference>"
                        "<DeliveryNotesReferences><DeliveryNote><DeliveryNoteNumber>DN-1</DeliveryNoteNumber></DeliveryNote>"
                        "</DeliveryNotesReferences>"),
            payment="<PaymentDetails><Installment><InstallmentDueDate>2026-06-04</InstallmentDueDate><InstallmentAmount>503.50"
            "</InstallmentAmount><PaymentMeans>04</PaymentMeans><AccountToBeCredited><IBAN>ES91 2100 0418 4502 0005 1332</IBAN>"
            "<BIC>CAIXESBBXXX</BIC></AccountToBeCredited></Installment></PaymentDetails>",
        ),
        version=version,
    )  # fmt: skip
    status, codes, invoice = answer(text)
    assert (status, codes) == ("ok", [])
    assert (invoice["invoice_number"], invoice["invoice_date"], invoice["due_date"]) == (
        "A 25",
        "2026-05-04",
        "2026-06-04",
    )
    assert (invoice["subtotal"], invoice["discount_total"], invoice["net_total"]) == ("500.00", "25.00", "475.00")
    assert (invoice["tax_total"], invoice["total"], invoice["amount_due"]) == ("99.75", "503.50", "503.50")
    assert invoice["taxes"] == [
        {"name": "VAT", "rate": "21.00", "taxable_amount": "475.00", "amount": "99.75", "category": "S"}
    ]
    assert invoice["withholdings"] == [{"name": "IRPF", "rate": "15.00", "amount": "71.25"}]
    assert invoice["seller"] == {
        "name": "Suministros Ejemplo SA", "trading_name": "Ejemplo", "tax_id": "A58818501", "tax_id_type": "VAT",
        "address": "Calle Mayor 1", "city": "Madrid", "state": "Madrid", "postal_code": "28013", "country": "ES",
        "email": "ventas@ejemplo.example", "phone": "910000000",
    }  # fmt: skip
    assert invoice["line_items"] == [
        {"description": "Servicio", "quantity": "10.0", "unit": "HUR", "unit_price": "50.00", "net_amount": "500.00",
         "tax_rate": "21.00", "tax_amount": "0.00", "po_number": "PO-7"}
    ]  # fmt: skip
    assert (invoice["po_numbers"], invoice["delivery_note_numbers"]) == (["PO-7"], ["DN-1"])
    assert invoice["payment"] == {
        "method": "credit transfer",
        "bank_accounts": [{"iban": "ES9121000418450200051332", "bic": "CAIXESBBXXX"}],
    }


def test_a_correction_by_differences_that_lowers_the_amount_is_a_credit_note():
    status, codes, invoice = answer(
        _facturae(
            _invoice(
                number="3R",
                header="<InvoiceClass>OR</InvoiceClass><Corrective><InvoiceNumber>25</InvoiceNumber><InvoiceSeriesCode>A"
                "</InvoiceSeriesCode><ReasonCode>83</ReasonCode><ReasonDescription>Base imponible modificada</ReasonDescription>"
                "<CorrectionMethod>02</CorrectionMethod><InvoiceIssueDate>2026-04-01</InvoiceIssueDate></Corrective>",
                taxes=_tax("21.00", "-100.00", "-21.00"),
                totals=_totals("-100.00", "-100.00", "-21.00", "-121.00", "-121.00"),
                lines=_line("-2", "50.00", "-100.00"),
            )
        )
    )
    assert (status, codes) == ("ok", [])
    assert (invoice["document_type"], invoice["total"]) == ("credit_note", "-121.00")
    assert invoice["original_invoice"] == {"number": "A 25", "date": "2026-04-01"}
    assert invoice["notes"] == "Base imponible modificada"


def test_a_corrective_invoice_that_replaces_the_whole_is_an_invoice():
    _, _, invoice = answer(
        _facturae(
            _invoice(
                header="<InvoiceClass>OR</InvoiceClass><Corrective><InvoiceNumber>24</InvoiceNumber><CorrectionMethod>01"
                "</CorrectionMethod></Corrective>",
                taxes=_tax("21.00", "100.00", "21.00"),
                totals=_totals("100.00", "100.00", "21.00", "121.00", "121.00"),
                lines=_line("2", "50.00", "100.00"),
            )
        )
    )
    assert (invoice["document_type"], invoice["original_invoice"]) == ("invoice", {"number": "24"})


_SURCHARGE = (
    "<EquivalenceSurcharge>5.20</EquivalenceSurcharge><EquivalenceSurchargeAmount><TotalAmount>5.20</TotalAmount>"
    "</EquivalenceSurchargeAmount>"
)
FULL = _facturae(
    _invoice(
        taxes=_tax("21.00", "100.00", "21.00", more=_SURCHARGE),
        totals=_totals(
            "100.00",
            "100.00",
            "26.20",
            "126.20",
            "105.00",
            balance="<TotalPaymentsOnAccount>26.20</TotalPaymentsOnAccount><AmountsWithheld><WithholdingReason>Garantia"
            "</WithholdingReason><WithholdingAmount>10.00</WithholdingAmount></AmountsWithheld>"
            "<TotalReimbursableExpenses>15.00</TotalReimbursableExpenses>",
        ),
        lines=_line("2", "50.00", "100.00"),
    ),
    header="<InvoiceIssuerType>RE</InvoiceIssuerType>",
)


def test_equivalence_surcharge_advances_guarantee_and_expenses():
    """100.00 with 21 % and 5.2 % surcharge: 126.20; 26.20 paid before; 10.00 kept as guarantee; 15.00 of expenses."""
    status, codes, invoice = answer(
        FULL
    )  # fmt: skip
    assert (status, codes) == ("ok", ["self_billed"])
    assert [(tax["name"], tax["rate"], tax["amount"]) for tax in invoice["taxes"]] == [
        ("VAT", "21.00", "21.00"), ("Recargo de equivalencia", "5.20", "5.20"),
    ]  # fmt: skip
    assert (invoice["amount_paid"], invoice["previous_balance"], invoice["amount_due"]) == ("26.20", "5.00", "105.00")


def test_foreign_currency_for_a_foreigner_without_tax():
    """Dollars to a buyer in the United States, exempt: no VAT, the euros beside it."""
    exempt = (
        "<Tax><TaxTypeCode>01</TaxTypeCode><TaxRate>0</TaxRate><TaxableBase><TotalAmount>1000</TotalAmount><EquivalentInEuros>900.00"
        "</EquivalentInEuros></TaxableBase><TaxAmount><TotalAmount>0</TotalAmount><EquivalentInEuros>0.00</EquivalentInEuros>"
        "</TaxAmount></Tax>"
    )
    line = _line("4", "250", "1000", rate="0").replace(
        "</InvoiceLine>",
        "<SpecialTaxableEvent><SpecialTaxableEventCode>01</SpecialTaxableEventCode></SpecialTaxableEvent></InvoiceLine>",
    )
    status, codes, invoice = answer(
        _facturae(
            _invoice(
                currency="USD",
                issue="<ExchangeRateDetails><ExchangeRate>0.90</ExchangeRate></ExchangeRateDetails>",
                taxes=exempt,
                totals=_totals("1000", "1000", "0", "1000", "1000"),
                lines=line,
            ),
            buyer=_PERSON,
        )
    )
    assert (status, codes) == ("ok", [])
    assert (invoice["currency"], invoice["exchange_rate"], invoice["total"]) == ("USD", "0.90", "1000")
    assert (invoice["tax_currency"], invoice["tax_total_in_tax_currency"]) == ("EUR", "0.00")
    assert invoice["taxes"][0]["category"] == "E"
    assert invoice["buyer"] == {
        "name": "Ana Neri Paz", "tax_id": "123-45", "tax_id_type": "OTHER", "address": "Main Street 1", "city": "10001 New York",
        "state": "NY", "country": "US",
    }  # fmt: skip


def test_a_batch_answers_each_of_its_invoices():
    one = {
        "taxes": _tax("10", "10", "1"),
        "totals": _totals("10", "10", "1", "11", "11"),
        "lines": _line("1", "10", "10"),
    }
    status, _, invoice = answer(_facturae(_invoice(number="1", **one), _invoice(number="2", **one)))
    assert (status, invoice["invoice_number"]) == ("multiple_invoices", "A 1")
