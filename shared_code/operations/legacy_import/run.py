"""Runs the import: look, take, look again. Without ``take`` nothing is written.

Every step is a transaction of its own and can be done twice without harm: a key is told by its digest, a usage row and
a line of the log by an id made of what they say. So an import that was killed is simply run again.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from shared_code.database.connection import repeatable
from shared_code.database.legacy import source as legacy
from shared_code.database.stores.keys import token_keys
from shared_code.database.stores.operations.admin_audit import Actor, add_audit
from shared_code.database.stores.usage import imported_usage
from shared_code.errors import AlreadyExists, NotFound
from shared_code.operations.legacy_import.history import HistoryImport, HistoryTally
from shared_code.operations.legacy_import.keys import LegacyKey, read_keys, read_totals
from shared_code.operations.legacy_import.limits import LegacyLimit, LimitImport, read_limits
from shared_code.operations.legacy_import.plan import KeyPlan, Plan, Planner
from shared_code.operations.legacy_import.usage import oldest_row
from shared_code.operations.quotas import QuotaAdministration

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from shared_code.database.connection import Database
    from shared_code.database.key_cipher import KeyCipher
    from shared_code.database.legacy.source import LegacyTable
    from shared_code.settings import Settings

_UTC = ZoneInfo("UTC")
#: is told how many usage rows were looked at
Tell = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Wishes:
    """What whoever runs the import decides.

    :ivar companies: only these (in upper case); empty = all, and with them the log.
    :ivar source_zone: of the moments there that do not say theirs.
    :ivar use_alone: book the use of keys that cannot be taken, to their company alone.
    :ivar users_of: the company (in upper case) of the users in ``quotas``; None = leave the table.
    :ivar history: take the latest log lines and failed attempts too.
    """

    companies: frozenset[str] = frozenset()
    source_zone: ZoneInfo = _UTC
    use_alone: bool = False
    users_of: str | None = None
    history: bool = True


@dataclass(slots=True)
class Found:
    """What the earlier system holds, beside what is here.

    :ivar homeless_totals: running totals that belong to no key.
    :ivar limits: each with ``here`` or ``other`` as :meth:`LimitImport.state` says, ``homeless`` where nobody has said
        whose the users are; None = to be taken.
    """

    tables: dict[str, "LegacyTable"]
    plan: Plan
    homeless_totals: int = 0
    limits: list[tuple[LegacyLimit, str | None]] = field(default_factory=list)
    history: dict[str, HistoryTally] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LegacyImport:
    """The earlier system's database beside ours.

    :ivar clock: the moment (aware, UTC).
    """

    database: "Database"
    source: "Database"
    cipher: "KeyCipher"
    settings: "Settings"
    wishes: Wishes
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def look(self, tell: Tell = lambda _rows: None) -> Found:
        """Compare, and write nothing.

        :raises NotFound: no table of keys is there.
        :raises Conflict: see :func:`shared_code.database.legacy.source.find_tables`.
        """
        tables = self.source.read(legacy.find_tables)
        if legacy.MASTER not in tables and legacy.QUOTAS not in tables:
            raise NotFound(f"The database that --from names has neither a table {legacy.MASTER} nor {legacy.QUOTAS}.")
        totals, homeless = read_totals(self._rows(tables, legacy.SUMMARY))
        threshold = self.settings.default_threshold
        keys: list[LegacyKey] = read_keys(self._rows(tables, legacy.MASTER), totals, self.wishes.source_zone, threshold)
        plan = self._planner.keys(keys)
        if legacy.LOGS in tables:
            self._planner.usage(plan, tables[legacy.LOGS], tell)
        homeless += len(totals.keys() - {key.source_id for key in keys})
        found = Found(tables, plan, homeless)
        found.limits = [(limit, self._state(limit, tables)) for limit in self._readable_limits(tables)]
        found.history = self._history(found, take=False)
        return found

    def take(self, found: Found, actor: Actor, tell: Tell = lambda _rows: None) -> None:
        """Take over what :meth:`look` found: keys, then their use, limits, and the log.

        :raises ConfigurationError: there is no key ring, so that no key could be encrypted.
        """
        self.cipher.check()
        for key in found.plan.keys.values():
            if key.key.new is not None and key.is_taken and key.token_id is None:
                key.token_id = self._add(key, actor)
        if legacy.LOGS in found.tables:
            self._book(found, tell)
        limits = self._limits(found.tables)
        for limit, state in found.limits:
            if state is None and limit.why is None and self.wishes.users_of is not None:
                limits.take(limit, actor)
        self._history(found, take=True)
        facts = {"keys": len(found.plan.keys), "source": self.source.dialect}
        self.database.run(
            lambda connection: add_audit(connection, actor, "legacy.import", "database", after=facts),
            on_unknown=repeatable,
        )

    @property
    def _planner(self) -> Planner:
        return Planner(
            self.database,
            self.source,
            self.cipher,
            self.settings.default_time_zone,
            self.wishes.source_zone,
            self.wishes.companies,
            self.wishes.use_alone,
            oldest_row(self.clock(), self.settings.retain_usage_logs_days),
        )

    def _rows(self, tables: dict[str, "LegacyTable"], name: str) -> list[Any]:
        table = tables.get(name)
        return [] if table is None else [row for page in legacy.pages(self.source, table) for row in page]

    def _add(self, plan: KeyPlan, actor: Actor) -> int | None:
        """The key's new id; None when another one has just stored it, so that the next run finds it."""
        key, new = plan.key, plan.key.new
        assert new is not None

        def work(connection: "Connection") -> int:
            token_id = token_keys.add_token(connection, self.cipher, new)
            imported_usage.set_origin(
                connection,
                token_id,
                created_at=key.created_at,
                opening=plan.opening,
                limit=new.total_token_limit,
            )
            facts = {"company_id": key.company_id, "earlier_token_id": key.source_id, "opening_tokens": plan.opening}
            add_audit(connection, actor, "token.import", f"token {token_id}", after=facts)
            return token_id

        def find(connection: "Connection") -> int | None:
            return self._planner.keys_here(connection, new.company_id).get(key.mark)

        try:
            return self.database.run(work, on_unknown=find)
        except AlreadyExists:
            return None

    def _book(self, found: Found, tell: Tell) -> None:
        seen = 0
        for page in legacy.pages(self.source, found.tables[legacy.LOGS]):
            rows = [
                row
                for key, row in found.plan.rows_of(page, self._planner.oldest, self.wishes.source_zone, count=False)
                if key.is_taken and (key.token_id is not None or key.key.new is None)
            ]
            self.database.run(partial(imported_usage.book, rows=rows), on_unknown=repeatable)
            seen += len(page)
            tell(seen)

    def _state(self, limit: LegacyLimit, tables: dict[str, "LegacyTable"]) -> str | None:
        if self.wishes.users_of is None:
            return "homeless"
        return self._limits(tables).state(limit) if limit.why is None else None

    def _readable_limits(self, tables: dict[str, "LegacyTable"]) -> list[LegacyLimit]:
        return read_limits(self._rows(tables, legacy.QUOTAS), self.wishes.source_zone)

    def _limits(self, tables: dict[str, "LegacyTable"]) -> LimitImport:
        usage = tables.get(legacy.LOGS)
        return LimitImport(
            self.database,
            QuotaAdministration(self.database, self.settings.default_time_zone, self.clock),
            self.wishes.users_of or "",
            books_use=usage is None or usage.rows == 0,
            clock=self.clock,
        )

    def _history(self, found: Found, *, take: bool) -> dict[str, HistoryTally]:
        if not self.wishes.history or self.wishes.companies:
            return {}
        now = self.clock().astimezone(UTC).replace(tzinfo=None)
        kept = {
            legacy.APPLICATION_LOGS: self.settings.retain_application_logs_days,
            legacy.RETRIES: self.settings.retain_retry_attempts_days,
        }
        history = HistoryImport(
            self.database,
            self.source,
            self.wishes.source_zone,
            {name: now - timedelta(days=days) for name, days in kept.items()},
            {number: key.token_id for number, key in found.plan.keys.items() if key.token_id is not None},
        )
        return {name: history.look(found.tables[name], take=take) for name in kept if name in found.tables}
