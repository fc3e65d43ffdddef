"""Idempotency-Keys of clients: the same upload sent again under its key gets the same reading, and is paid for once.

A key belongs to a company and stands for one upload (its file and fields). While a run answers for it, others wait; the
run's CallID fences it, as with claims. A key whose run failed or died is free again: refusals are not kept. A run that
has stored its reading and could not say so under the key has answered all the same.
"""

import hashlib
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, String, and_, bindparam, case, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from shared_code.database.clock import utc_in, utc_now
from shared_code.database.stores.extractions import readings
from shared_code.database.stores.operations.rows_by_age import Expiring
from shared_code.database.stores.row_records import from_row
from shared_code.database.tables import extractions, idempotency_keys
from shared_code.errors import AlreadyProcessing

table = idempotency_keys

RUNNING = "running"
DONE = "done"
#: how long a key stands for its upload
KEPT_SECONDS = 86_400
EXPIRING = Expiring(table.c.IdempotencyKeyID, table.c.CreatedAt)
#: times that a key may be lost to quicker runs in one transaction
_MOST_TRIES = 5
#: seconds
_RETRY_AFTER = 2.0


@dataclass(frozen=True, slots=True)
class KeyRequest:
    """A key as a client sent it, for one upload, and the run that is to answer for it.

    ``identity`` is a digest (hex) over the file and the fields.
    """

    company_id: str
    key: str
    identity: str
    call_id: str
    reading_id: str
    lease_seconds: int

    @property
    def digest(self) -> str:
        """The key in the form in which it is stored: of one length, and no text of the client's."""
        return hashlib.sha256(self.key.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class UsedKey:
    """A key that stands for an upload. ``free``: it is too old, or its run died; then the next upload may have it."""

    identity: str
    call_id: str
    reading_id: str
    state: str
    free: bool


def take_key(connection: Connection, request: KeyRequest) -> UsedKey | None:
    """Let this run answer for a key; None when it may, else the key as another run has it.

    :raises errors.AlreadyProcessing: others were quicker each time.
    """
    for _ in range(_MOST_TRIES):
        used = _find(connection, request)
        if used is None:
            try:
                with connection.begin_nested():
                    connection.execute(insert(table).values(_values(request)))
            except IntegrityError:  # another one was quicker
                continue
            return None
        if used.call_id == request.call_id:
            return None
        if not used.free:
            return used
        # Its run may come back, and answer, at this very moment.
        still = (table.c.CallID == used.call_id, or_(_OLD, table.c.State == RUNNING))
        if connection.execute(update(table).where(*_of(request), *still).values(_values(request))).rowcount == 1:
            return None
    raise AlreadyProcessing(retry_after=_RETRY_AFTER)


def answer_key(connection: Connection, request: KeyRequest, reading_id: str) -> None:
    """Note the reading that the run has answered with."""
    own = update(table).where(*_of(request), table.c.CallID == request.call_id)
    connection.execute(own.values(State=DONE, ReadingID=reading_id))


def free_key(connection: Connection, request: KeyRequest) -> None:
    """Give a key back: its run was refused, or failed."""
    connection.execute(delete(table).where(*_of(request), table.c.CallID == request.call_id, table.c.State == RUNNING))


def _of(request: KeyRequest) -> tuple[Any, ...]:
    return table.c.CompanyID == request.company_id, table.c.KeyDigest == request.digest


def _values(request: KeyRequest) -> dict[str, Any]:
    return {
        "CompanyID": request.company_id,
        "KeyDigest": request.digest,
        "Identity": request.identity,
        "CallID": request.call_id,
        "ReadingID": request.reading_id,
        "State": RUNNING,
        "LeaseUntil": utc_in(request.lease_seconds),
        "CreatedAt": utc_now(),
    }


def _find(connection: Connection, request: KeyRequest) -> UsedKey | None:
    row = connection.execute(_FIND, {"company": request.company_id, "digest": request.digest}).first()
    return None if row is None else from_row(UsedKey, row, free=bool(row.Free))


_READ = extractions.c.State == readings.DONE
_DIED = and_(table.c.State == RUNNING, table.c.LeaseUntil < utc_now(), extractions.c.PublicID.is_(None))
_OLD = table.c.CreatedAt < utc_in(-KEPT_SECONDS)
_FREE = or_(_OLD, _DIED)
_FIND = (
    select(
        table.c.Identity,
        table.c.CallID,
        table.c.ReadingID,
        case((_READ, DONE), else_=table.c.State).label("State"),
        case((_FREE, 1), else_=0).label("Free"),
    )
    .select_from(table.outerjoin(extractions, and_(extractions.c.PublicID == table.c.ReadingID, _READ)))
    .where(
        table.c.CompanyID == bindparam("company", type_=String(50)),
        table.c.KeyDigest == bindparam("digest", type_=String(64)),
    )
)
