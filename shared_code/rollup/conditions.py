"""Conditions that operators should know of, read from the data: each is an alert from its begin to its end."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import TYPE_CHECKING

from shared_code.blobs.clients import storage_configured
from shared_code.database.connection import repeatable
from shared_code.database.pool_limit import pool_limit
from shared_code.database.stores.keys.key_states import KeyState
from shared_code.database.stores.operations import alerts
from shared_code.database.stores.operations.alerts import Changes
from shared_code.database.stores.usage import reconciliation, usage_sums
from shared_code.database.stores.usage.reconciliation import Discrepancy
from shared_code.metering.bookable import USAGE_CORRECTED
from shared_code.metering.finishing import RESULT_LOST
from shared_code.observability.telemetry import telemetry
from shared_code.operations.alerts import announce_changes
from shared_code.providers import vendors
from shared_code.records import Alert, KeyStatus
from shared_code.rollup.key_status import low_mark
from shared_code.rollup.set_aside import setting_aside
from shared_code.rollup.statuses import ALERT_OF_STATUS, SET_STATUSES, read_states
from shared_code.rollup.step import Done, RollupContext

if TYPE_CHECKING:
    from sqlalchemy import Connection

RECONCILE = "reconcile"
_KEY_KINDS = (*ALERT_OF_STATUS.values(), "key_expired")
_SEVERITY = {KeyStatus.BELOW_THRESHOLD: "warning", KeyStatus.FULLY_UTILIZED: "error"}
_REFUSED = (KeyStatus.BLOCKED, KeyStatus.EXPIRED, KeyStatus.EXCEEDED)
#: raised where they happen; over when they have not happened for a day
_PASSING_KINDS = ("estimate_miss", "unmeasured_call", USAGE_CORRECTED, RESULT_LOST)
_QUIET_SECONDS = 86_400
#: a model that was called within so many days is in use
_USED_DAYS = 7


def sync_key_alerts(context: RollupContext) -> Done:
    """Keys that are low, used up or past their end; refusals whose key was dealt with are closed."""
    now = context.clock().astimezone(UTC).replace(tzinfo=None)

    with setting_aside(context, SET_STATUSES) as aside:
        # What cannot be read was set aside by the step that sets statuses.
        states = read_states(context, aside, now)
        unknown = aside.out_of_reach()
    found = [_key_alert(state, now, context.settings.default_threshold) for state in states]
    current = [alert for alert in found if alert is not None]

    def work(connection: "Connection") -> Changes:
        changes = alerts.sync_alerts(connection, _KEY_KINDS, current, unknown=unknown)
        return Changes(changes.opened, (*changes.closed, *_close_refusals(connection, states, unknown)))

    return Done(len(states), _announce(context.database.run(work, on_unknown=repeatable)))


def sync_model_alerts(context: RollupContext) -> Done:
    """Models that are set or were called lately and have ended, or will within 60 days."""
    today = context.clock().astimezone(UTC).date()
    since = today - timedelta(days=_USED_DAYS)
    called = context.database.read(lambda connection: usage_sums.models_used(connection, since=since))
    names = vendors.models_allowed(context.settings) | called
    current = [
        Alert(
            kind="model_ending",
            subject=info.name,
            severity="error" if info.ends_on is not None and info.ends_on < today else "warning",
            message=vendors.end_warning(info, today),
            details={"ends_on": info.ends_on, "successor": info.successor},
        )
        for info in vendors.models_near_end(names, today)
    ]
    return Done(len(names), _sync(context, "model_ending", current))


def reconcile(context: RollupContext) -> Done:
    """Compare each key's running total with what was booked; ``changed`` counts the keys that disagree.

    A difference is reported only; ``manage.py usage repair`` corrects it.
    """

    def compare(first: int, last: int) -> list[Discrepancy]:
        return context.database.read(
            lambda connection: reconciliation.find_discrepancies(connection, first=first, last=last)
        )

    with setting_aside(context, RECONCILE) as aside:
        ids = context.database.read(reconciliation.recorded_keys)
        found = list(chain.from_iterable(aside.attempt_ids(ids, compare)))
        unknown = aside.out_of_reach()
    current = [
        Alert(
            kind="usage_drift",
            subject=str(item.token_id),
            severity="error",
            message=f"Token {item.token_id} of company {item.company_id} has {item.recorded} used tokens on record, "
            f"but {item.booked} were booked. 'manage.py usage repair' takes over what was booked.",
            details={"company_id": item.company_id, "recorded": item.recorded, "booked": item.booked},
        )
        for item in found
    ]
    _sync(context, "usage_drift", current, unknown=unknown)
    return Done(len(ids), len(found))


def close_passed_alerts(context: RollupContext) -> Done:
    """Close what was raised where it happened and has not happened for a day."""

    def work(connection: "Connection") -> tuple[int, Changes]:
        quiet = alerts.quiet_alerts(connection, _PASSING_KINDS, seconds=_QUIET_SECONDS)
        closed = [alert for alert in quiet if alerts.close_alert(connection, alert.kind, alert.subject)]
        return len(quiet), Changes((), tuple(closed))

    seen, changes = context.database.run(work, on_unknown=repeatable)
    return Done(seen, _announce(changes))


def watch_outbox(context: RollupContext) -> Done:
    """Bookings that still wait right after a replay: they cannot be booked, or cannot be read."""
    waiting = 0
    if storage_configured(context.settings):
        waiting = context.outbox.depth()
        telemetry().metric("outbox_depth", waiting)
    queue = context.settings.usage_outbox_queue
    stuck = Alert(
        kind="outbox_stuck",
        subject=queue,
        severity="error",
        message=f"{waiting} bookings wait in the queue {queue} and could not be replayed.",
        details={"waiting": waiting},
    )
    return Done(waiting, _sync(context, "outbox_stuck", [stuck] if waiting else []))


def watch_pool_limit(context: RollupContext) -> Done:
    """Connections of all processes that the database may have to refuse."""
    limit = pool_limit(context.settings)
    if limit is None:
        return Done(0, 0)
    too_many = Alert(
        kind="connections_over_limit",
        subject="database",
        severity="warning",
        message=f"At worst {limit}.",
        details={"at_worst": limit.at_worst, "limit": limit.limit},
    )
    return Done(1, _sync(context, "connections_over_limit", [too_many] if limit.is_exceeded else []))


def _key_alert(state: KeyState, now: datetime, default_threshold: int) -> Alert | None:
    key = state.key
    status = KeyStatus.parse(key.status)
    name = f"Token {key.token_id} of company {key.company_id}"
    facts = {"company_id": key.company_id, "limit": key.total_token_limit, "threshold": key.threshold}
    if status is KeyStatus.EXPIRED and key.expires_at is not None and key.expires_at <= now:
        return Alert(
            kind="key_expired",
            subject=str(key.token_id),
            severity="error",
            message=f"{name} has expired at {key.expires_at:%Y-%m-%d %H:%M}Z.",
            details={**facts, "expires_at": key.expires_at},
        )
    if status is None or status not in ALERT_OF_STATUS:
        return None
    low = low_mark(state, default_threshold)
    return Alert(
        kind=ALERT_OF_STATUS[status],
        subject=str(key.token_id),
        severity=_SEVERITY[status],
        message=f"{name} has {state.remaining} of {key.total_token_limit} tokens left; it is low below {low}.",
        details={**facts, "used": key.used_tokens or 0, "remaining": state.remaining, "low_below": low},
    )


def _close_refusals(connection: "Connection", states: Sequence[KeyState], unknown: Collection[str]) -> list[Alert]:
    refused = {str(state.key.token_id) for state in states if KeyStatus.parse(state.key.status) in _REFUSED}
    return [
        alert
        for alert in alerts.open_alerts(connection, kind="key_refused")
        if alert.subject not in refused
        and alert.subject not in unknown
        and alerts.close_alert(connection, alert.kind, alert.subject)
    ]


def _sync(context: RollupContext, kind: str, current: Sequence[Alert], *, unknown: Collection[str] = ()) -> int:
    """Make the open alerts of a kind the current ones; how many were opened and closed."""
    return _announce(
        context.database.run(
            lambda connection: alerts.sync_alerts(connection, [kind], current, unknown=unknown), on_unknown=repeatable
        )
    )


def _announce(changes: Changes) -> int:
    announce_changes(changes)
    return len(changes.opened) + len(changes.closed)
