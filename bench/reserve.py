"""Reserve + settle per second, with 1, 8 and 32 callers on one key and on 100 keys, beside the bare UPDATE."""

import shutil
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime

from sqlalchemy import insert, update

from bench import figures, rig
from shared_code.database import tables
from shared_code.database.connection import Database, create_database
from shared_code.database.key_cipher import KeyCipher
from shared_code.database.schema import ensure_schema
from shared_code.database.stores.keys import token_changes, tokens
from shared_code.metering.budgets import Budgets
from shared_code.records import Caller, CallIdentity, Source, TokenRequest, Usage
from shared_code.settings import Settings

SECONDS = 3.0
CALLERS = (1, 8, 32)


def main() -> None:
    for backend, opened in (("SQLite", _sqlite), ("PostgreSQL", _postgresql)):
        with opened() as url:
            database = create_database(Settings(database_url=url, db_pool_size=40))
            ensure_schema(database, auto_migrate=True)
            for keys in (1, 100):
                ids = [_add_key(database, f"C{keys}-{number}") for number in range(keys)]
                for callers in CALLERS:
                    _measure(f"{backend}, {keys} keys, {callers} callers, bare UPDATE", callers, _bare(database, ids))
                    _measure(
                        f"{backend}, {keys} keys, {callers} callers, reserve+settle", callers, _ours(database, keys)
                    )
            database.close()


def _measure(name: str, callers: int, work: Callable[[int], None]) -> None:
    ends = time.perf_counter() + SECONDS
    waits: list[float] = []

    def caller(number: int) -> None:
        turn = number
        while (started := time.perf_counter()) < ends:
            work(turn)
            waits.append(time.perf_counter() - started)
            turn += callers

    with ThreadPoolExecutor(callers) as pool:
        list(pool.map(caller, range(callers)))
    print(f"{len(waits) / SECONDS:9.0f}/s", end="  ")
    figures.row(name, waits)


def _bare(database: Database, ids: list[int]) -> Callable[[int], None]:
    table = tables.token_usage_summary

    def work(turn: int) -> None:
        database.run(
            lambda connection: connection.execute(
                update(table)
                .where(table.c.TokenID == ids[turn % len(ids)])
                .values(ReservedTokens=table.c.ReservedTokens + 0)
            )
        )

    return work


def _ours(database: Database, keys: int) -> Callable[[int], None]:
    budgets, cipher = Budgets(clock=lambda: datetime.now(UTC), default_zone="UTC"), KeyCipher(None)

    def work(turn: int) -> None:
        company = f"C{keys}-{turn % keys}"
        request = TokenRequest(
            identity=CallIdentity(str(uuid.uuid4()), Caller(company, "u", "b"), Source.HTTP),
            attempt=1,
            model="gemini-3.5-flash-lite",
            input_bound=3_000,
            output_cap=6_000,
            output_floor=2_000,
            lease_seconds=60,
        )
        rows = database.read(lambda connection: tokens.company_keys(connection, company))
        candidates = [row.decrypted(cipher) for row in rows]
        reservation, _ = database.run(
            lambda connection: budgets.reserve(connection, request, candidates, time_zone=None)
        )
        row = reservation.usage_row(Usage(total_tokens=4_000), outcome="ok")
        database.run(lambda connection: budgets.settle(connection, reservation, row))

    return work


def _add_key(database: Database, company: str) -> int:
    def work(connection) -> int:
        token_id = connection.execute(
            insert(tables.token_master).values(CompanyID=company, ApiKey="plain", Provider="Gemini", Status="Active")
        ).inserted_primary_key[0]
        token_changes.ensure_summary(connection, token_id, None)
        return token_id

    return database.run(work)


@contextmanager
def _sqlite() -> Iterator[str]:
    folder = tempfile.mkdtemp(prefix="bench-")
    yield f"sqlite:///{folder}/bench.db"
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _postgresql() -> Iterator[str]:
    with rig.postgresql() as server:
        yield server.url
