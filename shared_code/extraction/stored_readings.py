"""Readings asked for again by their ids: the answer of the upload, without another call of a model."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

from shared_code.database.stores.extractions import readings
from shared_code.database.stores.extractions.readings import FoundReading
from shared_code.database.stores.usage.call_usage import CallUsage, usage_of_call
from shared_code.errors import AlreadyProcessing, Gone, NotFound
from shared_code.extraction.evidence_data import EvidenceWanted
from shared_code.extraction.outcome import (
    AnswerData,
    ReadingName,
    ReviewData,
    cached_answer,
    presented,
    sentence,
    stored_answer,
)
from shared_code.labels import is_reading_id

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from shared_code.database.connection import Database


#: seconds after which to ask again for a reading that is being made
_RETRY_AFTER = 2.0


class UnfinishedData(TypedDict):
    """``data`` of a reading that is running or has failed: then ``error`` says why, as the upload's answer did.

    ``error`` is ``code, message, retryable, details``; ``retryable`` is absent where an earlier version of the service
    did not keep it.
    """

    id: str
    state: str
    error: NotRequired[dict[str, Any]]
    review: ReviewData


@dataclass(frozen=True, slots=True)
class StoredReading:
    """A reading as it stands, whose it is, and a sentence for people."""

    company_id: str
    message: str
    data: AnswerData | UnfinishedData


@dataclass(frozen=True, slots=True)
class StoredReadings:
    """Finds them. One for the process; safe for many threads."""

    database: "Database"

    def find(
        self,
        reading_id: str,
        *,
        company_id: str | None = None,
        require: Callable[[str], None] = lambda _company: None,
        evidence: EvidenceWanted = EvidenceWanted.DEFAULT,
    ) -> StoredReading:
        """The reading with an id, which is all that its reader must know.

        :param company_id: must be the reading's, where it is given; in upper case.
        :param require: told the company before anything else is said of the reading; raises to keep it from the caller.
        :param evidence: how much of it the answer shows.
        :raises errors.NotFound: there is none, or it is another company's.
        :raises errors.Gone: it was erased.
        :raises errors.DatabaseUnavailable: the database cannot be reached.
        """
        # What has not the form of an id is not looked for: texts of any length and kind come in here.
        found, booked = self.database.read(lambda c: _look(c, reading_id)) if is_reading_id(reading_id) else (None, [])
        if found is None or (company_id is not None and found.company_id.upper() != company_id):
            raise _unknown()
        company = found.company_id.upper()
        require(company)
        if found.erased_at is not None:
            raise _erased()
        if found.result is None:
            return StoredReading(company, f"The reading is {found.state}", _unfinished(found))
        name = ReadingName(found.reading_id, found.supersedes)
        data = stored_answer(found, name, booked)
        return StoredReading(company, sentence(data), presented(data, evidence))

    def answer_again(self, reading_id: str) -> AnswerData:
        """The answer of a reading that is done, for a caller who pays nothing for it.

        :raises errors.AlreadyProcessing: its result is still to come, perhaps from the outbox.
        :raises errors.ServiceError: as :meth:`find`.
        """
        found = self.database.read(lambda connection: readings.find_reading(connection, reading_id))
        if found is not None and found.erased_at is not None:
            raise _erased()
        if found is not None and found.state == readings.RUNNING:
            raise AlreadyProcessing(retry_after=_RETRY_AFTER)
        if found is None or found.result is None:
            raise _unknown()
        return cached_answer(found, ReadingName(found.reading_id, found.supersedes, cached=True))


def _unknown() -> NotFound:
    return NotFound("There is no reading under this id.", details={"field": "id"})


def _erased() -> Gone:
    return Gone("This reading was erased.", details={"field": "id"})


def _look(connection: "Connection", reading_id: str) -> tuple[FoundReading | None, list[CallUsage]]:
    found = readings.find_reading(connection, reading_id)
    return found, usage_of_call(connection, found.call_id) if found is not None and found.result is not None else []


def _unfinished(found: FoundReading) -> UnfinishedData:
    data = UnfinishedData(id=found.reading_id, state=found.state, review=ReviewData(state="none"))
    if found.error_code is not None:
        data["error"] = {"code": found.error_code, **json.loads(found.error or "{}")}
    return data
