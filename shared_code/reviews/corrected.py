"""Answers with the values that persons corrected. What was stored of a reading never changes: it is read through this.

Changes are applied in the order in which they are stored: one that takes a line away moves those behind it. The
status stays what the service found; a warning about a corrected value stays and is marked as resolved.
"""

import copy
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared_code.errors import InvalidRequest
from shared_code.reviews.paths import FieldPath, checked_value, empty_record, read_path

#: the source of evidence for a value that a person gave
PERSON = "person"
_REASON = "a person corrected it"
_HIGH = "high"

type Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """A value that a person gave, as an answer shows it; None takes an element away.

    :ivar page: with ``box`` where the person pointed, in fractions of the page.
    :ivar carried: it was made for another reading of the document, and nobody has decided about it here.
    """

    field: str
    value: Any
    page: int | None = None
    box: list[float] | None = None
    carried: bool = False


def read_changes(stored: str | None) -> list[Change]:
    """The changes of a reading, as they are stored with its review."""
    return [Change(**one) for one in json.loads(stored)] if stored else []


def changes_text(changes: Iterable[Change]) -> str | None:
    """The other way round; None for no changes."""
    plain = [
        {"field": one.field, "value": one.value}
        | ({"page": one.page, "box": one.box} if one.page is not None or one.box is not None else {})
        | ({"carried": True} if one.carried else {})
        for one in changes
    ]
    return json.dumps(plain) if plain else None


def corrected(data: Any, stored: str | None) -> Any:
    """Stored or answered data with the changes that are stored with its review."""
    changes = read_changes(stored)
    return with_changes(data, changes) if changes else data


def with_changes(data: Any, changes: Sequence[Change]) -> Any:
    """Data with changes applied in their order; what is given stays as it is.

    :raises InvalidRequest: one of them fits nowhere.
    """
    changed: Record = copy.deepcopy(dict(data))
    for change in changes:
        path = read_path(change.field, invoices=len(changed["invoices"]))
        set_value(changed["invoices"], path, change.value)
        _judge(changed, path, change)
    return changed


def in_order(changes: Sequence[Change], *, invoices: int) -> list[Change]:
    """What is sent at once, in an order in which it can be applied: all its paths are those of the answer before it.

    Elements are taken away last, from the end of their lists.
    """
    gone = [one for one in changes if one.value is None and read_path(one.field, invoices=invoices).is_element]

    def place(change: Change) -> list[tuple[str, int]]:
        path = read_path(change.field, invoices=invoices)
        return [(str(path.invoice), 0), *((step.name, -1 if step.index is None else step.index) for step in path.steps)]

    return [*(one for one in changes if one not in gone), *sorted(gone, key=place, reverse=True)]


def value_at(invoices: Sequence[Record], path: FieldPath) -> Any:
    """The value under a path; None where there is none."""
    found: Any = invoices[path.invoice]
    for step in path.steps:
        found = found.get(step.name) if isinstance(found, dict) else None
        if step.index is not None:
            found = found[step.index] if isinstance(found, list) and step.index < len(found) else None
    return found


def set_value(invoices: Sequence[Record], path: FieldPath, value: Any) -> None:
    """Put a value under a path; an element goes with None, and is added behind the last one.

    :raises InvalidRequest: the list has no such element.
    """
    record: Record = invoices[path.invoice]
    for number, step in enumerate(path.steps[:-1]):
        if step.index is not None:
            record = _element_of(record, step.name, step.index, path)
            continue
        if record.get(step.name) is None:
            # A part that the document does not show at all.
            before = FieldPath(path.invoice, path.steps[: number + 1], None).own
            record[step.name] = empty_record(read_path(before, invoices=1).hint)
        record = record[step.name]
    last = path.steps[-1]
    if last.index is None:
        record[last.name] = value
        return
    elements = record.setdefault(last.name, [])
    if last.index > len(elements) or (value is None and last.index == len(elements)):
        raise _no_element(path)
    elements[last.index : last.index + 1] = [] if value is None else [value]


def checked_change(invoices: Sequence[Record], change: Change) -> Change:
    """A change with its path and value as they are stored.

    :raises InvalidRequest: there is no such field, or it cannot have the value.
    """
    path = read_path(change.field, invoices=len(invoices))
    return Change(path.within(len(invoices)), checked_value(path, change.value), change.page, change.box)


def _element_of(record: Record, name: str, index: int, path: FieldPath) -> Record:
    elements = record.get(name) or []
    if index >= len(elements):
        raise _no_element(path)
    found: Record = elements[index]
    return found


def _no_element(path: FieldPath) -> InvalidRequest:
    return InvalidRequest(f"The list has no element for {path.own}.", details={"field": path.own})


def _judge(data: Record, path: FieldPath, change: Change) -> None:
    """Change what is said of the value: of its invoice, and of the reading, whose paths begin with the invoice."""
    several = len(data["invoices"]) > 1
    prefix = f"invoices[{path.invoice}]." if several else ""
    removed = path.is_element and change.value is None
    for said, before in ((data["invoices"][path.invoice], ""), (data, prefix)):
        place = before + path.own
        if "warnings" in said:
            said["warnings"] = [_resolved(warning, place, removed=removed) for warning in said["warnings"]]
        if "confidence" in said:
            said["confidence"] = _rated(said["confidence"], path, before, change.value)
    invoice = data["invoices"][path.invoice]
    if "evidence" in invoice:
        invoice["evidence"] = _evidence(invoice["evidence"], path, change, removed=removed)


def _resolved(warning: Mapping[str, Any], place: str, *, removed: bool) -> Record:
    field = warning.get("field")
    if field is None:
        return dict(warning)
    if field == place or _within(field, place) or _within(place, field):
        return {**warning, "resolved": True}
    return {**warning, "field": _moved(field, place)} if removed else dict(warning)


def _rated(confidence: Mapping[str, str], path: FieldPath, prefix: str, value: Any) -> dict[str, str]:
    """The confidence of the field; of a value within a list that of the list, as answers rate it."""
    root = next((number for number, step in enumerate(path.steps) if step.index is not None), None)
    if root is not None:
        name = prefix + ".".join(step.name for step in path.steps[: root + 1])
        return {**confidence, name: _HIGH} if name in confidence else dict(confidence)
    name = prefix + path.own
    if value is None or value == []:
        return {field: level for field, level in confidence.items() if field != name}
    return {**confidence, name: _HIGH} if not isinstance(value, dict) else dict(confidence)


def _evidence(evidence: Mapping[str, Any], path: FieldPath, change: Change, *, removed: bool) -> Record:
    place = path.own
    kept = {field: entry for field, entry in evidence.items() if field != place and not _within(field, place)}
    if removed:
        return {_moved(field, place): entry for field, entry in kept.items()}
    return kept | {
        field: {"source": PERSON, "page": change.page, "box": change.box, "text": text, "reason": _REASON}
        for field, text in _leaves(place, change.value)
    }


def _leaves(place: str, value: Any) -> Iterable[tuple[str, str]]:
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _leaves(f"{place}.{name}", part)
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _leaves(f"{place}[{index}]", part)
    elif value is not None:
        yield place, str(value).lower() if isinstance(value, bool) else str(value)


def _within(field: str, place: str) -> bool:
    return field.startswith((f"{place}.", f"{place}["))


def _moved(field: str, removed: str) -> str:
    """The path of what stood behind an element that was taken away."""
    name, _, index = removed.removesuffix("]").rpartition("[")
    found = re.match(rf"{re.escape(name)}\[(\d+)\]", field)
    if found is None or int(found[1]) <= int(index):
        return field
    return f"{name}[{int(found[1]) - 1}]{field[found.end() :]}"
