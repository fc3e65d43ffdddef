"""Whose job comes next: each company holds a bounded number of places among the jobs that are queued or running.

A place is a number that a unique index gives out once for each company, so that the bound holds however many instances
take jobs in, and end them, at once. A job without a place waits, and costs nothing: when a place of its company becomes
free, the oldest one gets it. Both are look-ups in an index; no table is sorted, whatever waits.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, select, update
from sqlalchemy.exc import IntegrityError

from shared_code.database.clock import utc_in, utc_now
from shared_code.database.stores.extractions.jobs import QUEUED, WAITING
from shared_code.database.tables import jobs

table = jobs

#: times that places are looked for again after others were quicker
_MOST_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Turn:
    """A job that has a place, and whose message is to be put into the queue."""

    job_id: str
    company_id: str


def give_turns(connection: Connection, company_id: str, *, share: int) -> list[Turn]:
    """Give the free places of a company to its oldest waiting jobs, in the caller's transaction.

    :param share: places that a company has.
    """
    given: list[Turn] = []
    for _ in range(_MOST_ROUNDS):
        free = sorted(set(range(share)) - set(connection.execute(held_places(company_id)).scalars()))
        rows = connection.execute(next_jobs(company_id).limit(len(free))).all() if free else []
        if not rows:
            break
        given += [
            Turn(row.PublicID, company_id)
            for slot, row in zip(free, rows, strict=False)
            if _take_place(connection, row.JobID, slot)
        ]
    return given


def held_places(company_id: str) -> Select[Any]:
    """The places of a company that are held."""
    return select(table.c.Slot).where(table.c.CompanyID == company_id, table.c.Slot.is_not(None))


def next_jobs(company_id: str) -> Select[Any]:
    """The jobs of a company that wait for a place, the oldest first."""
    waiting = table.c.CompanyID == company_id, table.c.State == WAITING
    return select(table.c.JobID, table.c.PublicID).where(*waiting).order_by(table.c.JobID)


def note_sent(connection: Connection, job_id: str) -> None:
    """Remember that the message of a job was put into the queue."""
    connection.execute(update(table).where(table.c.PublicID == job_id).values(SentAt=utc_now()))


def unsent_turns(connection: Connection, company_id: str) -> list[Turn]:
    """Jobs of a company that have a place, and whose message a killed process may not have sent."""
    held = table.c.CompanyID == company_id, table.c.Slot.is_not(None), table.c.State == QUEUED, table.c.SentAt.is_(None)
    return [Turn(job_id, company_id) for job_id in connection.execute(select(table.c.PublicID).where(*held)).scalars()]


def companies_with_waiting(connection: Connection) -> list[str]:
    """Companies that have jobs without a place."""
    waiting = select(table.c.CompanyID).where(table.c.State == WAITING).distinct()
    return list(connection.execute(waiting).scalars())


def companies_with_unsent(connection: Connection, *, older_than_seconds: int) -> list[str]:
    """Companies with a job whose message was not sent for so long."""
    unsent = table.c.State == QUEUED, table.c.SentAt.is_(None), table.c.UpdatedAt < utc_in(-older_than_seconds)
    return list(connection.execute(select(table.c.CompanyID).where(*unsent).distinct()).scalars())


def _take_place(connection: Connection, job_id: int, slot: int) -> bool:
    waiting = update(table).where(table.c.JobID == job_id, table.c.State == WAITING)
    taken = waiting.values(State=QUEUED, Slot=slot, SentAt=None, UpdatedAt=utc_now())
    try:
        with connection.begin_nested():
            return connection.execute(taken).rowcount == 1
    except IntegrityError:  # another one was quicker with this place
        return False
