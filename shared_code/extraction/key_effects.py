"""What a failed call does to the key it used, and what operators learn of it.

Nothing here may fail a request: when the database is away, the run goes on without the key, and the next refusal
writes it down.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from shared_code.database.stores.keys import tokens
from shared_code.database.stores.operations import retries
from shared_code.errors import ServiceError
from shared_code.metering.keys import is_cooling
from shared_code.operations.alerts import raise_alert
from shared_code.providers.base import KeyEffect, ModelCallFailed
from shared_code.records import Alert, ApiKey, KeyStatus, RetryAttempt

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from shared_code.database.connection import Database

_log = logging.getLogger(__name__)

_STATUS = {
    KeyEffect.BLOCKED: KeyStatus.BLOCKED,
    KeyEffect.PROJECT_BLOCKED: KeyStatus.BLOCKED,
    KeyEffect.EXPIRED: KeyStatus.EXPIRED,
    KeyEffect.NO_CREDIT: KeyStatus.EXCEEDED,
}
#: rest of a key whose provider named no time, in seconds
_PLAIN_COOLDOWN = 30.0
#: seconds that a note may wait for the database
_NOTE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class KeyEffects:
    """Statuses, cooldowns, RetryAttempts rows and alerts that follow from failed calls.

    :ivar clock: the moment, aware UTC.
    """

    database: "Database"
    clock: Callable[[], datetime]

    def apply(self, key: ApiKey, failure: ModelCallFailed) -> None:
        """Write down what the provider said about the key.

        It is about the secret that was sent: a key that took its place in the row meanwhile is left alone.
        """
        if key.token_id is None or key.stored_key is None or failure.key_effect is KeyEffect.NONE:
            return
        token_id, sent = key.token_id, key.stored_key
        if failure.key_effect is KeyEffect.COOLING:
            until = self._cooldown_until(failure)
            if self._write(lambda connection: tokens.set_cooldown(connection, token_id, until, stored_key=sent)):
                _log.warning("token %d of company %s rests until %sZ", token_id, key.company_id, until.isoformat())
            return
        status = _STATUS[failure.key_effect]
        refused = self._write(lambda connection: tokens.refuse_key(connection, token_id, status, stored_key=sent))
        if refused is False:
            _log.info("token %d was replaced or set aside before its provider refused it", token_id)
            return
        if refused and failure.key_effect is KeyEffect.PROJECT_BLOCKED and key.provider_project:
            project = key.provider_project
            self._write(lambda connection: tokens.block_project(connection, key.company_id, project))
        raise_alert(
            self.database,
            Alert(
                kind="key_refused",
                subject=str(token_id),
                severity="error",
                message=f"{key.provider} refuses token {token_id} of company {key.company_id} ({failure.reason}); "
                f"its status is now {status}.",
                details={"company_id": key.company_id, "reason": failure.reason, "project": key.provider_project},
            ),
        )

    def note_attempt(self, attempt: RetryAttempt) -> None:
        """Add a row to RetryAttempts."""
        self._write(lambda connection: retries.insert_retries(connection, [attempt]))
        _log.warning(
            "attempt %d failed%s: %s", attempt.attempt, "" if attempt.retryable else " for good", attempt.error
        )

    def unmeasured(self, model: str, reason: str) -> None:
        """A call may have been billed without saying what it cost."""
        raise_alert(
            self.database,
            Alert(
                kind="unmeasured_call",
                subject=model,
                severity="warning",
                message=f"Calls of {model} ended without a usage report ({reason}); see the unmeasured usage rows.",
                details={"model": model, "reason": reason},
            ),
        )

    def cooling(self, keys: Sequence[ApiKey]) -> list[ApiKey]:
        """Those of the keys that rest at present."""
        now = self.now()
        return [key for key in keys if is_cooling(key, now)]

    def seconds_until_free(self, cooling: Sequence[ApiKey]) -> float | None:
        """Seconds until the first of these keys may be used again, or None when there is none."""
        moments = [key.cooldown_until for key in cooling if key.cooldown_until is not None]
        return max((min(moments) - self.now()).total_seconds(), 0.05) if moments else None

    def _cooldown_until(self, failure: ModelCallFailed) -> datetime:
        if failure.cooldown_until is not None:
            return failure.cooldown_until
        seconds = failure.wait_seconds if failure.wait_seconds is not None else _PLAIN_COOLDOWN
        return self.now() + timedelta(seconds=seconds)

    def now(self) -> datetime:
        """The moment, naive UTC."""
        return self.clock().astimezone(UTC).replace(tzinfo=None)

    def _write[T](self, work: "Callable[[Connection], T]") -> "T | None":
        """What ``work`` returns, or None when the database is away."""
        try:
            return self.database.run(work, budget_seconds=_NOTE_SECONDS, on_unknown=lambda _connection: None)
        except ServiceError as error:
            _log.warning("a note on a failed call could not be stored: %s", error.code)
            return None
