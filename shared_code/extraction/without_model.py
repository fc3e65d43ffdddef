"""Documents that say everything themselves: e-invoices with XML, read without a model, and the rows that say so.

The readers of XML are imported with the first document that needs them: most processes never see one.

Such an answer costs no model tokens but is one processed document: it books a usage row with 0 tokens, so that reports
count it, and keeps its result, so that the same invoice is recognised later.
"""

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from shared_code import errors
from shared_code.database.connection import repeatable
from shared_code.database.stores.extractions import claims
from shared_code.database.stores.extractions.claims import Claim, ClaimRequest
from shared_code.documents import refusals
from shared_code.documents.document import Document, page_texts
from shared_code.documents.file_type import Kind
from shared_code.extraction.earlier_documents import find_earlier
from shared_code.extraction.evidence_data import of_e_invoice, unpacked
from shared_code.extraction.outcome import (
    AnswerData,
    Provenance,
    ReadingName,
    answer_data,
    finished,
    signed,
    stored_data,
)
from shared_code.extraction.reviewed import Reviewed, reviewed_now
from shared_code.extraction.submission import ExtractionContext
from shared_code.invoices.result import build_result
from shared_code.metering.budgets import Budgets
from shared_code.metering.finishing import Ended, Ending, HeldClaim, finish
from shared_code.periods import local_day, zone
from shared_code.records import Finding, Usage, UsageKind, UsageRow

if TYPE_CHECKING:
    from shared_code.database.connection import Database
    from shared_code.e_invoices.reader import EInvoice

_log = logging.getLogger(__name__)

METHOD = "embedded_xml"
#: what stands in a claim in the place of a prompt: the version of our own reading of XML
READER_VERSION = "xml-2"
#: times that a document may be lost to quicker uploads in one transaction
_MOST_TRIES = 20
#: seconds
_RETRY_AFTER = 1.0


@dataclass(frozen=True, slots=True)
class WithoutModel:
    """Answers from embedded data. One for the process.

    :ivar clock: the moment (aware, UTC) that decides the day of the usage row.
    :ivar irn_public_keys: PEM keys by which registered Indian invoices are verified.
    """

    database: "Database"
    budgets: Budgets
    clock: Callable[[], datetime]
    default_zone: str
    irn_public_keys: str | None = None

    def extract(
        self, context: ExtractionContext, document: Document, *, lines_required: bool
    ) -> tuple[AnswerData | None, tuple[Finding, ...]]:
        """The ``data`` part of the answer; None when a model must read the document, with what its answer should say.

        :raises errors.InvalidFile: XML or JSON that is damaged, or an e-invoice without a number; a PDF
            whose pictures are too large to be opened, and whose XML is not its invoice.
        :raises errors.DatabaseUnavailable: the result could not be stored.
        """
        if document.kind is Kind.XML:
            known = self._verified(document, _read_known(document))
            return (None if known is None else self._answer(context, document, known, ())), ()
        if not document.xml_attachments:
            return None, ()
        from shared_code.e_invoices import detection

        texts = page_texts(document)
        found, findings = detection.choose_e_invoice(document, texts.parts)
        if found is None:
            if document.only_structured:
                raise refusals.invalid_file("bomb")
            return None, findings
        if lines_required and not found.has_lines and not document.only_structured:
            remark = Finding(
                "no_lines_in_xml",
                "The embedded XML carries no line items; they were read from the pages.",
                "line_items",
                review=False,
            )
            return None, (*findings, remark)
        return self._answer(context, document, found, findings, pages=texts.pages), ()

    def check(self, document: Document) -> None:
        """Refuse a document that neither embedded data nor a model can be asked about.

        :raises errors.InvalidFile: see :meth:`extract` and :func:`for_model`.
        :raises errors.Busy: too many documents are being read.
        """
        known = _read_known(document) if document.kind is Kind.XML else None
        if known is None and not document.xml_attachments:
            for_model(document)

    def _verified(self, document: Document, found: "EInvoice | None") -> "EInvoice | None":
        """The invoices with their signatures checked, where there are keys for that."""
        if found is None:
            return None
        from shared_code.e_invoices.india_signatures import with_signatures

        try:
            return with_signatures(found, bytes(document.media[0].data), self.irn_public_keys)
        except errors.ConfigurationError as error:
            # An operator's mistake costs the check, not the reading.
            _log.warning("the signature of an e-invoice could not be checked: %s", error.code)
            return found

    def book(self, context: ExtractionContext, *, outcome: str) -> None:
        """One usage row with 0 tokens: a document was answered without a model call.

        :raises errors.DatabaseUnavailable: it could not be stored.
        """
        ending = Ending(row=self._row(context, outcome))
        self.database.run(lambda connection: finish(connection, self.budgets, ending), on_unknown=repeatable)

    def _answer(
        self,
        context: ExtractionContext,
        document: Document,
        found: "EInvoice",
        findings: tuple[Finding, ...],
        *,
        pages: tuple[str, ...] = (),
    ) -> AnswerData:
        from shared_code.e_invoices import detection

        result = build_result(
            detection.reading_of(found),
            pages=pages,
            today=self.clock().astimezone(UTC).date(),
            source_findings=(*document.findings, *findings),
            evidence=of_e_invoice(found),
        )
        claim = _claim(context, document)
        provenance = signed(_provenance(document, found), document)
        data = stored_data(result, find_earlier(self.database, claim, result), provenance)
        row = self._row(context, METHOD)

        def work(connection: Connection) -> tuple[Claim, Ended]:
            held = _claimed(connection, claim, force=context.force)
            if held.call_id != claim.call_id:
                return held, finish(connection, self.budgets, Ending(row=row))
            head = claim.head(supersedes=held.supersedes)
            ending = Ending(row=row, claim=HeldClaim(claim.key, claim.call_id), result=finished(result, data, head))
            return held, finish(connection, self.budgets, ending)

        held, ended = self.database.run(work, on_unknown=repeatable)
        if held.call_id == claim.call_id:
            name = ReadingName(claim.reading_id, held.supersedes)
            reviewed = reviewed_now(self.database, claim.reading_id, ended)
            return answer_data(data, (), name, result.evidence, reviewed=reviewed)
        name = ReadingName(held.reading_id, held.supersedes, cached=True)
        data = json.loads(held.result or "{}")
        return answer_data(data, (), name, unpacked(held.evidence), reviewed=Reviewed.of(held))

    def _row(self, context: ExtractionContext, outcome: str) -> UsageRow:
        return UsageRow(
            identity=context.identity,
            attempt=0,
            kind=UsageKind.USAGE,
            token_id=None,
            usage=Usage(input_tokens=0, output_tokens=0, total_tokens=0, requests=0),
            local_day=local_day(self.clock(), zone(context.time_zone, self.default_zone)),
            model=None,
            outcome=outcome,
            cost_usd=Decimal(0),
        )


def _provenance(document: Document, found: "EInvoice") -> Provenance:
    return Provenance(
        method=METHOD,
        syntax=found.syntax,
        guideline=found.guideline,
        provider=None,
        model=None,
        pages=document.page_count,
        sha256=document.sha256,
    )


def _claimed(connection: Connection, claim: ClaimRequest, *, force: bool) -> Claim:
    """The claim on the document: of this run, or of an earlier upload of the same file whose reading serves.

    What this run's reading supersedes is ``supersedes`` of its own claim.

    :raises errors.AlreadyProcessing: other uploads were quicker each time.
    """
    for _ in range(_MOST_TRIES):
        found = claims.find_claim(connection, claim.key)
        if found is None:
            try:
                with connection.begin_nested():
                    claims.insert_claim(connection, claim)
            except IntegrityError:  # another upload was quicker
                continue
            return _own(claim, None)
        if found.call_id == claim.call_id or (found.result is not None and not force):
            # Its own, when a COMMIT got through whose answer was lost.
            return found
        if claims.take_over_claim(connection, claim, previous=found, even_done=True):
            return _own(claim, found.reading_id)
    raise errors.AlreadyProcessing(retry_after=_RETRY_AFTER)


def _own(claim: ClaimRequest, supersedes: str | None) -> Claim:
    return Claim(
        claim.key,
        claim.call_id,
        claims.RUNNING,
        lease_ended=False,
        reading_id=None,
        result=None,
        supersedes=supersedes,
    )


def for_model(document: Document) -> Document:
    """The document as a model can read it: XML and JSON of kinds that no reader knows become text.

    :raises errors.InvalidFile: blank pages, what does not look like an invoice, or has more text than a model is asked
        to read.
    :raises errors.Busy: too many documents are being read.
    """
    if document.blank:
        raise refusals.invalid_file("blank")
    if document.kind is not Kind.XML:
        return document
    from shared_code.e_invoices.as_text import outline

    text = outline.outline_in_sandbox(document.media[0].data, company=document.company)
    return replace(document, media=(), structured=text)


def _read_known(document: Document) -> "EInvoice | None":
    """The e-invoice in an XML or JSON file; None when it is of no kind that a reader knows."""
    from shared_code.e_invoices import detection

    try:
        return detection.read_document(document)
    except errors.InvalidFile as refused:
        if refused.details.get("reason") != "not_an_e_invoice":
            raise
        return None


def _claim(context: ExtractionContext, document: Document) -> ClaimRequest:
    return ClaimRequest(
        company_id=context.identity.caller.company_id,
        document_sha256=document.sha256,
        prompt_version=READER_VERSION,
        provider="",
        model="",
        options=METHOD,
        call_id=context.identity.call_id,
        lease_seconds=context.lease_seconds,
        reading_id=context.reading_id,
        source=context.identity.source.value,
        username=context.identity.caller.username,
        branch=context.identity.caller.branch,
        file_label=context.file_label,
    )
