"""Writes ``docs/openapi.json``, the meanings that it takes from the pages, and ``requests.http``.

``python -m devstack.contract`` after a change of a route, a field, a warning or one of the tables; a test compares.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from devstack.requests_file import requests_file

ROOT = Path(__file__).resolve().parents[1]
MEANINGS = ROOT / "shared_code" / "admin" / "contract" / "meanings.json"
DOCUMENT = ROOT / "docs" / "openapi.json"
REQUESTS = ROOT / "requests.http"

_BLOCK = re.compile(r"(?:^\|.*\n)+", re.MULTILINE)
_CELLS = re.compile(r"(?<!\\)\|")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_CODE = re.compile(r"`([A-Z_]+)`")
#: columns of a table of warnings behind the code
_WARNING = ("review", "meaning", "advice")


def main() -> None:
    """Write the files: the document is made of the meanings, the requests of the document."""
    MEANINGS.write_text(as_text(meanings()), encoding="utf-8")
    made = document()
    DOCUMENT.write_text(as_text(made), encoding="utf-8")
    REQUESTS.write_text(requests_file(made), encoding="utf-8")


def document() -> dict[str, Any]:
    """The document as the service answers it."""
    from shared_code.admin import app
    from shared_code.admin.contract import meanings as kept
    from shared_code.errors import ConfigurationError

    def services() -> Any:
        raise ConfigurationError("The document needs no services.")

    kept.meanings.cache_clear()
    return app.openapi_document(services)


def meanings() -> dict[str, Any]:
    """What the tables of the pages say."""
    page = (ROOT / "docs" / "http.md").read_text(encoding="utf-8")
    fields: dict[str, dict[str, str]] = {}
    warnings: dict[str, dict[str, str]] = {}
    for title, head, rows in _tables(page):
        if head[0].startswith("Field"):
            # "Field of `usage`" says more than the heading above it.
            name = head[0].removeprefix("Field of ").strip("`") if head[0] != "Field" else title.strip("`")
            fields[name] = {row[0].strip("`"): row[-1] for row in rows}
        elif head[0] == "Code" and len(head) == len(_WARNING) + 1:
            warnings |= {row[0].strip("`"): dict(zip(_WARNING, row[1:], strict=True)) for row in rows}
    return {"fields": fields, "warnings": warnings, "errors": _errors()}


def _errors() -> dict[str, str]:
    page = (ROOT / "docs" / "http.md").read_text(encoding="utf-8")
    rows = next(rows for _, head, rows in _tables(page) if head == ["Code", "HTTP", "When"])
    return {code: row[2] for row in rows for code in _CODE.findall(row[0])}


def _tables(page: str) -> Iterator[tuple[str, list[str], list[list[str]]]]:
    """Each table with the heading above it: title, cells of the head, cells of the rows."""
    for block in _BLOCK.finditer(page):
        title = [found[1] for found in _HEADING.finditer(page, 0, block.start())][-1]
        lines = [[cell.strip() for cell in _CELLS.split(line.strip("|"))] for line in block[0].splitlines()]
        yield title, lines[0], lines[2:]


def as_text(value: Any) -> str:
    """As the files hold it."""
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    main()
