"""Tries dropped files and jobs again that have no answer for a passing cause: poisoned, or never delivered.

The platform tries a blob five times without a pause and then puts its message into the poison queue (see
:mod:`.poison_queue`). From there on the timer's sweep tries it with growing pauses for up to 24 hours; then it writes
an error file and leaves it to a person. A blob without any answer is found by looking through the container (see
:mod:`.forgotten`). A blob that failed for want of a usable key is read again once its company has one.

No blob stops the others: one that storage does not give out is tried again like one whose model call failed. Only
storage or a database that is away ends a sweep.
"""

import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from shared_code.blobs.conditions import WITHOUT_KEY, BlobAlerts, RetryState
from shared_code.blobs.forgotten import PARALLEL
from shared_code.blobs.intake import Disposition, Processed
from shared_code.blobs.names import company_of
from shared_code.blobs.poison_queue import PoisonMessage, PoisonQueue
from shared_code.blobs.store import SourceVersion
from shared_code.blobs.work import Ended, Forgotten, Sources, Work
from shared_code.errors import (
    AlreadyProcessing,
    BlobUnavailable,
    DatabaseUnavailable,
    InternalError,
    ServiceError,
    StorageUnavailable,
)
from shared_code.observability.telemetry import telemetry

_log = logging.getLogger(__name__)

#: seconds before the second try, the third, ...; the last one repeats
PAUSES = (2, 30, 300, 900, 3600, 3 * 3600, 6 * 3600)
GIVE_UP_AFTER = timedelta(hours=24)
#: seconds after which one sweep starts no further blob, and for one blob
_SWEEP_SECONDS = 240.0
_BLOB_SECONDS = 200.0
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
    """What one sweep knows.

    :ivar failures: counts those of each company.
    :ivar keys: of blobs that have failed for want of a usable key, and whose company has one by now; see
        :meth:`.BlobAlerts.usable_keys`.
    """

    now: datetime
    ends: float
    states: dict[str, RetryState]
    messages: dict[str, list[PoisonMessage]]
    forced: bool
    keys: dict[str, str] = field(default_factory=dict)
    failures: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class BlobSweep:
    """Finds and drives. One for each kind of work; two instances may run it at once, the claim on the document decides.

    :ivar clock: the moment (aware, UTC).
    """

    store: Sources
    intake: Work
    alerts: BlobAlerts
    poison: PoisonQueue
    forgotten: Forgotten
    ended: Ended
    clock: Callable[[], datetime]
    monotonic: Callable[[], float]

    def run(self) -> tuple[int, list[Tried]]:
        """One sweep: how many blobs wait, and what became of those whose turn it was.

        :raises errors.StorageUnavailable, errors.DatabaseUnavailable: the rest waits for the next sweep.
        """
        wanting = self._wanting_a_key()
        self.ended.close(still_open=wanting)
        states = self.alerts.retry_states()
        messages = self._take(None)
        keys = {name: keys for name, (keys, _) in wanting.items()}
        sweep = _Sweep(self.clock(), self.monotonic() + _SWEEP_SECONDS, states, messages, forced=False, keys=keys)
        waiting = [name for name, state in states.items() if not state.given_up]
        forgotten = [version.name for version in self.forgotten.find()]
        served = [name for name, (keys, tried_with) in wanting.items() if keys != tried_with]
        return self._try_all(sweep, [*messages, *waiting, *forgotten, *served])

    def retry(self, names: Collection[str] | None = None, *, failed: bool = False) -> list[Tried]:
        """Try blobs now, whatever the pauses say: these, or all poisoned and given-up ones. Raises as :meth:`run`.

        :param failed: those that cannot be read as they are, too.
        """
        states = self.alerts.retry_states()
        messages = self._take(names)
        wanted: Iterable[str] = [*messages, *states, *(self.alerts.failures() if failed else ())]
        sweep = _Sweep(self.clock(), float("inf"), states, messages, forced=True)
        return self._try_all(sweep, wanted if names is None else names)[1]

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
            with ThreadPoolExecutor(PARALLEL, thread_name_prefix="blob-sweep") as pool:
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
        try:
            return self._drive(sweep, name)
        except (StorageUnavailable, DatabaseUnavailable):
            raise
        except Exception as error:  # noqa: BLE001 - what one blob brings out must not keep the others from their turn
            _log.exception("blob %r could not be driven because of an unexpected error", name)
            return Tried(name, "waiting", InternalError.code, type(error).__name__)

    def _drive(self, sweep: _Sweep, name: str) -> Tried | None:
        known, messages = sweep.states.get(name), sweep.messages.get(name)
        if messages and (known is None or known.etag != messages[0].etag):
            known = RetryState(name, messages[0].etag, first_at=sweep.now, next_at=sweep.now)
            self.alerts.poisoned(known)
        rests = known is not None and known.next_at > sweep.now
        if not sweep.forced and (rests or self.monotonic() > sweep.ends):
            return None
        company = self._company(name)
        if not sweep.forced and sweep.failures[company] >= _COMPANY_FAILURES:
            return None
        return self._process(sweep, name, known, company)

    def _process(self, sweep: _Sweep, name: str, known: RetryState | None, company: str) -> Tried:
        try:
            again = sweep.forced or name in sweep.keys
            done = self.intake.process(name, deadline_seconds=_BLOB_SECONDS, again=again, from_store=True)
        except AlreadyProcessing as error:
            # Another run is at it: neither a failure nor an answer.
            return Tried(name, "running", error.code, error.message)
        except BlobUnavailable as error:
            # Unless storage refuses everything, and not this blob alone.
            self.store.ask()
            return self._failed(sweep, name, known, error)
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
            self.alerts.close(name, self.alerts.kinds.poisoned)
        if done.disposition is Disposition.GONE:
            self.alerts.close(name, self.alerts.kinds.failed)
        if done.code in WITHOUT_KEY and name in sweep.keys:
            self.alerts.note_keys(name, sweep.keys[name])
        _log.info("the sweep has dealt with blob %r: %s %s", name, done.disposition, done.code or "")
        return Tried(name, done.disposition, done.code)

    def _failed(self, sweep: _Sweep, name: str, known: RetryState | None, error: ServiceError) -> Tried:
        """Remember the try; after a day write an error file and leave it to a person."""
        tried = Tried(name, "waiting", error.code, error.message)
        version = None
        try:
            version = self.store.version(name)
        except BlobUnavailable:
            # Nothing can be learned of it but that it is there.
            known = known or RetryState(name, "", first_at=sweep.now, next_at=sweep.now)
        else:
            if version is None:
                return tried
            if known is None or known.etag != version.etag:
                known = RetryState(name, version.etag, first_at=sweep.now, next_at=sweep.now)
        pause = timedelta(seconds=PAUSES[min(known.tries, len(PAUSES) - 1)])
        state = known.failed(error, now=sweep.now, pause=pause)
        # A limit whose end is known is waited for.
        waits = state.until is not None and state.until > sweep.now
        if sweep.now - state.first_at >= GIVE_UP_AFTER and version is not None and not waits:
            state = self._give_up(sweep, state, version, error)
        if not state.given_up:
            self.intake.leave(name)
        self.alerts.poisoned(state)
        return tried

    def _give_up(self, sweep: _Sweep, state: RetryState, version: SourceVersion, error: ServiceError) -> RetryState:
        try:
            self.intake.give_up(version, error)
        except BlobUnavailable as refused:
            _log.warning("no error file could be written for %r: %s", version.name, refused.message)
            return state
        for message in sweep.messages.pop(version.name, []):
            self.poison.delete(message)
        return replace(state, given_up=True)

    def _wanting_a_key(self) -> dict[str, tuple[str, str | None]]:
        """Blobs that failed for want of a usable key and whose company has one now: its keys, and those it failed with.

        A blob that fails with the keys that are there is not read again before they change.
        """
        wanting = self.alerts.without_key()
        usable = self.alerts.usable_keys() if wanting else {}
        found: dict[str, tuple[str, str | None]] = {}
        for failure in wanting:
            company = failure.company_id or self._company(failure.blob)
            if company in usable:
                found[failure.blob] = (usable[company], failure.tried_with)
        return found

    def _company(self, name: str) -> str:
        """Whose blob it is; blobs that do not say it, or cannot be asked, count as one company's."""
        try:
            version = self.store.version(name)
        except BlobUnavailable:
            return ""
        return company_of(name, version.metadata) if version else ""
