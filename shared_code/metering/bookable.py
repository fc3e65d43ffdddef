"""Usage rows made fit for the books: what cannot be booked as it was reported is booked as it can be, and told.

Providers and the proxies before them report counts that are negative, beyond any column, or a total of 0 beside parts
of thousands; messages that waited in the outbox can hold anything. A row that the database refuses would lose a call
that was paid for, and a total below its parts would let a limit be passed. Every way into TokenUsageLogs goes through
:func:`bookable`: settlement, sweep, outbox and late corrections.
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from shared_code.database.tables import token_usage_logs
from shared_code.database.text_columns import fitting
from shared_code.labels import units
from shared_code.operations.alerts import raise_alert
from shared_code.records import Alert, CallIdentity, Usage, UsageKind, UsageRow

if TYPE_CHECKING:
    from shared_code.database.connection import Database

_log = logging.getLogger(__name__)

#: kind of the alert
USAGE_CORRECTED = "usage_corrected"
#: what an INT column holds
MOST_TOKENS = 2**31 - 1
#: CostUSD is NUMERIC(18, 8)
_MOST_DOLLARS = Decimal(10**10)
_COUNTS = ("input_tokens", "output_tokens", "total_tokens", "thoughts_tokens", "cached_tokens")
#: ends the outcome of a row that is not booked as it was reported
_MARK = "_corrected"
_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Bookable:
    """A row that every database takes, and what had to be changed for it, as ends of sentences."""

    row: UsageRow
    corrections: tuple[str, ...] = ()


def bookable(row: UsageRow) -> Bookable:
    """The row as it can be booked; one that is fit already comes back as it is.

    A negative count is unknown. A count beyond its column is the most that the column holds. A total is at least the
    sum of its parts, except in a correction, whose total is a difference. Texts lose what PostgreSQL refuses (NUL) or
    what is no Unicode (half a surrogate pair), and what is longer than their column.
    """
    said: list[str] = []
    usage = _counted(row.usage, said, difference=row.kind is UsageKind.CORRECTION)
    fit = replace(
        row,
        usage=usage,
        identity=_identified(row.identity, said),
        model=_text(row.model, "Model", said),
        cost_usd=_cost(row.cost_usd, said),
        duration_ms=None if row.duration_ms is None else max(min(row.duration_ms, MOST_TOKENS), 0),
    )
    outcome = f"{fit.outcome}{_MARK}" if said and not fit.outcome.endswith(_MARK) else fit.outcome
    return Bookable(replace(fit, outcome=_text(outcome, "Outcome", said) or ""), tuple(said))


def tell(database: "Database", made: Bookable, reported: UsageRow) -> None:
    """Say once that a row is not booked as it was reported; the log keeps what was reported. Never raises.

    :param reported: the row before it was made bookable.
    """
    row, what = made.row, "; ".join(made.corrections)
    raw = _raw(reported.usage)
    call = f"call {row.identity.call_id} attempt {row.attempt}"
    _log.warning("the usage of %s is booked otherwise than reported: %s; reported were %s", call, what, json.dumps(raw))
    model = row.model or "unknown"
    raise_alert(
        database,
        Alert(
            kind=USAGE_CORRECTED,
            subject=model,
            severity="warning",
            message=f"Usage that was reported for {model} could not be booked as it was: {what}. "
            f"It was booked with {row.usage.billable_tokens} tokens.",
            details={
                "company_id": row.identity.caller.company_id,
                "call_id": row.identity.call_id,
                "attempt": row.attempt,
                "corrections": list(made.corrections),
                "reported": raw,
                "booked_tokens": row.usage.billable_tokens,
            },
        ),
    )


def _counted(usage: Usage, said: list[str], *, difference: bool) -> Usage:
    least = {"total_tokens": -MOST_TOKENS} if difference else {}
    counts = {name: _count(getattr(usage, name), name, said, least=least.get(name, 0)) for name in _COUNTS}
    requests = _count(usage.requests, "requests", said)
    modalities = {name: _count(count, name, said) for name, count in usage.modalities.items()}
    known = {name: count for name, count in modalities.items() if count is not None}
    fit = replace(usage, **counts, requests=requests or 0, modalities=known)
    return fit if difference and fit.total_tokens is not None else _whole(fit, said)


def _whole(usage: Usage, said: list[str]) -> Usage:
    """The usage with a total that is not below its parts, and fits."""
    parts, total = (usage.input_tokens or 0) + (usage.output_tokens or 0), usage.total_tokens
    least = min(parts, MOST_TOKENS)
    if total is not None and total < least:
        said.append(f"total_tokens {total} is below its parts, {parts}")
        return replace(usage, total_tokens=least)
    if total is None and parts > MOST_TOKENS:
        said.append(f"the sum of the parts, {parts}, is beyond what can be booked")
        return replace(usage, total_tokens=least)
    return usage


def _count(count: int | None, name: str, said: list[str], *, least: int = 0) -> int | None:
    if count is None or least <= count <= MOST_TOKENS:
        return count
    said.append(f"{name} {_shown(count)} is {'negative' if count < 0 else 'beyond what can be booked'}")
    if count > MOST_TOKENS:
        return MOST_TOKENS
    return None if least == 0 else least


def _cost(cost: Decimal | None, said: list[str]) -> Decimal | None:
    if cost is None or (cost.is_finite() and 0 <= cost < _MOST_DOLLARS):
        return cost
    said.append(f"the cost {_shown(cost)} is beyond what can be booked")
    return None


def _identified(identity: CallIdentity, said: list[str]) -> CallIdentity:
    caller = identity.caller
    return replace(
        identity,
        request_id=_text(identity.request_id, "RequestID", said),
        document_sha256=_text(identity.document_sha256, "DocumentSha256", said),
        caller=replace(
            caller,
            company_id=_text(caller.company_id, "CompanyID", said) or "",
            username=_text(caller.username, "RequestedBy", said),
            branch=_text(caller.branch, "Branch", said),
        ),
    )


def _text(value: str | None, column: str, said: list[str]) -> str | None:
    if value is None:
        return None
    length: int = token_usage_logs.c[column].type.length  # type: ignore[attr-defined] # a text column
    fit = fitting(value, length)
    if fit != value:
        said.append(f"{column} {_shown(value)} was {units(value)} characters long or held what no database takes")
    return fit


def _raw(usage: Usage) -> Mapping[str, Any]:
    return {name: _shown(getattr(usage, name)) for name in (*_COUNTS, "modalities", "requests")}


def _shown(value: Any) -> Any:
    """A value for logs and alerts: numbers as they are as far as they can be printed, texts without odd characters."""
    if value is None or (isinstance(value, int) and abs(value) < 2**63):
        return value
    return f"{value!a:.{_SHOWN}}"
