"""A file dropped into blob storage, through the one pipeline to a result file beside the others.

What fails for good is recorded in an error file and swallowed: the platform would try it five times without a pause.
What may pass is raised, so that the platform tries again and at last calls it poison; the sweep takes it from there.

The trigger hands over the whole blob before this code runs, so a file over the limits cannot be refused before the
platform has downloaded it; it is refused by its properties before it is opened, and before any download of ours. The
trigger does not say which version it hands over either (its ETag arrives empty): the bytes are used when their digest
is that of the present version, and otherwise the present version is read.
"""

import hashlib
import json
import logging
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from shared_code import api_response
from shared_code.blobs.conditions import FAILED, BlobAlerts
from shared_code.blobs.names import error_name, read_labels, result_name, source_metadata, version_label
from shared_code.blobs.store import BlobStore, Record, Records, SourceVersion
from shared_code.errors import FileTooLarge, InternalError, ProviderBadAnswer, ServiceError, StorageUnavailable
from shared_code.extraction import submission
from shared_code.extraction.submission import Submission
from shared_code.observability import request_context
from shared_code.observability.telemetry import telemetry
from shared_code.records import Source

if TYPE_CHECKING:
    from shared_code.extraction.service import ExtractionService
    from shared_code.settings import Settings

_log = logging.getLogger(__name__)

_MEGABYTE = 1024 * 1024
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


@dataclass(frozen=True, slots=True)
class Processed:
    """How one run ended. ``code`` is that of the error file."""

    disposition: Disposition
    code: str | None = None


@dataclass(frozen=True, slots=True)
class _Answer:
    """What is to be written for one version. ``error`` is None for a result."""

    content: bytes
    status: str
    error: ServiceError | None = None
    given_up: bool = False


class BlobIntake:
    """Reads dropped files. One for the process; safe for many threads.

    :param monotonic: paces deadlines.
    """

    def __init__(
        self,
        settings: "Settings",
        *,
        store: BlobStore,
        extraction: "ExtractionService",
        alerts: BlobAlerts,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._store = store
        self._extraction = extraction
        self._alerts = alerts
        self._monotonic = monotonic

    def process(
        self,
        name: str,
        *,
        content: bytes | None = None,
        trace_parent: str | None = None,
        deadline_seconds: float | None = None,
        again: bool = False,
    ) -> Processed:
        """Bring the present version of a blob to its result or error file.

        :param content: what the trigger has read, of whatever version.
        :param again: an error file of this version does not count.
        :raises errors.ServiceError: a passing cause; nothing was recorded.
        """
        deadline = self._monotonic() + (deadline_seconds or self._settings.blob_deadline_seconds)
        with (
            request_context.request_scope(trace_parent=trace_parent),
            telemetry().request("blob", url=f"/{self._container}") as span,
        ):
            done = self._process(name, content, deadline, again=again)
            span.finish(done.code or done.disposition.value, success=done.disposition is not Disposition.ERROR)
            return done

    def _process(self, name: str, content: bytes | None, deadline: float, *, again: bool) -> Processed:
        for _ in range(_ROUNDS):
            version = self._store.version(name)
            if version is None or version.is_folder:
                return Processed(Disposition.GONE)
            records = self._store.records(name)
            settled = records.of(version)
            if settled is not None and not (again and settled is records.error):
                self._tidy(version, records)
                return Processed(Disposition.SETTLED)
            answer = self._answer(version, content, deadline)
            content = None
            if answer is not None and self._record(version, records, answer):
                code = answer.error.code if answer.error else None
                return Processed(Disposition.ERROR if answer.error else Disposition.RESULT, code)
        raise StorageUnavailable("The blob is overwritten faster than it can be read.")

    def give_up(self, version: SourceVersion, error: ServiceError) -> None:
        """Record a passing cause that did not pass, so that whoever waits for the result learns of it."""
        records = self._store.records(version.name)
        if records.of(version) is None:
            self._record(version, records, _failure(version, self._container, error, given_up=True))

    @property
    def _container(self) -> str:
        return self._store.sources_container

    def _answer(self, version: SourceVersion, content: bytes | None, deadline: float) -> _Answer | None:
        """The envelope for this version; None when it is no longer the present one. Raises passing causes."""
        label, call_id = version_label(version.name, version.etag), str(uuid.uuid4())
        with request_context.request_scope(request_id=label, call_id=call_id):
            try:
                wanted = self._submission(version, content, call_id, deadline)
                if wanted is None:
                    return None
                outcome = self._extraction.extract(wanted)
            except ServiceError as error:
                if is_passing(error):
                    _log.warning("blob %r waits: %s", version.name, error.code)
                    raise
                _log.info("blob %r refused: %s %s", version.name, error.code, error.message)
                return _failure(version, self._container, error)
            envelope = api_response.format_api_response(outcome.message, data=outcome.data, request_id=label)
            return _Answer(_content(envelope, version, self._container), outcome.data["status"])

    def _submission(
        self, version: SourceVersion, content: bytes | None, call_id: str, deadline: float
    ) -> Submission | None:
        """What goes into the pipeline; None when the version is gone. Raises :class:`errors.RequestError`."""
        settings = self._settings
        if version.size > settings.max_upload_mb * _MEGABYTE:
            raise FileTooLarge(
                f"The file is {version.size / _MEGABYTE:.1f} MB; the limit is {settings.max_upload_mb:g} MB.",
                details={"field": "file", "limit_mb": settings.max_upload_mb, "actual_bytes": version.size},
            )
        fields = read_labels(version.name, version.metadata)
        caller = submission.read_caller(fields)
        model = submission.read_model(fields, settings.models_allowed)
        lines = submission.read_lines_required(fields)
        data = content if content is not None and _is_content_of(content, version) else self._store.read(version)
        if data is None:
            return None
        return Submission(
            data=data,
            caller=caller,
            source=Source.BLOB,
            deadline_seconds=max(deadline - self._monotonic(), 1.0),
            file_name=version.name.rpartition("/")[2],
            content_type=None if version.content_type in _NO_HINT else version.content_type,
            model=model,
            lines_required=lines,
            request_id=version_label(version.name, version.etag),
            call_id=call_id,
        )

    def _record(self, version: SourceVersion, before: Records, answer: _Answer) -> bool:
        """Write the answer and remove its counterpart; False when the blob has to be looked at again.

        The order makes it safe beside other runs: the counterpart is looked at before the source, so what is removed
        belongs to no newer version, and an answer that turns out to be late is taken back.
        """
        failed = answer.error is not None
        mine = error_name(version.name) if failed else result_name(version.name)
        etag = self._store.write(
            mine,
            answer.content,
            metadata=_metadata(version, answer),
            replaces=before.error if failed else before.result,
        )
        if etag is None:
            return False
        now = self._store.records(version.name)
        other = now.result if failed else now.error
        present = self._store.version(version.name)
        if present is not None and present.etag != version.etag:
            self._store.remove(mine, etag)
            return False
        if failed and other is not None and other.source_etag == version.etag:
            # Another run of the same version got a result meanwhile.
            self._store.remove(mine, etag)
            return True
        if other is not None:
            self._store.remove(other.blob_name, other.etag)
        if answer.error is None and other is not None:
            self._alerts.close(version.name, FAILED)
        elif answer.error is not None and not answer.given_up:
            error = answer.error
            self._alerts.failed(version.name, etag=version.etag, code=error.code, message=error.message)
        return True

    def _tidy(self, version: SourceVersion, records: Records) -> None:
        """Remove a counterpart that a killed run has left."""
        settled = records.of(version)
        left: list[Record] = [one for one in (records.result, records.error) if one and one is not settled]
        if not left:
            return
        present = self._store.version(version.name)
        if present is not None and present.etag == version.etag:
            for one in left:
                self._store.remove(one.blob_name, one.etag)


def is_passing(error: ServiceError) -> bool:
    """Whether the same blob can succeed later without a change.

    A bug or a wrong setting says nothing about the file. An unusable answer was asked for twice and paid for each
    time: whether it is worth a third time is for a person to say.
    """
    if isinstance(error, InternalError):
        return True
    return error.retryable and not isinstance(error, ProviderBadAnswer)


def _is_content_of(content: bytes, version: SourceVersion) -> bool:
    if version.content_md5 is None or len(content) != version.size:
        return False
    return hashlib.md5(content, usedforsecurity=False).digest() == version.content_md5


def _failure(version: SourceVersion, container: str, error: ServiceError, *, given_up: bool = False) -> _Answer:
    answered = api_response.failure(error, request_id=version_label(version.name, version.etag))
    return _Answer(_content(json.loads(answered.body), version, container), error.code, error, given_up)


def _content(envelope: dict[str, Any], version: SourceVersion, container: str) -> bytes:
    """The envelope with the version that it belongs to."""
    source = {
        "container": container,
        "name": version.name,
        "etag": version.etag,
        "last_modified": version.modified.isoformat(),
        "size": version.size,
    }
    return json.dumps({**envelope, "source": source}, ensure_ascii=False, default=str).encode()


def _metadata(version: SourceVersion, answer: _Answer) -> dict[str, str]:
    return {
        **source_metadata(version.name),
        "sourceetag": version.etag,
        "sourcemodified": version.modified.isoformat(),
        "status": answer.status,
        **({"givenup": "true"} if answer.given_up else {}),
    }
