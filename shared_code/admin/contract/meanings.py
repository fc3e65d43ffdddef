"""What fields, warnings and error codes mean, word for word as ``docs/http.md`` says it.

The page is not deployed, so its tables are kept as ``meanings.json`` beside this module, which
``python -m devstack.contract`` writes; a test compares.
"""

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("meanings.json")


@dataclass(frozen=True, slots=True)
class Meanings:
    """``fields`` by the title of their table, ``warnings`` with review, meaning and advice, ``errors`` by code."""

    fields: dict[str, dict[str, str]]
    warnings: dict[str, dict[str, str]]
    errors: dict[str, str]

    def field(self, table: str, name: str) -> str:
        """What a field means; nothing where the page lacks it, which a test finds."""
        return self.fields.get(table, {}).get(name, "")

    def error(self, code: str) -> str:
        """When an error is answered."""
        return self.errors.get(code, "")


@functools.cache
def meanings() -> Meanings:
    """Read the file once."""
    content: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return Meanings(**content)
