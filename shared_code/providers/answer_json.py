"""Reads JSON of a vendor without trusting its shape: what is not as expected is passed over, never an exception."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

_LARGEST_COUNT = 2**31 - 1
_COUNT_DIGITS = 10


def object_of(body: str | None) -> Mapping[str, Any] | None:
    """The JSON object that ``body`` holds, or None when it holds anything else."""
    try:
        content = json.loads(body or "")
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, Mapping) else None


def count_of(value: Any) -> int | None:
    """A token count, also when it is sent as text; None for anything that is not one or that no column holds."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _COUNT_DIGITS:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= _LARGEST_COUNT else None


def text_or_none(value: Any) -> str | None:
    """A text that is not empty, or None."""
    return value if isinstance(value, str) and value else None


def mapping(value: Any) -> Mapping[str, Any]:
    """The object itself, or an empty one in place of anything else."""
    return value if isinstance(value, Mapping) else {}


def mappings(value: Any) -> Iterator[Mapping[str, Any]]:
    """The objects of a list; nothing for anything else."""
    for entry in value if isinstance(value, list) else ():
        if isinstance(entry, Mapping):
            yield entry
