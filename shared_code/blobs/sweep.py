"""Drives dropped files again that have no answer for a passing cause: the poisoned ones, and those never delivered.

The platform tries a blob five times without a pause and then puts its message into the poison queue. From there on the
timer's sweep tries it with growing pauses for up to 24 hours; then it writes an error file and leaves it to a person.
A blob without any answer that the platform never delivered (a lost event, a name too long for its receipts) is found by
looking through the container.
"""

import logging
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from shared_code.blobs.conditions import FAILED, POISONED, BlobAlerts, Tries
from shared_code.blobs.intake import BlobIntake, Disposition, Processed
from shared_code.blobs.names import read_labels, version_label
from shared_code.blobs.poison_queue import PoisonMessage, PoisonQueue
from shared_code.blobs.store import BlobStore, SourceVersion
from shared_code.errors import (
    AlreadyProcessing,
    DatabaseUnavailable,
    InternalError,
    InvalidRequest,
    ServiceError,
    StorageUnavailable,
)
from shared_code.observability.telemetry import telemetry

if TYPE_CHECKING:
    pass

_log = logging.getLogger(__name__)

#: seconds before the second try, the third, ...; the last one repeats
PAUSES = (2, 30, 300, 900, 3600, 3 * 3600, 6 * 3600)
GIVE_UP_AFTER = timedelta(hours=24)
#: older files are never taken up by themselves: results that were cleared away must not bring old invoices back
_HORIZON = timedelta(hours=48)
_HORIZON_SLACK_SECONDS = 3600
#: seconds after which one sweep starts no further blob, and for one blob
_SWEEP_SECONDS = 240.0
_BLOB_SECONDS = 200.0
_PARALLEL = 4
_MOST_CANDIDATES = 5_000
_MOST_REMEMBERED = 100_000
#: failures of one company after which its other blobs wait for the next sweep: the cause holds
_COMPANY_FAILURES = 2


@dataclass(frozen=True, slots=True)
class Driven:
    """What one try did. ``code`` is that of the error, passing or not; ``message`` is for people."""

    name: str
    outcome: str
    code: str | None = None
    message: str | None = None


@dataclass(slots=True)
class _Sweep:
    """What one sweep knows."""

    now: datetime
    ends: float
    tries: dict[str, Tries]
    messages: dict[str, list[PoisonMessage]]
    forced: bool
    #: why it ended early
    stopped: ServiceError | None = None
    driven: list[Driven] = field(default_factory=list)
    failures: dict[str, int] = field(default_factory=dict)


class BlobSweep:
    """Finds and drives. One for the process; two instances may run it at once, the claim on the document decides.

    :param clock: the moment (aware, UTC).
    :param after_seconds: age from which a blob without an answer counts as forgotten by the platform.
    """

    def __init__(
        self,
        *,
        store: BlobStore,
        intake: BlobIntake,
        alerts: BlobAlerts,
        poison: PoisonQueue,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float],
        after_seconds: float,
    ) -> None:
        self._store = store
        self._intake = intake
        self._alerts = alerts
        self._poison = poison
        self._clock = clock
        self._monotonic = monotonic
        self._after = timedelta(seconds=after_seconds)
        #: versions that are known to have their answer, so that they are looked at once
        self._answered: dict[tuple[str, str], None] = {}

    def run(self) -> tuple[int, list[Driven]]:
        """One sweep: how many blobs wait, and what became of those whose turn it was."""
        self._close_ended()
        tries = self._alerts.tries()
        messages = self._take(None)
        sweep = _Sweep(self._clock(), self._monotonic() + _SWEEP_SECONDS, tries, messages, forced=False)
        waiting = [name for name, one in tries.items() if not one.given_up]
        return self._drive(sweep, [*messages, *waiting, *(one.name for one in self.forgotten())])

    def retry(self, names: Collection[str] | None = None, *, failed: bool = False) -> list[Driven]:
        """Drive blobs now, whatever the pauses say: these, or all poisoned and given-up ones.

        :param failed: those that cannot be read as they are, too.
        """
        tries = self._alerts.tries()
        messages = self._take(names)
        wanted: Iterable[str] = [*messages, *tries, *(self._alerts.failures() if failed else ())]
        sweep = _Sweep(self._clock(), float("inf"), tries, messages, forced=True)
        return self._drive(sweep, wanted if names is None else names)[1]

    def forgotten(self) -> list[SourceVersion]:
        """Blobs of the last two days that have had time enough and still have no answer of any kind."""
        now = self._clock()
        young, old = now - self._after, now - _HORIZON
        versions = [
            version
            for version in self._store.sources()
            if old < version.modified < young
            and (version.name, version.etag) not in self._answered
            and not version.is_folder
            and _is_addressable(version.name)
        ][:_MOST_CANDIDATES]
        with ThreadPoolExecutor(_PARALLEL) as pool:
            records = list(pool.map(lambda version: self._store.records(version.name), versions))
        open_ones = []
        for version, found in zip(versions, records, strict=True):
            if found.of(version) is not None:
                self._remember(version)
            else:
                open_ones.append(version)
        labels = {one.name: (version_label(one.name, one.etag), one.etag) for one in open_ones}
        seconds = int(_HORIZON.total_seconds()) + _HORIZON_SLACK_SECONDS
        taken_away = self._alerts.answered(labels, since_seconds=seconds) if labels else ()
        for version in open_ones:
            if version.name in taken_away:
                self._remember(version)
        return [version for version in open_ones if version.name not in taken_away]

    def _take(self, names: Collection[str] | None) -> dict[str, list[PoisonMessage]]:
        """Poison messages by blob; those of other blobs than ``names`` are put back."""
        taken: dict[str, list[PoisonMessage]] = {}
        messages = self._poison.take()
        telemetry().metric("poison_depth", len(messages))
        for message in messages:
            if names is None or message.name in names:
                taken.setdefault(message.name, []).append(message)
            else:
                self._poison.release(message)
        return taken

    def _drive(self, sweep: _Sweep, names: Iterable[str]) -> tuple[int, list[Driven]]:
        wanted = list(dict.fromkeys(names))
        try:
            with ThreadPoolExecutor(_PARALLEL, thread_name_prefix="blob-sweep") as pool:
                for _ in pool.map(lambda name: self._one(sweep, name), wanted):
                    pass
            if sweep.stopped is not None:
                raise sweep.stopped
        finally:
            for left in sweep.messages.values():
                for message in left:
                    self._poison.release(message)
        return len(wanted), sweep.driven

    def _one(self, sweep: _Sweep, name: str) -> None:
        """One blob, if its turn has come."""
        if sweep.stopped is not None:
            return
        known, messages = sweep.tries.get(name), sweep.messages.get(name)
        if messages and (known is None or known.etag != messages[0].etag):
            known = Tries(name, messages[0].etag, first_at=sweep.now, next_at=sweep.now)
            self._alerts.poisoned(known)
        if not sweep.forced and known is not None and known.next_at > sweep.now:
            return
        company = self._company(name)
        if not sweep.forced and (self._monotonic() > sweep.ends or sweep.failures.get(company, 0) >= _COMPANY_FAILURES):
            return
        try:
            done = self._intake.process(name, deadline_seconds=_BLOB_SECONDS, again=sweep.forced)
        except AlreadyProcessing as error:
            # Another run is at it: neither a failure nor an answer.
            sweep.driven.append(Driven(name, "running", error.code, error.message))
        except (StorageUnavailable, DatabaseUnavailable) as error:
            sweep.stopped = error
        except ServiceError as error:
            sweep.failures[company] = sweep.failures.get(company, 0) + 1
            self._failed(sweep, name, known, error)
        except Exception:  # noqa: BLE001 - one blob that breaks the code must not keep the others from their turn
            _log.exception("blob %r broke the sweep", name)
            self._failed(sweep, name, known, InternalError())
        else:
            self._ended(sweep, name, known, done)

    def _ended(self, sweep: _Sweep, name: str, known: Tries | None, done: Processed) -> None:
        for message in sweep.messages.pop(name, []):
            self._poison.delete(message)
        kept = known is not None and known.given_up and done.disposition is Disposition.SETTLED and not sweep.forced
        if known is not None and not kept:
            self._alerts.close(name, POISONED)
        if done.disposition is Disposition.GONE:
            self._alerts.close(name, FAILED)
        sweep.driven.append(Driven(name, done.disposition, done.code))
        _log.info("sweep: blob %r ended: %s %s", name, done.disposition, done.code or "")

    def _failed(self, sweep: _Sweep, name: str, known: Tries | None, error: ServiceError) -> None:
        """Remember the try; after a day write an error file and leave it to a person."""
        sweep.driven.append(Driven(name, "waiting", error.code, error.message))
        version = self._store.version(name)
        if version is None:
            return
        if known is None or known.etag != version.etag:
            known = Tries(name, version.etag, first_at=sweep.now, next_at=sweep.now)
        pause = timedelta(seconds=PAUSES[min(known.count, len(PAUSES) - 1)])
        tried = known.failed(error.code, now=sweep.now, pause=pause)
        if sweep.now - tried.first_at >= GIVE_UP_AFTER:
            tried = replace(tried, given_up=True)
            self._intake.give_up(version, error)
            for message in sweep.messages.pop(name, []):
                self._poison.delete(message)
        self._alerts.poisoned(tried)

    def _close_ended(self) -> None:
        """Close the alerts of blobs that are gone or have their answer, whoever gave it."""
        poisoned, failed = self._alerts.tries(), self._alerts.failures()
        with ThreadPoolExecutor(_PARALLEL) as pool:
            ended = list(pool.map(self._is_answered, poisoned.values()))
            settled = list(pool.map(lambda item: self._is_mended(*item), failed.items()))
        for name in [name for name, done in zip(poisoned, ended, strict=True) if done]:
            self._alerts.close(name, POISONED)
        for name in [name for name, done in zip(failed, settled, strict=True) if done]:
            self._alerts.close(name, FAILED)

    def _is_answered(self, tries: Tries) -> bool:
        """Whether a poisoned blob needs no further try; the error file of one that was given up is no answer."""
        version = self._store.version(tries.blob)
        if version is None:
            return True
        found = self._store.records(tries.blob).of(version)
        return tries.given_up if found is None else not found.given_up

    def _is_mended(self, name: str, etag: str) -> bool:
        """Whether a failed blob is gone, has a result, or its error file was taken away."""
        version = self._store.version(name)
        if version is None:
            return True
        found = self._store.records(name)
        if found.of(version) is not None:
            return found.of(version) is found.result
        return found.error is None and version.etag == etag

    def _company(self, name: str) -> str:
        """Whose blob it is; blobs that do not say it count as one company's."""
        version = self._store.version(name)
        try:
            return (read_labels(name, version.metadata)["companyID"] or "").upper() if version else ""
        except InvalidRequest:
            return ""

    def _remember(self, version: SourceVersion) -> None:
        self._answered[version.name, version.etag] = None
        if len(self._answered) > _MOST_REMEMBERED:
            del self._answered[next(iter(self._answered))]


def _is_addressable(name: str) -> bool:
    """Names with dot segments can be listed but not asked for: every HTTP client resolves them."""
    return not {".", ".."}.intersection(name.split("/"))
