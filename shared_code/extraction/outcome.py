"""The data part of an answer as it is returned and stored, whichever way the document was read."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from shared_code.database.stores import extractions
from shared_code.database.stores.extractions import ClaimRequest, Finished
from shared_code.extraction import outcome
from shared_code.invoices.result import ExtractionResult
from shared_code.records import Finding, Usage

if TYPE_CHECKING:
    from sqlalchemy import Connection

if TYPE_CHECKING:
    from sqlalchemy import Connection


def finished_result(
    connection: "Connection | None", claim: ClaimRequest, result: ExtractionResult, provenance: Mapping[str, Any]
) -> tuple[dict[str, Any], Finished]:
    """The data that is answered and stored, with what earlier documents say about it."""
    earlier = outcome.find(connection, claim, result)
    own = result.result_dict()
    data = {
        **own,
        "warnings": [*own["warnings"], *(finding.as_dict() for finding in earlier.findings)],
        "provenance": dict(provenance),
        "duplicate_of": earlier.duplicate_of,
    }
    return data, Finished(
        status=str(data["status"]),
        result=json.dumps(data, ensure_ascii=False),
        duplicate_key=result.duplicate_key,
        similar_key=result.similar_key,
        invoice_number=result.invoice_number,
    )


def usage_dict(calls: Sequence[Usage], costs: Sequence[Decimal | None]) -> dict[str, Any]:
    """Sums over all calls; a count that no call reported is None, and a cost is None when one of them is unknown."""
    modalities: Counter[str] = Counter()
    for usage in calls:
        modalities.update(usage.modalities)
    cost = None if any(price is None for price in costs) else sum((price or Decimal(0) for price in costs), Decimal(0))
    return {
        "input_tokens": _sum([usage.input_tokens for usage in calls]),
        "output_tokens": _sum([usage.output_tokens for usage in calls]),
        "total_tokens": _sum([usage.billable_tokens for usage in calls]),
        "thoughts_tokens": _sum([usage.thoughts_tokens for usage in calls]),
        "cached_tokens": _sum([usage.cached_tokens for usage in calls]),
        "by_modality": dict(modalities),
        "requests": sum(usage.requests for usage in calls),
        "cost_usd": None if cost is None else f"{cost:f}",
    }


def _sum(counts: Sequence[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known or not counts else None


@dataclass(frozen=True, slots=True)
class Earlier:
    """``duplicate_of`` is the SHA-256 of the earlier document with the same invoice."""

    duplicate_of: str | None = None
    findings: tuple[Finding, ...] = ()


def find(connection: "Connection | None", claim: ClaimRequest, result: ExtractionResult) -> Earlier:
    """Look among the company's earlier documents; without a connection nothing is known."""
    if connection is None:
        return Earlier()
    same = extractions.find_same_invoice(
        connection,
        claim.company_id,
        duplicate_key=result.duplicate_key,
        similar_key=result.similar_key,
        not_sha256=claim.document_sha256,
    )
    certain = next((sha256 for sha256, _, sure in same if sure), None)
    if certain is not None:
        finding = Finding(
            code="duplicate_invoice",
            field="invoice_number",
            message="The same invoice number of this seller was already read from another document.",
            found=result.invoice_number,
            review=False,
        )
        return Earlier(certain, (finding,))
    if same:
        finding = Finding(
            code="similar_invoice",
            message="Another document has the same seller, date and total under another invoice number.",
            found=same[0][1],
            review=False,
        )
        return Earlier(None, (finding,))
    return Earlier()
