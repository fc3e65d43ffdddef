"""A row that no code of ours understands, typed in before a storm: it must not keep the timer from any other row."""

import time
import uuid

from sqlalchemy import delete, func, insert, select

from shared_code.bootstrap.container import Services
from shared_code.database import tables
from shared_code.database.clock import utc_in
from shared_code.operations.timer_state import set_aside_rows
from shared_code.rollup.leases import end_stale_reservations
from shared_code.rollup.step import run_step

_CALL = str(uuid.uuid4())
_TABLE = tables.token_reservations


def type_in(services: Services) -> None:
    """A reservation of a provider that there is not, whose lease has run out long ago."""
    row = {
        "CallID": _CALL,
        "Attempt": 1,
        "TokenID": None,
        "CompanyID": "GONE",
        "LocalDay": services.clock().date(),
        "Provider": "Nobody",
        "Model": "none",
        "Source": "http",
        "BoundTokens": 9_000,
        "CounterIDs": "",
    }
    services.database.run(
        lambda connection: connection.execute(insert(_TABLE).values(**row, LeaseUntil=utc_in(-3_600)))
    )


def take_away(services: Services) -> None:
    """Remove it; the timer's step has to leave it where it is, and to tell of it."""
    assert run_step("end stale reservations", end_stale_reservations, services.rollup, time.monotonic).error is None
    told = [row for row in set_aside_rows(services.database) if _CALL in row["row"]]
    assert len(told) == 1, set_aside_rows(services.database)
    where = _TABLE.c.CallID == _CALL
    left = services.database.read(lambda connection: connection.execute(select(func.count()).where(where)).scalar())
    assert left == 1
    services.database.run(lambda connection: connection.execute(delete(_TABLE).where(where)))
