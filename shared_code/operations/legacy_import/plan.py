"""What of the earlier system's keys and use is here already, what is still to be taken, and what cannot be."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from shared_code.database import key_cipher
from shared_code.database.legacy import source as legacy
from shared_code.database.legacy.values import whole
from shared_code.database.stores.keys import tokens
from shared_code.database.stores.operations.company_zones import company_zone
from shared_code.database.stores.usage.imported_usage import ImportedRow, find_booked, opening_tokens
from shared_code.errors import ConfigurationError
from shared_code.operations.legacy_import.keys import LegacyKey
from shared_code.operations.legacy_import.usage import total_of, usage_row
from shared_code.periods import zone

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from shared_code.database.connection import Database
    from shared_code.database.key_cipher import KeyCipher
    from shared_code.database.legacy.source import LegacyTable


@dataclass(slots=True)
class Tally:
    """Rows and their model tokens."""

    rows: int = 0
    tokens: int = 0

    def add(self, tokens: int) -> None:
        """One more row."""
        self.rows += 1
        self.tokens += tokens


@dataclass(slots=True)
class KeyPlan:
    """One key of the earlier system beside these books. Amounts are model tokens.

    :ivar token_id: its id here; None while it is not here.
    :ivar opening_here: what it counts here as used before its rows begin.
    :ivar recent: rows there that are booked as rows; ``old``: those that count in the opening total.
    :ivar here: those of ``recent`` that are booked; ``elsewhere``: those that are, but under another key.
    :ivar books_use: its use is booked; False = neither the key nor its use is taken.
    """

    key: LegacyKey
    books_use: bool
    time_zone: ZoneInfo
    token_id: int | None = None
    opening_here: int = 0
    recent: Tally = field(default_factory=Tally)
    old: Tally = field(default_factory=Tally)
    here: Tally = field(default_factory=Tally)
    elsewhere: Tally = field(default_factory=Tally)

    @property
    def there(self) -> int:
        """What the earlier system says that was used: the running total, or its rows where there is none."""
        total = self.key.total
        alone = self.key.new is None and self.books_use
        if total is None or total.used is None or alone:
            return self.recent.tokens + self.old.tokens
        return total.used

    @property
    def opening(self) -> int:
        """What the key is to count as used before its rows begin."""
        return self.there - self.recent.tokens if self.key.new is not None else 0

    @property
    def is_taken(self) -> bool:
        """Whether it is taken over, or its use alone is."""
        return self.books_use and not self.elsewhere.rows

    @property
    def tokens_here(self) -> int:
        """What of ``there`` is in these books."""
        if not self.is_taken:
            return 0
        if self.token_id is None:
            return self.here.tokens
        # Rows that were booked, summed by day and deleted by their age since are here too.
        return self.opening_here + self.here.tokens if not self.old.rows else self.there - self.to_book

    @property
    def to_book(self) -> int:
        """Tokens of rows that are still to be booked."""
        return self.recent.tokens - self.here.tokens if self.is_taken else 0

    @property
    def to_take(self) -> int:
        """What of ``there`` is still to come into these books."""
        return self.to_book + (self.opening if self.is_taken and self.token_id is None else 0)

    @property
    def not_taken(self) -> int:
        """What of ``there`` does not come into these books."""
        return self.there - self.tokens_here - self.to_take


@dataclass(slots=True)
class Plan:
    """All keys by their ids there, and the use of none of them."""

    keys: dict[int, KeyPlan]
    homeless: Tally = field(default_factory=Tally)

    def rows_of(
        self, page: Iterable[Mapping[str, Any]], oldest: datetime, source_zone: ZoneInfo, *, count: bool
    ) -> list[tuple[KeyPlan, ImportedRow]]:
        """Those of a page of usage rows that are booked as rows, with their keys.

        :param count: take the page into the tallies.
        """
        found = []
        for row in page:
            key = self.keys.get(whole(row["TokenID"]) or 0)
            if key is None:
                if count:
                    self.homeless.add(total_of(row))
                continue
            zones = (source_zone, key.time_zone)
            made = usage_row(row, company_id=key.key.company_id or "", token_id=key.token_id, zones=zones)
            is_old = made is None or made.logged_at < oldest
            if count:
                (key.old if is_old else key.recent).add(total_of(row))
            if made is not None and not is_old and key.books_use:
                found.append((key, made))
        return found


@dataclass(frozen=True, slots=True)
class Planner:
    """Compares the earlier system with these books.

    :ivar companies: only keys of these (in upper case); empty = all.
    :ivar use_alone: book the use of keys that cannot be taken, to their company alone.
    :ivar oldest: from which moment (naive UTC) rows are booked as rows.
    """

    database: "Database"
    source: "Database"
    cipher: "KeyCipher"
    default_zone: str
    source_zone: ZoneInfo
    companies: frozenset[str]
    use_alone: bool
    oldest: datetime

    def keys(self, found: Iterable[LegacyKey]) -> Plan:
        """The keys, with those that are here already."""
        made: dict[int, KeyPlan] = {}
        zones: dict[str, ZoneInfo] = {}
        here: defaultdict[str, dict[str, int]] = defaultdict(dict)
        for key in found:
            company = key.company_id or ""
            if self.companies and company not in self.companies:
                continue
            if company and company not in zones:
                zones[company] = zone(self.database.read(partial(company_zone, company_id=company)), self.default_zone)
                here[company] = self.database.read(partial(self.keys_here, company_id=company))
            plan = KeyPlan(
                key,
                books_use=key.new is not None or (self.use_alone and bool(company)),
                time_zone=zones.get(company) or zone(None, self.default_zone),
                token_id=here[company].get(key.mark) if key.new is not None else None,
            )
            if plan.token_id is not None:
                plan.opening_here = self.database.read(partial(opening_tokens, token_id=plan.token_id))
            made[key.source_id] = plan
        return Plan(made)

    def keys_here(self, connection: "Connection", company_id: str) -> dict[str, int]:
        """The keys that a company has here: their digests and ids."""
        marks = {}
        for row in tokens.company_keys(connection, company_id):
            mark = row.fingerprint
            if mark is None and row.stored_key:
                try:
                    mark = key_cipher.fingerprint(self.cipher.decrypt(row.stored_key, row.token_id))
                except ConfigurationError:  # of another ring: it is no key that could be compared
                    continue
            if mark is not None:
                marks[mark] = row.token_id
        return marks

    def usage(self, plan: Plan, table: "LegacyTable", tell: Callable[[int], None]) -> None:
        """Count all usage rows of the earlier system, and those that are booked."""
        seen = 0
        for page in legacy.pages(self.source, table):
            rows = {
                row.row.identity.call_id: (key, row)
                for key, row in plan.rows_of(page, self.oldest, self.source_zone, count=True)
            }
            booked = self.database.read(partial(find_booked, call_ids=rows.keys()))
            for call_id, found in booked.items():
                key, row = rows[call_id]
                (key.here if found.token_id == key.token_id else key.elsewhere).add(row.tokens)
            seen += len(page)
            tell(seen)
