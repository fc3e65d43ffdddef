"""A second reading that ends after the answer has gone: what it says of the values is kept with the reading.

The values themselves stay as they were answered. What the late reading doubts is a warning that asks for review, as if
it had come in time.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

from shared_code import errors
from shared_code.database.connection import Database, repeatable
from shared_code.database.stores.extractions.late_findings import LateFinding, add_late_finding
from shared_code.extraction.answer.interpret import read_invoices
from shared_code.extraction.answer.merge import merged
from shared_code.extraction.answer.page_range_merge import PartAnswer, read_joined
from shared_code.extraction.earlier_documents import Earlier
from shared_code.extraction.evidence_data import packed
from shared_code.extraction.outcome import verdict_text
from shared_code.extraction.picture_check import COVERED
from shared_code.invoices.reading import InvoiceReading, Reading
from shared_code.invoices.result import ExtractionResult, build_result, on_pages
from shared_code.invoices.schema import IndiaQr, Invoice, money_text
from shared_code.invoices.text_layer import TextLayer
from shared_code.records import Finding
from shared_code.reviews.rules import open_if_doubtful

if TYPE_CHECKING:
    from sqlalchemy import Connection

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answers:
    """Model answers about one document, which can be read again when more is known of its pages.

    :ivar looks: one or two looks at the document, each of one or more parts.
    :ivar findings: on the document as a whole.
    """

    looks: tuple[Sequence[PartAnswer], ...]
    findings: tuple[Finding, ...] = ()

    def read(self, layer: TextLayer) -> Reading:
        """Their values, looked up in a text."""
        reading, *others = (read_joined(parts, partial(read_invoices, layer=layer)) for parts in self.looks)
        for second in others:
            reading = merged(reading, second)
        return replace(reading, findings=(*reading.findings, *self.findings))


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What a reading is judged by, beside the text of the pages.

    :ivar pages: the document's own visible text of each page.
    """

    pages: Sequence[str]
    today: date
    qr: IndiaQr | None
    document_findings: tuple[Finding, ...]

    def result(self, reading: Reading, layer: TextLayer, findings: Iterable[Finding]) -> ExtractionResult:
        """The checked result.

        :param findings: on the text of the pages.
        """
        return build_result(
            reading,
            pages=self.pages,
            today=self.today,
            source_findings=(*self.document_findings, *findings),
            qr=self.qr,
            evidence=on_pages(layer),
        )


@dataclass(frozen=True, slots=True)
class LateReading:
    """An answer that has gone, and waits for what a second reading says of it.

    :ivar reading: as it was answered; ``invoices`` is how many were.
    :ivar earlier: what was said then of the company's other documents.
    """

    database: Database
    reading_id: str
    answers: Answers
    verdicts: Verdicts
    reading: Reading = field(repr=False)
    invoices: int
    earlier: Earlier

    def keep(self, layer: TextLayer, findings: Iterable[Finding]) -> None:
        """Judge the answer again with more text, and store that; a database that is away costs this only."""
        late = self.answers.read(layer)
        if len(late.invoices) != len(self.reading.invoices):
            _log.warning("a late second reading parts the document of reading %s otherwise", self.reading_id)
            return
        pairs = zip(self.reading.invoices, late.invoices, strict=True)
        late = replace(late, invoices=tuple(with_values_of(answered, found) for answered, found in pairs))
        result = self.verdicts.result(late, layer, findings)
        if len(result.invoices) != self.invoices:
            _log.warning("a late second reading joins the invoices of reading %s otherwise", self.reading_id)
            return
        found = LateFinding(result.status, verdict_text(result, self.earlier), packed(result.evidence))
        try:
            stored = self.database.run(lambda connection: self._store(connection, found, result), on_unknown=repeatable)
        except errors.ServiceError as error:
            _log.warning("a late second reading of %s could not be stored: %s", self.reading_id, error.code)
            return
        _log.info("a late second reading of %s %s", self.reading_id, "is stored" if stored else "is not needed")

    def _store(self, connection: "Connection", found: LateFinding, result: ExtractionResult) -> bool:
        if not add_late_finding(connection, self.reading_id, found):
            return False
        open_if_doubtful(connection, self.reading_id, result.result_dict())
        return True


def with_values_of(answered: InvoiceReading, found: InvoiceReading) -> InvoiceReading:
    """What was found, with the values that were answered, and a finding for each that would be another one now."""
    covered = [finding for finding in answered.findings if finding.code == COVERED]
    if answered.invoice == found.invoice and not covered:
        return found
    findings = (*found.findings, *covered, *_differences(answered.invoice, found.invoice))
    return replace(found, invoice=answered.invoice, findings=findings)


def _differences(answered: Invoice, found: Invoice) -> Iterator[Finding]:
    for name in (one.name for one in fields(Invoice)):
        then, now = getattr(answered, name), getattr(found, name)
        if then != now:
            message = "A reading of the picture, made after the answer, gives another value; the first one is kept."
            yield Finding("late_reading_differs", message, name, expected=_text(now), found=_text(then))


def _text(value: Any) -> str | None:
    if isinstance(value, Decimal):
        return money_text(value)
    return str(value)[:200] if isinstance(value, str | date) else None
