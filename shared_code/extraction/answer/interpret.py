"""From the model's answer to invoices: values read again from their printed text and looked up on the page.

Sums and rules are not judged here; that is ``invoices.checks``. Nothing is looked up outside the document.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from shared_code.extraction.answer.amounts import read_amounts
from shared_code.extraction.answer.critical_fields import PrintedDates, read_currency, read_number
from shared_code.extraction.answer.grounding import ground
from shared_code.extraction.answer.wire_schema import (
    DATE_FIELDS,
    LIST_FIELDS,
    PARTY_ROLES,
    TEXT_FIELDS,
    Row,
    WireAnswer,
    WireInvoice,
    columns_of,
    page_of,
)
from shared_code.invoices.countries import GSTIN_FORM, country_code, country_of, state_codes
from shared_code.invoices.identity_numbers import IBAN_FORM
from shared_code.invoices.printed_labels import amounts_of
from shared_code.invoices.reading import Grounding, InvoiceReading, Reading
from shared_code.invoices.schema import (
    DOCUMENT_TYPES,
    TAX_ID_TYPES,
    BankAccount,
    Fiscal,
    India,
    Invoice,
    OriginalInvoice,
    Party,
    Payment,
    unless_empty,
)
from shared_code.invoices.text_layer import TextLayer, code_in
from shared_code.records import Finding

_OF_INVOICE = frozenset(columns_of(Invoice))
#: fields that are taken as the model gives them
_TEXTS = tuple(name for name in TEXT_FIELDS if name in _OF_INVOICE and name != "tax_currency")
_DATES = tuple(name for name in DATE_FIELDS if name in _OF_INVOICE)
_ACCOUNT_CODES = ("iban", "bic", "ifsc", "sort_code", "routing_number")
_YES = frozenset({"yes", "y", "true"})
_NO = frozenset({"no", "n", "false"})


def read_invoices(answer: WireAnswer, layer: TextLayer) -> Reading:
    """The invoices of a model's answer.

    :param layer: the text of all pages; may be empty.
    """
    alone = len(answer.invoices) == 1
    readings = [_read_invoice(wire, layer) if alone else _among_several(wire, layer) for wire in answer.invoices]
    findings: list[Finding] = []
    if answer.unknown_keys:
        message = "The model's answer held keys that nobody asked for; they were not used."
        found = ", ".join(answer.unknown_keys)[:200]
        findings.append(Finding("unknown_keys", message, found=found, review=False))
    numbers = [reading.invoice.invoice_number for reading in readings if reading.invoice.invoice_number]
    findings += _of_other_invoices(numbers, layer)
    return Reading(answer.document_status, tuple(readings), tuple(findings))


def _of_other_invoices(numbers: Sequence[str], layer: TextLayer) -> Iterator[Finding]:
    """A finding for each page that prints the number and the total of an invoice that the answer does not give."""
    for place, beside in enumerate(layer.beside_labels_by_page, start=1):
        printed = [text for text in beside.get("invoice_number", ()) if any(map(str.isdecimal, text))]
        totalled = amounts_of(beside.get("total", ()))
        if numbers and printed and totalled and not any(code_in(one, text) for one in numbers for text in printed):
            message = f"Page {place} prints another invoice number; an invoice may be missing."
            yield Finding("another_invoice", message, found=printed[0][:60])


def _among_several(wire: WireInvoice, whole: TextLayer) -> InvoiceReading:
    """One invoice among several, looked up on its own pages; on all pages when its range makes no sense."""
    first, last = page_of(wire.scalars["first_page"]), page_of(wire.scalars["last_page"])
    if first is None or last is None or not 1 <= first <= last <= len(whole.pages):
        return _read_invoice(wire, whole)
    return replace(_read_invoice(wire, TextLayer(whole.pages[first - 1 : last])), pages=(first, last))


def _read_invoice(wire: WireInvoice, layer: TextLayer) -> InvoiceReading:
    scalars = wire.scalars
    parties, findings = _parties(wire.rows["parties"])
    seller = _seller(parties.pop("seller", Party()), _code(scalars["seller_tax_id"]), findings)
    currency = read_currency(wire, layer, seller, findings)
    dates = PrintedDates(_date_texts(wire), layer, seller=seller, currency=currency)
    as_given: dict[str, Any] = {name: scalars[name] for name in _TEXTS}
    as_given |= {name: wire.lists[name] for name in LIST_FIELDS}
    as_given |= parties
    tax_currency = scalars["tax_currency"]
    invoice = Invoice(
        **as_given,
        document_type=kind if (kind := scalars["document_type"]) in DOCUMENT_TYPES else None,
        invoice_number=read_number(wire, findings),
        currency=currency,
        tax_currency=tax_currency.upper() if tax_currency else None,
        seller=seller,
        payment=_payment(wire),
        india=_india(scalars, dates),
        fiscal=unless_empty(Fiscal(**{name: scalars[f"fiscal_{name}"] for name in columns_of(Fiscal)})),
    )
    invoice = _with_dates(invoice, scalars, dates)
    line_dates = [
        dates.plain(row["date"], f"line_items[{index}].date") for index, row in enumerate(wire.rows["line_items"])
    ]
    amounts = read_amounts(invoice, wire, line_dates=line_dates)
    grounded = ground(amounts.invoice, layer, total_has_decimals=amounts.total_has_decimals)
    levels = dict(grounded.levels)
    shown = _currency_level(currency, layer) if currency and layer.usable else None
    if shown is not None:
        levels["currency"] = shown
    # Beside its label, but the page itself leaves open which day it is.
    levels |= {name: Grounding.FOUND for name in dates.told_by_country if levels.get(name) is Grounding.ANCHORED}
    remarks = (*findings, *dates.findings, *amounts.findings, *grounded.findings)
    return InvoiceReading(amounts.invoice, remarks, levels, amounts.unchecked_lines)


def _currency_level(code: str, layer: TextLayer) -> Grounding | None:
    shown = layer.seen.currencies
    if shown.certain == {code} or (code in shown.possible and not shown.certain):
        return Grounding.ANCHORED
    if code in shown.mentioned:
        return Grounding.FOUND
    return Grounding.MISSING if layer.complete and layer.shows_currencies else None


def _with_dates(invoice: Invoice, scalars: Row, dates: PrintedDates) -> Invoice:
    issued = dates.checked(scalars["invoice_date"], scalars["invoice_date_printed"], "invoice_date")
    original = OriginalInvoice(
        number=scalars["original_invoice_number"],
        date=dates.plain(scalars["original_invoice_date"], "original_invoice.date"),
    )
    others: dict[str, Any] = {name: dates.plain(scalars[name], name) for name in _DATES}
    return replace(
        invoice,
        **others,
        invoice_date=issued,
        original_invoice=unless_empty(original),
        impossible_dates=tuple((name, text) for name, text in dates.impossible if "." not in name),
    )


def _date_texts(wire: WireInvoice) -> list[str | None]:
    lines = [row["date"] for row in wire.rows["line_items"]]
    return [wire.scalars["invoice_date_printed"], *(wire.scalars[name] for name in DATE_FIELDS), *lines]


def _parties(rows: Sequence[Row]) -> tuple[dict[str, Party], list[Finding]]:
    """The first party of each role, and a finding for each that is given twice or has no known role."""
    parties: dict[str, Party] = {}
    findings = []
    for row in rows:
        role = row["role"] or ""
        if role not in PARTY_ROLES:
            message = "The model named a party without a role; it is left out."
            findings.append(Finding("unknown_party", message, found=row["name"], review=False))
        elif role in parties:
            message = "The document seems to name more than one; the first is given."
            findings.append(Finding("several_parties", message, role, found=row["name"], review=False))
        else:
            parties[role] = _party(row)
    return parties, findings


def _party(row: Row) -> Party:
    tax_id = _code(row["tax_id"])
    kind = (row["tax_id_type"] or "").upper()
    if tax_id and GSTIN_FORM.fullmatch(tax_id):
        kind = "GSTIN"
    values: dict[str, Any] = {name: text for name, text in row.items() if name != "role"}
    values |= {
        "tax_id": tax_id,
        "tax_id_type": None if tax_id is None else kind if kind in TAX_ID_TYPES else "OTHER",
        "pan": _code(row["pan"]),
        "country": country_code(row["country"]),
    }
    return Party(**values)


def _seller(party: Party, tax_id: str | None, findings: list[Finding]) -> Party:
    """The seller with the tax number that the model gives beside the table of parties."""
    if tax_id is None or tax_id == party.tax_id:
        return party
    if party.tax_id is not None:
        message = "The model gave two different tax numbers for the seller; the first is given."
        findings.append(Finding("tax_id_differs", message, "seller.tax_id", tax_id, party.tax_id))
    kind = party.tax_id_type if party.tax_id_type and party.tax_id is not None else "OTHER"
    return replace(party, tax_id=tax_id, tax_id_type="GSTIN" if country_of(Party(tax_id=tax_id)) == "IN" else kind)


def _payment(wire: WireInvoice) -> Payment | None:
    return unless_empty(
        Payment(
            terms=wire.scalars["payment_terms"],
            method=wire.scalars["payment_method"],
            reference=wire.scalars["payment_reference"],
            bank_accounts=_accounts(wire.rows["bank_accounts"], _code(wire.scalars["bank_account"])),
        )
    )


def _accounts(rows: Sequence[Row], first: str | None) -> tuple[BankAccount, ...]:
    """The accounts; ``first``, an IBAN or an account number, makes one when the list is empty."""
    found = tuple(account for row in rows if (account := unless_empty(_account(row))))
    if found or first is None:
        return found
    return (BankAccount(iban=first) if IBAN_FORM.fullmatch(first) else BankAccount(account_number=first),)


def _account(row: Row) -> BankAccount:
    values = {name: _code(text) if name in _ACCOUNT_CODES else text for name, text in row.items()}
    return BankAccount(**values | {"account_number": re.sub(r"\s", "", row["account_number"] or "") or None})


def _india(scalars: Row, dates: PrintedDates) -> India | None:
    irn = _code(scalars["irn"])
    places = state_codes(scalars["place_of_supply_code"]) or state_codes(scalars["place_of_supply"])
    word = (scalars["reverse_charge"] or "").casefold().rstrip(".")
    values: dict[str, Any] = {name: scalars[name] for name in columns_of(India) if name in scalars}
    values |= {
        "irn": irn.lower() if irn else None,
        "ack_date": dates.plain(scalars["ack_date"], "india.ack_date"),
        "place_of_supply_code": min(places) if len(places) == 1 else None,
        "reverse_charge": True if word in _YES else False if word in _NO else None,
    }
    return unless_empty(India(**values))


def _code(text: str | None) -> str | None:
    """A code without blanks, in upper case, without a label that ends in a colon."""
    return (re.sub(r"\s", "", text.rpartition(":")[2]).upper() or None) if text else None
