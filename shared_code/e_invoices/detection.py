"""Invoices that come as XML: recognised by their root element and read without a model.

What is trusted:

* The values of the XML are given as they are. Sums are checked later, like those of any invoice, and a wrong one is
  reported, never corrected.
* In a PDF the XML is compared with the page. When the page does not show the XML's total but does show its amount due,
  or net plus tax, the XML belongs to the page and holds a mistake: its values are given, with a finding that asks for
  review. When the page shows none of them, the XML is of another invoice: a model reads the page, with a warning.
* XML in a PDF that is broken, of another kind, or lacks an essential value never fails the document: the page can still
  be read by a model.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from shared_code import errors
from shared_code.documents import refusals
from shared_code.documents.document import Document
from shared_code.e_invoices.cii import read_cii
from shared_code.e_invoices.fatturapa import read_fatturapa
from shared_code.e_invoices.ubl import read_ubl
from shared_code.e_invoices.xml import Node, parse_xml
from shared_code.invoices.reading import InvoiceReading, Reading
from shared_code.invoices.schema import Invoice, money_text
from shared_code.invoices.text_layer import TextLayer
from shared_code.records import Finding

#: File names of Factur-X and ZUGFeRD 2, ZUGFeRD 1, and the XRechnung profile. Other names are looked at after these.
KNOWN_NAMES = ("factur-x.xml", "zugferd-invoice.xml", "xrechnung.xml")
_MAX_ATTACHMENTS = 20
_ZERO = Decimal(0)
_ESSENTIAL = ("invoice_number", "currency")

#: gives profile or version, and the invoices
type _Reader = Callable[[Node], tuple[str | None, tuple[InvoiceReading, ...]]]


@dataclass(frozen=True, slots=True)
class EInvoice:
    """What an XML holds: one invoice, or several in some syntaxes.

    :ivar syntax: ``CII``, ``UBL`` or ``FatturaPA``.
    :ivar guideline: the profile or version that the XML names.
    """

    syntax: str
    guideline: str | None
    readings: tuple[InvoiceReading, ...]

    @property
    def invoice(self) -> Invoice:
        """The first invoice."""
        return self.readings[0].invoice

    @property
    def has_lines(self) -> bool:
        """Whether the first invoice has line items; the smallest profiles have none."""
        return bool(self.invoice.line_items)


def read_e_invoice(data: bytes) -> EInvoice:
    """The invoices of an XML document.

    :raises errors.FileTooLarge: more than 5 MB.
    :raises errors.InvalidFile: reason ``dtd``, ``not_well_formed``, ``too_complex``, ``not_an_e_invoice`` (also for
        orders and other documents) or ``incomplete``.
    """
    root = parse_xml(data)
    recognised = _recognise(root)
    if recognised is None:
        raise refusals.invalid_file("not_an_e_invoice")
    syntax, read, invoice_root = recognised
    guideline, readings = read(invoice_root)
    if not readings or not all(_is_usable(entry.invoice) for entry in readings):
        raise refusals.invalid_file("incomplete")
    return EInvoice(syntax, guideline, readings)


def find_e_invoice(document: Document) -> tuple[EInvoice | None, tuple[Finding, ...]]:
    """The first attachment of a PDF that is a complete e-invoice, and what is wrong with those before it."""
    findings: list[Finding] = []
    for name, data in sorted(document.xml_attachments, key=lambda entry: _rank(entry[0]))[:_MAX_ATTACHMENTS]:
        try:
            found = read_e_invoice(data)
        except errors.RequestError as error:
            findings.append(_unusable(name, str(error.details.get("reason"))))
            continue
        missing = _missing(found.invoice)
        if not missing:
            return found, tuple(findings)
        findings.append(_unusable(name, "incomplete", found=", ".join(missing)))
    return None, tuple(findings)


def agrees_with_page(e_invoice: EInvoice, pages: Sequence[str]) -> tuple[bool, tuple[Finding, ...]]:
    """Whether the XML is the invoice that the pages show, and what differs. Pages without text contradict nothing.

    :param pages: the visible text of each page.
    """
    layer = TextLayer(pages)
    if not layer.usable:
        return True, ()
    findings: list[Finding] = []
    for entry in e_invoice.readings:
        agrees, remark = _compare(entry.invoice, layer)
        if remark is not None:
            findings.append(remark)
        if not agrees:
            return False, tuple(findings)
    return True, tuple(findings)


def reading_of(e_invoice: EInvoice) -> Reading:
    """All invoices of the XML in the form that the checks take."""
    return Reading("invoice", e_invoice.readings, trusted=True)


def _recognise(root: Node) -> tuple[str, _Reader, Node] | None:
    """Syntax, reader and root element, or None. The envelope of the Peppol network (UN/CEFACT SBDH) is opened."""
    candidates = root.children if root.name == "StandardBusinessDocument" else [root]
    for node in candidates:
        for syntax, names, namespaces, read in _SYNTAXES:
            if node.name in names and node.namespace.startswith(namespaces):
                return syntax, read, node
    return None


#: syntax, root elements, beginnings of their namespaces, reader
_SYNTAXES: tuple[tuple[str, frozenset[str], tuple[str, ...], _Reader], ...] = (
    (
        "CII",
        frozenset({"CrossIndustryInvoice", "CrossIndustryDocument"}),
        ("urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:", "urn:ferd:CrossIndustryDocument:invoice:"),
        read_cii,
    ),
    (
        "UBL",
        frozenset({"Invoice", "CreditNote", "DebitNote"}),
        ("urn:oasis:names:specification:ubl:schema:xsd:",),
        read_ubl,
    ),
    (
        "FatturaPA",
        frozenset({"FatturaElettronica", "FatturaElettronicaSemplificata"}),
        ("",),  # any: the names are unique, and each version has its own namespace
        read_fatturapa,
    ),
)


def _is_usable(invoice: Invoice) -> bool:
    """Whether there is a number and an amount; anything with less is not an invoice."""
    amounts = (invoice.total, invoice.amount_due, invoice.net_total)
    return invoice.invoice_number is not None and any(amount is not None for amount in amounts)


def _missing(invoice: Invoice) -> list[str]:
    """Essential fields that the XML leaves out; the page may show them."""
    missing = [name for name in _ESSENTIAL if getattr(invoice, name) is None]
    if invoice.invoice_date is None and "invoice_date" not in dict(invoice.impossible_dates):
        missing.append("invoice_date")
    if invoice.total is None and invoice.amount_due is None:
        missing.append("total")
    return missing if invoice.seller.name else [*missing, "seller.name"]


def _compare(invoice: Invoice, layer: TextLayer) -> tuple[bool, Finding | None]:
    total = invoice.amount_due if invoice.total is None else invoice.total
    if total is None or layer.has_amount(total):
        return True, None
    on_page = next((amount for amount in _other_totals(invoice) if layer.has_amount(amount)), None)
    if on_page is None:
        message = "The total of the embedded XML is not on the page; the page was read instead."
    else:
        message = "The total of the embedded XML is not on the page, which shows another one; the XML's is given."
    expected = None if on_page is None else money_text(on_page)
    return on_page is not None, Finding("xml_page_mismatch", message, "total", expected, money_text(total))


def _other_totals(invoice: Invoice) -> Iterable[Decimal]:
    """Amounts of the XML that a page shows as its total when the XML's own is wrong."""
    if invoice.amount_due:
        yield invoice.amount_due
    if (
        invoice.net_total is not None
        and invoice.tax_total is not None
        and invoice.net_total + invoice.tax_total != _ZERO
    ):
        yield invoice.net_total + invoice.tax_total


def _rank(name: str) -> tuple[int, str]:
    folded = name.casefold()
    return (KNOWN_NAMES.index(folded) if folded in KNOWN_NAMES else len(KNOWN_NAMES), folded)


def _unusable(name: str, reason: str, *, found: str | None = None) -> Finding:
    """A finding on an attachment. Only a document type declaration, which no invoice needs, asks for review."""
    label = "".join(char for char in name if char.isprintable())[:100]
    words = refusals.REASONS.get(reason, "it is too large")
    message = f"An XML file in the PDF was not used: {words}."
    return Finding("embedded_xml_unusable", message, "file", expected=found, found=label, review=reason == "dtd")
