"""Corrections of one reading that hold for a newer one of the same document: a new reading never takes them away.

Single values are carried by their path. Of a list that was changed the whole list is carried: its elements need not
stand in the same places in the new reading.
"""

import json
from collections.abc import Mapping
from typing import Any

from shared_code.reviews.corrected import Change, changes_text, read_changes, value_at, with_changes
from shared_code.reviews.paths import FieldPath, Step, read_path


def carried(earlier: Mapping[str, Any], stored: str, newer: Mapping[str, Any]) -> str | None:
    """The changes that the newer reading's values need so that the corrected ones stay; None when there are none.

    :param earlier: what was stored of the earlier reading, with the changes ``stored`` with its review.
    :param newer: what is stored of the newer one. With another number of invoices nobody can say which is which.
    """
    count = len(earlier["invoices"])
    if count != len(newer["invoices"]) or not count:
        return None
    changes = read_changes(stored)
    now = with_changes({"invoices": earlier["invoices"]}, changes)["invoices"]
    wanted: dict[str, Change] = {}
    for change in changes:
        path = _whole(read_path(change.field, invoices=count))
        value = value_at(now, path)
        if json.dumps(value) != json.dumps(value_at(newer["invoices"], path)):
            field = path.within(count)
            wanted[field] = Change(field, value, change.page, change.box, carried=True)
    return changes_text(wanted.values())


def _whole(path: FieldPath) -> FieldPath:
    """The path itself, or that of the outermost list around it."""
    for number, step in enumerate(path.steps):
        if step.index is not None:
            steps = (*path.steps[:number], Step(step.name))
            return read_path(FieldPath(path.invoice, steps, None).within(2), invoices=path.invoice + 1)
    return path
