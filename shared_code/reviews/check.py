"""What the service's own rules say of an answer with corrected values: there is no second arithmetic anywhere.

An answer keeps values and what was thought of them, and not all that was known when it was read: that lines are those
of a whole order, or what a discount in percent means. So the rules are put to the values before the corrections too. A
rule that fails for them, and of which the answer says nothing, was excused then, and is excused now. What is thought of
values that nobody has touched stays as it is, as long as the rules think the same of them before and after.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, is_dataclass
from datetime import date
from typing import Any, get_args, get_origin

from shared_code.errors import InvalidRequest
from shared_code.invoices.checks import CheckOutcome, check_invoice, check_qr
from shared_code.invoices.confidence import confidence_of
from shared_code.invoices.line_sums import SumCheck
from shared_code.invoices.page import Source
from shared_code.invoices.reading import Grounding, InvoiceReading
from shared_code.invoices.schema import money_text
from shared_code.records import Finding
from shared_code.reviews.corrected import PERSON, Change, checked_change, in_order, with_changes
from shared_code.reviews.paths import read_path
from shared_code.reviews.stored_invoice import read_invoice

type InvoiceData = Mapping[str, Any]
type Key = tuple[str, str | None]

#: ``provenance.method`` of values that come from data and not from a model
FROM_DATA = "embedded_xml"
MALFORMED = "malformed_value"
_LINES = "line_items["
_SHOWN = 100
_ANCHORED = ("beside the label", "in the letterhead")
_LEVELS = {"ungrounded": Grounding.MISSING, "unseen_value": Grounding.MISSING}


@dataclass(frozen=True, slots=True)
class Checked:
    """An answer with corrected values, as the rules see it.

    :ivar status: what the service would say of it now.
    :ivar invoices: with their values, and each with its own ``status``, ``warnings`` and ``confidence``.
    :ivar warnings: of all invoices; those that the corrections have settled say ``resolved``.
    :ivar confidence: by field. Of several invoices the fields begin with ``invoices[0].``, as in an answer.
    :ivar equations: ``name, left, right, holds, fields, left_fields, right_fields``; amounts as decimal text.
    """

    status: str
    invoices: list[dict[str, Any]]
    warnings: list[dict[str, Any]]
    confidence: dict[str, str]
    equations: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class _Ruled:
    """One invoice and what the rules say of it.

    :ivar confidence: for the values that have one.
    """

    outcome: CheckOutcome
    findings: tuple[Finding, ...]
    confidence: Mapping[str, str] = field(default_factory=dict)

    @property
    def keys(self) -> set[Key]:
        return {_key(finding) for finding in self.findings}


def check_changes(
    original: Mapping[str, Any], current: Mapping[str, Any], changes: Sequence[Change], *, today: date
) -> Checked:
    """Check an answer with further corrections. A value that is not in the form of its field is a warning.

    :param original: the answer (``data``, with evidence) without any corrections.
    :param current: the same with the corrections that are stored; the paths of ``changes`` are its own.
    :param today: the day against which dates are judged.
    :raises errors.InvalidRequest: there is no such field, or it is a record or a list and the value is none.
    """
    return check_corrected(original, _with_changes(current, changes), today=today)


def check_corrected(before: Mapping[str, Any], after: Mapping[str, Any], *, today: date) -> Checked:
    """Check a corrected answer.

    :param before: the answer as it was before all corrections.
    :param after: the same with the corrections applied, as it would be answered: values that a person gave have
        evidence from a ``person``, and warnings that these settle say ``resolved``.
    """
    trusted = (after.get("provenance") or {}).get("method") == FROM_DATA
    several = len(after["invoices"]) > 1
    invoices, warnings, confidence, equations = [], _of_document(after), dict[str, str](), list[dict[str, Any]]()
    for index, (old, new) in enumerate(zip(before["invoices"], after["invoices"], strict=True)):
        prefix = f"invoices[{index}]." if several else ""
        own = _Corrected(old, new, today=today, trusted=trusted)
        found, levels = own.warnings(), own.confidence()
        status = _status(found)
        invoices.append({**new, "status": status, "warnings": found, "confidence": levels})
        warnings += [{**one, "field": _prefixed(prefix, one["field"])} for one in found]
        confidence |= {f"{prefix}{name}": level for name, level in levels.items()}
        equations += own.equations(prefix)
    status = "multiple_invoices" if several else _status(warnings) if invoices else str(after["status"])
    return Checked(status, invoices, warnings, confidence, equations)


class _Corrected:
    """One invoice before and after its corrections."""

    def __init__(self, old: InvoiceData, new: InvoiceData, *, today: date, trusted: bool) -> None:
        self._new = new
        self._touched = frozenset(
            path for path, entry in (new.get("evidence") or {}).items() if entry.get("source") == PERSON
        )
        levels = _groundings(old)
        said = {(one["code"], one["field"]) for one in old.get("warnings", ())}
        self._before = _ruled(InvoiceReading(read_invoice(old), grounded=levels), today=today, trusted=trusted)
        excused = self._before.keys - said
        #: rules that were excused when it was read; lines are known by their values, because their numbers change
        self._excused = {key for key in excused if not (key[1] or "").startswith(_LINES)}
        lines = [_as_text(old["line_items"][_line_of(path)]) for _, path in excused if (path or "").startswith(_LINES)]
        malformed = [one for one in new.get("warnings", ()) if one["code"] == MALFORMED]
        self._malformed = frozenset(one["field"] for one in malformed)
        reading = InvoiceReading(
            read_invoice(new),
            findings=tuple(_malformed(one["message"], one["field"], one["found"]) for one in malformed),
            grounded={**levels, **dict.fromkeys(self._touched, Grounding.ANCHORED)},
            unchecked_lines=frozenset(
                index for index, line in enumerate(new.get("line_items", ())) if _as_text(line) in lines
            ),
        )
        self._after = _ruled(reading, today=today, trusted=trusted)

    def warnings(self) -> list[dict[str, Any]]:
        """What the rules find now, and what was said before: settled or not."""
        found = [finding for finding in self._after.findings if _key(finding) not in self._excused]
        now = {_key(finding) for finding in found}
        kept = []
        for one in self._new.get("warnings", ()):
            key = (one["code"], one["field"])
            if one["code"] == MALFORMED:  # it is among those that were found
                continue
            if not self._is_of_a_rule(*key):
                kept.append({**one, "resolved": bool(one.get("resolved"))})
            elif key not in now:
                kept.append({**one, "resolved": True})
        return [*({**finding.as_dict(), "resolved": False} for finding in dict.fromkeys(found)), *kept]

    def confidence(self) -> dict[str, str]:
        """What was said, where the rules think the same as before; what a person gave is sure."""
        said, before = self._new.get("confidence") or {}, self._before.confidence
        levels = {
            name: said[name] if name in said and level == before.get(name) else level
            for name, level in self._after.confidence.items()
        }
        levels |= {name: "high" for name in self._after.confidence if name in self._touched}
        return levels | dict.fromkeys(self._malformed, "low")

    def equations(self, prefix: str) -> list[dict[str, Any]]:
        """The sums that could be checked."""
        return [self._equation(check, prefix) for check in self._after.outcome.sums if check.equation is not None]

    def _equation(self, check: SumCheck, prefix: str) -> dict[str, Any]:
        shown = check.equation
        assert shown is not None
        left, right = ([f"{prefix}{name}" for name in side] for side in (shown.left_fields, shown.right_fields))
        return {
            "name": shown.name,
            "left": money_text(shown.left),
            "right": money_text(shown.right),
            "holds": check.finding is None or _key(check.finding) in self._excused,
            "fields": list(dict.fromkeys((*right, *left))),
            "left_fields": left,
            "right_fields": right,
        }

    def _is_of_a_rule(self, code: str, path: str | None) -> bool:
        """Whether a warning of the answer came from a rule that is put to the values here."""
        before = self._before.keys
        return (code, path) in before or (
            (path or "").startswith(_LINES)
            and any(code == one for one, place in before if (place or "")[:11] == _LINES)
        )


def _ruled(reading: InvoiceReading, *, today: date, trusted: bool) -> _Ruled:
    """What the rules say, as when a document is read."""
    outcome = check_invoice(reading, today=today, trusted=trusted)
    invoice, findings, agreed = reading.invoice, outcome.findings, frozenset[str]()
    if invoice.india is not None and invoice.india.qr is not None:
        compared = check_qr(invoice, invoice.india.qr)
        findings, agreed = (*findings, *compared.findings), compared.agreed
    rated = confidence_of(reading, invoice, outcome, findings, agreed, trusted=trusted)
    return _Ruled(outcome, findings, rated)


def _groundings(invoice: InvoiceData) -> dict[str, Grounding]:
    """How well the pages supported each value, as far as its evidence and its warnings tell."""
    evidence, levels = invoice.get("evidence") or {}, dict[str, Grounding]()
    for path, entry in evidence.items():
        if entry.get("source") == PERSON or str(entry.get("reason", "")).startswith(_ANCHORED):
            levels[path] = Grounding.ANCHORED
        elif entry.get("page") is not None:
            levels[path] = Grounding.RECOGNISED if entry.get("source") == Source.OCR.value else Grounding.FOUND
    doubts = {one["field"]: _LEVELS[one["code"]] for one in invoice.get("warnings", ()) if one["code"] in _LEVELS}
    return levels | {path: level for path, level in doubts.items() if path}


def _of_document(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Warnings about the document as a whole, which no invoice repeats."""
    if len(answer["invoices"]) == 1:
        return []
    own = [one for one in answer.get("warnings", ()) if not str(one.get("field") or "").startswith("invoices[")]
    return [{**one, "resolved": bool(one.get("resolved"))} for one in own]


def _with_changes(current: Mapping[str, Any], changes: Sequence[Change]) -> dict[str, Any]:
    """The answer with changes; each value that is not in its form is shown as it was given, and has a warning."""
    invoices, count = current["invoices"], len(current["invoices"])
    read, malformed = [], list[tuple[int, dict[str, Any]]]()
    for change in changes:
        try:
            read.append(checked_change(invoices, change))
        except InvalidRequest as error:
            path = read_path(change.field, invoices=count)
            place = str(error.details.get("field"))
            if error.details.get("reason") != "value" or (place == path.own and not _is_single(path.hint)):
                raise
            read.append(Change(path.within(count), change.value, change.page, change.box))
            found = str(change.value)[:_SHOWN] if place == path.own else None
            malformed.append((path.invoice, _malformed(error.message, place, found).as_dict()))
    ordered = in_order(read, invoices=count)
    gone = [one for one in ordered if one.value is None and read_path(one.field, invoices=count).is_element]
    answer: dict[str, Any] = with_changes(current, [one for one in ordered if one not in gone])
    for invoice, warning in malformed:
        answer["invoices"][invoice]["warnings"] = [*answer["invoices"][invoice]["warnings"], warning]
    # Whatever stands behind an element that is taken away moves, and so do these warnings.
    return dict(with_changes(answer, gone))


def _malformed(message: str, path: str, found: str | None) -> Finding:
    return Finding("malformed_value", message, path, found=found)


def _is_single(hint: Any) -> bool:
    """Whether a field holds a single value, and no record and no list."""
    kinds = [kind for kind in get_args(hint) or (hint,) if kind is not type(None)]
    return get_origin(hint) is not tuple and not any(is_dataclass(kind) for kind in kinds)


def _status(warnings: Sequence[Mapping[str, Any]]) -> str:
    return "needs_review" if any(one["review"] and not one["resolved"] for one in warnings) else "ok"


def _prefixed(prefix: str, path: str | None) -> str | None:
    return f"{prefix}{path}" if path else prefix[:-1] or None


def _key(finding: Finding) -> Key:
    return finding.code, finding.field


def _line_of(path: str | None) -> int:
    return int((path or "").removeprefix(_LINES).partition("]")[0])


def _as_text(line: Any) -> str:
    return json.dumps(line, sort_keys=True, default=str)
