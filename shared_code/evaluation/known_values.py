"""The values that documents of a folder are known to hold, in either form in which people keep them.

``manifest.json`` describes all documents of its folder (see :mod:`.manifest`); ``ID.expected.json`` beside ``ID.pdf``
describes one. Both may stand in one folder. A mistake in them is found before anything is paid for.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from shared_code.errors import InvalidRequest
from shared_code.evaluation.fields import BadValue, UnknownField, checked, field_of, list_kind

EXPECTED = ".expected.json"
#: beside a document, but not one
_COMPANIONS = (EXPECTED, ".answer.json")
#: how a document can come out
OUTCOMES = frozenset({"ok", "needs_review", "not_an_invoice", "multiple_invoices", "refused"})


@dataclass(frozen=True, slots=True)
class KnownRow:
    """Known values of one record of a list, by their paths inside it; ``index`` is its place in the document."""

    index: int
    values: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class KnownInvoice:
    """What one invoice is known to hold. A value of None is known not to be there.

    :ivar rows: records by the path of their list (``line_items``).
    :ivar counts: how many records a list has.
    :ivar whole: lists of which every record is known: a further one is wrong.
    """

    values: Mapping[str, str | None] = field(default_factory=dict)
    rows: Mapping[str, Sequence[KnownRow]] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    whole: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class KnownDocument:
    """A document with its known values.

    :ivar outcomes: of :data:`OUTCOMES` those that are right; None when nobody said.
    :ivar calls_at_most: model calls that it should need at most, where that is known.
    """

    path: Path
    invoices: tuple[KnownInvoice, ...] = ()
    outcomes: frozenset[str] | None = None
    calls_at_most: int | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a file something stands, for messages: ``manifest.json: files[3].expected``."""

    file: Path
    path: str = ""

    def __truediv__(self, step: str | int) -> "Place":
        if isinstance(step, int):
            return Place(self.file, f"{self.path}[{step}]")
        return Place(self.file, f"{self.path}.{step}" if self.path else step)

    def wrong(self, what: str) -> InvalidRequest:
        """The error that names file and field."""
        where = f"{self.file.name}: {self.path}" if self.path else self.file.name
        return InvalidRequest(f"{where}: {what}", details={"file": str(self.file), "field": self.path})

    def need[Kind](self, value: Any, kind: type[Kind], wanted: str) -> Kind:
        """The value, if it is of the kind that is wanted here. Raises :meth:`wrong`."""
        if not isinstance(value, kind):
            raise self.wrong(f"{wanted} is wanted, not {json.dumps(value, default=str)[:60]}")
        return value


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file, numbers with a point as Decimal.

    :raises InvalidRequest: it is no JSON, or no object; names file and line.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"), parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        raise Place(path).wrong("this is no JSON") from error
    return Place(path).need(content, dict, "an object")


def known_invoice(place: Place, given: Mapping[str, Any], *, whole: bool = True) -> KnownInvoice:
    """Known values by paths of the schema; parts may be nested, as in an answer of the service.

    :param whole: whether a list that is given as a list has no further records.
    :raises InvalidRequest: a path that the schema does not have, or a value of another kind.
    """
    values: dict[str, str | None] = {}
    rows: dict[str, dict[int, dict[str, str | None]]] = {}
    lists = set()
    for path, value, where in _leaves(place, given, ""):
        if list_kind(path) is not None:
            rows.setdefault(path, {})
            lists.add(path)
            continue
        try:
            found = field_of(path)
            text = checked(found, value)
        except (UnknownField, BadValue) as error:
            raise where.wrong(str(error)) from None
        if found.rows is None:
            values[path] = text
        else:
            rows.setdefault(found.rows, {}).setdefault(found.index or 0, {})[found.name] = text
    listed = {name: [KnownRow(index, rows[name][index]) for index in sorted(rows[name])] for name in rows}
    return KnownInvoice(values, listed, {}, frozenset(lists) if whole else frozenset())


def read_expected(path: Path) -> KnownDocument:
    """The document beside an ``ID.expected.json``; without values when the file holds a sentence for people instead.

    :raises InvalidRequest: a mistake in the file, or not exactly one document beside it.
    """
    place = Place(path)
    content = read_json(path)
    if "expected" not in content:
        raise place.wrong("the field expected is missing.")
    expected, place = content["expected"], place / "expected"
    if isinstance(expected, str):
        return KnownDocument(_document_beside(path))
    place.need(expected, dict, "an object with values")
    # A planted error belongs to a scripted answer; the document itself holds the true values.
    planted = "planted_error" in expected
    name = "true_values" if planted else "values"
    values = (place / name).need(expected.get(name) or {}, dict, "an object with values by their paths")
    status = None if planted else expected.get("status")
    calls = expected.get("model_calls_at_most")
    if calls is not None:
        (place / "model_calls_at_most").need(calls, int, "a whole number")
    return KnownDocument(
        _document_beside(path),
        (known_invoice(place / name, values),) if values else (),
        frozenset({status}) if status in OUTCOMES else None,
        calls,
    )


def _leaves(place: Place, given: Any, path: str) -> Iterator[tuple[str, Any, Place]]:
    """Each value with its whole path; a list of records also as itself."""
    if isinstance(given, dict):
        for name, value in given.items():
            yield from _leaves(place / name, value, f"{path}.{name}" if path else name)
    elif isinstance(given, list):
        if list_kind(path) is not None:
            yield path, given, place
        for index, value in enumerate(given):
            yield from _leaves(place / index, value, f"{path}[{index}]")
    else:
        yield path, given, place


def _document_beside(path: Path) -> Path:
    stem = path.name.removesuffix(EXPECTED)
    found = sorted(
        other for other in path.parent.iterdir() if other.stem == stem and not other.name.endswith(_COMPANIONS)
    )
    if len(found) != 1:
        what = "no document" if not found else f"several documents ({', '.join(one.name for one in found)})"
        raise Place(path).wrong(f"there is {what} of the name {stem} beside it.")
    return found[0]
