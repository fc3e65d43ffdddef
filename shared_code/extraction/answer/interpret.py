"""From the model's answer to invoices: values read again from their printed text and grounded in the page.

Nothing is judged as a sum or a rule here; that is ``checks``. Nothing is looked up outside the document.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from shared_code.extraction.answer.amounts import read_amounts
from shared_code.extraction.answer.critical_fields import ground, read_currency, read_number
from shared_code.extraction.answer.dates import PrintedDates
from shared_code.extraction.answer.wire_schema import DATE_FIELDS, WireAnswer, WireInvoice
from shared_code.extraction.answer.wire_values import (
    accounts_of,
    code_of,
    fiscal_of,
    page_of,
    parties_of,
    place_code_of,
    upper,
    value_of,
    yes_or_no,
)
from shared_code.invoices.countries import country_of
from shared_code.invoices.reading import InvoiceReading, Reading
from shared_code.invoices.schema import DOCUMENT_TYPES, India, Invoice, OriginalInvoice, Party, Payment
from shared_code.invoices.text_layer import TextLayer
from shared_code.records import Finding

_OTHER_DATES = ("due_date", "delivery_date", "service_period_start", "service_period_end")


def read_invoices(answer: WireAnswer, *, pages: Sequence[str]) -> Reading:
    """The invoices of a model's answer.

    :param pages: the visible text of each page, '' for pages without text; may be empty.
    """
    readings = tuple(_read(wire, _layer_of(wire, pages, alone=len(answer.invoices) == 1)) for wire in answer.invoices)
    findings: list[Finding] = []
    if answer.unknown_keys:
        message = "The model's answer held keys that nobody asked for; they were not used."
        found = ", ".join(answer.unknown_keys)[:200]
        findings.append(Finding("unknown_keys", message, found=found, review=False))
    return Reading(answer.document_status, readings, tuple(findings))


def _layer_of(wire: WireInvoice, pages: Sequence[str], *, alone: bool) -> TextLayer:
    """The pages of one invoice among several; all pages when its range makes no sense."""
    first, last = page_of(wire.scalars["first_page"]), page_of(wire.scalars["last_page"])
    if alone or first is None or last is None or not 1 <= first <= last <= len(pages):
        return TextLayer(pages)
    return TextLayer(pages[first - 1 : last])


def _read(wire: WireInvoice, layer: TextLayer) -> InvoiceReading:
    scalars = wire.scalars
    parties, findings = parties_of(wire.rows["parties"])
    seller = _seller(parties.get("seller", Party()), code_of(scalars["seller_tax_id"]), findings)
    currency = read_currency(wire, layer, seller, findings)
    dates = PrintedDates(_date_texts(wire), layer, country=country_of(seller))
    invoice = Invoice(
        document_type=kind if (kind := scalars["document_type"]) in DOCUMENT_TYPES else None,
        invoice_number=read_number(wire, findings),
        currency=currency,
        tax_currency=upper(scalars["tax_currency"]),
        po_numbers=wire.lists["po_numbers"],
        delivery_note_numbers=wire.lists["delivery_note_numbers"],
        contract_number=value_of(scalars["contract_number"]),
        seller=seller,
        buyer=parties.get("buyer"),
        ship_to=parties.get("ship_to"),
        remit_to=parties.get("remit_to"),
        payment=_payment(wire),
        india=_india(scalars, dates),
        fiscal=fiscal_of(scalars),
        notes=value_of(scalars["notes"]),
    )
    invoice = _with_dates(invoice, scalars, dates)
    line_dates = [
        dates.plain(value_of(row["date"]), f"line_items[{index}].date")
        for index, row in enumerate(wire.rows["line_items"])
    ]
    amounts = read_amounts(invoice, wire, line_dates=line_dates)
    invoice, grounded = ground(amounts.invoice, layer, findings, total_has_decimals=amounts.total_has_decimals)
    return InvoiceReading(
        invoice,
        (*findings, *dates.findings, *amounts.findings),
        grounded,
        amounts.unchecked_lines,
        page_of(scalars["first_page"]),
        page_of(scalars["last_page"]),
    )


def _with_dates(invoice: Invoice, scalars: Mapping[str, str | None], dates: PrintedDates) -> Invoice:
    issued = dates.checked(value_of(scalars["invoice_date"]), value_of(scalars["invoice_date_printed"]), "invoice_date")
    original = OriginalInvoice(
        number=value_of(scalars["original_invoice_number"]),
        date=dates.plain(value_of(scalars["original_invoice_date"]), "original_invoice.date"),
    )
    others = {name: dates.plain(value_of(scalars[name]), name) for name in _OTHER_DATES}
    return replace(
        invoice,
        invoice_date=issued,
        original_invoice=None if original == OriginalInvoice() else original,
        impossible_dates=tuple((name, text) for name, text in dates.impossible if "." not in name),
        due_date=others["due_date"],
        delivery_date=others["delivery_date"],
        service_period_start=others["service_period_start"],
        service_period_end=others["service_period_end"],
    )


def _payment(wire: WireInvoice) -> Payment | None:
    payment = Payment(
        terms=value_of(wire.scalars["payment_terms"]),
        method=value_of(wire.scalars["payment_method"]),
        reference=value_of(wire.scalars["payment_reference"]),
        bank_accounts=accounts_of(wire.rows["bank_accounts"], wire.scalars["bank_account"]),
    )
    return None if payment == Payment() else payment


def _seller(party: Party, tax_id: str | None, findings: list[Finding]) -> Party:
    if tax_id is None or tax_id == party.tax_id:
        return party
    if party.tax_id is not None:
        message = "The model gave two different tax numbers for the seller; the first is given."
        findings.append(Finding("tax_id_differs", message, "seller.tax_id", tax_id, party.tax_id))
    kind = party.tax_id_type if party.tax_id_type and party.tax_id is not None else "OTHER"
    return replace(party, tax_id=tax_id, tax_id_type="GSTIN" if country_of(Party(tax_id=tax_id)) == "IN" else kind)


def _india(scalars: Mapping[str, str | None], dates: PrintedDates) -> India | None:
    irn = code_of(scalars["irn"])
    india = India(
        irn=irn.lower() if irn else None,
        ack_number=value_of(scalars["ack_number"]),
        ack_date=dates.plain(value_of(scalars["ack_date"]), "india.ack_date"),
        place_of_supply=value_of(scalars["place_of_supply"]),
        place_of_supply_code=place_code_of(scalars),
        supply_type=value_of(scalars["supply_type"]),
        reverse_charge=yes_or_no(scalars["reverse_charge"]),
        eway_bill_number=value_of(scalars["eway_bill_number"]),
        lut_number=value_of(scalars["lut_number"]),
    )
    return None if india == India() else india


def _date_texts(wire: WireInvoice) -> list[str | None]:
    lines = [row["date"] for row in wire.rows["line_items"]]
    return [wire.scalars["invoice_date_printed"], *(wire.scalars[name] for name in DATE_FIELDS), *lines]
