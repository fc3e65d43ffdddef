"""The built-in health checks: each function takes what it needs and returns a check for ``SystemHealthChecker``."""

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, literal, select

from shared_code import errors
from shared_code.database import schema
from shared_code.database.clock import utc_now
from shared_code.database.connection import Database
from shared_code.database.error_causes import classify
from shared_code.database.stores.keys import tokens
from shared_code.database.stores.operations import alerts
from shared_code.database.tables import token_usage_logs
from shared_code.database.write_probe import prove_write
from shared_code.operations import companies
from shared_code.operations.health_checker import Check, CheckResult, cached
from shared_code.operations.timer_state import TimerState, timer_state
from shared_code.providers.base import ModelCallFailed, ModelProvider
from shared_code.records import Alert

_NOT_REACHED = (errors.ProviderUnavailable, errors.ProviderTimeout)
_MEGABYTE = 1_048_576
_COMPANIES_SHOWN = 20


def cpu_check(*, limit_percent: float = 80.0, window_seconds: float = 0.1) -> Check:
    """Load of all processors over a short window."""

    def check() -> CheckResult:
        import psutil

        percent = psutil.cpu_percent(interval=window_seconds)
        return CheckResult({"percent": percent, "limit_percent": limit_percent}, healthy=percent < limit_percent)

    return check


def memory_check(*, limit_percent: float = 85.0) -> Check:
    """Memory of the machine, and what this process holds of it."""

    def check() -> CheckResult:
        import psutil

        memory = psutil.virtual_memory()
        facts = {
            "percent": memory.percent,
            "limit_percent": limit_percent,
            "process_megabytes": psutil.Process().memory_info().rss // _MEGABYTE,
        }
        return CheckResult(facts, healthy=memory.percent < limit_percent)

    return check


def disk_check(path: str = "/", *, limit_percent: float = 90.0) -> Check:
    """Space on the file system that holds ``path``."""

    def check() -> CheckResult:
        import psutil

        disk = psutil.disk_usage(path)
        facts = {
            "percent": disk.percent,
            "limit_percent": limit_percent,
            "free_megabytes": disk.free // _MEGABYTE,
        }
        return CheckResult(facts, healthy=disk.percent < limit_percent)

    return check


def database_check(database: Database, *, budget_seconds: float = 1.0) -> Check:
    """One round trip, and a write that leaves nothing behind: a database that only reads is none to book in.

    :raises errors.DatabaseUnavailable: from the check; the message ends with the cause that the logs name too.
    """

    def check() -> CheckResult:
        try:
            started = time.perf_counter()
            database.read(
                lambda connection: connection.execute(select(literal(1))).scalar(), budget_seconds=budget_seconds
            )
            milliseconds = _milliseconds_since(started)
            prove_write(database, budget_seconds=budget_seconds)
        except errors.DatabaseUnavailable as error:
            raise errors.DatabaseUnavailable(_with_cause(error)) from error
        return CheckResult({"backend": database.dialect, "milliseconds": milliseconds})

    return check


def _with_cause(error: errors.DatabaseUnavailable) -> str:
    if error.__cause__ is None:
        return error.message
    failure = classify(error.__cause__)
    return f"{error.message} ({failure.cause.value}: {failure.number})"


def storage_check(blob_service: Callable[[], Any], *, timeout_seconds: float = 3.0) -> Check:
    """One page of the list of containers.

    :param blob_service: gives an ``azure.storage.blob.BlobServiceClient``.
    """

    def check() -> CheckResult:
        started = time.perf_counter()
        pages = blob_service().list_containers(
            results_per_page=1,
            timeout=max(int(timeout_seconds), 1),
            connection_timeout=timeout_seconds,
            read_timeout=timeout_seconds,
            retry_total=0,
        )
        next(pages.by_page(), None)
        return CheckResult({"milliseconds": _milliseconds_since(started)})

    return check


def provider_check(
    provider: ModelProvider,
    api_key: Callable[[], str | None],
    *,
    timeout_seconds: float = 4.0,
    cache_seconds: float = 300.0,
) -> Check:
    """Whether the provider answers: its list of models, which costs no tokens. Asked once per ``cache_seconds``.

    A provider that refuses the key has answered. Without any key there is nothing to ask, which is no fault of the
    provider (``usable_keys_check`` says so).
    """

    def check() -> CheckResult:
        key = api_key()
        name = provider.provider.value
        if not key:
            return CheckResult({"provider": name, "asked": False})
        started = time.perf_counter()
        try:
            models = provider.list_models(api_key=key, timeout_seconds=timeout_seconds)
        except ModelCallFailed as error:
            reached = not issubclass(error.public, _NOT_REACHED)
            return CheckResult({"provider": name, "asked": True, "reason": error.reason}, healthy=reached)
        return CheckResult(
            {"provider": name, "asked": True, "models": len(models), "milliseconds": _milliseconds_since(started)},
        )

    return cached(check, seconds=cache_seconds)


def usable_keys_check(database: Database, *, minimum: int = 1, do_not_open: Callable[[], int] = lambda: 0) -> Check:
    """How many keys can serve now, by status and end date, without those that this process cannot open."""

    def check() -> CheckResult:
        count = max(database.read(tokens.count_usable) - do_not_open(), 0)
        return CheckResult({"usable_keys": count}, healthy=count >= minimum)

    return check


def companies_check(database: Database) -> Check:
    """Companies that no key serves now, as the timer found them, until their keys' rest is over."""

    def work(connection: Connection) -> tuple[Any, list[Alert], list[Alert]]:
        now = connection.execute(select(utc_now())).scalar_one()
        down = alerts.open_alerts(connection, kind=companies.COMPANY_WITHOUT_KEY)
        return now, down, alerts.open_alerts(connection, kind=companies.KEY_STRANDED)

    def check() -> CheckResult:
        now, found, stranded = database.read(work)
        down = [alert for alert in found if not companies.is_over(alert, _moment(now))]
        facts = {
            "without_key": len(down),
            "companies": {alert.subject: alert.message for alert in down[:_COMPANIES_SHOWN]},
            "stranded_keys": [alert.subject for alert in stranded[:_COMPANIES_SHOWN]],
        }
        return CheckResult(facts, healthy=not down)

    return check


def outbox_check(depth: Callable[[], int], *, limit: int = 100) -> Check:
    """Bookings that wait in the outbox queue."""

    def check() -> CheckResult:
        waiting = depth()
        return CheckResult({"messages": waiting, "limit": limit}, healthy=waiting <= limit)

    return check


def rollup_check(database: Database, *, limit_seconds: float = 1800.0) -> Check:
    """Whether the timer has ever run, how long the oldest usage row has waited for it, and which steps failed last.

    By the database's clock.
    """
    usage = token_usage_logs.c

    def work(connection: Connection) -> tuple[Any, Any, Any, TimerState]:
        # By ids, which are indexed: anybody may ask for health, however long the history is.
        now = connection.execute(select(utc_now())).scalar_one()
        # Rows from before the upgrade have waited for years, and are summed by the first runs.
        waits_now = (usage.FoldedAt.is_(None), usage.CallID.is_not(None))
        first = connection.execute(select(func.min(usage.UsageID)).where(*waits_now)).scalar()
        oldest = select(usage.LoggedAt).where(usage.UsageID == first)
        last = select(usage.FoldedAt).order_by(usage.UsageID.desc()).limit(1)
        if first is not None:
            last = last.where(usage.UsageID < first)
        waits, folded = connection.execute(oldest).scalar(), connection.execute(last).scalar()
        return now, waits, folded, timer_state(connection)

    def check() -> CheckResult:
        now, oldest, last, state = database.read(work)
        waiting = _seconds_between(oldest, now)
        facts = {
            "oldest_unfolded_seconds": waiting,
            "limit_seconds": limit_seconds,
            "seconds_since_last_fold": _seconds_between(last, now),
            "seconds_since_last_run": _seconds_between(state.ran_at, now),
            "failing_steps": list(state.failing),
            "rows_set_aside": len(state.set_aside),
        }
        late = waiting is not None and waiting > limit_seconds
        return CheckResult(facts, healthy=state.ran_at is not None and not late and not state.failing)

    return check


def migration_check(database: Database) -> Check:
    """Whether the schema is at the level that this code needs; a newer one serves as well (steps only add)."""

    def check() -> CheckResult:
        found = schema.current(database)
        return CheckResult({"found": found, "needed": schema.HEAD}, healthy=found is not None and found >= schema.HEAD)

    return check


def _milliseconds_since(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 1)


def _seconds_between(earlier: Any, later: Any) -> int | None:
    if earlier is None:
        return None
    return max(int((_moment(later) - _moment(earlier)).total_seconds()), 0)


def _moment(value: Any) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
