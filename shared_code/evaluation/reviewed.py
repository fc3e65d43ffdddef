"""Readings about which persons decided, as documents with known values: what they confirmed or corrected is right.

How the service did is counted without a call of a model: what it read is stored. Other models are asked about those
documents that are still there.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, is_dataclass
from functools import partial
from pathlib import Path
from typing import Any, get_origin

from shared_code.blobs.document_sources import DocumentSources
from shared_code.database.connection import Database
from shared_code.database.stores.extractions.viewed_documents import viewed_document
from shared_code.database.stores.reviews.known_readings import KnownReading
from shared_code.evaluation.fields import at, members
from shared_code.evaluation.folder import KnownFolder
from shared_code.evaluation.judging import judge
from shared_code.evaluation.known_values import KnownDocument, KnownInvoice, Place, known_invoice
from shared_code.evaluation.runs import DocumentRun
from shared_code.extraction.evidence_data import EvidenceWanted
from shared_code.extraction.stored_readings import StoredReadings
from shared_code.invoices.schema import Invoice

#: what stands in the place of a model's name for what was read at the time
AS_STORED = "as it was read"


@dataclass(frozen=True, slots=True)
class ReviewedDocument:
    """A reading with known values. ``original`` is what was read, ``reading`` whose it is."""

    reading: KnownReading
    document: KnownDocument
    original: Mapping[str, Any]

    def as_read(self) -> DocumentRun:
        """What was read, judged by what is known."""
        provenance = self.original["provenance"]
        usage = self.original["usage"]
        return DocumentRun(
            self.document,
            AS_STORED,
            self.original["status"],
            judge(self.document, dict(self.original), ()),
            usage["total_tokens"] or 0,
            None,
            usage["requests"],
            0.0,
            provenance["method"],
            provenance["model"],
            warnings=tuple(dict.fromkeys(warning["code"] for warning in self.original["warnings"])),
        )


def reviewed_documents(readings: StoredReadings, known: list[KnownReading], folder: Path) -> Iterator[ReviewedDocument]:
    """The readings with what is known of them; those that were erased meanwhile, or hold no invoice, are left out.

    :param folder: where the documents stand, or would stand.
    """
    for one in known:
        both = readings.find_both(one.reading_id, evidence=EvidenceWanted.NONE)
        if both is None or not both[0]["invoices"]:
            continue
        path = folder / f"{one.reading_id}{Path(one.file_label or '').suffix[:10]}"
        invoices = tuple(_known(path, invoice) for invoice in both[0]["invoices"])
        yield ReviewedDocument(one, KnownDocument(path, invoices), both[1])


def fetch_documents(database: Database, sources: DocumentSources, found: list[ReviewedDocument]) -> KnownFolder:
    """Write the documents that are still there to their places, for other models to read them.

    :raises errors.StorageUnavailable: storage does not answer.
    """
    there, gone = [], []
    for one in found:
        viewed = database.read(partial(viewed_document, reading_id=one.reading.reading_id))
        content = None if viewed is None or viewed.erased_at is not None else sources.read(viewed)
        if content is None:
            gone.append(one.document.path.name)
            continue
        one.document.path.write_bytes(content)
        there.append(one.document)
    folder = found[0].document.path.parent if found else Path()
    return KnownFolder(folder, tuple(there), tuple(gone))


def _known(path: Path, invoice: Mapping[str, Any]) -> KnownInvoice:
    """All values of an invoice; what the document does not show is known not to be there."""
    return known_invoice(Place(path), _values(Invoice, invoice))


def _values(kind: Any, record: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of the schema; a record that is not there has no values, and a signed code is evidence."""
    found: dict[str, Any] = {}
    for name, hint in members(kind).items():
        value = at(record, name)
        if name == "qr" or (is_dataclass(hint) and value is None):
            continue
        if is_dataclass(hint):
            found[name] = _values(hint, value)
        elif get_origin(hint) is tuple and is_dataclass(hint.__args__[0]):
            found[name] = [_values(hint.__args__[0], one) for one in value or ()]
        else:
            found[name] = value or [] if get_origin(hint) is tuple else value
    return found
