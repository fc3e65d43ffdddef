"""Everything that can be said about an invoice from itself and from its signed code: findings, nothing corrected.

Findings with ``review`` set the status needs_review. Codes:

=====================  ==============================================================================
missing_field          number, date, total, currency or the seller's name is null
ungrounded             a value is not in the document's text; also label_differs (the page prints it beside another
                       label), same_tax_id, parties_swapped, unseen_value (only text that nobody sees has it),
                       text_not_read (nothing could be looked up)
ambiguous_date         day and month could be swapped; also ambiguous_currency, ambiguous_amount
impossible_date        a date that the calendar does not have; also future_date, old_date, due_before_issue
line_mismatch          a sum: also lines_incomplete, net_mismatch, tax_mismatch, tax_rate_mismatch,
                       total_mismatch, due_mismatch, round_off_large
bad_gstin              an identity: also bad_pan, pan_mismatch, bad_vat_id, bad_iban, bad_ifsc, bad_irn, bad_bic,
                       state_code_mismatch
gst_place_mismatch     GST: also gst_mixed, gst_halves_differ, number_too_long, abolished_levy
credit_note_positive   a sign: also negative_total
qr_mismatch            the signed QR code says something else
=====================  ==============================================================================

A tax number or an account that the document does not print is no finding: many documents have none.

The signed QR code is that of an Indian e-invoice (Rule 48(4) of the CGST Rules, 2017; schema of the GST Network). It is
evidence that costs no model tokens.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from shared_code.invoices.identity_numbers import check_identity
from shared_code.invoices.line_sums import SumCheck
from shared_code.invoices.reading import InvoiceReading
from shared_code.invoices.schema import India, IndiaQr, Invoice, money_text
from shared_code.invoices.standard_sums import by_the_standard
from shared_code.invoices.sums import check_sums
from shared_code.invoices.taxes import check_gst
from shared_code.invoices.text_layer import compact_code
from shared_code.records import Finding

_OLDEST = date(2000, 1, 1)
#: somewhere on earth it is already tomorrow
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class CheckOutcome:
    """What the checks of one invoice found.

    :ivar confirmed: fields that a passing sum or check digit supports.
    :ivar sums: the sums that could be checked.
    """

    findings: tuple[Finding, ...]
    confirmed: frozenset[str]
    sums: tuple[SumCheck, ...] = ()


@dataclass(frozen=True, slots=True)
class QrOutcome:
    """The invoice with the content of its signed code.

    :ivar findings: what contradicts the code.
    :ivar agreed: fields in which invoice and code agree.
    """

    invoice: Invoice
    findings: tuple[Finding, ...]
    agreed: frozenset[str]


def check_invoice(reading: InvoiceReading, *, today: date, trusted: bool = False) -> CheckOutcome:
    """Check one invoice.

    :param today: the day against which dates are judged.
    :param trusted: the values come from embedded data, whose syntax defines what signs mean: credit notes are positive,
        an invoice of negative amounts takes an earlier one back, and sums go by the rules of EN 16931.
    """
    invoice = reading.invoice
    sums = check_sums(invoice, unchecked_lines=reading.unchecked_lines, lines_of_order=reading.lines_of_order)
    if trusted:
        sums = by_the_standard(sums, reading)
    identities = check_identity(invoice)
    found = [
        *reading.findings,
        *(check.finding for check in sums if check.finding),
        *(check.finding for check in identities if check.finding),
        *check_gst(invoice),
        *_dates(invoice, today),
        *_signs(invoice, trusted=trusted),
    ]
    confirmed = {name for check in sums if check.passed for name in check.fields}
    confirmed |= {check.field for check in identities if check.finding is None}
    return CheckOutcome((*_missing(invoice, found), *found), frozenset(confirmed), tuple(sums))


def belongs_to(invoice: Invoice, qr: IndiaQr) -> bool:
    """Whether a signed code is that of this invoice; for documents that hold several invoices."""
    number = invoice.invoice_number is not None and compact_code(invoice.invoice_number) == compact_code(
        qr.doc_no or ""
    )
    return number or (invoice.india is not None and invoice.india.irn is not None and invoice.india.irn == qr.irn)


def check_qr(invoice: Invoice, qr: IndiaQr) -> QrOutcome:
    """Compare every value that invoice and code both have. The invoice keeps its own values; None stays None."""
    india = invoice.india or India()
    buyer = invoice.buyer.tax_id if invoice.buyer else None
    pairs: dict[str, tuple[Any, Any]] = {
        "invoice_number": (invoice.invoice_number, qr.doc_no),
        "invoice_date": (invoice.invoice_date, qr.doc_date),
        "total": (invoice.total, qr.total),
        "seller.tax_id": (invoice.seller.tax_id, qr.seller_gstin),
        "buyer.tax_id": (buyer, qr.buyer_gstin),
        "india.irn": (india.irn, qr.irn),
    }
    findings, agreed = [], set()
    for name, (read, signed) in pairs.items():
        if read is None or signed is None:
            continue
        if _same(read, signed):
            agreed.add(name)
        else:
            message = "The signed QR code says something else."
            findings.append(Finding("qr_mismatch", message, name, expected=_text(signed), found=_text(read)))
    if qr.item_count is not None and invoice.line_items and qr.item_count != len(invoice.line_items):
        message = "The signed QR code counts another number of lines."
        found = str(len(invoice.line_items))
        findings.append(Finding("lines_incomplete", message, "line_items", str(qr.item_count), found))
    return QrOutcome(replace(invoice, india=replace(india, qr=qr)), tuple(findings), frozenset(agreed))


def _missing(invoice: Invoice, found: list[Finding]) -> Iterator[Finding]:
    values = {
        "invoice_number": invoice.invoice_number,
        "invoice_date": invoice.invoice_date,
        "total": invoice.total,
        "currency": invoice.currency,
        "seller.name": invoice.seller.name,
    }
    explained = {finding.field for finding in found}
    for name, value in values.items():
        if value is None and name not in explained:
            yield Finding("missing_field", "The document does not show this value, or it could not be read.", name)


def _dates(invoice: Invoice, today: date) -> Iterator[Finding]:
    issued, due = invoice.invoice_date, invoice.due_date
    if issued is None:
        return
    if issued > today + _ONE_DAY:
        message = "The invoice is dated in the future."
        yield Finding("future_date", message, "invoice_date", f"not after {today.isoformat()}", issued.isoformat())
    if issued < _OLDEST:
        message = "The invoice is dated before the year 2000."
        yield Finding("old_date", message, "invoice_date", found=issued.isoformat())
    if due is not None and due < issued:
        message = "The invoice is due before it was issued."
        yield Finding("due_before_issue", message, "due_date", f"not before {issued.isoformat()}", due.isoformat())


def _signs(invoice: Invoice, *, trusted: bool) -> Iterator[Finding]:
    if invoice.total is None:
        return
    if invoice.document_type == "credit_note" and invoice.total > 0:
        lines = [line.net_amount for line in invoice.line_items if line.net_amount]
        contradicts = bool(lines) and all(amount < 0 for amount in lines)
        message = "A credit note with a positive total, as most countries print it: book the total as a credit."
        if contradicts:
            message = "The total of this credit note is positive and its lines are negative."
        found = money_text(invoice.total)
        yield Finding("credit_note_positive", message, "total", found=found, review=contradicts and not trusted)
    if invoice.document_type in {"invoice", "receipt", "debit_note"} and invoice.total < 0:
        message = "A negative total on a document that is not a credit note."
        found = money_text(invoice.total)
        takes_back = trusted and invoice.net_total is not None and invoice.net_total < 0
        yield Finding("negative_total", message, "total", found=found, review=not takes_back)


def _same(read: Any, signed: Any) -> bool:
    if isinstance(read, str):
        return compact_code(read) == compact_code(str(signed))
    return bool(read == signed)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else value.isoformat() if hasattr(value, "isoformat") else money_text(value)
