"""Options that narrow a list by time: since, until, or about a moment; minutes are enough."""

from datetime import datetime, timedelta
from typing import Annotated

import typer

from shared_code.database.stores.keys.token_fields import naive_utc
from shared_code.errors import InvalidRequest

MOMENTS = [
    "%Y-%m-%d",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M%z",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S%z",
]
Since = Annotated[datetime | None, typer.Option(formats=MOMENTS, help="UTC when it names no zone.")]
Until = Annotated[datetime | None, typer.Option(formats=MOMENTS, help="UTC when it names no zone.")]
At = Annotated[
    datetime | None,
    typer.Option("--at", formats=MOMENTS, help="About this minute: two minutes before it to three after it."),
]
_BEFORE, _AFTER = timedelta(minutes=2), timedelta(minutes=3)


def span(
    since: datetime | None, until: datetime | None, at: datetime | None
) -> tuple[datetime | None, datetime | None]:
    """From and until when (naive UTC), as the three options say.

    :raises InvalidRequest: ``--at`` beside one of the others.
    """
    if at is None:
        return naive_utc(since), naive_utc(until)
    if since is not None or until is not None:
        raise InvalidRequest("--at goes with neither --since nor --until.", details={"field": "at"})
    moment = naive_utc(at)
    return (moment - _BEFORE, moment + _AFTER) if moment else (None, None)
