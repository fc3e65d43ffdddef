"""Single values of the three syntaxes, each in a document written for it."""

from datetime import date
from decimal import Decimal

import pytest

from shared_code.e_invoices.detection import reading_of
from shared_code.e_invoices.reader import read_e_invoice
from shared_code.invoices.result import build_result
from tests.unit.e_invoices.written import cii, cii_line, fatturapa, fatturapa_body, ubl

_DATE = "<udt:DateTimeString {}>{}</udt:DateTimeString>"
_ALLOWANCE = (
    "<ram:SpecifiedTradeAllowanceCharge><ram:ChargeIndicator><udt:Indicator>{}</udt:Indicator></ram:ChargeIndicator>"
    "<ram:ActualAmount>{}</ram:ActualAmount></ram:SpecifiedTradeAllowanceCharge>"
)


def codes(data):
    result = build_result(reading_of(read_e_invoice(data)), pages=(), today=date(2026, 11, 21))
    return {finding.code for finding in result.warnings}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (_DATE.format('format="102"', "20260115"), date(2026, 1, 15)),
        (_DATE.format('format="102"', " 2026-01-15 "), date(2026, 1, 15)),
        (_DATE.format('format="203"', "202601151030"), date(2026, 1, 15)),
        (_DATE.format('format="204"', "20260115103000"), date(2026, 1, 15)),
        (_DATE.format('format="205"', "202601151030+01"), date(2026, 1, 15)),
        (_DATE.format('format="101"', "260115"), date(2026, 1, 15)),
        (_DATE.format('format="2"', "150126"), date(2026, 1, 15)),
        (_DATE.format("", "20260115"), date(2026, 1, 15)),
        ("<udt:DateTime>2026-01-15T10:30:00Z</udt:DateTime>", date(2026, 1, 15)),
        ("<udt:DateTime>2026-01-15+01:00</udt:DateTime>", date(2026, 1, 15)),
        (_DATE.format('format="3"', "011526"), date(2026, 1, 15)),
        (_DATE.format('format="4"', "15012026"), date(2026, 1, 15)),
        (_DATE.format('format="610"', "202601"), None),
        (_DATE.format('format="102"', "soon"), None),
        ("", None),
    ],
)
def test_dates_are_read_in_all_forms(written, expected):
    assert read_e_invoice(cii(date=written)).invoice.invoice_date == expected


@pytest.mark.parametrize(
    ("written", "shown"), [("20261301", "2026-13-01"), ("20250229", "2025-02-29"), ("00000000", "0000-00-00")]
)
def test_dates_that_no_calendar_has_are_kept_as_text(written, shown):
    found = read_e_invoice(cii(date=_DATE.format('format="102"', written)))
    assert found.invoice.invoice_date is None
    assert found.invoice.impossible_dates == (("invoice_date", shown),)
    assert [(finding.code, finding.review) for finding in found.readings[0].findings] == [("impossible_date", True)]


def test_what_is_no_date_is_a_finding():
    assert "unreadable_date" in codes(ubl(date="15.01.2026"))


@pytest.mark.parametrize(
    "written", ["1.190,00", "NaN", "Infinity", "INF", "12 3", "0x10", "9" * 40, "1E+30", "--5", ".", "e5"]
)
def test_what_is_no_xml_decimal_is_null_and_a_finding(written):
    found = read_e_invoice(
        ubl(
            totals=f"<cbc:TaxInclusiveAmount>{written}</cbc:TaxInclusiveAmount><cbc:PayableAmount>1</cbc:PayableAmount>"
        )
    )
    assert found.invoice.total is None
    assert [(finding.code, finding.field) for finding in found.readings[0].findings] == [("unreadable_amount", "total")]


@pytest.mark.parametrize("written", ["119", "119.0", "119.00", "-119.00", "0119.5", ".5", "119."])
def test_amounts_stay_as_they_are_written(written):
    found = read_e_invoice(ubl(totals=f"<cbc:TaxInclusiveAmount>\n {written} </cbc:TaxInclusiveAmount>"))
    assert str(found.invoice.total) == str(Decimal(written))


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("380", "invoice"), ("381", "credit_note"), ("261", "credit_note"), ("383", "debit_note"), ("84", "debit_note"),
        ("384", "invoice"), ("326", "invoice"), ("325", "proforma"), ("389", "invoice"), ("999", "other"), ("", None),
    ],
)  # fmt: skip
def test_the_type_code_decides_what_the_document_is(code, expected):
    assert read_e_invoice(cii(type_code=code)).invoice.document_type == expected


@pytest.mark.parametrize(
    ("root", "body", "expected"),
    [
        ("Invoice", "", "invoice"),
        ("Invoice", "<cbc:InvoiceTypeCode>381</cbc:InvoiceTypeCode>", "credit_note"),
        ("CreditNote", "", "credit_note"),
        ("CreditNote", "<cbc:CreditNoteTypeCode>396</cbc:CreditNoteTypeCode>", "credit_note"),
        ("DebitNote", "", "debit_note"),
    ],
)
def test_the_root_of_ubl_counts_too(root, body, expected):
    assert read_e_invoice(ubl(body, root=root)).invoice.document_type == expected


def test_a_credit_note_names_its_invoice_and_may_be_positive():
    body = (
        "<cac:BillingReference><cac:InvoiceDocumentReference><cbc:ID>RE-7</cbc:ID><cbc:IssueDate>2025-12-01</cbc:IssueDate>"
        "</cac:InvoiceDocumentReference></cac:BillingReference><cac:CreditNoteLine><cbc:ID>1</cbc:ID>"
        '<cbc:CreditedQuantity unitCode="C62">2</cbc:CreditedQuantity><cbc:LineExtensionAmount>100.00</cbc:LineExtensionAmount>'
        "<cac:Item><cbc:Name>Return</cbc:Name></cac:Item><cac:Price><cbc:PriceAmount>50</cbc:PriceAmount></cac:Price></cac:CreditNoteLine>"
    )
    result = build_result(reading_of(read_e_invoice(ubl(body, root="CreditNote"))), pages=(), today=date(2026, 11, 21))
    (got,) = result.invoices
    assert (got.original_invoice.number, got.original_invoice.date) == ("RE-7", date(2025, 12, 1))
    assert (got.line_items[0].quantity, got.line_items[0].unit_price) == (2, 50)
    assert not [finding for finding in result.warnings if finding.code == "credit_note_positive" and finding.review]


@pytest.mark.parametrize(
    ("price", "quantity", "amount", "unit_price"),
    [
        ("<ram:ChargeAmount>2.50</ram:ChargeAmount>", "40", "100.00", "2.50"),
        (
            '<ram:ChargeAmount>2.50</ram:ChargeAmount><ram:BasisQuantity unitCode="C62">1.0000</ram:BasisQuantity>',
            "40",
            "100.00",
            "2.50",
        ),
        (
            "<ram:ChargeAmount>2.50</ram:ChargeAmount><ram:BasisQuantity>100</ram:BasisQuantity>",
            "4000",
            "100.00",
            "0.025",
        ),
        ("<ram:ChargeAmount>1000</ram:ChargeAmount><ram:BasisQuantity>10</ram:BasisQuantity>", "1", "100.00", "100"),
        (
            "<ram:ChargeAmount>1</ram:ChargeAmount><ram:BasisQuantity>3</ram:BasisQuantity>",
            "300",
            "100.00",
            "0.3333333333333333333333333333",
        ),
        ("<ram:ChargeAmount>2.50</ram:ChargeAmount><ram:BasisQuantity>0</ram:BasisQuantity>", "40", "100.00", "2.50"),
    ],
)
def test_a_price_for_several_units_becomes_the_price_of_one(price, quantity, amount, unit_price):
    data = cii(lines=cii_line(price=price, quantity=quantity, amount=amount))
    (line,) = read_e_invoice(data).invoice.line_items
    assert str(line.unit_price) == unit_price
    assert not {"line_mismatch", "lines_incomplete"} & codes(data)


def test_a_discount_and_a_surcharge_on_a_line_raise_no_false_alarm():
    price = "<ram:ChargeAmount>60</ram:ChargeAmount>"
    discount = cii(
        lines=cii_line(
            price=price,
            quantity="2",
            amount="100.00",
            settlement=_ALLOWANCE.format("false", "15") + _ALLOWANCE.format("false", "5"),
        )
    )
    surcharge = cii(
        lines=cii_line(price=price, quantity="1", amount="100.00", settlement=_ALLOWANCE.format("true", "40"))
    )
    wrong = cii(lines=cii_line(price=price, quantity="2", amount="100.00"))
    assert read_e_invoice(discount).invoice.line_items[0].discount_amount == 20
    assert "line_mismatch" not in codes(discount) | codes(surcharge)
    assert "line_mismatch" in codes(wrong)


def test_lines_that_only_sum_up_or_remark_are_not_counted_twice():
    group = "<ram:LineID>1</ram:LineID><ram:LineStatusReasonCode>GROUP</ram:LineStatusReasonCode>"
    price = "<ram:ChargeAmount>50</ram:ChargeAmount>"
    remark = (
        "<ram:IncludedSupplyChainTradeLineItem><ram:AssociatedDocumentLineDocument><ram:LineID>0</ram:LineID>"
        "</ram:AssociatedDocumentLineDocument></ram:IncludedSupplyChainTradeLineItem>"
    )
    lines = remark + cii_line(price=price, quantity="2", amount="100", document=group)
    data = cii(lines=lines + cii_line(price=price, quantity="1", amount="50") * 2)
    found = read_e_invoice(data)
    assert len(found.invoice.line_items) == 2
    assert [(finding.code, finding.review) for finding in found.readings[0].findings] == [("repeating_lines", False)]
    assert "lines_incomplete" not in codes(data)


def test_tax_in_a_second_currency_stands_apart():
    totals = (
        '<ram:TaxBasisTotalAmount>100.00</ram:TaxBasisTotalAmount><ram:TaxTotalAmount currencyID="PLN">81.00</ram:TaxTotalAmount>'
        '<ram:TaxTotalAmount currencyID="EUR">19.00</ram:TaxTotalAmount><ram:GrandTotalAmount>119.00</ram:GrandTotalAmount>'
    )
    got = read_e_invoice(cii(settlement="<ram:TaxCurrencyCode>PLN</ram:TaxCurrencyCode>", totals=totals)).invoice
    assert (got.tax_total, got.tax_currency, got.tax_total_in_tax_currency) == (
        Decimal("19.00"),
        "PLN",
        Decimal("81.00"),
    )
    subtotal = "<cac:TaxSubtotal><cbc:TaxableAmount>1</cbc:TaxableAmount><cbc:TaxAmount {0}>{1}</cbc:TaxAmount></cac:TaxSubtotal>"
    body = "<cbc:TaxCurrencyCode>PLN</cbc:TaxCurrencyCode>" + "".join(
        f"<cac:TaxTotal><cbc:TaxAmount {unit}>{amount}</cbc:TaxAmount>{subtotal.format(unit, amount)}</cac:TaxTotal>"
        for unit, amount in (('currencyID="EUR"', "19.00"), ('currencyID="PLN"', "81.00"))
    )
    got = read_e_invoice(ubl(body)).invoice
    assert (got.tax_total, got.tax_total_in_tax_currency) == (Decimal("19.00"), Decimal("81.00"))
    assert [tax.amount for tax in got.taxes] == [Decimal("19.00")]


def test_a_currency_that_does_not_exist_is_null_and_a_finding():
    found = read_e_invoice(ubl().replace(b">EUR<", b">EURO<"))
    assert found.invoice.currency is None
    assert [finding.code for finding in found.readings[0].findings] == ["unknown_currency"]


def test_accounts_are_told_apart_and_not_repeated():
    account = "<cac:PaymentMeans><cbc:PaymentMeansCode>{}</cbc:PaymentMeansCode><cac:PayeeFinancialAccount><cbc:ID>{}</cbc:ID>{}</cac:PayeeFinancialAccount></cac:PaymentMeans>"
    bic = "<cac:FinancialInstitutionBranch><cbc:ID>BPOTBEB1</cbc:ID></cac:FinancialInstitutionBranch>"
    body = account.format("58", "BE91 0000 0014 3476", bic) * 2 + account.format("30", "00123456", "")
    payment = read_e_invoice(ubl(body)).invoice.payment
    assert [(entry.iban, entry.account_number, entry.bic) for entry in payment.bank_accounts] == [
        ("BE91000000143476", None, "BPOTBEB1"),
        (None, "00123456", None),
    ]
    assert payment.method == "SEPA credit transfer"


def test_periods_orders_and_places_of_delivery_are_read():
    ship_to = "<ram:ShipToTradeParty><ram:Name>Depot</ram:Name><ram:PostalTradeAddress><ram:CountryID>AT</ram:CountryID></ram:PostalTradeAddress></ram:ShipToTradeParty>"
    note = "<ram:DespatchAdviceReferencedDocument><ram:IssuerAssignedID>LS-9</ram:IssuerAssignedID></ram:DespatchAdviceReferencedDocument>"
    period = "<ram:BillingSpecifiedPeriod><ram:StartDateTime>{}</ram:StartDateTime><ram:EndDateTime>{}</ram:EndDateTime></ram:BillingSpecifiedPeriod>"
    order = "<ram:BuyerOrderReferencedDocument><ram:IssuerAssignedID>PO-5</ram:IssuerAssignedID></ram:BuyerOrderReferencedDocument>"
    days = [_DATE.format('format="102"', day) for day in ("20260101", "20260131")]
    got = read_e_invoice(cii(agreement=order, delivery=ship_to + note, settlement=period.format(*days))).invoice
    assert (got.po_numbers, got.delivery_note_numbers) == (("PO-5",), ("LS-9",))
    assert (got.ship_to.name, got.ship_to.country) == ("Depot", "AT")
    assert (got.service_period_start, got.service_period_end) == (date(2026, 1, 1), date(2026, 1, 31))


def test_an_envelope_of_the_network_is_opened():
    assert (
        read_e_invoice(b"<StandardBusinessDocument><Header/>" + ubl() + b"</StandardBusinessDocument>").syntax == "UBL"
    )


def test_comments_and_instructions_between_the_values_do_no_harm():
    data = ubl().replace(b"<cbc:ID>U-1", b"<?note here?><cbc:ID>U<!-- what -->-1")
    assert read_e_invoice(data).invoice.invoice_number == "U-1"


def test_fatturapa_withholding_and_social_fund_add_up():
    general = (
        "<DatiRitenuta><TipoRitenuta>RT01</TipoRitenuta><ImportoRitenuta>2800.00</ImportoRitenuta><AliquotaRitenuta>20.00</AliquotaRitenuta></DatiRitenuta>"
        "<DatiCassaPrevidenziale><ImportoContributoCassa>560.00</ImportoContributoCassa></DatiCassaPrevidenziale>"
        "<ImportoTotaleDocumento>17763.20</ImportoTotaleDocumento>"
    )
    goods = (
        "<DettaglioLinee><Descrizione>Compenso</Descrizione><PrezzoUnitario>14000.00</PrezzoUnitario><PrezzoTotale>14000.00</PrezzoTotale></DettaglioLinee>"
        "<DatiRiepilogo><AliquotaIVA>22.00</AliquotaIVA><ImponibileImporto>14560.00</ImponibileImporto><Imposta>3203.20</Imposta></DatiRiepilogo>"
    )
    payment = "<DatiPagamento><DettaglioPagamento><ImportoPagamento>14963.20</ImportoPagamento></DettaglioPagamento></DatiPagamento>"
    data = fatturapa(fatturapa_body(general=general, goods=goods, payment=payment))
    got = read_e_invoice(data).invoice
    assert got.seller.name == "Anna Neri"
    assert (got.withholdings[0].amount, got.charges_total, got.amount_due) == (
        Decimal("2800.00"),
        Decimal("560.00"),
        Decimal("14963.20"),
    )
    assert codes(data) == set()


def test_fatturapa_split_payment_adds_up():
    goods = (
        "<DatiRiepilogo><AliquotaIVA>22.00</AliquotaIVA><ImponibileImporto>100.00</ImponibileImporto><Imposta>22.00</Imposta>"
        "<EsigibilitaIVA>S</EsigibilitaIVA></DatiRiepilogo>"
    )
    payment = "<DatiPagamento><DettaglioPagamento><ImportoPagamento>100.00</ImportoPagamento></DettaglioPagamento></DatiPagamento>"
    total = "<ImportoTotaleDocumento>122.00</ImportoTotaleDocumento>"
    data = fatturapa(fatturapa_body(general=total, goods=goods, payment=payment))
    assert [(entry.name, entry.amount) for entry in read_e_invoice(data).invoice.withholdings] == [
        ("VAT", Decimal("22.00"))
    ]
    assert codes(data) == set()


@pytest.mark.parametrize(
    ("amounts", "due"),
    [(["50.00", "72.00"], Decimal("122.00")), (["122.00"], Decimal("122.00")), (["122.00", "122.00"], None)],
)
def test_fatturapa_instalments_are_summed_and_alternatives_are_not(amounts, due):
    parts = "".join(
        f"<DettaglioPagamento><ImportoPagamento>{amount}</ImportoPagamento></DettaglioPagamento>" for amount in amounts
    )
    body = fatturapa_body(
        general="<ImportoTotaleDocumento>122.00</ImportoTotaleDocumento>",
        payment=f"<DatiPagamento>{parts}</DatiPagamento>",
    )
    assert read_e_invoice(fatturapa(body)).invoice.amount_due == due


@pytest.mark.parametrize(
    ("discount", "amount", "expected"),
    [
        ("<Tipo>SC</Tipo><Importo>1.00</Importo>", "90.00", Decimal("10.00")),
        ("<Tipo>SC</Tipo><Importo>10.00</Importo>", "90.00", Decimal("10.00")),
        ("<Tipo>SC</Tipo><Percentuale>10.00</Percentuale>", "90.00", None),
        ("<Tipo>MG</Tipo><Importo>1.00</Importo>", "110.00", None),
    ],
)
def test_fatturapa_line_discounts_raise_no_false_alarm(discount, amount, expected):
    goods = (
        f"<DettaglioLinee><Descrizione>Viti</Descrizione><Quantita>10.00</Quantita><PrezzoUnitario>10.00</PrezzoUnitario>"
        f"<ScontoMaggiorazione>{discount}</ScontoMaggiorazione><PrezzoTotale>{amount}</PrezzoTotale></DettaglioLinee>"
        f"<DatiRiepilogo><ImponibileImporto>{amount}</ImponibileImporto><Imposta>0.00</Imposta></DatiRiepilogo>"
    )
    data = fatturapa(fatturapa_body(goods=goods, general=f"<ImportoTotaleDocumento>{amount}</ImportoTotaleDocumento>"))
    assert read_e_invoice(data).invoice.line_items[0].discount_amount == expected
    assert codes(data) == set()


def test_simplified_fatturapa_is_read():
    goods = "<Descrizione>Pranzo</Descrizione><Importo>122.00</Importo><DatiIVA><Imposta>22.00</Imposta><Aliquota>22.00</Aliquota></DatiIVA>"
    seller = "<IdFiscaleIVA><IdPaese>IT</IdPaese><IdCodice>01982821207</IdCodice></IdFiscaleIVA><Denominazione>Bar</Denominazione>"
    found = read_e_invoice(
        fatturapa(fatturapa_body(kind="TD07", goods=goods), root="FatturaElettronicaSemplificata", seller=seller)
    )
    got = found.invoice
    assert (got.document_type, got.seller.name, got.seller.tax_id) == ("invoice", "Bar", "IT01982821207")
    assert (got.total, got.tax_total, got.net_total, got.line_items[0].total_amount) == (
        Decimal("122.00"),
        Decimal("22.00"),
        None,
        Decimal("122.00"),
    )


def test_a_file_with_several_fatture_gives_each_of_them():
    found = read_e_invoice(fatturapa(fatturapa_body(number="F-1"), fatturapa_body(number="F-2", kind="TD04")))
    result = build_result(reading_of(found), pages=(), today=date(2026, 11, 21))
    assert [(got.invoice_number, got.document_type) for got in result.invoices] == [
        ("F-1", "invoice"),
        ("F-2", "credit_note"),
    ]
    assert result.status == "multiple_invoices"


def test_profiles_without_lines_say_so():
    assert not read_e_invoice(cii()).has_lines
    assert read_e_invoice(
        cii(lines=cii_line(price="<ram:ChargeAmount>1</ram:ChargeAmount>", quantity="1", amount="1"))
    ).has_lines


def test_a_cii_total_that_is_given_twice_is_one_total():
    totals = (
        '<ram:TaxBasisTotalAmount>100.00</ram:TaxBasisTotalAmount><ram:TaxTotalAmount currencyID="EUR">19.00</ram:TaxTotalAmount>'
        '<ram:TaxTotalAmount currencyID="EUR">19.00</ram:TaxTotalAmount><ram:GrandTotalAmount>119.00</ram:GrandTotalAmount>'
    )
    got = read_e_invoice(cii(totals=totals)).invoice
    assert (got.tax_total, got.tax_total_in_tax_currency) == (Decimal("19.00"), None)


@pytest.mark.parametrize(
    ("base", "settlement", "amount", "unit_price"),
    [
        ("10", "", "125.00", "12.50"),
        ("12.50", "", "125.00", "12.50"),
        ("10", _ALLOWANCE.format("true", "5.00"), "130.00", "12.50"),
        ("10", _ALLOWANCE.format("false", "5.00"), "120.00", "12.50"),
        ("5", "", "25.00", "2.5"),
    ],
)
def test_of_two_readings_of_a_cii_base_quantity_the_one_counts_that_gives_the_amount(
    base, settlement, amount, unit_price
):
    price = f"<ram:ChargeAmount>12.50</ram:ChargeAmount><ram:BasisQuantity>{base}</ram:BasisQuantity>"
    data = cii(lines=cii_line(price=price, quantity="10", amount=amount, settlement=settlement))
    assert str(read_e_invoice(data).invoice.line_items[0].unit_price) == unit_price
    assert "line_mismatch" not in codes(data)


def test_a_cii_party_goes_by_its_registered_name():
    buyer = (
        "<ram:BuyerTradeParty><ram:Name>Acme Trade Ltd</ram:Name><ram:SpecifiedLegalOrganization><ram:TradingBusinessName>"
        "Corner Shop</ram:TradingBusinessName></ram:SpecifiedLegalOrganization></ram:BuyerTradeParty>"
    )
    got = read_e_invoice(cii(agreement=buyer)).invoice
    assert (got.buyer.name, got.buyer.trading_name) == ("Acme Trade Ltd", "Corner Shop")
    assert (got.seller.name, got.seller.trading_name) == ("Seller Ltd", None)


def test_a_cii_correction_and_a_reverse_charge_with_a_rate_raise_no_false_alarm():
    totals = (
        "<ram:LineTotalAmount>-200.00</ram:LineTotalAmount><ram:AllowanceTotalAmount>-20.00</ram:AllowanceTotalAmount>"
        "<ram:TaxBasisTotalAmount>-180.00</ram:TaxBasisTotalAmount><ram:TaxTotalAmount>0.00</ram:TaxTotalAmount>"
        "<ram:GrandTotalAmount>-180.00</ram:GrandTotalAmount><ram:TotalPrepaidAmount>-30.00</ram:TotalPrepaidAmount>"
        "<ram:DuePayableAmount>-150.00</ram:DuePayableAmount>"
    )
    tax = (
        "<ram:ApplicableTradeTax><ram:CalculatedAmount>0.00</ram:CalculatedAmount><ram:TypeCode>VAT</ram:TypeCode>"
        "<ram:BasisAmount>-180.00</ram:BasisAmount><ram:CategoryCode>AE</ram:CategoryCode>"
        "<ram:RateApplicablePercent>19</ram:RateApplicablePercent></ram:ApplicableTradeTax>"
    )
    data = cii(type_code="384", settlement=tax, totals=totals)
    assert codes(data) == {"negative_total"}
    assert "due_mismatch" in codes(data.replace(b">-150.00<", b">-210.00<"))


def test_a_cii_invoice_out_of_the_scope_of_the_tax_is_an_invoice():
    assert read_e_invoice(cii(type_code="480")).invoice.document_type == "invoice"


def test_a_fattura_that_takes_an_earlier_one_back_raises_no_false_alarm():
    goods = (
        "<DettaglioLinee><NumeroLinea>1</NumeroLinea><Descrizione>Servizio</Descrizione><PrezzoUnitario>-100.00</PrezzoUnitario>"
        "<PrezzoTotale>-100.00</PrezzoTotale><AliquotaIVA>22.00</AliquotaIVA></DettaglioLinee><DatiRiepilogo><AliquotaIVA>22.00"
        "</AliquotaIVA><ImponibileImporto>-100.00</ImponibileImporto><Imposta>-22.00</Imposta></DatiRiepilogo>"
    )
    total = "<ImportoTotaleDocumento>-122.00</ImportoTotaleDocumento>"
    result = build_result(
        reading_of(read_e_invoice(fatturapa(fatturapa_body(general=total, goods=goods)))),
        pages=(),
        today=date(2026, 11, 21),
    )
    assert [finding.code for finding in result.warnings if finding.review] == []
