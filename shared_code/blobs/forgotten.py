"""Dropped files without any answer that the platform will not deliver again, found by looking through the container.

A lost event, a name too long for the platform's receipts, a queue that a crash emptied, or a storage account that went
away between the booking and the writing of the result: nothing else brings such a file back. A file whose result was
written, and taken away since, is none of them: that must not bring old invoices back.
"""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import compress

from shared_code.blobs.conditions import BlobAlerts
from shared_code.blobs.names import is_addressable
from shared_code.blobs.store import BlobStore, SourceVersion
from shared_code.errors import BlobUnavailable, DatabaseUnavailable, StorageUnavailable

_log = logging.getLogger(__name__)

#: older files are never taken up by themselves: results that were cleared away must not bring old invoices back
_HORIZON = timedelta(hours=48)
_HORIZON_SLACK_SECONDS = 3600
#: requests to storage that the sweep makes at a time
PARALLEL = 4
_MOST_CANDIDATES = 5_000
_MOST_REMEMBERED = 100_000


@dataclass(frozen=True)
class ForgottenBlobs:
    """Finds them. One for the process.

    :ivar clock: the moment (aware, UTC).
    :ivar after: age from which a blob without an answer counts as forgotten by the platform.
    """

    store: BlobStore
    alerts: BlobAlerts
    clock: Callable[[], datetime]
    after: timedelta
    #: versions that are known to have their answer, so that they are looked at once
    _answered: dict[tuple[str, str], None] = field(default_factory=dict)

    def find(self) -> list[SourceVersion]:
        """Blobs of the last two days that have had time enough and still have no answer of any kind.

        :raises errors.StorageUnavailable, errors.DatabaseUnavailable: one of them is away.
        """
        now = self.clock()
        young, old = now - self.after, now - _HORIZON
        versions = [
            version
            for version in self.store.sources()
            if old < version.modified < young
            and (version.name, version.etag) not in self._answered
            and not version.is_folder
            and is_addressable(version.name)
        ][:_MOST_CANDIDATES]
        unanswered = ask_each(lambda version: self.store.records(version.name).of(version) is None, versions)
        seconds = int(_HORIZON.total_seconds()) + _HORIZON_SLACK_SECONDS
        taken_away = self.alerts.answered(unanswered, since_seconds=seconds) if unanswered else set()
        forgotten = [version for version in unanswered if version.name not in taken_away]
        names = {version.name for version in forgotten}
        for version in versions:
            if version.name not in names:
                self._remember(version)
        return forgotten

    def forget_answers(self) -> None:
        """As after a restart: what is known of answers is looked up anew."""
        self._answered.clear()

    def _remember(self, version: SourceVersion) -> None:
        self._answered[version.name, version.etag] = None
        if len(self._answered) > _MOST_REMEMBERED:
            del self._answered[next(iter(self._answered))]


def ask_each[T](check: Callable[[T], bool], items: Sequence[T]) -> list[T]:
    """Those items that pass the check, which asks storage about several at a time.

    One that cannot be asked about does not pass, and is asked about again by the next sweep.

    :raises errors.StorageUnavailable, errors.DatabaseUnavailable: nothing can be asked about.
    """

    def passes(item: T) -> bool:
        try:
            return check(item)
        except BlobUnavailable:
            return False
        except (StorageUnavailable, DatabaseUnavailable):
            raise
        except Exception:  # noqa: BLE001 - what one blob brings out must not keep the others from their turn
            _log.exception("a dropped file could not be looked at: %r", item)
            return False

    with ThreadPoolExecutor(PARALLEL) as pool:
        return list(compress(items, pool.map(passes, items)))
