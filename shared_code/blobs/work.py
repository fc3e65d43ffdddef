"""What the sweep and the deliveries of the platform need of the work that they drive: dropped files, or jobs.

Both are delivered by the platform up to five times, then lie in a poison queue, and are then tried again by the timer
with growing pauses. That way is written once; what is done with one file or one job is behind these protocols.
"""

from collections.abc import Collection, Sequence
from typing import Protocol

from shared_code.blobs.intake import Processed
from shared_code.blobs.store import SourceVersion
from shared_code.errors import ServiceError


class Sources(Protocol):
    """Where the things are that are to be worked on, by name."""

    def version(self, name: str) -> SourceVersion | None:
        """What is there under a name now; None when there is nothing (any more)."""

    def ask(self) -> None:
        """Whether storage answers at all: raises :class:`errors.StorageUnavailable`."""


class Work(Protocol):
    """Brings one of them to its end."""

    def process(
        self,
        name: str,
        *,
        content: bytes | None = None,
        trace_parent: str | None = None,
        deadline_seconds: float | None = None,
        again: bool = False,
        from_store: bool = False,
    ) -> Processed:
        """Do it.

        :param content: what the platform has read and handed over, if anything.
        :param again: a failure that was recorded does not count.
        :param from_store: a reading that is paid for, but did not reach its end, is used.
        :raises errors.ServiceError: a passing cause; nothing was recorded.
        """

    def give_up(self, version: SourceVersion, error: ServiceError) -> None:
        """Record a passing cause that did not pass, for whoever waits for the result."""

    def leave(self, name: str) -> None:
        """Let go of what is held for one that the platform delivers no more, and the sweep tries again later."""


class Forgotten(Protocol):
    """Finds what the platform will not deliver (again)."""

    def find(self) -> Sequence[SourceVersion]:
        """Those that have had time enough, and still have no answer."""


class Ended(Protocol):
    """Closes the alerts of those whose condition is over."""

    def close(self, *, still_open: Collection[str]) -> None:
        """Close them, but for these."""
