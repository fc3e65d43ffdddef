"""What operators do to the companies' keys, over the API and the command line alike: each change with its audit row.

A change is one transaction: the row is held, compared with what the operator saw (its version), written, and recorded.
"""

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from shared_code.database.stores.keys import token_changes, token_keys, tokens
from shared_code.database.stores.keys.token_changes import token_facts
from shared_code.database.stores.keys.token_fields import checked_key, naive_utc
from shared_code.database.stores.keys.token_keys import NewToken
from shared_code.database.stores.keys.tokens import StoredKey
from shared_code.database.stores.operations.admin_audit import Actor, add_audit
from shared_code.errors import ChangedMeanwhile, ConfigurationError, Conflict, NotFound
from shared_code.observability import redaction
from shared_code.operations.access import require_own
from shared_code.providers.base import ModelCallFailed
from shared_code.records import KeyStatus

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from shared_code.database.connection import Database
    from shared_code.database.key_cipher import KeyCipher
    from shared_code.providers.base import ModelProvider
    from shared_code.records import Provider

#: says of the current version whether it is the one that the operator saw; None = whichever it is
IfVersion = Callable[[str], bool] | None
#: what changes by use, not by operators
_BY_USE = {"used_tokens", "remaining_tokens", "reserved_tokens", "cooldown_until", "updated_at"}


@dataclass(frozen=True, slots=True)
class KeyTest:
    """What a provider said about a key. ``reason`` is a short code, None when the key was accepted."""

    token_id: int
    provider: str
    accepted: bool
    reason: str | None
    message: str
    models: int | None
    milliseconds: int


def version_of(row: StoredKey) -> str:
    """A name for what operators can change of a key: it is another one after each change."""
    facts = {name: value for name, value in token_facts(row).items() if name not in _BY_USE}
    return hashlib.sha256(json.dumps(facts, default=str, sort_keys=True).encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class TokenAdministration:
    """Adds, changes, rotates and tests keys.

    :ivar default_threshold: for keys that come without one, in model tokens.
    :ivar clock: the moment (aware, UTC).
    """

    database: "Database"
    cipher: "KeyCipher"
    default_threshold: int
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def get(self, token_id: int, *, bound_to: str | None = None) -> StoredKey:
        """One key.

        :param bound_to: the one company that whoever asks may see; None = all.
        :raises NotFound: there is none of this id.
        :raises Forbidden: it is no key of ``bound_to``, or there is none.
        """
        row = self.database.read(lambda connection: tokens.get_token(connection, token_id))
        require_own(bound_to, row.company_id if row else None)
        return _existing(row, token_id)

    def add(self, new: NewToken, actor: Actor) -> StoredKey:
        """Store a key, encrypted.

        :raises InvalidRequest: a value is malformed.
        :raises Forbidden: it is for another company than the actor's.
        :raises AlreadyExists: the company has this key already.
        :raises Conflict: it would be active after its end date.
        """
        require_own(actor.company_id, new.company_id)
        if KeyStatus.parse(new.status) is KeyStatus.ACTIVE:
            self._check_end(naive_utc(new.expires_at))
        # What is refused is no key, and must not be masked wherever it stands from now on.
        redaction.remember_secret(checked_key(new.api_key))

        def work(connection: "Connection") -> StoredKey:
            threshold = self.default_threshold if new.threshold is None else new.threshold
            token_id = token_keys.add_token(connection, self.cipher, replace(new, threshold=threshold))
            row = _read(connection, token_id)
            add_audit(connection, actor, "token.add", f"token {token_id}", after=_audited(row))
            return row

        return self.database.run(work)

    def change(
        self, token_id: int, changes: Mapping[str, Any], actor: Actor, *, if_version: IfVersion = None
    ) -> StoredKey:
        """Write some of the fields that :func:`.token_changes.change_token` names.

        :raises NotFound, InvalidRequest: there is no such key; a value is malformed.
        :raises Forbidden: the actor is bound to a company that has no such key.
        :raises Conflict: it would be active after its end date.
        :raises ChangedMeanwhile: ``if_version`` says no.
        """

        def write(connection: "Connection", row: StoredKey) -> None:
            if KeyStatus.parse(changes.get("status")) is KeyStatus.ACTIVE:
                self._check_end(naive_utc(changes.get("expires_at", row.expires_at)))
            token_changes.change_token(connection, row, changes)

        return self._write(token_id, "token.change", actor, write, if_version)

    def set_status(self, token_id: int, status: KeyStatus, actor: Actor, *, if_version: IfVersion = None) -> StoredKey:
        """Block, disable or activate a key; activating ends its rest too.

        :raises NotFound: there is no such key.
        :raises Conflict: an expired key cannot be activated.
        :raises Forbidden, ChangedMeanwhile: see :meth:`change`.
        """

        def write(connection: "Connection", row: StoredKey) -> None:
            if status is not KeyStatus.ACTIVE:
                token_changes.change_token(connection, row, {"status": status.value})
                return
            self._check_end(row.expires_at)
            token_changes.activate_token(connection, row)

        names = {
            KeyStatus.ACTIVE: "token.activate",
            KeyStatus.BLOCKED: "token.block",
            KeyStatus.DISABLED: "token.disable",
        }
        return self._write(token_id, names.get(status, "token.change"), actor, write, if_version)

    def rotate(self, token_id: int, api_key: str, actor: Actor, *, if_version: IfVersion = None) -> StoredKey:
        """Put a new key in place of the old one; limits, use and history stay, and calls that run end with the old one.

        :raises NotFound: there is no such row.
        :raises InvalidRequest: the key is malformed.
        :raises AlreadyExists: the company has this key already.
        :raises Forbidden, ChangedMeanwhile: see :meth:`change`.
        """
        redaction.remember_secret(checked_key(api_key))

        def write(connection: "Connection", row: StoredKey) -> None:
            token_keys.replace_key(connection, self.cipher, row.token_id, api_key)

        return self._write(token_id, "token.rotate", actor, write, if_version)

    def test(
        self,
        token_id: int,
        providers: "Mapping[Provider, ModelProvider]",
        *,
        bound_to: str | None = None,
        timeout_seconds: float = 10.0,
    ) -> KeyTest:
        """Ask the key's provider for its list of models, which costs no tokens; the key's status is left alone.

        :raises NotFound, Forbidden: see :meth:`get`.
        """
        row = self.get(token_id, bound_to=bound_to)
        started = time.monotonic()

        def result(reason: str | None, message: str, models: int | None = None) -> KeyTest:
            return KeyTest(
                token_id=token_id,
                provider=str(token_facts(row)["provider"] or ""),
                accepted=reason is None,
                reason=reason,
                message=message,
                models=models,
                milliseconds=int((time.monotonic() - started) * 1000),
            )

        try:
            key = row.decrypted(self.cipher)
            redaction.remember_secret(key.secret)
            names = providers[key.provider].list_models(api_key=key.secret, timeout_seconds=timeout_seconds)
        except ConfigurationError as problem:
            # Of the settings or of the row: the sentence says which, and what stands there.
            return result("unreadable", redaction.redact(f"The key cannot be used: {problem.message}."))
        except ModelCallFailed as failure:
            return result(failure.reason, redaction.redact(failure.message))
        return result(None, f"The provider accepts this key; it may use {len(names)} models.", len(names))

    def _check_end(self, expires_at: datetime | None) -> None:
        if expires_at is not None and expires_at <= self.clock().replace(tzinfo=None):
            raise Conflict("expires_at of this key lies in the past. Change it first.", details={"field": "expires_at"})

    def _write(
        self,
        token_id: int,
        action: str,
        actor: Actor,
        write: "Callable[[Connection, StoredKey], object]",
        if_version: IfVersion,
    ) -> StoredKey:
        def work(connection: "Connection") -> StoredKey:
            found = token_changes.lock_token(connection, token_id)
            require_own(actor.company_id, found.company_id if found else None)
            before = _existing(found, token_id)
            if if_version is not None and not if_version(version_of(before)):
                raise ChangedMeanwhile
            write(connection, before)
            after = _read(connection, token_id)
            add_audit(connection, actor, action, f"token {token_id}", before=_audited(before), after=_audited(after))
            return after

        return self.database.run(work)


def _read(connection: "Connection", token_id: int) -> StoredKey:
    return _existing(tokens.get_token(connection, token_id), token_id)


def _existing(row: StoredKey | None, token_id: int) -> StoredKey:
    if row is None:
        raise NotFound(f"There is no token {token_id}.", details={"field": "token_id"})
    return row


def _audited(row: StoredKey) -> dict[str, Any]:
    return {name: value for name, value in token_facts(row).items() if name != "updated_at"}
