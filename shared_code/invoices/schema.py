"""The public schema of an invoice: what a caller gets, whichever way the document was read.

Money, rates and quantities are ``Decimal``, dates are ``date``. ``None`` means that the document does not show the
value: nothing is ever guessed. Amounts stand as printed, also when they are wrong; ``checks`` remarks on them.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from functools import cache
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

#: Raised when a key is added, renamed or changes its meaning.
SCHEMA_VERSION = "1.0"

DOCUMENT_TYPES = ("invoice", "credit_note", "debit_note", "receipt", "proforma", "other")
TAX_ID_TYPES = ("GSTIN", "VAT", "TIN", "EIN", "ABN", "OTHER")

_MONEY_PLACES = 6
_MONEY_STEP = Decimal("0.000001")
_WIDE = Context(prec=100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """A name with what stands around it. ``country`` is ISO 3166-1 alpha-2, ``state_code`` as the country writes it."""

    name: str | None = None
    tax_id: str | None = None
    #: one of TAX_ID_TYPES
    tax_id_type: str | None = None
    pan: str | None = None
    registration_number: str | None = None
    address: str | None = None
    city: str | None = None
    state: str | None = None
    state_code: str | None = None
    postal_code: str | None = None
    country: str | None = None
    email: str | None = None
    phone: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OriginalInvoice:
    """The invoice that a credit or debit note refers to."""

    number: str | None = None
    date: dt.date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tax:
    """One tax at one rate. ``rate`` in percent; ``category`` is the EN 16931 code (S, Z, E, AE, ...) where known."""

    name: str | None = None
    rate: Decimal | None = None
    taxable_amount: Decimal | None = None
    amount: Decimal | None = None
    category: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Withholding:
    """Tax that the buyer keeps back or the seller collects (TDS, TCS, WHT); ``rate`` in percent."""

    name: str | None = None
    rate: Decimal | None = None
    amount: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LineItem:
    """One line. ``net_amount`` is what the line adds to the subtotal; ``page`` counts from 1."""

    line_no: str | None = None
    description: str | None = None
    product_code: str | None = None
    hsn_sac: str | None = None
    quantity: Decimal | None = None
    unit: str | None = None
    unit_price: Decimal | None = None
    discount_amount: Decimal | None = None
    net_amount: Decimal | None = None
    tax_rate: Decimal | None = None
    tax_amount: Decimal | None = None
    total_amount: Decimal | None = None
    taxes: tuple[Tax, ...] = ()
    date: dt.date | None = None
    po_number: str | None = None
    page: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BankAccount:
    """One way to pay into an account. Numbers are text without blanks; leading zeros count."""

    account_name: str | None = None
    account_number: str | None = None
    iban: str | None = None
    bic: str | None = None
    ifsc: str | None = None
    sort_code: str | None = None
    routing_number: str | None = None
    bank_name: str | None = None
    branch: str | None = None
    upi_id: str | None = None
    mobile_money: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """How and under what reference to pay."""

    terms: str | None = None
    method: str | None = None
    reference: str | None = None
    bank_accounts: tuple[BankAccount, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class IndiaQr:
    """What the signed QR code of an Indian e-invoice says. ``signature`` is ``verified`` or ``unverified``."""

    seller_gstin: str | None = None
    buyer_gstin: str | None = None
    doc_no: str | None = None
    doc_date: dt.date | None = None
    total: Decimal | None = None
    item_count: int | None = None
    main_hsn: str | None = None
    irn: str | None = None
    signature: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class India:
    """Fields of the Indian GST invoice. ``irn`` is 64 hex digits, ``place_of_supply_code`` two digits."""

    irn: str | None = None
    ack_number: str | None = None
    ack_date: dt.date | None = None
    place_of_supply: str | None = None
    place_of_supply_code: str | None = None
    supply_type: str | None = None
    reverse_charge: bool | None = None
    eway_bill_number: str | None = None
    lut_number: str | None = None
    qr: IndiaQr | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fiscal:
    """What a fiscal device or authority stamped on the invoice; in Ghana ``device_id`` is the SDC id."""

    authority: str | None = None
    device_id: str | None = None
    receipt_number: str | None = None
    signature: str | None = None
    timestamp: str | None = None
    qr_text: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """One invoice. ``currency`` and ``tax_currency`` are ISO 4217; ``exchange_rate`` as printed.

    :ivar impossible_dates: ``(field, text)`` of dates that the calendar does not have (``2026-02-30``): the field
        itself is None, so that nothing computes with it, and :func:`as_dict` shows the text in its place, because the
        document is never corrected. Fields at the top level of the schema only.
    """

    document_type: str | None = None
    invoice_number: str | None = None
    invoice_date: dt.date | None = None
    due_date: dt.date | None = None
    delivery_date: dt.date | None = None
    service_period_start: dt.date | None = None
    service_period_end: dt.date | None = None
    currency: str | None = None
    exchange_rate: Decimal | None = None
    tax_currency: str | None = None
    tax_total_in_tax_currency: Decimal | None = None
    po_numbers: tuple[str, ...] = ()
    delivery_note_numbers: tuple[str, ...] = ()
    contract_number: str | None = None
    original_invoice: OriginalInvoice | None = None
    seller: Party = Party()
    buyer: Party | None = None
    ship_to: Party | None = None
    remit_to: Party | None = None
    subtotal: Decimal | None = None
    discount_total: Decimal | None = None
    charges_total: Decimal | None = None
    net_total: Decimal | None = None
    tax_total: Decimal | None = None
    round_off: Decimal | None = None
    total: Decimal | None = None
    amount_paid: Decimal | None = None
    amount_due: Decimal | None = None
    previous_balance: Decimal | None = None
    tip: Decimal | None = None
    taxes: tuple[Tax, ...] = ()
    withholdings: tuple[Withholding, ...] = ()
    line_items: tuple[LineItem, ...] = ()
    payment: Payment | None = None
    india: India | None = None
    fiscal: Fiscal | None = None
    notes: str | None = None
    impossible_dates: tuple[tuple[str, str], ...] = ()


def as_dict(invoice: Invoice) -> dict[str, Any]:
    """The invoice as JSON-serialisable values: every key is there, money as decimal strings, dates as ISO 8601."""
    out: dict[str, Any] = _plain(invoice)
    del out["impossible_dates"]
    return out | dict(invoice.impossible_dates)


def from_dict(data: Mapping[str, Any]) -> Invoice:
    """The inverse of :func:`as_dict`, for stored results.

    Keys that this version does not know are dropped and missing ones are empty, so that results of older versions
    can still be answered. Raises ``ValueError`` when a value is not of its key's form.
    """
    values = dict(data)
    impossible = tuple(
        (name, values.pop(name))
        for name in _date_fields()
        if isinstance(values.get(name), str) and _iso_or_none(values[name]) is None
    )
    invoice: Invoice = _dataclass_from(Invoice, values | {"impossible_dates": impossible})
    return invoice


def money_text(value: Decimal) -> str:
    r"""A Decimal as ``-?\d+(\.\d{1,6})?``: never an exponent, never minus zero; digits beyond six are rounded."""
    if -int(value.as_tuple().exponent) > _MONEY_PLACES:
        value = value.normalize(_WIDE)
    if -int(value.as_tuple().exponent) > _MONEY_PLACES:
        value = value.quantize(_MONEY_STEP, ROUND_HALF_UP, _WIDE)
    text = format(value, "f")
    return text if value else text.removeprefix("-")


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {entry.name: _plain(getattr(value, entry.name)) for entry in fields(value)}
    if isinstance(value, tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, Decimal):
        return money_text(value)
    return value.isoformat() if isinstance(value, dt.date) else value


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


@cache
def _date_fields() -> tuple[str, ...]:
    return tuple(name for name, hint in _hints(Invoice).items() if hint == dt.date | None)


def _iso_or_none(text: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        return None


def _dataclass_from(kind: type, data: Mapping[str, Any]) -> Any:
    return kind(**{name: _typed(hint, data[name]) for name, hint in _hints(kind).items() if name in data})


def _typed(hint: Any, value: Any) -> Any:
    """``value`` from JSON as the type that the dataclass declares."""
    if isinstance(hint, UnionType):
        return None if value is None else _typed(next(part for part in get_args(hint) if part is not NoneType), value)
    if get_origin(hint) is tuple:
        return tuple(_typed(get_args(hint)[0], entry) for entry in value or ())
    if is_dataclass(hint) and isinstance(hint, type):
        return _dataclass_from(hint, value or {})
    if hint is Decimal:
        try:
            return Decimal(value)
        except (InvalidOperation, TypeError) as error:
            raise ValueError(f"not an amount: {value!r}") from error
    return dt.date.fromisoformat(value) if hint is dt.date else value
