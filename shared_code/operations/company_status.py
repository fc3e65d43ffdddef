"""Why a company is served, or is not: its keys, the limits that leave little, what failed lately, its open alerts."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from shared_code.database.stores.extractions import extraction_lists
from shared_code.database.stores.extractions.extraction_lists import ExtractionFilter, StoredExtraction
from shared_code.database.stores.extractions.readings import FAILED
from shared_code.database.stores.keys import tokens
from shared_code.database.stores.operations import alerts
from shared_code.database.stores.quotas import quotas
from shared_code.database.stores.quotas.quota_scopes import COMPANY
from shared_code.metering.estimates import SMALLEST_CALLS
from shared_code.metering.key_standing import CompanyStanding, company_standing, utc_minute
from shared_code.operations.quota_states import QuotaState, read_states
from shared_code.records import Alert

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection

    from shared_code.database.connection import Database
    from shared_code.database.key_cipher import KeyCipher
    from shared_code.database.stores.quotas.quotas import Counter

_FAILURES = 5
_QUOTAS = 1_000


@dataclass(frozen=True, slots=True)
class SpentLimit:
    """A quota that leaves less than any call needs. ``resets_at`` is aware, UTC."""

    owner: str
    period: str
    limit: int
    used: int
    reserved: int
    resets_at: datetime


@dataclass(frozen=True, slots=True)
class CompanyStatus:
    """One company at one moment.

    :ivar verdict: one of ``up``, ``limited`` (a quota stops some or all of its calls) and ``down``.
    :ivar words: the same in a sentence, with the cause and its end.
    :ivar failures: the readings that failed last, newest first.
    """

    company_id: str
    verdict: str
    words: str
    standing: CompanyStanding
    spent: tuple[SpentLimit, ...]
    failures: tuple[StoredExtraction, ...]
    alerts: tuple[Alert, ...]


def company_status(
    database: "Database",
    cipher: "KeyCipher",
    company_id: str,
    *,
    default_zone: str,
    clock: "Callable[[], datetime]" = lambda: datetime.now(UTC),
) -> CompanyStatus:
    """How a company (in upper case) stands now.

    :raises DatabaseUnavailable: the database cannot be reached.
    """
    now = clock().astimezone(UTC)

    def read(connection: "Connection") -> CompanyStatus:
        keys = tokens.all_tokens(connection, company_id=company_id)
        standing = company_standing(
            keys, now.replace(tzinfo=None), opens=lambda key: cipher.opens(key.stored_key, key.token_id)
        )
        own = quotas.find_quotas(connection, company_id=company_id)[:_QUOTAS]
        states = read_states(connection, own, now=now, default_zone=default_zone)
        spent = tuple(limit for state in states for limit in _spent(state))
        failed = ExtractionFilter(company_id=company_id, state=FAILED)
        ids = {str(key.token_id) for key in keys}
        open_now = alerts.find_alerts(connection, is_open=True, limit=1_000)
        verdict, words = _verdict(company_id, standing, spent)
        return CompanyStatus(
            company_id,
            verdict,
            words,
            standing,
            spent,
            failures=tuple(extraction_lists.find_extractions(connection, failed, limit=_FAILURES)),
            alerts=tuple(alert for alert in open_now if _is_about(alert, company_id, ids)),
        )

    return database.read(read)


def _verdict(company: str, standing: CompanyStanding, spent: "Sequence[SpentLimit]") -> tuple[str, str]:
    if not standing.keys:
        return "down", f"Company {company} is down: it has no key. `tokens add {company}` stores one."
    if standing.cause is not None:
        ends = f"served again from {utc_minute(standing.until)}" if standing.until else "this does not end by itself"
        return "down", f"Company {company} is down: no key can serve now; {ends}."
    serving = sum(key.serves for key in standing.keys)
    whole = [limit for limit in spent if limit.owner == COMPANY]
    if whole:
        last = max(limit.resets_at for limit in whole)
        ends = f"it resets at {utc_minute(last.astimezone(UTC).replace(tzinfo=None))}"
        return "down", f"Company {company} is down: its {whole[0].period} limit is used up; {ends}."
    if spent:
        return "limited", f"Company {company} is served, but limits of some users or branches are used up."
    return "up", f"Company {company} is served: {serving} of {len(standing.keys)} keys can take a call now."


def _spent(state: QuotaState) -> "list[SpentLimit]":
    quota = state.quota
    owner = f"{quota.scope} {quota.subject}".strip()
    found = []
    for period, limit, counter, ends in (
        ("daily", quota.daily_limit, state.daily, state.day_ends),
        ("monthly", quota.monthly_limit, state.monthly, state.month_ends),
    ):
        if limit is not None and limit - _used(counter) < min(SMALLEST_CALLS.values()):
            reserved = counter.reserved if counter else 0
            found.append(SpentLimit(owner, period, limit, _used(counter), reserved, ends))
    return found


def _used(counter: "Counter | None") -> int:
    return counter.used if counter else 0


def _is_about(alert: Alert, company: str, token_ids: set[str]) -> bool:
    named = alert.details.get("company_id")
    if isinstance(named, str):
        return named.strip().upper() == company
    return alert.subject.upper() == company or (alert.kind == "usage_drift" and alert.subject in token_ids)
