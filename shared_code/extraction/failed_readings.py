"""Documents that were refused, or could not be read, leave a row too: operators find them, and their age ends them."""

import hashlib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy.exc import IntegrityError

from shared_code.database.connection import repeatable
from shared_code.database.stores.extractions.readings import ReadingHead
from shared_code.documents.file_type import clean_label
from shared_code.errors import AlreadyProcessing, Busy, DatabaseUnavailable, InternalError, ServiceError
from shared_code.extraction.submission import Submission
from shared_code.metering.budgets import Budgets
from shared_code.metering.finishing import Ending, Failed, finish

if TYPE_CHECKING:
    from shared_code.database.connection import Database

_log = logging.getLogger(__name__)

#: seconds that the caller waits for the row beside the answer, which is an error already
_SECONDS = 1.0
#: nothing was found out about the document: another run has it, there was no room, or there is nowhere to write
_NO_READING = (AlreadyProcessing, Busy, DatabaseUnavailable)


@dataclass(frozen=True, slots=True)
class FailedReadings:
    """Notes them. One for the process."""

    database: "Database"
    budgets: Budgets

    def note(self, submission: Submission, error: Exception) -> None:
        """Write the row, unless it is there already. A database that does not take it costs the row."""
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


def failed_reading(submission: Submission, error: BaseException) -> Failed | None:
    """What is to be noted, under the id that the reading was to have; None when nothing was found out."""
    if isinstance(error, _NO_READING) or not isinstance(error, Exception):
        return None
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
