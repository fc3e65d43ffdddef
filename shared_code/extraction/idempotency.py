"""Uploads with an Idempotency-Key: sent again, they get the reading of the first time, and are paid for once."""

import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from shared_code.database.connection import repeatable
from shared_code.database.stores.extractions import idempotency_keys
from shared_code.database.stores.extractions.idempotency_keys import DONE, KeyRequest
from shared_code.database.stores.extractions.jobs import CANCELLED
from shared_code.errors import (
    AlreadyProcessing,
    IdempotencyConflict,
    InvalidRequest,
    JobCancelled,
    NotFound,
    ServiceError,
)
from shared_code.extraction.outcome import presented, sentence
from shared_code.extraction.service import Outcome
from shared_code.extraction.stored_readings import Accepted, StoredReadings, UnfinishedData
from shared_code.extraction.submission import Submission

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from shared_code.database.connection import Database

_log = logging.getLogger(__name__)

HEADER = "Idempotency-Key"
_LONGEST = 255
#: seconds after which to ask again while another run answers for the key
_RETRY_AFTER = 2.0
#: seconds that an answer waits for a database that does not take the note of it
_NOTE_SECONDS = 1.0


def read_key(header: str | None) -> str | None:
    """The key of a request, if it has one.

    :raises errors.InvalidRequest: it is empty, longer than 255 characters, or holds more than printable ASCII.
    """
    if header is None:
        return None
    key = header.strip()
    if not key or len(key) > _LONGEST or not key.isascii() or not key.isprintable():
        raise InvalidRequest(
            f"{HEADER} must be 1 to {_LONGEST} printable ASCII characters.",
            details={"field": HEADER, "limit": _LONGEST, "actual": len(key)},
        )
    return key


class Answer(Protocol):
    """What an upload is answered with."""

    @property
    def data(self) -> Mapping[str, Any]:
        """With the reading's ``id``."""


@dataclass(frozen=True, slots=True)
class Idempotency:
    """Lets one run answer for each key. One for the process; safe for many threads."""

    database: "Database"
    stored: StoredReadings
    lease_margin_seconds: float

    def answer(self, key: str, submission: Submission, extract: Callable[[Submission], Outcome]) -> Outcome:
        """What ``extract`` answers, or what it has answered to the same upload under the same key before.

        A refusal is not kept: the next upload under the key is tried anew.

        :raises errors.IdempotencyConflict: within the last 24 hours the key stood for another file or other fields.
        :raises errors.AlreadyProcessing: another run answers for the key at the moment.
        :raises errors.ServiceError: as ``extract``, and as :meth:`StoredReadings.find` for a reading that was erased.
        """

        def again(reading_id: str) -> Outcome:
            data = self.stored.answer_again(reading_id)
            return Outcome(sentence(data), presented(data, submission.evidence))

        return self._once(key, submission, extract, again)

    def accept(self, key: str, submission: Submission, submit: Callable[[Submission], Accepted]) -> Accepted:
        """The same for a document that is read later: sent again, the upload gets the job of the first time.

        :raises errors.JobCancelled: that was cancelled.
        """

        def again(reading_id: str) -> Accepted:
            found = self.stored.find(reading_id)
            if found.data["state"] == CANCELLED:
                raise JobCancelled
            data = UnfinishedData(id=reading_id, state=found.data["state"], review=found.data["review"])
            return Accepted(found.message, data)

        return self._once(key, submission, submit, again)

    def _once[Told: Answer](
        self,
        key: str,
        submission: Submission,
        first: Callable[[Submission], Told],
        again: Callable[[str], Told],
    ) -> Told:
        request = self._request(key, submission)
        used = self.database.run(
            lambda connection: idempotency_keys.take_key(connection, request), on_unknown=repeatable
        )
        if used is None:
            return self._first(request, submission, first)
        if used.identity != request.identity:
            raise IdempotencyConflict(details={"field": HEADER})
        if used.state != DONE:
            raise AlreadyProcessing(retry_after=_RETRY_AFTER)
        try:
            return again(used.reading_id)
        except NotFound:  # deleted by its age
            return first(submission)

    def _first[Told: Answer](
        self, request: KeyRequest, submission: Submission, first: Callable[[Submission], Told]
    ) -> Told:
        try:
            outcome = first(submission)
        except BaseException:  # whatever ends the run: the key must not wait for its lease
            self._note(lambda connection: idempotency_keys.free_key(connection, request))
            raise
        reading_id = outcome.data["id"] or ""
        self._note(lambda connection: idempotency_keys.answer_key(connection, request, reading_id))
        return outcome

    def _note(self, work: "Callable[[Connection], None]") -> None:
        try:
            self.database.run(work, budget_seconds=_NOTE_SECONDS, on_unknown=repeatable)
        except ServiceError as error:
            # Its lease frees the key, and the document's claim keeps the answer.
            _log.warning("what became of an Idempotency-Key could not be noted: %s", error.code)

    def _request(self, key: str, submission: Submission) -> KeyRequest:
        caller = submission.identity.caller
        fields = (
            hashlib.sha256(submission.data).hexdigest(),
            caller.username,
            caller.branch,
            caller.licence_id,
            submission.model,
            submission.force,
            submission.lines_required,
        )
        return KeyRequest(
            company_id=caller.company_id,
            key=key,
            identity=hashlib.sha256(repr(fields).encode()).hexdigest(),
            call_id=submission.identity.call_id,
            reading_id=submission.reading_id,
            lease_seconds=int(submission.deadline_seconds + self.lease_margin_seconds),
        )
