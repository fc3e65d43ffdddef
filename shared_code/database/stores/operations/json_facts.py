"""Facts that a column keeps as JSON text: people edit such columns by hand, and one of them must not spoil a list."""

import json
from typing import Any


def read_facts(text: str | None) -> dict[str, Any] | None:
    """The facts of a column, or None for NULL; text that is not a JSON object comes as it is, under a name."""
    if text is None:
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):  # cut at its length, or written by hand
        return {"text": text}
    return found if isinstance(found, dict) else {"value": found}
