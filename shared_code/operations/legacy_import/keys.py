"""The earlier system's keys, judged one by one: which can be taken over, which cannot, and why.

What is doubtful is not decided here: a key without a company, or one that stands there twice, stays where it is and is
named, with all its use, until somebody has mended it there.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from shared_code.database import key_cipher
from shared_code.database.legacy.values import moment, text, whole
from shared_code.database.stores.keys.token_fields import MAX_THRESHOLD, checked_key, checked_text
from shared_code.database.stores.keys.token_keys import NewToken
from shared_code.errors import InvalidRequest
from shared_code.labels import read_company_id
from shared_code.observability.redaction import remember_secret
from shared_code.records import KeyStatus, Provider


@dataclass(frozen=True, slots=True)
class LegacyTotal:
    """What TokenUsageSummary said of a key: ``used`` is None where it said nothing, ``rows`` how many it had."""

    used: int | None
    threshold: int | None
    rows: int


@dataclass(frozen=True, slots=True)
class LegacyKey:
    """A key of the earlier system.

    :ivar source_id: its TokenID there.
    :ivar company_id: in upper case; None where it names none that can be one here.
    :ivar new: what is stored for it; None = it cannot be taken over, and ``why`` says for what reason.
    :ivar notes: what is stored otherwise than it stood there.
    :ivar created_at: naive UTC.
    :ivar mark: the digest of the key; '' where there is none.
    """

    source_id: int
    company_id: str | None
    total: LegacyTotal | None
    new: NewToken | None = field(default=None, repr=False)
    why: str | None = None
    notes: tuple[str, ...] = ()
    created_at: datetime | None = None
    mark: str = ""


def read_totals(rows: Iterable[Mapping[str, Any]]) -> tuple[dict[int, LegacyTotal], int]:
    """The running totals by TokenID, several rows of a key added up; and how many rows belong to no key."""
    found: dict[int, LegacyTotal] = {}
    homeless = 0
    for row in rows:
        token_id, used, threshold = whole(row["TokenID"]), whole(row["TotalUsedTokens"]), whole(row["Threshold"])
        if token_id is None:
            homeless += 1
            continue
        before = found.get(token_id)
        if before is not None:
            amounts = [amount for amount in (before.used, used) if amount is not None]
            used, threshold = sum(amounts) if amounts else None, before.threshold
        elif threshold is not None and not 0 <= threshold <= MAX_THRESHOLD:
            threshold = None
        found[token_id] = LegacyTotal(used, threshold, before.rows + 1 if before else 1)
    return found, homeless


def read_keys(
    rows: Iterable[Mapping[str, Any]], totals: Mapping[int, LegacyTotal], zone: ZoneInfo, default_threshold: int
) -> list[LegacyKey]:
    """All keys, judged, in the order of their ids."""
    keys = [_judged(row, totals.get(row["TokenID"]), zone, default_threshold) for row in rows]
    same: defaultdict[tuple[str | None, str], list[int]] = defaultdict(list)
    for key in keys:
        if key.new is not None:
            same[key.company_id, key.mark].append(key.source_id)
    return [_alone(key, same[key.company_id, key.mark]) if key.new is not None else key for key in keys]


def _alone(key: LegacyKey, same: list[int]) -> LegacyKey:
    if len(same) == 1:
        return key
    others = ", ".join(str(number) for number in same if number != key.source_id)
    return replace(
        key, new=None, why=f"the company has the same key in row {others}: which limit and total hold must be decided"
    )


def _judged(row: Mapping[str, Any], total: LegacyTotal | None, zone: ZoneInfo, default_threshold: int) -> LegacyKey:
    typed = text(row["CompanyID"])
    key = LegacyKey(int(row["TokenID"]), read_company_id(typed), total, created_at=moment(row["CreatedAt"], zone))
    if key.company_id is None:
        return replace(key, why=f"{typed!a} can be no company id here" if typed else "it names no company")
    secret = text(row["ApiKey"])
    if not secret:
        return replace(key, why="it holds no key")
    if secret.startswith(key_cipher.PREFIX):
        return replace(key, why="it was encrypted by this service, for another row")
    remember_secret(secret)
    try:
        checked_key(secret)
    except InvalidRequest:
        return replace(key, why="its key holds characters that no provider's key has")
    provider = Provider.parse(row["Provider"])
    if provider is None:
        return replace(key, why=f"there is no provider {text(row['Provider'])!a}; there are {Provider.spelled_out()}")
    notes: list[str] = []
    new = NewToken(
        company_id=key.company_id,
        api_key=secret,
        company_name=_name(row["CompanyName"], notes),
        provider=provider.value,
        total_token_limit=_limit(row["TotalTokenLimit"], notes),
        threshold=default_threshold if total is None or total.threshold is None else total.threshold,
        status=_status(row["Status"], notes).value,
    )
    if total is not None and total.rows > 1:
        notes.append("several running totals were added up")
    return replace(key, new=new, notes=tuple(notes), mark=key_cipher.fingerprint(secret))


def _name(value: Any, notes: list[str]) -> str | None:
    try:
        return checked_text("CompanyName", text(value), 200)
    except InvalidRequest:
        notes.append("the company's name holds what cannot be printed, and is left out")
        return None


def _limit(value: Any, notes: list[str]) -> int | None:
    limit = whole(value)
    if limit is not None and limit < 0:
        notes.append("its limit was negative, and is 0: it serves once you have set one")
        return 0
    return limit


def _status(value: Any, notes: list[str]) -> KeyStatus:
    status = KeyStatus.parse(value)
    if status is None:
        notes.append("its status was not one that is known, and is Disabled")
        return KeyStatus.DISABLED
    return status
