"""Answers of a model, written by hand: keys that a case does not name are null, as the schema asks."""

import json
from typing import Any

from shared_code.extraction.answer.interpret import read_invoices
from shared_code.extraction.answer.wire_schema import LIST_FIELDS, ROW_FIELDS, SCALAR_FIELDS, parse_answer
from shared_code.invoices.schema import Invoice
from shared_code.invoices.text_layer import TextLayer


def invoice(**values: Any) -> dict[str, Any]:
    """One invoice entry. ``seller`` and ``buyer`` are dicts of party columns; critical texts default to page 1."""
    entry: dict[str, Any] = {
        "document_type": "invoice",
        **dict.fromkeys(SCALAR_FIELDS),
        **{name: [] for name in LIST_FIELDS},
    }
    parties = [{"role": role, **values.pop(role)} for role in ("seller", "buyer") if role in values]
    entry |= {table: [_row(table, row) for row in values.pop(table, ())] for table in ROW_FIELDS}
    entry["parties"] += [_row("parties", party) for party in parties]
    unknown = values.keys() - entry.keys()
    assert not unknown, unknown
    return entry | values


def answer(*invoices: dict[str, Any], status: str = "invoice") -> str:
    return json.dumps({"document_status": status, "invoices": list(invoices)}, ensure_ascii=False)


def read(*pages: str, **values: Any) -> tuple[Invoice, set[tuple[str, str | None]]]:
    """The one invoice of an answer beside its pages, and code and field of each finding."""
    reading = read_invoices(parse_answer(answer(invoice(**values))), TextLayer(pages))
    return reading.invoices[0].invoice, {(finding.code, finding.field) for finding in reading.invoices[0].findings}


def _row(table: str, values: dict[str, Any]) -> dict[str, Any]:
    columns = ROW_FIELDS[table]
    assert values.keys() <= set(columns), values.keys() - set(columns)
    return dict.fromkeys(columns) | values
