"""ISDOC as several makers write it; values by hand."""

import pytest

from shared_code.e_invoices.reader import read_e_invoice
from tests.unit.e_invoices.national.read_whole import answer, differences


def _party(name: str, number: str, vat: str | None, *, city: str = "Praha 1") -> str:
    scheme = f"<PartyTaxScheme><CompanyID>{vat}</CompanyID><TaxScheme>VAT</TaxScheme></PartyTaxScheme>" if vat else ""
    return f"""<Party><PartyIdentification><UserID>7</UserID><CatalogFirmIdentification>0</CatalogFirmIdentification>
<ID>{number}</ID></PartyIdentification><PartyName><Name>{name}</Name></PartyName><PostalAddress>
<StreetName>Dlouhá</StreetName><BuildingNumber>12</BuildingNumber><CityName>{city}</CityName><PostalZone>11000</PostalZone>
<Country><IdentificationCode>CZ</IdentificationCode><Name>Česká republika</Name></Country></PostalAddress>{scheme}
<Contact><Name>Jana</Name><Telephone>+420123</Telephone><ElectronicMail>jana@pila.example</ElectronicMail></Contact></Party>"""


_SELLER = f"<AccountingSupplierParty>{_party('Pila s.r.o.', '12345679', 'CZ12345679')}</AccountingSupplierParty>"
_BUYER = (
    f"<AccountingCustomerParty>{_party('Stavby a.s.', '27654320', 'CZ27654320', city='Brno')}</AccountingCustomerParty>"
)


def _line(
    number: int, name: str, quantity: str, price: str, net: str, gross: str, tax: str, rate: str, more: str = ""
) -> str:
    return f"""<InvoiceLine><ID>{number}</ID><InvoicedQuantity unitCode="ks">{quantity}</InvoicedQuantity>{more}
<LineExtensionAmount>{net}</LineExtensionAmount><LineExtensionAmountTaxInclusive>{gross}</LineExtensionAmountTaxInclusive>
<LineExtensionTaxAmount>{tax}</LineExtensionTaxAmount><UnitPrice>{price}</UnitPrice>
<UnitPriceTaxInclusive>0</UnitPriceTaxInclusive><ClassifiedTaxCategory><Percent>{rate}</Percent>
<VATCalculationMethod>0</VATCalculationMethod></ClassifiedTaxCategory><Item><Description>{name}</Description>
<CatalogueItemIdentification><ID>859{number}</ID></CatalogueItemIdentification></Item></InvoiceLine>"""


def _payment(day: str) -> str:
    return f"""<PaymentMeans><Payment><PaidAmount>0</PaidAmount><PaymentMeansCode>42</PaymentMeansCode><Details>
<PaymentDueDate>{day}</PaymentDueDate><ID>19-2000145399</ID><BankCode>0800</BankCode><Name>Česká spořitelna, a.s.</Name>
<IBAN>CZ6508000000192000145399</IBAN><BIC>GIBACZPX</BIC><VariableSymbol>2026111</VariableSymbol>
<ConstantSymbol>0308</ConstantSymbol></Details></Payment></PaymentMeans>"""


#: two rates, an advance that was taxed and one that was not, rounding to a crown, written with and without a minus
FULL = f"""<?xml version="1.0" encoding="utf-8"?><Invoice xmlns="http://isdoc.cz/namespace/2013" version="6.0.2">
<DocumentType>1</DocumentType><ID>FV-111/2026</ID><UUID>7B4C5BE0-288C-11D2-8E62-004095452B84</UUID>
<IssueDate>2026-02-28</IssueDate><TaxPointDate>2026-02-27</TaxPointDate><VATApplicable>true</VATApplicable>
<ElectronicPossibilityAgreementReference/><Note>Děkujeme</Note><LocalCurrencyCode>CZK</LocalCurrencyCode>
<CurrRate>1</CurrRate><RefCurrRate>1</RefCurrRate>{_SELLER}{_BUYER}
<OrderReferences><OrderReference id="o1"><SalesOrderID>OP-1</SalesOrderID><ExternalOrderID>OV-9</ExternalOrderID></OrderReference></OrderReferences>
<DeliveryNoteReferences><DeliveryNoteReference id="d1"><ID>DL-5</ID></DeliveryNoteReference></DeliveryNoteReferences>
<InvoiceLines>{_line(1, "Prkna", "10", "50", "500", "605", "105", "21")}
{_line(2, "Kniha", "4", "25.05", "100.20", "112.22", "12.02", "12")}</InvoiceLines>
<TaxTotal><TaxSubTotal><TaxableAmount>500</TaxableAmount><TaxAmount>105</TaxAmount><TaxInclusiveAmount>605</TaxInclusiveAmount>
<AlreadyClaimedTaxableAmount>100</AlreadyClaimedTaxableAmount><AlreadyClaimedTaxAmount>21</AlreadyClaimedTaxAmount>
<AlreadyClaimedTaxInclusiveAmount>121</AlreadyClaimedTaxInclusiveAmount><TaxCategory><Percent>21</Percent></TaxCategory></TaxSubTotal>
<TaxSubTotal><TaxableAmount>100.20</TaxableAmount><TaxAmount>12.02</TaxAmount><TaxInclusiveAmount>112.22</TaxInclusiveAmount>
<TaxCategory><Percent>12</Percent></TaxCategory></TaxSubTotal><TaxAmount>96.02</TaxAmount></TaxTotal>
<LegalMonetaryTotal><TaxExclusiveAmount>600.20</TaxExclusiveAmount><TaxInclusiveAmount>717.22</TaxInclusiveAmount>
<AlreadyClaimedTaxExclusiveAmount>100</AlreadyClaimedTaxExclusiveAmount>
<AlreadyClaimedTaxInclusiveAmount>121</AlreadyClaimedTaxInclusiveAmount>
<DifferenceTaxExclusiveAmount>500.20</DifferenceTaxExclusiveAmount>
<DifferenceTaxInclusiveAmount>596.22</DifferenceTaxInclusiveAmount><PayableRoundingAmount>-0.22</PayableRoundingAmount>
<PaidDepositsAmount>-96</PaidDepositsAmount><PayableAmount>500</PayableAmount></LegalMonetaryTotal>
{_payment("2026-03-14")}</Invoice>""".encode()

FULL_VALUES = {
    "document_type": "invoice",
    "invoice_number": "FV-111/2026",
    "invoice_date": "2026-02-28",
    "delivery_date": "2026-02-27",
    "due_date": "2026-03-14",
    "currency": "CZK",
    "tax_currency": None,
    "po_numbers": ["OV-9"],
    "delivery_note_numbers": ["DL-5"],
    "seller.name": "Pila s.r.o.",
    "seller.tax_id": "CZ12345679",
    "seller.registration_number": "12345679",
    "seller.address": "Dlouhá 12",
    "seller.country": "CZ",
    "buyer.name": "Stavby a.s.",
    "buyer.city": "Brno",
    "net_total": "600.20",
    "tax_total": "117.02",
    "total": "717.22",
    "round_off": "-0.22",
    "amount_paid": "217",
    "amount_due": "500",
    "taxes.1.rate": "12",
    "taxes.1.amount": "12.02",
    "line_items.#": 2,
    "line_items.0.description": "Prkna",
    "line_items.0.product_code": "8591",
    "line_items.0.quantity": "10",
    "line_items.0.unit": "ks",
    "line_items.0.unit_price": "50",
    "line_items.0.net_amount": "500",
    "line_items.0.tax_amount": "105",
    "line_items.0.total_amount": "605",
    "payment.method": "payment to bank account",
    "payment.reference": "2026111",
    "payment.bank_accounts.0.iban": "CZ6508000000192000145399",
    "payment.bank_accounts.0.account_number": "19-2000145399/0800",
    "payment.bank_accounts.0.bank_name": "Česká spořitelna, a.s.",
    "notes": "Děkujeme",
}

#: in euro: the invoice's amounts are those with Curr, the others are for the tax office; the rate is for a hundred
FOREIGN = f"""<Invoice xmlns="http://isdoc.cz/namespace/2013" version="6.0.1"><DocumentType>1</DocumentType><ID>26/007</ID>
<IssueDate>2026-04-01</IssueDate><LocalCurrencyCode>CZK</LocalCurrencyCode><ForeignCurrencyCode>EUR</ForeignCurrencyCode>
<CurrRate>2500</CurrRate><RefCurrRate>100</RefCurrRate>{_SELLER}{_BUYER}<InvoiceLines><InvoiceLine><ID>1</ID>
<InvoicedQuantity unitCode="h">8</InvoicedQuantity><LineExtensionAmountCurr>400</LineExtensionAmountCurr>
<LineExtensionAmount>10000</LineExtensionAmount><LineExtensionAmountTaxInclusiveCurr>484</LineExtensionAmountTaxInclusiveCurr>
<LineExtensionAmountTaxInclusive>12100</LineExtensionAmountTaxInclusive><LineExtensionTaxAmount>2100</LineExtensionTaxAmount>
<UnitPrice>1250</UnitPrice><UnitPriceTaxInclusive>1512.5</UnitPriceTaxInclusive><ClassifiedTaxCategory><Percent>21</Percent>
<VATCalculationMethod>0</VATCalculationMethod></ClassifiedTaxCategory><Item><Description>Vývoj</Description></Item></InvoiceLine>
</InvoiceLines><TaxTotal><TaxSubTotal><TaxableAmountCurr>400</TaxableAmountCurr><TaxableAmount>10000</TaxableAmount>
<TaxAmountCurr>84</TaxAmountCurr><TaxAmount>2100</TaxAmount><TaxCategory><Percent>21</Percent></TaxCategory></TaxSubTotal>
<TaxAmountCurr>84</TaxAmountCurr><TaxAmount>2100</TaxAmount></TaxTotal><LegalMonetaryTotal>
<TaxExclusiveAmount>10000</TaxExclusiveAmount><TaxExclusiveAmountCurr>400</TaxExclusiveAmountCurr>
<TaxInclusiveAmount>12100</TaxInclusiveAmount><TaxInclusiveAmountCurr>484</TaxInclusiveAmountCurr>
<PaidDepositsAmount>0</PaidDepositsAmount><PaidDepositsAmountCurr>0</PaidDepositsAmountCurr><PayableAmount>12100</PayableAmount>
<PayableAmountCurr>484</PayableAmountCurr></LegalMonetaryTotal>{_payment("2026-04-15")}</Invoice>""".encode()

FOREIGN_VALUES = {
    "currency": "EUR",
    "tax_currency": "CZK",
    "exchange_rate": "25",
    "net_total": "400",
    "tax_total": "84",
    "tax_total_in_tax_currency": "2100",
    "total": "484",
    "amount_due": "484",
    "amount_paid": None,
    "taxes.0.taxable_amount": "400",
    "line_items.0.net_amount": "400",
    "line_items.0.total_amount": "484",
    "line_items.0.unit_price": None,
}

#: version 5, a credit note of a small program: negative quantity, a discount, nil for a quantity, no VAT number
CREDIT_NOTE = f"""<Invoice xmlns="http://isdoc.cz/namespace/invoice" version="5.2"><DocumentType>2</DocumentType><ID>D-3</ID>
<IssueDate>2026-05-02</IssueDate><LocalCurrencyCode>CZK</LocalCurrencyCode><CurrRate>1</CurrRate><RefCurrRate>1</RefCurrRate>
<OriginalDocumentReference><ID>FV-111/2026</ID><IssueDate>2026-02-28</IssueDate></OriginalDocumentReference>
<AccountingSupplierParty>{_party("Jan Novák", "87654321", None)}</AccountingSupplierParty>{_BUYER}<InvoiceLines>
{
    _line(
        1,
        "Prkna",
        "-2",
        "50",
        "-90",
        "-90",
        "0",
        "0",
        "<LineExtensionAmountBeforeDiscount>-100</LineExtensionAmountBeforeDiscount>",
    )
}{_line(2, "Doprava", "0", "0", "-10", "-10", "0", "0")}</InvoiceLines>
<TaxTotal><TaxSubTotal><TaxableAmount>-100</TaxableAmount><TaxAmount>0</TaxAmount><TaxCategory><Percent>0</Percent>
</TaxCategory></TaxSubTotal><TaxAmount>0</TaxAmount></TaxTotal><LegalMonetaryTotal>
<TaxExclusiveAmount>-100</TaxExclusiveAmount><TaxInclusiveAmount>-100</TaxInclusiveAmount><PaidDepositsAmount>0</PaidDepositsAmount>
<PayableAmount>-100</PayableAmount></LegalMonetaryTotal></Invoice>""".encode()

CREDIT_NOTE_VALUES = {
    "document_type": "credit_note",
    "original_invoice.number": "FV-111/2026",
    "original_invoice.date": "2026-02-28",
    "seller.name": "Jan Novák",
    "seller.tax_id": None,
    "seller.registration_number": "87654321",
    "total": "-100",
    "line_items.0.quantity": "-2",
    "line_items.0.discount_amount": "-10",
    "line_items.1.net_amount": "-10",
}


@pytest.mark.parametrize(
    ("data", "expected"),
    [(FULL, FULL_VALUES), (FOREIGN, FOREIGN_VALUES), (CREDIT_NOTE, CREDIT_NOTE_VALUES)],
    ids=["full", "foreign", "credit note"],
)
def test_isdoc_is_read_as_its_makers_mean_it(data, expected):
    assert differences(data, expected) == {}
    assert answer(data)["status"] == "ok"


def test_the_version_is_named():
    found = read_e_invoice(FULL)
    assert (found.syntax, found.guideline) == ("ISDOC", "6.0.2")


@pytest.mark.parametrize(
    ("code", "kind"),
    [("3", "debit_note"), ("4", "proforma"), ("5", "invoice"), ("6", "credit_note"), ("7", "invoice"), ("9", "other")],
)
def test_kinds_of_documents(code, kind):
    data = FOREIGN.replace(b"<DocumentType>1<", f"<DocumentType>{code}<".encode())
    assert differences(data, {"document_type": kind}) == {}


def test_reverse_charge_is_named():
    flag = b"<Percent>21</Percent><LocalReverseChargeFlag>true</LocalReverseChargeFlag></TaxCategory></TaxSubTotal>"
    data = FOREIGN.replace(b"<Percent>21</Percent></TaxCategory></TaxSubTotal>", flag)
    assert differences(data, {"taxes.0.category": "AE"}) == {}
