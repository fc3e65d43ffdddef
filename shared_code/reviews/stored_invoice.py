"""An invoice out of the JSON of an answer. A value that is not in the form of its field is None in it."""

import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from decimal import Decimal
from functools import cache
from types import UnionType
from typing import Any, cast, get_args, get_origin, get_type_hints

from shared_code.invoices.schema import Invoice

_DECIMAL = re.compile(r"[+-]?\d{1,40}(?:\.\d{1,20})?", re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
#: noted while reading, and no value of the document
_OURS = "impossible_dates"


def read_invoice(data: Mapping[str, Any]) -> Invoice:
    """The invoice; what is no field of the schema (status, evidence, ...) is left out."""
    return cast("Invoice", _record(Invoice, data))


def _record(kind: Any, data: Mapping[str, Any]) -> Any:
    return kind(**{name: _value(hint, data.get(name), optional) for name, (hint, optional) in _members(kind).items()})


def _value(hint: Any, value: Any, optional: bool) -> Any:  # noqa: FBT001 - two of a pair
    if get_origin(hint) is tuple:
        kind = get_args(hint)[0]
        found = (_value(kind, one, False) for one in (value if isinstance(value, list) else ()))  # noqa: FBT003 - as above
        return tuple(one for one in found if one is not None)
    if is_dataclass(hint):
        known = isinstance(value, Mapping)
        return _record(hint, value if known else {}) if known or not optional else None
    return None if value is None else _READERS[hint](value)


@cache
def _members(kind: Any) -> dict[str, tuple[Any, bool]]:
    """The fields of a record: what each holds, and whether it may be None."""
    hints = get_type_hints(kind)
    return {entry.name: _without_none(hints[entry.name]) for entry in fields(kind) if entry.name != _OURS}


def _without_none(kind: Any) -> tuple[Any, bool]:
    if isinstance(kind, UnionType):
        return next(member for member in get_args(kind) if member is not type(None)), True
    return kind, False


def _date(value: Any) -> dt.date | None:
    try:
        return dt.date.fromisoformat(value) if isinstance(value, str) and _DATE.fullmatch(value) else None
    except ValueError:  # a day that the calendar does not have
        return None


_READERS: Mapping[Any, Callable[[Any], Any]] = {
    str: lambda value: value if isinstance(value, str) else None,
    Decimal: lambda value: Decimal(value) if isinstance(value, str) and _DECIMAL.fullmatch(value) else None,
    dt.date: _date,
    int: lambda value: value if isinstance(value, int) and not isinstance(value, bool) else None,
    bool: lambda value: value if isinstance(value, bool) else None,
}
