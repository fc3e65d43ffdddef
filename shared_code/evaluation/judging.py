"""What came of each known value: right or not, how sure the service was, and whether the model had it right."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from shared_code import errors
from shared_code.evaluation.comparison import Compared, Verdict, compare
from shared_code.evaluation.known_values import KnownDocument
from shared_code.extraction.answer.interpret import read_invoices
from shared_code.extraction.answer.wire_schema import parse_answer
from shared_code.invoices.schema import as_dict
from shared_code.invoices.text_layer import TextLayer


@dataclass(frozen=True, slots=True)
class Judged:
    """A known value, and what came of it.

    :ivar confidence: what the service said of the value that it gave.
    :ivar flagged: whether a warning that asks for review names the value or a part of it.
    :ivar lost: whether an answer of the model held it rightly, and the service does not; None when no answer is known.
    :ivar corrected: whether no answer of the model held it rightly, and the service does; None as for ``lost``.
    """

    compared: Compared
    confidence: str | None = None
    flagged: bool = False
    lost: bool | None = None
    corrected: bool | None = None


def judge(document: KnownDocument, data: dict[str, Any], answers: Sequence[str]) -> tuple[Judged, ...]:
    """The known values of a document beside the answer of the service, and beside those of the model.

    :param data: of the answer; empty when there is none.
    :param answers: texts of the model's answers; empty when no model was asked.
    """
    confidence, warnings = data.get("confidence") or {}, data.get("warnings") or ()
    flagged = [warning["field"] for warning in warnings if warning.get("review") and warning.get("field")]
    invoices = data.get("invoices") or ()
    # Where there is no invoice at all, what it should not hold is no merit.
    compared = [one for one in compare(document.invoices, invoices) if invoices or one.expected is not None]
    raw = None if not answers else _right_in_answers(document, answers)
    out = []
    for each in compared:
        judged = Judged(
            each,
            _confidence(each.found_at, confidence),
            each.found_at is not None and any(_overlap(each.found_at, path) for path in flagged),
        )
        if raw is not None:
            is_right, was_right = each.verdict is Verdict.RIGHT, each.path in raw
            judged = replace(judged, lost=was_right and not is_right, corrected=is_right and not was_right)
        out.append(judged)
    return tuple(out)


def _right_in_answers(document: KnownDocument, answers: Sequence[str]) -> set[str]:
    """Values that some answer of the model holds rightly, read without a look at the page."""
    right = set()
    for text in answers:
        try:
            reading = read_invoices(parse_answer(text), TextLayer(()))
        except errors.ProviderBadAnswer:
            continue
        invoices = [as_dict(entry.invoice) for entry in reading.invoices]
        right |= {one.path for one in compare(document.invoices, invoices) if one.verdict is Verdict.RIGHT}
    return right


def _confidence(path: str | None, levels: dict[str, str]) -> str | None:
    """The level of the value, or of the list that it is in."""
    if path is None:
        return None
    return levels.get(path) or next((level for name, level in levels.items() if _inside(path, name)), None)


def _overlap(path: str, other: str) -> bool:
    return path == other or _inside(path, other) or _inside(other, path)


def _inside(path: str, whole: str) -> bool:
    return path.startswith((f"{whole}.", f"{whole}["))
