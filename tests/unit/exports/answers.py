"""A whole answer to make tables of: that of the first example in docs/http.md."""

import copy
import datetime as dt
import json
import re
from pathlib import Path

from shared_code.exports.tables import ExportedReading

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "http.md").read_text(encoding="utf-8")
ANSWER = json.loads(re.findall(r"```json\n(.*?)\n```", PAGE, re.DOTALL)[0])["data"]


def reading(*, lines=None, data=None, **invoice) -> ExportedReading:
    """The example with some values of its invoice, and of its first line, in place of its own."""
    answer = copy.deepcopy(ANSWER) | (data or {})
    if answer["invoices"]:
        answer["invoices"][0] |= invoice
        answer["invoices"][0]["line_items"][0] |= lines or {}
    return ExportedReading("ext_1", "NT047", "done", dt.datetime(2026, 11, 29, 8, 30), "invoice.pdf", answer)


def by_name(table, exported) -> list[dict]:
    """The rows of a table by the names of their columns."""
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows(exported)]
