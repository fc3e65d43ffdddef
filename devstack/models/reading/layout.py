"""Text with positions as rows of cells: what stands beside or below a label is its value."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_BASELINE_TOLERANCE = 2.5
_CELL_GAP_PER_HEIGHT = 0.85
_TEXT_ROW_HEIGHT = 12.0
_TEXT_CHAR_WIDTH = 5.0
_TEXT_CELLS = re.compile(r"\S+(?: \S+)*")


@dataclass(frozen=True, slots=True)
class Word:
    """A run of characters; points, y grows upwards, ``y`` is the baseline."""

    text: str
    x0: float
    x1: float
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Cell:
    """Words that stand close together on one line."""

    text: str
    x0: float
    x1: float

    def overlaps(self, other: "Cell") -> bool:
        """Whether the two share a column."""
        return self.x0 < other.x1 and other.x0 < self.x1


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a page, cells from left to right."""

    cells: tuple[Cell, ...]
    y: float
    page: int

    @property
    def text(self) -> str:
        """The whole line."""
        return "  ".join(cell.text for cell in self.cells)


@dataclass(frozen=True, slots=True)
class Page:
    """One page; ``number`` counts from 1 in the file, sizes in points."""

    number: int
    rows: tuple[Row, ...]
    width: float = 0.0
    height: float = 0.0

    @property
    def text(self) -> str:
        """All lines."""
        return "\n".join(row.text for row in self.rows)


def rows_from(words: Iterable[Word], page: int) -> tuple[Row, ...]:
    """Group words into lines by baseline, and lines into cells by gaps, from top to bottom."""
    lines: list[list[Word]] = []
    for word in sorted(words, key=lambda word: -word.y):
        if lines and abs(lines[-1][0].y - word.y) <= _BASELINE_TOLERANCE:
            lines[-1].append(word)
        else:
            lines.append([word])
    return tuple(_row(line, page) for line in lines)


def _row(line: list[Word], page: int) -> Row:
    line.sort(key=lambda word: word.x0)
    gap = _CELL_GAP_PER_HEIGHT * max(word.height for word in line)
    groups: list[list[Word]] = []
    for word in line:
        if groups and word.x0 - groups[-1][-1].x1 <= gap:
            groups[-1].append(word)
        else:
            groups.append([word])
    cells = tuple(
        Cell(" ".join(word.text for word in group), group[0].x0, max(word.x1 for word in group)) for group in groups
    )
    return Row(cells, line[0].y, page)


def pages_from_text(text: str) -> tuple[Page, ...]:
    """Plain text as pages: form feeds part pages; two blanks, a tab or a bar part cells."""
    pages = []
    for number, page_text in enumerate(text.split("\f"), start=1):
        rows = []
        for index, line in enumerate(page_text.splitlines()):
            spread = line.replace("\t", "    ").replace(" | ", "   ")
            cells = tuple(
                Cell(match[0], match.start() * _TEXT_CHAR_WIDTH, match.end() * _TEXT_CHAR_WIDTH)
                for match in _TEXT_CELLS.finditer(spread)
            )
            if cells:
                rows.append(Row(cells, -index * _TEXT_ROW_HEIGHT, number))
        pages.append(Page(number, tuple(rows)))
    return tuple(pages)
