"""Limits that were changed by hand, and the statuses that follow from what remains."""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

from shared_code.database.connection import repeatable
from shared_code.database.stores.keys import key_states, tokens
from shared_code.database.stores.keys.key_states import ChangedLimit, KeyState
from shared_code.database.stores.operations import alerts
from shared_code.records import KeyStatus
from shared_code.rollup.key_status import Flagged, wanted_status
from shared_code.rollup.set_aside import SetAside, setting_aside
from shared_code.rollup.step import Done, RollupContext

if TYPE_CHECKING:
    from sqlalchemy import Connection

_log = logging.getLogger(__name__)

TAKE_OVER_LIMITS = "take over limits"
SET_STATUSES = "set statuses"
#: days of use from which a usual call is known
USUAL_DAYS = 14
#: alert of each status that the timer sets; its row remembers what the key looked like when it was flagged
ALERT_OF_STATUS = {
    KeyStatus.BELOW_THRESHOLD: "below_threshold",
    KeyStatus.FULLY_UTILIZED: "used_up",
}


def take_over_limits(context: RollupContext) -> Done:
    """Make what remains of each key follow a limit that was changed in TokenMaster by hand."""
    seen = done = 0

    def changed(first: int, last: int) -> list[ChangedLimit]:
        return context.database.read(lambda connection: key_states.changed_limits(connection, first=first, last=last))

    with setting_aside(context, TAKE_OVER_LIMITS) as aside:
        ids = context.database.read(key_states.key_ids)
        for limit in chain.from_iterable(aside.attempt_ids(ids, changed)):
            seen += 1
            done += aside.attempt(str(limit.token_id), partial(_take_over, context, limit)) or False
    return Done(seen, done)


def set_statuses(context: RollupContext) -> Done:
    """Give each key the status that its limit and its end ask for; a status that changed meanwhile is left alone."""
    now = context.clock().astimezone(UTC).replace(tzinfo=None)
    with setting_aside(context, SET_STATUSES) as aside:
        states = read_states(context, aside, now)
        flags = context.database.read(_flags)
        changed = sum(
            aside.attempt(str(state.key.token_id), partial(_judge, context, state, now, flags)) or False
            for state in states
        )
    return Done(len(states), changed)


def read_states(context: RollupContext, aside: SetAside, now: datetime) -> list[KeyState]:
    """All keys as they stand, but for those that cannot be read; ``now`` is naive UTC."""
    since = now.date() - timedelta(days=USUAL_DAYS)

    def read(first: int, last: int) -> list[KeyState]:
        return context.database.read(
            lambda connection: key_states.key_states(connection, since=since, first=first, last=last)
        )

    ids = context.database.read(key_states.key_ids)
    return list(chain.from_iterable(aside.attempt_ids(ids, read)))


def _take_over(context: RollupContext, limit: ChangedLimit) -> bool:
    taken = context.database.run(
        lambda connection: key_states.take_over_limit(connection, limit), on_unknown=repeatable
    )
    if taken:
        _log.info("token %d now has a limit of %s", limit.token_id, limit.limit)
    return taken


def _judge(context: RollupContext, state: KeyState, now: datetime, flags: Mapping[tuple[str, str], Flagged]) -> bool:
    """Whether the key got another status."""
    key, status = state.key, KeyStatus.parse(state.key.status)
    if status is None:
        return False
    target = wanted_status(
        state,
        now=now,
        default_threshold=context.settings.default_threshold,
        flagged=flags.get((ALERT_OF_STATUS.get(status, ""), str(key.token_id))),
    )
    if target is None or target is status or not _set(context, key.token_id, status, target):
        return False
    _log.info("token %d of company %s: %s -> %s", key.token_id, key.company_id, status, target)
    return True


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
