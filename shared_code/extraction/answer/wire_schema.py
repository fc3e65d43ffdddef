"""What the model is asked to fill in, and the strict reading of its answer.

Flatter than the public schema, and all text: numeric fields make models loop and floats break sums. No recursion, no
``anyOf``, short enums, no bounds (constrained decoding refuses schemas with too many states). The one schema meets
the strict mode of both vendors: every property is required and may be null.

The six critical fields come three times: the printed text, the page, and the normalised value, in this order, because
a model that has written down the evidence is less likely to invent the value.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from shared_code.errors import ProviderBadAnswer

DOCUMENT_STATUSES = ("invoice", "not_an_invoice", "unreadable")
PARTY_ROLES = ("seller", "buyer", "ship_to", "remit_to")
#: Each has ``<name>_printed`` and ``<name>_page`` beside it. The two last live here too, for their evidence; the
#: party and the account repeat them.
CRITICAL_FIELDS = ("invoice_number", "invoice_date", "total", "currency", "seller_tax_id", "bank_account")

#: Amounts and dates other than the critical ones are copied as printed.
AMOUNT_FIELDS = (
    "subtotal",
    "discount_total",
    "charges_total",
    "net_total",
    "tax_total",
    "round_off",
    "amount_paid",
    "amount_due",
    "previous_balance",
    "tip",
    "exchange_rate",
    "tax_total_in_tax_currency",
)
DATE_FIELDS = (
    "due_date",
    "delivery_date",
    "service_period_start",
    "service_period_end",
    "original_invoice_date",
    "ack_date",
)
TEXT_FIELDS = (
    "tax_currency",
    "contract_number",
    "original_invoice_number",
    "payment_terms",
    "payment_method",
    "payment_reference",
    "irn",
    "ack_number",
    "place_of_supply",
    "place_of_supply_code",
    "supply_type",
    "reverse_charge",
    "eway_bill_number",
    "lut_number",
    "fiscal_authority",
    "fiscal_device_id",
    "fiscal_receipt_number",
    "fiscal_signature",
    "fiscal_timestamp",
    "fiscal_qr_text",
    "notes",
)
LIST_FIELDS = ("po_numbers", "delivery_note_numbers")
ROW_FIELDS: Mapping[str, tuple[str, ...]] = {
    "parties": (
        "role",
        "name",
        "tax_id",
        "tax_id_type",
        "pan",
        "registration_number",
        "address",
        "city",
        "state",
        "state_code",
        "postal_code",
        "country",
        "email",
        "phone",
    ),
    "line_items": (
        "line_no",
        "description",
        "product_code",
        "hsn_sac",
        "quantity",
        "unit",
        "unit_price",
        "discount_amount",
        "net_amount",
        "tax_rate",
        "tax_amount",
        "total_amount",
        "date",
        "po_number",
        "page",
    ),
    "line_taxes": ("line_no", "name", "rate", "amount"),
    "taxes": ("name", "rate", "taxable_amount", "amount", "category"),
    "withholdings": ("name", "rate", "amount"),
    "bank_accounts": (
        "account_name",
        "account_number",
        "iban",
        "bic",
        "ifsc",
        "sort_code",
        "routing_number",
        "bank_name",
        "branch",
        "upi_id",
        "mobile_money",
    ),
}
DOCUMENT_TYPE_ENUM = ("invoice", "credit_note", "debit_note", "receipt", "proforma", "other")

_LEAF: Mapping[str, Any] = {"type": ["string", "null"]}
_FENCED = re.compile(r"\s*```(?:json)?\s*\n(.*?)\n?\s*```\s*", re.DOTALL | re.IGNORECASE)
_UNSTORABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def _leaves(names: Sequence[str]) -> dict[str, Any]:
    return {name: dict(_LEAF) for name in names}


def _evidence_first(name: str) -> tuple[str, str, str]:
    return (f"{name}_printed", f"{name}_page", name)


#: Scalar keys of one invoice in the order in which the model fills them.
SCALAR_FIELDS = (
    "first_page",
    "last_page",
    *(part for name in CRITICAL_FIELDS for part in _evidence_first(name)),
    *DATE_FIELDS,
    *AMOUNT_FIELDS,
    *TEXT_FIELDS,
)

_PARTY_ROW = _object({"role": {"type": "string", "enum": list(PARTY_ROLES)}} | _leaves(ROW_FIELDS["parties"][1:]))
_ROWS = {
    name: {"type": "array", "items": _PARTY_ROW if name == "parties" else _object(_leaves(columns))}
    for name, columns in ROW_FIELDS.items()
}
_INVOICE = _object(
    {"document_type": {"type": "string", "enum": list(DOCUMENT_TYPE_ENUM)}}
    | _leaves(SCALAR_FIELDS)
    | {name: {"type": "array", "items": {"type": "string"}} for name in LIST_FIELDS}
    | _ROWS
)

WIRE_SCHEMA: Mapping[str, Any] = _object(
    {
        "document_status": {"type": "string", "enum": list(DOCUMENT_STATUSES)},
        "invoices": {"type": "array", "items": _INVOICE},
    }
)


@dataclass(frozen=True, slots=True)
class WireInvoice:
    """One invoice as the model wrote it. Blank texts are None; all values are still text.

    :ivar scalars: every key of SCALAR_FIELDS and ``document_type``.
    :ivar lists: every key of LIST_FIELDS.
    :ivar rows: every key of ROW_FIELDS; each row has all columns of its table.
    """

    scalars: Mapping[str, str | None]
    lists: Mapping[str, tuple[str, ...]]
    rows: Mapping[str, tuple[Mapping[str, str | None], ...]]


@dataclass(frozen=True, slots=True)
class WireAnswer:
    """A model's answer that has the asked shape. ``unknown_keys`` names what was there beside it."""

    document_status: str
    invoices: tuple[WireInvoice, ...] = ()
    unknown_keys: tuple[str, ...] = ()


def parse_answer(text: str) -> WireAnswer:
    """Read the answer's text. A ```` ```json ```` fence around the whole is allowed; nothing else is taken away.

    Missing keys read as null and JSON numbers as their own digits. Raises :class:`ProviderBadAnswer` when the text is
    not JSON or not of the schema's shape.
    """
    fenced = _FENCED.fullmatch(text)
    try:
        data = json.loads(
            fenced[1] if fenced else text, parse_float=str, parse_int=str, parse_constant=_refuse_constant
        )
    except (ValueError, RecursionError) as error:
        raise _bad("not JSON") from error
    root = _mapping(data, "the answer")
    status = root.get("document_status")
    if status not in DOCUMENT_STATUSES:
        raise _bad("document_status is missing or unknown")
    unknown = {key for key in root if key not in WIRE_SCHEMA["properties"]}
    invoices = tuple(_wire_invoice(_mapping(entry, "an invoice"), unknown) for entry in _list(root, "invoices"))
    return WireAnswer(
        document_status=str(status), invoices=invoices, unknown_keys=tuple(sorted(map(_storable, unknown)))
    )


def _wire_invoice(data: Mapping[str, Any], unknown: set[str]) -> WireInvoice:
    unknown.update(key for key in data if key not in _INVOICE["properties"])
    rows: dict[str, tuple[Mapping[str, str | None], ...]] = {}
    for table, columns in ROW_FIELDS.items():
        entries = [_mapping(entry, table) for entry in _list(data, table)]
        unknown.update(f"{table}.{key}" for entry in entries for key in entry if key not in columns)
        rows[table] = tuple({column: _leaf(entry, column) for column in columns} for entry in entries)
    return WireInvoice(
        scalars={name: _leaf(data, name) for name in ("document_type", *SCALAR_FIELDS)},
        lists={
            name: tuple(value for item in _list(data, name) if (value := _leaf({name: item}, name)) is not None)
            for name in LIST_FIELDS
        },
        rows=rows,
    )


def _leaf(data: Mapping[str, Any], name: str) -> str | None:
    value = data.get(name)
    if value is None:
        return None
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, str):
        raise _bad(f"{name} is not text")
    return _storable(value).strip() or None


def _storable(text: str) -> str:
    """Half surrogates and control characters cannot be stored or sent on; a document that prints does not hold them."""
    return _UNSTORABLE.sub("\ufffd", text)


def _list(data: Mapping[str, Any], name: str) -> list[Any]:
    value = data.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise _bad(f"{name} is not a list")
    return value


def _mapping(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise _bad(f"{what} is not an object")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _bad(why: str) -> ProviderBadAnswer:
    return ProviderBadAnswer(details={"reason": why})
