"""The seed document's quota manager: what a user may still spend. The service reserves by :mod:`.metering.budgets`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING

from shared_code import bootstrap, errors
from shared_code.database.stores.operations import company_zones
from shared_code.database.stores.quotas import quotas
from shared_code.database.stores.quotas.period_counters import so_far
from shared_code.database.stores.quotas.quota_scopes import USER
from shared_code.periods import day_period, local_day, month_period, zone

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from shared_code.database.connection import Database
    from shared_code.database.stores.quotas.quotas import Quota


@dataclass(frozen=True, slots=True)
class UserQuota:
    """A user's limits and use in model tokens; None = no limit. ``last_reset`` is when the running day began (UTC)."""

    user_id: str
    company_id: str | None
    daily_limit: int | None
    daily_used: int
    monthly_limit: int | None
    monthly_used: int
    last_reset: datetime


class QuotaManager:
    """Answers what is left of a user's limits.

    :param database: None means the default instance, so that ``QuotaManager()`` works as the seed shows.
    :param clock: the moment (aware, UTC) that decides days and periods.
    """

    def __init__(
        self,
        database: "Database | None" = None,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        default_zone: str = "UTC",
    ) -> None:
        if database is None:
            services = bootstrap.services()
            database, clock = services.database, services.clock
            default_zone = services.settings.default_time_zone
        self._database: Database = database
        self._clock = clock
        self._default_zone = default_zone

    def get_user_quota(self, user_id: str, company_id: str | None = None) -> UserQuota:
        """The limits and use of a user.

        :raises errors.InvalidRequest: the user id is known in several companies and ``company_id`` is not given.
        """
        company = company_id.upper() if company_id else None
        return self._database.read(lambda connection: self._user_quota(connection, user_id, company))

    def has_sufficient_quota(self, user_id: str, tokens: int, company_id: str | None = None) -> bool:
        """Whether ``tokens`` more would pass neither of the user's limits. Only ``reserve`` can promise it."""
        found = self.get_user_quota(user_id, company_id)
        day_fits = found.daily_limit is None or found.daily_used + tokens <= found.daily_limit
        month_fits = found.monthly_limit is None or found.monthly_used + tokens <= found.monthly_limit
        return day_fits and month_fits

    def _user_quota(self, connection: "Connection", user_id: str, company: str | None) -> UserQuota:
        every = quotas.find_quotas(connection, company_id=company, scope=USER, subject=user_id)
        # One that was taken away keeps its row for its counters, and makes nothing ambiguous.
        found = [quota for quota in every if (quota.daily_limit, quota.monthly_limit) != (None, None)] or every[:1]
        if len(found) > 1:
            companies = ", ".join(quota.company_id for quota in found)
            raise errors.InvalidRequest(
                f"User {user_id!r} has quotas in several companies ({companies}); say which by company_id.",
                details={"field": "company_id"},
            )
        company = found[0].company_id if found else company
        tz = zone(company_zones.company_zone(connection, company) if company else None, self._default_zone)
        day = local_day(self._clock(), tz)
        daily, monthly = (
            self._taken(connection, found, day, period) for period in (day_period(day), month_period(day))
        )
        return UserQuota(
            user_id=user_id,
            company_id=company,
            daily_limit=found[0].daily_limit if found else None,
            daily_used=daily,
            monthly_limit=found[0].monthly_limit if found else None,
            monthly_used=monthly,
            last_reset=datetime.combine(day, time.min, tzinfo=tz).astimezone(UTC),
        )

    def _taken(self, connection: "Connection", found: Sequence["Quota"], day: date, period: str) -> int:
        """Used and reserved of a user in a period, also before the first call since a limit was typed in by SQL."""
        if not found:
            return 0
        counter = quotas.counters_in(connection, found, [day]).get((found[0].quota_id, period))
        if counter is not None:
            return counter.used + counter.reserved
        return sum(so_far(connection, found[0], period)) if found[0].limit_in(period) is not None else 0
