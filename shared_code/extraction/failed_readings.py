"""Documents that were refused, or could not be read, leave a row too: operators find them, and their age ends them."""

import hashlib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy.exc import IntegrityError

from shared_code.database.connection import repeatable
from shared_code.database.stores.extractions.readings import ReadingHead
from shared_code.documents.file_type import clean_label
from shared_code.errors import (
    AlreadyProcessing,
    Busy,
    DatabaseUnavailable,
    InternalError,
    ProviderBadAnswer,
    ProviderError,
    ServiceError,
)
from shared_code.extraction.submission import Submission
from shared_code.metering.budgets import Budgets
from shared_code.metering.finishing import Ending, Failed, finish

if TYPE_CHECKING:
    from shared_code.database.connection import Database

_log = logging.getLogger(__name__)

#: seconds that the caller waits for the row beside the answer, which is an error already
_SECONDS = 1.0
_SERVER_ERROR = 500
#: nothing was found out about the document: another run has it, there was no room, or there is nowhere to write
_NO_READING = (AlreadyProcessing, Busy, DatabaseUnavailable)


@dataclass(frozen=True, slots=True)
class FailedReadings:
    """Notes them. One for the process."""

    database: "Database"
    budgets: Budgets

    def note(self, submission: Submission, error: Exception) -> None:
        """Tell the log, and write the row unless it is there already. A database that is away costs the row."""
        _tell(submission, error)
        failed = failed_reading(submission, error)
        if failed is None:
            return
        try:
            self.database.run(
                lambda connection: finish(connection, self.budgets, Ending(failed=failed)),
                budget_seconds=_SECONDS,
                on_unknown=repeatable,
            )
        except (ServiceError, IntegrityError, ValueError) as refused:
            _log.warning("that a document could not be read was not noted: %s", type(refused).__name__)


def _tell(submission: Submission, error: Exception) -> None:
    """One line of the log: what an operator is asked about. A bug is told with its trace where it is caught."""
    told = error if isinstance(error, ServiceError) else InternalError()
    if isinstance(told, InternalError):
        return
    caller = submission.identity.caller
    refused = refusal_line(
        told,
        company=caller.company_id,
        user=caller.username,
        file_name=submission.file_name,
        sha256=hashlib.sha256(submission.data).hexdigest(),
        request_id=submission.identity.request_id,
    )
    _log.log(logging.INFO if is_callers_fault(told) else logging.WARNING, "%s", refused)


def is_callers_fault(error: ServiceError) -> bool:
    """Whether the service did what it should: the document, the request, the company's keys or its limits are why."""
    return error.http_status < _SERVER_ERROR and not isinstance(error, ProviderError)


def passes(error: Exception) -> bool:
    """Whether the same document can be read later without a change of it.

    A bug or a wrong setting says nothing about the file. An unusable answer was asked for twice and paid for each
    time: whether it is worth a third time is for a person to say.
    """
    if isinstance(error, InternalError) or not isinstance(error, ServiceError):
        return True
    return error.retryable and not isinstance(error, ProviderBadAnswer)


def refusal_line(
    error: ServiceError,
    *,
    company: str | None,
    user: str | None,
    file_name: str | None,
    sha256: str | None,
    request_id: str | None,
) -> str:
    """What stands in the log of a document that was not read."""
    return (
        f"not read: {error.code}; company {company!r}, file {clean_label(file_name)!r}, user {user!r}, "
        f"sha256 {sha256!r}, request {request_id!r}: {error.message}"
    )


def failed_reading(submission: Submission, error: BaseException) -> Failed | None:
    """What is to be noted, under the id that the reading was to have; None when nothing was found out."""
    if isinstance(error, _NO_READING) or not isinstance(error, Exception):
        return None
    if submission.tried_again and passes(error):
        return None
    return end_of(submission, error)


def end_of(submission: Submission, error: Exception) -> Failed:
    """The failed reading, whatever the error is."""
    told = error if isinstance(error, ServiceError) and not isinstance(error, InternalError) else InternalError()
    caller = submission.identity.caller
    head = ReadingHead(
        reading_id=submission.reading_id,
        company_id=caller.company_id,
        document_sha256=hashlib.sha256(submission.data).hexdigest(),
        call_id=submission.identity.call_id,
        source=submission.identity.source.value,
        username=caller.username,
        branch=caller.branch,
        file_label=clean_label(submission.file_name),
    )
    return Failed(head, told)
