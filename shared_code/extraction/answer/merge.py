"""Two answers about one document become one, value by value: a second look may add and correct, never take away.

A model that is shown pictures of the pages sees some things better and others worse. Of two different values the one
that the page supports better is taken; when neither is, the first stays.
"""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

from shared_code.invoices.line_sums import check_lines
from shared_code.invoices.reading import Grounding, InvoiceReading, Reading
from shared_code.invoices.schema import Invoice
from shared_code.invoices.sums import check_totals, failures_of
from shared_code.records import Finding

_RANK = {Grounding.ANCHORED: 4, Grounding.FOUND: 3, Grounding.RECOGNISED: 2, None: 1, Grounding.MISSING: 0}
#: read together from one table: values of two answers do not mix
_TABLES = ("line_items", "taxes", "withholdings")


def merged(first: Reading, second: Reading) -> Reading:
    """The better of both readings, value by value; of several invoices the answer with more of them as a whole."""
    if not second.invoices:
        message = "A second look at the pages saw no invoice; the values of the first one are given."
        doubt = Finding("second_look_differs", message, found=second.document_status)
        return replace(first, findings=(*first.findings, doubt)) if first.invoices else first
    if not first.invoices:
        return second
    if len(first.invoices) != 1 or len(second.invoices) != 1:
        return second if len(second.invoices) > len(first.invoices) else first
    status = "invoice" if "invoice" in (first.document_status, second.document_status) else first.document_status
    findings = tuple(dict.fromkeys((*first.findings, *second.findings)))
    return Reading(status, (_invoice(first.invoices[0], second.invoices[0]),), findings)


def _invoice(first: InvoiceReading, second: InvoiceReading) -> InvoiceReading:
    taken: dict[str, Any] = {}
    from_second: set[str] = set()
    for name in (entry.name for entry in fields(Invoice)):
        mine, other = getattr(first.invoice, name), getattr(second.invoice, name)
        better = _table(name, first, second) if name in _TABLES else _value(name, mine, other, first, second)
        if better is not mine:
            taken[name] = better
            from_second.add(name)
    levels = {**_of(first.grounded, from_second, inside=False), **_of(second.grounded, from_second, inside=True)}
    findings = (
        *(one for one in first.findings if _top(one) not in from_second),
        *(one for one in second.findings if _top(one) in from_second),
    )
    unchecked = second.unchecked_lines if "line_items" in from_second else first.unchecked_lines
    return InvoiceReading(replace(first.invoice, **taken), findings, levels, unchecked, pages=first.pages)


def _value(path: str, mine: Any, other: Any, first: InvoiceReading, second: InvoiceReading) -> Any:
    """The better of two values of one field; of parties and the like the better one as a whole."""
    if other in (None, ()) or mine == other:
        return mine
    if mine in (None, ()):
        return other
    return other if _support(path, other, second.grounded) > _support(path, mine, first.grounded) else mine


def _support(path: str, value: Any, levels: Mapping[str, Grounding]) -> int:
    """How well the page supports a value, all fields of a record together."""
    if not (is_dataclass(value) or isinstance(value, tuple)):
        return _RANK[levels.get(path)]
    return sum(_RANK[level] - _RANK[None] for name, level in levels.items() if _is_within(name, path))


def _table(name: str, first: InvoiceReading, second: InvoiceReading) -> Any:
    """The rows of the answer with fewer failing sums; an empty table is never better."""
    mine, other = getattr(first.invoice, name), getattr(second.invoice, name)
    if not other:
        return mine
    if not mine:
        return other
    return other if _failures(second) < _failures(first) else mine


def _failures(reading: InvoiceReading) -> int:
    lines = check_lines(reading.invoice, unchecked_lines=reading.unchecked_lines)
    return failures_of([*lines, *check_totals(reading.invoice)])


def _of(levels: Mapping[str, Grounding], names: set[str], *, inside: bool) -> dict[str, Grounding]:
    return {path: level for path, level in levels.items() if (path.split(".")[0].split("[")[0] in names) is inside}


def _top(finding: Finding) -> str:
    return (finding.field or "").split(".")[0].split("[")[0]


def _is_within(path: str, parent: str) -> bool:
    return path == parent or path.startswith((f"{parent}.", f"{parent}["))
