"""The schemas of an answer's data, read from the declarations that make it: a new field is in the document by itself.

What declarations cannot say is added here: which words a text may be, and what the untyped parts hold.
"""

import dataclasses
import datetime as dt
import types
import typing
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from shared_code.admin.contract.meanings import meanings
from shared_code.extraction.outcome import AnswerData, Provenance, ReviewData, UsageData
from shared_code.extraction.stored_readings import UnfinishedData
from shared_code.invoices import schema
from shared_code.invoices.evidence.record import CandidateData, EvidenceData
from shared_code.invoices.page import Source
from shared_code.invoices.schema import DOCUMENT_TYPES, TAX_ID_TYPES
from shared_code.records import Finding
from shared_code.reviews.corrected import PERSON

type Schema = dict[str, Any]

_DECIMAL = r"^-?\d+(\.\d{1,10})?$"
_LEVELS = ["high", "medium", "low"]
STATUSES = ["ok", "needs_review", "not_an_invoice", "multiple_invoices"]
#: what is described, by its name in the document, with the title of its table in ``docs/http.md``
_RECORDS: Mapping[str, tuple[type, str]] = {
    "Reading": (AnswerData, "data"),
    "UnfinishedReading": (UnfinishedData, "an unfinished reading"),
    "Provenance": (Provenance, "provenance"),
    "UsageOfReading": (UsageData, "usage"),
    "Review": (ReviewData, "review"),
    "Warning": (Finding, "Warnings"),
    "Invoice": (schema.Invoice, "Invoice"),
    "Party": (schema.Party, "Party"),
    "OriginalInvoice": (schema.OriginalInvoice, "Original invoice"),
    "Tax": (schema.Tax, "Tax"),
    "Withholding": (schema.Withholding, "Withholding"),
    "LineItem": (schema.LineItem, "Line item"),
    "Payment": (schema.Payment, "Payment"),
    "CashDiscount": (schema.CashDiscount, "Cash discount"),
    "BankAccount": (schema.BankAccount, "Bank account"),
    "India": (schema.India, "India"),
    "IndiaQr": (schema.IndiaQr, "India qr"),
    "Fiscal": (schema.Fiscal, "Fiscal"),
    "Evidence": (EvidenceData, "Evidence of a value"),
    "Candidate": (CandidateData, "Candidate"),
}
_NAMES = {record: name for name, (record, _) in _RECORDS.items()}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _list_of(name: str) -> Schema:
    return {"type": "array", "items": _ref(name)}


def _or_null(said: Schema) -> Schema:
    if "$ref" in said:
        return {"anyOf": [said, {"type": "null"}]}
    return {**said, "type": [said["type"], "null"]}


#: left, top, right and bottom
_BOX: Schema = {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 4}
_CONFIDENCE: Schema = {"type": "object", "additionalProperties": {"type": "string", "enum": _LEVELS}}
#: what takes the place of a declaration: words that a text may be, and types of what is declared as any JSON
_SAID: Mapping[tuple[str, str], Schema] = {
    ("Reading", "state"): {"type": "string", "enum": ["done"]},
    ("Reading", "status"): {"type": "string", "enum": STATUSES},
    ("Reading", "invoices"): _list_of("Invoice"),
    ("Reading", "warnings"): _list_of("Warning"),
    ("Reading", "confidence"): _CONFIDENCE,
    ("UnfinishedReading", "state"): {"type": "string", "enum": ["queued", "running", "failed", "cancelled"]},
    ("UnfinishedReading", "error"): _ref("ErrorOfReading"),
    ("Review", "state"): {
        "type": "string",
        "description": "What a person made of the reading; `none` until one has to look at it.",
        "examples": ["none"],
        "x-extensible-enum": ["none", "pending", "postponed", "confirmed", "corrected", "rejected"],
    },
    ("Evidence", "source"): {"type": ["string", "null"], "enum": [*Source, PERSON, None]},
    ("Evidence", "box"): _or_null(_BOX),
    ("Evidence", "boxes"): {"type": "array", "items": _BOX},
    ("Candidate", "box"): _or_null(_BOX),
    ("Provenance", "method"): {
        "type": "string",
        "examples": ["model"],
        "x-extensible-enum": ["model", "qr+model", "embedded_xml", "cached"],
    },
    ("Invoice", "document_type"): {"type": ["string", "null"], "enum": [*DOCUMENT_TYPES, None]},
    ("Party", "tax_id_type"): {"type": ["string", "null"], "enum": [*TAX_ID_TYPES, None]},
}
#: what an invoice has beside the fields of its schema
_BESIDE: Mapping[str, tuple[Schema, str]] = {
    "status": ({"type": "string", "enum": STATUSES[:2]}, "Of this invoice: whether a person must look at it."),
    "confidence": (_CONFIDENCE, "Of this invoice, by path of the field; only of values that are there."),
    "warnings": (_list_of("Warning"), "Of this invoice."),
    "evidence": (
        {"type": "object", "additionalProperties": _ref("Evidence")},
        "Where each value stands, by path of the field; absent with `evidence=none` and in readings of early versions.",
    ),
}
#: what an invoice has as far as the request wants it
_ON_REQUEST = frozenset({"evidence"})


def data_schemas() -> dict[str, Schema]:
    """The schemas of everything in ``data``, by their names in the document."""
    found = {name: _record(name, record, title) for name, (record, title) in _RECORDS.items()}
    for name, (said, meaning) in _BESIDE.items():
        found["Invoice"]["properties"][name] = {**said, "description": meaning}
        if name not in _ON_REQUEST:
            found["Invoice"]["required"].append(name)
    found["Warning"]["properties"]["code"] |= {
        "examples": [*meanings().warnings][:1],
        "x-extensible-enum": [*meanings().warnings],
        "x-meanings": meanings().warnings,
    }
    found["Warning"]["properties"]["resolved"] = {
        "type": "boolean",
        "description": meanings().fields["Warnings"]["resolved"],
    }
    found["ErrorOfReading"] = _error_of_reading()
    return found


def _record(name: str, record: type, title: str) -> Schema:
    told = meanings().fields.get(title, {})
    properties = {
        field: {
            **_SAID.get((name, field), _type(hint)),
            "description": told.get(field) or _SAID.get((name, field), {}).get("description", ""),
        }
        for field, hint in _fields(record)
    }
    optional: frozenset[str] = getattr(record, "__optional_keys__", frozenset())
    return {
        "type": "object",
        "description": _plain_words(record),
        "properties": properties,
        "required": [field for field in properties if field not in optional],
    }


def _fields(record: type) -> Iterator[tuple[str, Any]]:
    for name, hint in typing.get_type_hints(record).items():
        if name != "impossible_dates":
            yield name, hint


def _type(hint: Any) -> Schema:
    """The schema of a declared type."""
    if isinstance(hint, types.UnionType):
        parts = [part for part in typing.get_args(hint) if part is not types.NoneType]
        return _or_null(_type(parts[0]))
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in {tuple, list}:
        return {"type": "array", "items": _type(arguments[0])}
    if origin is dict:
        return {"type": "object", "additionalProperties": _type(arguments[1])}
    if hint in _NAMES:
        return _ref(_NAMES[hint])
    if hint is Any:
        return {}
    return dict(_SIMPLE[hint])


_SIMPLE: Mapping[Any, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    Decimal: {"type": "string", "pattern": _DECIMAL, "examples": ["1592.50"]},
    # Not as "format": it is text as printed, where the calendar has no such day.
    dt.date: {"type": "string", "examples": ["2026-03-05"]},
}


def _plain_words(record: type) -> str:
    """The docstring of a declaration without the marks of reStructuredText."""
    first = (record.__doc__ or "").split("\n\n:", 1)[0]
    return " ".join(first.replace("``", "`").split())


def _error_of_reading() -> Schema:
    return {
        "type": "object",
        "description": "Why there is no result, as the answer of an upload would say it.",
        "properties": {
            "code": {"type": "string", "description": "As in the envelope.", "x-extensible-enum": [*meanings().errors]},
            "message": {"type": "string", "description": "A sentence for people, in English."},
            "retryable": {"type": "boolean", "description": "Whether the same upload can succeed later."},
            "details": {"type": "object", "additionalProperties": True, "description": "Facts by code."},
        },
        "required": ["code"],
    }


assert all(dataclasses.is_dataclass(record) or typing.is_typeddict(record) for record in _NAMES)
