"""A company with keys and quotas, and the figures that must never disagree."""

import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, insert, select

from shared_code.database import tables
from shared_code.database.connection import Database
from shared_code.database.key_cipher import KeyCipher
from shared_code.database.stores.keys import token_changes, tokens
from shared_code.database.stores.operations import company_zones
from shared_code.database.stores.quotas import quota_changes
from shared_code.metering.budgets import Budgets, NotCounted
from shared_code.metering.keys import USABLE_STATUSES
from shared_code.periods import local_day
from shared_code.quota_manager import QuotaManager
from shared_code.records import ApiKey, Caller, CallIdentity, Reservation, Source, TokenRequest, Usage, UsageRow


@dataclass
class Clock:
    """A clock that the test turns."""

    now: datetime = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


_CALLER = Caller("NT047", "bzumah", "RUB")


class Accounts:
    """Writes and reads what a test needs of the accounts."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.database = database
        self.clock = clock
        self.budgets = Budgets(clock=clock, default_zone="UTC")
        self.manager = QuotaManager(database, clock=clock)

    def add_key(self, company: str = "NT047", *, limit: int | None = None, summary: bool = True, **values: Any) -> int:
        def work(connection):
            token_id = connection.execute(
                insert(tables.token_master).values(
                    CompanyID=company,
                    ApiKey=f"key-of-{uuid.uuid4()}",
                    Provider="Gemini",
                    Status="Active",
                    TotalTokenLimit=limit,
                    **values,
                )
            ).inserted_primary_key[0]
            if summary:
                token_changes.ensure_summary(connection, token_id, limit)
            return token_id

        return self.database.run(work)

    def set_quota(
        self,
        scope: str,
        subject: str = "",
        *,
        daily: int | None = None,
        monthly: int | None = None,
        company: str = "NT047",
        zone: str = "UTC",
    ) -> None:
        self.database.run(
            lambda connection: quota_changes.set_quota(
                connection,
                company_id=company,
                scope=scope,
                subject=subject,
                limits=(daily, monthly),
                day=local_day(self.clock(), ZoneInfo(zone)),
            )
        )

    def set_zone(self, zone: str) -> None:
        self.database.run(lambda connection: company_zones.set_company_zone(connection, "NT047", zone))

    def token_request(self, caller: Caller = _CALLER, **changes: Any) -> TokenRequest:
        request = TokenRequest(
            identity=CallIdentity(str(uuid.uuid4()), caller, Source.HTTP),
            attempt=1,
            model="gemini-3.5-flash-lite",
            input_bound=600,
            output_cap=400,
            output_floor=400,
            lease_seconds=60,
        )
        return replace(request, **changes)

    def reserve(self, time_zone: str | None = None, **changes: Any) -> Reservation:
        request = self.token_request(**changes)

        def work(connection):
            return self.budgets.reserve(connection, request, self.keys_on(connection), time_zone=time_zone)[0]

        try:
            return self.database.run(work)
        except NotCounted as limit:
            self.database.run(limit.begin)
            return self.database.run(work)

    def keys_on(self, connection) -> list[ApiKey]:
        rows = tokens.company_keys(connection, "NT047")
        keys = [row.decrypted(KeyCipher(None)) for row in rows]
        return [key for key in keys if key.status in USABLE_STATUSES]

    def settle(self, reservation: Reservation, tokens_used: int | None, **values: Any):
        row = self.row(reservation, tokens_used, **values)
        return self.database.run(lambda connection: self.budgets.settle(connection, reservation, row))

    def row(self, reservation: Reservation, tokens_used: int | None, **values: Any) -> UsageRow:
        return reservation.usage_row(Usage(total_tokens=tokens_used), **{"outcome": "ok", **values})

    def summary(self, token_id: int) -> tuple[int, int | None, int]:
        """Used, remaining, reserved."""
        table = tables.token_usage_summary
        return tuple(
            self.database.read(
                lambda connection: connection.execute(
                    select(table.c.TotalUsedTokens, table.c.TotalRemainingTokens, table.c.ReservedTokens).where(
                        table.c.TokenID == token_id
                    )
                ).one()
            )
        )

    def counters(self) -> list[tuple[str, int, int]]:
        """Period, used, reserved of every counter, by id."""
        table = tables.quota_counters
        return [
            tuple(row)
            for row in self.database.read(
                lambda connection: connection.execute(
                    select(table.c.Period, table.c.UsedTokens, table.c.ReservedTokens).order_by(table.c.CounterID)
                ).all()
            )
        ]

    def logged(self) -> int:
        """Sum of all booked tokens."""
        table = tables.token_usage_logs
        return self.database.read(
            lambda connection: connection.execute(select(func.sum(table.c.TotalTokensUsed))).scalar() or 0
        )

    def rows(self) -> list[Any]:
        table = tables.token_usage_logs
        return self.database.read(lambda connection: connection.execute(select(table).order_by(table.c.UsageID)).all())

    def open_reservations(self) -> int:
        return self.database.read(
            lambda connection: connection.execute(
                select(func.count()).select_from(tables.token_reservations)
            ).scalar_one()
        )


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def accounts(database, clock) -> Accounts:
    return Accounts(database, clock)
