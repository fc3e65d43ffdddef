"""Totals and taxes: labelled amounts, and arithmetic where labels leave a choice. A doubtful amount is left out."""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from devstack.models.reading.labels import words
from devstack.models.reading.layout import Row
from devstack.models.reading.numbers import CODES, MONEY, Money, money_in, only_money

_CENT = Decimal("0.01")
_HUNDRED = Decimal(100)
_RATE = re.compile(r"(\d{1,2}(?:[.,]\d{1,3})?)\s?%")
_AMBIGUOUS = re.compile(r"\D*\d{1,3}\.\d{3}\D*")

_TOTALS = (
    re.compile(
        r"^(?:grand total|total payable|invoice total|total amount(?: due| payable)?|total invoice(?: amount| value)?|"
        r"gross (?:total|amount)|total (?:incl\b.*|including .*|\(?incl.*|gross.*|with (?:tax|vat).*)|"
        r"gesamtbetrag(?: brutto)?|brutto(?:summe|betrag)|rechnungsbetrag|rechnungssumme brutto.*|"
        r"gesamtsumme|endbetrag|(?:montant )?total t\.?t\.?c\.?|montant ttc|totaal (?:te betalen|incl.*)|totaalbedrag|"
        r"importe total|total (?:factura|a pagar)|totale (?:fattura|documento|da pagare))\b",
        re.IGNORECASE,
    ),
    re.compile(rf"^(?:total|totaal|totale|summe)(?: \(?(?:{'|'.join(sorted(CODES))}|[€$£₹])\)?)?$", re.IGNORECASE),
)
_DUE = re.compile(
    r"^(?:amount due|balance due|total due|zahlbetrag|net [àa] payer|te betalen|openstaand.*|solde.*)\b", re.IGNORECASE
)
_LABELS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("previous_balance", re.compile(r"^previous (?:unpaid )?balance", re.IGNORECASE)),
    (
        "amount_paid",
        re.compile(r"^(?:amount paid|paid|deposit|advance|acompte|erhaltene anzahlungen|anzahlung)\b", re.IGNORECASE),
    ),
    ("round_off", re.compile(r"^(?:round(?:ed|ing)?[\s-]?(?:off)?|rundung|arrondi|afronding)\b", re.IGNORECASE)),
    (
        "charges_total",
        re.compile(r"^(?:freight|shipping|packing|delivery|handling|carriage|versand|port\b|verzend)", re.IGNORECASE),
    ),
    ("discount_total", re.compile(r"^(?:discount|rabatt|remise|korting|descuento|sconto)\b", re.IGNORECASE)),
    (
        "net_total",
        re.compile(
            r"^(?:net (?:total|amount)|(?:montant |total )?(?:total )?h\.?t\.?$|netto(?:betrag|summe)?|total excl.*|"
            r"rechnungssumme (?:ohne|netto).*|total (?:taxable|before tax).*|amount before tax|base imponible|"
            r"imponibile|exclusief btw|excl\.? btw|taxable (?:value|amount))",
            re.IGNORECASE,
        ),
    ),
    (
        "subtotal",
        re.compile(
            r"^(?:sub[\s-]?total|subtotaal|zwischensumme|sous[\s-]total|subtotale|positionssumme)\b", re.IGNORECASE
        ),
    ),
    (
        "tax_total",
        re.compile(
            r"^(?:total (?:tax|vat|gst|tva|iva|btw)|tax total|steuerbetrag|total taxes|totale iva|gesamtsteuer)\b",
            re.IGNORECASE,
        ),
    ),
)
_TAX = re.compile(
    r"^(?:add:?\s*)?(?P<name>CGST|SGST|UTGST|IGST|GST|HST|PST|QST|CESS|NHIL|GET\s?FUND|COVID[\w -]*|"
    r"VAT|TVA|BTW|IVA|IGIC|MwSt|Umsatzsteuer|Mehrwertsteuer|USt|Sales Tax|Tax|Steuerbasisbetrag USt)\b",
    re.IGNORECASE,
)
_IDENTIFIER = words(r"id", r"no", r"reg", r"number", r"nr", r"nummer", r"rate", r"registration")


@dataclass(frozen=True, slots=True)
class Labelled:
    """A label with the amounts behind it."""

    label: str
    amounts: tuple[Money, ...]
    page: int

    @property
    def amount(self) -> Money:
        """The last amount: what stands before it is a base or a rate."""
        return self.amounts[-1]


@dataclass(slots=True)
class Totals:
    """What was found. ``fields`` are as printed, ``total`` is the amount itself."""

    fields: dict[str, str] = field(default_factory=dict)
    taxes: list[dict[str, str | None]] = field(default_factory=list)
    total: Money | None = None
    total_page: int | None = None


def labelled_amounts(rows: Sequence[Row]) -> list[Labelled]:
    """Every label that has an amount behind it, in its own cell or in the cells to the right."""
    out = []
    for row in rows:
        label: str | None = None
        amounts: list[Money] = []
        for cell in row.cells:
            money = only_money(cell.text)
            if money or _RATE.fullmatch(cell.text.strip()):
                amounts += [money] if money else []
                continue
            if label is not None and amounts:
                out.append(Labelled(label, tuple(amounts), row.page))
            first = MONEY.search(cell.text)
            amounts = money_in(cell.text)
            label = (cell.text[: first.start()] if first else cell.text).strip(" :.-–=")
        if label is not None and amounts:
            out.append(Labelled(label, tuple(amounts), row.page))
    return out


def read_totals(rows: Sequence[Row]) -> Totals:
    """The amounts of the invoice that stands on these rows, its line items left out."""
    entries = labelled_amounts(rows)
    totals = Totals()
    by_field: dict[str, list[Labelled]] = {}
    for entry in entries:
        for name, pattern in _LABELS:
            if pattern.search(entry.label):
                by_field.setdefault(name, []).append(entry)
                break
    taxes = [entry for entry in entries if _is_tax(entry, by_field)]
    nets = by_field.get("net_total", []) + by_field.get("subtotal", [])
    chosen = _choose_total(entries, nets, taxes, by_field)
    if chosen:
        totals.total, totals.total_page = chosen.amount, chosen.page
    for name, found in by_field.items():
        amount = _single(found) or _confirmed(found, taxes, by_field, totals.total)
        if amount:
            totals.fields[name] = amount.printed
    dues = [entry for entry in entries if _DUE.search(entry.label)]
    if (due := _single(dues)) is not None:
        totals.fields["amount_due"] = due.printed
    net = _net_amount(nets, taxes, by_field, totals.total)
    _complete_net(totals, net, by_field)
    totals.taxes = _tax_rows(taxes, net)
    if len(totals.taxes) == 1:
        totals.fields.setdefault("tax_total", taxes[-1].amount.printed)
    return totals


def _is_tax(entry: Labelled, by_field: dict[str, list[Labelled]]) -> bool:
    known = any(entry in found for found in by_field.values())
    rest = _RATE.sub("", entry.label)
    return not known and bool(_TAX.search(entry.label)) and not _IDENTIFIER.search(rest)


def _single(found: Sequence[Labelled]) -> Money | None:
    return found[-1].amount if found and len({entry.amount.value for entry in found}) == 1 else None


def _choose_total(
    entries: Sequence[Labelled],
    nets: Sequence[Labelled],
    taxes: Sequence[Labelled],
    by_field: dict[str, list[Labelled]],
) -> Labelled | None:
    for pattern in _TOTALS:
        found = [
            entry for entry in entries if pattern.search(entry.label) and not _AMBIGUOUS.fullmatch(entry.amount.printed)
        ]
        if not found:
            continue
        if _single(found):
            return found[-1]
        confirmed = [entry for entry in found if _adds_up(entry.amount.value, nets, taxes, by_field)]
        return confirmed[-1] if confirmed and _single(confirmed) else None
    dues = [entry for entry in entries if _DUE.search(entry.label)]
    settled = "amount_paid" in by_field or "previous_balance" in by_field
    if dues and not settled and _single(dues) and _adds_up(dues[-1].amount.value, nets, taxes, by_field):
        return dues[-1]
    return None


def _adds_up(
    total: Decimal, nets: Sequence[Labelled], taxes: Sequence[Labelled], by_field: dict[str, list[Labelled]]
) -> bool:
    return any(_adjusted(net.amount.value, taxes, by_field, total) for net in nets)


def _adjusted(net: Decimal, taxes: Sequence[Labelled], by_field: dict[str, list[Labelled]], total: Decimal) -> bool:
    tax = sum((entry.amount.value for entry in taxes), Decimal(0))
    if not taxes and (printed := _single(by_field.get("tax_total", []))):
        tax = printed.value
    extras = [
        abs(money.value) * sign
        for name, sign in (("charges_total", 1), ("discount_total", -1), ("round_off", 1), ("round_off", -1))
        if (money := _single(by_field.get(name, [])))
    ]
    sums = (
        net + tax + sum(chosen, Decimal(0))
        for count in range(len(extras) + 1)
        for chosen in itertools.combinations(extras, count)
    )
    return any(abs(value - total) <= _CENT for value in sums)


def _confirmed(
    found: Sequence[Labelled], taxes: Sequence[Labelled], by_field: dict[str, list[Labelled]], total: Money | None
) -> Money | None:
    if total is None:
        return None
    fitting = [entry for entry in found if _adjusted(entry.amount.value, taxes, by_field, total.value)]
    return _single(fitting)


def _net_amount(
    nets: Sequence[Labelled], taxes: Sequence[Labelled], by_field: dict[str, list[Labelled]], total: Money | None
) -> Money | None:
    return _single(nets) or _confirmed(nets, taxes, by_field, total)


def _complete_net(totals: Totals, net: Money | None, by_field: dict[str, list[Labelled]]) -> None:
    """A sum before taxes that is both, because nothing stands between the lines' sum and the taxes, is both."""
    if net is None or "charges_total" in by_field or "discount_total" in by_field:
        if "charges_total" in by_field and "net_total" in totals.fields:
            totals.fields.setdefault("subtotal", totals.fields.pop("net_total"))
        return
    totals.fields.setdefault("net_total", net.printed)
    totals.fields.setdefault("subtotal", net.printed)


def _tax_rows(taxes: Sequence[Labelled], net: Money | None) -> list[dict[str, str | None]]:
    rows: list[dict[str, str | None]] = []
    for entry in taxes:
        match = _TAX.search(entry.label)
        rate = _RATE.search(entry.label)
        row: dict[str, str | None] = {
            "name": match["name"] if match else None,
            "rate": rate[1] if rate else None,
            "taxable_amount": None,
            "amount": entry.amount.printed,
            "category": None,
        }
        for money in entry.amounts[:-1]:
            if row["rate"] is None and net and _is_share(net.value, money.value, entry.amount.value):
                row["rate"] = money.printed
            else:
                row["taxable_amount"] = row["taxable_amount"] or money.printed
        if row not in rows:
            rows.append(row)
    return rows


def _is_share(base: Decimal, rate: Decimal, amount: Decimal) -> bool:
    return abs(base * rate / _HUNDRED - amount) <= _CENT
