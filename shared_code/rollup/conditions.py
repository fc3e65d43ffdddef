"""Conditions that operators should know of, read from the data: each is an alert from its begin to its end."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from shared_code.blobs.clients import storage_configured
from shared_code.database.connection import repeatable
from shared_code.database.stores import alerts, usage_sums
from shared_code.database.stores.key_states import KeyState
from shared_code.observability.telemetry import telemetry
from shared_code.operations.alerts import announce_changes
from shared_code.providers.catalog import end_warning, models_near_end
from shared_code.records import Alert, Changes, KeyStatus
from shared_code.rollup.key_status import low_mark
from shared_code.rollup.statuses import ALERT_OF_STATUS, read_states
from shared_code.rollup.step import Done

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from shared_code.bootstrap.container import Services

_KEY_KINDS = (*ALERT_OF_STATUS.values(), "key_expired")
_SEVERITY = {KeyStatus.BELOW_THRESHOLD: "warning", KeyStatus.FULLY_UTILIZED: "error"}
_REFUSED = (KeyStatus.BLOCKED, KeyStatus.EXPIRED, KeyStatus.EXCEEDED)
#: raised where they happen; over when they have not happened for a day
_PASSING_KINDS = ("estimate_miss", "unmeasured_call")
_QUIET_SECONDS = 86_400
#: a model that was called within so many days is in use
_USED_DAYS = 7


def sync_key_alerts(services: "Services") -> Done:
    """Keys that are low, used up or past their end; refusals whose key was dealt with are closed."""
    now = services.clock().astimezone(UTC).replace(tzinfo=None)

    states = services.database.read(lambda connection: read_states(connection, now))
    found = [_key_alert(state, now, services.settings.default_threshold) for state in states]
    current = [alert for alert in found if alert is not None]

    def work(connection: "Connection") -> Changes:
        changes = alerts.sync_alerts(connection, _KEY_KINDS, current)
        return Changes(changes.opened, (*changes.closed, *_close_refusals(connection, states)))

    return _announced(len(states), services.database.run(work, on_unknown=repeatable))


def sync_model_alerts(services: "Services") -> Done:
    """Models that are set or were called lately and have ended, or will within 60 days."""
    today = services.clock().astimezone(UTC).date()
    since = today - timedelta(days=_USED_DAYS)
    called = services.database.read(lambda connection: usage_sums.models_used(connection, since=since))
    names = services.settings.models_allowed | called
    current = [
        Alert(
            kind="model_ending",
            subject=info.name,
            severity="error" if info.ends_on is not None and info.ends_on < today else "warning",
            message=end_warning(info, today),
            details={"ends_on": info.ends_on, "successor": info.successor},
        )
        for info in models_near_end(names, today)
    ]
    changes = services.database.run(
        lambda connection: alerts.sync_alerts(connection, ["model_ending"], current), on_unknown=repeatable
    )
    return _announced(len(names), changes)


def close_passed_alerts(services: "Services") -> Done:
    """Close what was raised where it happened and has not happened for a day."""

    def work(connection: "Connection") -> tuple[int, Changes]:
        quiet = alerts.quiet_alerts(connection, _PASSING_KINDS, seconds=_QUIET_SECONDS)
        closed = [alert for alert in quiet if alerts.close_alert(connection, alert.kind, alert.subject)]
        return len(quiet), Changes((), tuple(closed))

    seen, changes = services.database.run(work, on_unknown=repeatable)
    return _announced(seen, changes)


def watch_outbox(services: "Services") -> Done:
    """Bookings that still wait right after a replay: they cannot be booked, or cannot be read."""
    waiting = 0
    if storage_configured(services.settings):
        waiting = services.outbox.depth()
        telemetry().metric("outbox_depth", waiting)
    queue = services.settings.usage_outbox_queue
    stuck = Alert(
        kind="outbox_stuck",
        subject=queue,
        severity="error",
        message=f"{waiting} bookings wait in the queue {queue} and could not be replayed.",
        details={"waiting": waiting},
    )
    changes = services.database.run(
        lambda connection: alerts.sync_alerts(connection, ["outbox_stuck"], [stuck] if waiting else []),
        on_unknown=repeatable,
    )
    return _announced(waiting, changes)


def _key_alert(state: KeyState, now: datetime, default_threshold: int) -> Alert | None:
    status = KeyStatus.parse(state.status)
    name = f"Token {state.token_id} of company {state.company_id}"
    facts = {"company_id": state.company_id, "limit": state.limit, "threshold": state.threshold}
    if status is KeyStatus.EXPIRED and state.expires_at is not None and state.expires_at <= now:
        return Alert(
            kind="key_expired",
            subject=str(state.token_id),
            severity="error",
            message=f"{name} has expired at {state.expires_at:%Y-%m-%d %H:%M}Z.",
            details={**facts, "expires_at": state.expires_at},
        )
    if status is None or status not in ALERT_OF_STATUS:
        return None
    low = low_mark(state, default_threshold)
    return Alert(
        kind=ALERT_OF_STATUS[status],
        subject=str(state.token_id),
        severity=_SEVERITY[status],
        message=f"{name} has {state.remaining} of {state.limit} tokens left; it is low below {low}.",
        details={**facts, "used": state.used, "remaining": state.remaining, "low_below": low},
    )


def _close_refusals(connection: "Connection", states: Sequence[KeyState]) -> list[Alert]:
    refused = {str(state.token_id) for state in states if KeyStatus.parse(state.status) in _REFUSED}
    return [
        alert
        for alert in alerts.open_alerts(connection, kind="key_refused")
        if alert.subject not in refused and alerts.close_alert(connection, alert.kind, alert.subject)
    ]


def _announced(seen: int, changes: Changes) -> Done:
    announce_changes(changes)
    return Done(seen, len(changes.opened) + len(changes.closed))
