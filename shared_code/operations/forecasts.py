"""When keys and monthly limits run out, for the API and the command line alike. The arithmetic is metering's."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from shared_code.database.stores.keys import tokens
from shared_code.database.stores.keys.tokens import StoredKey
from shared_code.database.stores.quotas import quotas
from shared_code.database.stores.quotas.quotas import Quota
from shared_code.metering.forecast import key_run_out_days, quota_run_out_days

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from shared_code.database.connection import Database


@dataclass(frozen=True, slots=True)
class Forecast:
    """One limit in model tokens (None = no limit), and the company's local day on which it ends (None = it lasts)."""

    what: str
    company_id: str | None
    limit: int | None
    runs_out_on: date | None


@dataclass(frozen=True, slots=True)
class Forecasts:
    """Reads forecasts.

    :ivar clock: the moment (aware, UTC), which decides the present day of a company.
    """

    database: "Database"
    default_zone: str
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def of_keys(self, keys: Sequence[StoredKey]) -> dict[int, date | None]:
        """The days on which the limits of these keys end, by token id; None for those that last."""
        return self.database.read(lambda connection: self._of_keys(connection, keys)) if keys else {}

    def of_quotas(self, found: Sequence[Quota]) -> dict[int, date]:
        """The days on which monthly limits end before their month does, by quota id; those that last have no entry."""
        return self.database.read(lambda connection: self._of_quotas(connection, found)) if found else {}

    def all(self, company_id: str | None) -> list[Forecast]:
        """A forecast for each key and each monthly limit, of one company or of all, as of one moment."""
        return self.database.read(lambda connection: self._all(connection, company_id))

    def _all(self, connection: "Connection", company_id: str | None) -> list[Forecast]:
        keys = tokens.all_tokens(connection, company_id=company_id)
        key_ends = self._of_keys(connection, keys)
        # Daily limits begin anew each day, and a quota without any limit was deleted.
        monthly = [
            quota for quota in quotas.find_quotas(connection, company_id=company_id) if quota.monthly_limit is not None
        ]
        quota_ends = self._of_quotas(connection, monthly)
        return [
            *(
                Forecast(f"token {key.token_id}", key.company_id, key.total_token_limit, key_ends[key.token_id])
                for key in keys
            ),
            *(
                Forecast(
                    f"{quota.scope} {quota.subject}".strip() + ", monthly",
                    quota.company_id,
                    quota.monthly_limit,
                    quota_ends.get(quota.quota_id),
                )
                for quota in monthly
            ),
        ]

    def _of_keys(self, connection: "Connection", keys: Sequence[StoredKey]) -> dict[int, date | None]:
        return key_run_out_days(connection, keys, now=self.clock(), default_zone=self.default_zone)

    def _of_quotas(self, connection: "Connection", found: Sequence[Quota]) -> dict[int, date]:
        return quota_run_out_days(connection, found, now=self.clock(), default_zone=self.default_zone)
