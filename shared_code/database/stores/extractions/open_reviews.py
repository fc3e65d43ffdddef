"""What the readings say of the copies that are kept of their documents.

A copy stays until somebody has decided about the reading, and goes when the reading is erased.
"""

from collections.abc import Sequence
from itertools import batched

from sqlalchemy import Connection, and_, or_, select

from shared_code.database.stores.reviews.review_rows import OPEN
from shared_code.database.tables import extractions, reviews

table = extractions
_NEEDS_REVIEW = "needs_review"
#: parameters of one statement
_BATCH = 500


def documents_under_review(connection: Connection, company_id: str, sha256s: Sequence[str]) -> set[str]:
    """Those of a company's documents that have a reading which waits for a person."""
    found: set[str] = set()
    for batch in batched(sha256s, _BATCH, strict=False):
        own = (table.c.CompanyID == company_id, table.c.DocumentSha256.in_(batch), table.c.ErasedAt.is_(None))
        review = reviews.c.ReadingID == table.c.PublicID
        # Of readings from before there were reviews only the verdict is known.
        unasked = and_(reviews.c.ReviewID.is_(None), table.c.Status == _NEEDS_REVIEW)
        waiting = (
            select(table.c.DocumentSha256)
            .select_from(table.outerjoin(reviews, review))
            .where(*own, or_(reviews.c.State.in_(OPEN), unasked))
        )
        found.update(connection.execute(waiting).scalars())
    return found


def is_erased(connection: Connection, reading_id: str) -> bool:
    """Whether a reading was erased."""
    erased = select(table.c.ErasedAt).where(table.c.PublicID == reading_id)
    return connection.execute(erased).scalar() is not None
