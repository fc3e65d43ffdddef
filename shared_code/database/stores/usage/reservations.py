"""TokenReservations and the conditional UPDATEs that decide whether a call may be made.

Each predicate reads only the row that its UPDATE changes; on every backend such a statement re-reads the row after
waiting for its lock, so that used + reserved never passes a limit, whatever runs beside it. The row count decides.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, Connection, Integer, Row, bindparam, delete, func, insert, or_, select, update

from shared_code.database.clock import utc_in, utc_now
from shared_code.database.stores.prepared import Prepared
from shared_code.database.stores.quotas.quota_scopes import BY_NAME, COMPANY, LABEL_COLUMNS, caller_of, label_values
from shared_code.database.stores.quotas.quotas import EXISTING_COUNTERS, counter_parameters
from shared_code.database.stores.row_records import from_row
from shared_code.database.tables import quota_counters, token_reservations, token_usage_summary
from shared_code.labels import spellings
from shared_code.periods import period_days
from shared_code.records import CallIdentity, Provider, Reservation, Source

table = token_reservations
summary = token_usage_summary
counter = quota_counters


# Built once: putting a statement together costs more than running it on SQLite.
_RESERVE_ON_KEY = Prepared(
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
_RESERVE_ON_COUNTER = Prepared(
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
_WRITTEN = (
    "CallID",
    "Attempt",
    "TokenID",
    "CompanyID",
    *LABEL_COLUMNS,
    "RequestID",
    "LocalDay",
    "Provider",
    "Model",
    "Source",
    "DocumentSha256",
    "BoundTokens",
)
_NEW = "new_"
# Decides and writes in one statement: no counter may exist that the reservation has not passed.
_INSERT = Prepared(
    insert(table)
    .from_select(
        [*_WRITTEN, "LeaseUntil"],
        select(
            *(bindparam(_NEW + name, type_=table.c[name].type) for name in _WRITTEN),
            utc_in(bindparam("lease", type_=Integer)),
        ).where(bindparam("known", type_=Integer) == EXISTING_COUNTERS),
    )
    .execution_options(preserve_rowcount=True)
)
_DELETE = Prepared(delete(table).where(table.c.CallID == bindparam("call"), table.c.Attempt == bindparam("attempt")))


def reserve_on_key(connection: Connection, token_id: int, tokens: int) -> bool:
    """Set ``tokens`` aside on a key; False when they do not fit or the key has no summary row."""
    return _RESERVE_ON_KEY.changed(connection, {"token": token_id, "tokens": tokens}) == 1


def reserve_on_counters(connection: Connection, counter_ids: Sequence[int], tokens: int) -> bool:
    """Set ``tokens`` aside on quota counters, given in ascending order of id; False when they do not fit on one."""
    wanted = [{"counter": counter_id, "tokens": tokens} for counter_id in counter_ids]
    return not wanted or _RESERVE_ON_COUNTER.changed_by_each(connection, wanted) == len(wanted)


def insert_reservation(connection: Connection, reservation: Reservation, *, known: int, lease_seconds: int) -> bool:
    """Write the reservation; its lease ends ``lease_seconds`` from now by the database's clock.

    :param known: on how many counters it has set its bound aside. False, and nothing written, when more exist by now.
    """
    caller = reservation.identity.caller
    values = {
        "CallID": reservation.identity.call_id,
        "Attempt": reservation.attempt,
        "TokenID": reservation.token_id,
        "CompanyID": caller.company_id,
        **label_values(caller),
        "RequestID": reservation.identity.request_id,
        "LocalDay": reservation.local_day,
        "Provider": reservation.provider.value,
        "Model": reservation.model,
        "Source": reservation.identity.source.value,
        "DocumentSha256": reservation.identity.document_sha256,
        "BoundTokens": reservation.bound_tokens,
    }
    parameters = {_NEW + name: value for name, value in values.items()}
    counted = counter_parameters(caller, reservation.local_day)
    return _INSERT.changed(connection, parameters | counted | {"known": known, "lease": lease_seconds}) == 1


def delete_reservation(connection: Connection, call_id: str, attempt: int) -> bool:
    """Remove a reservation; only whoever gets True may touch the reserved sums."""
    return _DELETE.changed(connection, {"call": call_id, "attempt": attempt}) == 1


def find_reservation(connection: Connection, call_id: str, attempt: int) -> Reservation | None:
    """The reservation of a call's attempt, if it stands. Raises ValueError for one that holds what no call writes."""
    row = connection.execute(select(table).where(table.c.CallID == call_id, table.c.Attempt == attempt)).first()
    return None if row is None else _reservation(row)


def tokens_reserved(connection: Connection, *, company_id: str, scope: str, subject: str, period: str) -> int:
    """Model tokens that open reservations of the owner of a quota hold in a period."""
    where = [table.c.CompanyID == company_id, table.c.LocalDay.between(*period_days(period))]
    if scope != COMPANY:
        where.append(table.c[BY_NAME[scope].column].in_(spellings(subject)))
    return int(connection.execute(select(func.sum(table.c.BoundTokens)).where(*where)).scalar() or 0)


def tokens_reserved_on(connection: Connection, token_id: int) -> int:
    """Model tokens that open reservations hold on a key."""
    held = select(func.sum(table.c.BoundTokens)).where(table.c.TokenID == token_id)
    return int(connection.execute(held).scalar() or 0)


def stale_reservations(connection: Connection, *, limit: int) -> list[tuple[str, int]]:
    """Call id and attempt of reservations whose lease ran out, oldest first: their process was killed or frozen."""
    rows = connection.execute(
        select(table.c.CallID, table.c.Attempt)
        .where(table.c.LeaseUntil < utc_now())
        .order_by(table.c.LeaseUntil)
        .limit(limit)
    )
    return [(row.CallID, row.Attempt) for row in rows]


def _reservation(row: Row[Any]) -> Reservation:
    return from_row(
        Reservation,
        row,
        identity=from_row(CallIdentity, row, caller=caller_of(row), source=Source(row.Source)),
        provider=Provider(row.Provider),
    )
