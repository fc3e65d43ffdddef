"""Where the values of an invoice stand on its pages: all places of each, and of those the one that is meant."""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple

from shared_code.invoices.evidence.page_index import PageIndex
from shared_code.invoices.evidence.record import Found, around
from shared_code.invoices.evidence.values import Value
from shared_code.invoices.page import PlacedText
from shared_code.invoices.printed_labels import BesideLabel
from shared_code.invoices.text_layer import TextLayer

#: parts of a longer text that stand in lines of their own
_PARTS = re.compile(r"\s*[\n,;]\s*")
_SHORTEST_PART = 3
_LEAST_WORDS, _MOST_WORDS = 2, 12
_MOST_PARTS = 12
#: share of a longer text that must be found
_MOST = 0.6


class Labelled(NamedTuple):
    """A place with the label beside it."""

    found: Found
    label: str


class Places:
    """Looks values up on the pages of one invoice."""

    def __init__(self, layer: TextLayer, *, first_page: int = 1) -> None:
        """Look into the pages of a layer, of which the first has this number in the document."""
        self._layer = layer
        self._first_page = first_page
        self._only_page = first_page if len(layer.pages) == 1 else None
        self._known: dict[tuple[type[Value], str, bool, int | None], list[Found]] = {}

    @property
    def pages(self) -> Sequence[int]:
        """Numbers of the pages."""
        return range(self._first_page, self._first_page + len(self._layer.pages))

    @property
    def readable(self) -> bool:
        """Whether the pages have text in which values can be looked up."""
        return self._layer.usable

    def all_of(self, path: str, value: Value, *, page: int | None = None) -> list[Found]:
        """All places of a value in the order of the pages; places in better texts only, where there are such.

        :param page: look on this page alone.
        """
        currency = path.endswith("currency")
        if page == self._only_page:
            page = None
        # 18 and 18.00 are equal, and are printed in two ways.
        key = (type(value), str(value), currency, page)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._look(value, page, currency=currency)
        return found

    def _look(self, value: Value, page: int | None, *, currency: bool) -> list[Found]:
        for texts in self._indexes:
            wanted = texts if page is None else [index for index in texts if index.page == page]
            found: list[Found] = []
            for index in wanted:
                found += _find(index, value, currency=currency)
            if not found and isinstance(value, date):
                found = [place for index in wanted for place in index.days(value, all_languages=True)]
            if found:
                return _as_exact(found, value)
        return []

    def most_words_of(self, value: str) -> list[Found]:
        """Places of a text of which the page leaves out a word at one end, such as the legal form of a company."""
        words = value.split()
        if len(words) > _MOST_WORDS:
            return []
        least = max(round(_MOST * len(words)), _LEAST_WORDS)
        for count in range(len(words) - 1, least - 1, -1):
            found = self.all_of("", " ".join(words[:count])) or self.all_of("", " ".join(words[-count:]))
            if found:
                return found
        return []

    def in_parts(self, value: str, near: Found | None) -> Found | None:
        """A longer text whose lines stand apart, such as an address beside another one, as one place."""
        parts = [part for part in _PARTS.split(value) if len(part) >= _SHORTEST_PART][:_MOST_PARTS]
        found: list[Found] = []
        for part in parts if len(parts) > 1 else ():
            beside = found[-1] if found else near
            places = [place for place in self.all_of("", part) if beside is None or place.page == beside.page]
            if places:
                found.append(nearest(places, beside))
        if sum(len(place.text) for place in found) < _MOST * len(value):
            return None
        boxes = tuple(box for place in found for box in place.boxes)
        text = ", ".join(place.text for place in found)
        end = max(place.end for place in found)
        return found[0]._replace(end=end, text=text, boxes=boxes, hull=around(boxes))

    def beside(self, names: Iterable[str], found: Sequence[Found]) -> list[Labelled]:
        """Those of some places that stand beside a label of one of these fields."""
        return [
            Labelled(place, one.label)
            for name in names
            for place in found
            for one in self._labels.get((place.page, name), ())
            if one.start <= place.start <= one.start + len(one.text)
            # Labels are known in what is seen as text.
            and self._indexes[0][place.page - self._first_page].gave(place)
        ]

    def printed_beside(self, names: Iterable[str]) -> Iterator[Found]:
        """What the pages print beside the labels of these fields: the texts that have a digit."""
        for name in names:
            for (page, field), labels in self._labels.items():
                if field == name:
                    index = self._indexes[0][page - self._first_page]
                    yield from (index.at(one.start, one.text) for one in labels if any(map(str.isdigit, one.text)))

    @cached_property
    def _labels(self) -> dict[tuple[int, str], list[BesideLabel]]:
        found: dict[tuple[int, str], list[BesideLabel]] = {}
        for page, labels in enumerate(self._layer.labelled_by_page, start=self._first_page):
            for one in labels:
                found.setdefault((page, one.field), []).append(one)
        return found

    @cached_property
    def _indexes(self) -> list[list[PageIndex]]:
        """The texts of all pages: first what is seen as text on each, then what was recognised in its picture."""
        seen, recognised = [], []
        for number, page in enumerate(self._layer.pages, start=self._first_page):
            placed = page.placed or (PlacedText(page.shown), PlacedText(page.recognised))
            own = next((one for one in placed if one.text == page.shown), PlacedText(page.shown))
            seen.append(PageIndex(number, own))
            recognised += [PageIndex(number, one) for one in placed if one is not own and one.text]
        return [seen, recognised] if recognised else [seen]


def nearest(places: Sequence[Found], other: Found | None) -> Found:
    """The place that is nearest to another one in the text, those behind it first; the first one without another."""
    if other is None:
        return places[0]

    def distance(place: Found) -> tuple[bool, int]:
        away = place.start - other.start
        return place.page != other.page, away if away >= 0 else -2 * away

    return min(places, key=distance)


def _find(index: PageIndex, value: Value, *, currency: bool) -> list[Found]:
    if isinstance(value, Decimal):
        return index.amounts(value)
    if isinstance(value, date):
        return index.days(value)
    return index.texts(value) or (index.marks(value) if currency else [])


def _as_exact(found: list[Found], value: Value) -> list[Found]:
    """Of the places of an amount those with its decimals, if there are any: 18 may be the rate and 18.00 the tax."""
    if len(found) == 1 or not isinstance(value, Decimal):
        return found
    digits = sum(map(str.isdigit, f"{value:f}"))
    return [place for place in found if sum(map(str.isdigit, place.text)) == digits] or found
