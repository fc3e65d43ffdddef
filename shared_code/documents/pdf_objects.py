"""Small questions to objects of a PDF, which may be anything. Runs inside the sandbox only."""

import zlib
from typing import Any

#: what the library raises for a broken name tree or file entry
BROKEN = (ValueError, TypeError, KeyError, AttributeError, IndexError, zlib.error)
_MOST_ITEMS = 10_000


def name_of(item: Any) -> str:
    """A PDF name with its slash; '?' for one that is not UTF-8, and '' for None."""
    try:
        return "" if item is None else str(item)
    except UnicodeDecodeError:
        return "?"


def items_of(item: Any, *, limit: int = _MOST_ITEMS) -> list[Any]:
    """The items of an array; none for what is no array."""
    import pikepdf

    return [item[at] for at in range(min(len(item), limit))] if isinstance(item, pikepdf.Array) else []


def filters_of(stream: Any) -> list[str]:
    """The names of a stream's filters, in the order in which they are taken off, without slashes."""
    import pikepdf

    entry = stream.get("/Filter")
    names = list(entry) if isinstance(entry, pikepdf.Array) else [entry]
    return [name_of(name).removeprefix("/") for name in names if name is not None]
