"""TokenUsageLogs and the running totals beside it: what was used, written once and never changed.

A row is unique by (CallID, Attempt, Kind), so a booking cannot double, however often it is tried.
"""

from datetime import date

from sqlalchemy import BigInteger, Connection, bindparam, cast, delete, func, insert, select, true, union_all, update
from sqlalchemy.exc import IntegrityError

from shared_code.database.clock import utc_in, utc_now
from shared_code.database.tables import quota_counters, token_usage_logs, token_usage_summary, usage_daily
from shared_code.records import UsageKind, UsageRow

logs = token_usage_logs
summary = token_usage_summary
counter = quota_counters

#: columns that the database or the fold fills in
_BY_DATABASE = {"UsageID", "LoggedAt", "FoldedAt"}
_SECONDS_PER_DAY = 86_400


# Built once: putting a statement together costs more than running it on SQLite.
_INSERT = insert(logs).values(
    {column: bindparam(f"new_{column.name}", type_=column.type) for column in logs.c if column.name not in _BY_DATABASE}
)
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
    """Add a row. Raises SQLAlchemy's IntegrityError when it exists."""
    usage = row.usage
    connection.execute(
        _INSERT,
        {
            "new_TokenID": row.token_id,
            "new_Branch": row.caller.branch,
            "new_RequestedBy": row.caller.username,
            "new_InputTokens": usage.input_tokens,
            "new_OutputTokens": usage.output_tokens,
            "new_TextPromptTokens": usage.modalities.get("text_prompt_tokens"),
            "new_ImagePromptTokens": usage.modalities.get("image_prompt_tokens"),
            "new_TextCandidatesTokens": usage.modalities.get("text_candidates_tokens"),
            "new_TotalTokensUsed": usage.billable_tokens,
            "new_RequestCount": usage.requests,
            "new_CallID": row.call_id,
            "new_Attempt": row.attempt,
            "new_Kind": row.kind.value,
            "new_RequestID": row.request_id,
            "new_CompanyID": row.caller.company_id,
            "new_LocalDay": row.local_day,
            "new_Model": row.model,
            "new_ThoughtsTokens": usage.thoughts_tokens,
            "new_CachedTokens": usage.cached_tokens,
            "new_CostUSD": row.cost_usd,
            "new_DurationMs": row.duration_ms,
            "new_Source": row.source.value,
            "new_Outcome": row.outcome,
            "new_DocumentSha256": row.document_sha256,
        },
    )


def insert_usage_once(connection: Connection, row: UsageRow) -> bool:
    """Add a row unless it exists; says whether it was added."""
    try:
        with connection.begin_nested():
            insert_usage(connection, row)
    except IntegrityError:
        if booked_tokens(connection, row.call_id, row.attempt, row.kind) is None:
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
    """Model tokens booked for a company, branch or user from the first to the last of ``days``, to the second."""
    sources = (
        (usage_daily, usage_daily.c.TotalTokens, true()),
        (logs, logs.c.TotalTokensUsed, logs.c.FoldedAt.is_(None)),
    )
    parts = []
    for table, tokens, fresh in sources:
        where = [table.c.CompanyID == company_id, table.c.LocalDay.between(*days), fresh]
        if scope != "company":
            where.append((table.c.Branch if scope == "branch" else table.c.RequestedBy) == subject)
        # BIGINT before the sum: Azure SQL sums INT as INT.
        parts.append(select(cast(tokens, BigInteger).label("Tokens")).where(*where))
    # One statement: between two, a fold would carry rows from where they are still to be read to where they were.
    both = union_all(*parts).subquery()
    return int(connection.execute(select(func.sum(both.c.Tokens))).scalar() or 0)


def prune_usage(connection: Connection, *, older_than_days: int, limit: int = 1000) -> int:
    """Delete at most ``limit`` rows that are folded and older by the database's clock; returns how many."""
    oldest = (
        select(logs.c.UsageID)
        .where(logs.c.LoggedAt < utc_in(-older_than_days * _SECONDS_PER_DAY), logs.c.FoldedAt.is_not(None))
        .order_by(logs.c.LoggedAt)
        .limit(limit)
    )
    return connection.execute(delete(logs).where(logs.c.UsageID.in_(oldest))).rowcount


def add_to_summary(connection: Connection, token_id: int, *, used: int, reserved: int = 0) -> bool:
    """Move a key's totals: used += ``used``, remaining -= ``used``, reserved += ``reserved`` (negative releases).

    Says whether the key has a summary row.
    """
    result = connection.execute(_ADD_TO_SUMMARY, {"token": token_id, "used": used, "reserved": reserved})
    return result.rowcount == 1


def add_to_counters(connection: Connection, counter_ids: tuple[int, ...], *, used: int, reserved: int = 0) -> None:
    """Move quota counters, always in ascending order, so that two transactions never wait for each other in a ring."""
    rows = [{"counter": counter_id, "used": used, "reserved": reserved} for counter_id in sorted(counter_ids)]
    if rows:
        connection.execute(_ADD_TO_COUNTER, rows)
