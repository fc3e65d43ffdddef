"""Svefaktura 1.0 as several makers write it; values by hand."""

import pytest

from shared_code.e_invoices.reader import read_e_invoice
from tests.unit.e_invoices.national.read_whole import answer, differences

_NAMESPACES = (
    'xmlns="urn:sfti:documents:BasicInvoice:1:0" xmlns:cac="urn:sfti:CommonAggregateComponents:1:0"'
    ' xmlns:cbc="urn:oasis:names:tc:ubl:CommonBasicComponents:1:0"'
)


def _category(rate: str) -> str:
    return (
        f"<cac:TaxCategory><cac:ID>S</cac:ID><cbc:Percent>{rate}</cbc:Percent><cac:TaxScheme><cac:ID>VAT</cac:ID>"
        "</cac:TaxScheme></cac:TaxCategory>"
    )


def _kr(name: str, amount: str) -> str:
    return f'<cbc:{name} amountCurrencyID="SEK">{amount}</cbc:{name}>'


_SELLER = """<cac:SellerParty><cac:Party><cac:PartyName><cbc:Name>Grossisten</cbc:Name></cac:PartyName><cac:Address>
<cbc:Postbox>Box 704</cbc:Postbox><cbc:StreetName>Blygatan</cbc:StreetName><cbc:BuildingNumber>25</cbc:BuildingNumber>
<cbc:CityName>Norrköping</cbc:CityName><cbc:PostalZone>60116</cbc:PostalZone><cac:Country>
<cac:IdentificationCode name="Sverige">SE</cac:IdentificationCode></cac:Country></cac:Address><cac:PartyTaxScheme>
<cbc:RegistrationName>Grossisten i Norr AB</cbc:RegistrationName><cac:CompanyID>5561234567</cac:CompanyID>
<cbc:ExemptionReason>F-skattebevis finns</cbc:ExemptionReason><cac:TaxScheme><cac:ID>SWT</cac:ID></cac:TaxScheme></cac:PartyTaxScheme>
<cac:PartyTaxScheme><cac:CompanyID>SE556123456701</cac:CompanyID><cac:TaxScheme><cac:ID>VAT</cac:ID></cac:TaxScheme></cac:PartyTaxScheme>
<cac:Contact><cbc:Telephone>035-183000</cbc:Telephone><cbc:ElectronicMail>order@grossisten.example</cbc:ElectronicMail>
</cac:Contact></cac:Party></cac:SellerParty>"""
_BUYER = """<cac:BuyerParty><cac:Party><cac:PartyName><cbc:Name>Skolan</cbc:Name></cac:PartyName><cac:Address>
<cbc:StreetName>FE 99</cbc:StreetName><cbc:CityName>Frösön</cbc:CityName><cbc:PostalZone>83873</cbc:PostalZone></cac:Address>
</cac:Party></cac:BuyerParty>"""


def _means(account: str, bank: str, day: str = "2026-05-18") -> str:
    return f"""<cac:PaymentMeans><cac:PaymentMeansTypeCode>1</cac:PaymentMeansTypeCode><cbc:DuePaymentDate>{day}</cbc:DuePaymentDate>
<cac:PayeeFinancialAccount><cac:ID>{account}</cac:ID><cac:FinancialInstitutionBranch><cac:FinancialInstitution>
<cac:ID>{bank}</cac:ID></cac:FinancialInstitution></cac:FinancialInstitutionBranch>
<cac:PaymentInstructionID>60445647</cac:PaymentInstructionID></cac:PayeeFinancialAccount></cac:PaymentMeans>"""


def _line(number: int, quantity: str, net: str, price: str, rate: str, more: str = "", base: str = "") -> str:
    return f"""<cac:InvoiceLine><cac:ID>{number}</cac:ID>
<cbc:InvoicedQuantity quantityUnitCode="KG">{quantity}</cbc:InvoicedQuantity>{_kr("LineExtensionAmount", net)}
<cac:OrderLineReference><cac:OrderReference><cac:BuyersID>B-{number}</cac:BuyersID></cac:OrderReference></cac:OrderLineReference>{more}
<cac:Item><cbc:Description>Vara {number}</cbc:Description><cac:SellersItemIdentification><cac:ID>52{number}</cac:ID>
</cac:SellersItemIdentification>{_category(rate)}<cac:BasePrice>{_kr("PriceAmount", price)}{base}</cac:BasePrice></cac:Item></cac:InvoiceLine>"""


def _subtotal(base: str, tax: str, rate: str) -> str:
    return f"<cac:TaxSubTotal>{_kr('TaxableAmount', base)}{_kr('TaxAmount', tax)}{_category(rate)}</cac:TaxSubTotal>"


#: two rates, freight on the whole invoice, a discount on a line, rounding in the total, two accounts
FULL = f"""<?xml version="1.0" encoding="ISO-8859-1"?><Invoice {_NAMESPACES}><ID>60445647</ID>
<cbc:IssueDate>2026-04-13</cbc:IssueDate><InvoiceTypeCode>380</InvoiceTypeCode><cbc:Note>Tack</cbc:Note>
<InvoiceCurrencyCode codeListID="ISO 4217 Alpha">SEK</InvoiceCurrencyCode><LineItemCountNumeric>2</LineItemCountNumeric>
<AdditionalDocumentReference><cac:ID identificationSchemeID="CT">175612</cac:ID></AdditionalDocumentReference>
<AdditionalDocumentReference><cac:ID identificationSchemeID="DQ">15864865</cac:ID></AdditionalDocumentReference>
{_BUYER}{
    _SELLER
}<cac:Delivery><cbc:ActualDeliveryDateTime>2026-04-12T00:00:00</cbc:ActualDeliveryDateTime><cac:DeliveryAddress>
<cbc:StreetName>Hamngatan 3</cbc:StreetName><cbc:CityName>Göteborg</cbc:CityName><cbc:PostalZone>41121</cbc:PostalZone>
</cac:DeliveryAddress></cac:Delivery>{_means("58264631", "BGABSESS")}{_means("41585027", "PGSISESS")}
<cac:PaymentTerms><cbc:Note>30 dagar</cbc:Note></cac:PaymentTerms>
<AllowanceCharge><cbc:ChargeIndicator>1</cbc:ChargeIndicator><cac:ReasonCode name="Frakt">FC</cac:ReasonCode>{
    _kr("Amount", "100.00")
}
{_category("25")}</AllowanceCharge><cac:TaxTotal>{_kr("TotalTaxAmount", "95.41")}{_subtotal("586.73", "70.41", "12")}
{_subtotal("100.00", "25.00", "25")}</cac:TaxTotal><cac:LegalTotal>{_kr("LineExtensionTotalAmount", "586.73")}
{_kr("TaxExclusiveTotalAmount", "686.73")}{_kr("TaxInclusiveTotalAmount", "782.00")}
<cac:RoundOffAmount amountCurrencyID="SEK">-0.14</cac:RoundOffAmount></cac:LegalTotal>
{_line(1, "5", "298.15", "59.63", "12")}
{
    _line(
        2,
        "4",
        "288.58",
        "80.00",
        "12",
        "<cac:AllowanceCharge><cbc:ChargeIndicator>false</cbc:ChargeIndicator>"
        + _kr("Amount", "31.42")
        + "</cac:AllowanceCharge>",
    )
}</Invoice>""".encode("iso-8859-1")

FULL_VALUES = {
    "document_type": "invoice",
    "invoice_number": "60445647",
    "invoice_date": "2026-04-13",
    "due_date": "2026-05-18",
    "delivery_date": "2026-04-12",
    "currency": "SEK",
    "contract_number": "175612",
    "delivery_note_numbers": ["15864865"],
    "seller.name": "Grossisten i Norr AB",
    "seller.trading_name": "Grossisten",
    "seller.tax_id": "SE556123456701",
    "seller.registration_number": "5561234567",
    "seller.address": "Box 704, Blygatan 25",
    "seller.city": "Norrköping",
    "seller.country": "SE",
    "seller.email": "order@grossisten.example",
    "buyer.name": "Skolan",
    "buyer.trading_name": None,
    "ship_to.city": "Göteborg",
    "subtotal": "586.73",
    "charges_total": "100.00",
    "discount_total": None,
    "net_total": "686.73",
    "tax_total": "95.41",
    "round_off": "-0.14",
    "total": "782.00",
    "amount_due": "782.00",
    "taxes.#": 2,
    "taxes.1.rate": "25",
    "line_items.#": 2,
    "line_items.0.unit": "KG",
    "line_items.0.product_code": "521",
    "line_items.0.po_number": "B-1",
    "line_items.1.discount_amount": "31.42",
    "line_items.1.net_amount": "288.58",
    "payment.terms": "30 dagar",
    "payment.reference": "60445647",
    "payment.bank_accounts.0.account_number": "58264631",
    "payment.bank_accounts.0.bank_name": "Bankgirot",
    "payment.bank_accounts.1.bank_name": "PlusGirot",
    "notes": "Tack",
}

#: a credit note; a price for a hundred pieces
CREDIT_NOTE = f"""<Invoice {_NAMESPACES}><ID>K-9</ID><cbc:IssueDate>2026-05-02</cbc:IssueDate><InvoiceTypeCode>381</InvoiceTypeCode>
<InvoiceCurrencyCode>SEK</InvoiceCurrencyCode>{_BUYER}{_SELLER}<InitialInvoiceDocumentReference><cac:ID>60445647</cac:ID>
</InitialInvoiceDocumentReference><cac:TaxTotal>{_kr("TotalTaxAmount", "25.00")}{_subtotal("100.00", "25.00", "25")}</cac:TaxTotal>
<cac:LegalTotal>{_kr("LineExtensionTotalAmount", "100.00")}{_kr("TaxExclusiveTotalAmount", "100.00")}
{_kr("TaxInclusiveTotalAmount", "125.00")}</cac:LegalTotal>
{_line(1, "200", "100.00", "50.00", "25", base='<cbc:BaseQuantity quantityUnitCode="KG">100</cbc:BaseQuantity>')}</Invoice>""".encode()

CREDIT_NOTE_VALUES = {
    "document_type": "credit_note",
    "original_invoice.number": "60445647",
    "total": "125.00",
    "line_items.0.unit_price": "0.5",
}

#: an account by its IBAN, no rounding, an invoice without delivery
IBAN = f"""<Invoice {_NAMESPACES}><ID>7</ID><cbc:IssueDate>2026-05-03</cbc:IssueDate><InvoiceTypeCode>380</InvoiceTypeCode>
<InvoiceCurrencyCode>SEK</InvoiceCurrencyCode><TaxPointDate>2026-05-01</TaxPointDate>{_BUYER}{_SELLER}
{_means("SE4550000000058398257466", "ESSESESS", "2026-06-02")}<cac:TaxTotal>{_kr("TotalTaxAmount", "6.00")}
{_subtotal("100.00", "6.00", "6")}</cac:TaxTotal><cac:LegalTotal>{_kr("LineExtensionTotalAmount", "100.00")}
{_kr("TaxExclusiveTotalAmount", "100.00")}{_kr("TaxInclusiveTotalAmount", "106.00")}</cac:LegalTotal>
{_line(1, "1", "100.00", "100.00", "6")}</Invoice>""".encode()

IBAN_VALUES = {
    "delivery_date": "2026-05-01",
    "due_date": "2026-06-02",
    "total": "106.00",
    "payment.bank_accounts.0.iban": "SE4550000000058398257466",
    "payment.bank_accounts.0.bic": "ESSESESS",
}


@pytest.mark.parametrize(
    ("data", "expected"),
    [(FULL, FULL_VALUES), (CREDIT_NOTE, CREDIT_NOTE_VALUES), (IBAN, IBAN_VALUES)],
    ids=["full", "credit note", "IBAN"],
)
def test_svefaktura_is_read_as_its_makers_mean_it(data, expected):
    assert differences(data, expected) == {}
    assert answer(data)["status"] == "ok"


def test_several_invoices_and_their_attachments_come_in_one_envelope():
    invoices = b"".join(data.split(b"?>", 1)[-1] for data in (CREDIT_NOTE, IBAN))
    wrapped = (
        b'<sh:StandardBusinessDocument xmlns:sh="urn:sfti:documents:StandardBusinessDocumentHeader">'
        b"<sh:StandardBusinessDocumentHeader><sh:HeaderVersion>1.0</sh:HeaderVersion></sh:StandardBusinessDocumentHeader>"
        + invoices
        + b'<ObjectEnvelope xmlns="urn:sfti:documents:ObjectEnvelope:1:0"><EncodedObject><EncodedData format="BASE64">JVBERi0xLjUN'
        b"</EncodedData></EncodedObject></ObjectEnvelope></sh:StandardBusinessDocument>"
    )
    found = read_e_invoice(wrapped)
    assert (found.syntax, found.guideline) == ("Svefaktura", "Svefaktura 1.0")
    assert [entry.invoice.invoice_number for entry in found.readings] == ["K-9", "7"]
