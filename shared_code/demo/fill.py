"""Fills an empty database with three companies, a year of their usage, and forty documents in every state.

The rows are made by the service's own parts wherever there are some, so that the books are right; they are moved into
the past behind that. The same seed and moment make the same data.
"""

import logging
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared_code.database.stores.demo.row_counts import calls_booked, count
from shared_code.database.tables import alerts, extractions, reviews, token_master
from shared_code.demo import usage
from shared_code.demo.accounts import open_accounts, set_limits
from shared_code.demo.companies import COMPANIES
from shared_code.demo.documents import documents
from shared_code.demo.parts import Parts
from shared_code.demo.readings import Reader
from shared_code.demo.traces import deliver, leave_alerts, leave_old_alerts, log
from shared_code.operations.timer_state import note_run
from shared_code.rollup.fold import fold_usage

if TYPE_CHECKING:
    from sqlalchemy import Connection

_STORED_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Filled:
    """How much of what was made. ``documents`` counts those that came in, ``copies`` those that pages are shown of."""

    companies: int
    keys: int
    documents: int
    readings: int
    reviews: int
    calls: int
    alerts: int
    copies: int


def fill(parts: Parts, told: Callable[[str], None] = lambda _: None) -> Filled:
    """Fill the database, which is empty.

    :param told: what is done next, for whoever waits.
    :raises errors.DatabaseUnavailable, errors.StorageUnavailable: what is written until then stays.
    :raises errors.ConfigurationError: there is no key ring to keep keys with.
    """
    with _quiet():
        return _fill(parts, told)


def _fill(parts: Parts, told: Callable[[str], None]) -> Filled:
    database, seed = parts.database, parts.seed
    told("a year of usage")
    made = usage.calls(parts.now, seed)
    ids = open_accounts(parts, lambda key: usage.used_by(made, key))
    database.run(lambda connection: usage.write(connection, made, ids, parts.now))
    leave_old_alerts(parts, ids)
    told("documents")
    came, reader = documents(parts.now, seed), Reader(parts, random.Random(seed))  # noqa: S311 - no secret
    reader.read_all(came)
    copies = _keep(parts, reader)
    told("limits, alerts and log")
    set_limits(parts)
    fold_usage(parts.rollup)
    leave_alerts(parts)
    database.run(lambda connection: deliver(connection, parts))
    database.run(note_run)
    database.run(lambda connection: log(connection, parts, reader.calls, seed))
    return _counted(parts, len(came), copies)


@contextmanager
def _quiet() -> Iterator[None]:
    """What the service says of documents that are refused is no news to whoever makes the demo."""
    ours = logging.getLogger("shared_code")
    before = ours.level
    ours.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        ours.setLevel(before)


def _keep(parts: Parts, reader: Reader) -> int:
    """Store copies of what was read, where there is a storage account; returns how many."""
    kept = parts.documents
    if kept is None:
        return 0
    with ThreadPoolExecutor(_STORED_AT_ONCE, thread_name_prefix="demo-documents") as pool:
        stored = [
            pool.submit(kept.keep, company, sha256, content) for (company, sha256), content in reader.copies.items()
        ]
        for one in stored:
            one.result()
    return len(stored)


def _counted(parts: Parts, came: int, copies: int) -> Filled:
    def work(connection: "Connection") -> Filled:
        keys, read = count(connection, token_master), count(connection, extractions)
        looked_at, raised = count(connection, reviews), count(connection, alerts)
        return Filled(len(COMPANIES), keys, came, read, looked_at, calls_booked(connection), raised, copies)

    return parts.database.read(work)
