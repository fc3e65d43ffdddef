"""What the queue of reviews knows of a reading, from the data that is stored of it."""

import hashlib
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from shared_code.database.stores.reviews.review_rows import ReviewFacts
from shared_code.invoices.result import seller_identity

#: statuses that can ask for a person
_DOUBTFUL = frozenset({"needs_review", "multiple_invoices"})
#: more does not fit into the column, and is no amount of an invoice
_MOST_AMOUNT = Decimal(10) ** 19
_AMOUNT_STEP = Decimal("0.00000001")


def facts_of(data: Mapping[str, Any]) -> ReviewFacts:
    """The facts of stored or answered data: those of its first invoice."""
    invoice = next(iter(data.get("invoices", ())), None) or {}
    seller = invoice.get("seller") or {}
    return ReviewFacts(
        doubt=_doubt(data),
        amount=_amount(invoice.get("total")),
        currency=invoice.get("currency"),
        seller=seller.get("name"),
        seller_key=_digest(seller_identity(seller.get("tax_id"), seller.get("name"))),
        invoice_number=invoice.get("invoice_number"),
    )


def _doubt(data: Mapping[str, Any]) -> str | None:
    """The code of the first finding that asks for a person; that there are several invoices is told of last."""
    if data.get("status") not in _DOUBTFUL:
        return None
    codes = [str(finding["code"]) for finding in data.get("warnings", ()) if finding.get("review")]
    others = [code for code in codes if code != "multiple_invoices"]
    if data["status"] == "needs_review":
        return next(iter((*others, *codes)), "needs_review")
    return next(iter((*others, *codes)), None)


def _amount(text: Any) -> Decimal | None:
    try:
        amount = Decimal(str(text)) if text is not None else None
    except InvalidOperation:
        return None
    if amount is None or not amount.is_finite() or abs(amount) >= _MOST_AMOUNT:
        return None
    return amount.quantize(_AMOUNT_STEP)


def _digest(identity: str | None) -> str | None:
    return None if identity is None else hashlib.sha256(f"seller\n{identity}".encode(errors="replace")).hexdigest()
