"""TokenReservations and the conditional UPDATEs that decide whether a call may be made.

Each predicate reads only the row that its UPDATE changes; on every backend such a statement re-reads the row after
waiting for its lock, so that used + reserved never passes a limit, whatever runs beside it. The row count decides.
"""

from typing import Any

from sqlalchemy import Connection, Row, delete, insert, or_, select, update

from shared_code.database.clock import utc_in, utc_now
from shared_code.database.tables import quota_counters, token_reservations, token_usage_summary
from shared_code.records import Caller, Provider, Reservation, Source

table = token_reservations


def reserve_on_key(connection: Connection, token_id: int, tokens: int) -> bool:
    """Set ``tokens`` aside on a key; False when they do not fit or the key has no summary row."""
    summary = token_usage_summary
    result = connection.execute(
        update(summary)
        .where(
            summary.c.TokenID == token_id,
            or_(
                summary.c.TotalRemainingTokens.is_(None),
                summary.c.TotalRemainingTokens - summary.c.ReservedTokens >= tokens,
            ),
        )
        .values(ReservedTokens=summary.c.ReservedTokens + tokens)
    )
    return result.rowcount == 1


def reserve_on_counter(connection: Connection, counter_id: int, tokens: int) -> bool:
    """Set ``tokens`` aside on a quota counter; False when they do not fit."""
    counter = quota_counters
    result = connection.execute(
        update(counter)
        .where(
            counter.c.CounterID == counter_id,
            or_(
                counter.c.LimitTokens.is_(None),
                counter.c.LimitTokens - counter.c.UsedTokens - counter.c.ReservedTokens >= tokens,
            ),
        )
        .values(ReservedTokens=counter.c.ReservedTokens + tokens)
    )
    return result.rowcount == 1


def insert_reservation(connection: Connection, reservation: Reservation, *, lease_seconds: int) -> None:
    """Write the reservation; its lease ends ``lease_seconds`` from now by the database's clock."""
    connection.execute(
        insert(table).values(
            CallID=reservation.call_id,
            Attempt=reservation.attempt,
            TokenID=reservation.token_id,
            CompanyID=reservation.caller.company_id,
            Branch=reservation.caller.branch,
            RequestedBy=reservation.caller.username,
            RequestID=reservation.request_id,
            LocalDay=reservation.local_day,
            Provider=reservation.provider.value,
            Model=reservation.model,
            Source=reservation.source.value,
            DocumentSha256=reservation.document_sha256,
            BoundTokens=reservation.bound_tokens,
            CounterIDs=",".join(str(counter_id) for counter_id in reservation.counter_ids),
            LeaseUntil=utc_in(lease_seconds),
        )
    )


def delete_reservation(connection: Connection, call_id: str, attempt: int) -> bool:
    """Remove a reservation; only whoever gets True may touch the reserved sums."""
    result = connection.execute(delete(table).where(table.c.CallID == call_id, table.c.Attempt == attempt))
    return result.rowcount == 1


def find_reservation(connection: Connection, call_id: str, attempt: int) -> Reservation | None:
    """The reservation of a call's attempt, if it stands."""
    row = connection.execute(select(table).where(table.c.CallID == call_id, table.c.Attempt == attempt)).first()
    return None if row is None else _reservation(row)


def stale_reservations(connection: Connection, *, limit: int) -> list[Reservation]:
    """Reservations whose lease ran out, oldest first: their process was killed or frozen."""
    rows = connection.execute(
        select(table).where(table.c.LeaseUntil < utc_now()).order_by(table.c.LeaseUntil).limit(limit)
    )
    return [_reservation(row) for row in rows]


def _reservation(row: Row[Any]) -> Reservation:
    return Reservation(
        call_id=row.CallID,
        attempt=row.Attempt,
        token_id=row.TokenID,
        caller=Caller(company_id=row.CompanyID, username=row.RequestedBy, branch=row.Branch),
        local_day=row.LocalDay,
        provider=Provider(row.Provider),
        model=row.Model,
        source=Source(row.Source),
        bound_tokens=row.BoundTokens,
        counter_ids=tuple(int(part) for part in row.CounterIDs.split(",") if part),
        request_id=row.RequestID,
        document_sha256=row.DocumentSha256,
    )
