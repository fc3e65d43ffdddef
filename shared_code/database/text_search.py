"""Search in text columns for words as they stand, on every backend.

LIKE has three characters of its own on Azure SQL (``[`` opens a set) and two elsewhere. SQLAlchemy's ``autoescape``
knows the two: there ``[host]`` would find every row that holds one of the four letters.
"""

from typing import Any

from sqlalchemy import ColumnElement

_ESCAPE = "/"
_ESCAPED = str.maketrans({character: _ESCAPE + character for character in f"{_ESCAPE}%_["})


def contains(column: ColumnElement[Any], words: str) -> ColumnElement[bool]:
    """Whether the text holds ``words``, in upper or lower case as the database's collation has it."""
    return column.like(f"%{words.translate(_ESCAPED)}%", escape=_ESCAPE)


def begins_with(column: ColumnElement[Any], words: str) -> ColumnElement[bool]:
    """Whether the text begins with ``words``."""
    return column.like(f"{words.translate(_ESCAPED)}%", escape=_ESCAPE)
