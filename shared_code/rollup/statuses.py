"""Limits that were changed by hand, and the statuses that follow from what remains."""

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from shared_code.database.connection import repeatable
from shared_code.database.stores.keys import key_states, tokens
from shared_code.database.stores.keys.key_states import KeyState
from shared_code.database.stores.operations import alerts
from shared_code.records import KeyStatus
from shared_code.rollup.key_status import Flagged, wanted_status
from shared_code.rollup.step import Done, RollupContext

if TYPE_CHECKING:
    from sqlalchemy import Connection

_log = logging.getLogger(__name__)

#: days of use from which a usual call is known
USUAL_DAYS = 14
#: alert of each status that the timer sets; its row remembers what the key looked like when it was flagged
ALERT_OF_STATUS = {
    KeyStatus.BELOW_THRESHOLD: "below_threshold",
    KeyStatus.FULLY_UTILIZED: "used_up",
}


def take_over_limits(context: RollupContext) -> Done:
    """Make what remains of each key follow a limit that was changed in TokenMaster by hand."""
    changed = context.database.read(key_states.changed_limits)
    done = 0
    for limit in changed:
        taken = context.database.run(
            lambda connection, limit=limit: key_states.take_over_limit(connection, limit),  # type: ignore[misc]
            on_unknown=repeatable,
        )
        if taken:
            done += 1
            _log.info("token %d now has a limit of %s", limit.token_id, limit.limit)
    return Done(len(changed), done)


def set_statuses(context: RollupContext) -> Done:
    """Give each key the status that its limit and its end ask for; a status that changed meanwhile is left alone."""
    now = context.clock().astimezone(UTC).replace(tzinfo=None)

    def read(connection: "Connection") -> tuple[list[KeyState], dict[tuple[str, str], Flagged]]:
        return read_states(connection, now), _flags(connection)

    states, flags = context.database.read(read)
    changed = 0
    for state in states:
        status = KeyStatus.parse(state.key.status)
        if status is None:
            continue
        target = wanted_status(
            state,
            now=now,
            default_threshold=context.settings.default_threshold,
            flagged=flags.get((ALERT_OF_STATUS.get(status, ""), str(state.key.token_id))),
        )
        if target is not None and target is not status and _set(context, state.key.token_id, status, target):
            changed += 1
            _log.info("token %d of company %s: %s -> %s", state.key.token_id, state.key.company_id, status, target)
    return Done(len(states), changed)


def read_states(connection: "Connection", now: datetime) -> list[KeyState]:
    """All keys as they stand; ``now`` is naive UTC."""
    return key_states.key_states(connection, since=now.date() - timedelta(days=USUAL_DAYS))


def _set(context: RollupContext, token_id: int, before: KeyStatus, after: KeyStatus) -> bool:
    return context.database.run(
        lambda connection: tokens.set_status(connection, token_id, after, expected=before), on_unknown=repeatable
    )


def _flags(connection: "Connection") -> dict[tuple[str, str], Flagged]:
    return {
        (alert.kind, alert.subject): Flagged(alert.details.get("limit"), alert.details.get("threshold"))
        for kind in ALERT_OF_STATUS.values()
        for alert in alerts.open_alerts(connection, kind=kind)
    }
