"""Old rows deleted, in batches small enough that writers pass between them."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from shared_code.database.connection import repeatable
from shared_code.database.stores import extractions, logs, retries, usage
from shared_code.rollup.step import Done, Step

if TYPE_CHECKING:
    from shared_code.bootstrap.container import Services

_BATCH = 1_000
#: batches of one table in one run of the timer; the rest is the next run's
_MOST_BATCHES = 50

Prune = Callable[..., int]


def prune_steps() -> list[tuple[str, Step]]:
    """One step per table, so that each has its own record and its own failure."""
    return [
        ("prune ApplicationLogs", _step(logs.prune_logs, "retain_application_logs_days")),
        ("prune RetryAttempts", _step(retries.prune_retries, "retain_retry_attempts_days")),
        ("prune TokenUsageLogs", _step(usage.prune_usage, "retain_usage_logs_days")),
        ("prune Extractions", _step(extractions.prune_extractions, "retain_extractions_days")),
    ]


def _step(prune: Prune, setting: str) -> Step:
    def run(services: "Services") -> Done:
        days = getattr(services.settings, setting)
        deleted = 0
        for _ in range(_MOST_BATCHES):
            batch = services.database.run(
                lambda connection: prune(connection, older_than_days=days, limit=_BATCH), on_unknown=repeatable
            )
            deleted += batch
            if batch < _BATCH:
                break
        return Done(deleted, deleted)

    return run
