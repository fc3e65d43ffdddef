"""What the demo's invoices say: sellers, lines and sums, from which pages and model answers are made alike."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

_CENT = Decimal("0.01")


def cents(amount: Decimal) -> Decimal:
    """Rounded to two places, as invoices are."""
    return amount.quantize(_CENT, ROUND_HALF_UP)


@dataclass(frozen=True, slots=True)
class Party:
    """Who sells or buys. ``account`` is an IBAN, or the number of an account at ``bank``.

    :ivar language: of what the party prints: ``en`` or ``de``.
    :ivar colour: of its letterhead, red, green and blue from 0 to 1.
    """

    name: str
    street: str
    city: str
    postal_code: str
    country: str
    tax_id: str | None = None
    tax_label: str = "VAT No."
    account: str | None = None
    bank: str = ""
    language: str = "en"
    colour: tuple[float, float, float] = (0.13, 0.27, 0.45)

    @property
    def country_name(self) -> str:
        """As it stands in the address."""
        return _COUNTRIES[self.country]


_COUNTRIES = {
    "AE": "United Arab Emirates",
    "CH": "Switzerland",
    "DE": "Germany",
    "FR": "France",
    "GB": "United Kingdom",
    "IN": "India",
    "NL": "Netherlands",
    "US": "USA",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an invoice. ``code`` is an HSN or SAC code."""

    description: str
    quantity: Decimal
    unit: str
    price: Decimal
    code: str | None = None

    @property
    def net(self) -> Decimal:
        """What the line costs before taxes."""
        return cents(self.quantity * self.price)


@dataclass(frozen=True, slots=True)
class Invoice:
    """One invoice as it is printed.

    :ivar taxes: name and rate in percent of each.
    :ivar misread: what the model writes instead, by the name of a field of its answer, or as ``line_items.0.quantity``.
    """

    seller: Party
    buyer: Party
    number: str
    day: date
    due: date
    currency: str
    lines: tuple[Line, ...]
    taxes: tuple[tuple[str, Decimal], ...]
    kind: str = "invoice"
    refers_to: str | None = None
    order: str | None = None
    misread: Mapping[str, str] = field(default_factory=dict)

    @property
    def net(self) -> Decimal:
        """The sum of the lines."""
        return sum((line.net for line in self.lines), Decimal(0))

    def tax(self, rate: Decimal) -> Decimal:
        """What a tax of this rate comes to."""
        return cents(self.net * rate / 100)

    @property
    def tax_total(self) -> Decimal:
        """All taxes together."""
        return sum((self.tax(rate) for _, rate in self.taxes), Decimal(0))

    @property
    def total(self) -> Decimal:
        """What is to be paid."""
        return self.net + self.tax_total

    def printed(self, amount: Decimal, places: int = 2) -> str:
        """An amount as the seller writes it."""
        if self.currency == "INR":
            return indian(amount)
        text = f"{amount:,.{places}f}"
        if self.seller.language == "de":
            return text.translate(str.maketrans(",.", ".,"))
        return text.replace(",", "'") if self.currency == "CHF" else text

    def printed_day(self, day: date) -> str:
        """A day as the seller writes it."""
        if self.seller.language == "de" or self.seller.country == "CH":
            return f"{day:%d.%m.%Y}"
        return f"{day:%B} {day.day}, {day.year}" if self.seller.country == "US" else f"{day.day} {day:%b %Y}"


def indian(amount: Decimal) -> str:
    """With groups of two digits behind the first three: ``1,48,375.00``."""
    whole, _, rest = f"{abs(amount):.2f}".partition(".")
    head, tail = whole[:-3], whole[-3:]
    groups = []
    while head:
        groups.append(head[-2:])
        head = head[:-2]
    return f"{'-' if amount < 0 else ''}{','.join([*reversed(groups), tail])}.{rest}"
