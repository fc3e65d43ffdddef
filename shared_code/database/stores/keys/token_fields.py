"""Checks of what people type about a key, before it reaches the database."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from shared_code.database.key_cipher import PREFIX
from shared_code.errors import InvalidRequest
from shared_code.labels import composed, problem_of, read_company_id, units
from shared_code.records import KeyStatus, Provider

#: what an HTTP header takes
_API_KEY = re.compile(r"[\x21-\x7e]{1,500}")
#: what every JSON reader holds exactly
MAX_TOKENS = 2**53 - 1
MAX_THRESHOLD = 2**31 - 1


def checked_company(company_id: str) -> str:
    """The id in upper case.

    :raises InvalidRequest: it is no company id.
    """
    company = read_company_id(company_id)
    if company is None:
        raise _invalid("company_id", "must be 1 to 50 characters of A-Z a-z 0-9 . _ -")
    return company


def checked_key(api_key: str) -> str:
    """The key without the blanks and newlines that come with pasting.

    :raises InvalidRequest: nothing is left, or it is no printable ASCII of at most 500 characters.
    """
    trimmed = api_key.strip()
    if not trimmed:
        raise _invalid("api_key", "is empty")
    if not _API_KEY.fullmatch(trimmed) or trimmed.startswith(PREFIX):
        raise _invalid("api_key", "must be at most 500 printable ASCII characters without blanks")
    return trimmed


def checked_provider(provider: str | None) -> Provider:
    """The provider that was typed; nothing is the default one.

    :raises InvalidRequest: there is no such provider.
    """
    known = Provider.parse(provider)
    if known is None:
        raise _invalid("provider", f"must be one of {', '.join(member.value for member in Provider)}")
    return known


def checked_status(status: str | None) -> KeyStatus:
    """The status that was typed.

    :raises InvalidRequest: there is no such status.
    """
    known = KeyStatus.parse(status)
    if known is None:
        raise _invalid("status", f"must be one of {', '.join(member.value for member in KeyStatus)}")
    return known


def checked_amount(name: str, amount: int | None, maximum: int) -> int | None:
    """The amount, None for none.

    :raises InvalidRequest: it is not within 0 and ``maximum``.
    """
    if amount is not None and (isinstance(amount, bool) or not 0 <= amount <= maximum):
        raise _invalid(name, f"must be a whole number from 0 to {maximum}, or empty")
    return amount


def checked_text(name: str, text: str | None, length: int) -> str | None:
    """The text without blanks at its ends, composed (NFC); None when it is empty.

    :raises InvalidRequest: it is longer than ``length`` characters, not UTF-8, or holds what cannot be printed.
    """
    trimmed = composed((text or "").strip())
    problem = problem_of(trimmed)
    if problem is not None:
        raise _invalid(name, problem)
    if units(trimmed) > length:
        raise _invalid(name, f"must be at most {length} characters")
    return trimmed or None


def naive_utc(moment: datetime | None) -> datetime | None:
    """As the columns hold it."""
    if moment is None or moment.tzinfo is None:
        return moment
    return moment.astimezone(UTC).replace(tzinfo=None)


def without_nulls(values: Mapping[str, Any]) -> dict[str, Any]:
    """NULLs left out of an insert: the ODBC driver asks the server for the type of each one that it is handed."""
    return {name: value for name, value in values.items() if value is not None}


def _invalid(field: str, problem: str) -> InvalidRequest:
    return InvalidRequest(f"{field} {problem}.", details={"field": field})
