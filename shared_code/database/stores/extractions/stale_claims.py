"""Claims of runs that were killed: their lease ran out, and nobody has asked for the document since."""

from sqlalchemy import Connection, select

from shared_code.database.clock import utc_now
from shared_code.database.stores.extractions.claims import RUNNING, head_of
from shared_code.database.stores.extractions.readings import ReadingHead
from shared_code.database.tables import claims

table = claims
_STALE = (table.c.State == RUNNING, table.c.LeaseUntil < utc_now())


def stale_claims(connection: Connection, *, limit: int) -> list[int]:
    """Ids of unfinished claims whose lease ran out by the database's clock, the oldest first."""
    stale = select(table.c.ClaimID).where(*_STALE).order_by(table.c.LeaseUntil).limit(limit)
    return list(connection.execute(stale).scalars())


def stale_owner(connection: Connection, claim_id: int) -> ReadingHead | None:
    """The reading that was being made under such a claim; None when it is gone, finished or taken over."""
    row = connection.execute(select(table).where(table.c.ClaimID == claim_id, *_STALE)).first()
    return None if row is None else head_of(row)
