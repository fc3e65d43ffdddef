"""The same invoice seen before: by seller, number and financial year (certain), or by seller, date and total."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared_code.database import extractions
from shared_code.database.extractions import ClaimRequest
from shared_code.extraction.result import ExtractionResult
from shared_code.records import Finding

if TYPE_CHECKING:
    from sqlalchemy import Connection


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
