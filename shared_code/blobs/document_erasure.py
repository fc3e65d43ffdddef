"""Erases a document of a company: its readings and jobs, names in its accounts, what waits in the outbox, its files.

The order makes it safe to stop anywhere and begin again. What waits to be booked is booked first, so that nothing paid
for is lost. Then the rows: from here on the readings are tombstones, and nothing that turns up later brings a result
back. Files come last; they are found by usage rows, which stay without their names.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from shared_code.blobs.conditions import FAILED, POISONED
from shared_code.blobs.erasure import BlobErasure
from shared_code.blobs.names import alert_subject, version_label
from shared_code.database.connection import repeatable
from shared_code.database.stores.extractions import blob_answers, erased_readings, jobs
from shared_code.database.stores.extractions.erased_readings import DocumentKey, ErasedRows
from shared_code.database.stores.operations import alerts
from shared_code.database.stores.operations.admin_audit import Actor, add_audit
from shared_code.database.stores.usage import nameless_usage
from shared_code.errors import AlreadyProcessing, ConfigurationError, NotFound, StorageUnavailable
from shared_code.jobs.documents import JobDocuments
from shared_code.labels import is_reading_id
from shared_code.operations.access import require_own

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from shared_code.database.connection import Database
    from shared_code.metering.ledger import Ledger
    from shared_code.metering.outbox import Outbox

ACTION = "extraction.erase"
#: seconds; the timer ends what a killed run has left
_RETRY_AFTER = 60.0


@dataclass(frozen=True, slots=True)
class ErasedDocument:
    """What was erased. ``readings`` counts those of the document; ``erased_at`` is naive UTC."""

    id: str
    company_id: str
    document_sha256: str
    readings: int
    erased_at: datetime


@dataclass(frozen=True, slots=True)
class DocumentErasure:
    """Erases documents. One for the process; safe for many threads.

    :ivar database: without the time limits of requests: logs are read from end to end.
    :ivar has_storage: whether the settings name a storage account.
    """

    database: "Database"
    ledger: "Ledger"
    outbox: "Outbox"
    blobs: BlobErasure
    job_documents: JobDocuments
    has_storage: bool

    def erase(self, reading_id: str, actor: Actor, *, with_source: bool = False) -> ErasedDocument:
        """Erase the document of a reading, with all its readings. Again does no harm, and says the same.

        :param with_source: dropped files that hold the document go too.
        :raises errors.NotFound: there is no such reading.
        :raises errors.Forbidden: the actor is bound to a company that has no such reading.
        :raises errors.AlreadyProcessing: the document is being read; nothing was erased.
        :raises errors.StorageUnavailable: ``details.left`` says what is left; all else is erased. Ask again.
        :raises errors.DatabaseUnavailable: ask again.
        """
        reading_id = self._answering(reading_id)
        document = self._document(reading_id)
        require_own(actor.company_id, document.company_id if document else None)
        if document is None:
            raise _unknown()
        left: list[str] = []
        self._in_storage("outbox", left, lambda: self._finish_waiting(document))
        done = self.database.run(
            lambda connection: _erase_rows(connection, document, reading_id, actor, with_source=with_source)
        )
        self._in_storage("files", left, lambda: self._erase_files(document, with_source=with_source))
        if left:
            raise StorageUnavailable(
                f"Storage does not answer, or protects a file. Left are: {', '.join(left)}. "
                "All else of the document is erased; erase it again for the rest.",
                details={"left": left},
                retry_after=_RETRY_AFTER,
            )
        return ErasedDocument(reading_id, document.company_id, document.sha256, done.readings, done.erased_at)

    def _answering(self, reading_id: str) -> str:
        """The reading that answers, where the id is that of a job whose document had been read before."""
        if not is_reading_id(reading_id):
            return reading_id
        job = self.database.read(lambda connection: jobs.find_job(connection, reading_id))
        return reading_id if job is None or job.reading_id is None else job.reading_id

    def _document(self, reading_id: str) -> DocumentKey | None:
        if not is_reading_id(reading_id):
            return None
        return self.database.read(lambda connection: erased_readings.document_of(connection, reading_id))

    def _in_storage(self, what: str, left: list[str], work: Callable[[], object]) -> None:
        """Do some work on storage, if there is one; note what it leaves when it fails."""
        if not self.has_storage:
            return
        try:
            work()
        except (StorageUnavailable, ConfigurationError):
            left.append(what)

    def _finish_waiting(self, document: DocumentKey) -> None:
        self.outbox.finish_document(document.company_id, document.sha256, self.ledger.replay)

    def _erase_files(self, document: DocumentKey, *, with_source: bool) -> None:
        """Erase blobs and poison messages, and then what the database holds under the names of the files."""
        # Looked up before the names go with the files.
        told = self.database.read(lambda connection: _alerts_about(connection, document))
        found = self.database.read(lambda connection: jobs.jobs_of(connection, document.company_id, document.sha256))
        for job in found:
            self.job_documents.remove(job.company_id, job.job_id)
        done = self.blobs.erase(document.company_id, document.sha256, with_source=with_source)
        names = {*told, *done.names}
        if names:
            self.database.run(lambda connection: _forget(connection, names), on_unknown=repeatable)


def _erase_rows(
    connection: "Connection", document: DocumentKey, reading_id: str, actor: Actor, *, with_source: bool
) -> ErasedRows:
    if not erased_readings.free_document(connection, document):
        raise AlreadyProcessing(
            "This document is being read, or one of its calls is not booked yet. Nothing was erased; "
            "erase it again in some minutes.",
            retry_after=_RETRY_AFTER,
        )
    try:
        done = erased_readings.empty_readings(connection, document, reading_id)
    except LookupError as error:
        raise _unknown() from error
    calls = erased_readings.calls_of(connection, document)
    nameless_usage.take_names(connection, document)
    erased_readings.forget_texts(connection, calls)
    add_audit(
        connection,
        actor,
        ACTION,
        f"document {document.sha256}",
        after={"company_id": document.company_id, "readings": done.readings, "with_source": with_source},
    )
    return done


def _alerts_about(connection: "Connection", document: DocumentKey) -> set[str]:
    """Names of the dropped files of a document about which there is an alert."""
    booked = blob_answers.labels_of(connection, document.company_id, document.sha256)
    facts = (details for kind in (FAILED, POISONED) for details in alerts.details_of(connection, kind))
    named = ((str(each.get("blob")), str(each.get("etag"))) for each in facts if each.get("blob"))
    return {name for name, etag in named if version_label(name, etag) in booked}


def _forget(connection: "Connection", names: set[str]) -> None:
    alerts.delete_about(connection, (FAILED, POISONED), [alert_subject(name) for name in sorted(names)])
    erased_readings.forget_names(connection, {*names, *(alert_subject(name) for name in names)})


def _unknown() -> NotFound:
    return NotFound("There is no extraction with this id.", details={"field": "extraction_id"})
