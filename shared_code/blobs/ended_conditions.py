"""Closes the alerts of dropped files whose condition is over, whoever ended it."""

from collections.abc import Collection
from dataclasses import dataclass

from shared_code.blobs.conditions import FAILED, POISONED, BlobAlerts, RetryState
from shared_code.blobs.forgotten import ask_each
from shared_code.blobs.store import BlobStore


@dataclass(frozen=True, slots=True)
class EndedConditions:
    """Looks at each file that has an open alert."""

    store: BlobStore
    alerts: BlobAlerts

    def close(self, *, still_open: Collection[str]) -> None:
        """Close the alerts of blobs that are gone or have their answer.

        :param still_open: blobs whose error file is no answer: they are to be read again.
        :raises errors.StorageUnavailable, errors.DatabaseUnavailable: one of them is away.
        """
        states = [state for name, state in self.alerts.retry_states().items() if name not in still_open]
        for state in ask_each(self._is_answered, states):
            self.alerts.close(state.blob, POISONED)
        for name, _ in ask_each(self._is_mended, list(self.alerts.failures().items())):
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
