"""Invoices that come as XML: recognised by their root element and read without a model.

What is trusted:

* The values of the XML are given as they are. Sums are checked later, like those of any invoice, and a wrong one is
  reported, never corrected.
* In a PDF the XML is compared with the pages (:mod:`.page_comparison`). One that they contradict is not used: the next
  XML is tried, and at last a model reads the pages, with a warning.
* XML in a PDF that is broken, of another kind, or lacks an essential value never fails the document: the page can still
  be read by a model.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial

from shared_code import errors
from shared_code.documents import refusals
from shared_code.documents.document import Document
from shared_code.e_invoices.explanation.explain import read_with_evidence
from shared_code.e_invoices.page_comparison import Agreement, compare_with_pages
from shared_code.e_invoices.reader import EInvoice
from shared_code.invoices.page import PageText
from shared_code.invoices.reading import Reading
from shared_code.invoices.schema import Invoice
from shared_code.records import Finding

_MAX_ATTACHMENTS = 20
_ESSENTIAL = ("invoice_number", "currency")


def read_document(document: Document) -> EInvoice:
    """The invoices of an XML document.

    :raises errors.InvalidFile: as :func:`reader.read_in_sandbox`.
    :raises errors.Busy: too many documents are being read.
    """
    return read_with_evidence(document.media[0].data, company=document.company)


def choose_e_invoice(
    document: Document, pages: Sequence[str | PageText], *, read: Callable[[bytes], EInvoice] | None = None
) -> tuple[EInvoice | None, tuple[Finding, ...]]:
    """The XML of a PDF that is the invoice on its pages, and what is to be said of it and of those before it.

    The first one that the pages bear out; else the first one that they do not contradict; else None.

    :param pages: the text of each page.
    :param read: reads one of them, in the sandbox unless a test says otherwise.
    :raises errors.Busy: too many documents are being read.
    """
    passed_over: list[Finding] = []
    unsure: tuple[EInvoice, tuple[Finding, ...]] | None = None
    for found in _complete(document, read or partial(read_with_evidence, company=document.company)):
        if isinstance(found, Finding):
            passed_over.append(found)
            continue
        comparison = compare_with_pages(found, pages)
        if comparison.agreement is Agreement.CONFIRMED:
            return found, (*_remarks(passed_over), *comparison.findings)
        if comparison.agreement is Agreement.CONTRADICTED:
            passed_over += comparison.findings
        elif unsure is None:
            unsure = found, comparison.findings
    if unsure is None:
        return None, tuple(passed_over)
    return unsure[0], (*_remarks(passed_over), *unsure[1])


def _remarks(passed_over: Iterable[Finding]) -> Iterator[Finding]:
    """Findings on the XML files before the one that is used. That one is of another invoice is no fault then."""
    for finding in passed_over:
        yield replace(finding, review=False) if finding.code == "xml_page_mismatch" else finding


def _complete(document: Document, read: Callable[[bytes], EInvoice]) -> Iterator[EInvoice | Finding]:
    """The attachments in their order: each as an e-invoice, or a finding that says why it is none."""
    for name, data in document.xml_attachments[:_MAX_ATTACHMENTS]:
        try:
            found = read(data)
        except errors.RequestError as error:
            yield _unusable(name, str(error.details.get("reason")))
            continue
        missing = _missing(found.invoice)
        yield _unusable(name, "incomplete", missing=", ".join(missing)) if missing else found


def reading_of(e_invoice: EInvoice) -> Reading:
    """All invoices of the XML in the form that the checks take."""
    return Reading("invoice", e_invoice.readings, e_invoice.findings, trusted=True)


def _missing(invoice: Invoice) -> list[str]:
    """Essential fields that the XML leaves out; the page may show them."""
    missing = [name for name in _ESSENTIAL if getattr(invoice, name) is None]
    if invoice.invoice_date is None and "invoice_date" not in dict(invoice.impossible_dates):
        missing.append("invoice_date")
    if invoice.total is None and invoice.amount_due is None:
        missing.append("total")
    return missing if invoice.seller.name else [*missing, "seller.name"]


def _unusable(name: str, reason: str, *, missing: str | None = None) -> Finding:
    """A finding on an attachment. Only a document type declaration, which no invoice needs, asks for review."""
    label = "".join(char for char in name if char.isprintable())[:100]
    words = f"it does not give {missing}" if missing else refusals.REASONS.get(reason, "it is too large")
    message = f"An XML file in the PDF was not used: {words}."
    return Finding("embedded_xml_unusable", message, "file", expected=missing, found=label, review=reason == "dtd")
