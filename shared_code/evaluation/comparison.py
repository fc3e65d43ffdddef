"""Compares what was read with what is known, value by value; lines are paired by their best match."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from itertools import product
from typing import Any

from shared_code.evaluation.fields import Field, at, field_of, is_nothing, normalised, text_of
from shared_code.evaluation.known_values import KnownInvoice, KnownRow

#: an invoice as the service answers it
InvoiceData = Mapping[str, Any]


class Verdict(StrEnum):
    """What became of a known value. A value that the document does not have, but the answer does, is wrong."""

    RIGHT = "right"
    WRONG = "wrong"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Compared:
    """One known value beside what was read.

    :ivar title: the field without numbers, by which values are counted: ``line_items[].net_amount``.
    :ivar path: the value by its place among the known ones; ``found_at`` by its place in the answer, if it is there.
    """

    title: str
    path: str
    expected: str | None
    got: str | None
    verdict: Verdict
    found_at: str | None = None


def compare(known: Sequence[KnownInvoice], read: Sequence[InvoiceData]) -> list[Compared]:
    """All known values of a document beside the invoices of an answer, of which each is paired once."""
    pairs = best_pairs([[_agreement(one, invoice) for invoice in read] for one in known])
    found = []
    for number, (one, place) in enumerate(zip(known, pairs, strict=True)):
        before = f"invoices[{number}]." if len(known) > 1 else ""
        there = f"invoices[{place}]." if len(read) > 1 else ""
        found += [
            Compared(
                each.title,
                before + each.path,
                each.expected,
                each.got,
                each.verdict,
                None if each.found_at is None else there + each.found_at,
            )
            for each in _invoice(one, {} if place is None else read[place])
        ]
    return found


def best_pairs(scores: Sequence[Sequence[float]]) -> list[int | None]:
    """For each row the column that it is paired with, None for a row that is left alone.

    The highest score is paired first and each column once; among equals those of the nearest places. A pair without
    any agreement is made only of what is left, in order: a line that was misread in whole is still that line.
    """
    columns = len(scores[0]) if scores else 0
    order = sorted(
        product(range(len(scores)), range(columns)),
        key=lambda pair: (-scores[pair[0]][pair[1]], abs(pair[0] - pair[1]), pair),
    )
    paired: list[int | None] = [None] * len(scores)
    taken = set()
    for row, column in order:
        if paired[row] is None and column not in taken:
            paired[row] = column
            taken.add(column)
    return paired


def _invoice(known: KnownInvoice, read: InvoiceData) -> Iterator[Compared]:
    for path, expected in known.values.items():
        yield _value(field_of(path), path, expected, read, path)
    for name, rows in known.rows.items():
        yield from _rows(name, rows, at(read, name) or [], whole=name in known.whole)
    for name, count in known.counts.items():
        got = len(at(read, name) or [])
        verdict = Verdict.RIGHT if got == count else Verdict.WRONG if got else Verdict.MISSING
        found_at = name if got else None
        yield Compared(f"{name} (how many)", f"{name}.length", str(count), text_of(got or None), verdict, found_at)


def _rows(name: str, known: Sequence[KnownRow], read: Sequence[Any], *, whole: bool) -> Iterator[Compared]:
    """Records of one list. One of which nothing is known to be there is compared by its place."""
    wanted = [row for row in known if any(value is not None for value in row.values.values())]
    pairs: dict[int, int | None] = {row.index: row.index for row in known if row not in wanted}
    pairs |= zip((row.index for row in wanted), best_pairs(_row_scores(name, wanted, read)), strict=True)
    for row in known:
        place = pairs[row.index]
        record = read[place] if place is not None and place < len(read) else {}
        for path, expected in row.values.items():
            there = f"{name}[{place}].{path}"
            yield _value(_row_field(name, path), f"{name}[{row.index}].{path}", expected, record, there, inside=path)
    for place in sorted(set(range(len(read))) - set(pairs.values())) if whole else ():
        got = next((text for value in read[place].values() if (text := text_of(value))), None)
        yield Compared(f"{name}[] (not there)", f"{name}[{place}]", None, got, Verdict.WRONG, f"{name}[{place}]")


def _value(
    field: Field, path: str, expected: str | None, record: Mapping[str, Any], there: str, inside: str | None = None
) -> Compared:
    inside = inside or path
    value = text_of(_member(record, inside, expected, field))
    if is_nothing(field, value):
        verdict = Verdict.RIGHT if is_nothing(field, expected) else Verdict.MISSING
    else:
        same = value and expected and normalised(field, value) == normalised(field, expected)
        verdict = Verdict.RIGHT if same else Verdict.WRONG
    return Compared(field.title, path, expected, value, verdict, None if value is None else there)


def _member(record: Mapping[str, Any], path: str, expected: str | None, field: Field) -> Any:
    """The value under a path. In a list of plain texts the order says nothing: the one that is expected, if any is."""
    if not path.endswith("]"):
        return at(record, path)
    others = [text for value in at(record, path.rpartition("[")[0]) or [] if (text := text_of(value))]
    wanted = None if expected is None else normalised(field, expected)
    return next((text for text in others if normalised(field, text) == wanted), at(record, path))


def _agreement(known: KnownInvoice, read: InvoiceData) -> float:
    """How many values of an invoice are right; of its lists only how many records, to tell invoices apart."""
    alone = KnownInvoice(known.values, {}, known.counts)
    return sum(one.verdict is Verdict.RIGHT and one.expected is not None for one in _invoice(alone, read))


def _row_scores(name: str, known: Sequence[KnownRow], read: Sequence[Any]) -> list[list[float]]:
    """Values that are the same; of texts that are not, the share of words in common."""
    paths = sorted({path for row in known for path in row.values})
    fields = {path: _row_field(name, path) for path in paths}
    ours = [{path: _part(fields[path], row.values.get(path)) for path in paths} for row in known]
    theirs = [{path: _part(fields[path], text_of(at(row, path))) for path in paths} for row in read]
    return [[sum(_alike(one[path], other[path]) for path in paths) for other in theirs] for one in ours]


_Part = tuple[Hashable, frozenset[str]] | None


def _part(field: Field, text: str | None) -> _Part:
    if text is None:
        return None
    return normalised(field, text), frozenset(text.casefold().split()) if field.kind is str else frozenset()


def _alike(one: _Part, other: _Part) -> float:
    if one is None or other is None:
        return 0.0
    if one[0] == other[0]:
        return 1.0
    words = one[1] | other[1]
    return 0.9 * len(one[1] & other[1]) / len(words) if words else 0.0


@cache
def _row_field(name: str, path: str) -> Field:
    return field_of(f"{name}[0].{path}")
