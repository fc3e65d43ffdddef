"""Finds the value that belongs to a label: behind it, in the next cell, or below it."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from devstack.models.reading.layout import Cell, Row

_BELOW_POINTS = 40.0
_OFF_LINE_POINTS = 6.0
_LEADING = " :;#.=·–-"

Accept = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class Found:
    """A value and where it stands; ``priority`` 0 is the clearest label."""

    value: str
    page: int
    priority: int


def labelled(rows: Sequence[Row], patterns: Sequence[re.Pattern[str]], accept: Accept) -> list[Found]:
    """Values of all labels that match, in order of priority and place.

    ``accept`` takes the text after a label and returns the value that it starts with, or None.
    """
    found = []
    for priority, pattern in enumerate(patterns):
        for index, row in enumerate(rows):
            for position, cell in enumerate(row.cells):
                for match in pattern.finditer(cell.text):
                    value = _value_of(rows, index, position, cell.text[match.end() :], accept)
                    if value:
                        found.append(Found(value, row.page, priority))
    return found


def clearest(found: Sequence[Found]) -> Found | None:
    """The first of the clearest label, or None when that label has two different values."""
    if not found:
        return None
    best = [entry for entry in found if entry.priority == found[0].priority]
    return best[0] if len({entry.value for entry in best}) == 1 else None


def _value_of(rows: Sequence[Row], index: int, position: int, rest: str, accept: Accept) -> str | None:
    cells = rows[index].cells
    if rest.strip(_LEADING):
        return accept(rest.lstrip(_LEADING))
    beside = cells[position + 1] if position + 1 < len(cells) else None
    if beside and (value := accept(beside.text.lstrip(_LEADING))):
        return value
    if beside is None and (value := _value_right_of(rows, index, cells[position], accept)):
        return value
    for cell in below(rows, index, cells[position]):
        return accept(cell.text)
    return None


def _value_right_of(rows: Sequence[Row], index: int, cell: Cell, accept: Accept) -> str | None:
    """Forms often print values in other type a few points off the label's line."""
    for row in rows[max(index - 1, 0) : index + 2]:
        if row is rows[index] or row.page != rows[index].page or abs(row.y - rows[index].y) > _OFF_LINE_POINTS:
            continue
        right = [other for other in row.cells if other.x0 >= cell.x1]
        if right:
            return accept(right[0].text)
    return None


def below(rows: Sequence[Row], index: int, cell: Cell) -> Iterator[Cell]:
    """Cells under ``cell`` in its column, nearest first, a few points down on the same page."""
    for row in rows[index + 1 :]:
        if row.page != rows[index].page or rows[index].y - row.y > _BELOW_POINTS:
            return
        for other in row.cells:
            if other.overlaps(cell):
                yield other
                break


def text_until(stop: str) -> Accept:
    """Accepts any text up to a pattern."""
    pattern = re.compile(stop)

    def accept(text: str) -> str | None:
        return pattern.split(text, maxsplit=1)[0].strip() or None

    return accept


def matching(expression: str) -> Accept:
    """Accepts what the expression matches at the start; its first group if it has one."""
    pattern = re.compile(expression)

    def accept(text: str) -> str | None:
        match = pattern.match(text)
        return (match[1] if pattern.groups else match[0]).strip() if match else None

    return accept


def words(*alternatives: str) -> re.Pattern[str]:
    """A label pattern: one of the alternatives as whole words, in any case."""
    return re.compile(rf"(?<!\w)(?:{'|'.join(alternatives)})(?!\w)", re.IGNORECASE)
