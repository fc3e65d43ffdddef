"""The fold: new usage rows summed into UsageDaily, each exactly once, whatever runs beside it.

A row is folded by its mark, never by its place: ids become visible out of order, so that a watermark would miss some.
A batch marks its rows with a stamp of its own (the conditional UPDATE gives each row to one instance only), sums what
carries the stamp, and adds that to UsageDaily, in one transaction. As many rows must carry the stamp as were marked;
else it was not unique, and the batch is rolled back.

A batch is a range of ids, so that one that fails can be taken apart until the row at fault is alone.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, func, insert, select

from shared_code.database.stores.usage import fold_statements as statements
from shared_code.database.stores.usage.fold_statements import AMOUNTS, COST_UNITS, KEY
from shared_code.database.tables import token_usage_logs, usage_daily
from shared_code.periods import local_day, zone

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


def fold_range(connection: Connection, *, first: int, last: int, stamp: datetime, default_zone: str) -> int:
    """Fold the rows that wait from id ``first`` to ``last``; how many: another instance was quicker with the others.

    :param stamp: the moment (naive UTC, microseconds count) that marks the rows of this batch.
    :param default_zone: IANA name by which rows without a day, of companies without a zone, get theirs.
    :raises StampTaken: see the class.
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
    unplaced = connection.execute(statements.UNPLACED, batch).all()
    _add_unplaced(connection, unplaced, stamp=stamp, default_zone=default_zone)
    return marked


def _add_unplaced(connection: Connection, rows: Sequence[Any], *, stamp: datetime, default_zone: str) -> None:
    sums: dict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0] * len(AMOUNTS))
    for row in rows:
        moment: datetime = (row.LoggedAt or stamp).replace(tzinfo=UTC)
        day: date = row.LocalDay or local_day(moment, zone(row.TimeZone, default_zone))
        company = row.CompanyID.strip().upper()
        placed = {**row._mapping, "LocalDay": day, "CompanyID": company}  # noqa: SLF001 - SQLAlchemy's public name
        total = sums[tuple(placed[name] for name in KEY)]
        for place, amount in enumerate(row[-len(AMOUNTS) :]):
            total[place] += int(amount)
    for parts, amounts in sorted(sums.items()):
        # By the database's own comparison: it may hold two of these keys to be one.
        key, values = dict(zip(KEY, parts, strict=True)), _columns(amounts)
        if connection.execute(statements.ADD_TO_KEY, _prefixed("key", key) | _prefixed("add", values)).rowcount == 0:
            connection.execute(insert(usage_daily).values(**key, **values))


def _columns(amounts: Sequence[Any]) -> dict[str, Any]:
    values: dict[str, Any] = {name: int(amount) for name, amount in zip(AMOUNTS, amounts, strict=True)}
    values["CostUSD"] = Decimal(values.pop("CostUnits")) / COST_UNITS
    return values


def _prefixed(prefix: str, values: dict[str, Any]) -> dict[str, Any]:
    return {f"{prefix}_{name}": value for name, value in values.items()}
