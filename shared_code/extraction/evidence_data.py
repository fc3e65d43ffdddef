"""The evidence of a reading: as it is stored, and how much of it is shown to whoever asks."""

import base64
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from shared_code.invoices.evidence import reasons
from shared_code.invoices.evidence.find import Judged
from shared_code.invoices.evidence.record import EvidenceData
from shared_code.invoices.page import PAGE_SIDE, PlacedText, Source
from shared_code.invoices.reading import InvoiceReading
from shared_code.invoices.result import EvidenceByPath, EvidenceFinder

if TYPE_CHECKING:
    from shared_code.e_invoices.reader import EInvoice, Evidence

type Evidences = Sequence[Mapping[str, Any]]

#: an invoice with more lines shows the evidence for their cells only when it is asked for
_FEW_LINES = 100
#: characters of an answer; what of the evidence does not fit is left out, from the end of the lines
_MOST_CHARACTERS = 1_900_000
#: a piece of evidence is no longer than about so many characters
_LONGEST = 3_000
_LINES = "line_items["


class EvidenceWanted(StrEnum):
    """How much evidence an answer shows. It decides nothing about how a document is read."""

    DEFAULT = "default"
    NONE = "none"
    LINES = "lines"


def packed(evidence: Evidences) -> str | None:
    """The evidence for the invoices of a reading, compressed and in base64: it also travels in messages."""
    if not any(evidence):
        return None
    text = json.dumps(evidence, ensure_ascii=False, separators=(",", ":"))
    return base64.b64encode(zlib.compress(text.encode("utf-8", "replace"))).decode()


def unpacked(stored: bytes | None) -> Evidences:
    """The other way round, from what is stored; nothing for a reading that an earlier version has made."""
    if stored is None:
        return ()
    found: list[dict[str, Any]] = json.loads(zlib.decompress(bytes(stored)))
    return found


def values_as_text(evidence: Evidences, number: int) -> PlacedText:
    """The values that stand on a page, as a text of which each value is a piece; ``number`` counts from 1."""
    entries = [entry for invoice in evidence for entry in invoice.values()]
    entries += [other for entry in entries for other in entry.get("candidates", ())]
    own = [one for one in entries if one.get("page") == number and one.get("box") and one.get("text")]
    text, pieces, seen = "", list[int](), set[tuple[float, ...]]()
    for entry in sorted(own, key=lambda one: (round(one["box"][1], 2), one["box"][0])):
        if tuple(entry["box"]) not in seen:
            seen.add(tuple(entry["box"]))
            place = [round(side * PAGE_SIDE) for side in entry["box"]]
            pieces += [len(text), len(text) + len(entry["text"]), *place]
            text += f"{entry['text']} "
    return PlacedText(text, pieces, Source.OCR)


def with_evidence(invoices: Sequence[dict[str, Any]], evidence: Evidences) -> list[dict[str, Any]]:
    """The invoices of an answer with their evidence; as they are where there is none."""
    if len(evidence) != len(invoices):
        return list(invoices)
    return [{**invoice, "evidence": dict(own)} for invoice, own in zip(invoices, evidence, strict=True)]


def shown(invoices: Sequence[dict[str, Any]], wanted: EvidenceWanted) -> list[dict[str, Any]]:
    """The invoices with as much of their evidence as is wanted, and as an answer has room for."""
    bare = [{name: value for name, value in one.items() if name != "evidence"} for one in invoices]
    if wanted is EvidenceWanted.NONE:
        return bare
    kept: list[dict[str, Any]] = [{} for _ in invoices]
    room = _Room(bare, sum(len(one.get("evidence", ())) for one in invoices))
    for index, path, entry in _in_order(invoices, wanted):
        if not room.takes(path, entry):
            break
        kept[index][path] = entry
    return [
        {**one, "evidence": own} if "evidence" in before else one
        for one, own, before in zip(bare, kept, invoices, strict=True)
    ]


def of_e_invoice(found: "EInvoice") -> EvidenceFinder:
    """The evidence for the values of an e-invoice: their elements."""

    def find(entry: InvoiceReading, judged: Judged) -> EvidenceByPath:
        at = next((index for index, one in enumerate(found.readings) if one is entry), len(found.evidence))
        rows = found.evidence[at] if at < len(found.evidence) else ()
        return {row.field: _of_element(row, judged) for row in rows}

    return find


def _of_element(row: "Evidence", judged: Judged) -> EvidenceData:
    doubts = [finding for finding in judged.findings if finding.review and finding.field == row.field]
    said = "the XML says so" if row.path else "computed from other values of the XML"
    reason = reasons.with_checks(
        said, confirmed=row.field in judged.confirmed, agreed=row.field in judged.agreed, doubts=doubts
    )
    data = EvidenceData(source=Source.XML.value, page=None, box=None, text=row.text, reason=reason)
    if row.path:
        data["path"] = row.path
    if row.term:
        data["term"] = row.term
    return data


class _Room:
    """Counts what an answer still has room for; short answers are not measured."""

    def __init__(self, invoices: Sequence[dict[str, Any]], entries: int) -> None:
        self._left: int | None = None
        lines = sum(len(invoice.get("line_items", ())) for invoice in invoices)
        if (entries + lines) * _LONGEST > _MOST_CHARACTERS:
            # Twice: the warnings and the confidence of one invoice stand beside it as well.
            self._left = _MOST_CHARACTERS - 2 * len(json.dumps(invoices, ensure_ascii=False))

    def takes(self, path: str, entry: Mapping[str, Any]) -> bool:
        if self._left is None:
            return True
        self._left -= len(path) + len(json.dumps(entry, ensure_ascii=False)) + 8
        return self._left > 0


def _in_order(
    invoices: Sequence[dict[str, Any]], wanted: EvidenceWanted
) -> Iterator[tuple[int, str, Mapping[str, Any]]]:
    """Invoice, path and evidence: what is not of lines first."""
    for of_lines in (False, True):
        for index, invoice in enumerate(invoices):
            if of_lines and wanted is EvidenceWanted.DEFAULT and len(invoice["line_items"]) > _FEW_LINES:
                continue
            for path, entry in invoice.get("evidence", {}).items():
                if path.startswith(_LINES) is of_lines:
                    yield index, path, entry
