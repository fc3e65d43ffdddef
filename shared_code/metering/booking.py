"""A booking that can wait: everything that settling one model call needs, also as text for the outbox queue.

The text is what survives a database outage, so it reads back to the very same booking.
"""

import json
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from shared_code.database.stores.extractions import Finished
from shared_code.errors import InternalError
from shared_code.records import Caller, Provider, Reservation, Source, Usage, UsageKind, UsageRow

_VERSION = 1


@dataclass(frozen=True, slots=True)
class Booking:
    """A reservation, the usage row that settles it and, when the run succeeded, the result for its claim.

    Without a row the reservation is given back: the run ended before it made a call that costs anything.
    """

    reservation: Reservation
    row: UsageRow | None
    claim_key: str | None = None
    finished: Finished | None = None

    def to_text(self, *, with_result: bool = True) -> str:
        """JSON; never holds a key. Without the result it always fits into a queue message."""
        reservation = self.reservation
        return json.dumps(
            {
                "version": _VERSION,
                "call_id": reservation.call_id,
                "attempt": reservation.attempt,
                "token_id": reservation.token_id,
                "company_id": reservation.caller.company_id,
                "username": reservation.caller.username,
                "branch": reservation.caller.branch,
                "licence_id": reservation.caller.licence_id,
                "local_day": reservation.local_day.isoformat(),
                "provider": reservation.provider.value,
                "model": reservation.model,
                "source": reservation.source.value,
                "bound_tokens": reservation.bound_tokens,
                "counter_ids": list(reservation.counter_ids),
                "request_id": reservation.request_id,
                "document_sha256": reservation.document_sha256,
                "row": _row_dict(self.row) if self.row else None,
                "claim_key": self.claim_key,
                "finished": _finished_dict(self.finished) if with_result and self.finished else None,
            },
            ensure_ascii=False,
            separators=(",", ":"),
        )

    @classmethod
    def from_text(cls, text: str) -> "Booking":
        """Read a booking back. Raises :class:`InternalError` when the text is not one."""
        try:
            data = json.loads(text)
            if data["version"] != _VERSION:
                raise InternalError(f"A booking of version {data['version']} cannot be read")
            return _booking(data)
        except (ValueError, KeyError, TypeError) as error:
            raise InternalError("A message in the outbox is not a booking") from error


def usage_row(
    reservation: Reservation,
    usage: Usage,
    *,
    outcome: str,
    kind: UsageKind = UsageKind.USAGE,
    model: str | None = None,
    cost_usd: Decimal | None = None,
    duration_ms: int | None = None,
) -> UsageRow:
    """The row that settles a reservation with ``usage``."""
    return UsageRow(
        call_id=reservation.call_id,
        attempt=reservation.attempt,
        kind=kind,
        token_id=reservation.token_id,
        caller=reservation.caller,
        usage=usage,
        local_day=reservation.local_day,
        model=model or reservation.model,
        source=reservation.source,
        outcome=outcome,
        request_id=reservation.request_id,
        cost_usd=cost_usd,
        duration_ms=duration_ms,
        document_sha256=reservation.document_sha256,
    )


def _row_dict(row: UsageRow) -> dict[str, Any]:
    return {
        "kind": row.kind.value,
        "model": row.model,
        "outcome": row.outcome,
        "cost_usd": None if row.cost_usd is None else str(row.cost_usd),
        "duration_ms": row.duration_ms,
        "usage": {
            "input_tokens": row.usage.input_tokens,
            "output_tokens": row.usage.output_tokens,
            "total_tokens": row.usage.total_tokens,
            "thoughts_tokens": row.usage.thoughts_tokens,
            "cached_tokens": row.usage.cached_tokens,
            "modalities": dict(row.usage.modalities),
            "requests": row.usage.requests,
        },
    }


def _finished_dict(finished: Finished) -> dict[str, Any]:
    return {
        "status": finished.status,
        "result": finished.result,
        "duplicate_key": finished.duplicate_key,
        "similar_key": finished.similar_key,
        "invoice_number": finished.invoice_number,
    }


def _booking(data: dict[str, Any]) -> Booking:
    reservation = Reservation(
        call_id=data["call_id"],
        attempt=data["attempt"],
        token_id=data["token_id"],
        caller=Caller(data["company_id"], data["username"], data["branch"], data["licence_id"]),
        local_day=date.fromisoformat(data["local_day"]),
        provider=Provider(data["provider"]),
        model=data["model"],
        source=Source(data["source"]),
        bound_tokens=data["bound_tokens"],
        counter_ids=tuple(data["counter_ids"]),
        request_id=data["request_id"],
        document_sha256=data["document_sha256"],
    )
    return Booking(
        reservation=reservation,
        row=_row(reservation, data["row"]) if data["row"] else None,
        claim_key=data["claim_key"],
        finished=Finished(**data["finished"]) if data["finished"] else None,
    )


def _row(reservation: Reservation, data: dict[str, Any]) -> UsageRow:
    cost = data["cost_usd"]
    return usage_row(
        reservation,
        Usage(**data["usage"]),
        outcome=data["outcome"],
        kind=UsageKind(data["kind"]),
        model=data["model"],
        cost_usd=None if cost is None else Decimal(cost),
        duration_ms=data["duration_ms"],
    )
