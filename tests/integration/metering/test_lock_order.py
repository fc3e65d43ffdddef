"""Limits that are made between the statements of calls: totals are exact, and nobody waits in a ring."""

import itertools
import random
import threading
import time
from collections import defaultdict
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace

import pytest
from sqlalchemy import event, select, text, update

from shared_code import errors
from shared_code.database import tables
from shared_code.database.stores.operations.admin_audit import Actor
from shared_code.database.stores.usage.reservations import find_reservation
from shared_code.metering.booking import Booking
from shared_code.metering.budgets import Contended
from shared_code.metering.ledger import Ledger
from shared_code.operations.quotas import QuotaAdministration
from shared_code.records import Caller, CallIdentity, Source, Usage, UsageKind

ACTOR = Actor("operator", None)
#: calls settled and changes of quotas, at least, before the crowd goes home
ENOUGH = {"sqlite": (100, 10), "postgresql": (250, 30), "mssql": (60, 6)}
LATEST_SECONDS = 120.0
USERS, BRANCHES = ("ada", "bo", "cy"), ("north", "south")
OWNERS = [("company", ""), *(("branch", name) for name in BRANCHES), *(("user", name) for name in USERS)]
#: only this database has several writers here
servers = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@contextmanager
def once_before(database, verb, table, work):
    """Run ``work`` on a thread of its own, to its end, before this thread's next statement of this kind is sent."""
    mine, waiting = threading.get_ident(), [work]

    def look(_connection, _cursor, statement, *_):
        if waiting and threading.get_ident() == mine and statement.startswith(verb) and f'"{table}"' in statement:
            other = threading.Thread(target=waiting.pop())
            other.start()
            other.join(10)
            assert not other.is_alive(), "the other transaction has to wait"

    event.listen(database.engine, "before_cursor_execute", look)
    yield
    event.remove(database.engine, "before_cursor_execute", look)
    assert not waiting, "nothing was sent that the test waits for"


def counted(accounts):
    return {(used, reserved) for _, used, reserved in accounts.counters()}


def limit_company(accounts):
    accounts.set_quota("company", daily=1_000_000, monthly=2_000_000)


@servers
@pytest.mark.parametrize(("verb", "table"), [("UPDATE", "TokenUsageSummary"), ("SELECT", "QuotaCounters")])
def test_a_reservation_that_has_not_seen_a_new_limit_begins_anew(accounts, verb, table):
    accounts.add_key()
    accounts.set_quota("user", "bzumah", daily=1_000_000)
    accounts.settle(accounts.reserve(), 500)
    missed = verb == "UPDATE"
    with (
        once_before(accounts.database, verb, table, lambda: limit_company(accounts)),
        pytest.raises(Contended) if missed else nullcontext(),
    ):
        accounts.reserve()
    assert accounts.open_reservations() == (0 if missed else 1)
    if missed:
        accounts.reserve()
    assert counted(accounts) == {(500, 1_000)}


@servers
@pytest.mark.parametrize(
    ("verb", "table"),
    [("DELETE", "TokenReservations"), ("INSERT", "TokenUsageLogs"), ("UPDATE", "TokenUsageSummary")],
)
@pytest.mark.parametrize("way", ["settle", "sweep"])
def test_a_settlement_moves_a_limit_that_was_made_between_its_statements(accounts, way, verb, table):
    accounts.add_key()
    accounts.settle(accounts.reserve(), 500)
    held = accounts.reserve()
    kind = UsageKind.USAGE if way == "settle" else UsageKind.UNMEASURED
    with once_before(accounts.database, verb, table, lambda: limit_company(accounts)):
        accounts.settle(held, 700, kind=kind)
    assert counted(accounts) == {(1_200, 0)}


@servers
def test_a_call_settled_while_a_limit_is_being_made_waits_for_it(accounts):
    accounts.add_key()
    held, other = accounts.reserve(), accounts.reserve()
    settling = threading.Thread(target=accounts.settle, args=(held, 700))

    def begin():
        settling.start()
        time.sleep(0.3)
        assert settling.is_alive(), "the settlement does not wait for the new limit"

    with once_before(accounts.database, "INSERT", "QuotaCounters", begin):
        limit_company(accounts)
    settling.join(10)
    assert counted(accounts) == {(700, 1_000)}
    accounts.settle(other, 300)
    assert counted(accounts) == {(1_000, 0)}


class Crowd:
    """Callers, operators, a person who types SQL and a timer, all at once."""

    def __init__(self, accounts) -> None:
        self.accounts = accounts
        self.ledger = Ledger(accounts.database, accounts.budgets, None, 20.0)
        self.administration = QuotaAdministration(accounts.database, "UTC", accounts.clock)
        self.numbers = itertools.count(1)
        self.failures: list[BaseException] = []
        self.settled = self.changed = 0
        self.enough = ENOUGH[accounts.database.dialect]
        self.latest = time.monotonic() + LATEST_SECONDS

    def run(self) -> None:
        works = [self.call] * 16 + [self.operate] * 2 + [self.type_in, self.sweep]
        threads = [threading.Thread(target=self.repeat, args=(work, seed)) for seed, work in enumerate(works)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not self.failures, self.failures

    def repeat(self, work, seed) -> None:
        dice = random.Random(seed)
        try:
            while not self.failures and (self.settled < self.enough[0] or self.changed < self.enough[1]):
                assert time.monotonic() < self.latest, (self.settled, self.changed)
                work(dice)
        except BaseException as failure:  # whatever ends a thread, a failed assertion too, fails the test
            self.failures.append(failure)
            raise

    def call(self, dice) -> None:
        identity = CallIdentity(
            f"call-{next(self.numbers)}", Caller("NT047", dice.choice(USERS), dice.choice(BRANCHES)), Source.HTTP
        )
        held = self.reserve(identity, 1, None)
        if held is None:
            return
        if dice.random() < 0.3:
            held = self.reserve(identity, 2, held) or held
        if dice.random() < 0.2:
            self.ledger.abandon(held, None, identity.call_id)
        elif dice.random() < 0.9:
            usage = Usage(total_tokens=dice.randrange(2_000))
            self.ledger.book(Booking(held, held.usage_row(usage, outcome="ok")))
            self.settled += 1
        # Else it is killed, and the sweep ends it.

    def reserve(self, identity, attempt, instead_of):
        request = replace(self.accounts.token_request(identity=identity), attempt=attempt)
        for _ in range(50):
            keys = self.accounts.database.read(self.accounts.keys_on)
            try:
                return self.ledger.reserve(request, keys, time_zone=None, instead_of=instead_of)[0]
            except Contended:
                continue
            except errors.QuotaExceeded:
                return None
        raise AssertionError("contended for ever")

    def operate(self, dice) -> None:
        scope, subject = dice.choice(OWNERS)
        found = self.administration.find(company_id="NT047", scope=scope, subject=subject)
        with suppress(errors.NotFound):
            if found is not None and dice.random() < 0.3:
                self.administration.delete(found.quota_id, ACTOR)
            else:
                wanted = (dice.choice((None, 10**6, 10**7)), 10**7)
                self.administration.set_limits(
                    company_id="NT047", scope=scope, subject=subject, limits=lambda *_: wanted, actor=ACTOR
                )
        self.changed += 1

    def type_in(self, dice) -> None:
        quota = tables.quotas
        scope, subject = dice.choice(OWNERS)
        limit = dice.choice((None, 10**6))
        change = update(quota).where(quota.c.Scope == scope, quota.c.Subject == subject).values(DailyLimit=limit)
        self.accounts.database.run(lambda connection: connection.execute(change))
        time.sleep(0.02)

    def sweep(self, dice) -> None:
        """End some reservations as the timer does; their calls may still be running."""
        held = tables.token_reservations
        found = self.accounts.database.read(
            lambda connection: connection.execute(select(held.c.CallID, held.c.Attempt)).all()
        )
        for call_id, attempt in dice.sample(found, min(len(found), 2)):
            self.accounts.database.run(lambda connection, key=(call_id, attempt): self.end_one(connection, *key))
        time.sleep(0.02)

    def end_one(self, connection, call_id, attempt) -> None:
        stale = find_reservation(connection, call_id, attempt)
        if stale is not None:
            row = self.accounts.row(stale, stale.bound_tokens, kind=UsageKind.UNMEASURED)
            self.accounts.budgets.end(connection, stale, row)


@pytest.mark.long
def test_callers_and_operators_never_wait_in_a_ring_and_totals_are_exact(accounts):
    database = accounts.database
    for _ in range(3):
        accounts.add_key(limit=10**9)
    before = deadlocks(database)
    crowd = Crowd(accounts)
    crowd.run()
    assert deadlocks(database) == before
    check(database)


def deadlocks(database) -> int:
    """How many the server has counted; what is in the pool tells it at its end."""
    database.engine.dispose()
    if database.dialect != "postgresql":
        return 0
    query = text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    with database.reading() as connection:
        return connection.execute(query).scalar_one()


def check(database) -> None:
    """Every total is what rows and reservations add up to."""
    with database.reading() as connection:
        rows = [
            (row.TokenID, row.RequestedBy, row.Branch, row.LocalDay.isoformat(), row.TotalTokensUsed or 0, 0)
            for row in connection.execute(select(tables.token_usage_logs))
        ] + [
            (row.TokenID, row.RequestedBy, row.Branch, row.LocalDay.isoformat(), 0, row.BoundTokens)
            for row in connection.execute(select(tables.token_reservations))
        ]
        totals = connection.execute(select(tables.token_usage_summary)).all()
        counters = connection.execute(select(tables.quotas, tables.quota_counters).join(tables.quota_counters)).all()
    expected = defaultdict(lambda: [0, 0])
    for token, user, branch, day, used, reserved in rows:
        of_call = [("company", ""), ("branch", branch), ("user", user)]
        for key in [token, *((*owner, period) for owner in of_call for period in (day, day[:7]))]:
            expected[key][0] += used
            expected[key][1] += reserved
    assert {row.TokenID: [row.TotalUsedTokens, row.ReservedTokens] for row in totals} == {
        row.TokenID: expected[row.TokenID] for row in totals
    }
    stands = {(row.Scope, row.Subject, row.Period): [row.UsedTokens, row.ReservedTokens] for row in counters}
    assert stands
    assert stands == {key: expected[key] for key in stands}
