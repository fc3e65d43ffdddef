"""Daily and monthly limits of users, from the table ``quotas`` of the earlier system on PostgreSQL.

Its users belong to no company, so whoever runs the import names one. What they have used of the running day and month
is booked once, where no usage rows say it.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from shared_code.database.connection import repeatable
from shared_code.database.legacy.values import moment, text, whole
from shared_code.database.stores.keys.token_fields import MAX_TOKENS
from shared_code.database.stores.operations.admin_audit import Actor
from shared_code.database.stores.operations.company_zones import company_zone
from shared_code.database.stores.quotas.quota_scopes import USER
from shared_code.database.stores.usage import imported_usage
from shared_code.database.stores.usage.imported_usage import ImportedRow
from shared_code.errors import InvalidRequest
from shared_code.operations.legacy_import.usage import call_id_of
from shared_code.operations.quotas import QuotaAdministration, checked_subject
from shared_code.periods import local_day, zone
from shared_code.records import Caller, CallIdentity, Source, Usage, UsageKind, UsageRow

if TYPE_CHECKING:
    from shared_code.database.connection import Database


@dataclass(frozen=True, slots=True)
class LegacyLimit:
    """A user's limits there. ``why`` says why they cannot be taken over; amounts are model tokens, None = no limit."""

    user: str
    daily: int | None
    monthly: int | None
    daily_used: int
    monthly_used: int
    last_reset: datetime | None
    why: str | None = None


def read_limits(rows: Iterable[Mapping[str, Any]], source_zone: ZoneInfo) -> list[LegacyLimit]:
    """All limits, judged. One of a negative amount, or of a user who stands there twice, is not taken over."""
    found: dict[str, LegacyLimit] = {}
    for row in rows:
        typed, why = text(row["user_id"]), None
        daily, monthly = whole(row["daily_limit"]), whole(row["monthly_limit"])
        try:
            user = checked_subject(USER, typed)
        except InvalidRequest as error:
            user, why = typed, error.message
        if user in found:
            why = "the user stands there more than once"
        elif daily is None and monthly is None:
            why = why or "it limits nothing"
        elif any(not 0 <= limit <= MAX_TOKENS for limit in (daily, monthly) if limit is not None):
            why = why or "a limit is negative, or too large"
        found[user] = LegacyLimit(
            user,
            daily,
            monthly,
            max(whole(row["daily_used"]) or 0, 0),
            max(whole(row["monthly_used"]) or 0, 0),
            moment(row["last_reset"], source_zone),
            why,
        )
    return list(found.values())


@dataclass(frozen=True, slots=True)
class LimitImport:
    """Takes limits over for one company.

    :ivar books_use: whether what the running day and month have used is booked.
    """

    database: "Database"
    quotas: QuotaAdministration
    company_id: str
    books_use: bool
    clock: Callable[[], datetime]

    def state(self, limit: LegacyLimit) -> str | None:
        """``here`` or ``other`` (other limits are here, and stay) of a limit that can be taken; None = to be taken."""
        standing = self.quotas.find(company_id=self.company_id, scope=USER, subject=limit.user)
        if standing is None:
            return None
        return "here" if (standing.daily_limit, standing.monthly_limit) == (limit.daily, limit.monthly) else "other"

    def take(self, limit: LegacyLimit, actor: Actor) -> None:
        """Book what the running periods have used, then make the limit, whose counters begin with it."""
        if self.books_use:
            rows = self._use(limit)
            self.database.run(lambda connection: imported_usage.book(connection, rows), on_unknown=repeatable)
        self.quotas.set_limits(
            company_id=self.company_id,
            scope=USER,
            subject=limit.user,
            limits=lambda _daily, _monthly: (limit.daily, limit.monthly),
            actor=actor,
        )

    def _use(self, limit: LegacyLimit) -> list[ImportedRow]:
        """The day's use, and the rest of the month's on its first day; nothing of periods that have ended."""
        name = self.database.read(lambda connection: company_zone(connection, self.company_id))
        tz = zone(name, self.quotas.default_zone)
        now = self.clock()
        today = local_day(now, tz)
        reset = None if limit.last_reset is None else local_day(limit.last_reset.replace(tzinfo=UTC), tz)
        if reset is None or (reset.year, reset.month) != (today.year, today.month):
            return []
        daily = limit.daily_used if reset == today else 0
        parts = [("day", today, daily), ("month", today.replace(day=1), max(limit.monthly_used - daily, 0))]
        return [self._row(limit.user, name, day, tokens, now) for name, day, tokens in parts if tokens]

    def _row(self, user: str, part: str, day: date, tokens: int, now: datetime) -> ImportedRow:
        identity = CallIdentity(
            call_id_of(self.company_id, user, "quotas", part), Caller(self.company_id, user), Source.CLI
        )
        row = UsageRow(
            identity=identity,
            attempt=1,
            kind=UsageKind.USAGE,
            token_id=None,
            usage=Usage(total_tokens=tokens),
            local_day=day,
            model=None,
            outcome="reported",
        )
        return ImportedRow(row, now.astimezone(UTC).replace(tzinfo=None))
