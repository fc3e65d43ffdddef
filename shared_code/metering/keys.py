"""The provider keys of a company: which may serve at all, which can take a call, and in which order they are tried.

Random among equals, so that load spreads; Active keys before BelowThreshold ones (a warning, not a stop).
"""

import logging
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from shared_code import errors
from shared_code.database.stores.keys import tokens
from shared_code.metering.app_setting import AppSetting
from shared_code.metering.estimates import SMALLEST_BOUND, SMALLEST_CALLS
from shared_code.metering.key_standing import LASTING, utc_minute
from shared_code.observability import redaction
from shared_code.records import ApiKey, KeyStatus, Provider, TokenRequest

if TYPE_CHECKING:
    from shared_code.database.connection import Database
    from shared_code.database.key_cipher import KeyCipher
    from shared_code.database.stores.keys.tokens import StoredKey

_log = logging.getLogger(__name__)

#: what a caller is told to wait when running requests hold what is missing, in seconds
SOON = 60.0
USABLE_STATUSES = (KeyStatus.ACTIVE, KeyStatus.BELOW_THRESHOLD)
_NO_RESET = "It does not reset by itself: please ask for a higher limit."


@dataclass(frozen=True, slots=True)
class CompanyKeys:
    """Usable keys of a company (never empty) and the time zone by which its days turn.

    ``model`` is the one that APP_SETTING_FILE names, for a company that is served by its key. ``used_up`` are the keys
    that the timer has taken out of use because of their limit.
    """

    keys: tuple[ApiKey, ...]
    time_zone: str | None
    model: str | None = None
    used_up: tuple["StoredKey", ...] = ()

    def refusal_of(self, provider: Provider, *, needed_tokens: int = SMALLEST_BOUND) -> errors.ServiceError:
        """Why no key of this provider serves: the timer took one out of use for its limit, or none is there."""
        used_up = [row for row in self.used_up if Provider.parse(row.provider) is provider]
        return _used_up(needed_tokens, used_up) if used_up else errors.TokenUnavailable()


@dataclass(frozen=True, slots=True)
class KeyFinder:
    """Reads the keys of companies. One for the process.

    :ivar app_setting: the fallback for companies without any row, or None.
    :ivar clock: the moment, aware UTC.
    """

    database: "Database"
    cipher: "KeyCipher"
    app_setting: AppSetting | None
    clock: Callable[[], datetime]

    def usable_keys(self, company_id: str, *, needed_tokens: int = SMALLEST_BOUND) -> CompanyKeys:
        """The keys that may serve the company, budgets included. One statement.

        :param needed_tokens: what a limit that is used up would have to leave, for its refusal.
        :raises errors.TokenNotFound: the company has no key at all.
        :raises errors.QuotaExceeded: none is usable, and one of them only because its limit is used up.
        :raises errors.TokenExpired, errors.TokenUnavailable: none is usable otherwise; the newest one decides which.
        :raises errors.ConfigurationError: the key ring opens none of the usable keys; one beside others is left out.
        :raises errors.DatabaseUnavailable: the database cannot be reached.
        """
        rows = self.database.read(lambda connection: tokens.company_keys(connection, company_id))
        if not rows:
            return self._fallback(company_id)
        now = self.clock().astimezone(UTC).replace(tzinfo=None)
        able = [row for row in rows if _able(row, now)]
        usable = [row for row in able if KeyStatus.parse(row.status) in USABLE_STATUSES]
        used_up = tuple(row for row in able if KeyStatus.parse(row.status) is KeyStatus.FULLY_UTILIZED)
        if not usable:
            raise _used_up(needed_tokens, used_up) if used_up else _refusal(rows, now)
        return CompanyKeys(self._decrypted(usable), rows[0].time_zone, used_up=used_up)

    def _decrypted(self, rows: "Sequence[StoredKey]") -> tuple[ApiKey, ...]:
        keys, faults = [], []
        for row in rows:
            try:
                keys.append(row.decrypted(self.cipher))
            except errors.ConfigurationError as fault:
                faults.append(fault)
        if not keys:
            raise faults[0]
        for left_out in faults:
            _log.error("a key is left out: %s", left_out.message)
        for key in keys:
            redaction.remember_secret(key.secret)
        return tuple(keys)

    def _fallback(self, company_id: str) -> CompanyKeys:
        if self.app_setting is None:
            raise errors.TokenNotFound
        _log.warning("company %s has no key; the one in APP_SETTING_FILE is used", company_id)
        redaction.remember_secret(self.app_setting.secret)
        key = ApiKey(
            token_id=None,
            company_id=company_id,
            provider=Provider.GEMINI,
            status=KeyStatus.ACTIVE,
            secret=self.app_setting.secret,
        )
        return CompanyKeys((key,), None, self.app_setting.model)


class RunKeys:
    """The keys of one run: those read at its start, and read anew each further time that they are asked for.

    Statuses, cooldowns and budgets change while a run goes on; its first call needs no second look at them.
    """

    def __init__(self, finder: KeyFinder, company_id: str) -> None:
        self._finder = finder
        self._company_id = company_id
        self.company = finder.usable_keys(company_id)
        self._fresh: CompanyKeys | None = self.company

    def read(self, *, needed_tokens: int = SMALLEST_BOUND) -> CompanyKeys:
        """The usable keys now. Raises as :meth:`KeyFinder.usable_keys`."""
        fresh, self._fresh = self._fresh, None
        if fresh is not None:
            return fresh
        return self._finder.usable_keys(self._company_id, needed_tokens=needed_tokens)


def is_cooling(key: ApiKey, now: datetime) -> bool:
    """Whether the key rests after a limit of the provider; ``now`` is naive UTC."""
    return key.cooldown_until is not None and key.cooldown_until > now


def bound_that_fits(request: TokenRequest, *rooms: int | None) -> int | None:
    """Tokens to reserve within all ``rooms`` (None = no limit), or None when even the least does not fit."""
    scarce = [room for room in rooms if room is not None]
    tokens = min([request.full_bound, *scarce])
    return tokens if tokens >= request.least_bound else None


def in_order_of_trial(keys: Iterable[ApiKey], now: datetime) -> list[ApiKey]:
    """Keys that are not cooling: Active ones in random order, then BelowThreshold ones in random order."""
    ready = [key for key in keys if not is_cooling(key, now)]
    random.shuffle(ready)
    return sorted(ready, key=lambda key: USABLE_STATUSES.index(key.status))


def refusal(request: TokenRequest, keys: Iterable[ApiKey], now: datetime) -> errors.ServiceError:
    """Why none of ``keys`` can serve: all of those with room are cooling, or none has room."""
    rested = [
        key for key in keys if is_cooling(key, now) and bound_that_fits(request, key.available_tokens) is not None
    ]
    if rested:
        moment = min(key.cooldown_until for key in rested if key.cooldown_until is not None)
        return resting((moment - now).total_seconds(), now)
    return _no_room(request.least_bound, list(keys))


def resting(seconds: float, now: datetime, details: Mapping[str, Any] | None = None) -> errors.ProviderRateLimited:
    """What the user sees while every key rests; ``now`` is naive UTC.

    :param seconds: until the first one may be used again.
    """
    free_at = now + timedelta(seconds=seconds)
    told = None
    if timedelta(seconds=seconds) > LASTING:
        told = (
            f"The model provider's limit of your company's API keys is used up: they rest until {utc_minute(free_at)}. "
        )
        told += "Please send the document again after that."
    return errors.ProviderRateLimited(
        told,
        retry_after=max(seconds, 1.0),
        details={"reason": "all keys are cooling down", **(details or {}), "free_at": free_at.isoformat() + "Z"},
    )


def are_used_up(keys: Sequence["ApiKey | StoredKey"], needed_tokens: int) -> bool:
    """Whether no key will have room for so many tokens, not even when all that runs has ended and cost nothing."""
    return all(
        key.available_tokens is not None and key.available_tokens + key.reserved_tokens < needed_tokens for key in keys
    )


def _able(row: "StoredKey", now: datetime) -> bool:
    """Whether the key could serve, but for its status."""
    return Provider.parse(row.provider) is not None and bool((row.stored_key or "").strip()) and not _expired(row, now)


def _expired(row: "StoredKey", now: datetime) -> bool:
    return KeyStatus.parse(row.status) is KeyStatus.EXPIRED or (row.expires_at is not None and row.expires_at <= now)


def _refusal(rows: "Sequence[StoredKey]", now: datetime) -> errors.AccessError:
    newest = max(rows, key=lambda row: (row.created_at or datetime.min, row.token_id))  # noqa: DTZ901 - naive like the column
    return errors.TokenExpired() if _expired(newest, now) else errors.TokenUnavailable()


def _no_room(needed: int, keys: Sequence[ApiKey]) -> errors.QuotaExceeded:
    """Of keys that are in use."""
    available, details = _room(needed, keys)
    told = f"The token limit of your company's API key leaves {available} tokens"
    if are_used_up(keys, min(SMALLEST_CALLS.values())):
        told += ", which is less than any document needs"
    told += f"; this document needs at least {needed}."
    if are_used_up(keys, needed):
        return errors.LimitUsedUp(f"{told} {_NO_RESET}", details=details)
    # Not only the roomiest: another one may be full of requests that free most of it.
    told = f"{told} Running requests hold the rest and free what they do not use."
    return errors.QuotaExceeded(told, details=details, retry_after=SOON)


def _used_up(needed: int, keys: Sequence["StoredKey"]) -> errors.QuotaExceeded:
    """Of keys that the timer has taken out of use because of their limit."""
    available, details = _room(needed, keys)
    if are_used_up(keys, needed):
        told = f"The token limit of your company's API key leaves {available} tokens; at least {needed} are needed."
        return errors.LimitUsedUp(f"{told} {_NO_RESET}", details=details)
    told = "The token limit of your company's API key was used up and has room again: the key serves within minutes."
    return errors.QuotaExceeded(told, details=details, retry_after=SOON)


def _room(needed: int, keys: Sequence["ApiKey | StoredKey"]) -> tuple[int, dict[str, Any]]:
    """What the key with most room leaves, and the facts about its limit."""
    roomiest = max(keys, key=lambda key: key.available_tokens or 0, default=None)
    available = max(roomiest.available_tokens or 0, 0) if roomiest else 0
    return available, {
        "scope": "key",
        "limit": roomiest.total_token_limit if roomiest else None,
        "available": available,
        "reserved": roomiest.reserved_tokens if roomiest else 0,
        "needed": needed,
        "resets_at": None,
    }
