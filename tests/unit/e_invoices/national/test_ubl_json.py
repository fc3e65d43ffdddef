"""UBL as JSON: as OASIS writes it (MyInvois), and as programs make it of Peppol's XML; values by hand."""

import base64
import json
from typing import Any

import pytest

from shared_code.e_invoices.reader import read_e_invoice
from tests.unit.e_invoices.national.read_whole import answer, differences


def _v(value: Any, **attributes: str) -> list[dict[str, Any]]:
    """A value with attributes as OASIS writes it."""
    return [{"_": value, **attributes}]


def _rm(value: float) -> list[dict[str, Any]]:
    return _v(value, currencyID="MYR")


def _party(name: str, tin: str, brn: str) -> dict[str, Any]:
    return {
        "Party": [
            {
                "PartyIdentification": [{"ID": _v(tin, schemeID="TIN")}, {"ID": _v(brn, schemeID="BRN")}],
                "PostalAddress": [
                    {
                        "CityName": _v("Kuala Lumpur"),
                        "PostalZone": _v("50480"),
                        "CountrySubentityCode": _v("14"),
                        "AddressLine": [{"Line": _v("Lot 66")}, {"Line": _v("Persiaran Jaya")}],
                        "Country": [{"IdentificationCode": _v("MYS", listID="ISO3166-1")}],
                    }
                ],
                "PartyLegalEntity": [{"RegistrationName": _v(name)}],
                "Contact": [{"Telephone": _v("+60123456789"), "ElectronicMail": _v("akaun@kilang.example")}],
            }
        ]
    }


def _tax(base: float, amount: float, category: str) -> dict[str, Any]:
    return {
        "TaxableAmount": _rm(base),
        "TaxAmount": _rm(amount),
        "TaxCategory": [{"ID": _v(category), "TaxScheme": [{"ID": _v("OTH", schemeID="UN/ECE 5153")}]}],
    }


def _line(number: str, quantity: float, price: float, net: float, name: str) -> dict[str, Any]:
    return {
        "ID": _v(number),
        "InvoicedQuantity": _v(quantity, unitCode="C62"),
        "LineExtensionAmount": _rm(net),
        "Item": [
            {
                "CommodityClassification": [{"ItemClassificationCode": _v("003", listID="CLASS")}],
                "Description": _v(name),
            }
        ],
        "Price": [{"PriceAmount": _rm(price)}],
        "ItemPriceExtension": [{"Amount": _rm(net)}],
    }


#: MyInvois, version 1.0: each value in an array, numbers as numbers, empty values
OASIS: dict[str, Any] = {
    "_D": "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2",
    "_A": "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2",
    "_B": "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2",
    "Invoice": [
        {
            "ID": _v("JSON-INV12345"),
            "IssueDate": _v("2026-02-06"),
            "IssueTime": _v("00:30:00Z"),
            "InvoiceTypeCode": _v("01", listVersionID="1.0"),
            "DocumentCurrencyCode": _v("MYR"),
            "TaxCurrencyCode": _v("MYR"),
            "InvoicePeriod": [{"StartDate": _v("2026-01-01"), "EndDate": _v("2026-01-31")}],
            "AccountingSupplierParty": [_party("Kilang Sdn. Bhd.", "C2584563222", "202001234567")],
            "AccountingCustomerParty": [_party("Kedai Sdn. Bhd.", "C2584563200", "201901234567")],
            "PaymentMeans": [{"PaymentMeansCode": _v("03"), "PayeeFinancialAccount": [{"ID": _v("1234567890123")}]}],
            "TaxTotal": [{"TaxAmount": _rm(85.10), "TaxSubtotal": [_tax(1000, 10.10, "01"), _tax(1500, 75, "02")]}],
            "LegalMonetaryTotal": [
                {
                    "LineExtensionAmount": _rm(2500.00),
                    "TaxExclusiveAmount": _rm(2500.00),
                    "TaxInclusiveAmount": _rm(2585.10),
                    "AllowanceTotalAmount": _rm(0.00),
                    "PayableAmount": _rm(2585.10),
                }
            ],
            "InvoiceLine": [_line("001", 2, 500, 1000, "Kabel"), _line("002", 1, 1500, 1500, "Skrin")],
            "Note": [{"_": ""}],
        }
    ],
}

OASIS_VALUES = {
    "document_type": "invoice",
    "invoice_number": "JSON-INV12345",
    "invoice_date": "2026-02-06",
    "service_period_start": "2026-01-01",
    "currency": "MYR",
    "seller.name": "Kilang Sdn. Bhd.",
    "seller.tax_id": "C2584563222",
    "seller.address": "Lot 66, Persiaran Jaya",
    "seller.country": "MY",
    "seller.email": "akaun@kilang.example",
    "buyer.name": "Kedai Sdn. Bhd.",
    "net_total": "2500.00",
    "tax_total": "85.10",
    "total": "2585.10",
    "amount_due": "2585.10",
    "taxes.#": 2,
    "taxes.0.amount": "10.10",
    "taxes.1.taxable_amount": "1500",
    "line_items.#": 2,
    "line_items.0.quantity": "2",
    "line_items.0.unit": "C62",
    "line_items.0.unit_price": "500",
    "line_items.1.description": "Skrin",
    "payment.bank_accounts.0.account_number": "1234567890123",
    "notes": None,
}


def _oasis() -> bytes:
    # amounts as written: json would drop the zeros
    return (
        json.dumps(OASIS)
        .replace(": 2500.0,", ": 2500.00,")
        .replace("85.1,", "85.10,")
        .replace("10.1,", "10.10,")
        .encode()
    )


def _converted(text: str, mark: str) -> bytes:
    """A Peppol credit note as converters from XML write it: prefixes, one element without an array, text as numbers."""

    def amount(value: str) -> dict[str, str]:
        return {f"{mark}currencyID": "EUR", text: value}

    def party(name: str) -> dict[str, Any]:
        return {
            "cac:Party": {
                "cac:PartyName": {"cbc:Name": name},
                "cac:PostalAddress": {"cac:Country": {"cbc:IdentificationCode": "BE"}},
                "cac:PartyLegalEntity": {"cbc:RegistrationName": f"{name} NV"},
            }
        }

    return json.dumps(
        {
            "?xml": {"@version": "1.0"},
            "CreditNote": {
                f"{mark}xmlns": "urn:oasis:names:specification:ubl:schema:xsd:CreditNote-2",
                f"{mark}xmlns:cbc": "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2",
                "cbc:CustomizationID": "urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0",
                "cbc:ID": "CN-7",
                "cbc:IssueDate": "2026-05-04",
                "cbc:CreditNoteTypeCode": 381,
                "cbc:DocumentCurrencyCode": "EUR",
                "cac:AccountingSupplierParty": party("Bakkerij"),
                "cac:AccountingCustomerParty": party("Hotel"),
                "cac:TaxTotal": {
                    "cbc:TaxAmount": amount("6.00"),
                    "cac:TaxSubtotal": {
                        "cbc:TaxableAmount": amount("100.00"),
                        "cbc:TaxAmount": amount("6.00"),
                        "cac:TaxCategory": {"cbc:ID": "S", "cbc:Percent": 6, "cac:TaxScheme": {"cbc:ID": "VAT"}},
                    },
                },
                "cac:LegalMonetaryTotal": {
                    "cbc:LineExtensionAmount": amount("100.00"),
                    "cbc:TaxExclusiveAmount": amount("100.00"),
                    "cbc:TaxInclusiveAmount": amount("106.00"),
                    "cbc:PayableAmount": amount("106.00"),
                },
                "cac:CreditNoteLine": {
                    "cbc:ID": 1,
                    "cbc:CreditedQuantity": {f"{mark}unitCode": "C62", text: "4"},
                    "cbc:LineExtensionAmount": amount("100.00"),
                    "cac:Item": {"cbc:Name": "Brood", "cac:ClassifiedTaxCategory": {"cbc:ID": "S", "cbc:Percent": 6}},
                    "cac:Price": {"cbc:PriceAmount": amount("25.00")},
                },
            },
        }
    ).encode()


CONVERTED_VALUES = {
    "document_type": "credit_note",
    "invoice_number": "CN-7",
    "seller.name": "Bakkerij NV",
    "seller.trading_name": "Bakkerij",
    "seller.country": "BE",
    "currency": "EUR",
    "tax_total": "6.00",
    "total": "106.00",
    "taxes.0.rate": "6",
    "line_items.0.quantity": "4",
    "line_items.0.unit": "C62",
    "line_items.0.unit_price": "25.00",
}

#: the members of an invoice without a root, values without arrays, amounts as plain numbers
PLAIN: dict[str, Any] = {
    "ID": "P-1",
    "IssueDate": "2026-06-01",
    "DueDate": "2026-07-01",
    "InvoiceTypeCode": "380",
    "DocumentCurrencyCode": "SGD",
    "AccountingSupplierParty": {"Party": {"PartyLegalEntity": {"RegistrationName": "Lion Pte. Ltd."}}},
    "TaxTotal": {"TaxAmount": 9.0},
    "LegalMonetaryTotal": {"TaxExclusiveAmount": 100.0, "TaxInclusiveAmount": 109.0, "PayableAmount": 109.0},
    "InvoiceLine": [{"ID": "1", "InvoicedQuantity": 1, "LineExtensionAmount": 100, "Item": {"Name": "Visit"}}],
}

PLAIN_VALUES = {
    "invoice_number": "P-1",
    "due_date": "2026-07-01",
    "currency": "SGD",
    "seller.name": "Lion Pte. Ltd.",
    "total": "109.0",
    "line_items.0.description": "Visit",
}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (_oasis(), OASIS_VALUES),
        (_converted("#text", "@"), CONVERTED_VALUES),
        (_converted("#text", "@_"), CONVERTED_VALUES),
        (_converted("$", "@"), CONVERTED_VALUES),
        (_converted("$t", ""), CONVERTED_VALUES),
        (json.dumps(PLAIN).encode(), PLAIN_VALUES),
    ],
    ids=["OASIS", "xmltodict", "fast-xml-parser", "BadgerFish", "xml2json", "plain"],
)
def test_ubl_in_json_is_read_as_its_makers_mean_it(data, expected):
    assert differences(data, expected) == {}
    assert answer(data)["status"] == "ok"


def test_names_that_stand_twice_are_elements_that_stand_twice():
    """The official samples repeat ``TaxSubtotal`` in one object."""
    subtotals = json.dumps(OASIS["Invoice"][0]["TaxTotal"][0]["TaxSubtotal"])
    parts = [json.dumps([part]) for part in json.loads(subtotals)]
    data = json.dumps(OASIS).replace(subtotals, f'{parts[0]}, "TaxSubtotal": {parts[1]}')
    assert differences(data.encode(), {"taxes.#": 2, "taxes.1.amount": "75"}) == {}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_any_encoding_of_json_is_read(encoding):
    assert differences(_oasis().decode().encode(encoding), OASIS_VALUES) == {}


def test_a_submission_to_the_tax_office_holds_documents_in_base64():
    xml = (
        b'<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"><ID>X-1</ID><LegalMonetaryTotal>'
        b"<PayableAmount>5</PayableAmount></LegalMonetaryTotal></Invoice>"
    )
    documents = [
        {"format": "JSON", "documentHash": "x", "codeNumber": "1", "document": base64.b64encode(_oasis()).decode()},
        {"format": "XML", "documentHash": "y", "codeNumber": "2", "document": base64.b64encode(xml).decode()},
        {"uuid": "z", "status": "Valid", "document": json.dumps(PLAIN)},
    ]
    found = read_e_invoice(json.dumps({"documents": documents}).encode())
    assert [entry.invoice.invoice_number for entry in found.readings] == ["JSON-INV12345", "X-1", "P-1"]
