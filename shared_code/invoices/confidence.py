"""How sure each value of an invoice is, from evidence and never from the model's own opinion."""

from collections.abc import Iterable
from typing import Any

from shared_code.invoices.checks import CheckOutcome
from shared_code.invoices.reading import Grounding, InvoiceReading
from shared_code.invoices.schema import ACCOUNT_CODES, Invoice
from shared_code.records import Finding

#: an invoice that has none of these three is of no use
ESSENTIAL = ("invoice_number", "invoice_date", "total")
_RATED = (*ESSENTIAL, "currency", "due_date", "delivery_date", "subtotal", "net_total", "tax_total", "amount_due")


def confidence_of(
    entry: InvoiceReading,
    invoice: Invoice,
    outcome: CheckOutcome,
    findings: Iterable[Finding],
    agreed: Iterable[str],
    *,
    trusted: bool,
) -> dict[str, str]:
    """High: anchored on the page, in the signed code or in embedded data. Low: a finding doubts it. Medium: neither.

    Anchored is what stands beside its label, and what stands on the page and is confirmed by a sum or a check digit.
    A value that only a model saw (on a scan) is medium at best, even when its sums add up.

    :param agreed: fields in which the signed code agrees.
    """
    values = _rated_values(invoice)
    doubted = {finding.field for finding in findings if finding.review and finding.field}
    doubted |= {name.split("[")[0] for name in doubted}
    levels = entry.grounded
    proved = {name for name, level in levels.items() if level is Grounding.ANCHORED}.union(agreed)
    proved |= {name for name, level in levels.items() if level is Grounding.FOUND and name in outcome.confirmed}
    if "line_items" in outcome.confirmed and ("subtotal" in proved or "net_total" in proved):
        proved.add("line_items")
    if "total" in proved - doubted:
        # They are the sum of printed amounts, and together they give a total that is on the page.
        proved |= {"net_total", "tax_total"} & outcome.confirmed
    missing = {name for name, level in levels.items() if level is Grounding.MISSING}
    return {
        name: "low" if name in doubted or name in missing else "high" if trusted or name in proved else "medium"
        for name, value in values.items()
        if value is not None
    }


def _rated_values(invoice: Invoice) -> dict[str, Any]:
    """Values by their paths whose confidence is given; None for those that are not there."""
    values = {name: getattr(invoice, name) for name in _RATED}
    for role in ("seller", "buyer"):
        party = getattr(invoice, role)
        values |= {f"{role}.name": party.name, f"{role}.tax_id": party.tax_id} if party else {}
    values |= {f"po_numbers[{index}]": number for index, number in enumerate(invoice.po_numbers)}
    values["line_items"] = invoice.line_items or None
    for index, account in enumerate(invoice.payment.bank_accounts if invoice.payment else ()):
        values |= {f"payment.bank_accounts[{index}].{name}": getattr(account, name) for name in ACCOUNT_CODES}
    return values
