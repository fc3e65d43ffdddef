"""How the service stands at a glance: how long calls take, how many readings need a person, which keys run low."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from shared_code.database.stores.keys import tokens
from shared_code.database.stores.keys.tokens import StoredKey
from shared_code.database.stores.usage import recent_calls
from shared_code.records import KeyStatus

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from shared_code.database.connection import Database
    from shared_code.operations.forecasts import Forecasts

#: newest calls and readings that figures are made of
SAMPLE = 2_000
_MOST_KEYS = 20
#: a key that ends within these days is near its limit
_NEAR_DAYS = 30
_NEAR_SHARE = 10


@dataclass(frozen=True, slots=True)
class ModelTimes:
    """How long the last calls of a model took, in milliseconds."""

    model: str
    calls: int
    p50: int
    p95: int


@dataclass(frozen=True, slots=True)
class Overview:
    """Figures of one company or all.

    :ivar verdicts: number of readings by what they came to; ``failed`` for those that came to nothing.
    :ivar for_review: readings among them that a person is, or was, to look at.
    :ivar low_keys: the keys nearest to their end, with the day on which their limit ends (None = it lasts).
    """

    times: tuple[ModelTimes, ...]
    readings: int
    verdicts: dict[str, int]
    for_review: int
    low_keys: tuple[tuple[StoredKey, date | None], ...]


def overview(database: "Database", forecasts: "Forecasts", company_id: str | None) -> Overview:
    """The figures, as of now.

    :raises DatabaseUnavailable: the database cannot be reached.
    """

    def read(
        connection: "Connection",
    ) -> tuple[list[tuple[str, int]], list[recent_calls.RecentReading], list[StoredKey]]:
        return (
            recent_calls.recent_durations(connection, company_id, limit=SAMPLE),
            recent_calls.recent_readings(connection, company_id, limit=SAMPLE),
            tokens.all_tokens(connection, company_id=company_id),
        )

    durations, readings, keys = database.read(read)
    verdicts: dict[str, int] = defaultdict(int)
    for reading in readings:
        verdicts[reading.status or "failed"] += 1
    return Overview(
        times=_times(durations),
        readings=len(readings),
        verdicts=dict(sorted(verdicts.items())),
        for_review=sum(reading.for_review for reading in readings),
        low_keys=_low(keys, forecasts.of_keys(keys), today=forecasts.clock().date()),
    )


def _times(durations: Sequence[tuple[str, int]]) -> tuple[ModelTimes, ...]:
    by_model: dict[str, list[int]] = defaultdict(list)
    for model, milliseconds in durations:
        by_model[model].append(milliseconds)
    return tuple(
        ModelTimes(model, len(found), _percentile(found, 50), _percentile(found, 95))
        for model, found in sorted(by_model.items(), key=lambda item: (-len(item[1]), item[0]))
    )


def _percentile(found: Sequence[int], percent: int) -> int:
    """The smallest value that so many of a hundred do not exceed."""
    ordered = sorted(found)
    return ordered[max(-(-len(ordered) * percent // 100), 1) - 1]


def _low(
    keys: Sequence[StoredKey], ends: dict[int, date | None], *, today: date
) -> tuple[tuple[StoredKey, date | None], ...]:
    near = today + timedelta(days=_NEAR_DAYS)
    found = [(key, ends.get(key.token_id)) for key in keys if _counts(key)]
    low = [(key, end) for key, end in found if (end is not None and end <= near) or _is_nearly_used(key)]
    return tuple(sorted(low, key=lambda each: (each[1] or date.max, each[0].token_id))[:_MOST_KEYS])


def _counts(key: StoredKey) -> bool:
    return KeyStatus.parse(key.status) not in (KeyStatus.DISABLED, KeyStatus.BLOCKED, KeyStatus.EXPIRED)


def _is_nearly_used(key: StoredKey) -> bool:
    limit, left = key.total_token_limit, key.available_tokens
    return limit is not None and left is not None and left * 100 <= limit * _NEAR_SHARE
