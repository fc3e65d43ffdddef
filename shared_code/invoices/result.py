"""The outcome of one document: status, invoices, warnings, computed confidence, and the keys that find duplicates.

The confidence comes from evidence (found on the page, in the signed code or in embedded data, supported by a sum or a
check digit), never from the model's own opinion.
"""

import hashlib
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, TypedDict

from shared_code.invoices.checks import belongs_to, check_invoice, check_qr
from shared_code.invoices.confidence import ESSENTIAL, confidence_of
from shared_code.invoices.countries import country_of
from shared_code.invoices.evidence.find import Judged, find_evidence
from shared_code.invoices.evidence.places import Places
from shared_code.invoices.evidence.record import EvidenceData
from shared_code.invoices.printed_labels import amounts_of
from shared_code.invoices.printed_numbers import amounts_in
from shared_code.invoices.reading import InvoiceReading, Reading
from shared_code.invoices.schema import IndiaQr, Invoice, as_dict, money_text
from shared_code.invoices.text_layer import TextLayer, compact_code
from shared_code.records import Finding

#: first month of the financial year of India (General Clauses Act, 1897, section 3(21))
_APRIL = 4
#: UTF-16 units of two bytes, which is how the database column counts; an emoji is two of them
_MAX_NUMBER_UNITS = 100
#: an invoice shows an amount and its tax, or two lines
_LEAST_AMOUNTS = 2


#: finds the evidence for an invoice, given how it was read and what is thought of it
type EvidenceFinder = Callable[[InvoiceReading, Judged], EvidenceByPath]


def on_pages(layer: TextLayer) -> EvidenceFinder:
    """Looks values up on the pages of a document."""

    def find(entry: InvoiceReading, judged: Judged) -> EvidenceByPath:
        first, last = entry.pages or (1, len(layer.pages))
        own = layer if entry.pages is None else TextLayer(layer.pages[first - 1 : last])
        return find_evidence(entry.invoice, judged, Places(own, first_page=first))

    return find


class ResultData(TypedDict):
    """A result as JSON; a part of ``data`` in the answer.

    Invoices have the fields of :mod:`.schema` and their own ``status``, ``confidence`` and ``warnings``.
    """

    status: str
    invoices: list[dict[str, Any]]
    warnings: list[dict[str, str | bool | None]]
    confidence: dict[str, str]


#: evidence by path, for one invoice
type EvidenceByPath = Mapping[str, EvidenceData]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is thought of one invoice; paths are its own. ``status`` is ok or needs_review."""

    status: str
    confidence: Mapping[str, str]
    warnings: tuple[Finding, ...]
    evidence: EvidenceByPath = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ExtractionResult:
    """What is answered and stored for a document.

    :ivar status: ok, needs_review, not_an_invoice or multiple_invoices.
    :ivar verdicts: one for each invoice.
    :ivar confidence: high, medium or low by field; fields of several invoices as ``invoices[0].total``.
    :ivar duplicate_key: digest of the first invoice's seller, number and financial year, None when one is unknown.
    :ivar similar_key: digest of the first invoice's seller, total and date, None when one is unknown.
    :ivar invoice_number: of the first invoice, at most 100 UTF-16 units.
    """

    status: str
    invoices: tuple[Invoice, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    warnings: tuple[Finding, ...] = ()
    confidence: dict[str, str] = field(default_factory=dict)
    duplicate_key: str | None = None
    similar_key: str | None = None
    invoice_number: str | None = None

    @property
    def evidence(self) -> list[EvidenceByPath]:
        """The evidence for each invoice."""
        return [verdict.evidence for verdict in self.verdicts]

    def result_dict(self) -> ResultData:
        """The JSON form of the result."""
        return ResultData(
            status=self.status,
            invoices=[
                as_dict(invoice)
                | {
                    "status": verdict.status,
                    "confidence": dict(verdict.confidence),
                    "warnings": [finding.as_dict() for finding in verdict.warnings],
                }
                for invoice, verdict in zip(self.invoices, self.verdicts, strict=True)
            ],
            warnings=[finding.as_dict() for finding in self.warnings],
            confidence=dict(self.confidence),
        )


def build_result(
    reading: Reading,
    *,
    pages: Sequence[str],
    today: date,
    source_findings: Iterable[Finding] = (),
    qr: IndiaQr | None = None,
    evidence: EvidenceFinder | None = None,
) -> ExtractionResult:
    """Check every invoice of a reading and put the result together.

    :param pages: visible text of each page, to say whether a status of ``not_an_invoice`` is plausible.
    :param evidence: finds the evidence for the values of each invoice.
    :param source_findings: findings on the file itself (hidden text, active content, a broken e-invoice, ...).
    :param qr: the signed code found on the pages, if any.
    """
    reading, copies = _without_copies(reading)
    several = len(reading.invoices) > 1
    judged = [_judged(entry, reading, today=today, qr=qr, evidence=evidence) for entry in reading.invoices]
    invoices, verdicts = [invoice for invoice, _ in judged], [verdict for _, verdict in judged]
    findings = [*source_findings, *copies, *reading.findings]
    confidence: dict[str, str] = {}
    for index, verdict in enumerate(verdicts):
        prefix = f"invoices[{index}]." if several else ""
        findings += (
            replace(one, field=f"{prefix}{one.field}" if one.field else prefix[:-1] or None) for one in verdict.warnings
        )
        confidence |= {f"{prefix}{name}": level for name, level in verdict.confidence.items()}
    status, remarks = _status(reading, findings, pages)
    warnings = tuple(dict.fromkeys((*remarks, *findings)))
    if status == "not_an_invoice":
        return ExtractionResult(status, warnings=warnings)
    if len(verdicts) == 1:
        verdicts = [Verdict(status, confidence, warnings, verdicts[0].evidence)]
    first = invoices[0] if invoices else Invoice()
    keys = duplicate_key(first), similar_key(first)
    number = _cut(first.invoice_number)
    return ExtractionResult(status, tuple(invoices), tuple(verdicts), warnings, confidence, *keys, number)


def _judged(
    entry: InvoiceReading, reading: Reading, *, today: date, qr: IndiaQr | None, evidence: EvidenceFinder | None
) -> tuple[Invoice, Verdict]:
    """One invoice of the reading, and what is thought of it."""
    own_code = qr if qr is not None and (len(reading.invoices) == 1 or belongs_to(entry.invoice, qr)) else None
    if own_code is None and reading.trusted and entry.invoice.india is not None:
        own_code = entry.invoice.india.qr  # embedded data can hold the text of the code beside the invoice
    invoice, judged, rated = _judge(entry, today=today, trusted=reading.trusted, qr=own_code)
    shown = evidence(entry, judged) if evidence is not None else {}
    return invoice, Verdict(_verdict(judged.findings), rated, tuple(dict.fromkeys(judged.findings)), shown)


def _verdict(findings: Iterable[Finding]) -> str:
    return "needs_review" if any(finding.review for finding in findings) else "ok"


def _without_copies(reading: Reading) -> tuple[Reading, tuple[Finding, ...]]:
    """The reading with each invoice once: files hold an original and its copy."""
    kept: dict[tuple[Any, ...], InvoiceReading] = {}
    for place, entry in enumerate(reading.invoices):
        one = entry.invoice
        known = one.invoice_number is not None and one.total is not None
        identity = (compact_code(one.invoice_number or ""), one.total, one.invoice_date) if known else (place,)
        kept.setdefault(identity, entry)
    if len(kept) == len(reading.invoices):
        return reading, ()
    message = "The file holds the same invoice more than once, as an original and its copies; it is given once."
    copies = len(reading.invoices) - len(kept)
    finding = Finding("copies", message, found=str(copies), review=False)
    return replace(reading, invoices=tuple(kept.values())), (finding,)


def duplicate_key(invoice: Invoice) -> str | None:
    """Digest of seller, number and financial year, or None when one is unknown.

    The year is April to March in India, within which numbers are unique (Rule 46 of the CGST Rules, 2017), and the
    calendar year elsewhere.
    """
    seller = _seller_key(invoice)
    number = compact_code(invoice.invoice_number or "")
    if seller is None or not number or invoice.invoice_date is None:
        return None
    issued = invoice.invoice_date
    indian = country_of(invoice.seller) == "IN" or invoice.seller.tax_id_type == "GSTIN"
    year = issued.year - 1 if indian and issued.month < _APRIL else issued.year
    return _digest("invoice", seller, number, f"{'FY' if indian else ''}{year}")


def similar_key(invoice: Invoice) -> str | None:
    """Digest of seller, total and date, or None when one is unknown: perhaps the same invoice under another number."""
    seller = _seller_key(invoice)
    if seller is None or invoice.total is None or invoice.invoice_date is None:
        return None
    return _digest("similar", seller, money_text(invoice.total.normalize()), invoice.invoice_date.isoformat())


def _judge(
    entry: InvoiceReading, *, today: date, trusted: bool, qr: IndiaQr | None
) -> tuple[Invoice, Judged, dict[str, str]]:
    outcome = check_invoice(entry, today=today, trusted=trusted)
    invoice, findings, agreed = entry.invoice, outcome.findings, frozenset[str]()
    if qr is not None:
        compared = check_qr(invoice, qr)
        invoice, findings, agreed = compared.invoice, (*findings, *compared.findings), compared.agreed
    rated = confidence_of(entry, invoice, outcome, findings, agreed, trusted=trusted)
    return invoice, Judged(entry.grounded, rated.keys(), outcome.confirmed, agreed, findings), rated


def _status(reading: Reading, findings: Sequence[Finding], pages: Sequence[str]) -> tuple[str, tuple[Finding, ...]]:
    """The status, and the findings that explain it."""
    empty = all(is_empty(entry.invoice) for entry in reading.invoices)
    if reading.document_status == "not_an_invoice" and empty:
        if not looks_like_an_invoice(TextLayer(pages)):
            return "not_an_invoice", ()
        message = "The model sees no invoice, although the document's text has the marks of one."
        return "needs_review", (Finding("no_invoice_found", message),)
    if reading.document_status == "unreadable":
        return "needs_review", (Finding("unreadable", "The pages are blank or too poor to read."),)
    if not reading.invoices:
        return "needs_review", (Finding("no_invoice_found", "The model gave no invoice."),)
    if len(reading.invoices) > 1:
        message = f"The file holds {len(reading.invoices)} invoices; each is given on its own."
        return "multiple_invoices", (Finding("multiple_invoices", message, found=str(len(reading.invoices))),)
    return _verdict(findings), ()


def looks_like_an_invoice(layer: TextLayer) -> bool:
    """Whether a text has what letters rarely have together, in any language: a date, money, two amounts, and a name.

    It names itself by the number of an invoice, or by a total without the number of an order or an offer. Statements
    and reminders, which list invoices, are none.
    """
    beside = layer.beside_labels
    labelled = amounts_of([text for name in ("total", "subtotal", "tax_total") for text in beside.get(name, ())])
    amounts = labelled | amounts_in(layer.text, with_decimals=True)
    if not (layer.usable and len(amounts) >= _LEAST_AMOUNTS and layer.currencies.possible and layer.has_dates):
        return False
    numbered = any(any(map(str.isdecimal, text)) for text in beside.get("invoice_number", ()))
    another = any(name in beside for name in ("order_number", "quote_number"))
    return "statement" not in beside and (numbered or ("total" in beside and not another))


def is_empty(invoice: Invoice) -> bool:
    """Whether none of the essential fields was read."""
    impossible = any(name == "invoice_date" for name, _ in invoice.impossible_dates)
    return not impossible and all(getattr(invoice, name) is None for name in ESSENTIAL)


def _seller_key(invoice: Invoice) -> str | None:
    return seller_identity(invoice.seller.tax_id, invoice.seller.name)


def seller_identity(tax_id: str | None, name: str | None) -> str | None:
    """A seller by tax number, else by name, in whichever way it is written; None when neither is known."""
    if tax_id:
        return f"id:{compact_code(tax_id)}"
    decomposed = unicodedata.normalize("NFKD", name or "")
    folded = compact_code("".join(char for char in decomposed if not unicodedata.combining(char)))
    return f"name:{folded}" if folded else None


def _cut(number: str | None) -> str | None:
    return number and number.encode("utf-16-le", "replace")[: 2 * _MAX_NUMBER_UNITS].decode("utf-16-le", "ignore")


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode(errors="replace")).hexdigest()
