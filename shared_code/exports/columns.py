"""The columns in which a record of the invoice schema stands, read from its declaration: a new field is a new column.

A cell is text, a Decimal, an int, a date, a moment, True or False, or None. What the answer holds as text (decimals,
dates) becomes a value of its kind again; a date that the calendar does not have stays the text that is printed.
"""

import dataclasses
import datetime as dt
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from shared_code.invoices import schema

type Cell = str | Decimal | int | dt.date | dt.datetime | bool | None
#: gets the value of a column out of a record of the answer
type Getter = Callable[[Mapping[str, Any]], Cell]


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, and how it finds its cell in a record as the answer holds it."""

    name: str
    cell: Getter


#: never columns: what has a table of its own, or stands elsewhere
_NOT_SHOWN = frozenset({"impossible_dates", "line_items", "taxes", "withholdings", "discounts"})


def columns_of(record: type, prefix: str = "", *path: str) -> Iterator[Column]:
    """The columns of a record; those of a record within it follow under its name: ``seller_name``.

    Several texts stand in one cell. Of bank accounts the first one is shown, which is the one that is to be paid to.
    """
    for name, hint in typing.get_type_hints(record).items():
        if name in _NOT_SHOWN:
            continue
        kind = _without_none(hint)
        if dataclasses.is_dataclass(kind):
            yield from columns_of(typing.cast("type", kind), f"{prefix}{name}_", *path, name)
        elif kind == tuple[schema.BankAccount, ...]:
            yield from columns_of(schema.BankAccount, prefix, *path, name, "0")
        else:
            yield Column(f"{prefix}{name}", _Found((*path, name), _READ[kind]))


@dataclass(frozen=True, slots=True)
class _Found:
    """Follows a path through the answer, as far as it goes."""

    path: tuple[str, ...]
    read: Callable[[Any], Cell]

    def __call__(self, record: Mapping[str, Any]) -> Cell:
        value: Any = record
        for step in self.path:
            if isinstance(value, list):
                value = value[0] if value else None
            else:
                value = value.get(step) if value is not None else None
        return None if value is None else self.read(value)


def _without_none(hint: Any) -> Any:
    if isinstance(hint, types.UnionType):
        return next(part for part in typing.get_args(hint) if part is not types.NoneType)
    return hint


def _decimal(text: str) -> Cell:
    try:
        return Decimal(text)
    except InvalidOperation:
        return text


def _date(text: str) -> Cell:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        return text


_READ: dict[Any, Callable[[Any], Cell]] = {
    str: str,
    Decimal: _decimal,
    dt.date: _date,
    int: int,
    bool: bool,
    tuple[str, ...]: "; ".join,
}
