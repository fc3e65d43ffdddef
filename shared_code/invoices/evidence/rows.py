"""Where the rows of a table stand: each row by what is unmistakable in it, then its cells beside that.

The same amount stands in many rows, and in one row twice. So a row begins behind the row before it, its cells stand
beside what it was found by, and no cell is taken twice.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from shared_code.invoices.evidence.places import Places
from shared_code.invoices.evidence.record import Found, Place
from shared_code.invoices.evidence.values import Value, values_of

#: cells by which a row is found, the surest first
_ANCHORS = ("description", "name", "total_amount", "net_amount", "amount", "product_code", "taxable_amount")
#: amounts of a row that may be printed once for two columns
_MONEY = frozenset({"unit_price", "net_amount", "total_amount", "taxable_amount", "amount"})
#: so much higher than wide is text that runs up or down the page
_UPRIGHT = 1.5
#: in heights of a row, how far above or below its cells may stand
_REACH = 0.5
_SHORTEST_WORDS = 3
#: characters between the cells of a row, where no boxes are known
_NEAR = 120


def find_rows(places: Places, name: str, rows: Sequence[Any]) -> Iterator[tuple[str, Found]]:
    """Path and place of each cell that was found, for the rows of the table ``name``."""
    taken = _Taken()
    before: Found | None = None
    for index, row in enumerate(rows):
        path = f"{name}[{index}]"
        cells = list(values_of(row, path))
        anchor = _anchor(places, cells, getattr(row, "page", None), before, taken)
        if anchor is None:
            continue
        before = anchor[1]
        yield from _cells(places, cells, anchor, taken)


class _Taken:
    """The places that are cells already, by their pages."""

    def __init__(self) -> None:
        self._found: set[tuple[int, int]] = set()

    def holds(self, place: Found) -> bool:
        return (place.page, place.start) in self._found

    def add(self, place: Found) -> None:
        self._found.add((place.page, place.start))


def _anchor(
    places: Places, cells: Sequence[tuple[str, Value]], page: int | None, before: Found | None, taken: _Taken
) -> tuple[str, Found] | None:
    """Path and place of the cell by which a row is found."""
    by_name = {path.rpartition(".")[2]: (path, value) for path, value in cells}
    for name in _ANCHORS:
        if name not in by_name:
            continue
        path, value = by_name[name]
        found = _places_of(places, path, value, page)
        free = [place for place in found if not taken.holds(place)]
        if free:
            after = [place for place in free if _is_behind(place, before)]
            chosen = (after or free)[0]
            taken.add(chosen)
            return path, chosen
    return None


def _places_of(places: Places, path: str, value: Value, page: int | None) -> list[Found]:
    found = places.all_of(path, value, page=page) if page in places.pages else []
    found = found or places.all_of(path, value)
    if not found and isinstance(value, str):
        # A description that wraps has cells of other columns between its lines.
        words = value.split()
        begin = " ".join(words[: max(_SHORTEST_WORDS, len(words) // 2)])
        found = places.all_of(path, begin) if len(words) > _SHORTEST_WORDS else []
    return found


def _is_behind(place: Found, before: Found | None) -> bool:
    return before is None or (place.page, place.start) >= (before.page, before.end)


def _cells(
    places: Places, cells: Sequence[tuple[str, Value]], anchor: tuple[str, Found], taken: _Taken
) -> Iterator[tuple[str, Found]]:
    anchor_path, row = anchor
    order, level = _along(row), _Level(row)
    amounts: dict[Value, Found] = {}
    for path, value in cells:
        money = path.rpartition(".")[2] in _MONEY
        if path == anchor_path:
            chosen = row
        else:
            free = [place for place in level.of(places.all_of(path, value, page=row.page)) if not taken.holds(place)]
            if not free and not (money and value in amounts):
                continue
            # What is equal stands in the order of the columns, which is nearly always that of the fields.
            chosen = min(free, key=order) if free else amounts[value]
        taken.add(chosen)
        if money:
            amounts[value] = chosen
        yield path, chosen


class _Level:
    """What is level with a row; without boxes, what is near it in the text."""

    def __init__(self, row: Found) -> None:
        self._row = row
        if row.hull is not None:
            self._low, self._high = _across(row.hull)
            first, last = row.hull[self._low], row.hull[self._high]
            reach = _REACH * (last - first) / 2
            self._first, self._middle, self._last = first - reach, (first + last) / 2, last + reach

    def of(self, found: Sequence[Found]) -> list[Found]:
        """Those of some places that are."""
        row = self._row
        if row.hull is None:
            return [place for place in found if abs(place.start - row.start) < _NEAR + len(row.text)]
        low, high, first, middle, last = self._low, self._high, self._first, self._middle, self._last
        return [
            place
            for place in found
            if (box := place.hull) is not None
            # A description of several lines has the amounts beside one of them.
            and (first <= (box[low] + box[high]) / 2 <= last or box[low] <= middle <= box[high])
        ]


def _across(box: Place) -> tuple[int, int]:
    """The sides of a box between which a row runs: top and bottom, or left and right where text runs up or down."""
    return (0, 2) if box[3] - box[1] > _UPRIGHT * (box[2] - box[0]) else (1, 3)


def _along(row: Found) -> Callable[[Found], int]:
    """In which order cells stand in a row."""
    side = 0 if row.hull is None or _across(row.hull) == (1, 3) else 1
    return lambda place: place.start if place.hull is None else place.hull[side]
