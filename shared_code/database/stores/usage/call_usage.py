"""What one run was booked at, from its rows: told again to whoever asks for the reading by its id."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, String, bindparam, select

from shared_code.database.tables import token_usage_logs
from shared_code.records import Usage

logs = token_usage_logs
_MODALITIES = {
    "text_prompt_tokens": logs.c.TextPromptTokens,
    "image_prompt_tokens": logs.c.ImagePromptTokens,
    "text_candidates_tokens": logs.c.TextCandidatesTokens,
}
_FIND = select(logs).where(logs.c.CallID == bindparam("call", type_=String(36))).order_by(logs.c.UsageID)


@dataclass(frozen=True, slots=True)
class CallUsage:
    """One row: what it counts, and its cost when that is known."""

    usage: Usage
    cost_usd: Decimal | None


@dataclass(frozen=True, slots=True)
class BookedRow:
    """One row as it was booked. ``at`` is naive UTC; unknown counts are None."""

    usage_id: int
    at: datetime | None
    kind: str | None
    attempt: int | None
    token_id: int | None
    model: str | None
    outcome: str | None
    source: str | None
    requests: int
    input_tokens: int | None
    output_tokens: int | None
    thoughts_tokens: int | None
    cached_tokens: int | None
    total_tokens: int | None
    cost_usd: Decimal | None
    duration_ms: int | None
    request_id: str | None


def booked_rows(connection: Connection, call_id: str) -> list[BookedRow]:
    """The rows of a run with all that is known of them, in the order in which they were booked."""
    return [
        BookedRow(
            usage_id=row.UsageID,
            at=row.LoggedAt,
            kind=row.Kind,
            attempt=row.Attempt,
            token_id=row.TokenID,
            model=row.Model,
            outcome=row.Outcome,
            source=row.Source,
            requests=row.RequestCount or 0,
            input_tokens=row.InputTokens,
            output_tokens=row.OutputTokens,
            thoughts_tokens=row.ThoughtsTokens,
            cached_tokens=row.CachedTokens,
            total_tokens=row.TotalTokensUsed,
            cost_usd=row.CostUSD,
            duration_ms=row.DurationMs,
            request_id=row.RequestID,
        )
        for row in connection.execute(_FIND, {"call": call_id})
    ]


def usage_of_call(connection: Connection, call_id: str) -> list[CallUsage]:
    """The rows of a run, in the order in which they were booked; empty once they are older than their retention."""
    return [_booked(row) for row in connection.execute(_FIND, {"call": call_id})]


def _booked(row: Any) -> CallUsage:
    split = {name: getattr(row, column.name) for name, column in _MODALITIES.items()}
    usage = Usage(
        input_tokens=row.InputTokens,
        output_tokens=row.OutputTokens,
        total_tokens=row.TotalTokensUsed,
        thoughts_tokens=row.ThoughtsTokens,
        cached_tokens=row.CachedTokens,
        modalities={name: count for name, count in split.items() if count is not None},
        requests=row.RequestCount or 0,
    )
    return CallUsage(usage, row.CostUSD)
