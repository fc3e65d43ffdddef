"""The day on which a limit is used up at the pace of the last days: pure arithmetic, for reports."""

from collections.abc import Mapping
from datetime import date, timedelta

#: days, the present one included, whose use makes the pace
PACE_DAYS = 14
#: further ahead a forecast says nothing
_FARTHEST_DAYS = 3650


def run_out_day(
    remaining: int | None, tokens_per_day: Mapping[date, int], *, today: date, resets_on: date | None = None
) -> date | None:
    """The day on which ``remaining`` tokens end; None when they do not (no limit, no use, or a reset comes before).

    A key that is younger than the window is measured from its first use on.

    :param tokens_per_day: use by local day; days outside the last 14 do not count.
    :param today: the day on which ``remaining`` was read, by the same calendar.
    :param resets_on: the first day on which the limit is whole again (a quota's next period), None for a key.
    """
    if remaining is None:
        return None
    if remaining <= 0:
        return today
    first = today - timedelta(days=PACE_DAYS - 1)
    window = {day: tokens for day, tokens in tokens_per_day.items() if first <= day <= today and tokens > 0}
    if not window:
        return None
    days = (today - min(window)).days + 1
    days_left = remaining * days // sum(window.values())
    if days_left > _FARTHEST_DAYS:
        return None
    ends = today + timedelta(days=days_left)
    return None if resets_on is not None and ends >= resets_on else ends
