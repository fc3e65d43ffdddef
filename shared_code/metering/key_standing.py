"""Which keys of a company can serve now, and why the others cannot: one judgement for lists, alerts and refusals."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from shared_code.metering.estimates import SMALLEST_CALLS
from shared_code.records import KeyStatus, Provider

if TYPE_CHECKING:
    from shared_code.database.stores.keys.tokens import StoredKey

#: a rest that is longer is told by the moment at which it ends; a shorter one is over before anybody has read of it
LASTING = timedelta(minutes=10)
_MEASURED_SECONDS = 5
_USABLE = (KeyStatus.ACTIVE, KeyStatus.BELOW_THRESHOLD)


@dataclass(frozen=True, slots=True)
class KeyStanding:
    """How one key stands.

    :ivar words: its status, and what else keeps it from serving: ``Active, rests until 2026-11-30 08:00 UTC``.
    :ivar serves: whether it can take a call now.
    :ivar until: when what keeps it ends by itself (naive UTC); None when it does not.
    :ivar stranded: its limit leaves something, but less than any call of its provider needs.
    """

    token_id: int
    words: str
    serves: bool
    until: datetime | None = None
    stranded: bool = False


@dataclass(frozen=True, slots=True)
class CompanyStanding:
    """Whether a company is served.

    :ivar cause: why no key serves; None while one does.
    :ivar until: when the first key serves again by itself (naive UTC); None when none does.
    """

    keys: tuple[KeyStanding, ...]
    cause: str | None = None
    until: datetime | None = None

    def is_down(self, now: datetime) -> bool:
        """Whether no key serves, nor does one within minutes; ``now`` is naive UTC."""
        return self.cause is not None and (self.until is None or self.until - now > LASTING)


def utc_minute(moment: datetime) -> str:
    """A moment (naive UTC) for people, at most some seconds too early: waits are measured, midnight stays midnight."""
    if moment.second >= _MEASURED_SECONDS:
        moment += timedelta(minutes=1)
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def key_standing(key: "StoredKey", now: datetime, *, opens: bool = True) -> KeyStanding:
    """How a key stands at ``now`` (naive UTC).

    :param opens: whether this process can decrypt it.
    """
    status = KeyStatus.parse(key.status)
    words = status.value if status else f"status {key.status!r} is unknown"
    stranded = status in _USABLE and is_stranded(key)
    why = next((why for applies, why in _hindrances(key, status, now, opens=opens) if applies), None)
    if why is not None:
        return KeyStanding(key.token_id, f"{words}{why}", serves=False, stranded=stranded)
    if key.cooldown_until is not None and key.cooldown_until > now:
        words += f", rests until {utc_minute(key.cooldown_until)}"
        return KeyStanding(key.token_id, words, serves=False, until=key.cooldown_until)
    return KeyStanding(key.token_id, words, serves=True)


def _hindrances(
    key: "StoredKey", status: KeyStatus | None, now: datetime, *, opens: bool
) -> Iterator[tuple[bool, str]]:
    """What does not end by itself, the first one first: whether it applies, and the words."""
    expired = key.expires_at is not None and key.expires_at <= now and status is not KeyStatus.EXPIRED
    yield expired, f", expired at {utc_minute(key.expires_at)}" if key.expires_at else ""
    left = max(key.unused_tokens or 0, 0)
    yield status is KeyStatus.FULLY_UTILIZED, f", its limit leaves {left} tokens"
    yield status not in _USABLE, ""
    provider = Provider.parse(key.provider)
    yield provider is None, f", its provider {key.provider!r} is unknown"
    yield not (key.stored_key or "").strip(), ", there is no key in its row"
    yield not opens, ", its key does not open here"
    needed = SMALLEST_CALLS.get(provider) if provider else None
    yield is_stranded(key), f", stranded: its limit leaves {left} tokens, and the smallest call needs {needed}"


def is_stranded(key: "StoredKey") -> bool:
    """Whether the limit leaves less than any call of the provider needs, also when all that runs costs nothing."""
    provider = Provider.parse(key.provider)
    return provider is not None and key.unused_tokens is not None and key.unused_tokens < SMALLEST_CALLS[provider]


def company_standing(
    keys: "Sequence[StoredKey]", now: datetime, *, opens: "Callable[[StoredKey], bool]" = lambda _key: True
) -> CompanyStanding:
    """How a company's keys stand at ``now`` (naive UTC)."""
    found = tuple(key_standing(key, now, opens=opens(key)) for key in keys)
    if any(key.serves for key in found):
        return CompanyStanding(found)
    cause = "; ".join(f"token {key.token_id}: {key.words}" for key in found) or "it has no key"
    return CompanyStanding(found, cause, min((key.until for key in found if key.until is not None), default=None))
