"""What the model is asked to fill in (a JSON Schema), and the strict reading of its answer.

The schema is flatter than the public one, and every value is text: numeric fields make models loop, and floats break
sums. There is no recursion and no ``anyOf``, enums are short, and nothing has a length limit, because vendors refuse
schemas that are too complex. The one schema meets the strict mode of both vendors: every property is required and may
be null.

Each critical field comes three times: the printed text, its page, and the normalised value, in this order, because a
model that has written down the evidence is less likely to invent the value.

A new field: its name goes into one of the lists below. Names of TEXT_FIELDS, DATE_FIELDS and AMOUNT_FIELDS that are
fields of :class:`~shared_code.invoices.schema.Invoice` as well are filled in without further code. The columns of
tables are the fields of the public schema's classes: what is declared there is asked for here, except for what only
the XML of an e-invoice tells apart.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, NoReturn

from shared_code.errors import ProviderBadAnswer
from shared_code.invoices.schema import DOCUMENT_TYPES, BankAccount, Fiscal, India, LineItem, Party, Tax, Withholding


def columns_of(record: type) -> tuple[str, ...]:
    """Names of the fields of a class of the public schema."""
    return tuple(entry.name for entry in fields(record))


DOCUMENT_STATUSES = ("invoice", "not_an_invoice", "unreadable")
PARTY_ROLES = ("seller", "buyer", "ship_to", "remit_to")
#: Each has ``<name>_printed`` and ``<name>_page`` beside it. The last two are asked for here for their evidence; the
#: tables of parties and bank accounts hold them too.
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
    *(name for name in columns_of(India) if name not in {"ack_date", "qr"}),
    *(f"fiscal_{name}" for name in columns_of(Fiscal)),
    "notes",
)
LIST_FIELDS = ("po_numbers", "delivery_note_numbers")
#: columns of each table: those of the public schema, in its order
ROW_FIELDS: Mapping[str, tuple[str, ...]] = {
    "parties": ("role", *(name for name in columns_of(Party) if name != "trading_name")),
    "line_items": tuple(name for name in columns_of(LineItem) if name != "taxes"),
    "line_taxes": ("line_no", "name", "rate", "amount"),
    "taxes": columns_of(Tax),
    "withholdings": columns_of(Withholding),
    "bank_accounts": columns_of(BankAccount),
}

_LEAF: Mapping[str, Any] = {"type": ["string", "null"]}
_FENCED = re.compile(r"\s*```(?:json)?\s*\n(.*?)\n?\s*```\s*", re.DOTALL | re.IGNORECASE)
#: what models write where they mean null
_NOTHING = frozenset({"n/a", "na", "null", "none", "nil", "unknown", "not stated", "not printed", "-", "--", "—", "–"})
_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")
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


#: Scalar keys of one invoice in the order in which the model fills them.
SCALAR_FIELDS = (
    "first_page",
    "last_page",
    *(part for name in CRITICAL_FIELDS for part in (f"{name}_printed", f"{name}_page", name)),
    *DATE_FIELDS,
    *AMOUNT_FIELDS,
    *TEXT_FIELDS,
)

_SCALARS = ("document_type", *SCALAR_FIELDS)
_PARTY_ROW = _object({"role": {"type": "string", "enum": list(PARTY_ROLES)}} | _leaves(ROW_FIELDS["parties"][1:]))
_ROWS = {
    name: {"type": "array", "items": _PARTY_ROW if name == "parties" else _object(_leaves(columns))}
    for name, columns in ROW_FIELDS.items()
}
_INVOICE = _object(
    {"document_type": {"type": "string", "enum": list(DOCUMENT_TYPES)}}
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


type Row = Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class WireInvoice:
    """One invoice as the model wrote it. All values are text; None stands for blanks and for words like "n/a".

    :ivar scalars: every key of SCALAR_FIELDS and ``document_type``.
    :ivar lists: every key of LIST_FIELDS.
    :ivar rows: every key of ROW_FIELDS; each row has all columns of its table.
    """

    scalars: Row
    lists: Mapping[str, tuple[str, ...]]
    rows: Mapping[str, tuple[Row, ...]]


@dataclass(frozen=True, slots=True)
class WireAnswer:
    """A model's answer of the right shape. ``unknown_keys`` names the keys that are not in the schema."""

    document_status: str
    invoices: tuple[WireInvoice, ...] = ()
    unknown_keys: tuple[str, ...] = ()


def parse_answer(text: str) -> WireAnswer:
    """Read the answer's text. A ```` ```json ```` fence around the whole is allowed; nothing else is taken away.

    Missing keys are read as null, and JSON numbers as text, digit by digit.

    :raises ProviderBadAnswer: the text is not JSON or not of the schema's shape.
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
    unknown = root.keys() - WIRE_SCHEMA["properties"].keys()
    invoices = tuple(_wire_invoice(_mapping(entry, "an invoice"), unknown) for entry in _list(root, "invoices"))
    return WireAnswer(
        document_status=str(status), invoices=invoices, unknown_keys=tuple(sorted(map(_storable, unknown)))
    )


def _wire_invoice(data: Mapping[str, Any], unknown: set[str]) -> WireInvoice:
    unknown.update(data.keys() - _INVOICE["properties"].keys())
    rows: dict[str, tuple[Row, ...]] = {}
    for table, columns in ROW_FIELDS.items():
        entries = [_mapping(entry, table) for entry in _list(data, table)]
        for entry in entries:
            unknown.update(f"{table}.{key}" for key in entry.keys() - set(columns))
        rows[table] = tuple(_leaves_of(entry, columns) for entry in entries)
    return WireInvoice(
        scalars=_leaves_of(data, _SCALARS),
        lists={
            name: tuple(value for item in _list(data, name) if (value := _meant(_text(item, name))) is not None)
            for name in LIST_FIELDS
        },
        rows=rows,
    )


def _leaves_of(data: Mapping[str, Any], names: Sequence[str]) -> Row:
    """The texts of some keys; most of them are null."""
    found: dict[str, str | None] = dict.fromkeys(names)
    for name in names:
        value = data.get(name)
        if value is not None:
            found[name] = _meant(_text(value, name))
    return found


def _meant(text: str | None) -> str | None:
    return None if text is None or text.casefold() in _NOTHING else text


def _text(value: Any, name: str) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, str):
        raise _bad(f"{name} is not text")
    return _storable(_unescaped(value)).strip() or None


def _unescaped(text: str) -> str:
    r"""The text without the second layer of escapes that some models put around letters: ``M\u00fcller``."""
    return _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text) if "\\u" in text else text


def _storable(text: str) -> str:
    """The text without half surrogates and control characters: they cannot be stored, and no page prints them."""
    return text if text.isprintable() else _UNSTORABLE.sub("\ufffd", text)


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


def page_of(text: str | None) -> int | None:
    """A page number from 1, or None."""
    return int(text) if text and text.isascii() and text.isdigit() and 0 < len(text) < 6 and int(text) else None  # noqa: PLR2004


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _bad(why: str) -> ProviderBadAnswer:
    return ProviderBadAnswer(details={"reason": why})
