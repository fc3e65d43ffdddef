"""Usage rows summed into UsageDaily, batch by batch, each batch a transaction that holds no writer up."""

import logging
import random
from datetime import UTC, datetime
from functools import partial

from sqlalchemy.exc import IntegrityError

from shared_code.database.connection import repeatable
from shared_code.database.stores.usage import fold as store
from shared_code.rollup.set_aside import setting_aside
from shared_code.rollup.step import Done, RollupContext

_log = logging.getLogger(__name__)

FOLD = "fold"
#: rows of one transaction; Azure SQL locks the whole table for a statement that takes 5,000 locks
BATCH = {"sqlite": 5_000, "postgresql": 5_000, "mssql": 2_000}
#: times that one batch is given up to another instance before it is a failure
_MOST_LOST = 20
#: a database whose identities begin below 0 may have such ids too
_BELOW_ALL = -(2**31)
#: a run over many rows, as after an upgrade, says how far it is each time that this many more are summed
_TOLD_ROWS = 50_000


def fold_usage(context: RollupContext) -> Done:
    """Fold every row that waits at the start; rows that come meanwhile are the next run's."""
    database = context.database
    until = database.read(store.newest_unfolded)
    if until is None:
        return Done(0, 0)
    seen = changed = told = 0
    after = _BELOW_ALL
    with setting_aside(context, FOLD) as aside:
        while ids := database.read(
            lambda connection, after=after: store.unfolded_ids(  # type: ignore[misc]
                connection, after=after, until=until, size=BATCH[database.dialect]
            )
        ):
            seen += len(ids)
            changed += sum(aside.attempt_ids(ids, partial(_fold, context)))
            after = ids[-1]
            if seen - told >= _TOLD_ROWS:
                told = seen
                _tell(context, seen, after, until)
    return Done(seen, changed)


def _tell(context: RollupContext, seen: int, after: int, until: int) -> None:
    left = context.database.read(lambda connection: store.count_unfolded(connection, after=after, until=until))
    _log.info("fold: %d usage rows summed, %d to go", seen, left)


def _fold(context: RollupContext, first: int, last: int) -> int:
    """Fold the rows from one id to another in one transaction."""
    zone = context.settings.default_time_zone
    lost = 0
    while True:
        try:
            return context.database.run(
                lambda connection: store.fold_range(
                    connection, first=first, last=last, stamp=_stamp(), default_zone=zone
                ),
                on_unknown=repeatable,
            )
        except (store.StampTaken, IntegrityError):
            # Another instance was in the way; the rows still wait.
            lost += 1
            if lost == _MOST_LOST:
                raise


def _stamp() -> datetime:
    """Now, with microseconds at random, so that two instances that start together rarely choose the same."""
    return datetime.now(UTC).replace(tzinfo=None, microsecond=random.randrange(1_000_000))  # noqa: S311 - no secret
