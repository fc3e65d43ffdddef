"""What becomes of a blob or job that the platform delivers: an answer, a raise or, where a limit holds, the sweep.

What is raised makes the platform try it five times within seconds, each with a trace on the console. A limit ends later
than that, and its refusal is no fault.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared_code.blobs.conditions import BlobAlerts, RetryState, limit_ends
from shared_code.blobs.intake import Disposition, Processed
from shared_code.blobs.work import Sources, Work
from shared_code.errors import ProviderRateLimited, QuotaExceeded

#: a limit that ends sooner is worth the platform's own tries
_SOON = timedelta(seconds=10)
#: a limit may be raised before it ends
_LATEST_TRY = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class BlobDelivery:
    """Takes deliveries. One for each kind of work; safe for many threads.

    :ivar clock: the moment (aware, UTC).
    """

    store: Sources
    intake: Work
    alerts: BlobAlerts
    clock: Callable[[], datetime]

    def take(self, name: str, *, content: bytes | None = None, trace_parent: str | None = None) -> Processed:
        """Process a blob or job; one that a limit refuses is left to the sweep.

        :raises errors.ServiceError: another passing cause; nothing was recorded.
        """
        try:
            return self.intake.process(name, content=content, trace_parent=trace_parent)
        except (QuotaExceeded, ProviderRateLimited) as error:
            now, version = self.clock(), self.store.version(name)
            ends = limit_ends(error, now)
            if version is None or ends is None or ends - now < _SOON:
                raise
            self.intake.leave(name)
            known = RetryState(name, version.etag, first_at=now, next_at=min(ends, now + _LATEST_TRY))
            self.alerts.poisoned(replace(known, code=error.code, message=error.message, until=ends))
            return Processed(Disposition.WAITING, error.code)
