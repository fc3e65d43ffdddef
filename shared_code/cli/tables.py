"""Lays out rows for people: a table that fits the screen, or a block for each row. No number, id or word is ever cut.

A column that does not fit leaves as a whole, and a line says which and how to see it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from shared_code.errors import InvalidRequest

#: a cell of more words than this is prose: it may go on in the next line, between two words
_WORDS_WHOLE = 2
#: prose narrower than this cannot be read
_LEAST_PROSE = 24
#: between two columns
_GAP = 2
_CENT = 2
#: names of integers that are no counts
_IDS = ("id", "key_id", "port")

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Layout:
    """How a list is to be shown.

    :ivar width: columns of the screen.
    :ivar spare: names of columns that a narrow screen can do without; the first leaves first.
    :ivar chosen: the names that somebody asked for, in that order; empty = all. None of them leaves.
    :ivar ways: how to see what was left out.
    """

    width: int
    spare: Sequence[str] = ()
    chosen: Sequence[str] = ()
    ways: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    cells: list[str]
    #: to the right, as numbers are
    numeric: bool

    @property
    def head(self) -> str:
        return self.name.replace("_", " ")

    @property
    def widest(self) -> int:
        return max(_width(self.head), *(_width(cell) for cell in self.cells))

    @property
    def least(self) -> int:
        """The narrowest that cuts nothing."""
        widths = [cell_len(word) for word in self.head.split()]
        for cell in self.cells:
            for line in cell.splitlines():
                words = line.split()
                if self.numeric or len(words) <= _WORDS_WHOLE:
                    widths.append(cell_len(line))
                else:
                    widths += [min(cell_len(line), _LEAST_PROSE), *(cell_len(word) for word in words)]
        return max(widths, default=1)


def named(name: str) -> str:
    """The name of a column as options take it."""
    return name.strip().lower().replace(" ", "_").replace("-", "_")


def text_of(name: str, value: Any) -> str:
    """A value for people: thousands set apart, moments in UTC to the second; ids as they are."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        moment = value.astimezone(UTC) if value.tzinfo else value
        return f"{moment:%Y-%m-%d %H:%M:%S}Z"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return str(value) if _is_id(name) else f"{value:,}"
    if isinstance(value, Decimal):
        return _money(value, _decimals(value))
    return str(value)


def lay_out(rows: Sequence[Row], layout: Layout) -> tuple[list[Text | Table], list[str]]:
    """What to print for ``rows``, of which there is at least one, and the names of the columns that were left out.

    :raises InvalidRequest: a column was asked for that there is not.
    """
    columns = _chosen(_columns(rows), layout.chosen)
    left_out: list[str] = []
    spare = [] if layout.chosen else [name for name in layout.spare if name in {column.name for column in columns}]
    while _needed(columns) > layout.width and spare:
        left_out.append(spare.pop(0))
        columns = [column for column in columns if column.name != left_out[-1]]
    if _needed(columns) > layout.width:
        # Then nothing is left out at all: a block has room for everything.
        return _blocks(_chosen(_columns(rows), layout.chosen), layout.width), []
    return [_table(columns, layout.width)], left_out


def _columns(rows: Sequence[Row]) -> list[_Column]:
    names = dict.fromkeys(name for row in rows for name in row)
    return [_column(name, [row.get(name) for row in rows]) for name in names]


def _column(name: str, values: list[Any]) -> _Column:
    numeric = any(isinstance(value, int | float | Decimal) and not isinstance(value, bool) for value in values)
    decimals = max((_decimals(value) for value in values if isinstance(value, Decimal)), default=0)
    cells = [
        # One number of decimals for all, so that the points stand below each other.
        _money(value, decimals) if isinstance(value, Decimal) else text_of(name, value)
        for value in values
    ]
    return _Column(name, cells, numeric)


def _chosen(columns: list[_Column], wanted: Sequence[str]) -> list[_Column]:
    if not wanted:
        return columns
    known = {named(column.name): column for column in columns}
    unknown = [name for name in wanted if named(name) not in known]
    if unknown:
        raise InvalidRequest(f"--columns takes {', '.join(known)}; not {unknown[0]!r}.", details={"field": "columns"})
    return [known[name] for name in dict.fromkeys(map(named, wanted))]


def _needed(columns: Sequence[_Column]) -> int:
    return sum(column.least for column in columns) + _GAP * (len(columns) - 1)


def _table(columns: Sequence[_Column], width: int) -> Table:
    """Widths are set here and add up: rich would take from columns that cannot give."""
    room = width - _GAP * (len(columns) - 1)
    widths = [column.least for column in columns]
    left = room - sum(widths)
    for place, column in enumerate(columns):
        more = min(left, column.widest - widths[place])
        widths[place] += more
        left -= more
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for column, its_width in zip(columns, widths, strict=True):
        side = "right" if column.numeric else "left"
        table.add_column(Text(column.head), justify=side, width=its_width, overflow="fold")  # type: ignore[arg-type]
    for cells in zip(*(column.cells for column in columns), strict=True):
        # Text, not str: names of companies are no markup.
        table.add_row(*map(Text, cells))
    return table


def _blocks(columns: Sequence[_Column], width: int) -> list[Text | Table]:
    """Names and values below each other, what is empty left out; a blank line between two rows."""
    lines: list[Text | Table] = []
    for number in range(len(columns[0].cells)):
        if number:
            lines.append(Text(""))
        lines += block({column.head: column.cells[number] for column in columns if column.cells[number]}, width)
    return lines


def block(facts: Mapping[str, str], width: int) -> list[Text]:
    """One line for each fact, or more where its words need them; a word that is wider than the screen stands below its
    name, and when it still does not fit, it is left to the terminal.
    """  # noqa: D205 - one thought that needs two lines
    label = max(map(cell_len, facts), default=0) + _GAP
    lines = []
    for name, value in facts.items():
        start, room = label, width - label
        if max(map(cell_len, value.split()), default=0) > room:
            lines.append(Text(name))
            start, room, name = _GAP, width - _GAP, ""  # noqa: PLW2901 - what is left of the name
        head = name + " " * (start - cell_len(name))
        wrapped = Text(value).wrap(Console(width=width), max(room, 1), overflow="ignore")
        for line in wrapped or [Text("")]:
            lines.append(Text((head + line.plain).rstrip()))
            head = " " * start
    return lines


def _width(text: str) -> int:
    return max((cell_len(line) for line in text.splitlines()), default=0)


def _is_id(name: str) -> bool:
    return name in _IDS or named(name).endswith("_id")


def _decimals(value: Decimal) -> int:
    if not value.is_finite():
        return 0
    exponent = value.normalize().as_tuple().exponent
    return max(_CENT, -exponent) if isinstance(exponent, int) else 0


def _money(value: Decimal, decimals: int) -> str:
    return f"{value:,.{decimals}f}" if value.is_finite() else str(value)
