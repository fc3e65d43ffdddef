"""Puts jobs into the queue, company by company: each has at most so many of them there, or under way, at once.

The queue gives out its messages in their order. A company that hands in five hundred jobs has no more than its share
in it; the others wait in the database until one of its own has ended, and the jobs of other companies stand behind a
few messages instead of behind five hundred.
"""

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from shared_code.database.connection import repeatable
from shared_code.database.stores.extractions import job_turns
from shared_code.database.stores.extractions.job_turns import Turn
from shared_code.errors import ServiceError, StorageUnavailable
from shared_code.jobs.documents import blob_name
from shared_code.jobs.messages import message_of

if TYPE_CHECKING:
    from azure.storage.queue import QueueClient
    from sqlalchemy import Connection

    from shared_code.database.connection import Database

_log = logging.getLogger(__name__)

_NO_EXPIRY = -1
_SEND_TIMEOUT_SECONDS = 10
#: age of a turn whose message was not sent, from which the sweep sends it
_UNSENT_SECONDS = 60


class JobQueue:
    """The platform's queue. Safe for many threads.

    :param client: makes the queue's client; called on first use, so that storage is not needed to start.
    """

    def __init__(self, client: "Callable[[], QueueClient]") -> None:
        self._client = cache(client)

    def send(self, turn: Turn) -> None:
        """Put the message of a job into the queue, which is made when there is none.

        :raises errors.StorageUnavailable: it may be there all the same.
        """
        from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError

        text = message_of(turn.job_id, blob_name(turn.company_id, turn.job_id))

        def send() -> None:
            self._client().send_message(text, time_to_live=_NO_EXPIRY, timeout=_SEND_TIMEOUT_SECONDS)

        try:
            try:
                send()
            except ResourceNotFoundError:
                with suppress(ResourceExistsError):
                    self._client().create_queue()
                send()
        except (AzureError, ValueError, OSError) as error:
            raise StorageUnavailable from error


@dataclass(frozen=True, slots=True)
class JobTurns:
    """Gives turns. One for the process.

    :ivar share: jobs of one company that may be queued or under way at once.
    """

    database: "Database"
    queue: JobQueue
    share: int

    def give(self, connection: "Connection", company_id: str) -> list[Turn]:
        """Give the company's free places away, within a transaction that has made one free, or added a job."""
        return job_turns.give_turns(connection, company_id, share=self.share)

    def send(self, turns: Sequence[Turn]) -> None:
        """Send the messages of jobs whose turn has come; the sweep sends those that storage does not take."""
        for turn in turns:
            try:
                self.queue.send(turn)
                self.note_sent(turn)
            except ServiceError as error:
                _log.warning("the message of job %s waits for the sweep: %s", turn.job_id, error.code)

    def note_sent(self, turn: Turn) -> None:
        """Remember it. Raises :class:`errors.DatabaseUnavailable`."""
        self.database.run(lambda connection: job_turns.note_sent(connection, turn.job_id), on_unknown=repeatable)

    def catch_up(self, company_id: str) -> None:
        """Do for a company what a process that was killed has left undone.

        :raises errors.DatabaseUnavailable: later, then.
        """

        def look(connection: "Connection") -> list[Turn]:
            self.give(connection, company_id)
            return job_turns.unsent_turns(connection, company_id)

        self.send(self.database.run(look, on_unknown=repeatable))

    def catch_up_all(self) -> None:
        """The same for every company. Raises :class:`errors.DatabaseUnavailable`."""

        def look(connection: "Connection") -> set[str]:
            unsent = job_turns.companies_with_unsent(connection, older_than_seconds=_UNSENT_SECONDS)
            return {*job_turns.companies_with_waiting(connection), *unsent}

        for company_id in sorted(self.database.read(look)):
            self.catch_up(company_id)
