"""TokenUsageLogs and the running totals beside it: what was used, written once and never changed.

Only the fold marks rows, and an erasure takes names out of them. A row is unique by (CallID, Attempt, Kind), so a
booking cannot double, however often it is tried.
"""

from datetime import date

from sqlalchemy import BigInteger, Connection, Integer, and_, bindparam, cast, func, insert, select, union_all, update
from sqlalchemy.exc import IntegrityError

from shared_code.database.clock import utc_now
from shared_code.database.company_case import same_company
from shared_code.database.stores.lock_order import hold_company
from shared_code.database.stores.operations.rows_by_age import Expiring
from shared_code.database.stores.prepared import Prepared
from shared_code.database.stores.quotas.quota_scopes import BY_NAME, COMPANY, LABEL_COLUMNS, label_values
from shared_code.database.stores.quotas.quotas import counter_ids
from shared_code.database.tables import (
    quota_counters,
    token_master,
    token_usage_logs,
    token_usage_summary,
    usage_daily,
)
from shared_code.labels import spellings
from shared_code.periods import period_days
from shared_code.records import Caller, Reservation, UsageKind, UsageRow

logs = token_usage_logs
summary = token_usage_summary
counter = quota_counters
#: folded rows only: the others are not in any sum yet
EXPIRING = Expiring(
    logs.c.UsageID, logs.c.LoggedAt, lambda before: and_(logs.c.LoggedAt < before, logs.c.FoldedAt.is_not(None))
)

# Built once: putting a statement together costs more than running it on SQLite.
# A key that was deleted meanwhile makes the row one of the company alone, in the same statement and without a lock.
_TOKEN = select(token_master.c.TokenID).where(token_master.c.TokenID == bindparam("token", type_=Integer))
_WRITTEN = (
    *LABEL_COLUMNS,
    "InputTokens",
    "OutputTokens",
    "TextPromptTokens",
    "ImagePromptTokens",
    "TextCandidatesTokens",
    "TotalTokensUsed",
    "RequestCount",
    "CallID",
    "Attempt",
    "Kind",
    "RequestID",
    "CompanyID",
    "LocalDay",
    "Model",
    "ThoughtsTokens",
    "CachedTokens",
    "CostUSD",
    "DurationMs",
    "Source",
    "Outcome",
    "DocumentSha256",
)
_NEW = "new_"
_INSERT = Prepared(
    insert(logs)
    .values(
        {"TokenID": _TOKEN.scalar_subquery()}
        | {name: bindparam(_NEW + name, type_=logs.c[name].type) for name in _WRITTEN}
    )
    .inline()
)
_ADD_TO_SUMMARY = Prepared(
    update(summary)
    .where(summary.c.TokenID == bindparam("token"))
    .values(
        TotalUsedTokens=func.coalesce(summary.c.TotalUsedTokens, 0) + bindparam("used", type_=BigInteger),
        TotalRemainingTokens=summary.c.TotalRemainingTokens - bindparam("used", type_=BigInteger),
        ReservedTokens=summary.c.ReservedTokens + bindparam("reserved", type_=BigInteger),
        LastUpdated=utc_now(),
    )
)
_ADD_TO_COUNTER = Prepared(
    update(counter)
    .where(counter.c.CounterID == bindparam("counter"))
    .values(
        UsedTokens=counter.c.UsedTokens + bindparam("used", type_=BigInteger),
        ReservedTokens=counter.c.ReservedTokens + bindparam("reserved", type_=BigInteger),
    )
)


def insert_usage(connection: Connection, row: UsageRow) -> None:
    """Add a row; one whose key is gone belongs to its company alone.

    :raises IntegrityError: SQLAlchemy's: the row exists.
    """
    usage = row.usage
    values = {
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
    }
    named = {_NEW + name: value for name, value in values.items()}
    _INSERT.changed(connection, named | {"token": row.token_id})


def insert_usage_once(connection: Connection, row: UsageRow) -> bool:
    """Add a row unless it exists; says whether it was added."""
    try:
        with connection.begin_nested():
            insert_usage(connection, row)
    except IntegrityError:
        if booked_tokens(connection, row.identity.call_id, row.attempt, row.kind) is None:
            raise  # another rule was broken, not a second booking
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


def tokens_used(connection: Connection, *, company_id: str, scope: str, subject: str, period: str) -> int:
    """Model tokens booked for the owner of a quota in a period, up to this moment."""
    sources = (
        (usage_daily, usage_daily.c.TotalTokens, usage_daily.c.CompanyID == company_id),
        (logs, logs.c.TotalTokensUsed, and_(same_company(logs.c.CompanyID, company_id), logs.c.FoldedAt.is_(None))),
    )
    parts = []
    for table, tokens, counted in sources:
        where = [counted, table.c.LocalDay.between(*period_days(period))]
        if scope != COMPANY:
            where.append(table.c[BY_NAME[scope].column].in_(spellings(subject)))
        # BIGINT before the sum: Azure SQL sums INT as INT.
        parts.append(select(cast(tokens, BigInteger).label("Tokens")).where(*where))
    # One statement: between two, a fold would carry rows from where they are still to be read to where they were.
    both = union_all(*parts).subquery()
    return int(connection.execute(select(func.sum(both.c.Tokens))).scalar() or 0)


def add_to_summary(connection: Connection, token_id: int, *, used: int, reserved: int = 0) -> bool:
    """Move a key's totals: used += ``used``, remaining -= ``used``, reserved += ``reserved`` (negative releases).

    Says whether the key has a summary row.
    """
    return _ADD_TO_SUMMARY.changed(connection, {"token": token_id, "used": used, "reserved": reserved}) == 1


def move_sums(connection: Connection, reservation: Reservation, *, used: int, reserved: int) -> None:
    """Move the totals of a reservation's key and of all counters of its caller; see :func:`move_totals`."""
    move_totals(
        connection,
        reservation.token_id,
        reservation.identity.caller,
        reservation.local_day,
        used=used,
        reserved=reserved,
    )


def move_totals(
    connection: Connection, token_id: int | None, caller: Caller, day: date, *, used: int, reserved: int = 0
) -> None:
    """Move a key's totals, and all counters of the caller on ``day`` that exist, by model tokens; negative gives back.

    The rows that this accounts for are written before it is called: see :mod:`shared_code.database.stores.lock_order`.
    """
    if token_id is None or not add_to_summary(connection, token_id, used=used, reserved=reserved):
        hold_company(connection, caller.company_id)
        if token_id is not None:
            # A running total that was made before the company could be held.
            add_to_summary(connection, token_id, used=used, reserved=reserved)
    moved = [
        {"counter": counter_id, "used": used, "reserved": reserved}
        for counter_id in counter_ids(connection, caller, day)
    ]
    if moved:
        _ADD_TO_COUNTER.run_each(connection, moved)
