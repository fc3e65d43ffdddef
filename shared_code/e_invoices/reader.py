"""Reads the invoices of an untrusted file, in the sandbox.

Everything here is a pure function of the bytes. :func:`read_in_sandbox` is the host's side, :func:`answer` the
child's: what it sends back is JSON, because the child is not trusted with anything that runs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from shared_code.documents import refusals
from shared_code.documents.sandbox.pool import Sandbox, default_sandbox
from shared_code.e_invoices.file_contents import invoices_of
from shared_code.e_invoices.xml import Node
from shared_code.invoices.reading import InvoiceReading
from shared_code.invoices.schema import Invoice
from shared_code.records import FileBytes, Finding

if TYPE_CHECKING:
    from pydantic import TypeAdapter

#: of one file; more invoices are left out and counted, more lines of one invoice are refused
MAX_INVOICES = 100
MAX_LINES = 10_000
#: bytes of what is read from one file: a name that all of many invoices repeat could make it far larger than the file
_MAX_ANSWER = 32 * 1_048_576


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where one value of an invoice came from.

    :ivar field: path in the answer's invoice, as ``line_items[0].net_amount``; before it ``invoices[1].`` for others
        than the first.
    :ivar term: the business term of EN 16931 that the field is, such as ``BT-1``.
    :ivar path: of the element by local names, ``/Invoice/InvoiceLine[2]/ID``, with `` + `` between several; None for a
        value that was computed.
    :ivar text: what stands there, as far as 300 characters.
    """

    field: str
    value: str
    term: str | None
    path: str | None
    text: str | None


@dataclass(frozen=True, slots=True)
class EInvoice:
    """What a file holds: one invoice, or several in some syntaxes and in envelopes.

    :ivar syntax: a name of :data:`syntaxes.SYNTAXES`, that of the first invoice.
    :ivar guideline: the profile or version that the first invoice names.
    :ivar findings: on the file as a whole.
    :ivar evidence: where the values of each invoice came from, where that was asked for.
    """

    syntax: str
    guideline: str | None
    readings: tuple[InvoiceReading, ...]
    findings: tuple[Finding, ...] = ()
    evidence: tuple[tuple[Evidence, ...], ...] = ()

    @property
    def invoice(self) -> Invoice:
        """The first invoice."""
        return self.readings[0].invoice

    @property
    def has_lines(self) -> bool:
        """Whether the first invoice has line items; the smallest profiles have none."""
        return bool(self.invoice.line_items)


def read_in_sandbox(data: FileBytes, *, company: str = "", sandbox: Sandbox | None = None) -> EInvoice:
    """The invoices of a file, read in a process of its own.

    :param company: whose file it is: the work takes its turn among that company's.
    :raises errors.InvalidFile: as :func:`read_e_invoice`; also reason ``time`` or ``memory``.
    :raises errors.Busy: too many documents are being read.
    """
    result = (sandbox or default_sandbox()).run("call", [data], company=company, function=f"{__name__}:answer")
    return read_answer(result.parts[0])


def answer(parts: list[bytes]) -> tuple[dict[str, Any], list[bytes]]:
    """What the child sends for one file."""
    return {}, [written(read_e_invoice(parts.pop()))]


def written(found: EInvoice) -> bytes:
    """What was read, as JSON.

    :raises errors.InvalidFile: it is far more than a file should hold (reason ``too_complex``).
    """
    text = _adapter().dump_json(found, exclude_defaults=True)
    if len(text) > _MAX_ANSWER:
        raise refusals.invalid_file("too_complex", limit=_MAX_ANSWER, actual=len(text))
    return text


def read_answer(text: bytes) -> EInvoice:
    """The other way round."""
    return _adapter().validate_json(text)


def read_e_invoice(data: bytes, as_node: Callable[[Node], Node] = lambda root: root) -> EInvoice:
    """The invoices of an XML document, read in this process.

    :param as_node: makes another kind of node of each root.
    :raises errors.InvalidFile: reason ``dtd``, ``not_well_formed``, ``too_complex``, ``too_many_lines``,
        ``not_an_e_invoice`` (also for orders and other documents) or ``incomplete``.
    """
    found = invoices_of(data)
    if not found:
        raise refusals.invalid_file("not_an_e_invoice")
    guidelines: list[str | None] = []
    readings: list[InvoiceReading] = []
    left = max(len(found) - MAX_INVOICES, 0)
    for syntax, root in found[:MAX_INVOICES]:
        left += root.keep_first(MAX_INVOICES, syntax.repeated) if syntax.repeated else 0
        guideline, read = syntax.read(as_node(root))
        guidelines.append(guideline)
        readings.extend(read)
    kept = _within_limits(readings)
    if not kept or not all(_is_usable(entry.invoice) for entry in kept):
        raise refusals.invalid_file("incomplete")
    left += len(readings) - len(kept)
    return EInvoice(found[0][0].name, guidelines[0], tuple(kept), _left_out(len(kept), left))


def _within_limits(readings: Sequence[InvoiceReading]) -> list[InvoiceReading]:
    """The first invoices, as many as the limits allow.

    :raises errors.InvalidFile: the first one alone has too many lines (reason ``too_many_lines``).
    """
    kept: list[InvoiceReading] = []
    lines = 0
    for entry in readings[:MAX_INVOICES]:
        lines += len(entry.invoice.line_items)
        if lines > MAX_LINES:
            break
        kept.append(entry)
    if readings and not kept:
        raise refusals.invalid_file("too_many_lines", limit=MAX_LINES, actual=lines)
    return kept


def _left_out(kept: int, left: int) -> tuple[Finding, ...]:
    if not left:
        return ()
    message = (
        f"The file holds {kept + left} invoices; the first {kept} were read, as many as one file may hold. "
        "Please send the others in files of their own."
    )
    return (Finding("invoices_left_out", message, "file", expected=str(kept + left), found=str(kept)),)


def _is_usable(invoice: Invoice) -> bool:
    """Whether there is a number; what else an invoice must have is asked for by the checks, field by field."""
    return invoice.invoice_number is not None


@cache
def _adapter() -> "TypeAdapter[EInvoice]":
    from pydantic import TypeAdapter

    return TypeAdapter(EInvoice)
