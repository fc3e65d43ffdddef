"""Keeps copies of documents behind their answers: in the background, within bounds, and never at an upload's expense.

A copy is offered when the answer is made. It is stored some moments later by one thread, so that no answer waits for
storage. While storage is away copies wait in memory, within a bound; those that find no room there, or that storage
refuses for good, are not kept: the metric ``documents_not_kept`` and a line of the log say so.

A reading may be erased while its copy waits. Erasing marks the reading before it removes the copy, and here the mark is
looked for after the copy was stored: whichever comes last takes the copy away.
"""

import logging
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shared_code.blobs.kept_documents import KeptDocuments
from shared_code.database.stores.extractions.open_reviews import is_erased
from shared_code.database.stores.reviews.review_rows import OPEN
from shared_code.errors import BlobUnavailable, ConfigurationError, DatabaseUnavailable, StorageUnavailable
from shared_code.extraction.outcome import AnswerData
from shared_code.extraction.submission import Submission
from shared_code.observability.background_writer import BackgroundWriter, NotDelivered, WriterLimits
from shared_code.observability.telemetry import telemetry
from shared_code.records import BYTES_PER_MB, FileBytes
from shared_code.settings import KeepDocuments

if TYPE_CHECKING:
    from shared_code.database.connection import Database

_log = logging.getLogger(__name__)

#: that copies may hold in memory while they wait, beside those that storage takes
_MOST_BYTES = 32 * BYTES_PER_MB
#: copies that are stored in one go, and at a time
_BATCH, _PARALLEL = 4, 2
_LONGEST_PAUSE_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class _Copy:
    reading_id: str | None
    company_id: str
    sha256: str
    content: FileBytes = field(repr=False)


class DocumentKeeper:
    """Offers copies to storage. One for the process; its thread starts with the first copy.

    :param database: knows which readings were erased.
    :param policy: of which documents copies are kept.
    :param largest_bytes: the largest document that is read; one of this size fits in any case.
    """

    def __init__(
        self, documents: KeptDocuments, database: "Database", policy: KeepDocuments, *, largest_bytes: int
    ) -> None:
        self._documents = documents
        self._database = database
        self._policy = policy
        self._refused: str | None = None
        self._writer = BackgroundWriter(
            self._deliver,
            name="kept-documents",
            size=lambda copy: len(copy.content),
            report_dropped=self._report,
            limits=WriterLimits(
                characters=max(_MOST_BYTES, largest_bytes), batch=_BATCH, longest_pause_seconds=_LONGEST_PAUSE_SECONDS
            ),
        )

    def offer(self, submission: Submission, answer: AnswerData) -> None:
        """Have the document behind an answer kept, if the policy says so. Never waits and never raises."""
        if self._policy is KeepDocuments.ALL or (self._policy is KeepDocuments.REVIEW and needs_person(answer)):
            company = submission.identity.caller.company_id
            self._writer.offer(_Copy(answer["id"], company, answer["provenance"]["sha256"], submission.data))

    def flush(self, timeout_seconds: float = 2.0) -> bool:
        """Wait until everything offered so far is stored; False when time is up or storage does not take it."""
        return self._writer.flush(timeout_seconds)

    def close(self, timeout_seconds: float = 2.0) -> None:
        """Store what waits, as far as time allows. What is offered later is not kept."""
        self._writer.close(timeout_seconds)

    def _deliver(self, copies: Sequence[_Copy]) -> int:
        """Store copies; returns how many storage refuses for good.

        :raises NotDelivered: storage or the database is away.
        """
        try:
            with ThreadPoolExecutor(_PARALLEL, thread_name_prefix="kept-documents") as pool:
                stored = [pool.submit(self._is_refused, copy) for copy in copies]
                # Those whose turn has not come would wait for storage as long as the first ones did.
                wait(stored, return_when=FIRST_EXCEPTION)
                pool.shutdown(cancel_futures=True)
            # One that failed stands before those that were not begun.
            return sum(one.result() for one in stored)
        except (StorageUnavailable, DatabaseUnavailable) as error:
            telemetry().metric("document_storage_faults", 1)
            _log.warning(
                "%d copies of documents wait, others may not be kept: %s",
                len(copies) + self._writer.queued,
                error.message,
            )
            raise NotDelivered from error

    def _is_refused(self, copy: _Copy) -> bool:
        try:
            self._documents.keep(copy.company_id, copy.sha256, bytes(copy.content))
            if copy.reading_id is not None and self._is_erased(copy.reading_id):
                self._documents.erase(copy.company_id, copy.sha256)
        except (BlobUnavailable, ConfigurationError) as error:
            self._refused = error.message
            return True
        except (StorageUnavailable, DatabaseUnavailable):
            raise
        except Exception as error:  # noqa: BLE001 - what one copy brings out must not cost the others
            _log.exception("the copy of a document could not be stored because of an unexpected error")
            self._refused = type(error).__name__
            return True
        return False

    def _is_erased(self, reading_id: str) -> bool:
        return self._database.read(lambda connection: is_erased(connection, reading_id))

    def _report(self, count: int) -> None:
        reason, self._refused = self._refused or "more were waiting than memory is set aside for", None
        telemetry().metric("documents_not_kept", count)
        _log.warning("copies of %d documents were not kept: %s", count, reason)


def needs_person(answer: AnswerData) -> bool:
    """Whether a person must look at the reading, or at one of its invoices."""
    if answer["status"] == "needs_review" or answer["review"]["state"] in OPEN:
        return True
    return any(warning.get("review") for warning in answer["warnings"])
