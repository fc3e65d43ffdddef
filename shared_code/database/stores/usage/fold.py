"""The fold: new usage rows summed into UsageDaily, each exactly once, whatever runs beside it.

A row is folded by its mark, never by its place: ids become visible out of order, so that a watermark would miss some.
A batch marks its rows with a stamp of its own (the conditional UPDATE gives each row to one instance only), sums what
carries the stamp, and adds that to UsageDaily, in one transaction. As many rows must carry the stamp as were marked;
else it was not unique, and the batch is rolled back.

Rows without a day get the one of their moment by the clock of their company's zone, in which the database adds one
offset to all moments between two changes of that clock.

A batch is a range of ids, so that one that fails can be taken apart until the row at fault is alone.
"""

from datetime import datetime

from sqlalchemy import Connection, func, select

from shared_code.database.stores.usage import fold_statements as statements
from shared_code.database.tables import token_usage_logs
from shared_code.periods import offsets, zone

logs = token_usage_logs

#: ids of one batch lie no further apart than this many times its rows, which bounds what the sum reads
_SPAN = 10
_WAITS = logs.c.FoldedAt.is_(None)


class StampTaken(Exception):
    """Other rows of the range carry the stamp of this batch: roll back, and take another."""


def newest_unfolded(connection: Connection) -> int | None:
    """The highest id that waits for the fold, or None when nothing does."""
    return connection.execute(select(func.max(logs.c.UsageID)).where(_WAITS)).scalar()


def unfolded_ids(connection: Connection, *, after: int, until: int, size: int) -> list[int]:
    """The lowest ids that wait, above ``after`` and up to ``until``, ascending: at most ``size``, close together."""
    lowest = select(func.min(logs.c.UsageID)).where(_WAITS, logs.c.UsageID.between(after + 1, until))
    first = connection.execute(lowest).scalar()
    if first is None:
        return []
    picked = select(logs.c.UsageID).where(_WAITS, logs.c.UsageID.between(first, min(until, first + size * _SPAN)))
    return list(connection.execute(picked.order_by(logs.c.UsageID).limit(size)).scalars())


def count_unfolded(connection: Connection, *, after: int, until: int) -> int:
    """How many rows wait above ``after`` and up to ``until``."""
    waiting = select(func.count()).select_from(logs).where(_WAITS, logs.c.UsageID.between(after + 1, until))
    return int(connection.execute(waiting).scalar_one())


def fold_range(connection: Connection, *, first: int, last: int, stamp: datetime, default_zone: str) -> int:
    """Fold the rows that wait from id ``first`` to ``last``; how many: another instance was quicker with the others.

    :param stamp: the moment (naive UTC, microseconds count) that marks the rows of this batch.
    :param default_zone: IANA name by which rows without a day, of companies without a zone, get theirs.
    :raises StampTaken: see the class.
    :raises ValueError: a row of SQLite says no date and time in ``LoggedAt``.
    :raises IntegrityError: SQLAlchemy's: another instance made the same UsageDaily row; run the batch again.
    """
    batch = {"first": first, "last": last, "stamp": stamp}
    marked = connection.execute(statements.MARK, batch).rowcount
    if marked == 0:
        return 0
    if connection.execute(statements.CLAIMED, batch).scalar_one() != marked:
        raise StampTaken
    connection.execute(statements.MAKE_PLACES, batch)
    connection.execute(statements.ADD_SUMS, batch)
    for found in connection.execute(statements.ZONES, batch).all():
        if found.moments < found.rows:
            raise ValueError(f"{found.rows - found.moments} usage rows have a LoggedAt that is no date and time")
        for stretch in offsets(found.first, found.last, zone(found.zone, default_zone)):
            part = batch | stretch._asdict() | {"zone": found.zone}
            connection.execute(statements.MAKE_PLACES_OF_ZONE, part)
            connection.execute(statements.ADD_SUMS_OF_ZONE, part)
    return marked
