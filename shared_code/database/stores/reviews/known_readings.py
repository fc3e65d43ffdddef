"""Readings that persons confirmed or corrected: what they hold is known."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from shared_code.database.stores.reviews.review_rows import CONFIRMED, CORRECTED
from shared_code.database.tables import reviews

table = reviews


@dataclass(frozen=True, slots=True)
class KnownReading:
    """A reading by its id, whose it is, and the name of its file."""

    reading_id: str
    company_id: str
    file_label: str | None


def known_readings(
    connection: Connection, *, company_id: str | None = None, since: datetime | None = None, limit: int = 1_000
) -> list[KnownReading]:
    """The newest ones, newest first.

    :param company_id: in upper case; None = all companies.
    :param since: naive UTC; those that were decided about from then on.
    """
    found: list[tuple[int, KnownReading]] = []
    # State by state, as the indexes have them.
    for state in (CONFIRMED, CORRECTED):
        own = [table.c.State == state, *([] if company_id is None else [table.c.CompanyID == company_id])]
        late = [] if since is None else [table.c.DecidedAt >= since]
        columns = (table.c.ReviewID, table.c.ReadingID, table.c.CompanyID, table.c.FileLabel)
        newest = select(*columns).where(*own, *late).order_by(table.c.ReviewID.desc()).limit(limit)
        found += [(row.ReviewID, KnownReading(*row[1:])) for row in connection.execute(newest)]
    return [one for _, one in sorted(found, key=lambda pair: -pair[0])[:limit]]
