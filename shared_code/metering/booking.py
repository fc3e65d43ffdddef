"""A booking that can wait: everything that settling one model call needs, also as text for the outbox queue.

The text is what survives a database outage, so it reads back to the very same booking.
"""

import json
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from shared_code.database.stores.extractions.readings import Finished, ReadingHead
from shared_code.errors import InternalError
from shared_code.records import Caller, Reservation, UsageRow

_VERSION = 2
_IDENTITY = ("call_id", "source", "request_id", "document_sha256")
_CALLER = ("company_id", "username", "branch", "licence_id")
_RESERVATION = ("attempt", "token_id", "local_day", "provider", "model", "bound_tokens")


@dataclass(frozen=True, slots=True)
class FullCopy:
    """Where a booking is kept with its result: the name of a blob, and the SHA-256 (hex) of what it must hold."""

    blob: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Booking:
    """A reservation, the usage row that settles it and, when the run succeeded, the result for its claim.

    Without a row the reservation is given back: the run ended before it made a call that costs anything.
    ``needed_tokens`` is what its claim is to remember then; see :func:`.claims.free_claim`. ``full_copy`` stands in a
    message whose result is too long for the queue, and ``head`` in a booking that has lost its result.
    """

    reservation: Reservation
    row: UsageRow | None
    claim_key: str | None = None
    finished: Finished | None = None
    needed_tokens: int | None = None
    full_copy: FullCopy | None = None
    head: ReadingHead | None = None

    def without_result(self) -> "Booking":
        """The booking that still knows which reading has no result."""
        return self if self.finished is None else replace(self, finished=None, head=self.finished.head)

    def anonymous(self) -> "Booking":
        """The booking without its result and without the names in its row; what it counts for stays exact."""
        row = self.row
        if row is not None:
            bare = replace(row.identity, caller=Caller(row.identity.caller.company_id), request_id=None)
            row = replace(row, identity=bare)
        return replace(self, row=row, finished=None, head=None, full_copy=None)

    @property
    def is_anonymous(self) -> bool:
        """Whether nothing of its document is left in it."""
        return self == self.anonymous()

    def to_text(self, *, with_result: bool = True) -> str:
        """JSON; never holds a key. Without the result it always fits into a queue message."""
        kept = self if with_result else self.without_result()
        message = {"version": _VERSION, "booking": _adapter().dump_python(kept, mode="json")}
        text = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
        # Half a surrogate pair, which a vendor's JSON can hold, can be sent nowhere.
        return text.encode("utf-8", "replace").decode()

    @classmethod
    def from_text(cls, text: str) -> "Booking":
        """Read a booking back, also one that an earlier version of this code has written.

        :raises InternalError: the text is not a booking.
        """
        try:
            message = json.loads(text)
            if message["version"] == 1:
                return _adapter().validate_python(_from_version_1(message))
            if message["version"] != _VERSION:
                raise InternalError(f"A booking of version {message['version']} cannot be read")
            return _adapter().validate_python(message["booking"])
        except (ValueError, KeyError, TypeError) as error:
            raise InternalError("A message in the outbox is not a booking") from error


@cache
def _adapter() -> TypeAdapter[Booking]:
    return TypeAdapter(Booking)


def _from_version_1(message: dict[str, Any]) -> dict[str, Any]:
    """Version 1 had one flat level; such messages may still wait in a queue when this version starts."""
    identity = {name: message[name] for name in _IDENTITY} | {"caller": {name: message[name] for name in _CALLER}}
    reservation = {name: message[name] for name in _RESERVATION} | {"identity": identity}
    shared = {name: reservation[name] for name in ("identity", "attempt", "token_id", "local_day")}
    row = message["row"]
    return {
        "reservation": reservation,
        "row": {**shared, **row} if row else None,
        "claim_key": message["claim_key"],
        "finished": message["finished"],
    }
