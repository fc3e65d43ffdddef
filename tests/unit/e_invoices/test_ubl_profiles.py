"""What the profiles of UBL mean, each in a document written for it; the right values are computed by hand."""

from datetime import date
from decimal import Decimal

import pytest

from shared_code.e_invoices.detection import reading_of
from shared_code.e_invoices.reader import read_e_invoice
from shared_code.invoices.result import build_result
from shared_code.invoices.schema import Tax
from tests.unit.e_invoices.written import SELLER_UBL, ubl


def of(body="", *, seller=SELLER_UBL, currency="EUR", totals=None, root="Invoice", profile=None):
    """The XML of an invoice with another seller, currency and profile than the usual one."""
    named = f"<cbc:CustomizationID>{profile}</cbc:CustomizationID>" if profile else ""
    data = ubl(named + body, root=root, **({} if totals is None else {"totals": totals}))
    return data.replace(SELLER_UBL.encode(), seller.encode()).replace(b">EUR<", f">{currency}<".encode())


def read(*args, **options):
    return read_e_invoice(of(*args, **options)).invoice


def review_codes(data):
    result = build_result(reading_of(read_e_invoice(data)), pages=(), today=date(2026, 11, 21))
    return {finding.code for finding in result.warnings if finding.review}


def amounts(**values):
    """The totals of UBL by the names of their elements."""
    return "".join(f"<cbc:{name}>{value}</cbc:{name}>" for name, value in values.items())


def tax_total(amount, *subtotals, unit="EUR"):
    """A TaxTotal; each subtotal is base, tax, category and rate."""
    parts = "".join(
        f'<cac:TaxSubtotal><cbc:TaxableAmount currencyID="{unit}">{base}</cbc:TaxableAmount><cbc:TaxAmount currencyID="{unit}">{tax}'
        f"</cbc:TaxAmount><cac:TaxCategory><cbc:ID>{category}</cbc:ID><cbc:Percent>{rate}</cbc:Percent><cac:TaxScheme><cbc:ID>VAT"
        "</cbc:ID></cac:TaxScheme></cac:TaxCategory></cac:TaxSubtotal>"
        for base, tax, category, rate in subtotals
    )
    return f'<cac:TaxTotal><cbc:TaxAmount currencyID="{unit}">{amount}</cbc:TaxAmount>{parts}</cac:TaxTotal>'


VAT_19 = tax_total("19.00", ("100.00", "19.00", "S", "19"))


@pytest.mark.parametrize("plain_first", [True, False])
def test_a_tax_total_without_a_breakdown_repeats_the_other(plain_first):
    totals = [tax_total("19.00"), VAT_19]
    got = read("".join(totals if plain_first else reversed(totals)))
    assert (got.tax_total, got.tax_total_in_tax_currency) == (Decimal("19.00"), None)
    assert len(got.taxes) == 1


def test_the_total_for_the_tax_report_may_be_in_the_same_currency():
    body = "<cbc:TaxCurrencyCode>EUR</cbc:TaxCurrencyCode>" + tax_total("19.00") + VAT_19
    got = read(body)
    assert (got.tax_total, got.tax_total_in_tax_currency) == (Decimal("19.00"), Decimal("19.00"))


def test_tax_totals_that_each_have_a_breakdown_are_taxes_of_their_own():
    got = read(VAT_19 + tax_total("6.00", ("100.00", "6.00", "S", "6")))
    assert got.tax_total == Decimal("25.00")


@pytest.mark.parametrize(("parts", "total"), [(["19.00", "19.00"], "19.00"), (["15.00", "4.00"], "19.00")])
def test_without_any_breakdown_equal_totals_are_one(parts, total):
    assert read("".join(map(tax_total, parts))).tax_total == Decimal(total)


def test_a_total_in_another_currency_is_never_added():
    body = VAT_19 + tax_total("210.00", ("1000.00", "210.00", "S", "19"), unit="SEK")
    got = read(body)
    assert (got.tax_total, [tax.amount for tax in got.taxes]) == (Decimal("19.00"), [Decimal("19.00")])


def test_the_currency_of_all_totals_stands_in_for_one_that_is_not_named():
    totals = '<cbc:PayableAmount currencyID="SEK">119.00</cbc:PayableAmount>'
    data = of(totals=totals).replace(b"<cbc:DocumentCurrencyCode>EUR</cbc:DocumentCurrencyCode>", b"")
    assert read_e_invoice(data).invoice.currency == "SEK"


def party(*parts):
    return f"<cac:Party>{''.join(parts)}</cac:Party>"


TRADING = "<cac:PartyName><cbc:Name>Corner Shop</cbc:Name></cac:PartyName>"
REGISTERED = "<cac:PartyLegalEntity><cbc:RegistrationName>Acme Trade Ltd</cbc:RegistrationName></cac:PartyLegalEntity>"
PERSON = "<cac:Person><cbc:FirstName>Ada</cbc:FirstName><cbc:FamilyName>Ada</cbc:FamilyName></cac:Person>"


@pytest.mark.parametrize(
    ("parts", "name", "trading_name"),
    [
        ((TRADING, REGISTERED), "Acme Trade Ltd", "Corner Shop"),
        ((REGISTERED,), "Acme Trade Ltd", None),
        ((TRADING,), "Corner Shop", "Corner Shop"),
        ((PERSON,), "Ada Ada", None),
        ((TRADING, PERSON), "Corner Shop", "Corner Shop"),
    ],
)
def test_a_party_goes_by_its_registered_name(parts, name, trading_name):
    buyer = f"<cac:AccountingCustomerParty>{party(*parts)}</cac:AccountingCustomerParty>"
    got = read(buyer, seller=party(*parts))
    assert (got.seller.name, got.seller.trading_name) == (name, trading_name)
    assert (got.buyer.name, got.buyer.trading_name) == (name, trading_name)


def test_the_name_of_a_payee_is_no_trading_name():
    payee = f"<cac:PayeeParty>{TRADING}</cac:PayeeParty>"
    got = read(payee).remit_to
    assert (got.name, got.trading_name) == ("Corner Shop", None)


def identifier(scheme, number):
    return f'<cac:PartyIdentification><cbc:ID schemeID="{scheme}">{number}</cbc:ID></cac:PartyIdentification>'


@pytest.mark.parametrize(
    ("scheme", "kind"),
    [("VKN", "TIN"), ("TCKN", "TIN"), ("TIN", "TIN"), ("6", "TIN"), ("TN", "TIN"), ("DE:VAT", "VAT"), ("DK:SE", "VAT")],
)
def test_a_tax_number_may_be_an_identifier_of_the_party(scheme, kind):
    seller = read(seller=party(identifier("MERSISNO", "77"), identifier(scheme, "1234567890"), TRADING)).seller
    assert (seller.tax_id, seller.tax_id_type, seller.registration_number) == ("1234567890", kind, "77")


def test_words_in_the_place_of_a_tax_number_are_none():
    """Swedish parties say there that they pay their own taxes."""
    words = (
        "Godkänd för F-skatt</cbc:CompanyID><cac:TaxScheme><cbc:ID>TAX</cbc:ID></cac:TaxScheme></cac:PartyTaxScheme>"
    )
    seller = SELLER_UBL.replace("</cac:Party>", f"<cac:PartyTaxScheme><cbc:CompanyID>{words}</cac:Party>")
    assert (read(seller=seller).seller.tax_id, read(seller=seller).seller.tax_id_type) == (None, None)


def test_other_identifiers_are_no_tax_numbers_and_a_registered_one_comes_first():
    vat = "<cac:PartyTaxScheme><cbc:CompanyID>DE123456788</cbc:CompanyID><cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme></cac:PartyTaxScheme>"
    assert read(seller=party(identifier("0088", "4012345000009"), TRADING)).seller.tax_id is None
    seller = read(seller=party(identifier("TIN", "99"), TRADING, vat)).seller
    assert (seller.tax_id, seller.tax_id_type) == ("DE123456788", "VAT")


MALAYSIAN = party(
    TRADING,
    "<cac:PostalAddress><cac:Country><cbc:IdentificationCode>MYS</cbc:IdentificationCode></cac:Country></cac:PostalAddress>",
)


@pytest.mark.parametrize(
    ("code", "seller", "expected"),
    [
        ("480", SELLER_UBL, "invoice"),  # PINT
        ("81", SELLER_UBL, "credit_note"),
        ("SATIS", SELLER_UBL, "invoice"),  # UBL-TR
        ("TEVKIFAT", SELLER_UBL, "invoice"),
        ("IADE", SELLER_UBL, "credit_note"),
        ("TEVKIFATIADE", SELLER_UBL, "credit_note"),
        ("01", SELLER_UBL, "invoice"),  # DIAN, SUNAT
        ("03", SELLER_UBL, "invoice"),
        ("01", MALAYSIAN, "invoice"),  # MyInvois
        ("02", MALAYSIAN, "credit_note"),
        ("03", MALAYSIAN, "debit_note"),
        ("14", MALAYSIAN, "credit_note"),
        ("FT", SELLER_UBL, "invoice"),  # CIUS-PT
        ("NC", SELLER_UBL, "credit_note"),
        ("ND", SELLER_UBL, "debit_note"),
        ("381", SELLER_UBL, "credit_note"),
        ("220", SELLER_UBL, "other"),  # an order
    ],
)
def test_each_profile_has_its_own_types(code, seller, expected):
    assert read(f"<cbc:InvoiceTypeCode>{code}</cbc:InvoiceTypeCode>", seller=seller).document_type == expected


@pytest.mark.parametrize(
    ("root", "body", "seller"),
    [
        ("SelfBilledInvoice", "", SELLER_UBL),
        ("SelfBilledCreditNote", "", SELLER_UBL),
        ("Invoice", "<cbc:InvoiceTypeCode>11</cbc:InvoiceTypeCode>", MALAYSIAN),
        ("Invoice", "<cbc:InvoiceTypeCode>389</cbc:InvoiceTypeCode>", SELLER_UBL),
    ],
)
def test_self_billed_documents_say_so(root, body, seller):
    found = read_e_invoice(of(body, root=root, seller=seller))
    assert [finding.code for finding in found.readings[0].findings] == ["self_billed"]
    assert found.invoice.document_type == ("credit_note" if "Credit" in root else "invoice")


@pytest.mark.parametrize(
    ("profile", "extra", "net", "total"),
    [
        ("OIOUBL-2.02", {}, "200.00", "250.00"),
        ("OIOUBL-2.1", {"AllowanceTotalAmount": "20.00", "ChargeTotalAmount": "5.00"}, "185.00", "235.00"),
    ],
)
def test_oioubl_2_writes_the_tax_where_others_write_the_net_total(profile, extra, net, total):
    totals = amounts(LineExtensionAmount="200.00", TaxExclusiveAmount="50.00", TaxInclusiveAmount=total, **extra)
    tax = tax_total("50.00", ("200.00", "50.00", "StandardRated", "25")).replace("<cbc:ID>VAT", "<cbc:ID>63")
    data = of(tax, totals=totals, profile=profile, currency="DKK").replace(b'"EUR"', b'"DKK"')
    got = read_e_invoice(data).invoice
    assert (got.net_total, got.tax_total, got.total) == (Decimal(net), Decimal("50.00"), Decimal(total))
    assert got.taxes == (
        Tax(
            name="VAT",
            rate=Decimal(25),
            taxable_amount=Decimal("200.00"),
            amount=Decimal("50.00"),
            category="S",
        ),
    )
    assert review_codes(data) == set()


def test_oioubl_3_follows_the_standard():
    totals = amounts(LineExtensionAmount="200.00", TaxExclusiveAmount="200.00", TaxInclusiveAmount="250.00")
    assert read(totals=totals, profile="urn:fdc:oioubl.dk:trns:billing:invoice:3.0").net_total == Decimal("200.00")


def test_in_a_turkish_export_the_buyer_is_the_one_abroad():
    body = (
        "<cbc:ProfileID>IHRACAT</cbc:ProfileID><cac:AccountingCustomerParty><cac:Party><cac:PartyName><cbc:Name>Customs"
        "</cbc:Name></cac:PartyName></cac:Party></cac:AccountingCustomerParty>"
        f"<cac:BuyerCustomerParty>{party(TRADING)}</cac:BuyerCustomerParty>"
    )
    assert read(body).buyer.name == "Corner Shop"
    assert read(body.replace("IHRACAT", "TICARIFATURA")).buyer.name == "Customs"


def line(*, quantity="10", net="125.00", price="12.50", base=None, before="", item="", after=""):
    count = f"<cbc:BaseQuantity>{base}</cbc:BaseQuantity>" if base else ""
    return (
        f'<cac:InvoiceLine><cbc:ID>1</cbc:ID><cbc:InvoicedQuantity unitCode="C62">{quantity}</cbc:InvoicedQuantity>'
        f"<cbc:LineExtensionAmount>{net}</cbc:LineExtensionAmount>{before}<cac:Item><cbc:Name>Nails</cbc:Name>{item}</cac:Item>"
        f"<cac:Price><cbc:PriceAmount>{price}</cbc:PriceAmount>{count}{after}</cac:Price></cac:InvoiceLine>"
    )


_ALLOWANCE = "<cac:AllowanceCharge><cbc:ChargeIndicator>{}</cbc:ChargeIndicator><cbc:Amount>{}</cbc:Amount></cac:AllowanceCharge>"
_FACTOR = "<cbc:OrderableUnitFactorRate>12</cbc:OrderableUnitFactorRate>"


@pytest.mark.parametrize(
    ("parts", "unit_price"),
    [
        ({"quantity": "1000", "base": "100"}, "0.125"),
        ({"base": "10"}, "12.50"),  # repeats the quantity
        ({"base": "12.50"}, "12.50"),  # repeats the price
        ({"quantity": "-10", "net": "-125.00", "base": "10"}, "12.50"),
        ({"base": "10", "net": "115.00", "before": _ALLOWANCE.format("false", "10.00")}, "12.50"),
        ({"base": "10", "net": "135.00", "before": _ALLOWANCE.format("true", "10.00")}, "12.50"),
        ({"base": "100", "net": "999.00"}, "0.125"),  # none gives the amount: as the standard says
        ({"quantity": "1", "net": "720.00", "price": "60.00", "base": "1", "after": _FACTOR}, "720"),
        ({"quantity": "1", "net": "720.00", "price": "60.00", "base": "2", "after": _FACTOR}, "720"),
    ],
)
def test_of_all_readings_of_a_base_quantity_the_one_counts_that_gives_the_amount(parts, unit_price):
    assert read(line(**parts)).line_items[0].unit_price == Decimal(unit_price)


def line_tax(tax, rate, *, scheme="VAT", outside=False):
    percent = f"<cbc:Percent>{rate}</cbc:Percent>"
    return (
        f"<cac:TaxTotal><cbc:TaxAmount>{tax}</cbc:TaxAmount><cac:TaxSubtotal><cbc:TaxAmount>{tax}</cbc:TaxAmount>"
        f"{percent if outside else ''}<cac:TaxCategory>{'' if outside else percent}<cac:TaxScheme><cbc:Name>{scheme}</cbc:Name>"
        "</cac:TaxScheme></cac:TaxCategory></cac:TaxSubtotal></cac:TaxTotal>"
    )


@pytest.mark.parametrize(
    ("before", "rate", "tax_amount", "taxes"),
    [
        (line_tax("23.75", "19"), "19", "23.75", 0),
        (line_tax("23.75", "19", outside=True), "19", "23.75", 0),
        (line_tax("25.00", "20", scheme="ÖTV") + line_tax("30.00", "20", scheme="KDV"), "20", "55.00", 2),
        (line_tax("12.50", "10", scheme="ÖTV") + line_tax("27.50", "20", scheme="KDV"), "20", "40.00", 2),
        (line_tax("12.50", "10", scheme="A") + line_tax("27.50", "20", scheme="B"), None, "40.00", 2),
        ("", None, None, 0),
    ],
)
def test_the_rate_of_a_line_may_stand_in_its_tax_total_only(before, rate, tax_amount, taxes):
    (got,) = read(line(before=before)).line_items
    assert (got.tax_rate, got.tax_amount, len(got.taxes)) == (
        rate and Decimal(rate),
        tax_amount and Decimal(tax_amount),
        taxes,
    )


def test_the_category_of_the_item_goes_before_the_tax_total():
    item = "<cac:ClassifiedTaxCategory><cbc:Percent>7</cbc:Percent></cac:ClassifiedTaxCategory>"
    assert read(line(before=line_tax("8.75", "8"), item=item)).line_items[0].tax_rate == 7


@pytest.mark.parametrize(("rounding", "total"), [("148.75", Decimal("148.75")), ("0.02", None)])
def test_a_line_total_with_tax_is_given_when_it_is_one(rounding, total):
    tax = f"<cac:TaxTotal><cbc:TaxAmount>23.75</cbc:TaxAmount><cbc:RoundingAmount>{rounding}</cbc:RoundingAmount></cac:TaxTotal>"
    assert read(line(before=tax)).line_items[0].total_amount == total


def test_a_correction_is_negative_in_all_its_amounts():
    totals = amounts(
        LineExtensionAmount="-200.00",
        AllowanceTotalAmount="-20.00",
        ChargeTotalAmount="-5.00",
        TaxExclusiveAmount="-185.00",
        TaxInclusiveAmount="-220.15",
        PrepaidAmount="-20.15",
        PayableAmount="-200.00",
    )
    tax = tax_total("-35.15", ("-185.00", "-35.15", "S", "19"))
    data = of("<cbc:InvoiceTypeCode>384</cbc:InvoiceTypeCode>" + tax, totals=totals)
    assert review_codes(data) == set()
    assert review_codes(data.replace(b">-200.00</cbc:PayableAmount", b">-240.30</cbc:PayableAmount")) == {
        "due_mismatch"
    }


CLAIM = "<cac:PrepaidPayment><cbc:ID>Ticket</cbc:ID><cbc:PaidAmount>12.00</cbc:PaidAmount></cac:PrepaidPayment>"
EXTENSION = "urn:cen.eu:en16931:2017#conformant#urn:xeinkauf.de:kosit:extension:xrechnung_3.0"


def test_claims_of_third_parties_are_paid_along():
    totals = amounts(
        LineExtensionAmount="100.00", TaxExclusiveAmount="100.00", TaxInclusiveAmount="119.00", PayableAmount="131.00"
    )
    data = of(VAT_19 + CLAIM, totals=totals, profile=EXTENSION)
    assert review_codes(data) == set()
    (finding,) = read_e_invoice(data).readings[0].findings
    assert (finding.code, finding.field, finding.found) == ("third_party_payments", "amount_due", "12.00")
    # without the extension they are payments made before, and do not add up
    assert review_codes(of(VAT_19 + CLAIM, totals=totals)) == {"due_mismatch"}


@pytest.mark.parametrize("category", ["AE", "K", "G", "E", "O", "N"])
def test_a_rate_beside_a_tax_that_is_not_charged_is_no_mistake(category):
    totals = amounts(
        LineExtensionAmount="100.00", TaxExclusiveAmount="100.00", TaxInclusiveAmount="100.00", PayableAmount="100.00"
    )
    assert review_codes(of(tax_total("0.00", ("100.00", "0.00", category, "19")), totals=totals)) == set()
    wrong = of(tax_total("0.00", ("100.00", "0.00", "S", "19")), totals=totals)
    assert review_codes(wrong) == {"tax_rate_mismatch"}


def test_nothing_is_taxed_in_an_invoice_that_is_out_of_the_scope_of_the_tax():
    totals = amounts(
        LineExtensionAmount="1000", TaxExclusiveAmount="1000", TaxInclusiveAmount="1000", PayableAmount="1000"
    )
    body = "<cbc:InvoiceTypeCode>480</cbc:InvoiceTypeCode>" + tax_total("0", ("1000", "0", "S", "10"))
    assert review_codes(of(body, totals=totals)) == set()


@pytest.mark.parametrize(
    ("currency", "base", "tax", "right"),
    [
        ("HUF", "69180.00", "18679.00", True),  # 18678.60 to whole forints
        ("HUF", "69180.00", "18680.00", False),
        ("OMR", "69180.250", "18678.67", True),  # 18678.6675 to two of three places
        ("OMR", "69180.250", "18678.65", False),
        ("AED", "1002.00", "270.5", True),  # 270.54
        ("EUR", "69180.00", "18678.90", False),
    ],
)
def test_taxes_may_be_rounded_coarser_than_the_currency(currency, base, tax, right):
    total = str(Decimal(base) + Decimal(tax))
    totals = amounts(LineExtensionAmount=base, TaxExclusiveAmount=base, TaxInclusiveAmount=total, PayableAmount=total)
    data = of(tax_total(tax, (base, tax, "S", "27"), unit=currency), totals=totals, currency=currency)
    assert review_codes(data) == (set() if right else {"tax_rate_mismatch"})


def test_turkish_taxes_are_told_apart_by_their_code():
    scheme = (
        "<cac:TaxScheme><cbc:Name>Katma Değer Vergisi</cbc:Name><cbc:TaxTypeCode>0015</cbc:TaxTypeCode></cac:TaxScheme>"
    )
    body = VAT_19.replace("<cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme>", scheme)
    assert read(body).taxes[0].name == "VAT"
