"""The earlier system's usage rows, as rows of these books.

A row is told from all others by what it says and by its number there, not by the address of its database, so that the
same row is never booked twice. A negative total is a correction that somebody typed in, and stays one: so every sum
over the rows gives what it gave there.
"""

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from shared_code.database.legacy.values import MOST, moment, text, whole
from shared_code.database.stores.keys.token_fields import checked_text
from shared_code.database.stores.usage.imported_usage import ImportedRow
from shared_code.errors import InvalidRequest
from shared_code.periods import local_day
from shared_code.records import Caller, CallIdentity, Source, Usage, UsageKind, UsageRow

_NAMESPACE = uuid.UUID("7d1d1f5a-6f0b-4f7e-9d0e-0c5b6f3a2e41")
_MODALITIES = {
    "text_prompt_tokens": "TextPromptTokens",
    "image_prompt_tokens": "ImagePromptTokens",
    "text_candidates_tokens": "TextCandidatesTokens",
}
#: outcome of the rows: use that happened elsewhere
_OUTCOME = "reported"
#: two months: the first of a month is then at least one within
_MARGIN_DAYS = 62


def call_id_of(*parts: object) -> str:
    """The id of a row that came from elsewhere: the same parts always give the same one."""
    return str(uuid.uuid5(_NAMESPACE, "|".join("" if part is None else str(part) for part in parts)))


def total_of(row: Mapping[str, Any]) -> int:
    """Model tokens of a row: its total, or the sum of its parts where it has none."""
    total = whole(row["TotalTokensUsed"])
    if total is not None:
        return max(min(total, MOST), -MOST)
    return min(sum(_count(row[name]) or 0 for name in ("InputTokens", "OutputTokens")), MOST)


def usage_row(
    row: Mapping[str, Any], *, company_id: str, token_id: int | None, zones: tuple[ZoneInfo, ZoneInfo]
) -> ImportedRow | None:
    """The row as it is booked; None when it says no moment.

    :param token_id: the key's id here; None = the company alone.
    :param zones: of the moments there, and of the company's days.
    """
    logged_at = moment(row["LoggedAt"], zones[0])
    if logged_at is None:
        return None
    total = total_of(row)
    known = whole(row["TotalTokensUsed"]) is not None
    parts = {name: count for name, column in _MODALITIES.items() if (count := _count(row[column])) is not None}
    usage = Usage(
        input_tokens=_count(row["InputTokens"]),
        output_tokens=_count(row["OutputTokens"]),
        total_tokens=total if known else None,
        modalities=parts,
        requests=max(_count(row["RequestCount"]) or 1, 1),
    )
    caller = Caller(company_id, _label(row["RequestedBy"], 100), _label(row["Branch"], 50))
    says = (row["TokenID"], row["UsageID"], logged_at.isoformat(), total, row["InputTokens"], row["OutputTokens"])
    call_id = call_id_of(company_id, *says)
    return ImportedRow(
        UsageRow(
            identity=CallIdentity(call_id, caller, Source.CLI),
            attempt=1,
            kind=UsageKind.CORRECTION if total < 0 else UsageKind.USAGE,
            token_id=token_id,
            usage=usage,
            local_day=local_day(logged_at.replace(tzinfo=UTC), zones[1]),
            model=None,
            outcome=_OUTCOME,
        ),
        logged_at,
    )


def oldest_row(now: datetime, retention_days: int) -> datetime:
    """The moment (naive UTC) from which rows are booked as rows; what is older counts in its key's opening total.

    The timer deletes rows that are older than their retention, and a row that is gone could not be told from one that
    was never booked. It is the first of a month, at least a month within the retention: runs of the same month agree.
    """
    inside = timedelta(days=retention_days - _MARGIN_DAYS)
    return datetime.combine((now.astimezone(UTC) - inside).date().replace(day=1), time.min)


def _count(value: Any) -> int | None:
    count = whole(value)
    return count if count is not None and 0 <= count <= MOST else None


def _label(value: Any, length: int) -> str | None:
    """A name of a user or branch; None where it cannot be one here."""
    try:
        return checked_text("label", text(value), length)
    except InvalidRequest:
        return None
