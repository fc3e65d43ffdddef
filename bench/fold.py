"""The fold on SQLite: a million rows, and a thousand new ones over a growing history, beside the bare statement.

The floor is one ``INSERT ... SELECT ... GROUP BY`` over the same rows: it marks nothing and adds to nothing, so that
it could be run only once. BENCH_FOLD_HISTORY is the largest history (5,000,000).
"""

import os
import shutil
import tempfile
import time
from pathlib import Path

from sqlalchemy import func, select, text

from shared_code.bootstrap import build_services
from shared_code.bootstrap.container import Services
from shared_code.database import tables
from shared_code.database.schema import ensure_schema
from shared_code.database.stores.usage import fold_statements, reconciliation
from shared_code.rollup.run import STEPS, run_rollup
from shared_code.settings import Settings

MILLION = 1_000_000
NEW = 1_000
HISTORIES = (0, 10_000, 100_000, MILLION, 5 * MILLION)
MOST = int(os.environ.get("BENCH_FOLD_HISTORY", HISTORIES[-1]))
#: rows of a day; with 20 keys, 5 branches and 10 users a day makes about 1,000 rows of UsageDaily
PER_DAY = 12_500

_ROWS = """
WITH RECURSIVE n(i) AS (SELECT :first UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :first + :count)
INSERT INTO TokenUsageLogs (TokenID, Branch, RequestedBy, InputTokens, OutputTokens, TotalTokensUsed, RequestCount,
    LoggedAt, CallID, Attempt, Kind, CompanyID, LocalDay, Model, CostUSD, Source, Outcome, FoldedAt)
SELECT 1 + i % 20, 'branch-' || (i / 20 % 5), 'user-' || (i / 100 % 10), 2000 + i % 500, 900, 2900 + i % 500, 1,
    datetime('now', '-' || ((:total - i) / :per_day) || ' days'), printf('%036d', i), 1, 'usage', 'C' || (i % 20),
    date('now', '-' || ((:total - i) / :per_day) || ' days'), 'gemini-3.5-flash-lite', 0.00012345, 'http', 'ok', :folded
FROM n
"""


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="bench-fold-"))
    try:
        _million(folder)
        _growth(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _million(folder: Path) -> None:
    services = _services(folder / "million.db")
    _insert(services, 0, MILLION, folded=False)
    seconds, groups = _bare(services)
    print(f"{MILLION:,} rows, bare INSERT ... SELECT ... GROUP BY   {seconds:7.2f} s   {groups:,} sums")
    seconds, folded = _fold(services)
    print(f"{MILLION:,} rows, fold                                  {seconds:7.2f} s   {folded:,} rows")
    services.database.close()


def _growth(folder: Path) -> None:
    services = _services(folder / "growth.db")
    print(f"\n{'history':>10} {'UsageDaily':>11} {'bare':>9} {'fold':>9} {'whole run':>10}   (ms, {NEW:,} new rows)")
    rows = 0
    for history in [size for size in HISTORIES if size <= MOST]:
        _insert(services, rows, history - rows, folded=True)
        _daily(services)
        rows = history
        _insert(services, rows, NEW, folded=False)
        bare, _ = _bare(services)
        fold, _ = _fold(services)
        rows += NEW
        _insert(services, rows, NEW, folded=False)
        _agree(services)
        started = time.perf_counter()
        results = run_rollup(services.rollup)
        run = time.perf_counter() - started
        rows += NEW
        assert not any(result.error for result in results)
        sums = services.database.read(
            lambda connection: connection.execute(select(func.count()).select_from(tables.usage_daily)).scalar_one()
        )
        print(f"{history:>10,} {sums:>11,} {bare * 1000:>9.1f} {fold * 1000:>9.1f} {run * 1000:>10.1f}")
    slow = sorted(results, key=lambda result: -result.milliseconds)[:4]
    print("slowest steps of the last run: " + ", ".join(f"{step.name} {step.milliseconds} ms" for step in slow))
    services.database.close()


def _services(path: Path) -> Services:
    services = build_services(Settings(database_url=f"sqlite:///{path}", azurewebjobsstorage=None))
    ensure_schema(services.database, auto_migrate=True)

    def keys(connection) -> None:
        ids = [{"TokenID": number} for number in range(1, 21)]
        connection.execute(
            tables.token_master.insert(), [row | {"Status": "Active", "TotalTokenLimit": 10**12} for row in ids]
        )
        connection.execute(tables.token_usage_summary.insert(), [row | {"TotalUsedTokens": 0} for row in ids])

    services.database.run(keys)
    return services


def _insert(services: Services, first: int, count: int, *, folded: bool) -> None:
    if count > 0:
        values = {
            "first": first,
            "count": count,
            "total": MOST,
            "per_day": PER_DAY,
            "folded": "2020-01-01 00:00:00.000000" if folded else None,
        }
        services.database.run(lambda connection: connection.execute(text(_ROWS), values))


def _daily(services: Services) -> None:
    """UsageDaily of the history that was inserted as folded."""

    def work(connection) -> None:
        connection.execute(text("DELETE FROM UsageDaily"))
        connection.execute(text(_floor("UsageDaily", "FoldedAt IS NOT NULL")))

    services.database.run(work)


def _agree(services: Services) -> None:
    """Running totals as writers would have left them."""
    for token_id in range(1, 21):
        services.database.run(lambda connection, token_id=token_id: reconciliation.repair(connection, token_id))


def _bare(services: Services) -> tuple[float, int]:
    """Seconds and sums of the floor, into a table of its own that is dropped."""

    def work(connection) -> tuple[float, int]:
        connection.execute(text("CREATE TABLE Floor AS SELECT * FROM UsageDaily WHERE 0"))
        started = time.perf_counter()
        sums = connection.execute(text(_floor("Floor", "FoldedAt IS NULL"))).rowcount
        seconds = time.perf_counter() - started
        connection.execute(text("DROP TABLE Floor"))
        return seconds, sums

    return services.database.run(work)


def _floor(table: str, where: str) -> str:
    keys = ", ".join(fold_statements.KEY)
    return (
        f"INSERT INTO {table} ({keys}, Requests, Errors, Unmeasured, InputTokens, OutputTokens, ThoughtsTokens, "
        "CachedTokens, TotalTokens, CostUSD, Unpriced) "
        f"SELECT {keys}, count(*), 0, 0, sum(InputTokens), sum(OutputTokens), 0, 0, sum(TotalTokensUsed), "
        "sum(CostUSD), 0 "
        f"FROM TokenUsageLogs WHERE {where} GROUP BY {keys}"
    )


def _fold(services: Services) -> tuple[float, int]:
    started = time.perf_counter()
    done = dict(STEPS)["fold"](services.rollup)
    return time.perf_counter() - started, done.changed


if __name__ == "__main__":
    main()
