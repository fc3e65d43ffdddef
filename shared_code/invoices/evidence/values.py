"""The values of an invoice that can stand on a page, by their paths in an answer."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any

from shared_code.invoices.schema import Invoice

type Value = str | Decimal | date

#: what is ours and not the document's: kinds that we name, codes that were looked up, places in the answer
_OURS = frozenset({
    "document_type", "tax_id_type", "country", "state_code", "place_of_supply_code", "supply_type", "page", "qr",
    "impossible_dates", "category",
})  # fmt: skip
#: of these records each is a row of a table, whose cells stand side by side
TABLES = ("line_items", "taxes", "withholdings")


def values_of(record: Any, path: str = "") -> Iterator[tuple[str, Value]]:
    """Path and value of each value below a record, those of tables left out."""
    stem = f"{path}." if path else ""
    for name in _names(type(record)):  # type: ignore[arg-type] # mypy: a class of any kind has no hash
        value = getattr(record, name)
        if value is None or value == ():
            continue
        if isinstance(value, tuple):
            for index, part in enumerate(value):
                yield from (
                    ((f"{stem}{name}[{index}]", part),)
                    if _is_value(part)
                    else values_of(part, f"{stem}{name}[{index}]")
                )
        elif _is_value(value):
            yield stem + name, value
        else:
            yield from values_of(value, stem + name)


def _is_value(value: Any) -> bool:
    return isinstance(value, str | Decimal | date)


@cache
def _names(record: Any) -> tuple[str, ...]:
    """The fields of a record in which a value of the document can stand; none for what is no record."""
    if not is_dataclass(record):
        return ()
    left_out = {*_OURS, *TABLES} if record is Invoice else _OURS
    return tuple(entry.name for entry in fields(record) if entry.name not in left_out)


def record_of(path: str) -> str:
    """The record that a value belongs to: what stands near one of its values is likelier to be another of them."""
    return path.rpartition(".")[0]
