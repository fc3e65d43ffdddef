"""TokenUsageLogs and the running totals beside it: what was used, written once and never changed.

A row is unique by (CallID, Attempt, Kind), so a booking cannot double, however often it is tried.
"""

from datetime import date

from sqlalchemy import BigInteger, Connection, bindparam, cast, func, insert, select, true, union_all, update
from sqlalchemy.exc import IntegrityError

from shared_code.database.clock import utc_now
from shared_code.database.stores.operations.rows_by_age import delete_oldest
from shared_code.database.stores.quotas.quota_scopes import BY_NAME, COMPANY, label_values
from shared_code.database.tables import quota_counters, token_usage_logs, token_usage_summary, usage_daily
from shared_code.records import Reservation, UsageKind, UsageRow

logs = token_usage_logs
summary = token_usage_summary
counter = quota_counters

# Built once: putting a statement together costs more than running it on SQLite.
_INSERT = insert(logs)
_ADD_TO_SUMMARY = (
    update(summary)
    .where(summary.c.TokenID == bindparam("token"))
    .values(
        TotalUsedTokens=func.coalesce(summary.c.TotalUsedTokens, 0) + bindparam("used", type_=BigInteger),
        TotalRemainingTokens=summary.c.TotalRemainingTokens - bindparam("used", type_=BigInteger),
        ReservedTokens=summary.c.ReservedTokens + bindparam("reserved", type_=BigInteger),
        LastUpdated=utc_now(),
    )
)
_ADD_TO_COUNTER = (
    update(counter)
    .where(counter.c.CounterID == bindparam("counter"))
    .values(
        UsedTokens=counter.c.UsedTokens + bindparam("used", type_=BigInteger),
        ReservedTokens=counter.c.ReservedTokens + bindparam("reserved", type_=BigInteger),
    )
)


def insert_usage(connection: Connection, row: UsageRow) -> None:
    """Add a row.

    :raises IntegrityError: SQLAlchemy's: the row exists.
    """
    usage = row.usage
    connection.execute(
        _INSERT,
        {
            "TokenID": row.token_id,
            **label_values(row.identity.caller),
            "InputTokens": usage.input_tokens,
            "OutputTokens": usage.output_tokens,
            "TextPromptTokens": usage.modalities.get("text_prompt_tokens"),
            "ImagePromptTokens": usage.modalities.get("image_prompt_tokens"),
            "TextCandidatesTokens": usage.modalities.get("text_candidates_tokens"),
            "TotalTokensUsed": usage.billable_tokens,
            "RequestCount": usage.requests,
            "CallID": row.identity.call_id,
            "Attempt": row.attempt,
            "Kind": row.kind.value,
            "RequestID": row.identity.request_id,
            "CompanyID": row.identity.caller.company_id,
            "LocalDay": row.local_day,
            "Model": row.model,
            "ThoughtsTokens": usage.thoughts_tokens,
            "CachedTokens": usage.cached_tokens,
            "CostUSD": row.cost_usd,
            "DurationMs": row.duration_ms,
            "Source": row.identity.source.value,
            "Outcome": row.outcome,
            "DocumentSha256": row.identity.document_sha256,
        },
    )


def insert_usage_once(connection: Connection, row: UsageRow) -> bool:
    """Add a row unless it exists; says whether it was added."""
    try:
        with connection.begin_nested():
            insert_usage(connection, row)
    except IntegrityError:
        if booked_tokens(connection, row.identity.call_id, row.attempt, row.kind) is None:
            raise  # another rule was broken: an unknown TokenID, not a second booking
        return False
    return True


def booked_tokens(connection: Connection, call_id: str, attempt: int, kind: UsageKind) -> tuple[int | None] | None:
    """``(TotalTokensUsed,)`` of a booking (the total is None when unknown), or None when there is no such row."""
    row = connection.execute(
        select(logs.c.TotalTokensUsed).where(
            logs.c.CallID == call_id, logs.c.Attempt == attempt, logs.c.Kind == kind.value
        )
    ).first()
    return None if row is None else (row[0],)


def tokens_used(connection: Connection, *, company_id: str, scope: str, subject: str, days: tuple[date, date]) -> int:
    """Model tokens booked for the owner of a quota from the first to the last of ``days``, up to this moment."""
    sources = (
        (usage_daily, usage_daily.c.TotalTokens, true()),
        (logs, logs.c.TotalTokensUsed, logs.c.FoldedAt.is_(None)),
    )
    parts = []
    for table, tokens, fresh in sources:
        where = [table.c.CompanyID == company_id, table.c.LocalDay.between(*days), fresh]
        if scope != COMPANY:
            where.append(table.c[BY_NAME[scope].column] == subject)
        # BIGINT before the sum: Azure SQL sums INT as INT.
        parts.append(select(cast(tokens, BigInteger).label("Tokens")).where(*where))
    # One statement: between two, a fold would carry rows from where they are still to be read to where they were.
    both = union_all(*parts).subquery()
    return int(connection.execute(select(func.sum(both.c.Tokens))).scalar() or 0)


def prune_usage(connection: Connection, *, older_than_days: int, limit: int = 1000) -> int:
    """Delete at most ``limit`` rows that are folded and older by the database's clock; returns how many."""
    folded = logs.c.FoldedAt.is_not(None)
    return delete_oldest(
        connection, logs.c.UsageID, logs.c.LoggedAt, folded, older_than_days=older_than_days, limit=limit
    )


def add_to_summary(connection: Connection, token_id: int, *, used: int, reserved: int = 0) -> bool:
    """Move a key's totals: used += ``used``, remaining -= ``used``, reserved += ``reserved`` (negative releases).

    Says whether the key has a summary row.
    """
    result = connection.execute(_ADD_TO_SUMMARY, {"token": token_id, "used": used, "reserved": reserved})
    return result.rowcount == 1


def move_sums(connection: Connection, reservation: Reservation, *, used: int, reserved: int) -> None:
    """Move the totals of a reservation's key and quota counters by model tokens; negative ones give back.

    Counters in ascending order, so that two transactions never wait for each other in a ring.
    """
    if reservation.token_id is not None:
        connection.execute(_ADD_TO_SUMMARY, {"token": reservation.token_id, "used": used, "reserved": reserved})
    if reservation.counter_ids:
        moved = [{"counter": each, "used": used, "reserved": reserved} for each in sorted(reservation.counter_ids)]
        connection.execute(_ADD_TO_COUNTER, moved)
