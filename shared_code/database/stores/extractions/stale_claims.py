"""Claims of runs that were killed: their lease ran out, and nobody has asked for the document since."""

from sqlalchemy import Connection, select

from shared_code.database.clock import utc_now
from shared_code.database.stores.extractions.claims import RUNNING
from shared_code.database.tables import extractions

table = extractions
_STALE = (table.c.State == RUNNING, table.c.LeaseUntil < utc_now())


def stale_claims(connection: Connection, *, limit: int) -> list[int]:
    """Ids of unfinished claims whose lease ran out by the database's clock, the oldest first."""
    stale = select(table.c.ExtractionID).where(*_STALE).order_by(table.c.LeaseUntil).limit(limit)
    return list(connection.execute(stale).scalars())


def stale_owner(connection: Connection, extraction_id: int) -> tuple[str, str] | None:
    """Claim key and call id of such a claim; None when it is gone, finished, or was taken over meanwhile."""
    owner = select(table.c.ClaimKey, table.c.CallID).where(table.c.ExtractionID == extraction_id, *_STALE)
    row = connection.execute(owner).first()
    return None if row is None else (row.ClaimKey, row.CallID)
