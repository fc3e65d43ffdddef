"""What was read from a document, by a model or from XML, before anything is checked."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from shared_code.invoices.schema import Invoice
from shared_code.records import Finding


@dataclass(frozen=True, slots=True)
class InvoiceReading:
    """One invoice as read, before the checks.

    :ivar grounded: fields that were looked up in the text layer, and whether they were found. Empty without one.
    :ivar unchecked_lines: indexes of lines whose discount is printed only as a percentage, or
        that have surcharges: quantity times price is not their amount.
    """

    invoice: Invoice
    findings: tuple[Finding, ...] = ()
    grounded: Mapping[str, bool] = field(default_factory=dict)
    unchecked_lines: frozenset[int] = frozenset()


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
