"""The signed QR code of an Indian e-invoice against what was read: evidence that costs no model tokens."""

from dataclasses import dataclass, replace
from typing import Any

from shared_code.invoices.schema import India, IndiaQr, Invoice, money_text
from shared_code.invoices.text_layer import compact_code
from shared_code.records import Finding


@dataclass(frozen=True, slots=True)
class QrOutcome:
    """The invoice with the code's content, what contradicts it, and the fields that it proves."""

    invoice: Invoice
    findings: tuple[Finding, ...]
    agreed: frozenset[str]


def belongs_to(invoice: Invoice, qr: IndiaQr) -> bool:
    """Whether a code is of this invoice, when a document holds several."""
    number = invoice.invoice_number is not None and compact_code(invoice.invoice_number) == compact_code(
        qr.doc_no or ""
    )
    return number or (invoice.india is not None and invoice.india.irn is not None and invoice.india.irn == qr.irn)


def check_qr(invoice: Invoice, qr: IndiaQr) -> QrOutcome:
    """Compare every value that both have; the invoice keeps its own, and null stays null."""
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


def _same(read: Any, signed: Any) -> bool:
    if isinstance(read, str):
        return compact_code(read) == compact_code(str(signed))
    return bool(read == signed)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else value.isoformat() if hasattr(value, "isoformat") else money_text(value)
