"""Calls, keys, limits and the timer in any order, beside a ledger of plain Python that knows what must come of them.

After each step the product's totals are compared with :mod:`.independent_ledger`. Limits come and go by the administration and by SQL; a call can end in every way that calls end.
"""

import contextlib
import itertools
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import delete, func, insert, select, update

from shared_code import errors
from shared_code.database import tables
from shared_code.database.connection import Database
from shared_code.database.key_cipher import KeyCipher
from shared_code.database.stores.keys import token_changes, tokens
from shared_code.database.stores.operations import company_zones
from shared_code.database.stores.operations.admin_audit import Actor
from shared_code.metering.booking import Booking
from shared_code.metering.budgets import Budgets, Contended
from shared_code.metering.ledger import Ledger
from shared_code.metering.reported_usage import ReportedUsage
from shared_code.operations import companies
from shared_code.operations.quotas import QuotaAdministration
from shared_code.records import Caller, CallIdentity, Reservation, Source, TokenRequest, Usage
from shared_code.rollup import fold, leases, statuses
from shared_code.rollup.step import RollupContext
from shared_code.settings import Settings
from tests.integration.metering.independent_ledger import ENDED, KILLED, OPEN, Call, Key, Owner, Truth

COMPANIES = ("NT047", "ACME")
USERS = ("ada", "bo", None)
BRANCHES = ("north", "south", None)
#: whose limits there are
OWNERS = (("company", ""), ("branch", "north"), ("branch", "south"), ("user", "ada"), ("user", "bo"))
ZONES = ("UTC", "Asia/Kolkata", "Pacific/Kiritimati", "America/Los_Angeles")
DEFAULT_ZONE = "Africa/Accra"
ACTOR = Actor("model", None)

LIMITS = st.one_of(st.none(), st.integers(0, 30), st.integers(0, 30)).map(lambda n: None if n is None else n * 500)
SOME_LIMITS = st.tuples(LIMITS, LIMITS).filter(lambda limits: limits != (None, None))
WHO = st.tuples(st.sampled_from(COMPANIES), st.sampled_from(USERS), st.sampled_from(BRANCHES))
#: of its bound, in percent; some calls cost more than was reserved
COSTS = st.sampled_from((0, 30, 70, 100, 100, 150, 300))
PICKS = st.integers(0, 99)
WORDS = st.integers(1, 8).map(lambda n: n * 100)


def some_call_is(state: str) -> Any:
    """A precondition of a rule."""
    return precondition(lambda machine: any(call.state == state for call in machine.truth.calls))


some_key = precondition(lambda machine: machine.truth.keys)
some_limit = precondition(lambda machine: any(limits != (None, None) for limits in machine.truth.quotas.values()))


_TOTALS = select(
    tables.token_usage_summary.c.TokenID,
    tables.token_usage_summary.c.TotalUsedTokens,
    tables.token_usage_summary.c.ReservedTokens,
    tables.token_usage_summary.c.TotalRemainingTokens,
)
_COUNTERS = select(
    tables.quotas.c.CompanyID,
    tables.quotas.c.Scope,
    tables.quotas.c.Subject,
    tables.quota_counters.c.Period,
    tables.quota_counters.c.UsedTokens,
    tables.quota_counters.c.ReservedTokens,
).join_from(tables.quotas, tables.quota_counters)
_SUMS = select(
    select(func.coalesce(func.sum(tables.token_usage_logs.c.TotalTokensUsed), 0)).scalar_subquery(),
    select(func.coalesce(func.sum(tables.token_reservations.c.BoundTokens), 0)).scalar_subquery(),
)


class BooksMachine(RuleBasedStateMachine):
    """Runs on one database, which each example finds empty. Set ``database`` and ``settings`` in a subclass."""

    database: Database
    settings: Settings

    def __init__(self) -> None:
        super().__init__()
        self.now = datetime(2026, 11, 29, 20, 0, tzinfo=UTC)
        self.truth = Truth()
        self.numbers = itertools.count(1)
        self.outbox: list[tuple[Call, str, int | None]] = []
        self.budgets = Budgets(clock=lambda: self.now, default_zone=DEFAULT_ZONE)
        self.ledger = Ledger(self.database, self.budgets, None, 5.0)
        self.quotas = QuotaAdministration(self.database, DEFAULT_ZONE, lambda: self.now)
        self.reported = ReportedUsage(self.database, lambda: self.now, DEFAULT_ZONE)
        nothing: Any = None
        self.timer = RollupContext(
            settings=self.settings,
            database=self.database,
            budgets=self.budgets,
            ledger=self.ledger,
            outbox=nothing,
            sweep=nothing,
            job_sweep=nothing,
            documents=nothing,
            webhooks=nothing,
            reviews=nothing,
            reviewed_results=nothing,
            clock=lambda: self.now,
        )

    @initialize(limits=st.tuples(LIMITS, LIMITS))
    def begin(self, limits):
        with self.database.transaction() as connection:
            for table in reversed(tables.metadata.sorted_tables):
                connection.execute(table.delete())
        for company, limit in zip(COMPANIES, limits, strict=True):
            self.type_key(company, limit)

    # Calls

    @rule(requests=st.lists(st.tuples(WHO, WORDS, WORDS, WORDS), min_size=1, max_size=4))
    def reserve(self, requests):
        for who, words, cap, floor in requests:
            self.try_reserve(Caller(*who), words, cap, min(cap, floor), call=None)

    @rule(who=WHO, words=WORDS)
    def reserve_once(self, who, words):
        self.try_reserve(Caller(*who), words, 800, 100, call=None)

    @some_call_is(OPEN)
    @rule(pick=PICKS, words=WORDS, cap=WORDS)
    def go_on_with_another_key(self, pick, words, cap):
        call = self.pick(pick, OPEN)
        self.try_reserve(call.caller, words, cap, cap, call=call)

    def try_reserve(self, caller: Caller, words: int, cap: int, floor: int, *, call: Call | None) -> None:
        if not self.truth.key_rooms(caller.company_id):
            return
        old = call.reservation if call else None
        request = TokenRequest(
            identity=old.identity if old else CallIdentity(f"call-{next(self.numbers)}", caller, Source.HTTP),
            attempt=old.attempt + 1 if old else 1,
            model="gemini-3.5-flash-lite",
            input_bound=words,
            output_cap=cap,
            output_floor=floor,
            lease_seconds=3600,
        )
        day = self.day_of(caller.company_id)
        try:
            made = self.reserve_when_counted(request, old)
        except errors.QuotaExceeded:
            made = None
        for key in self.truth.keys.values():
            if key.company == caller.company_id:
                key.begin()
        # From here on the ledger holds nothing for the old reservation; a refusal puts it back.
        kept = (call.held, call.day, call.token_id) if call else None
        if call:
            call.held = 0
        rooms, key_rooms = self.truth.rooms(caller, day), self.truth.key_rooms(caller.company_id)
        if made is None:
            short = any(room < words + floor for room in rooms)
            full = all(room is not None and room < words + floor for room in key_rooms.values())
            assert short or full, f"refused although all limits leave {words + floor}: {rooms}, {key_rooms}"
            if call and kept:
                call.held, call.day, call.token_id = kept
            return
        bound, key_room = made.bound_tokens, key_rooms[made.token_id]
        assert words + floor <= bound <= words + cap
        assert all(room >= bound for room in rooms), f"{bound} reserved, limits leave {rooms}"
        assert key_room is None or key_room >= bound, f"{bound} reserved, the key's limit leaves {key_room}"
        assert made.local_day == day
        if call is None:
            call = Call(caller, day, made.token_id, 0)
            self.truth.calls.append(call)
        call.day, call.token_id, call.held, call.reservation = day, made.token_id, bound, made

    def reserve_when_counted(self, request: TokenRequest, old: Reservation | None) -> Reservation:
        """As a run does it: a limit that did not count yet does so now, and the keys are read anew."""
        for _ in range(2):
            rows = self.database.read(
                lambda connection: tokens.company_keys(connection, request.identity.caller.company_id)
            )
            keys = [row.decrypted(KeyCipher(None)) for row in rows]
            with contextlib.suppress(Contended):
                return self.ledger.reserve(request, keys, time_zone=rows[0].time_zone, instead_of=old)[0]
        raise AssertionError("contended, and nobody else is there")

    @some_call_is(OPEN)
    @rule(pick=PICKS, cost=COSTS)
    def settle(self, pick, cost):
        call = self.pick(pick, OPEN)
        self.book(call, Booking.to_text(self.booking(call, cost)), cost)
        call.state = ENDED

    @some_call_is(OPEN)
    @rule(pick=PICKS, killed=st.booleans())
    def end_without_a_booking(self, pick, killed):
        call = self.pick(pick, OPEN)
        if killed:
            call.state = KILLED
        else:
            self.ledger.abandon(call.reservation, None, call.reservation.identity.call_id)
            call.held, call.state = 0, ENDED

    @some_call_is(KILLED)
    @rule(pick=PICKS, cost=COSTS)
    def turn_up_late(self, pick, cost):
        call = self.pick(pick, KILLED)
        self.book(call, Booking.to_text(self.booking(call, cost)), cost)

    @some_call_is(OPEN)
    @rule(pick=PICKS, cost=st.one_of(st.none(), COSTS))
    def put_into_the_outbox(self, pick, cost):
        call = self.pick(pick, OPEN)
        self.outbox.append((call, self.booking(call, cost).to_text(), cost))
        call.state = KILLED

    @precondition(lambda self: self.outbox)
    @rule(pick=PICKS, again=st.booleans())
    def replay_the_outbox(self, pick, again):
        message = self.outbox[pick % len(self.outbox)]
        if not again:
            self.outbox.remove(message)
        self.book(*message)

    def booking(self, call: Call, cost: int | None) -> Booking:
        if cost is None:
            return Booking(call.reservation, None)
        usage = Usage(total_tokens=call.reservation.bound_tokens * cost // 100)
        return Booking(call.reservation, call.reservation.usage_row(usage, outcome="ok"))

    def book(self, call: Call, text: str, cost: int | None) -> None:
        """Settle from the text that a queue would hold; what was settled already stays as it is."""
        self.ledger.replay(Booking.from_text(text))
        if cost is None:
            if not call.settled:
                call.booked = 0
                call.settled = call.swept
        elif not call.settled:
            call.booked = call.reservation.bound_tokens * cost // 100
            call.settled = True
        call.held = 0

    @some_key
    @rule(pick=PICKS, count=st.integers(0, 9), user=st.sampled_from(USERS), branch=st.sampled_from(BRANCHES))
    def report_use_from_outside(self, pick, count, user, branch):
        token_id, key = self.pick_key(pick)
        counts = {"input_tokens": count * 100, "output_tokens": 50}
        assert self.reported.book(token_id, counts, branch=branch, username=user)
        key.begin()
        day = self.day_of(key.company)
        caller = Caller(key.company, user, branch)
        self.truth.calls.append(Call(caller, day, token_id, 0, count * 100 + 50, ENDED, settled=True))

    # The timer

    @rule(step=st.sampled_from(("leases", "leases", "fold", "limits")))
    def run_the_timer(self, step):
        if step == "leases":
            self.end_leases()
        elif step == "fold":
            fold.fold_usage(self.timer)
        else:
            statuses.take_over_limits(self.timer)
            for key in self.truth.keys.values():
                if key.has_total:
                    key.in_force = key.limit

    def end_leases(self) -> None:
        killed = [call for call in self.truth.calls if call.state == KILLED and call.held]
        table = tables.token_reservations
        ids = [call.reservation.identity.call_id for call in killed]
        self.execute(update(table).where(table.c.CallID.in_(ids)).values(LeaseUntil=datetime(2000, 1, 1)))
        assert leases.end_stale_reservations(self.timer).changed == len(killed)
        for call in killed:
            call.booked, call.held, call.swept = call.held, 0, True

    @rule(hours=st.sampled_from((1, 5, 11, 24, 40)))
    def let_time_pass(self, hours):
        self.now += timedelta(hours=hours)

    # Limits

    @rule(company=st.sampled_from(COMPANIES), owner=st.sampled_from(OWNERS), limits=SOME_LIMITS)
    def set_quota(self, company, owner, limits):
        self.quotas.set_limits(
            company_id=company, scope=owner[0], subject=owner[1], limits=lambda *_: limits, actor=ACTOR
        )
        self.truth.quotas[company, *owner] = limits

    @some_limit
    @rule(pick=PICKS, how=st.sampled_from(("delete", "reset", "wipe")))
    def change_a_quota(self, pick, how):
        owner, quota = self.pick_quota(pick)
        if how == "delete":
            self.quotas.delete(quota.quota_id, ACTOR)
            self.truth.quotas[owner] = (None, None)
        elif how == "reset":
            self.reset(owner, quota.quota_id)
        else:
            self.wipe(owner, quota.quota_id)

    def reset(self, owner: Owner, quota_id: int) -> None:
        day, counter = self.day_of(owner[0]).isoformat(), tables.quota_counters
        made = self.fetch(select(counter.c.Period).where(counter.c.QuotaID == quota_id))
        self.quotas.reset(quota_id, ACTOR)
        for period in {day, day[:7]} & {row.Period for row in made}:
            used, _ = self.truth.of_owner(*owner, period)
            self.truth.forgiven[*owner, period] = self.truth.forgiven.get((*owner, period), 0) + used

    def wipe(self, owner: Owner, quota_id: int) -> None:
        """By SQL, with all its counters; what was forgiven counts again."""
        for table in (tables.quota_counters, tables.quotas):
            self.execute(delete(table).where(table.c.QuotaID == quota_id))
        del self.truth.quotas[owner]
        for each in [key for key in self.truth.forgiven if key[:3] == owner]:
            del self.truth.forgiven[each]

    @rule(company=st.sampled_from(COMPANIES), owner=st.sampled_from(OWNERS), limits=st.tuples(LIMITS, LIMITS))
    def type_a_quota(self, company, owner, limits):
        table = tables.quotas
        where = (table.c.CompanyID == company, table.c.Scope == owner[0], table.c.Subject == owner[1])
        values = {"DailyLimit": limits[0], "MonthlyLimit": limits[1]}
        if self.fetch(select(table.c.QuotaID).where(*where)):
            self.execute(update(table).where(*where).values(**values))
        else:
            self.execute(insert(table).values(CompanyID=company, Scope=owner[0], Subject=owner[1], **values))
        self.truth.quotas[company, *owner] = limits

    @rule(company=st.sampled_from(COMPANIES), zone=st.sampled_from(ZONES), typed=st.booleans())
    def change_the_zone(self, company, zone, typed):
        if typed:
            self.database.run(lambda connection: company_zones.set_company_zone(connection, company, zone))
        else:
            companies.set_zone(self.database, company, zone, ACTOR)
        self.truth.zones[company] = zone

    # Keys

    @precondition(lambda self: len(self.truth.keys) < 5)
    @rule(company=st.sampled_from(COMPANIES), limit=LIMITS)
    def type_key(self, company, limit):
        def work(connection):
            return connection.execute(
                insert(tables.token_master).values(
                    CompanyID=company.lower(),
                    ApiKey=f"key-{next(self.numbers)}",
                    Provider="Gemini",
                    Status="Active",
                    TotalTokenLimit=limit,
                )
            ).inserted_primary_key[0]

        self.truth.keys[self.database.run(work)] = Key(company, limit, limit)

    @some_key
    @rule(pick=PICKS, limit=LIMITS, typed=st.booleans())
    def change_the_limit_of_a_key(self, pick, limit, typed):
        token_id, key = self.pick_key(pick)
        key.limit = limit
        if typed:
            table = tables.token_master
            self.execute(update(table).where(table.c.TokenID == token_id).values(TotalTokenLimit=limit))
        else:
            self.database.run(lambda connection: token_changes.set_limit(connection, token_id, limit))
            key.in_force, key.has_total = limit, True
        if not key.has_total:
            key.in_force = limit

    @some_key
    @rule(pick=PICKS, key_too=st.booleans())
    def lose_a_running_total(self, pick, key_too):
        """By SQL; a key that nothing was booked on can be deleted with it, while its calls run."""
        token_id, key = self.pick_key(pick)
        total, master, logs = tables.token_usage_summary, tables.token_master, tables.token_usage_logs
        self.execute(delete(total).where(total.c.TokenID == token_id))
        key.has_total, key.in_force = False, key.limit
        booked = self.fetch(select(logs.c.UsageID).where(logs.c.TokenID == token_id).limit(1))
        if key_too and not booked and len(self.truth.keys) > len(COMPANIES):
            self.execute(delete(master).where(master.c.TokenID == token_id))
            del self.truth.keys[token_id]

    # What must be so after each step

    @invariant()
    def everything_is_as_the_ledger_says(self):
        with self.database.reading() as connection:
            self.check_totals(connection.execute(_TOTALS).all())
            self.check_counters(connection.execute(_COUNTERS).all())
            (sums,) = connection.execute(_SUMS).all()
        calls = self.truth.calls
        assert tuple(sums) == (sum(call.booked for call in calls), sum(call.held for call in calls)), "booked, held"

    def check_totals(self, rows: Sequence[Any]) -> None:
        for token_id, *found in rows:
            used, reserved = self.truth.of_key(token_id)
            limit = self.truth.keys[token_id].in_force
            expected = [used, reserved, None if limit is None else limit - used]
            assert found == expected, f"key {token_id}: {found} stands, the ledger says {expected}"
        assert {row[0] for row in rows} == {number for number, key in self.truth.keys.items() if key.has_total}

    def check_counters(self, rows: Sequence[Any]) -> None:
        for *owner, period, used, reserved in rows:
            expected = self.truth.of_owner(*owner, period)
            assert (used, reserved) == expected, f"{owner} {period}: {used, reserved}, the ledger says {expected}"

    # Means

    def day_of(self, company: str) -> date:
        return self.now.astimezone(ZoneInfo(self.truth.zones.get(company, DEFAULT_ZONE))).date()

    def pick(self, number: int, state: str) -> Call:
        found = [call for call in self.truth.calls if call.state == state]
        return found[number % len(found)]

    def pick_key(self, number: int) -> tuple[int, Key]:
        found = list(self.truth.keys.items())
        return found[number % len(found)]

    def pick_quota(self, number: int) -> tuple[Owner, Any]:
        limiting = [owner for owner, limits in self.truth.quotas.items() if limits != (None, None)]
        owner = limiting[number % len(limiting)]
        quota = self.quotas.find(company_id=owner[0], scope=owner[1], subject=owner[2])
        assert quota is not None
        return owner, quota

    def fetch(self, statement: Any) -> list[Any]:
        return self.database.read(lambda connection: connection.execute(statement).all())

    def execute(self, statement: Any) -> None:
        self.database.run(lambda connection: connection.execute(statement))


def machine_on(database: Database, settings: Settings) -> type[BooksMachine]:
    """The machine for one database."""
    return type("BooksOnADatabase", (BooksMachine,), {"database": database, "settings": settings})
