"""The data part of an answer as it is returned and stored, whichever way the document was read."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from shared_code.database.extractions import ClaimRequest, Finished
from shared_code.extraction import duplicates
from shared_code.extraction.result import ExtractionResult

if TYPE_CHECKING:
    from sqlalchemy import Connection


def finished_result(
    connection: "Connection | None", claim: ClaimRequest, result: ExtractionResult, provenance: Mapping[str, Any]
) -> tuple[dict[str, Any], Finished]:
    """The data that is answered and stored, with what earlier documents say about it."""
    earlier = duplicates.find(connection, claim, result)
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
