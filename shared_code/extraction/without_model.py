"""Documents that say everything themselves: e-invoices with XML, read without a model, and the rows that say so.

Such an answer costs no model tokens but is one processed document: it books a usage row with 0 tokens, so that reports
count it, and keeps its result, so that the same invoice is recognised later.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import IntegrityError

from shared_code.database.stores import extractions, usage
from shared_code.database.stores.extractions import ClaimRequest
from shared_code.documents.document import Document
from shared_code.documents.file_type import Kind
from shared_code.e_invoices import detection
from shared_code.e_invoices.detection import EInvoice
from shared_code.extraction.context import Run
from shared_code.extraction.outcome import finished_result, usage_dict
from shared_code.invoices.result import build_result
from shared_code.periods import local_day, zone
from shared_code.records import Finding, Usage, UsageKind, UsageRow

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from shared_code.database.connection import Database

METHOD = "embedded_xml"
#: what stands in a claim in the place of a prompt: the version of our own reading of XML
READER_VERSION = "xml-1"


class ZeroToken:
    """Answers from embedded data.

    :param clock: the moment (aware, UTC) that decides the day of the usage row.
    """

    def __init__(self, database: "Database", *, clock: Callable[[], datetime], default_zone: str) -> None:
        self._database = database
        self._clock = clock
        self._default_zone = default_zone

    def extract(
        self, run: Run, document: Document, *, lines_required: bool
    ) -> tuple[Mapping[str, Any] | None, tuple[Finding, ...]]:
        """The ``data`` part of the answer; None when a model must read the document, with what its answer should say.

        :raises errors.InvalidFile: an XML document that is no e-invoice; there is nothing else to read in it.
        """
        if document.kind is Kind.XML:
            return self._answer(run, document, detection.read_e_invoice(document.media[0].data), ()), ()
        found, findings = detection.find_e_invoice(document)
        if found is None:
            return None, findings
        texts = document.page_texts(document)
        agrees, remarks = detection.agrees_with_page(found, texts.pages)
        if not agrees:
            return None, (*findings, *remarks)
        if lines_required and not found.has_lines:
            remark = Finding(
                "no_lines_in_xml",
                "The embedded XML carries no line items; they were read from the pages.",
                "line_items",
                review=False,
            )
            return None, (*findings, remark)
        return self._answer(run, document, found, (*findings, *remarks), pages=texts.pages), ()

    def book(self, run: Run, *, outcome: str) -> None:
        """One usage row with 0 tokens: a document was answered without a model call."""
        row = self._row(run, outcome)
        self._database.run(lambda connection: usage.insert_usage_once(connection, row), on_unknown=lambda _c: None)

    def _answer(
        self,
        run: Run,
        document: Document,
        found: EInvoice,
        findings: tuple[Finding, ...],
        *,
        pages: tuple[str, ...] = (),
    ) -> Mapping[str, Any]:
        result = build_result(
            detection.reading_of(found),
            pages=pages,
            today=self._today(),
            source_findings=(*document.findings, *findings),
        )
        claim = _claim(run)
        provenance = {
            "method": METHOD,
            "syntax": found.syntax,
            "guideline": found.guideline,
            "provider": None,
            "model": None,
            "pages": document.page_count,
            "sha256": document.sha256,
        }
        row = self._row(run, METHOD)

        def work(connection: "Connection") -> dict[str, Any]:
            usage.insert_usage_once(connection, row)
            data, finished = finished_result(connection, claim, result, provenance)
            # The same file again: its result stands already, and is the same.
            with suppress(IntegrityError), connection.begin_nested():
                extractions.insert_claim(connection, claim)
                extractions.finish_claim(connection, claim.key, run.call_id, finished)
            return data

        data = self._database.run(work, on_unknown=lambda _connection: None)
        return {**data, "usage": usage_dict([], [])}

    def _row(self, run: Run, outcome: str) -> UsageRow:
        return UsageRow(
            call_id=run.call_id,
            attempt=0,
            kind=UsageKind.USAGE,
            token_id=None,
            caller=run.caller,
            usage=Usage(input_tokens=0, output_tokens=0, total_tokens=0, requests=0),
            local_day=local_day(self._clock(), zone(run.time_zone, self._default_zone)),
            model=None,
            source=run.source,
            outcome=outcome,
            request_id=run.request_id,
            cost_usd=Decimal(0),
            document_sha256=run.document_sha256,
        )

    def _today(self) -> date:
        return self._clock().astimezone(UTC).date()


def _claim(run: Run) -> ClaimRequest:
    return ClaimRequest(
        company_id=run.caller.company_id,
        document_sha256=run.document_sha256,
        prompt_version=READER_VERSION,
        provider="",
        model="",
        options=METHOD,
        call_id=run.call_id,
        lease_seconds=run.lease_seconds,
    )
