"""Usage reports over a year of a thousand companies on SQLite, over the admin API, beside the bare sum of tokens.

365,000 rows of UsageDaily, and a day's 20,000 rows that the timer has not folded yet. The floor adds up one column of
the same rows by company, and knows nothing of what is not folded.
"""

import asyncio
import json
import shutil
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import azure.functions as func
from sqlalchemy import text

from bench import figures
from shared_code.admin.app import create_app
from shared_code.bootstrap import build_services
from shared_code.bootstrap.container import Services
from shared_code.database.schema import ensure_schema
from shared_code.database.stores.operations import admin_keys
from shared_code.database.stores.operations.admin_keys import AdminRole
from shared_code.settings import Settings

COMPANIES, DAYS, FRESH = 1_000, 365, 20_000
RUNS = 7
LAST = date(2026, 11, 20)
YEAR = f"from={LAST - timedelta(days=DAYS - 1)}&to={LAST}"
REPORTS = (
    *(f"group_by={group}" for group in ("day", "company", "branch", "user", "token", "model")),
    "group_by=day,company&limit=500",
    "group_by=day,company,model&limit=500&cursor=300000",
    "group_by=day&company_id=C500",
    "group_by=company,model&format=csv",
)

_DAILY = f"""
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {COMPANIES * DAYS})
INSERT INTO UsageDaily (LocalDay, TokenID, CompanyID, Branch, RequestedBy, Model, Source, Requests, Errors, Unmeasured,
    InputTokens, OutputTokens, ThoughtsTokens, CachedTokens, TotalTokens, CostUSD, Unpriced)
SELECT date('{LAST}', '-' || (i / {COMPANIES}) || ' days'), 1 + i % {COMPANIES}, 'C' || (i % {COMPANIES}),
    'branch-' || (i % 7), 'user-' || (i % 50), 'gemini-3.5-flash-lite', 'http', 20, i % 2, 0,
    50000 + i % 1000, 18000, 0, 0, 68000 + i % 1000, 0.02184321, 0
FROM n
"""
_FRESH = f"""
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {FRESH})
INSERT INTO TokenUsageLogs (TokenID, Branch, RequestedBy, InputTokens, OutputTokens, TotalTokensUsed, RequestCount,
    LoggedAt, CallID, Attempt, Kind, CompanyID, LocalDay, Model, CostUSD, Source, Outcome)
SELECT 1 + i % {COMPANIES}, 'branch-' || (i % 7), 'user-' || (i % 50), 2500, 900, 3400, 1, '{LAST} 12:00:00.000000',
    printf('%036d', i), 1, 'usage', 'C' || (i % {COMPANIES}), '{LAST}', 'gemini-3.5-flash-lite', 0.00109216, 'http',
    'ok'
FROM n
"""
_FLOOR = "SELECT CompanyID, sum(TotalTokens) FROM UsageDaily WHERE LocalDay BETWEEN :first AND :last GROUP BY CompanyID"


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="bench-usage-"))
    services = build_services(Settings(database_url=f"sqlite:///{folder / 'usage.db'}", azurewebjobsstorage=None))
    try:
        ask = _api(services)
        figures.row("bare sum of one column by company", _timed(lambda: _floor(services)))
        for report in REPORTS:
            figures.row(report, _timed(lambda report=report: ask(report)))
    finally:
        services.close()
        shutil.rmtree(folder, ignore_errors=True)


def _api(services: Services) -> Callable[[str], None]:
    ensure_schema(services.database, auto_migrate=True)

    def fill(connection) -> str:
        ids = [{"id": number, "company": f"C{number - 1}"} for number in range(1, COMPANIES + 1)]
        connection.execute(
            text("INSERT INTO TokenMaster (TokenID, CompanyID, Status) VALUES (:id, :company, 'Active')"), ids
        )
        connection.execute(text(_DAILY))
        connection.execute(text(_FRESH))
        return admin_keys.create_admin_key(connection, role=AdminRole.VIEWER)[1]

    headers = {"authorization": f"Bearer {services.database.run(fill)}"}
    app = create_app(lambda: services)

    def ask(report: str) -> None:
        request = func.HttpRequest(
            "GET", f"http://localhost/api/manage/usage?{YEAR}&{report}", headers=headers, body=b""
        )
        response = asyncio.run(func.AsgiMiddleware(app).handle_async(request, None))
        assert response.status_code == 200, response.get_body()
        assert "csv" in report or json.loads(response.get_body())["data"]["items"]

    return ask


def _floor(services: Services) -> None:
    values = {"first": str(LAST - timedelta(days=DAYS - 1)), "last": str(LAST)}
    services.database.read(lambda connection: connection.execute(text(_FLOOR), values).all())


def _timed(work: Callable[[], None]) -> list[float]:
    seconds = []
    for _ in range(RUNS + 1):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return seconds[1:]
