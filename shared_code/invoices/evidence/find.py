"""The evidence for each value of one invoice that a model has read: its place on the pages, and why it is trusted."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from shared_code.invoices.evidence import reasons
from shared_code.invoices.evidence.places import Places, nearest
from shared_code.invoices.evidence.record import EvidenceData, Found, without_place
from shared_code.invoices.evidence.rows import find_rows
from shared_code.invoices.evidence.values import TABLES, Value, record_of, values_of
from shared_code.invoices.page import Source
from shared_code.invoices.reading import Grounding
from shared_code.invoices.schema import Invoice, money_text
from shared_code.records import Finding

_MOST_CANDIDATES = 3
#: fields and the labels that are theirs; others have the label of their own name
_LABELS: Mapping[str, tuple[str, ...]] = {
    "invoice_number": ("invoice_number", "number"),
    "seller.tax_id": ("seller.tax_id", "tax_id"),
    "buyer.tax_id": ("buyer.tax_id", "tax_id"),
    "total": ("total", "amount_due"),
    "amount_due": ("amount_due", "total"),
    "subtotal": ("subtotal", "net_total"),
    "net_total": ("net_total", "subtotal"),
}
#: amounts that stand at the end of an invoice
_AT_THE_END = frozenset({"total", "amount_due", "tax_total", "net_total", "subtotal", "amount_paid"})
#: of each record the value by which the others are found
_FIRST_OF_RECORD = ("name", "number")
_LETTERHEAD_CHARACTERS = 250


@dataclass(frozen=True, slots=True)
class Judged:
    """What is thought of an invoice's values.

    :ivar levels: how well the pages support each.
    :ivar rated: fields whose confidence is given.
    :ivar confirmed: fields that a sum or a check digit supports.
    :ivar agreed: fields in which the signed code agrees.
    """

    levels: Mapping[str, Grounding]
    rated: Collection[str]
    confirmed: Collection[str]
    agreed: Collection[str]
    findings: Sequence[Finding]


def find_evidence(invoice: Invoice, judged: Judged, places: Places) -> dict[str, EvidenceData]:
    """Evidence by path. A value that nobody has rated and that no page shows has none."""
    search = _Search(judged, places)
    found = {path: search.evidence(path, value) for path, value in _in_order(invoice)}
    evidence = {path: data for path, data in found.items() if data is not None}
    for name in TABLES:
        for path, place in find_rows(places, name, getattr(invoice, name)):
            evidence[path] = search.of_cell(path, place)
    return evidence


def _in_order(invoice: Invoice) -> list[tuple[str, Value]]:
    """The values, in each record first the one by which the others are found."""
    return sorted(values_of(invoice), key=lambda one: one[0].rpartition(".")[2] not in _FIRST_OF_RECORD)


class _Search:
    """Looks up one value after another."""

    def __init__(self, judged: Judged, places: Places) -> None:
        self._judged = judged
        self._places = places
        self._records: dict[str, Found] = {}
        self._doubts: dict[str, list[Finding]] = {}
        for finding in judged.findings:
            if finding.review and finding.field:
                self._doubts.setdefault(finding.field, []).append(finding)

    def evidence(self, path: str, value: Value) -> EvidenceData | None:
        judged = self._judged
        level = judged.levels.get(path)
        found = self._places.all_of(path, value)
        if not found and isinstance(value, str) and path not in judged.agreed:
            found = self._in_part(path, value)
        if not found:
            return self._nowhere(path, value)
        labels = self._places.beside(_LABELS.get(_field(path), (_field(path),)), found)
        chosen, label = labels[-1 if path in _AT_THE_END else 0] if labels else (self._chosen(path, found), None)
        record = record_of(path)
        if record:
            self._records.setdefault(record, chosen)
        count = len(dict.fromkeys((place.page, place.start) for place in found))
        letterhead = path == "seller.name" and chosen.page == 1 and chosen.end <= _LETTERHEAD_CHARACTERS
        reason = reasons.of_place(count, label, level, letterhead=letterhead)
        reason = self._with_checks(path, reason)
        others = self._others(path, chosen, found) if path in judged.rated else []
        return chosen.evidence(reason, others)

    def of_cell(self, path: str, place: Found) -> EvidenceData:
        """Evidence for a cell of a table; it needs no other reason than the row that it stands in."""
        return place.evidence(self._with_checks(path, "in its row"))

    def _in_part(self, path: str, value: str) -> list[Found]:
        """Places of a text that is not printed as one: its lines stand apart, or a word of it is not there."""
        parts = self._places.in_parts(value, self._records.get(record_of(path)))
        return self._places.most_words_of(value) if parts is None else [parts]

    def _chosen(self, path: str, found: Sequence[Found]) -> Found:
        if path in _AT_THE_END:
            return found[-1]
        return nearest(found, self._records.get(record_of(path)))

    def _nowhere(self, path: str, value: Value) -> EvidenceData | None:
        judged = self._judged
        if path in judged.agreed:
            reason = self._with_checks(path, reasons.of_nothing(self._places.pages, readable=self._places.readable))
            return without_place(reason, source=Source.QR, text=_text(value))
        if path not in judged.rated and path not in judged.levels:
            return None
        reason = reasons.of_nothing(self._places.pages, readable=self._places.readable)
        return without_place(self._with_checks(path, reason))

    def _with_checks(self, path: str, reason: str) -> str:
        judged = self._judged
        doubts = self._doubts.get(path, ())
        return reasons.with_checks(
            reason, confirmed=path in judged.confirmed, agreed=path in judged.agreed, doubts=doubts
        )

    def _others(self, path: str, chosen: Found, found: Sequence[Found]) -> list[Found]:
        """Other values beside the label of the field, where the page calls another one so; then other places."""
        called = any(one.code == "label_differs" and one.field == path for one in self._judged.findings)
        printed = self._places.printed_beside(_LABELS.get(path, (path,))) if called else ()
        others = [place for place in (*printed, *found) if not place.overlaps(chosen)]
        return others[:_MOST_CANDIDATES]


def _field(path: str) -> str:
    return "order_number" if path.startswith("po_numbers") else path


def _text(value: Value) -> str:
    if isinstance(value, str):
        return value
    return money_text(value) if isinstance(value, Decimal) else value.isoformat()
