"""Results of dropped files once a person has decided about their reading: each gets a new version.

Which files show a reading is noted before its result is written. A decision leaves in its own transaction that the
files are owed a new version; it is written right behind the decision, and by the timer when that did not come to pass.
A file that is written while somebody decides is looked at again by whoever wrote it.
"""

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared_code.blobs.answer_files import REVIEWED, AnswerFile, decided, success
from shared_code.blobs.names import result_name
from shared_code.blobs.store import BlobStore, Record, SourceVersion
from shared_code.database.connection import repeatable
from shared_code.database.stores.reviews import decided_reviews, review_rows
from shared_code.database.stores.reviews.decided_reviews import ResultFile
from shared_code.errors import BlobUnavailable, Gone, NotFound, ServiceError

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from shared_code.database.connection import Database
    from shared_code.database.stores.reviews.review_rows import Review
    from shared_code.extraction.outcome import AnswerData
    from shared_code.extraction.stored_readings import StoredReadings

_log = logging.getLogger(__name__)

#: reviews that one run of the timer looks at
_MOST = 500
#: seconds that a result waits for a database that does not take the note of it
_NOTE_SECONDS = 1.0
#: tries to write a file that others write too
_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class ReviewedResults:
    """Writes them. One for the process.

    :ivar has_storage: whether the settings name a storage account.
    """

    database: "Database"
    store: BlobStore
    stored: "StoredReadings"
    background: "Executor"
    has_storage: bool

    def note(self, version: SourceVersion, answer: AnswerFile) -> None:
        """Note which reading the result of a version shows, before it is written.

        :raises errors.DatabaseUnavailable: it could not be noted; the result is not written then.
        """
        if answer.error is not None or answer.reading_id is None:
            return
        file = ResultFile(answer.reading_id, version.name, version.etag)
        self.database.run(lambda connection: decided_reviews.note_result_file(connection, file), on_unknown=repeatable)

    def written(self, answer: AnswerFile) -> None:
        """A result was written: look whether somebody has decided about its reading meanwhile."""
        reading_id = answer.reading_id
        if answer.error is not None or reading_id is None:
            return
        try:
            self.database.run(
                lambda connection: decided_reviews.owe_newer_result(connection, reading_id, state=answer.review_state),
                budget_seconds=_NOTE_SECONDS,
                on_unknown=repeatable,
            )
        except ServiceError as error:
            _log.warning("whether reading %s was decided meanwhile is not known: %s", reading_id, error.code)

    def begin(self, reading_id: str) -> None:
        """Write what a decision owes, behind it. Takes no time and never raises: what fails is the timer's."""
        if not self.has_storage:
            return
        try:
            self.background.submit(self._write_now, reading_id)
        except RuntimeError:  # the process ends
            return

    def write_owed(self) -> tuple[int, int]:
        """Write what decisions owe: how many readings, and of how many all files are written.

        :raises errors.StorageUnavailable, errors.DatabaseUnavailable: the rest waits for the next run.
        """
        if not self.has_storage:
            return 0, 0
        owed = self.database.read(lambda connection: decided_reviews.find_owed(connection, limit=_MOST))
        return len(owed), sum(self._write(review) for review in owed)

    def _write_now(self, reading_id: str) -> None:
        try:
            review = self.database.read(lambda connection: review_rows.find_review(connection, reading_id))
            if review is not None and review.result_owed is not None:
                self._write(review)
        except ServiceError as error:
            _log.warning("the results of reading %s are written later: %s", reading_id, error.code)
        except Exception:  # noqa: BLE001 - nobody waits for this thread; the timer tries it again
            _log.exception("the results of reading %s could not be written", reading_id)

    def _write(self, review: "Review") -> bool:
        """Write all files of a reading; False when one of them has to wait.

        :raises errors.StorageUnavailable, errors.DatabaseUnavailable: nobody knows.
        """
        reading_id, owed = review.reading_id, review.result_owed
        files = self.database.read(lambda connection: decided_reviews.result_files_of(connection, reading_id))
        try:
            done = [self._write_file(file) for file in files]
        except (Gone, NotFound):  # erased, or too old: there is nothing to write any more
            done = []
        if not all(done) or owed is None:
            return False
        self.database.run(
            lambda connection: decided_reviews.end_owed(connection, reading_id, owed), on_unknown=repeatable
        )
        return True

    def _write_file(self, file: ResultFile) -> bool:
        try:
            return any(self._written(file) for _ in range(_ROUNDS))
        except BlobUnavailable as error:  # leased, or protected by a policy: the next run tries it again
            _log.warning("the result of %r cannot be written now: %s", file.source_name, error.message)
            return False

    def _written(self, file: ResultFile) -> bool:
        """Write one file as the reading is now; False when somebody else has written it at this moment."""
        found = self.stored.find(file.reading_id)
        data: AnswerData = found.data  # type: ignore[assignment] # a reading that was decided about is done
        record = self.store.records(file.source_name).result
        if record is not None:
            return record.source_etag != file.source_etag or self._replaced(record, found.message, data)
        version = self.store.version(file.source_name)
        if version is None or version.etag != file.source_etag:
            # Somebody took both away, or dropped another file: nobody waits for this one.
            return True
        answer = success(version, self.store.sources_container, found.message, data)
        name = result_name(version.name)
        etag = self.store.write(name, answer.content, metadata=answer.metadata(version), replaces=None)
        if etag is not None and self._is_erased(file.reading_id):
            self.store.remove(name, etag)
        return etag is not None

    def _replaced(self, record: Record, message: str, data: "AnswerData") -> bool:
        content = self.store.read_record(record)
        if content is None:
            return False
        metadata = {**record.metadata, "status": data["status"], REVIEWED: "true"}
        text = decided(content, message, data)
        return self.store.write(record.blob_name, text, metadata=metadata, replaces=record) is not None

    def _is_erased(self, reading_id: str) -> bool:
        return self.database.read(lambda connection: review_rows.find_review(connection, reading_id)) is None
