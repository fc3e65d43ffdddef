"""Rows as writers make them, the timer's steps on them, and the figures that must agree."""

import itertools
import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, cast, func, insert, select, update

from shared_code.bootstrap.container import Services
from shared_code.database import tables
from shared_code.database.clock import utc_in
from shared_code.database.stores.keys import token_changes
from shared_code.database.stores.operations import alerts
from shared_code.database.stores.usage import usage_rows
from shared_code.rollup.run import STEPS, run_rollup
from shared_code.rollup.step import Done, StepResult

#: a storage account that nobody serves
NO_STORAGE = "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=YQ==;" + "".join(
    f"{kind}Endpoint=http://127.0.0.1:9/a;" for kind in ("Blob", "Queue")
)
#: steps that look at blobs
BLOB_STEPS = {"sweep blobs", "sweep jobs", "remove documents"}
AMOUNTS = (
    "Requests",
    "Errors",
    "Unmeasured",
    "InputTokens",
    "OutputTokens",
    "ThoughtsTokens",
    "CachedTokens",
    "TotalTokens",
    "Unpriced",
)
STEP = dict(STEPS)
_GOOD = {None, "ok", "cached", "embedded_xml", "reported", "second_look"}
_calls = itertools.count(1)


@dataclass
class Clock:
    """A clock that the test turns."""

    now: datetime = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


class Books:
    """Writes and reads what a test needs of the accounts, and runs the timer's steps on them."""

    def __init__(self, services: Services, clock: Clock) -> None:
        self.services = services
        self.database = services.database
        self.clock = clock

    def run(self) -> dict[str, StepResult]:
        """A whole run; no step may fail but for those that need storage where that does not answer."""
        results = {result.name: result for result in run_rollup(self.services.rollup)}
        failed = {name for name, result in results.items() if result.error}
        assert failed <= (
            {"replay outbox", "outbox alert", *BLOB_STEPS} if self.services.settings.azurewebjobsstorage else set()
        )
        return results

    def step(self, name: str) -> Done:
        return STEP[name](self.services.rollup)

    def run_steps(self, *names: str) -> None:
        for name in names:
            self.step(name)

    def add_key(
        self, *, company: str | None = "NT047", limit: int | None = None, threshold: int | None = None, **values
    ):
        def work(connection):
            token_id = connection.execute(
                insert(tables.token_master).values(
                    **{
                        "CompanyID": company,
                        "Provider": "Gemini",
                        "Status": "Active",
                        "ApiKey": "AIzaTyped",
                        "TotalTokenLimit": limit,
                    }
                    | values
                )
            ).inserted_primary_key[0]
            token_changes.ensure_summary(connection, token_id, limit)
            if threshold is not None:
                self.change(tables.token_usage_summary, {"TokenID": token_id}, connection, Threshold=threshold)
            return token_id

        return self.database.run(work)

    def change(self, table, where: dict[str, Any], connection=None, **values) -> None:
        statement = update(table).where(*(table.c[name] == value for name, value in where.items())).values(**values)
        if connection is not None:
            connection.execute(statement)
        else:
            self.database.run(lambda fresh: fresh.execute(statement))

    def use(self, token_id: int | None, total: int | None = 1_000, *, move: bool = True, **values: Any) -> None:
        """One booked call: its row, and the key's total unless ``move`` is off."""
        self.database.run(lambda connection: self.write(connection, token_id, total, move=move, **values))

    def write(self, connection, token_id: int | None, total: int | None = 1_000, *, move: bool = True, **values: Any):
        row = {
            "TokenID": token_id,
            "CallID": f"call-{next(_calls)}",
            "Attempt": 1,
            "Kind": "usage",
            "CompanyID": "NT047",
            "LocalDay": self.clock().date(),
            "Branch": "RUB",
            "RequestedBy": "bzumah",
            "Model": "gemini-3.5-flash-lite",
            "Source": "http",
            "RequestCount": 1,
            "InputTokens": total,
            "OutputTokens": 0,
            "TotalTokensUsed": total,
            "CostUSD": Decimal("0.00012345"),
            "Outcome": "ok",
        }
        connection.execute(insert(tables.token_usage_logs).values(row | values))
        if move and token_id is not None:
            self.move(connection, token_id, total or 0)

    def move(self, connection, token_id: int, used: int) -> None:
        usage_rows.add_to_summary(connection, token_id, used=used)

    def rows(self, table: Any, **where: Any) -> list[Any]:
        statement = (
            select(*(column for column in table.c if column.name != "CostUSD"), _units(table))
            if "CostUSD" in table.c
            else select(table)
        )
        statement = statement.where(*(table.c[name] == value for name, value in where.items()))
        if table is tables.alerts:
            # That the timer has run stands there too, and is no condition.
            statement = statement.where(table.c.Severity != alerts.NOTE)
        key = list(table.primary_key.columns)
        return self.database.read(lambda connection: connection.execute(statement.order_by(*key)).all())

    def summary(self, token_id: int) -> tuple[int, int | None]:
        """Used, remaining."""
        (row,) = self.rows(tables.token_usage_summary, TokenID=token_id)
        return row.TotalUsedTokens, row.TotalRemainingTokens

    def status(self, token_id: int) -> str:
        return self.rows(tables.token_master, TokenID=token_id)[0].Status

    def alerts(self, kind: str | None = None, *, open_only: bool = True) -> list[tuple[str, str]]:
        """Kind and subject of each alert, by id."""
        return [
            (row.Kind, row.Subject)
            for row in self.rows(tables.alerts)
            if (row.ClosedAt is None or not open_only) and kind in (None, row.Kind)
        ]

    def daily(self) -> dict[tuple[Any, ...], dict[str, int]]:
        """UsageDaily by key; the cost in hundred-millionths."""
        return {
            _daily_key(row): {name: getattr(row, name) for name in (*AMOUNTS, "CostUnits")}
            for row in self.rows(tables.usage_daily)
        }

    def logged(self) -> dict[tuple[Any, ...], dict[str, int]]:
        """The same, summed from the usage rows one by one."""
        sums: dict[tuple[Any, ...], dict[str, int]] = {}
        for row in self.rows(tables.token_usage_logs):
            total = sums.setdefault(_daily_key(row), dict.fromkeys((*AMOUNTS, "CostUnits"), 0))
            counts = row.Kind != "correction"
            total["Requests"] += max(row.RequestCount or 1, 1) if counts else 0
            total["Errors"] += counts and row.Outcome not in _GOOD
            total["Unmeasured"] += row.Kind == "unmeasured"
            for name in ("InputTokens", "OutputTokens", "ThoughtsTokens", "CachedTokens"):
                total[name] += getattr(row, name) or 0
            total["TotalTokens"] += row.TotalTokensUsed or 0
            total["Unpriced"] += row.CostUnits is None
            total["CostUnits"] += row.CostUnits or 0
        return sums

    def assert_exact(self) -> None:
        """UsageDaily is what the rows add up to, and every total agrees with them."""
        assert self.daily() == self.logged()
        assert self.step("reconcile").changed == 0


def reserve(books: Books, token: int | None, *, bound: int = 1_000, **values: Any) -> str:
    """A reservation of a process that is gone."""
    call = str(uuid.uuid4())
    row = {
        "CallID": call,
        "Attempt": 1,
        "TokenID": token,
        "CompanyID": "NT047",
        "LocalDay": date(2026, 11, 21),
        "Provider": "Gemini",
        "Model": "gemini-3.5-flash-lite",
        "Source": "http",
        "BoundTokens": bound,
        "LeaseUntil": utc_in(-60),
    }
    books.database.run(lambda connection: connection.execute(insert(tables.token_reservations).values(row | values)))
    return call


def _units(table):
    return cast(func.round(table.c.CostUSD * 100_000_000, 0), BigInteger).label("CostUnits")


def _daily_key(row) -> tuple[date, int, str, str, str, str, str]:
    return (
        row.LocalDay,
        row.TokenID or 0,
        row.CompanyID or "",
        row.Branch or "",
        row.RequestedBy or "",
        row.Model or "",
        row.Source or "",
    )
