"""What was read from a document, by a model or from XML, before anything is checked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from shared_code.invoices.schema import Invoice
from shared_code.records import Finding


class Grounding(StrEnum):
    """How well the page supports a value.

    Beside its label; somewhere; only where text was recognised in a picture; nowhere on pages that are all text.
    """

    ANCHORED = "anchored"
    FOUND = "found"
    RECOGNISED = "recognised"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class InvoiceReading:
    """One invoice as read, before the checks.

    :ivar grounded: what looking fields up in the text layer gave; without an entry it can say nothing of the field.
    :ivar unchecked_lines: indexes of lines whose discount is printed only as a percentage, or
        that have surcharges: quantity times price is not their amount.
    :ivar lines_of_order: the lines are those of a whole order, of which earlier invoices have billed a part: they do
        not add up to this invoice.
    :ivar for_others: what the amount due holds besides the invoice, because the seller collects it for others.
    :ivar paid_left_out: the profile has no place for what was paid: the amount due may be lower than the total.
    :ivar out_of_scope: no tax is due on anything in the document, whatever rates it shows.
    :ivar pages: the first and the last page of one invoice among several, counted from 1.
    """

    invoice: Invoice
    findings: tuple[Finding, ...] = ()
    grounded: Mapping[str, Grounding] = field(default_factory=dict)
    unchecked_lines: frozenset[int] = frozenset()
    lines_of_order: bool = False
    for_others: Decimal = Decimal(0)
    paid_left_out: bool = False
    out_of_scope: bool = False
    pages: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """A whole document as read.

    :ivar document_status: ``invoice``, ``not_an_invoice`` or ``unreadable``.
    :ivar trusted: whether the values come from embedded data and not from a model.
    """

    document_status: str
    invoices: tuple[InvoiceReading, ...] = ()
    findings: tuple[Finding, ...] = ()
    trusted: bool = False
