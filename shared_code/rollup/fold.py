"""Usage rows summed into UsageDaily, batch by batch, each batch a transaction that holds no writer up."""

import random
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy.exc import IntegrityError

from shared_code.database.connection import repeatable
from shared_code.database.stores.usage import fold as store
from shared_code.rollup.step import Done, RollupContext

if TYPE_CHECKING:
    from sqlalchemy import Connection

#: rows of one transaction; Azure SQL locks the whole table for a statement that takes 5,000 locks
BATCH = {"sqlite": 5_000, "postgresql": 5_000, "mssql": 2_000}
#: batches given up to another instance before the step gives up itself
_MOST_LOST = 100


def fold_usage(context: RollupContext) -> Done:
    """Fold every row that waits at the start; rows that come meanwhile are the next run's."""
    database = context.database
    until = database.read(store.newest_unfolded)
    if until is None:
        return Done(0, 0)

    def work(connection: "Connection") -> store.Folded | None:
        return store.fold_batch(
            connection,
            until=until,
            size=BATCH[database.dialect],
            stamp=_stamp(),
            default_zone=context.settings.default_time_zone,
        )

    seen = changed = lost = 0
    while True:
        try:
            batch = database.run(work, on_unknown=repeatable)
        except (store.StampTaken, IntegrityError):
            # Another instance was in the way; the rows still wait.
            lost += 1
            if lost == _MOST_LOST:
                raise
            continue
        if batch is None:
            break
        seen += batch.seen
        changed += batch.folded
    return Done(seen, changed)


def _stamp() -> datetime:
    """Now, with microseconds at random, so that two instances that start together rarely choose the same."""
    return datetime.now(UTC).replace(tzinfo=None, microsecond=random.randrange(1_000_000))  # noqa: S311 - no secret
