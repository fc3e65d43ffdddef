"""What the readings say of the copies that are kept of their documents.

A copy stays until somebody has looked at the reading, and goes when the reading is erased.
"""

from collections.abc import Sequence
from itertools import batched

from sqlalchemy import Connection, select

from shared_code.database.tables import extractions

table = extractions
_NEEDS_REVIEW = "needs_review"
#: parameters of one statement
_BATCH = 500


def documents_under_review(connection: Connection, company_id: str, sha256s: Sequence[str]) -> set[str]:
    """Those of a company's documents that have a reading which waits for a person."""
    found: set[str] = set()
    for batch in batched(sha256s, _BATCH, strict=False):
        waiting = select(table.c.DocumentSha256).where(
            table.c.CompanyID == company_id,
            table.c.DocumentSha256.in_(batch),
            table.c.Status == _NEEDS_REVIEW,
            table.c.ErasedAt.is_(None),
        )
        found.update(connection.execute(waiting).scalars())
    return found


def is_erased(connection: Connection, reading_id: str) -> bool:
    """Whether a reading was erased."""
    erased = select(table.c.ErasedAt).where(table.c.PublicID == reading_id)
    return connection.execute(erased).scalar() is not None
