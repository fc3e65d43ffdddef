"""What is still good in an answer that was cut: its complete rows, and whether the model had run into a loop.

An answer is cut at its cap or at the model's own limit. The tokens are paid for, so what stands before the cut is kept.
A model in a loop writes the same row, or the same few characters in one value, until it is cut; asking it once more in
the same way would most likely cost the same again.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from shared_code.errors import ProviderBadAnswer
from shared_code.extraction.answer.wire_schema import ROW_FIELDS, Row, WireAnswer, WireInvoice, parse_answer

_LINES = "line_items"
#: a text, also one that the end cuts off, or a mark outside of texts
_MARKS = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[{}\[\],]', re.DOTALL)
_CLOSING = {"{": "}", "[": "]"}
#: brackets around the values of an invoice: the answer, the list of invoices, the invoice, one of its tables
_DEPTH_OF_ROWS = 4
#: characters at the end of an answer that are looked at, the longest piece that is looked for, and how often it must
#: stand there
_TAIL = 8_000
_LONGEST_PIECE = 1_000
_LEAST_REPEATS = 8
_LEAST_REPEATED = 400
#: rows in which a table repeats itself, and the longest group of rows that does
_LEAST_SAME_ROWS = 10
_LONGEST_GROUP = 5


@dataclass(frozen=True, slots=True)
class CutAnswer:
    """The complete part of a cut answer.

    :ivar wire: its invoices, the last one without the rows that a loop has repeated; None when nothing is complete.
    :ivar open_table: the table of the last invoice in which the answer ends; None when it ends before all tables.
    :ivar looped: whether it ends in a loop.
    """

    wire: WireAnswer | None
    open_table: str | None
    looped: bool


def read_cut_answer(text: str, *, rows: int | None) -> CutAnswer:
    """Read what is complete in the text of a cut answer.

    :param rows: rows of tables that were counted on the pages, None when nothing is known: as many equal rows as the
        pages may have are no loop.
    """
    repeats = _repeats_itself(text)
    closed = _closed(text)
    try:
        wire = parse_answer(closed) if closed else None
    except ProviderBadAnswer:
        wire = None
    if wire is None or not wire.invoices:
        return CutAnswer(None, None, looped=repeats)
    last = wire.invoices[-1]
    lines = last.rows[_LINES]
    if rows is not None and len(lines) <= rows:
        # Rows that the pages may have, however alike; only a value that repeats itself within a row is a loop.
        looped = repeats and _repeated_from(lines) is None
    else:
        looped = repeats or _repeated_from(lines) is not None
    if looped:
        last = _with_lines(last, lines[: _repeated_from(lines)])
    return CutAnswer(replace(wire, invoices=(*wire.invoices[:-1], last)), _open_table(closed), looped)


def _closed(text: str) -> str:
    """The text up to its last complete row or value, with all brackets closed; '' when nothing is complete."""
    stack: list[str] = []
    end, brackets = 0, ""
    for match in _MARKS.finditer(text):
        mark = match[0]
        if mark in _CLOSING:
            stack.append(_CLOSING[mark])
        elif mark in "}]":
            if not stack or stack.pop() != mark:
                return ""
            if len(stack) <= _DEPTH_OF_ROWS:
                end, brackets = match.end(), "".join(reversed(stack))
        elif mark == "," and len(stack) < _DEPTH_OF_ROWS:
            end, brackets = match.start(), "".join(reversed(stack))
    return text[:end] + brackets


def _open_table(closed: str) -> str | None:
    """The last key of the last invoice, if it is a table: the keys stand in the order in which they were written."""
    last = next(reversed(json.loads(closed)["invoices"][-1]), None)
    return last if last in ROW_FIELDS else None


def _repeats_itself(text: str) -> bool:
    """Whether the text ends in one piece again and again."""
    tail = text[-_TAIL:]
    for length in range(1, min(_LONGEST_PIECE, len(tail) // _LEAST_REPEATS) + 1):
        times = max(_LEAST_REPEATS, -(-_LEAST_REPEATED // length))
        if tail[-2 * length : -length] == tail[-length:] and tail.endswith(tail[-length:] * times):
            return True
    return False


def _repeated_from(lines: Sequence[Row]) -> int | None:
    """The index of the first line that only repeats those before it, in a table that ends so; else None."""
    alike = [tuple(value for name, value in row.items() if name not in {"line_no", "page"}) for row in lines]
    for group in range(1, _LONGEST_GROUP + 1):
        start = len(alike)
        while start > group and alike[start - 1] == alike[start - 1 - group]:
            start -= 1
        if len(alike) - start >= max(_LEAST_SAME_ROWS, 2 * group):
            return start
    return None


def _with_lines(invoice: WireInvoice, lines: Sequence[Row]) -> WireInvoice:
    return replace(invoice, rows={**invoice.rows, _LINES: tuple(lines)})
