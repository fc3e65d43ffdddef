"""What a path such as ``line_items[2].net_amount`` names in the schema, and when two of its values are the same.

Two values are the same when a bookkeeper would type the same: amounts as numbers, dates as dates, document numbers
without blanks and a number sign before them, all other text as letters and digits without regard to case.
"""

import datetime as dt
import difflib
import re
import unicodedata
from collections.abc import Hashable
from dataclasses import dataclass, fields, is_dataclass
from decimal import Decimal, InvalidOperation
from functools import cache
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from shared_code.invoices.schema import Invoice
from shared_code.invoices.text_layer import compact_code

_PATH = re.compile(r"[a-z_]+(?:\[\d+\])?(?:\.[a-z_]+(?:\[\d+\])?)*", re.ASCII)
_STEP = re.compile(r"[^.\[\]]+")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_NUMBER_SIGN = re.compile(r"^(?:#|№|n[ºo°]\.?(?=[\W\d]))", re.IGNORECASE)
#: numbers of documents, whose hyphens and strokes tell one from another
_DOCUMENT_NUMBERS = {"invoice_number", "number", "po_numbers", "po_number", "delivery_note_numbers", "contract_number"}
#: amounts that add nothing when they are zero: most documents then do not print them
_NOTHING_WHEN_ZERO = {"discount_total", "charges_total", "round_off", "tip", "amount_paid", "previous_balance"}
#: not read from the document, but noted while reading
_OURS = {"impossible_dates"}


class UnknownField(Exception):
    """The schema of invoices has no such path; the message says what it has in its place."""


class BadValue(Exception):
    """A known value is not of its field's kind."""


@dataclass(frozen=True, slots=True)
class Field:
    """A path of the schema.

    :ivar rows: the list of records that the path leads through (``line_items``), None for a value of its own.
    :ivar index: which record of them, counted from 0; None beside ``rows`` means all of them.
    :ivar name: the path inside the record, or the whole path; ``[0]`` stands where a list of plain texts is meant.
    :ivar kind: what a value is: Decimal, date, bool, int or str.
    """

    name: str
    kind: type
    rows: str | None = None
    index: int | None = None

    @property
    def title(self) -> str:
        """The field without the numbers of its records: ``line_items[].net_amount``."""
        plain = re.sub(r"\[\d+\]", "[]", self.name)
        return f"{self.rows}[].{plain}" if self.rows else plain


@cache
def field_of(path: str) -> Field:
    """The field that a path names.

    :raises UnknownField: the schema has none.
    """
    if not _PATH.fullmatch(path):
        raise UnknownField(f"{path!r} is no path such as seller.tax_id or line_items[0].net_amount.")
    kind: Any = Invoice
    rows: tuple[str, int] | None = None
    start = 0
    for found in _STEP.finditer(path):
        step = found[0]
        if step.isdigit():
            if get_origin(kind) is not tuple:
                raise UnknownField(f"{path[: found.start() - 1]} is no list.")
            kind = get_args(kind)[0]
            if rows is None and is_dataclass(kind):
                rows, start = (path[: found.start() - 1], int(step)), found.end() + 2
            continue
        known = members(kind)
        if step not in known:
            whole = path[: found.start()].rstrip(".") or "an invoice"
            raise UnknownField(f"there is no {step} in {whole}; {_has(known, step)}")
        kind = known[step]
    if kind not in {str, Decimal, dt.date, bool, int}:
        raise UnknownField(f"{path} is no single value; {_has(members(kind))}")
    return Field(path[start:], kind, *(rows or ()))


@cache
def list_kind(path: str) -> type | None:
    """The record of a list of records (``line_items``), or None when the path names none."""
    kind: Any = Invoice
    for step in path.split("."):
        kind = members(kind).get(step)
    item = get_args(kind)[0] if get_origin(kind) is tuple else None
    return item if isinstance(item, type) and is_dataclass(item) else None


def at(record: Any, path: str) -> Any:
    """The value under a path of an invoice as JSON; None where it ends early."""
    for step in _STEP.findall(path):
        if isinstance(record, list):
            record = record[int(step)] if step.isdigit() and int(step) < len(record) else None
        else:
            record = record.get(step) if isinstance(record, dict) else None
    return record


def text_of(value: Any) -> str | None:
    """A JSON value as text; None and blank text are None."""
    if value is None or isinstance(value, bool):
        return None if value is None else str(value).lower()
    text = format(value, "f") if isinstance(value, Decimal) else str(value)
    return text if text.strip() else None


def checked(field: Field, value: Any) -> str | None:
    """A known value as text, if it is of its field's kind.

    :raises BadValue: it is not; the message says what is wanted.
    """
    if value is None:
        return None
    if isinstance(value, (dict, list)) or (field.kind is bool) is not isinstance(value, bool):
        raise BadValue(f"{value!r} is not {_WANTED[field.kind]}.")
    text = text_of(value)
    if text is not None and field.kind in {Decimal, int} and not _is_number(text):
        raise BadValue(f"{value!r} is not {_WANTED[field.kind]}.")
    if text is not None and field.kind is dt.date and not _DATE.fullmatch(text):
        raise BadValue(f"{value!r} is not {_WANTED[field.kind]}.")
    return text


def is_nothing(field: Field, text: str | None) -> bool:
    """Whether a value says as much as its absence."""
    if text is None:
        return True
    return field.name in _NOTHING_WHEN_ZERO and _is_number(text) and not Decimal(text)


def normalised(field: Field, text: str) -> Hashable:
    """What is compared in place of a value's text."""
    if field.kind in {Decimal, int}:
        return Decimal(text) if _is_number(text) else text
    if field.kind is not str:
        return text.strip()
    folded = unicodedata.normalize("NFKC", text)
    last = [step for step in _STEP.findall(field.name) if not step.isdigit()][-1]
    if last in _DOCUMENT_NUMBERS:
        return _NUMBER_SIGN.sub("", "".join(text.split())).casefold()
    return compact_code(folded) or folded.strip()


_WANTED = {
    Decimal: "a number such as 1234.50",
    int: "a whole number",
    dt.date: "a date such as 2026-11-02",
    bool: "true or false",
    str: "text",
}


def _is_number(text: str) -> bool:
    try:
        return Decimal(text).is_finite()
    except InvalidOperation:
        return False


@cache
def members(kind: Any) -> dict[str, Any]:
    """The fields of a record by name with their kinds, without ``| None``; empty for a plain value."""
    if not (isinstance(kind, type) and is_dataclass(kind)):
        return {}
    hints = get_type_hints(kind)
    return {entry.name: _without_none(hints[entry.name]) for entry in fields(kind) if entry.name not in _OURS}


def _without_none(kind: Any) -> Any:
    if isinstance(kind, UnionType):
        return next(member for member in get_args(kind) if member is not type(None))
    return kind


def _has(known: dict[str, Any], wanted: str = "") -> str:
    near = difflib.get_close_matches(wanted, known, n=1)
    if near:
        return f"did you mean {near[0]}?"
    return f"it has {', '.join(sorted(known))}." if known else "it has no parts."
