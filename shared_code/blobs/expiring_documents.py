"""Removes the copies of documents that are old enough, but none that a person still has to look at.

A container may hold millions of copies, and the timer comes every few minutes: each run looks at a part of them, and
the next one goes on from there.
"""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from shared_code.blobs.kept_documents import KeptDocument, KeptDocuments
from shared_code.database.stores.extractions.open_reviews import documents_under_review
from shared_code.errors import BlobUnavailable

if TYPE_CHECKING:
    from shared_code.database.connection import Database

_log = logging.getLogger(__name__)

#: how much longer than others a copy stays whose reading waits for a person
LONGER_FOR_REVIEW = timedelta(days=90)
#: of one run: copies looked at in all, and removals after which it ends
_PAGE, _MOST_PAGES, _MOST_REMOVED = 1_000, 100, 5_000
_PARALLEL = 4


class ExpiringDocuments:
    """Finds and removes them. One for the process.

    :param keep: how long a copy stays after the document was last read.
    :param clock: the moment (aware, UTC).
    """

    def __init__(
        self, documents: KeptDocuments, database: "Database", *, keep: timedelta, clock: Callable[[], datetime]
    ) -> None:
        self._documents = documents
        self._database = database
        self._keep = keep
        self._clock = clock
        #: where the next run goes on; None = at the beginning
        self._token: str | None = None

    def remove(self) -> tuple[int, int]:
        """Go through a part of the copies: how many were old enough, and how many of those were removed.

        :raises errors.StorageUnavailable, errors.DatabaseUnavailable: the rest waits for the next run.
        """
        # A run that fails half way is followed by one from the beginning.
        token, self._token = self._token, None
        old = self._clock() - self._keep
        seen = removed = 0
        for _ in range(_MOST_PAGES):
            page, token = self._documents.page(token, size=_PAGE)
            due = [document for document in page if document.modified < old]
            seen += len(due)
            removed += self._remove(self._without_open_review(due, old - LONGER_FOR_REVIEW))
            if token is None or removed >= _MOST_REMOVED:
                break
        self._token = token
        return seen, removed

    def _without_open_review(self, due: Sequence[KeptDocument], too_old: datetime) -> list[KeptDocument]:
        """Those that no person waits for, and those that have waited long enough."""
        waiting = [document for document in due if document.modified >= too_old]
        under_review: set[tuple[str, str]] = set()
        for company_id, documents in groupby(waiting, key=lambda document: document.company_id):
            found = self._under_review(company_id, [document.sha256 for document in documents])
            under_review.update((company_id, sha256) for sha256 in found)
        return [
            document
            for document in due
            if document.modified < too_old or (document.company_id, document.sha256) not in under_review
        ]

    def _under_review(self, company_id: str, sha256s: Sequence[str]) -> set[str]:
        return self._database.read(lambda connection: documents_under_review(connection, company_id, sha256s))

    def _remove(self, documents: Sequence[KeptDocument]) -> int:
        refused: list[BlobUnavailable] = []

        def remove(document: KeptDocument) -> bool:
            try:
                return self._documents.remove(document)
            except BlobUnavailable as error:  # leased, or protected by a policy: the next run tries it again
                refused.append(error)
                return False

        with ThreadPoolExecutor(_PARALLEL, thread_name_prefix="expiring-documents") as pool:
            removed = sum(pool.map(remove, documents))
        if refused:
            _log.warning("%d copies of documents could not be removed: %s", len(refused), refused[0].message)
        return removed
