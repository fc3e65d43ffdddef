"""Old rows deleted, in batches small enough that writers pass between them."""

from collections.abc import Callable
from functools import partial

from shared_code.database.connection import repeatable
from shared_code.database.stores.extractions import claims
from shared_code.database.stores.operations import logs, retries
from shared_code.database.stores.usage import usage_rows
from shared_code.rollup.step import Done, RollupContext, Step

_BATCH = 1_000
#: batches of one table in one run of the timer; the rest is the next run's
_MOST_BATCHES = 50


def _prune(prune: Callable[..., int], setting: str, context: RollupContext) -> Done:
    """Delete the rows of one table that are older than the setting's days."""
    days = getattr(context.settings, setting)
    deleted = 0
    for _ in range(_MOST_BATCHES):
        batch = context.database.run(
            lambda connection: prune(connection, older_than_days=days, limit=_BATCH), on_unknown=repeatable
        )
        deleted += batch
        if batch < _BATCH:
            break
    return Done(deleted, deleted)


#: one step per table, so that each has its own record and its own failure
STEPS: tuple[tuple[str, Step], ...] = (
    ("prune ApplicationLogs", partial(_prune, logs.prune_logs, "retain_application_logs_days")),
    ("prune RetryAttempts", partial(_prune, retries.prune_retries, "retain_retry_attempts_days")),
    ("prune TokenUsageLogs", partial(_prune, usage_rows.prune_usage, "retain_usage_logs_days")),
    ("prune Extractions", partial(_prune, claims.prune_extractions, "retain_extractions_days")),
)
