"""Tries dropped files again that have no answer for a passing cause: the poisoned ones, and those never delivered.

The platform tries a blob five times without a pause and then puts its message into the poison queue (see
:mod:`.poison_queue`). From there on the timer's sweep tries it with growing pauses for up to 24 hours; then it writes
an error file and leaves it to a person. A blob without any answer that the platform never delivered (a lost event, a
name too long for its receipts) is found by looking through the container.
"""

import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import compress

from shared_code.blobs.conditions import FAILED, POISONED, BlobAlerts, RetryState
from shared_code.blobs.intake import BlobIntake, Disposition, Processed
from shared_code.blobs.names import read_labels
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
class Tried:
    """What one try did. ``code`` is that of the error, passing or not; ``message`` is for people."""

    name: str
    outcome: str
    code: str | None = None
    message: str | None = None


@dataclass(slots=True)
class _Sweep:
    """What one sweep knows. ``failures`` counts those of each company."""

    now: datetime
    ends: float
    states: dict[str, RetryState]
    messages: dict[str, list[PoisonMessage]]
    forced: bool
    failures: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class BlobSweep:
    """Finds and drives. One for the process; two instances may run it at once, the claim on the document decides.

    :ivar clock: the moment (aware, UTC).
    :ivar after: age from which a blob without an answer counts as forgotten by the platform.
    """

    store: BlobStore
    intake: BlobIntake
    alerts: BlobAlerts
    poison: PoisonQueue
    clock: Callable[[], datetime]
    monotonic: Callable[[], float]
    after: timedelta
    #: versions that are known to have their answer, so that they are looked at once
    _answered: dict[tuple[str, str], None] = field(default_factory=dict)

    def run(self) -> tuple[int, list[Tried]]:
        """One sweep: how many blobs wait, and what became of those whose turn it was.

        :raises errors.StorageUnavailable, errors.DatabaseUnavailable: the rest waits for the next sweep.
        """
        self._close_ended()
        states = self.alerts.retry_states()
        messages = self._take(None)
        sweep = _Sweep(self.clock(), self.monotonic() + _SWEEP_SECONDS, states, messages, forced=False)
        waiting = [name for name, state in states.items() if not state.given_up]
        return self._try_all(sweep, [*messages, *waiting, *(version.name for version in self.forgotten())])

    def retry(self, names: Collection[str] | None = None, *, failed: bool = False) -> list[Tried]:
        """Try blobs now, whatever the pauses say: these, or all poisoned and given-up ones. Raises as :meth:`run`.

        :param failed: those that cannot be read as they are, too.
        """
        states = self.alerts.retry_states()
        messages = self._take(names)
        wanted: Iterable[str] = [*messages, *states, *(self.alerts.failures() if failed else ())]
        sweep = _Sweep(self.clock(), float("inf"), states, messages, forced=True)
        return self._try_all(sweep, wanted if names is None else names)[1]

    def forgotten(self) -> list[SourceVersion]:
        """Blobs of the last two days that have had time enough and still have no answer of any kind."""
        now = self.clock()
        young, old = now - self.after, now - _HORIZON
        versions = [
            version
            for version in self.store.sources()
            if old < version.modified < young
            and (version.name, version.etag) not in self._answered
            and not version.is_folder
            and _is_addressable(version.name)
        ][:_MOST_CANDIDATES]
        unanswered = _select(lambda version: self.store.records(version.name).of(version) is None, versions)
        seconds = int(_HORIZON.total_seconds()) + _HORIZON_SLACK_SECONDS
        taken_away = self.alerts.answered(unanswered, since_seconds=seconds) if unanswered else set()
        forgotten = {version.name: version for version in unanswered if version.name not in taken_away}
        for version in versions:
            if version.name not in forgotten:
                self._remember(version)
        return list(forgotten.values())

    def _take(self, names: Collection[str] | None) -> dict[str, list[PoisonMessage]]:
        """Poison messages by blob; those of other blobs than ``names`` are put back."""
        taken: dict[str, list[PoisonMessage]] = {}
        messages = self.poison.take()
        telemetry().metric("poison_depth", len(messages))
        for message in messages:
            if names is None or message.name in names:
                taken.setdefault(message.name, []).append(message)
            else:
                self.poison.release(message)
        return taken

    def _try_all(self, sweep: _Sweep, names: Iterable[str]) -> tuple[int, list[Tried]]:
        wanted = list(dict.fromkeys(names))
        try:
            with ThreadPoolExecutor(_PARALLEL, thread_name_prefix="blob-sweep") as pool:
                runs = [pool.submit(self._try_one, sweep, name) for name in wanted]
                # Storage or the database is away: the blobs whose turn has not come wait for the next sweep.
                wait(runs, return_when=FIRST_EXCEPTION)
                pool.shutdown(cancel_futures=True)
            tried = [run.result() for run in runs if not run.cancelled()]
        finally:
            for left in sweep.messages.values():
                for message in left:
                    self.poison.release(message)
        return len(wanted), [one for one in tried if one is not None]

    def _try_one(self, sweep: _Sweep, name: str) -> Tried | None:
        """One blob; None when its turn has not come. Raises when storage or the database is away."""
        known, messages = sweep.states.get(name), sweep.messages.get(name)
        if messages and (known is None or known.etag != messages[0].etag):
            known = RetryState(name, messages[0].etag, first_at=sweep.now, next_at=sweep.now)
            self.alerts.poisoned(known)
        if not sweep.forced and known is not None and known.next_at > sweep.now:
            return None
        company = self._company(name)
        if not sweep.forced and (self.monotonic() > sweep.ends or sweep.failures[company] >= _COMPANY_FAILURES):
            return None
        try:
            done = self.intake.process(name, deadline_seconds=_BLOB_SECONDS, again=sweep.forced)
        except AlreadyProcessing as error:
            # Another run is at it: neither a failure nor an answer.
            return Tried(name, "running", error.code, error.message)
        except (StorageUnavailable, DatabaseUnavailable):
            raise
        except ServiceError as error:
            sweep.failures[company] += 1
            return self._failed(sweep, name, known, error)
        except Exception:  # noqa: BLE001 - a bug that one blob brings out must not keep the others from their turn
            _log.exception("blob %r could not be processed because of an unexpected error", name)
            return self._failed(sweep, name, known, InternalError())
        return self._ended(sweep, name, known, done)

    def _ended(self, sweep: _Sweep, name: str, known: RetryState | None, done: Processed) -> Tried:
        for message in sweep.messages.pop(name, []):
            self.poison.delete(message)
        kept = known is not None and known.given_up and done.disposition is Disposition.SETTLED and not sweep.forced
        if known is not None and not kept:
            self.alerts.close(name, POISONED)
        if done.disposition is Disposition.GONE:
            self.alerts.close(name, FAILED)
        _log.info("the sweep has dealt with blob %r: %s %s", name, done.disposition, done.code or "")
        return Tried(name, done.disposition, done.code)

    def _failed(self, sweep: _Sweep, name: str, known: RetryState | None, error: ServiceError) -> Tried:
        """Remember the try; after a day write an error file and leave it to a person."""
        tried = Tried(name, "waiting", error.code, error.message)
        version = self.store.version(name)
        if version is None:
            return tried
        if known is None or known.etag != version.etag:
            known = RetryState(name, version.etag, first_at=sweep.now, next_at=sweep.now)
        pause = timedelta(seconds=PAUSES[min(known.tries, len(PAUSES) - 1)])
        state = known.failed(error.code, now=sweep.now, pause=pause)
        if sweep.now - state.first_at >= GIVE_UP_AFTER:
            state = replace(state, given_up=True)
            self.intake.give_up(version, error)
            for message in sweep.messages.pop(name, []):
                self.poison.delete(message)
        self.alerts.poisoned(state)
        return tried

    def _close_ended(self) -> None:
        """Close the alerts of blobs that are gone or have their answer, whoever gave it."""
        for state in _select(self._is_answered, list(self.alerts.retry_states().values())):
            self.alerts.close(state.blob, POISONED)
        for name, _ in _select(self._is_mended, list(self.alerts.failures().items())):
            self.alerts.close(name, FAILED)

    def _is_answered(self, state: RetryState) -> bool:
        """Whether a poisoned blob needs no further try; the error file of one that was given up is no answer."""
        version = self.store.version(state.blob)
        if version is None:
            return True
        found = self.store.records(state.blob).of(version)
        return state.given_up if found is None else not found.given_up

    def _is_mended(self, failure: tuple[str, str]) -> bool:
        """Whether a failed blob (name, ETag) is gone, has a result, or its error file was taken away."""
        name, etag = failure
        version = self.store.version(name)
        if version is None:
            return True
        found = self.store.records(name)
        if found.of(version) is not None:
            return found.of(version) is found.result
        return found.error is None and version.etag == etag

    def _company(self, name: str) -> str:
        """Whose blob it is; blobs that do not say it count as one company's."""
        version = self.store.version(name)
        try:
            return (read_labels(name, version.metadata)["companyID"] or "").upper() if version else ""
        except InvalidRequest:
            return ""

    def _remember(self, version: SourceVersion) -> None:
        self._answered[version.name, version.etag] = None
        if len(self._answered) > _MOST_REMEMBERED:
            del self._answered[next(iter(self._answered))]


def _select[T](check: Callable[[T], bool], items: Sequence[T]) -> list[T]:
    """Those items that pass the check, which asks storage about several at a time."""
    with ThreadPoolExecutor(_PARALLEL) as pool:
        return list(compress(items, pool.map(check, items)))


def _is_addressable(name: str) -> bool:
    """Names with dot segments can be listed but not asked for: every HTTP client resolves them."""
    return not {".", ".."}.intersection(name.split("/"))
