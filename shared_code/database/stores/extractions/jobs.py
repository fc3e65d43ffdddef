"""Jobs: uploads that are read later, each under the id of the reading that it is to make.

The row says where a job stands; the document waits in blob storage, and what the reading came to is a row of
Extractions. A run is fenced by its CallID, as with claims: one that was taken over can no longer end the job. Which job
of a company comes next is in :mod:`.job_turns`.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, String, and_, bindparam, case, delete, insert, or_, select, update

from shared_code.database.clock import utc_in, utc_now
from shared_code.database.stores.operations.rows_by_age import Expiring
from shared_code.database.stores.row_records import from_row
from shared_code.database.tables import jobs

table = jobs

WAITING = "waiting"
QUEUED = "queued"
RUNNING = "running"
RESTING = "resting"
DONE = "done"
FAILED = "failed"
CANCELLED = "cancelled"
#: nobody reads it at the moment
IDLE = (WAITING, QUEUED, RESTING)
LIVE = (*IDLE, RUNNING)
EXPIRING = Expiring(table.c.JobID, table.c.UpdatedAt)


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job that is to be read: the id of its reading, whose document it is, and which one."""

    job_id: str
    company_id: str
    document_sha256: str


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it stands. ``reading_id`` is the reading that answers, once it is done; moments are naive UTC."""

    job_id: str
    company_id: str
    document_sha256: str
    state: str
    created_at: datetime
    reading_id: str | None = None

    @property
    def live(self) -> bool:
        """Whether it is still to come to an end."""
        return self.state in LIVE


def insert_job(connection: Connection, new: NewJob) -> None:
    """Add a job that waits for its turn; again does no harm."""
    if find_job(connection, new.job_id) is None:
        values = {"PublicID": new.job_id, "CompanyID": new.company_id, "DocumentSha256": new.document_sha256}
        connection.execute(insert(table).values(**values, State=WAITING))


def delete_job(connection: Connection, job_id: str) -> bool:
    """Take back a job that nobody has begun, and nobody was told of; False when it has begun."""
    return connection.execute(delete(table).where(table.c.PublicID == job_id, table.c.State.in_(IDLE))).rowcount == 1


def find_job(connection: Connection, job_id: str) -> Job | None:
    """The job with an id; None when there is none."""
    row = connection.execute(_FIND, {"wanted": job_id}).first()
    return None if row is None else from_row(Job, row, job_id=row.PublicID)


def take_job(connection: Connection, job_id: str, call_id: str, *, lease_seconds: int) -> bool:
    """Let a run work on a job; False when another one does, or it has ended. Safe to repeat for the same run."""
    died = and_(table.c.State == RUNNING, or_(table.c.LeaseUntil < utc_now(), table.c.CallID == call_id))
    taken = (
        update(table)
        .where(table.c.PublicID == job_id, or_(table.c.State.in_(IDLE), died))
        .values(State=RUNNING, CallID=call_id, LeaseUntil=utc_in(lease_seconds), UpdatedAt=utc_now())
    )
    return connection.execute(taken).rowcount == 1


def release_job(connection: Connection, job_id: str, call_id: str) -> None:
    """Give a job back whose run came to no end. It keeps its place, if it has one, for the platform's next try."""
    state = case((table.c.Slot.is_(None), RESTING), else_=QUEUED)
    connection.execute(update(table).where(*_of_run(job_id, call_id)).values(State=state, UpdatedAt=utc_now()))


def rest_job(connection: Connection, job_id: str) -> None:
    """Let a job rest that the platform will not deliver again; its place is free."""
    idle = update(table).where(table.c.PublicID == job_id, table.c.State.in_(IDLE))
    connection.execute(idle.values(State=RESTING, Slot=None, UpdatedAt=utc_now()))


def end_job(connection: Connection, job_id: str, call_id: str, *, state: str, reading_id: str | None = None) -> bool:
    """End a job, and free its place; False when the run no longer owns it."""
    ended = update(table).where(*_of_run(job_id, call_id))
    values = {"State": state, "ReadingID": reading_id, "Slot": None, "UpdatedAt": utc_now()}
    return connection.execute(ended.values(values)).rowcount == 1


def end_idle_job(connection: Connection, job_id: str, *, state: str) -> bool:
    """End a job that nobody reads at the moment, and free its place; False when somebody does, or it has ended."""
    idle = update(table).where(table.c.PublicID == job_id, table.c.State.in_(IDLE))
    return connection.execute(idle.values(State=state, Slot=None, UpdatedAt=utc_now())).rowcount == 1


def is_live(connection: Connection, job_id: str) -> bool:
    """Whether there is a job with this id that is still to come to an end."""
    job = find_job(connection, job_id)
    return job is not None and job.live


def jobs_of(connection: Connection, company_id: str, document_sha256: str) -> list[Job]:
    """All jobs of a document, whatever became of them."""
    wanted = table.c.CompanyID == company_id, table.c.DocumentSha256 == document_sha256
    return [from_row(Job, row, job_id=row.PublicID) for row in connection.execute(select(table).where(*wanted))]


def forgotten_jobs(connection: Connection, *, older_than_seconds: int, limit: int) -> list[str]:
    """Ids of jobs that nothing has moved for so long, and of those whose run died; the longest forgotten first."""
    still = and_(table.c.State.in_((QUEUED, RESTING)), table.c.UpdatedAt < utc_in(-older_than_seconds))
    died = and_(table.c.State == RUNNING, table.c.LeaseUntil < utc_in(-older_than_seconds))
    found = select(table.c.PublicID).where(or_(still, died)).order_by(table.c.UpdatedAt).limit(limit)
    return list(connection.execute(found).scalars())


def _of_run(job_id: str, call_id: str) -> tuple[Any, ...]:
    return table.c.PublicID == job_id, table.c.CallID == call_id, table.c.State == RUNNING


_FIND = select(table).where(table.c.PublicID == bindparam("wanted", type_=String(36)))
