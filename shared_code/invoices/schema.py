"""The public schema of an invoice: what a caller gets, whichever way the document was read.

Money, rates and quantities are ``Decimal``, dates are ``date``. ``None`` means that the document does not show the
value: nothing is ever guessed. Amounts are given as printed, also when they are wrong; ``checks`` reports wrong ones.

The business terms of EN 16931-1 (the European standard for e-invoices) are named as BT and BG numbers. The Indian
fields follow the e-invoice schema of the GST Network (FORM GST INV-1), which registers invoices under an IRN.

A new field of :class:`Invoice` is in every answer by being declared here. A text field that a model reads needs its
name in ``wire_schema.TEXT_FIELDS`` and a new PROMPT_VERSION; a field that an XML syntax holds, one line in its reader.
Fields of parties, lines, taxes, accounts, India and fiscal devices are asked of the model as they are declared here:
they need the new PROMPT_VERSION only. ``wire_schema.ROW_FIELDS`` names the few that only XML has.
"""

import datetime as dt
from dataclasses import dataclass, fields, is_dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import cache
from typing import Any

DOCUMENT_TYPES = ("invoice", "credit_note", "debit_note", "receipt", "proforma", "other")
TAX_ID_TYPES = ("GSTIN", "VAT", "TIN", "EIN", "ABN", "OTHER")

#: prices of single pieces are given with up to eight decimals (FatturaPA)
_MONEY_PLACES = 10
_MONEY_STEP = Decimal("0.0000000001")
_WIDE = Context(prec=100)


def unless_empty[Record](record: Record) -> Record | None:
    """The record, or None when the document shows none of its values."""
    return None if record == type(record)() else record


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """A seller (BG-4), buyer (BG-7), place of delivery (BG-13) or payee (BG-10).

    ``name`` is the registered name (BT-27, BT-44), or the trading name of a party that gives no other.
    ``trading_name`` is the name by which it is known besides (BT-28, BT-45); only e-invoices tell the two apart.
    ``country`` is ISO 3166-1 alpha-2, ``state_code`` is written as the country itself does. ``pan`` is the Indian
    Permanent Account Number.
    """

    name: str | None = None
    trading_name: str | None = None
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
    """The invoice that a credit or debit note refers to (BG-3)."""

    number: str | None = None
    date: dt.date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tax:
    """One tax at one rate (BG-23).

    ``rate`` is in percent. ``category`` is the code of UNTDID 5305 that EN 16931 uses (S, Z, E, AE, ...), where known.
    """

    name: str | None = None
    rate: Decimal | None = None
    taxable_amount: Decimal | None = None
    amount: Decimal | None = None
    category: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Withholding:
    """Tax that the buyer keeps back or the seller collects (TDS, TCS, WHT). ``rate`` is in percent."""

    name: str | None = None
    rate: Decimal | None = None
    amount: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LineItem:
    """One line (BG-25). ``net_amount`` is what the line adds to the subtotal (BT-131); ``page`` counts from 1.

    ``hsn_sac`` is a code of the Harmonised System, in India with the service codes (SAC) of GST.
    """

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


#: numbers of an account that decide where money goes
ACCOUNT_CODES = ("iban", "account_number", "bic", "sort_code", "ifsc", "routing_number", "upi_id", "mobile_money")


@dataclass(frozen=True, slots=True, kw_only=True)
class BankAccount:
    """An account that takes the payment (BG-17). Numbers are text without blanks, so that leading zeros stay.

    ``iban`` is ISO 13616, ``bic`` ISO 9362; ``ifsc`` and ``upi_id`` are Indian, ``sort_code`` is British,
    ``routing_number`` is North American.
    """

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
class CashDiscount:
    """What may be kept back for paying early; the rest is due by the invoice's due date. Only e-invoices give these.

    ``percent`` of ``base``, or of the amount due where no base is given, for a payment up to and with the day
    ``until``.
    """

    percent: Decimal | None = None
    until: dt.date | None = None
    base: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """How to pay: terms (BT-20), means (BT-81, BT-82), reference (BT-83), discounts for early payment, accounts."""

    terms: str | None = None
    method: str | None = None
    reference: str | None = None
    discounts: tuple[CashDiscount, ...] = ()
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
    """Fields of the Indian GST invoice (Rule 46 of the CGST Rules, 2017, and the e-invoice schema).

    ``irn`` is 64 hex digits, ``place_of_supply_code`` the two-digit GST code of a state.
    """

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
    """What a fiscal device or a tax authority stamped on the invoice. In Ghana ``device_id`` is the SDC id."""

    authority: str | None = None
    device_id: str | None = None
    receipt_number: str | None = None
    signature: str | None = None
    timestamp: str | None = None
    qr_text: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """One invoice.

    ``document_type`` is one of DOCUMENT_TYPES. ``currency`` and ``tax_currency`` are ISO 4217 codes; ``exchange_rate``
    is given as printed.

    :ivar impossible_dates: ``(field, text)`` of each date that the calendar does not have (``2026-02-30``). The field
        itself is None, so that nothing computes with it; :func:`as_dict` puts the text in its place, because an answer
        shows what the document says. Only fields at the top level of the schema.
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
    """The invoice as values for JSON: every key is there, money as decimal strings, dates as ISO 8601."""
    out: dict[str, Any] = _plain(invoice)
    del out["impossible_dates"]
    return out | dict(invoice.impossible_dates)


def money_text(value: Decimal) -> str:
    r"""A Decimal as ``-?\d+(\.\d{1,10})?``: never an exponent, never minus zero; digits beyond ten are rounded."""
    if -int(value.as_tuple().exponent) > _MONEY_PLACES:
        value = value.normalize(_WIDE)
    if -int(value.as_tuple().exponent) > _MONEY_PLACES:
        value = value.quantize(_MONEY_STEP, ROUND_HALF_UP, _WIDE)
    text = format(value, "f")
    return text if value else text.removeprefix("-")


@cache
def _names_of(kind: Any) -> tuple[str, ...]:
    """The fields of a record; none for what is no record."""
    return tuple(entry.name for entry in fields(kind)) if is_dataclass(kind) else ()


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str):
        return value
    if names := _names_of(type(value)):  # type: ignore[arg-type] # mypy: a class of any kind has no hash
        return {name: _plain(getattr(value, name)) for name in names}
    if isinstance(value, tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, Decimal):
        return money_text(value)
    return value.isoformat() if isinstance(value, dt.date) else value
