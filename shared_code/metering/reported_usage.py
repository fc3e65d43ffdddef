"""Use of a key that was reported from outside: booked as it is said, on the key's running total and on the quotas."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from shared_code import errors
from shared_code.database.stores.keys import token_changes, tokens
from shared_code.database.stores.usage import usage_rows
from shared_code.periods import local_day, zone
from shared_code.records import Caller, CallIdentity, Source, Usage, UsageKind, UsageRow

if TYPE_CHECKING:
    from shared_code.database.connection import Database

#: two of these fit into the INT column of a row's total
_MOST = (2**31 - 1) // 2
_MODALITIES = ("text_prompt_tokens", "image_prompt_tokens", "text_candidates_tokens")


@dataclass(frozen=True, slots=True)
class ReportedUsage:
    """Books reported use.

    :ivar clock: the moment (aware, UTC) that decides the day of the row.
    """

    database: "Database"
    clock: Callable[[], datetime]
    default_zone: str

    def book(self, token_id: int, counts: Mapping[str, Any], *, branch: str | None, username: str | None) -> str | None:
        """Add a usage row and move the totals of the key and the quotas, in one transaction; returns the new call id.

        :param counts: model tokens and requests by the seed's names; None is unknown.
        :returns: None when there is no such token.
        :raises errors.InvalidRequest: names the count that is no whole number within the column.
        """
        reported = _reported_usage(counts)
        call_id = str(uuid.uuid4())

        def work(connection: Connection) -> bool:
            token = tokens.get_token(connection, token_id)
            if token is None:
                return False
            token_changes.ensure_summary(connection, token_id, token.total_token_limit)
            caller = Caller((token.company_id or "").strip().upper(), username, branch)
            row = UsageRow(
                identity=CallIdentity(call_id, caller, Source.CLI),
                attempt=1,
                kind=UsageKind.USAGE,
                token_id=token_id,
                usage=reported,
                local_day=local_day(self.clock(), zone(token.time_zone, self.default_zone)),
                model=None,
                outcome="reported",
            )
            if usage_rows.insert_usage_once(connection, row):
                used = reported.billable_tokens or 0
                usage_rows.move_totals(connection, token_id, caller, row.local_day, used=used)
            return True

        return call_id if self.database.run(work, on_unknown=lambda _connection: None) else None


def _reported_usage(info: Mapping[str, Any]) -> Usage:
    counts: dict[str, int | None] = {}
    for name in ("input_tokens", "output_tokens", "requests", *_MODALITIES):
        value = info.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MOST):
            raise errors.InvalidRequest(
                f"{name} must be a whole number from 0 to {_MOST}, not {value!r}.", details={"field": name}
            )
        counts[name] = value
    known = {name: count for name in _MODALITIES if (count := counts[name]) is not None}
    requests = counts["requests"]
    return Usage(
        input_tokens=counts["input_tokens"],
        output_tokens=counts["output_tokens"],
        modalities=known,
        requests=1 if requests is None else requests,
    )
