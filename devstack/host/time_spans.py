"""Time spans as .NET writes them, which host.json and timer schedules use."""

import re
from datetime import timedelta

from devstack.host.errors import FunctionProblem

_HOURS_OF_A_DAY = 24
_SPAN = re.compile(r"(-)?(?:(\d+)\.)?(\d+):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,7}))?)?")


def parse_time_span(text: str) -> timedelta:
    """``hh:mm:ss`` or ``d.hh:mm:ss``. A first number of 24 or more means days: ``24:00:00`` is 24 days, as there.

    Raises :class:`FunctionProblem` for anything else.
    """
    match = _SPAN.fullmatch(text.strip())
    if match is None:
        raise FunctionProblem(f"'{text}' is not a valid time span (hh:mm:ss).")
    sign, days, first, second, third, fraction = match.groups()
    numbers = [int(first), int(second), int(third or 0)]
    if days is None and third is not None and numbers[0] >= _HOURS_OF_A_DAY:
        span = timedelta(days=numbers[0], hours=numbers[1], minutes=numbers[2])
    else:
        span = timedelta(days=int(days or 0), hours=numbers[0], minutes=numbers[1], seconds=numbers[2])
    if fraction:
        span += timedelta(microseconds=int(fraction.ljust(7, "0")) // 10)
    return -span if sign else span
