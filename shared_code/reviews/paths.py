"""Paths of values in an answer, and values as the schema wants them: what a person types is checked like anything else.

``invoices[0].line_items[2].net_amount``; of an answer with one invoice the first part may be left out. An element of a
list is replaced by a value, taken away by null, and added under the number after the last one.
"""

import dataclasses
import datetime as dt
import re
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any

from shared_code.errors import InvalidRequest
from shared_code.invoices.schema import DOCUMENT_TYPES, TAX_ID_TYPES, Invoice, money_text

_PATH = re.compile(r"[a-z_]+(\[\d{1,5}\])?(\.[a-z_]+(\[\d{1,5}\])?){0,5}")
_STEP = re.compile(r"([a-z_]+)(?:\[(\d+)\])?")
_LONGEST_PATH = 200
_LONGEST_TEXT = 4_000
_MOST_ELEMENTS = 5_000
_AMOUNT = re.compile(r"-?\d{1,20}(\.\d{1,10})?")
_CODE = re.compile(r"[A-Z]{3}")
_COUNTRY = re.compile(r"[A-Z]{2}")
_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
#: fields of the schema that only a reader fills
_HIDDEN = frozenset({"impossible_dates"})
_CHOICES: Mapping[str, tuple[str, ...]] = {"document_type": DOCUMENT_TYPES, "tax_id_type": TAX_ID_TYPES}
_PATTERNS = {"currency": _CODE, "tax_currency": _CODE, "country": _COUNTRY}


@dataclass(frozen=True, slots=True)
class Step:
    """One part of a path; ``index`` is that of an element of a list."""

    name: str
    index: int | None = None


@dataclass(frozen=True, slots=True)
class FieldPath:
    """A value in an answer. ``hint`` is its type in the schema; of an element that of the element."""

    invoice: int
    steps: tuple[Step, ...]
    hint: Any

    @property
    def own(self) -> str:
        """The path within its invoice."""
        return ".".join(f"{step.name}[{step.index}]" if step.index is not None else step.name for step in self.steps)

    def within(self, invoices: int) -> str:
        """The path in an answer with so many invoices, as its warnings name it."""
        return self.own if invoices == 1 else f"invoices[{self.invoice}].{self.own}"

    @property
    def is_element(self) -> bool:
        """Whether it is an element of a list, which can be added and taken away."""
        return self.steps[-1].index is not None


def read_path(text: str, *, invoices: int) -> FieldPath:
    """The path of a value in an answer with so many invoices.

    :raises InvalidRequest: there is no such value.
    """
    if len(text) > _LONGEST_PATH or not _PATH.fullmatch(text):
        raise _no_field(text)
    steps = [
        Step(found[1], None if found[2] is None else int(found[2]))
        for part in text.split(".")
        if (found := _STEP.fullmatch(part))
    ]
    invoice = 0
    if steps[0].name == "invoices":
        invoice = steps.pop(0).index or 0
    elif invoices != 1:
        raise _no_field(text, "With several invoices a field begins with invoices[0].")
    if not steps or invoice >= invoices:
        raise _no_field(text)
    return FieldPath(invoice, tuple(steps), _hint_at(steps, text))


def checked_value(path: FieldPath, value: Any) -> Any:
    """A value as an answer shows it: amounts as decimal text, days as ISO 8601, whole records with all their fields.

    :raises InvalidRequest: it is not a value of this field.
    """
    if value is None and path.is_element:
        return None
    return _checked(path.hint, value, path.own, path.steps[-1].name)


def empty_record(hint: Any) -> dict[str, Any]:
    """A record of the schema without any value."""
    record = _plain(hint)
    return {name: _empty(kind) for name, kind in _fields(record).items()}


def _hint_at(steps: list[Step], text: str) -> Any:
    hint: Any = Invoice
    for number, step in enumerate(steps):
        known = _fields(_plain(hint))
        if step.name not in known:
            raise _no_field(text)
        hint = known[step.name]
        element = _element(hint)
        if step.index is not None:
            if element is None:
                raise _no_field(text)
            hint = element
        elif element is not None and number < len(steps) - 1:
            raise _no_field(text)
    return hint


@cache
def _fields(record: Any) -> dict[str, Any]:
    """The fields of a record by name; none of what is no record."""
    if not dataclasses.is_dataclass(record):
        return {}
    return {name: hint for name, hint in typing.get_type_hints(record).items() if name not in _HIDDEN}


def _plain(hint: Any) -> Any:
    """The type without None."""
    if isinstance(hint, types.UnionType):
        return next(part for part in typing.get_args(hint) if part is not types.NoneType)
    return hint


def _element(hint: Any) -> Any:
    """The type of a list's elements; None for what is no list."""
    return typing.get_args(hint)[0] if typing.get_origin(hint) is tuple else None


def _empty(hint: Any) -> Any:
    if _element(hint) is not None:
        return []
    if dataclasses.is_dataclass(hint):
        return empty_record(hint)
    return None


def _checked(hint: Any, value: Any, path: str, name: str) -> Any:
    element, kind = _element(hint), _plain(hint)
    if element is not None:
        if not isinstance(value, list | types.NoneType) or len(value or ()) > _MOST_ELEMENTS:
            raise _unfit(path, f"a list of at most {_MOST_ELEMENTS}")
        return [_checked(element, one, f"{path}[{index}]", name) for index, one in enumerate(value or ())]
    if value is None:
        return _empty(hint)
    if dataclasses.is_dataclass(kind):
        return _record(kind, value, path)
    return _SIMPLE[kind](value, path, name)


def _record(kind: Any, value: Any, path: str) -> dict[str, Any]:
    known = _fields(kind)
    if not isinstance(value, dict) or not value.keys() <= known.keys():
        raise _unfit(path, f"an object with fields of {', '.join(known)}")
    return {name: _checked(hint, value.get(name), f"{path}.{name}", name) for name, hint in known.items()}


def _text(value: Any, path: str, name: str) -> str | None:
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT or _UNSEEN.search(value):
        raise _unfit(path, f"text of at most {_LONGEST_TEXT} characters")
    # Half of a surrogate pair can be stored nowhere.
    text = value.encode("utf-8", "replace").decode().strip()
    if not text:
        return None
    if name in _PATTERNS and not _PATTERNS[name].fullmatch(text := text.upper()):
        raise _unfit(path, f"a code of {3 if _PATTERNS[name] is _CODE else 2} letters")
    if name in _CHOICES and text not in _CHOICES[name]:
        raise _unfit(path, f"one of {', '.join(_CHOICES[name])}")
    return text


def _amount(value: Any, path: str, _name: str) -> str | None:
    if isinstance(value, str) and not value.strip():
        return None
    text = value.strip() if isinstance(value, str) else str(value)
    if isinstance(value, bool) or not isinstance(value, str | int | float) or not _AMOUNT.fullmatch(text):
        raise _unfit(path, "a number such as 1592.50")
    try:
        return money_text(Decimal(text))
    except InvalidOperation as error:
        raise _unfit(path, "a number such as 1592.50") from error


def _day(value: Any, path: str, _name: str) -> str | None:
    if isinstance(value, str) and not value.strip():
        return None
    try:
        return dt.date.fromisoformat(str(value).strip()).isoformat()
    except ValueError as error:
        raise _unfit(path, "a day such as 2026-03-05") from error


def _flag(value: Any, path: str, _name: str) -> bool:
    if not isinstance(value, bool):
        raise _unfit(path, "true or false")
    return value


def _whole(value: Any, path: str, _name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**31:
        raise _unfit(path, "a whole number")
    return value


_SIMPLE: Mapping[Any, Callable[[Any, str, str], Any]] = {
    str: _text,
    Decimal: _amount,
    dt.date: _day,
    bool: _flag,
    int: _whole,
}


def _no_field(text: str, more: str = "") -> InvalidRequest:
    shown = text[:_LONGEST_PATH]
    return InvalidRequest(f"{shown!r} is no field of this reading. {more}".strip(), details={"field": shown})


def _unfit(path: str, wanted: str) -> InvalidRequest:
    return InvalidRequest(f"The value of {path} must be {wanted}.", details={"field": path, "reason": "value"})
