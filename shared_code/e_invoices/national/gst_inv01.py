"""The Indian e-invoice, INV-01: JSON by which invoices are registered with the GST Network, and what comes back.

Names are those of the e-invoice schema 1.1 (FORM GST INV-1, CGST Rules, 2017, rule 48(4); National Informatics Centre,
einvoice1.gst.gov.in), in lower case here, because programs do not agree on the case (the portal's own sample has
``Paidamt``). The sums are those of its validation rules:

* an item is ``TotAmt`` less ``Discount`` (``AssAmt``), plus its taxes and ``OthChrg`` (``TotItemVal``);
* the invoice is ``AssVal`` plus all taxes plus ``OthChrg``, less ``Discount``, plus ``RndOffAmt``: what is taken off or
  added on the whole invoice comes after tax;
* with reverse charge and on exports the total may leave out the tax.

All amounts are in rupees. ``GstRt`` is the whole rate, of which CGST and SGST are halves. ``URP`` in the place of a
GSTIN is a person without one. A registered invoice has an ``Irn``; ``SignedQRCode`` holds what the portal signed.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal

from shared_code.documents.india_qr import read_codes
from shared_code.e_invoices.codes import payment_of
from shared_code.e_invoices.national.paths import Paths, read_party, read_record, reading_of_invoice
from shared_code.e_invoices.xml import Node, XmlValues, sum_of
from shared_code.invoices.countries import GSTIN_FORM
from shared_code.invoices.reading import InvoiceReading
from shared_code.invoices.schema import (
    BankAccount,
    India,
    Invoice,
    LineItem,
    OriginalInvoice,
    Party,
    Payment,
    Tax,
    unless_empty,
)
from shared_code.records import Finding

#: of the element that :mod:`shared_code.e_invoices.json_envelopes` makes of an invoice
NAMESPACE = "urn:json:gst-inv-01"
ROOT = "inv01"

_ZERO = Decimal(0)
_RUPEE = Decimal(1)
_INVOICE: Paths = {
    "invoice_number": "docdtls/no",
    "invoice_date": "docdtls/dt",
    "service_period_start": "refdtls/docperddtls/invstdt",
    "service_period_end": "refdtls/docperddtls/invenddt",
    "po_numbers": "refdtls/contrdtls/porefr",
    "contract_number": "refdtls/contrdtls/contrrefr",
    "subtotal": "valdtls/assval",
    "net_total": "valdtls/assval",
    "round_off": "valdtls/rndoffamt",
    "total": "valdtls/totinvval",
    "notes": "refdtls/invrm",
}
_ORIGINAL: Paths = {"number": "invno", "date": "invdt"}
_PARTY: Paths = {
    "name": "lglnm | trdnm",
    "address": "addr1 & addr2",
    "city": "loc",
    "email": "em",
    "phone": "ph",
}
_LINE: Paths = {
    "line_no": "slno",
    "description": "prddesc",
    "product_code": "barcde",
    "hsn_sac": "hsncd",
    "quantity": "qty",
    "unit": "unit",
    "unit_price": "unitprice",
    "net_amount": "assamt",
    "tax_rate": "gstrt",
    "total_amount": "totitemval",
}
_INDIA: Paths = {
    "irn": "irn",
    "ack_number": "ackno",
    "ack_date": "ackdt",
    "place_of_supply_code": "buyerdtls/pos",
    "supply_type": "trandtls/suptyp",
    "reverse_charge": "trandtls/regrev",
    "eway_bill_number": "ewbno",
}
_TYPES = {"INV": "invoice", "CRN": "credit_note", "DBN": "debit_note"}
#: name, amount of an item, its rate, share of that rate
_ITEM_TAXES = (
    ("CGST", "cgstamt", "gstrt", Decimal("0.5")),
    ("SGST", "sgstamt", "gstrt", Decimal("0.5")),
    ("IGST", "igstamt", "gstrt", Decimal(1)),
    ("CESS", "cesamt", "cesrt", Decimal(1)),
    ("CESS", "cesnonadvlamt", None, Decimal(1)),
    ("STATE CESS", "statecesamt", "statecesrt", Decimal(1)),
    ("STATE CESS", "statecesnonadvlamt", None, Decimal(1)),
)
_TAXES = {"CGST": "cgstval", "SGST": "sgstval", "IGST": "igstval", "CESS": "cesval", "STATE CESS": "stcesval"}
_DAY_FIRST = re.compile(r"([0-9]{1,2})[/-]([0-9]{1,2})[/-]([0-9]{4})")
_IFSC = re.compile(r"[A-Z]{4}0[A-Z0-9]{6}")
#: state code and PIN of an address abroad
_ABROAD, _PIN_ABROAD = "96", "999999"
_UNREGISTERED = "URP"


class GstValues(XmlValues):
    """Dates as day, month, year, or with a time behind a blank."""

    def date(self, text: str | None, field: str, *, form: str | None = None) -> date | None:
        """A date; the portal writes ``16/09/2022`` and ``2022-09-16 19:29:00``."""
        if text and (match := _DAY_FIRST.fullmatch(text.split(" ")[0])):
            return super().date(f"{match[3]}-{match[2]:0>2}-{match[1]:0>2}", field)
        return super().date(text and text.split(" ")[0], field, form=form)


def read_inv01(root: Node) -> tuple[str | None, tuple[InvoiceReading, ...]]:
    """Version and invoice of an INV-01 document."""
    values = GstValues()
    lines = _lines(root, values)
    kind = root.text("docdtls/typ")
    original = root.find("refdtls/precdocdtls")
    invoice = read_record(
        Invoice,
        root,
        _INVOICE,
        values,
        document_type=None if kind is None else _TYPES.get(kind.upper(), "other"),
        currency="INR",
        original_invoice=original
        and unless_empty(read_record(OriginalInvoice, original, _ORIGINAL, values, field="original_invoice")),
        seller=_party(root.find("sellerdtls"), values, "seller") or Party(),
        buyer=_party(root.find("buyerdtls"), values, "buyer"),
        ship_to=_party(root.find("shipdtls"), values, "ship_to"),
        line_items=lines,
        payment=_payment(root),
        india=_india(root, values),
    )
    invoice = _with_totals(invoice, root, values)
    _remarks(root, values)
    # A debit note on a price alone has nil for the quantity.
    unchecked = [index for index, line in enumerate(lines) if not line.quantity or not line.unit_price]
    version = root.text("version")
    return f"INV-01 {version}" if version else "INV-01", (
        reading_of_invoice(invoice, values, unchecked_lines=unchecked),
    )


def _with_totals(invoice: Invoice, root: Node, values: XmlValues) -> Invoice:
    def amount(path: str, field: str) -> Decimal | None:
        return values.amount(root.text(path), field)

    sums = {name: amount(f"valdtls/{path}", "tax_total") for name, path in _TAXES.items()}
    charges = [values.amount(node.value, "charges_total") for node in root.all("valdtls/othchrg", "itemlist/othchrg")]
    paid = amount("paydtls/paidamt", "amount_paid")
    due = amount("paydtls/paymtdue", "amount_due")
    return replace(
        invoice,
        taxes=_taxes(invoice, sums),
        tax_total=sum_of(sums.values()),
        discount_total=amount("valdtls/discount", "discount_total") or None,
        charges_total=sum_of(charges) or None,
        amount_paid=paid or None,
        # Programs write nil for what they do not know.
        amount_due=due if due or (due is not None and paid and paid == invoice.total) else None,
    )


def _taxes(invoice: Invoice, sums: dict[str, Decimal | None]) -> tuple[Tax, ...]:
    """The taxes by rate, as the items give them; where those are not the invoice's, its sums without a rate."""
    by_rate: dict[tuple[str, Decimal | None], Tax] = {}
    for line in invoice.line_items:
        for tax in line.taxes:
            place = (tax.name or "", tax.rate)
            known = by_rate.get(place, Tax())
            by_rate[place] = replace(
                tax,
                amount=sum_of([known.amount, tax.amount]),
                taxable_amount=sum_of([known.taxable_amount, line.net_amount]),
            )
    found: list[Tax] = []
    for name, total in sums.items():
        parts = [tax for (named, _), tax in by_rate.items() if named == name]
        if abs((sum_of(tax.amount for tax in parts) or _ZERO) - (total or _ZERO)) < _RUPEE:
            found += parts
        elif total:
            found.append(Tax(name=name, amount=total))
    return tuple(found)


def _party(node: Node | None, values: XmlValues, role: str) -> Party | None:
    if node is None:
        return None
    number = (node.code("gstin") or "").upper()
    code, pin = node.code("stcd"), node.code("pin")
    legal, trade = node.text("lglnm"), node.text("trdnm")
    return read_party(
        node,
        _PARTY,
        values,
        role,
        tax_id=None if number in {"", _UNREGISTERED} else number,
        tax_id_type="GSTIN" if GSTIN_FORM.fullmatch(number) else None if number in {"", _UNREGISTERED} else "OTHER",
        trading_name=trade if legal and trade != legal else None,
        state_code=None if code is None else code.zfill(2),
        postal_code=None if pin == _PIN_ABROAD else pin,
        country=None if code in {None, _ABROAD} else "IN",
    )


def _lines(root: Node, values: XmlValues) -> tuple[LineItem, ...]:
    return tuple(
        _line(node, f"line_items[{index}]", values)
        for index, node in enumerate(node for node in root.all("itemlist") if node.children)
    )


def _line(node: Node, field: str, values: XmlValues) -> LineItem:
    taxes = tuple(_item_taxes(node, field, values))
    return read_record(
        LineItem,
        node,
        _LINE,
        values,
        field=field,
        discount_amount=values.amount(node.text("discount"), f"{field}.discount_amount") or None,
        taxes=taxes,
        tax_amount=sum_of(tax.amount for tax in taxes) or _ZERO,
    )


def _item_taxes(node: Node, field: str, values: XmlValues) -> Iterator[Tax]:
    """The taxes of an item that are not nil: exports without payment have a rate and no tax."""
    for name, path, rate_path, share in _ITEM_TAXES:
        amount = values.amount(node.text(path), f"{field}.tax_amount")
        if not amount:
            continue
        rate = values.amount(node.text(rate_path), f"{field}.tax_rate") if rate_path else None
        yield Tax(name=name, rate=None if rate is None else _short(rate * share), amount=amount)


def _short(rate: Decimal) -> Decimal:
    """The rate without zeros behind its decimals, and without an exponent."""
    plain = rate.normalize()
    return plain.quantize(Decimal(1)) if int(plain.as_tuple().exponent) > 0 else plain


def _india(root: Node, values: XmlValues) -> India | None:
    code = root.text("signedqrcode")
    india = read_record(India, root, _INDIA, values, field="india", qr=read_codes([code]) if code else None)
    place = india.place_of_supply_code
    within = root.text("trandtls/igstonintra") == "Y"
    return unless_empty(
        replace(
            india,
            irn=india.irn and india.irn.lower(),
            place_of_supply_code=place and place.zfill(2),
            supply_type=f"{india.supply_type}, IGST on a supply within the state" if within else india.supply_type,
        )
    )


def _payment(root: Node) -> Payment | None:
    details = root.part("paydtls")
    days = details.text("crday")
    terms = (details.text("payterm"), details.text("payinstr"), f"{days} days" if days and days.strip("0.") else None)
    place = (details.code("fininsbr") or "").upper()
    is_ifsc = _IFSC.fullmatch(place) is not None
    account = BankAccount(
        account_name=details.text("nm"),
        account_number=details.code("accdet"),
        ifsc=place if is_ifsc else None,
        branch=None if is_ifsc else details.text("fininsbr"),
    )
    return payment_of(
        terms="; ".join(filter(None, terms)) or None,
        methods=(details.text("mode"),),
        reference=None,
        accounts=(account if account.account_number else None,),
    )


def _remarks(root: Node, values: XmlValues) -> None:
    if root.text("signature"):
        message = "The invoice comes in a signed token. Its signature was not checked."
        values.remark(Finding("signature_unverified", message, "file", review=False))
    if (root.text("status") or "").upper() in {"CNL", "CANCELLED"}:
        message = "The registration of this invoice was cancelled."
        values.remark(Finding("cancelled", message, "india.irn", found=root.text("status")))
