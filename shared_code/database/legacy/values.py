"""Values of the earlier system's rows: numbers, texts and moments as drivers and people left them."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

#: what an INT column holds
MOST = 2**31 - 1


def whole(value: Any) -> int | None:
    """A whole number; None for NULL and for what is none (SQLite keeps any text in a column of numbers)."""
    if isinstance(value, str):
        trimmed = value.strip()
        return int(trimmed) if trimmed.lstrip("-").isdecimal() and len(trimmed) < len(str(2**63)) else None
    if isinstance(value, int | float | Decimal) and value == value // 1:
        return int(value)
    return None


def moment(value: Any, zone: ZoneInfo) -> datetime | None:
    """A moment as naive UTC; None for NULL and for what is none.

    :param zone: of moments that do not say theirs.
    """
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    try:
        return (value if value.tzinfo else value.replace(tzinfo=zone)).astimezone(UTC).replace(tzinfo=None)
    except OverflowError:  # the first and the last day of the calendar
        return None


def text(value: Any) -> str:
    """A text without blanks around it; '' for NULL."""
    return "" if value is None else str(value).strip()
