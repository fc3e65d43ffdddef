"""TokenReservations and the conditional UPDATEs that decide whether a call may be made.

Each predicate reads only the row that its UPDATE changes; on every backend such a statement re-reads the row after
waiting for its lock, so that used + reserved never passes a limit, whatever runs beside it. The row count decides.
"""

from typing import Any

from sqlalchemy import BigInteger, Connection, Integer, Row, bindparam, delete, insert, or_, select, update

from shared_code.database.clock import utc_in, utc_now
from shared_code.database.stores.quotas.quota_scopes import caller_of, label_values
from shared_code.database.stores.row_records import from_row
from shared_code.database.tables import quota_counters, token_reservations, token_usage_summary
from shared_code.records import CallIdentity, Provider, Reservation, Source

table = token_reservations
summary = token_usage_summary
counter = quota_counters


# Built once: putting a statement together costs more than running it on SQLite.
_RESERVE_ON_KEY = (
    update(summary)
    .where(
        summary.c.TokenID == bindparam("token"),
        or_(
            summary.c.TotalRemainingTokens.is_(None),
            summary.c.TotalRemainingTokens - summary.c.ReservedTokens >= bindparam("tokens", type_=BigInteger),
        ),
    )
    .values(ReservedTokens=summary.c.ReservedTokens + bindparam("tokens", type_=BigInteger))
)
_RESERVE_ON_COUNTER = (
    update(counter)
    .where(
        counter.c.CounterID == bindparam("counter"),
        or_(
            counter.c.LimitTokens.is_(None),
            counter.c.LimitTokens - counter.c.UsedTokens - counter.c.ReservedTokens
            >= bindparam("tokens", type_=BigInteger),
        ),
    )
    .values(ReservedTokens=counter.c.ReservedTokens + bindparam("tokens", type_=BigInteger))
)
_INSERT = insert(table).values(LeaseUntil=utc_in(bindparam("lease", type_=Integer)))
_DELETE = delete(table).where(table.c.CallID == bindparam("call"), table.c.Attempt == bindparam("attempt"))


def reserve_on_key(connection: Connection, token_id: int, tokens: int) -> bool:
    """Set ``tokens`` aside on a key; False when they do not fit or the key has no summary row."""
    return connection.execute(_RESERVE_ON_KEY, {"token": token_id, "tokens": tokens}).rowcount == 1


def reserve_on_counter(connection: Connection, counter_id: int, tokens: int) -> bool:
    """Set ``tokens`` aside on a quota counter; False when they do not fit."""
    return connection.execute(_RESERVE_ON_COUNTER, {"counter": counter_id, "tokens": tokens}).rowcount == 1


def insert_reservation(connection: Connection, reservation: Reservation, *, lease_seconds: int) -> None:
    """Write the reservation; its lease ends ``lease_seconds`` from now by the database's clock."""
    connection.execute(
        _INSERT,
        {
            "CallID": reservation.identity.call_id,
            "Attempt": reservation.attempt,
            "TokenID": reservation.token_id,
            "CompanyID": reservation.identity.caller.company_id,
            **label_values(reservation.identity.caller),
            "RequestID": reservation.identity.request_id,
            "LocalDay": reservation.local_day,
            "Provider": reservation.provider.value,
            "Model": reservation.model,
            "Source": reservation.identity.source.value,
            "DocumentSha256": reservation.identity.document_sha256,
            "BoundTokens": reservation.bound_tokens,
            "CounterIDs": ",".join(str(counter_id) for counter_id in reservation.counter_ids),
            "lease": lease_seconds,
        },
    )


def delete_reservation(connection: Connection, call_id: str, attempt: int) -> bool:
    """Remove a reservation; only whoever gets True may touch the reserved sums."""
    return connection.execute(_DELETE, {"call": call_id, "attempt": attempt}).rowcount == 1


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
    return from_row(
        Reservation,
        row,
        identity=from_row(CallIdentity, row, caller=caller_of(row), source=Source(row.Source)),
        provider=Provider(row.Provider),
        counter_ids=tuple(int(part) for part in row.CounterIDs.split(",") if part),
    )
