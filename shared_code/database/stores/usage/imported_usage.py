"""Usage rows that another database held: booked once, on the day that they were made, with all sums that they move.

A row's CallID is made of what it says, so the unique index of TokenUsageLogs keeps it from being booked twice, however
often an import is begun anew.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, Connection, bindparam, func, insert, select, update

from shared_code.database.clock import utc_now
from shared_code.database.stores.lock_order import hold_company, hold_counters
from shared_code.database.stores.quotas.quota_scopes import label_values
from shared_code.database.stores.quotas.quotas import counter_ids
from shared_code.database.stores.usage.usage_rows import add_to_summary
from shared_code.database.tables import quota_counters, token_master, token_usage_logs, token_usage_summary
from shared_code.records import UsageRow

logs = token_usage_logs
counter = quota_counters

_ADD = (
    update(counter)
    .where(counter.c.CounterID == bindparam("counter"))
    .values(UsedTokens=counter.c.UsedTokens + bindparam("used", type_=BigInteger))
)


@dataclass(frozen=True, slots=True)
class ImportedRow:
    """A usage row of another database. ``logged_at`` is naive UTC."""

    row: UsageRow
    logged_at: datetime

    @property
    def tokens(self) -> int:
        """Model tokens that it adds to the sums."""
        return self.row.usage.billable_tokens or 0


@dataclass(frozen=True, slots=True)
class BookedRow:
    """Where a row was booked: its key here (None = the company alone), and its model tokens."""

    token_id: int | None
    tokens: int


def find_booked(connection: Connection, call_ids: Collection[str]) -> dict[str, BookedRow]:
    """Those of up to 1,000 calls that are booked."""
    if not call_ids:
        return {}
    rows = connection.execute(
        select(logs.c.CallID, logs.c.TokenID, logs.c.TotalTokensUsed).where(logs.c.CallID.in_(call_ids))
    )
    return {row.CallID: BookedRow(row.TokenID, row.TotalTokensUsed or 0) for row in rows}


def book(connection: Connection, rows: Sequence[ImportedRow]) -> int:
    """Book those that are not booked yet, and move the sums of their keys and limits; returns how many those were.

    Companies, totals and counters are locked in the order of :mod:`shared_code.database.stores.lock_order`, each kind
    in ascending order, so that several companies may stand in ``rows``.
    """
    for company in sorted({each.row.identity.caller.company_id for each in rows}):
        hold_company(connection, company)
    # Looked up by whoever holds the companies: another import of them has ended, or waits.
    known = find_booked(connection, [each.row.identity.call_id for each in rows])
    new = [each for each in rows if each.row.identity.call_id not in known]
    if not new:
        return 0
    connection.execute(insert(logs), [_values(each) for each in new])
    by_key: defaultdict[int, int] = defaultdict(int)
    by_caller: defaultdict[tuple[object, ...], int] = defaultdict(int)
    for each in new:
        if each.row.token_id is not None:
            by_key[each.row.token_id] += each.tokens
        by_caller[each.row.identity.caller, each.row.local_day] += each.tokens
    for token_id in sorted(by_key):
        add_to_summary(connection, token_id, used=by_key[token_id])
    moved: defaultdict[int, int] = defaultdict(int)
    for (caller, day), tokens in by_caller.items():
        for counter_id in counter_ids(connection, caller, day):  # type: ignore[arg-type] # the two parts of the key
            moved[counter_id] += tokens
    hold_counters(connection, moved)
    if moved:
        connection.execute(_ADD, [{"counter": number, "used": moved[number]} for number in sorted(moved)])
    return len(new)


def set_origin(
    connection: Connection, token_id: int, *, created_at: datetime | None, opening: int, limit: int | None
) -> None:
    """Give a new key its age, and what it had used before its rows begin.

    :param created_at: naive UTC; it decides which key of a company is the newest. None = now.
    """
    if created_at is not None:
        master = token_master
        connection.execute(update(master).where(master.c.TokenID == token_id).values(CreatedAt=created_at))
    if opening:
        summary = token_usage_summary
        totals = {"OpeningTokens": opening, "TotalUsedTokens": opening, "LastUpdated": utc_now()}
        if limit is not None:
            totals["TotalRemainingTokens"] = limit - opening
        connection.execute(update(summary).where(summary.c.TokenID == token_id).values(**totals))


def opening_tokens(connection: Connection, token_id: int) -> int:
    """What a key had used before its rows begin."""
    summary = token_usage_summary
    found = select(func.coalesce(summary.c.OpeningTokens, 0)).where(summary.c.TokenID == token_id)
    return int(connection.execute(found).scalar() or 0)


def _values(each: ImportedRow) -> dict[str, object]:
    row, usage = each.row, each.row.usage
    return {
        "TokenID": row.token_id,
        **label_values(row.identity.caller),
        "InputTokens": usage.input_tokens,
        "OutputTokens": usage.output_tokens,
        "TextPromptTokens": usage.modalities.get("text_prompt_tokens"),
        "ImagePromptTokens": usage.modalities.get("image_prompt_tokens"),
        "TextCandidatesTokens": usage.modalities.get("text_candidates_tokens"),
        "TotalTokensUsed": usage.billable_tokens,
        "RequestCount": usage.requests,
        "LoggedAt": each.logged_at,
        "CallID": row.identity.call_id,
        "Attempt": row.attempt,
        "Kind": row.kind.value,
        "CompanyID": row.identity.caller.company_id,
        "LocalDay": row.local_day,
        "Source": row.identity.source.value,
        "Outcome": row.outcome,
    }
