"""Takes a file that was dropped into blob storage through the extraction pipeline to a result or error file.

A lasting failure is recorded in an error file and not raised: the platform would try the blob five times without a
pause. A passing failure is raised, so that the platform tries again and at last puts a message into its poison queue;
from there the sweep takes over (:mod:`.sweep`).

The trigger hands over the whole blob before this code runs, so a file over the limits cannot be refused before the
platform has downloaded it; it is refused by its properties before it is opened and before this code downloads it. The
trigger does not say which version it hands over either (its ETag arrives empty): the bytes are used when their digest
is that of the present version, and otherwise the present version is read.
"""

import hashlib
import logging
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from shared_code.blobs.answer_files import AnswerFile, failure, success
from shared_code.blobs.conditions import FAILED, BlobAlerts
from shared_code.blobs.keeping import DocumentKeeper
from shared_code.blobs.names import company_of, error_name, read_labels, result_name, version_label
from shared_code.blobs.reviewed_results import ReviewedResults
from shared_code.blobs.store import BlobStore, Records, SourceVersion
from shared_code.documents import refusals
from shared_code.errors import BlobUnavailable, ServiceError
from shared_code.extraction import submission
from shared_code.extraction.evidence_data import EvidenceWanted
from shared_code.extraction.failed_readings import passes, refusal_line
from shared_code.extraction.outcome import ReadingName, presented, sentence, stored_answer
from shared_code.extraction.submission import Submission
from shared_code.observability import request_context
from shared_code.observability.telemetry import telemetry
from shared_code.records import CallIdentity, Source

if TYPE_CHECKING:
    from shared_code.extraction.service import ExtractionService
    from shared_code.settings import Settings

_log = logging.getLogger(__name__)

_NO_HINT = {None, "", "application/octet-stream"}
#: versions of one blob that one run follows before it leaves the next one to another run
_ROUNDS = 3


class Disposition(StrEnum):
    """What became of a blob."""

    RESULT = "result"
    ERROR = "error"
    #: this version had its result or error file before
    SETTLED = "settled"
    GONE = "gone"
    #: a limit is in the way; the sweep drives it
    WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class Processed:
    """How one run ended. ``code`` is that of the error file."""

    disposition: Disposition
    code: str | None = None


@dataclass(frozen=True, slots=True)
class BlobIntake:
    """Reads dropped files. One for the process; safe for many threads.

    :param monotonic: the clock of the deadlines, in seconds.
    """

    settings: "Settings"
    store: BlobStore
    extraction: "ExtractionService"
    alerts: BlobAlerts
    keeper: DocumentKeeper
    reviewed: ReviewedResults
    monotonic: Callable[[], float] = time.monotonic

    def process(
        self,
        name: str,
        *,
        content: bytes | None = None,
        trace_parent: str | None = None,
        deadline_seconds: float | None = None,
        again: bool = False,
        from_store: bool = False,
    ) -> Processed:
        """Bring the present version of a blob to its result or error file.

        :param content: what the trigger has read, of whatever version.
        :param again: an error file of this version does not count.
        :param from_store: a reading of this version that is paid for, but whose result was lost, is written again.
        :raises errors.ServiceError: a passing cause; nothing was recorded.
        """
        deadline = self.monotonic() + (deadline_seconds or self.settings.blob_deadline_seconds)
        with (
            request_context.request_scope(trace_parent=trace_parent),
            telemetry().request("blob", url=f"/{self._container}") as span,
        ):
            done = self._process(name, content, deadline, again=again, from_store=from_store)
            span.finish(done.code or done.disposition.value, success=done.disposition is not Disposition.ERROR)
            return done

    def _process(
        self, name: str, content: bytes | None, deadline: float, *, again: bool, from_store: bool
    ) -> Processed:
        for _ in range(_ROUNDS):
            version = self.store.version(name)
            if version is None or version.is_folder:
                return Processed(Disposition.GONE)
            records = self.store.records(name)
            settled = records.of(version)
            if settled is not None and not (again and settled is records.error):
                self._tidy(version, records)
                return Processed(Disposition.SETTLED)
            answer = self._stored_answer(version) if from_store else None
            answer = answer or self._answer(version, content, deadline)
            content = None
            if answer is not None and self._record(version, records, answer):
                code = answer.error.code if answer.error else None
                return Processed(Disposition.ERROR if answer.error else Disposition.RESULT, code)
        raise BlobUnavailable("The file is overwritten faster than it can be read.")

    def give_up(self, version: SourceVersion, error: ServiceError) -> None:
        """Write an error file for a passing cause that did not pass, for whoever waits for the result.

        :raises errors.StorageUnavailable: the error file could not be written.
        """
        records = self.store.records(version.name)
        if records.of(version) is None:
            self._record(version, records, failure(version, self._container, error, given_up=True))

    def leave(self, name: str) -> None:
        """Nothing is held for a file that the sweep is to try again."""

    @property
    def _container(self) -> str:
        return self.store.sources_container

    def _answer(self, version: SourceVersion, content: bytes | None, deadline: float) -> AnswerFile | None:
        """The envelope for this version; None when it is no longer the present one.

        :raises errors.ServiceError: a passing cause.
        """
        label, call_id = version_label(version.name, version.etag), str(uuid.uuid4())
        wanted: Submission | None = None
        with request_context.request_scope(request_id=label, call_id=call_id):
            try:
                wanted = self._submission(version, content, call_id, deadline)
                if wanted is None:
                    return None
                outcome = self.extraction.extract(wanted)
                self.keeper.offer(wanted, outcome.data)
            except ServiceError as error:
                if passes(error):
                    _log.warning("blob %r has to be tried again later: %s", version.name, error.code)
                    raise
                if wanted is None:  # else the pipeline has told it
                    _log.info("%s", _refused(version, error))
                sha256 = hashlib.sha256(wanted.data).hexdigest() if wanted else None
                return failure(version, self._container, error, sha256=sha256)
            return success(version, self._container, outcome.message, outcome.data)

    def _stored_answer(self, version: SourceVersion) -> AnswerFile | None:
        """The envelope of a reading that was booked for this version and is stored; None when there is none."""
        stored = self.alerts.stored_result(version)
        if stored is None:
            return None
        _log.info("the result of blob %r was lost and is written again", version.name)
        name = ReadingName(stored.reading_id, stored.supersedes, cached=True)
        data = stored_answer(stored, name)
        return success(version, self._container, sentence(data), presented(data, EvidenceWanted.DEFAULT))

    def _submission(
        self, version: SourceVersion, content: bytes | None, call_id: str, deadline: float
    ) -> Submission | None:
        """What goes into the pipeline; None when the version is gone.

        :raises errors.RequestError: too large, no company, or labels that are not valid.
        """
        settings = self.settings
        if version.size > settings.max_upload_bytes:
            raise refusals.too_large(version.size, settings.max_upload_bytes)
        fields = read_labels(version.name, version.metadata, other_company=settings.blob_company_from_metadata)
        caller = submission.read_caller(fields)
        model = submission.read_model(fields, settings)
        lines = submission.read_lines_required(fields)
        data = content if content is not None and _is_content_of(content, version) else self.store.read(version)
        if data is None:
            return None
        return Submission(
            data=data,
            identity=CallIdentity(call_id, caller, Source.BLOB, version_label(version.name, version.etag)),
            deadline_seconds=max(deadline - self.monotonic(), 1.0),
            file_name=version.name.rpartition("/")[2],
            content_type=None if version.content_type in _NO_HINT else version.content_type,
            model=model,
            lines_required=lines,
        )

    def _record(self, version: SourceVersion, before: Records, answer: AnswerFile) -> bool:
        """Write the answer and remove its counterpart; False when the blob has to be looked at again.

        The order makes it safe beside other runs: the counterpart is looked at before the source, so what is removed
        belongs to no newer version, and an answer that turns out to be late is taken back.
        """
        error = answer.error
        failed = error is not None
        mine = error_name(version.name) if failed else result_name(version.name)
        self.reviewed.note(version, answer)
        etag = self.store.write(
            mine,
            answer.content,
            metadata=answer.metadata(version),
            replaces=before.error if failed else before.result,
        )
        if etag is None:
            return False
        if not failed:
            self.alerts.result_written(version)
            self.reviewed.written(answer)
        now = self.store.records(version.name)
        other = now.result if failed else now.error
        present = self.store.version(version.name)
        if present is not None and present.etag != version.etag:
            self.store.remove(mine, etag)
            return False
        if failed and other is not None and other.source_etag == version.etag:
            # Another run of the same version got a result meanwhile.
            self.store.remove(mine, etag)
            return True
        if other is not None:
            self.store.remove(other.blob_name, other.etag)
        if error is None and other is not None:
            self.alerts.close(version.name, FAILED)
        elif error is not None and not answer.given_up:
            self.alerts.failed(
                version.name,
                etag=version.etag,
                code=error.code,
                message=error.message,
                company_id=company_of(version.name, version.metadata),
            )
        return True

    def _tidy(self, version: SourceVersion, records: Records) -> None:
        """Remove a counterpart that a killed run has left."""
        left = records.error if records.of(version) is records.result else records.result
        if left is None:
            return
        present = self.store.version(version.name)
        if present is not None and present.etag == version.etag:
            self.store.remove(left.blob_name, left.etag)


def _refused(version: SourceVersion, error: ServiceError) -> str:
    """The line of the log about a file that was refused before it was read."""
    return refusal_line(
        error,
        company=company_of(version.name, version.metadata) or None,
        user=None,
        file_name=version.name,
        sha256=None,
        request_id=version_label(version.name, version.etag),
    )


def _is_content_of(content: bytes, version: SourceVersion) -> bool:
    return len(content) == version.size and hashlib.md5(content, usedforsecurity=False).digest() == version.content_md5
