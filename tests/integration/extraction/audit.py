"""Holds the books against the model's own record of its calls, and the sums against each other.

What must be true after every recovery: no reservation is left; each call that was answered is booked exactly once;
what was booked is what the stand-in counted, or the bound where nobody could know; logs = summaries = counters.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from shared_code.bootstrap.container import Services
from shared_code.database import tables


@dataclass(frozen=True, slots=True)
class Books:
    """What an audit found.

    :ivar kinds: usage rows by kind; answers without a model call are not counted.
    :ivar calls: billed calls by the stand-in's own record.
    :ivar unsent: bookings of runs that died between their reservation and their call.
    :ivar tokens: all that was booked.
    :ivar billed: all that the stand-in billed.
    """

    kinds: Mapping[str, int]
    calls: int
    unsent: int
    tokens: int
    billed: int

    def __str__(self) -> str:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self.kinds.items()))
        return (
            f"{self.calls} billed calls, {self.billed} tokens; bookings: {kinds or 'none'}, {self.tokens} tokens; "
            f"{self.unsent} bounds of calls that were never sent"
        )


def audit(services: Services, calls: Sequence[Mapping[str, Any]], *, documents: Mapping[int, str]) -> Books:
    """Check everything; raises AssertionError that says what disagrees.

    :param calls: the stand-in's record.
    :param documents: size in bytes -> sha256 of every document that was sent; sizes tell documents apart.
    """
    rows = [row for row in _all(services, tables.token_usage_logs) if row.Attempt]
    assert _all(services, tables.token_reservations) == [], "reservations are left"
    _check_sums(services, rows)
    _check_counters(services, rows)
    bookings = _bookings(rows)
    billed = _billed_calls(calls, documents)
    unsent = sum(
        _check_document(bookings.get(document, []), billed.get(document, [])) for document in {*bookings, *billed}
    )
    return Books(
        kinds=Counter(row.Kind for row in rows),
        calls=sum(map(len, billed.values())),
        unsent=unsent,
        tokens=sum(row.TotalTokensUsed or 0 for row in rows),
        billed=sum(call["usage"]["totalTokenCount"] for found in billed.values() for call in found),
    )


@dataclass(frozen=True, slots=True)
class _Booking:
    measured: bool
    tokens: int


def _all(services: Services, table: Any) -> list[Any]:
    return services.database.read(lambda connection: connection.execute(select(table)).all())


def _check_sums(services: Services, rows: Iterable[Any]) -> None:
    used: dict[int, int] = defaultdict(int)
    for row in rows:
        if row.TokenID is not None:
            used[row.TokenID] += row.TotalTokensUsed or 0
    limits = {row.TokenID: row.TotalTokenLimit for row in _all(services, tables.token_master)}
    for row in _all(services, tables.token_usage_summary):
        assert row.ReservedTokens == 0, f"token {row.TokenID} has {row.ReservedTokens} reserved"
        booked = used.pop(row.TokenID, 0) + (row.OpeningTokens or 0)
        assert row.TotalUsedTokens == booked, f"token {row.TokenID}: summary {row.TotalUsedTokens}, logs {booked}"
        limit = limits[row.TokenID]
        assert row.TotalRemainingTokens == (None if limit is None else limit - booked)
    assert not any(used.values()), f"tokens without a summary row: {sorted(used)}"


def _check_counters(services: Services, rows: Sequence[Any]) -> None:
    quotas = {row.QuotaID: row for row in _all(services, tables.quotas)}
    for counter in _all(services, tables.quota_counters):
        quota = quotas[counter.QuotaID]
        booked = sum(
            row.TotalTokensUsed or 0
            for row in rows
            if row.CompanyID == quota.CompanyID
            and row.LocalDay.isoformat().startswith(counter.Period)
            and quota.Subject == {"company": "", "branch": row.Branch, "user": row.RequestedBy}[quota.Scope]
        )
        name = f"{quota.Scope} {quota.Subject} {counter.Period}"
        assert counter.ReservedTokens == 0, f"{name} has {counter.ReservedTokens} reserved"
        assert counter.UsedTokens == booked, f"{name}: counter {counter.UsedTokens}, logs {booked}"


def _bookings(rows: Iterable[Any]) -> dict[str, list[_Booking]]:
    """Bookings by document: one per call and attempt, corrections added to what they correct."""
    by_call: dict[tuple[str, int], list[Any]] = defaultdict(list)
    for row in rows:
        by_call[row.CallID, row.Attempt].append(row)
    found: dict[str, list[_Booking]] = defaultdict(list)
    for call, parts in by_call.items():
        kinds = sorted(part.Kind for part in parts)
        assert kinds in (["usage"], ["unmeasured"], ["correction", "unmeasured"]), f"call {call} is booked as {kinds}"
        total = sum(part.TotalTokensUsed or 0 for part in parts)
        found[parts[0].DocumentSha256].append(_Booking(kinds != ["unmeasured"], total))
    return found


def _billed_calls(
    calls: Iterable[Mapping[str, Any]], documents: Mapping[int, str]
) -> dict[str, list[Mapping[str, Any]]]:
    found: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for call in calls:
        assert call["finished"], f"call {call['number']} is still being served"
        if call["usage"]:
            (size,) = [part["bytes"] for part in call["parts"] if "bytes" in part]
            found[documents[size]].append(call)
    return found


def _check_document(bookings: list[_Booking], calls: list[Mapping[str, Any]]) -> int:
    """Bookings of one document beside its calls; how many bookings are of calls that were never sent."""
    open_totals = Counter(call["usage"]["totalTokenCount"] for call in calls)
    for booking in bookings:
        if booking.measured:
            assert open_totals[booking.tokens], f"{booking.tokens} tokens are booked that no call has cost"
            open_totals[booking.tokens] -= 1
    guesses = [booking for booking in bookings if not booking.measured]
    answered = sum(1 for call in calls if call["answered"])
    assert len(bookings) >= answered, f"{answered} calls were answered, {len(bookings)} are booked"
    assert len(guesses) >= open_totals.total(), f"{open_totals.total()} calls are booked nowhere"
    return len(guesses) - open_totals.total()
