"""Readings that are stored as a run stores them, with the reviews that follow, on any database."""

import itertools
import json
from typing import Any

from shared_code.bootstrap.container import Services
from shared_code.database.stores.extractions import claims
from shared_code.database.stores.extractions.claims import ClaimRequest
from shared_code.database.stores.extractions.readings import Finished
from shared_code.database.stores.operations.admin_audit import Actor
from shared_code.database.stores.reviews import review_rows
from shared_code.database.stores.reviews.review_rows import Review
from shared_code.database.stores.reviews.review_rules import ReviewRule
from shared_code.labels import new_reading_id
from shared_code.metering.finishing import Ending, HeldClaim, finish
from shared_code.reviews.corrected import Change
from shared_code.reviews.deciding import WantedDecision

DOUBT = {
    "code": "total_mismatch",
    "field": "total",
    "message": "The sum is another one.",
    "expected": "12",
    "found": "10.50",
    "review": True,
}
_EMPTY = dict.fromkeys(
    ("name", "trading_name", "tax_id", "tax_id_type", "pan", "registration_number", "address", "city", "state",
     "state_code", "postal_code", "country", "email", "phone")
)  # fmt: skip
ANN, BEN = Actor("admin-key:ann"), Actor("admin-key:ben")


def line(amount: str) -> dict[str, Any]:
    """A line of an invoice as an answer shows it."""
    blank = ("product_code", "hsn_sac", "unit", "unit_price", "discount_amount", "tax_rate", "tax_amount")
    return {
        "line_no": None,
        "description": f"Line of {amount}",
        **dict.fromkeys(blank),
        "quantity": "1",
        "net_amount": amount,
        "total_amount": None,
        "taxes": [],
        "date": None,
        "po_number": None,
        "page": 1,
    }


class Reviews:
    """Stores readings and looks at what became of them."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.desk = services.reviews.desk
        self.run = services.database.run
        self.read = services.database.read
        self._numbers = itertools.count(1)

    def add(
        self,
        *,
        company: str = "NT047",
        doubtful: bool = True,
        total: str | None = "10.50",
        seller: str = "Adom Trading",
        tax_id: str | None = None,
        sha256: str | None = None,
        lines: tuple[str, ...] = ("4.00", "6.50"),
        copies: int = 1,
        model: str = "m",
        **invoice: Any,
    ) -> str:
        """A reading that a run has finished just now; returns its id."""
        number = next(self._numbers)
        warnings = [DOUBT] if doubtful else []
        status = "needs_review" if doubtful else "ok"
        own = {
            "invoice_number": f"INV-{number}",
            "invoice_date": "2026-03-05",
            "currency": "GHS",
            "seller": _EMPTY | {"name": seller, "tax_id": tax_id},
            "buyer": None,
            "total": total,
            "taxes": [],
            "line_items": [line(amount) for amount in lines],
            "payment": None,
            "status": status,
            "confidence": {"total": "low" if doubtful else "high", "line_items": "high", "seller.name": "high"},
            "warnings": warnings,
        } | invoice
        several = copies > 1
        data = {
            "status": "multiple_invoices" if several else status,
            "invoices": [own] * copies,
            "warnings": [w | {"field": f"invoices[0].{w['field']}"} for w in warnings] if several else warnings,
            "confidence": {} if several else own["confidence"],
            "provenance": {"method": "model", "provider": "Gemini", "model": "m", "pages": 1, "sha256": "x"},
            "duplicate_of": None,
        }
        sha = sha256 or f"{number:064}"
        call = f"call-{new_reading_id()[4:30]}"
        request = ClaimRequest(company, sha, "1", "Gemini", model, "", call, 60, file_label=f"{number}.pdf")
        result = Finished(data["status"], json.dumps(data))

        def work(connection: Any) -> None:
            held = claims.find_claim(connection, request.key)
            if held is None:
                claims.insert_claim(connection, request)
            else:
                assert claims.take_over_claim(connection, request, previous=held, even_done=True)
            head = request.head(supersedes=held.reading_id if held else None)
            ending = Ending(
                claim=HeldClaim(request.key, call), result=Finished(result.status, result.result, head=head)
            )
            finish(connection, self.services.budgets, ending)

        self.run(work)
        return request.reading_id

    def rule(self, company: str = "NT047", **values: Any) -> None:
        self.services.reviews.rules.set_rule(company, ReviewRule(**values), ANN)

    def review(self, reading_id: str) -> Review | None:
        return self.read(lambda connection: review_rows.find_review(connection, reading_id))

    def reason(self, reading_id: str) -> str | None:
        found = self.review(reading_id)
        return None if found is None else found.reason

    def decide(self, reading_id: str, decision: str, *changes: Change, actor: Actor = ANN, **options: Any) -> Review:
        version = options.pop("version", None)
        matches = None if version is None else str(version).__eq__
        return self.desk.decide(reading_id, WantedDecision(decision, changes, **options), actor, matches=matches)

    def answer(self, reading_id: str) -> dict[str, Any]:
        return self.services.stored_readings.find(reading_id).data
