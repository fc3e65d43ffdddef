"""What a company's earlier documents say of an invoice: the same one seen again, or one that is like it."""

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared_code.database.stores.extractions.claims import ClaimRequest
from shared_code.database.stores.extractions.same_invoice import find_same_invoice
from shared_code.errors import ServiceError
from shared_code.invoices.result import ExtractionResult
from shared_code.records import Finding

if TYPE_CHECKING:
    from shared_code.database.connection import Database

_log = logging.getLogger(__name__)

#: seconds that the search for the same invoice waits for the database; the booking that follows waits longer
_LOOK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Earlier:
    """What earlier documents say of an invoice. ``duplicate_of`` is the SHA-256 of the one with the same invoice."""

    duplicate_of: str | None = None
    findings: tuple[Finding, ...] = ()


def find_earlier(database: "Database", claim: ClaimRequest, result: ExtractionResult) -> Earlier:
    """Look for the same invoice among the company's earlier documents.

    It is the same for certain by seller, number and financial year, and perhaps the same by seller, date and total. A
    database that is away costs this remark, not the answer.
    """
    if result.duplicate_key is None and result.similar_key is None:
        return Earlier()
    try:
        same = database.read(
            lambda connection: find_same_invoice(
                connection,
                claim.company_id,
                duplicate_key=result.duplicate_key,
                similar_key=result.similar_key,
                not_sha256=claim.document_sha256,
            ),
            budget_seconds=_LOOK_SECONDS,
        )
    except ServiceError as error:
        _log.warning("earlier documents could not be searched for the same invoice: %s", error.code)
        return Earlier()
    if same is None:
        return Earlier()
    if same.certain:
        finding = Finding(
            code="duplicate_invoice",
            field="invoice_number",
            message="The same invoice number of this seller was already read from another document.",
            found=result.invoice_number,
            review=False,
        )
        return Earlier(same.document_sha256, (finding,))
    finding = Finding(
        code="similar_invoice",
        message="Another document has the same seller, date and total under another invoice number.",
        found=same.invoice_number,
        review=False,
    )
    return Earlier(None, (finding,))
