"""Companies that no key serves, and keys whose limit leaves less than any call needs: alerts while it is so."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from shared_code.database.connection import repeatable
from shared_code.database.stores.keys import key_states
from shared_code.database.stores.keys.tokens import StoredKey
from shared_code.database.stores.operations import alerts
from shared_code.metering.estimates import SMALLEST_CALLS
from shared_code.metering.key_standing import company_standing, key_standing, utc_minute
from shared_code.operations.alerts import announce_changes
from shared_code.operations.companies import COMPANY_WITHOUT_KEY, KEY_STRANDED
from shared_code.records import Alert, KeyStatus, Provider
from shared_code.rollup.set_aside import setting_aside
from shared_code.rollup.statuses import SET_STATUSES, read_states
from shared_code.rollup.step import Done, RollupContext

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from shared_code.database.stores.operations.alerts import Changes


def sync_company_alerts(context: RollupContext) -> Done:
    """Companies that are down, but for those whose keys a person has disabled, and keys that are stranded."""
    now = context.clock().astimezone(UTC).replace(tzinfo=None)
    with setting_aside(context, SET_STATUSES) as aside:
        # What cannot be read was set aside by the step that sets statuses.
        keys = [state.key for state in read_states(context, aside, now)]
        unread = aside.out_of_reach()
    companies = by_company(keys)
    stranded = [_stranded(key) for key in keys if key_standing(key, now).stranded]
    down = [alert for company, own in companies.items() if (alert := _down(company, own, now)) is not None]

    def work(connection: "Connection") -> "Changes":
        # A key that cannot be read may be the one that serves.
        unknown = key_states.companies_of(connection, unread)
        known = [alert for alert in down if alert.subject not in unknown]
        first = alerts.sync_alerts(connection, [COMPANY_WITHOUT_KEY], known, unknown=unknown)
        second = alerts.sync_alerts(connection, [KEY_STRANDED], stranded, unknown=unread)
        return alerts.Changes((*first.opened, *second.opened), (*first.closed, *second.closed))

    changes = context.database.run(work, on_unknown=repeatable)
    announce_changes(changes)
    return Done(len(companies), len(changes.opened) + len(changes.closed))


def by_company(keys: Iterable[StoredKey]) -> dict[str, list[StoredKey]]:
    """Keys by company (in upper case); those of nobody are left out."""
    found: dict[str, list[StoredKey]] = defaultdict(list)
    for key in keys:
        if company := (key.company_id or "").strip().upper():
            found[company].append(key)
    return found


def _down(company: str, keys: Collection[StoredKey], now: datetime) -> Alert | None:
    standing = company_standing(list(keys), now)
    if not standing.is_down(now) or all(KeyStatus.parse(key.status) is KeyStatus.DISABLED for key in keys):
        return None
    ends = f"It is served again from {utc_minute(standing.until)}." if standing.until else "It does not end by itself."
    return Alert(
        kind=COMPANY_WITHOUT_KEY,
        subject=company,
        severity="error",
        message=f"No key of company {company} can serve now. {standing.cause}. {ends}",
        details={"company_id": company, "until": standing.until, "cause": standing.cause},
    )


def _stranded(key: StoredKey) -> Alert:
    provider = Provider.parse(key.provider)
    needed = SMALLEST_CALLS[provider] if provider else None
    return Alert(
        kind=KEY_STRANDED,
        subject=str(key.token_id),
        severity="error",
        message=f"Token {key.token_id} of company {key.company_id} has {key.unused_tokens} of {key.total_token_limit} "
        f"tokens left, and the smallest call needs {needed}: no document fits. Raise its limit, or disable it.",
        details={"company_id": key.company_id, "remaining": key.unused_tokens, "needed": needed},
    )
