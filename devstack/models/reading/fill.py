"""Fills the schema that came with a request: walks it and puts in what was read under each property's name.

The reader has no schema of its own: properties that it does not know stay null, or empty where null is not allowed.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from devstack.models.reading.invoice import DocumentReading

_SYNONYMS = {
    "number": "invoice_number",
    "date": "invoice_date",
    "issuer": "seller_name",
    "vendor": "seller_name",
    "vendor_name": "seller_name",
    "supplier_name": "seller_name",
    "customer_name": "buyer_name",
    "total_amount": "total",
    "invoice_total": "total",
    "lines": "line_items",
    "items": "line_items",
}


def fill(schema: Mapping[str, Any], reading: DocumentReading) -> Any:
    """The reading in the shape of ``schema`` (JSON Schema or OpenAPI style, types in any case)."""
    first = _with_parties(reading.invoices[0]) if reading.invoices else {}
    root: dict[str, Any] = {
        **first,
        "document_status": reading.status,
        "status": reading.status,
        "is_invoice": reading.status == "invoice",
        "invoices": [_with_parties(invoice) for invoice in reading.invoices],
    }
    return _fill(schema, root)


def plain_answer(reading: DocumentReading) -> str:
    """The reading as lines, for a request without a schema."""
    if not reading.invoices:
        return "I have read the document and found no invoice in it."
    if reading.status == "unreadable":
        return str(reading.invoices[0].get("notes"))
    values = (value for value in reading.invoices[0].items() if isinstance(value[1], str))
    return "\n".join(f"{name}: {value}" for name, value in values)


def _with_parties(invoice: Mapping[str, Any]) -> dict[str, Any]:
    flat = dict(invoice)
    for party in invoice.get("parties", ()):
        flat.setdefault(party["role"], party)
        flat.setdefault(f"{party['role']}_name", party["name"])
    return flat


def _fill(schema: Mapping[str, Any], value: Any) -> Any:
    kinds = _types(schema)
    if "object" in kinds:
        if value is None and "null" in kinds:
            return None
        known = value if isinstance(value, Mapping) else {}
        return {name: _fill(child, _known(known, name)) for name, child in schema.get("properties", {}).items()}
    if "array" in kinds:
        if value is None and "null" in kinds:
            return None
        entries = value if isinstance(value, Sequence) and not isinstance(value, str) else []
        return [_fill(schema.get("items", {}), entry) for entry in entries]
    return _leaf(schema, kinds, value)


def _known(values: Mapping[str, Any], name: str) -> Any:
    if name in values:
        return values[name]
    return values.get(_SYNONYMS.get(name, ""))


def _types(schema: Mapping[str, Any]) -> set[str]:
    kinds = schema.get("type", [])
    found = {str(kind).lower() for kind in ([kinds] if isinstance(kinds, str) else kinds)}
    for choice in schema.get("anyOf", ()):
        found |= _types(choice)
    if schema.get("nullable"):
        found.add("null")
    if not found and "properties" in schema:
        found.add("object")
    return found or {"string"}


def _leaf(schema: Mapping[str, Any], kinds: set[str], value: Any) -> Any:
    allowed = schema.get("enum")
    if isinstance(value, (Mapping, list)) or (allowed and value not in allowed):
        value = None
    if value is None:
        return _empty(kinds, allowed)
    if "string" in kinds:
        return value if isinstance(value, str) else str(value).lower()
    if "boolean" in kinds:
        return value if isinstance(value, bool) else str(value).lower() in {"yes", "true"}
    try:
        return int(value) if "integer" in kinds else float(value)
    except ValueError:
        return _empty(kinds, allowed)


def _empty(kinds: set[str], allowed: Sequence[Any] | None) -> Any:
    if "null" in kinds:
        return None
    if allowed:
        return allowed[-1]
    return {"boolean": False, "integer": 0, "number": 0}.get(next(iter(kinds)), "")
