"""Records made of rows: a field of a record is the column of the same name, so that ``call_id`` is ``CallID``."""

from dataclasses import fields
from functools import cache
from typing import Any


def from_row[Record](record: type[Record], row: Any, **given: Any) -> Record:
    """The record of a row; ``given`` are the fields whose column has another name, or holds another form."""
    for field, column in _columns(record, *given):  # type: ignore[arg-type] # mypy: a class of any kind has no hash
        given[field] = getattr(row, column)
    return record(**given)


@cache
def _columns(record: Any, *given: str) -> list[tuple[str, str]]:
    """The fields of a record that are not given, each with the name of its column."""
    names = [field.name for field in fields(record) if field.name not in given]
    return [(name, "".join("ID" if word == "id" else word.title() for word in name.split("_"))) for name in names]
