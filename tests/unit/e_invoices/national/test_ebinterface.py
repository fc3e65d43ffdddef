"""ebInterface 4.0 to 6.1: invoices as the standard's samples and as programs write them, with values by hand."""

import pytest

from tests.unit.e_invoices.national.played import answer

_SELLER = (
    '<Biller><VATIdentificationNumber>ATU62698637</VATIdentificationNumber><FurtherIdentification IdentificationType="FN">'
    "12345 a</FurtherIdentification><Address><Name>Schrauben GmbH</Name>{trading}<Street>Hauptplatz 1</Street><Town>Wien</Town>"
    '<ZIP>1010</ZIP><Country CountryCode="AT">Oesterreich</Country></Address><Contact><Name>A. Muster</Name><Email>'
    "office@schrauben.example</Email></Contact></Biller>"
)
_BUYER = (
    "<InvoiceRecipient><VATIdentificationNumber>00000000</VATIdentificationNumber><OrderReference><OrderID>4711</OrderID>"
    "</OrderReference><Address><Name>Max Kunde</Name><Street>Gasse 2</Street><Town>Graz</Town><ZIP>8010</ZIP><Country>AT</Country>"
    "</Address></InvoiceRecipient>"
)


def _six(body, *, version="6p1", kind="Invoice", currency="EUR", trading="<TradingName>Schraubenkoenig</TradingName>"):
    return (
        f'<Invoice xmlns="http://www.ebinterface.at/schema/{version}/" GeneratingSystem="x" DocumentType="{kind}" '
        f'InvoiceCurrency="{currency}"><InvoiceNumber>993433000298</InvoiceNumber><InvoiceDate>2026-02-12</InvoiceDate>{body}</Invoice>'
    ).replace("{parties}", _SELLER.format(trading=trading) + _BUYER)


def _line(number, quantity, price, net, *, rate="20", more="", price_for=""):
    return (
        f"<ListLineItem><PositionNumber>{number}</PositionNumber><Description>Artikel {number}</Description>"
        '<ArticleNumber ArticleNumberType="GTIN">00012345678905</ArticleNumber><ArticleNumber ArticleNumberType='
        f'"BillersArticleNumber">I{number}</ArticleNumber><Quantity Unit="C62">{quantity}</Quantity><UnitPrice{price_for}>{price}'
        f'</UnitPrice>{more}<TaxItem><TaxableAmount>{net}</TaxableAmount><TaxPercent TaxCategoryCode="S">{rate}</TaxPercent>'
        f"</TaxItem><LineItemAmount>{net}</LineItemAmount></ListLineItem>"
    )


def _tax(category, rate, base, amount=None):
    given = "" if amount is None else f"<TaxAmount>{amount}</TaxAmount>"
    return f'<TaxItem><TaxableAmount>{base}</TaxableAmount><TaxPercent TaxCategoryCode="{category}">{rate}</TaxPercent>{given}</TaxItem>'


@pytest.mark.parametrize("version", ["5p0", "6p0", "6p1"])
def test_an_invoice_with_reductions_two_rates_and_a_discount(version):
    """1020.00 and 5.00, less 20.00, plus 10.00 = 1015.00; 20 % of 1010.00 and 10 % of 5.00 = 202.50."""
    text = _six(
        "<Delivery><DeliveryID>LS-9</DeliveryID><Date>2026-02-10</Date></Delivery>{parties}<Details><HeaderDescription>Wie bestellt:"
        "</HeaderDescription><ItemList>" + _line(1, "100", "1020.00", "1020.00", price_for=' BaseQuantity="100"')
        + _line(2, "1", "5.00", "5.00", rate="10") + "</ItemList></Details><ReductionAndSurchargeDetails><Reduction><BaseAmount>"
        "1020.00</BaseAmount><Amount>20.00</Amount></Reduction><Surcharge><BaseAmount>1000.00</BaseAmount><Amount>10.00</Amount>"
        "</Surcharge></ReductionAndSurchargeDetails><Tax>" + _tax("S", "20", "1010.00", "202.00") + _tax("AA", "10", "5.00", "0.50")
        + "</Tax><TotalGrossAmount>1217.50</TotalGrossAmount><PrepaidAmount>17.50</PrepaidAmount><PayableAmount>1200.00"
        "</PayableAmount><PaymentMethod><UniversalBankTransaction><BeneficiaryAccount><BankName>Bank</BankName><BIC>BKAUATWW</BIC>"
        "<IBAN>AT611904300234573201</IBAN><BankAccountOwner>Schrauben GmbH</BankAccountOwner></BeneficiaryAccount>"
        "<PaymentReference>RF1</PaymentReference></UniversalBankTransaction></PaymentMethod><PaymentConditions><DueDate>2026-03-14"
        "</DueDate><Discount><PaymentDate>2026-02-19</PaymentDate><BaseAmount>1200.00</BaseAmount><Percentage>3.00</Percentage>"
        "</Discount><Comment>Zahlbar bis 14. Maerz</Comment></PaymentConditions><Comment>Danke</Comment>",
        version=version,
    )  # fmt: skip
    status, codes, invoice = answer(text)
    assert (status, codes) == ("ok", [])
    assert (invoice["document_type"], invoice["currency"]) == ("invoice", "EUR")
    assert (invoice["invoice_number"], invoice["invoice_date"]) == ("993433000298", "2026-02-12")
    assert (invoice["delivery_date"], invoice["due_date"]) == ("2026-02-10", "2026-03-14")
    assert (invoice["discount_total"], invoice["charges_total"], invoice["net_total"]) == ("20.00", "10.00", "1015.00")
    assert (invoice["tax_total"], invoice["total"]) == ("202.50", "1217.50")
    assert (invoice["amount_paid"], invoice["amount_due"]) == ("17.50", "1200.00")
    assert [(tax["category"], tax["rate"], tax["amount"]) for tax in invoice["taxes"]] == [
        ("S", "20", "202.00"), ("AA", "10", "0.50"),
    ]  # fmt: skip
    assert invoice["seller"] == {
        "name": "Schrauben GmbH", "trading_name": "Schraubenkoenig", "tax_id": "ATU62698637", "tax_id_type": "VAT",
        "registration_number": "12345 a", "address": "Hauptplatz 1", "city": "Wien", "postal_code": "1010", "country": "AT",
        "email": "office@schrauben.example",
    }  # fmt: skip
    assert "tax_id" not in invoice["buyer"]
    assert (invoice["po_numbers"], invoice["delivery_note_numbers"]) == (["4711"], ["LS-9"])
    assert invoice["line_items"][0] == {
        "line_no": "1", "description": "Artikel 1", "product_code": "I1", "quantity": "100", "unit": "C62",
        "unit_price": "10.2", "net_amount": "1020.00", "tax_rate": "20",
    }  # fmt: skip
    assert invoice["payment"] == {
        "terms": "Zahlbar bis 14. Maerz", "method": "credit transfer", "reference": "RF1",
        "discounts": [{"percent": "3.00", "until": "2026-02-19", "base": "1200.00"}],
        "bank_accounts": [
            {"account_name": "Schrauben GmbH", "iban": "AT611904300234573201", "bic": "BKAUATWW", "bank_name": "Bank"}
        ],
    }  # fmt: skip
    assert invoice["notes"] == "Wie bestellt:\nDanke"


def test_the_oldest_version_with_a_prefix_on_everything():
    """4.0: attributes in the namespace, the payment method by type, rates as TaxRate; 0.50 days of 400.00."""
    body = (
        "<Biller><VATIdentificationNumber>ATU62698637</VATIdentificationNumber><Address><Name>Berater OG</Name><Street>Steg 17"
        "</Street><Town>Mauerbach</Town><ZIP>3001</ZIP><Country>AT</Country></Address></Biller><Details><ItemList><ListLineItem>"
        '<Description>Beratung</Description><Description>vor Ort</Description><Quantity Unit="Tag">0.50</Quantity><UnitPrice>400.00'
        '</UnitPrice><TaxRate TaxCode="AT060">20.00</TaxRate><ReductionAndSurchargeListLineItemDetails><ReductionListLineItem>'
        "<BaseAmount>200.00</BaseAmount><Percentage>10.00</Percentage></ReductionListLineItem>"
        "</ReductionAndSurchargeListLineItemDetails><LineItemAmount>180.00</LineItemAmount></ListLineItem></ItemList></Details>"
        "<Tax><VAT><Item><TaxedAmount>180.00</TaxedAmount><TaxRate>20.00</TaxRate><Amount>36.00</Amount></Item></VAT></Tax>"
        "<TotalGrossAmount>216.00</TotalGrossAmount><PaymentMethod><BeneficiaryAccount><BankCode>43000</BankCode><BankAccountNr>"
        "40813033004</BankAccountNr></BeneficiaryAccount></PaymentMethod>"
    )
    prefixed = body.replace("</", "</eb:").replace("<", "<eb:").replace("<eb:/eb:", "</eb:")
    prefixed = prefixed.replace("Unit=", "eb:Unit=").replace("<eb:PaymentMethod>", '<eb:PaymentMethod xsi:type="eb:UniversalBankTransactionType">')  # fmt: skip
    status, codes, invoice = answer(
        '<eb:Invoice xmlns:eb="http://www.ebinterface.at/schema/4p0/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        'eb:DocumentType="CreditMemo" eb:InvoiceCurrency="EUR" eb:CancelledOriginalDocument="2025-9"><eb:InvoiceNumber>2026-1'
        f"</eb:InvoiceNumber><eb:InvoiceDate>2026-09-12</eb:InvoiceDate>{prefixed}</eb:Invoice>"
    )
    assert (status, codes) == ("ok", ["credit_note_positive"])
    assert (invoice["document_type"], invoice["original_invoice"]) == ("credit_note", {"number": "2025-9"})
    assert (invoice["currency"], invoice["total"], invoice["tax_total"]) == ("EUR", "216.00", "36.00")
    assert invoice["line_items"][0]["description"] == "Beratung - vor Ort"
    assert (invoice["line_items"][0]["unit"], invoice["line_items"][0]["tax_rate"]) == ("Tag", "20.00")
    assert invoice["payment"] == {
        "method": "credit transfer",
        "bank_accounts": [{"account_number": "40813033004", "branch": "43000"}],
    }


FULL = _six(
    '{parties}<Details><ItemList><ListLineItem><Description>Bier</Description><Quantity Unit="C62">10</Quantity><UnitPrice>10'
    '</UnitPrice><TaxExemption TaxExemptionCode="RCH">Reverse Charge</TaxExemption><LineItemAmount>100</LineItemAmount>'
    "</ListLineItem></ItemList><BelowTheLineItem><Description>Von Dritten bezahlt</Description><LineItemAmount>9.68"
    "</LineItemAmount></BelowTheLineItem></Details><Tax><VAT><VATItem><TaxedAmount>100</TaxedAmount><TaxExemption "
    'TaxExemptionCode="RCH">Reverse Charge</TaxExemption><Amount>0</Amount></VATItem></VAT><OtherTax><Comment>Biersteuer</Comment>'
    "<Amount>9.68</Amount></OtherTax></Tax><TotalGrossAmount>109.68</TotalGrossAmount><PayableAmount>100.00</PayableAmount>"
    "<PaymentMethod><NoPayment/></PaymentMethod>",
    version="4p3",
    kind="SelfBilling",
    trading="",
)  # fmt: skip


def test_version_4_3_with_an_exemption_a_tax_without_vat_and_an_item_below_the_line():
    """100.00 exempt, beer tax 9.68: 109.68; a third party has paid 9.68 of it."""
    status, codes, invoice = answer(FULL)
    assert (status, codes) == ("ok", ["self_billed"])
    assert [(tax["name"], tax["amount"], tax.get("category")) for tax in invoice["taxes"]] == [
        ("VAT", "0", "AE"), ("Biersteuer", "9.68", None),
    ]  # fmt: skip
    assert (invoice["net_total"], invoice["tax_total"], invoice["total"]) == ("100", "9.68", "109.68")
    assert (invoice["previous_balance"], invoice["amount_due"]) == ("-9.68", "100.00")


def test_foreign_currency_and_a_tax_on_which_vat_is_due():
    """1000.00 francs and 50.00 advertising tax, with 20 % VAT of 1050.00: 1260.00; the VAT in euros."""
    text = _six(
        "<CurrencyExchangeInformation><Currency>EUR</Currency><ExchangeRate>1.05</ExchangeRate></CurrencyExchangeInformation>"
        "<Delivery><Period><FromDate>2026-01-01</FromDate><ToDate>2026-01-31</ToDate></Period><Address><Name>Lager</Name><Town>"
        "Linz</Town></Address></Delivery>{parties}<Details><ItemList>" + _line(1, "1", "1000.00", "1000.00")
        + "</ItemList></Details><ReductionAndSurchargeDetails><OtherVATableTax><TaxableAmount>1000.00</TaxableAmount><TaxPercent>5"
        "</TaxPercent><TaxAmount>50.00</TaxAmount><TaxID>WA</TaxID></OtherVATableTax></ReductionAndSurchargeDetails><Tax><TaxItem>"
        '<TaxableAmount>1050.00</TaxableAmount><TaxPercent TaxCategoryCode="S">20</TaxPercent><TaxAmount>210.00</TaxAmount>'
        '<AccountingCurrencyAmount Currency="EUR">220.50</AccountingCurrencyAmount></TaxItem></Tax><TotalGrossAmount>1260.00'
        "</TotalGrossAmount><PayableAmount>1260.00</PayableAmount>",
        currency="CHF",
    )  # fmt: skip
    status, codes, invoice = answer(text)
    assert (status, codes) == ("ok", [])
    assert (invoice["currency"], invoice["exchange_rate"]) == ("CHF", "1.05")
    assert (invoice["tax_currency"], invoice["tax_total_in_tax_currency"]) == ("EUR", "220.50")
    assert (invoice["charges_total"], invoice["net_total"], invoice["total"]) == ("50.00", "1050.00", "1260.00")
    assert (invoice["service_period_start"], invoice["service_period_end"]) == ("2026-01-01", "2026-01-31")
    assert invoice["ship_to"] == {"name": "Lager", "city": "Linz"}


def test_a_credit_note_names_the_invoice_that_it_is_for():
    text = _six(
        "<RelatedDocument><InvoiceNumber>R-1</InvoiceNumber><InvoiceDate>2026-01-02</InvoiceDate></RelatedDocument>{parties}<Tax>"
        + _tax("Z", "0", "-10.00") + "</Tax><TotalGrossAmount>-10.00</TotalGrossAmount><PayableAmount>-10.00</PayableAmount>",
        kind="SubsequentCredit",
    )  # fmt: skip
    status, codes, invoice = answer(text)
    assert (status, codes) == ("ok", [])
    assert (invoice["document_type"], invoice["total"], invoice["tax_total"]) == ("credit_note", "-10.00", "0")
    assert invoice["original_invoice"] == {"number": "R-1", "date": "2026-01-02"}
