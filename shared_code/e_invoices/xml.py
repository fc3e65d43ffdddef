"""The elements of an XML document as readers see them, and its amounts and dates one by one.

Elements are found by their local names, because the same vocabulary is used with many namespace prefixes and versions.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import Context, Decimal
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING

from shared_code.invoices.printed_dates import read_iso
from shared_code.records import Finding

if TYPE_CHECKING:
    from lxml import etree

#: an ``xs:decimal`` (W3C XML Schema, part 2) or a float as .NET and JavaScript write it, with an exponent
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_TOO_LARGE = Decimal(10) ** 15
_MOST_PLACES = 12
#: A binary float of 64 bits holds 15 decimal digits (IEEE 754); what is written behind them comes from the conversion.
_FLOAT_DIGITS = 15
_MONEY_PLACES = 4
_NOISE = Decimal("1e-12")
_LONGEST_NUMBER = 1_000
_SHORT_STEP = Decimal("0.000001")
_WIDE = Context(prec=2_000)
_ISO_START = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[TZ+-].*)?")
_COMPACT = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})(?:[0-9]{4}|[0-9]{6})?(?:[A-Z+-].*)?")
#: months, quarters, weeks, years and spans of UNTDID 2379, which name no single day
_PERIOD_FORMS = frozenset(
    {
        "602",
        "604",
        "608",
        "609",
        "610",
        "613",
        "614",
        "615",
        "616",
        "710",
        "711",
        "713",
        "715",
        "716",
        "717",
        "718",
        "719",
    }
)
_SHORT = re.compile(r"([0-9]{2})([0-9]{2})([0-9]{2})")
#: order of year, month and day in the forms of six digits (UNTDID 2379)
_SHORT_ORDER = {"2": "dmy", "3": "mdy", "101": "ymd"}
_DAY_FIRST = re.compile(r"([0-9]{2})([0-9]{2})([0-9]{4})")
_MAX_FOUND = 100


class Node:
    """One element. Paths are local names with slashes between them (``Price/PriceAmount``)."""

    __slots__ = ("_element",)

    def __init__(self, element: "etree._Element") -> None:
        self._element = element

    def as_type[Kind: Node](self, kind: type[Kind]) -> Kind:
        """The same element as another kind of node, which all nodes below it will be."""
        return kind(self._element)

    @property
    def name(self) -> str:
        """The local name."""
        return str(self._element.tag).rpartition("}")[2]

    @property
    def namespace(self) -> str:
        """The namespace, '' for none."""
        return str(self._element.tag).rpartition("}")[0].removeprefix("{")

    @property
    def children(self) -> "list[Node]":
        """All child elements."""
        return [type(self)(child) for child in self._element]

    @property
    def value(self) -> str | None:
        """The element's own text on one line, None when it is empty."""
        return " ".join((self._element.text or "").split()) or None

    @property
    def block(self) -> str | None:
        """The element's own text with its lines kept, None when it is empty."""
        lines = [" ".join(line.split()) for line in (self._element.text or "").splitlines()]
        return "\n".join(lines).strip() or None

    def attribute(self, name: str) -> str | None:
        """An attribute by its local name, one without a namespace first; None when it is missing or empty."""
        value = self._element.get(name)
        if value is None:  # some schemas give their attributes the namespace of the elements
            qualified = f"}}{name}"
            value = next((str(each) for key, each in self._element.items() if str(key).endswith(qualified)), None)
        return (value or "").strip() or None

    @property
    def attributes(self) -> tuple[tuple[str, str], ...]:
        """Names and values of the attributes without a namespace that are not empty."""
        found = ((str(name), str(value).strip()) for name, value in self._element.items())
        return tuple((name, value) for name, value in found if value and not name.startswith("{"))

    def find(self, *paths: str) -> "Node | None":
        """The first element under any of the paths, tried in order."""
        for path in paths:
            for found in _below(self._element, _wildcards(path)):
                return type(self)(found)
        return None

    def all(self, *paths: str) -> "list[Node]":
        """All elements under the paths."""
        return [type(self)(found) for path in paths for found in _below(self._element, _wildcards(path))]

    def text(self, *paths: str) -> str | None:
        """The first text that is not empty under the paths, on one line."""
        for path in paths:
            for found in _below(self._element, _wildcards(path)):
                if value := type(self)(found).value:
                    return value
        return None

    def texts(self, *paths: str) -> tuple[str, ...]:
        """All texts under the paths, without repetition."""
        return tuple(dict.fromkeys(value for node in self.all(*paths) if (value := node.value)))

    def long_texts(self, shortest: int, *, most: int) -> Iterator[str]:
        """Texts of at least ``shortest`` characters in the first ``most`` elements from this one down."""
        for element in islice(self._element.iter(), most):
            text = element.text
            if text is not None and len(text) >= shortest:
                yield str(text)

    def keep_first(self, count: int, path: str) -> int:
        """Take all elements under the path but the first ``count`` out of the tree; how many those were."""
        beyond = list(_below(self._element, _wildcards(path)))[count:]
        for element in beyond:
            parent = element.getparent()
            if parent is not None:
                parent.remove(element)
        return len(beyond)

    def part(self, *paths: str) -> "Node":
        """As :meth:`find`, with an empty element in place of a missing one."""
        return self.find(*paths) or type(self)(self._element.makeelement("nothing"))

    def code(self, *paths: str) -> str | None:
        """The first number or code under the paths, or else in the element itself, without blanks."""
        text = self.text(*paths) if paths else self.value
        return text.replace(" ", "") if text else None


class XmlValues:
    """Reads amounts and dates, and keeps findings on those that could not be read.

    :ivar findings: the findings so far.
    :ivar impossible: ``(field, text)`` of dates that no calendar has, fields at the top level only.
    """

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.impossible: list[tuple[str, str]] = []

    def amount(self, text: str | None, field: str) -> Decimal | None:
        """A number exactly as it is written, but for the noise of binary floats (``199.99999999999997`` is 200).

        What is not a number, and what is too large for an amount, gives None and a finding.
        """
        if text is None:
            return None
        if not _NUMBER.fullmatch(text[:_LONGEST_NUMBER]):
            self._unreadable("unreadable_amount", "The XML holds something here that is not a number.", field, text)
            return None
        value = Decimal(text[:_LONGEST_NUMBER])
        if abs(value) >= _TOO_LARGE or len(text) > _LONGEST_NUMBER:
            message = "The XML holds a number here that is too large or too long for an amount."
            self._unreadable("unreadable_amount", message, field, text)
            return None
        return _keeping_origin(_without_noise(value), text)

    def date(self, text: str | None, field: str, *, form: str | None = None) -> date | None:
        """A date in any form that the syntaxes use.

        :param form: the format code of UNTDID 2379 (``102`` is YYYYMMDD), where the XML gives one.
        """
        if text is None:
            return None
        if form in _PERIOD_FORMS and any(char.isdigit() for char in text):
            message = "The XML gives a period here, such as a month, and no day."
            self.findings.append(Finding("no_single_day", message, field, found=text[:_MAX_FOUND], review=False))
            return None
        iso = _iso_of(text, form)
        reading = read_iso(iso)
        if reading is None or iso is None:
            self._unreadable("unreadable_date", "The XML holds something here that is not a date.", field, text)
            return None
        if reading.impossible:
            message = "The calendar has no such date; it is given as it stands in the XML."
            self.findings.append(Finding("impossible_date", message, field, found=text[:_MAX_FOUND]))
            if "." not in field:
                self.impossible.append((field, iso))
        return None if reading.day_first is None else _keeping_origin(reading.day_first, text)

    def remark(self, finding: Finding | None) -> None:
        """Keep a finding, if there is one."""
        if finding is not None:
            self.findings.append(finding)

    def _unreadable(self, code: str, message: str, field: str, text: str) -> None:
        self.findings.append(Finding(code, message, field, found=text[:_MAX_FOUND]))


def _keeping_origin[Value: (Decimal, date)](value: Value, text: str) -> Value:
    """The value with the mark of the element that its text came from; only :mod:`.explain` gives texts a mark."""
    origin = getattr(text, "origin", None)
    return value if origin is None else origin.marked(value)


def _without_noise(value: Decimal) -> Decimal:
    """The number that a program meant when its float had more digits than a float holds."""
    _, digits, exponent = value.as_tuple()
    places = -int(exponent)
    if places <= _MOST_PLACES and not (len(digits) > _FLOAT_DIGITS and places > _MONEY_PLACES):
        return value if places >= 0 else value.quantize(Decimal(1), context=_WIDE)
    short = value.quantize(_SHORT_STEP, context=_WIDE)
    if abs(value - short) > abs(value) * _NOISE:
        short = Context(prec=_FLOAT_DIGITS).plus(value)
    if -int(short.as_tuple().exponent) > _MOST_PLACES:
        short = short.quantize(Decimal(1).scaleb(-_MOST_PLACES), context=_WIDE)
    short = short.normalize(_WIDE)
    return short if int(short.as_tuple().exponent) <= 0 else short.quantize(Decimal(1), context=_WIDE)


def sum_of(amounts: Iterable[Decimal | None]) -> Decimal | None:
    """The sum of the known amounts, None when there is none."""
    known = [amount for amount in amounts if amount is not None]
    return sum(known[1:], known[0]) if known else None


@lru_cache(maxsize=1024)
def _wildcards(path: str) -> tuple[str, ...]:
    return tuple(f"{{*}}{step}" for step in path.split("/"))


def _below(element: "etree._Element", steps: Sequence[str]) -> "Iterator[etree._Element]":
    """The elements at the end of a path; ``findall`` of lxml takes several times as long for the same."""
    # A step may have a number, ``InvoiceLine[2]``.
    children = element.iterfind(steps[0]) if "[" in steps[0] else element.iterchildren(steps[0])
    if len(steps) == 1:
        return children
    return (found for child in children for found in _below(child, steps[1:]))


def _iso_of(text: str, form: str | None) -> str | None:
    """The text as YYYY-MM-DD (ISO 8601), even when the calendar has no such day; None when it is not a date."""
    if match := _ISO_START.fullmatch(text):
        return match[1]
    if (match := _SHORT.fullmatch(text)) and form in _SHORT_ORDER:
        parts = dict(zip(_SHORT_ORDER[form], match.groups(), strict=True))
        return f"20{parts['y']}-{parts['m']}-{parts['d']}"
    if (match := _DAY_FIRST.fullmatch(text)) and form == "4":
        return "-".join(reversed(match.groups()))
    if match := _COMPACT.fullmatch(text):
        return "-".join(match.groups())
    return None
