"""Each value of an e-invoice leads back to its element, in every syntax, and reading is the same with and without it."""

import json

import pytest

from shared_code.e_invoices.explanation import explain, traced
from shared_code.e_invoices.reader import read_e_invoice
from shared_code.e_invoices.xml_parsing import parse_xml
from shared_code.invoices.schema import as_dict
from tests.unit.e_invoices.every_syntax import SAMPLES
from tests.unit.e_invoices.written import cii, ubl

ADDRESS = (
    "<cac:AccountingCustomerParty><cac:Party><cac:PostalAddress><cbc:StreetName>Way 1</cbc:StreetName><cbc:AdditionalStreetName>"
    "Floor 2</cbc:AdditionalStreetName><cbc:CityName>Town</cbc:CityName></cac:PostalAddress><cac:PartyLegalEntity>"
    "<cbc:RegistrationName>Buyer Ltd</cbc:RegistrationName></cac:PartyLegalEntity></cac:Party></cac:AccountingCustomerParty>"
)
LINES = "".join(
    f'<cac:InvoiceLine><cbc:ID>{number}</cbc:ID><cbc:InvoicedQuantity unitCode="C62">2</cbc:InvoicedQuantity>'
    f"<cbc:LineExtensionAmount>50.00</cbc:LineExtensionAmount><cac:Item><cbc:Name>Item {number}</cbc:Name></cac:Item>"
    "<cac:Price><cbc:PriceAmount>25.00</cbc:PriceAmount></cac:Price></cac:InvoiceLine>"
    for number in (1, 2)
)
EXPECTED_UBL = {
    "invoice_number": ("BT-1", "/Invoice/ID", "U-1"),
    "invoice_date": ("BT-2", "/Invoice/IssueDate", "2026-01-15"),
    "currency": ("BT-5", "/Invoice/DocumentCurrencyCode", "EUR"),
    "total": ("BT-112", "/Invoice/LegalMonetaryTotal/TaxInclusiveAmount", "119.00"),
    "amount_due": ("BT-115", "/Invoice/LegalMonetaryTotal/PayableAmount", "119.00"),
    "buyer.name": ("BT-44", "/Invoice/AccountingCustomerParty/Party/PartyLegalEntity/RegistrationName", "Buyer Ltd"),
    "line_items[1].net_amount": ("BT-131", "/Invoice/InvoiceLine[2]/LineExtensionAmount", "50.00"),
    "line_items[1].unit": ("BT-130", "/Invoice/InvoiceLine[2]/InvoicedQuantity/@unitCode", "C62"),
}


def explained(data: bytes) -> dict[str, tuple[str | None, str | None, str | None]]:
    _facts, parts = explain.answer([data])
    return {row["field"]: (row["term"], row["path"], row["text"]) for row in json.loads(parts[0])}


def test_values_of_ubl_lead_to_their_elements_also_those_that_are_alike():
    found = explained(ubl(ADDRESS + LINES))
    assert {field: found[field] for field in EXPECTED_UBL} == EXPECTED_UBL
    street = "/Invoice/AccountingCustomerParty/Party/PostalAddress"
    assert found["buyer.address"][1] == f"{street}/StreetName + {street}/AdditionalStreetName"


def test_values_of_cii_lead_to_their_elements():
    found = explained(cii())
    assert found["invoice_number"] == ("BT-1", "/CrossIndustryInvoice/ExchangedDocument/ID", "C-1")
    assert found["invoice_date"][1:] == (
        "/CrossIndustryInvoice/ExchangedDocument/IssueDateTime/DateTimeString",
        "20260115",
    )
    sums = "/CrossIndustryInvoice/SupplyChainTradeTransaction/ApplicableHeaderTradeSettlement/SpecifiedTradeSettlementHeaderMonetarySummation"
    assert (found["total"][1], found["amount_due"][1]) == (f"{sums}/GrandTotalAmount", f"{sums}/DuePayableAmount")


@pytest.mark.parametrize("syntax", SAMPLES)
def test_in_every_syntax_the_values_that_matter_name_their_elements(syntax):
    found = explained(SAMPLES[syntax][1])
    for field, term in (("invoice_number", 1), ("invoice_date", 2), ("seller.name", 27), ("total", 112)):
        assert found[field][0] == f"BT-{term}"
        assert found[field][1], field
        assert found[field][2], field


def test_what_is_looked_up_or_computed_names_no_element():
    assert explained(ubl())["document_type"][1:] == (None, None)


@pytest.mark.parametrize("data", [ubl(ADDRESS + LINES), cii(), ubl(root="CreditNote")])
def test_the_values_are_those_that_are_read_without_an_explanation(data):
    values = {row.field: row.value for row in explain._evidence(read_e_invoice(data).invoice, [], prefix="")}
    _facts, parts = explain.answer([data])
    assert {row["field"]: row["value"] for row in json.loads(parts[0])} == values


def test_every_path_leads_to_its_text_in_the_file():
    data = ubl(ADDRESS + LINES)
    root = parse_xml(data)
    for field, (_, path, text) in explained(data).items():
        for one, said in zip((path or "").split(" + "), (text or "").split(" + "), strict=True):
            steps = one.split("/")[2:]
            if steps:
                attribute = steps.pop()[1:] if steps[-1].startswith("@") else None
                node = root.part("/".join(steps))
                assert (node.attribute(attribute) if attribute else node.value) == said, field


def test_a_plain_reading_holds_no_marked_values():
    invoice = read_e_invoice(ubl(ADDRESS + LINES)).invoice
    kinds = {type(value) for _, value in explain._values(invoice, "")}
    assert not kinds & {traced.Text, traced.Amount, traced.Day}
    assert as_dict(invoice)["invoice_number"] == "U-1"
