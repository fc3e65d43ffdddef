"""Whether the connections of all processes together stay within what the database takes.

Azure SQL refuses work beyond its limit of concurrent workers (error 10928). On Flex Consumption the number of instances
is not held to the configured maximum, so the deployment computes the size of the pools from the worst case; this says
whether the numbers still fit when somebody has changed one of them.
"""

import logging
from dataclasses import dataclass

from shared_code.settings import Settings

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PoolLimit:
    """Connections at worst, and what the database takes."""

    per_process: int
    processes: int
    limit: int

    @property
    def at_worst(self) -> int:
        """Connections of all processes, each with its pool used up."""
        return self.per_process * self.processes

    @property
    def is_exceeded(self) -> bool:
        """Whether the database would have to refuse some."""
        return self.at_worst > self.limit

    def __str__(self) -> str:
        return (
            f"{self.processes} processes with {self.per_process} connections each are {self.at_worst}, and the "
            f"database takes {self.limit}: lower DB_POOL_SIZE and DB_MAX_OVERFLOW, or the number of instances, or give "
            "the database more vCores"
        )


def pool_limit(settings: Settings) -> PoolLimit | None:
    """What the settings come to; None where they do not say what the database takes."""
    if settings.db_connection_limit is None:
        return None
    return PoolLimit(
        settings.db_pool_size + settings.db_max_overflow,
        max(settings.db_worst_case_processes, settings.functions_worker_process_count),
        settings.db_connection_limit,
    )


def warn_of_pool_limit(settings: Settings) -> None:
    """Say so in the log, when a process starts, if the connections do not fit."""
    limit = pool_limit(settings)
    if limit is not None and limit.is_exceeded:
        _log.warning("Too many database connections at worst: %s", limit)
