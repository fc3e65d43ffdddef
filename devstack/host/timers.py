"""The timer trigger: fires on schedule, remembers when, and catches up once after a time of standstill.

Missed slots are not replayed one by one. Errors never stop the schedule. Runs of one timer follow each other; one
that outlasts its interval is followed by the next at once.
"""

import json
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from devstack.host.discovery import FunctionDefinition
from devstack.host.invocations import Invocations
from devstack.host.locks import ListenerLock
from devstack.host.schedules import Schedule
from devstack.host.storage import StorageAccount, explain
from devstack.host.worker import datum

if TYPE_CHECKING:
    from azure.storage.blob import BlobClient

#: .NET's default(DateTime), which stands for "never"
NEVER = "0001-01-01T00:00:00"
LONGEST_WAIT_SECONDS = 30.0
RETRY_SECONDS = 5.0

log = logging.getLogger("devstack.host")


def local_now() -> datetime:
    """The machine's local time, aware."""
    return datetime.now().astimezone()


@dataclass(frozen=True)
class ScheduleStatus:
    """What is remembered of a timer; ``last`` None means that it never ran."""

    last: datetime | None
    next: datetime
    last_updated: datetime

    def to_json(self) -> dict[str, str]:
        """As the real host stores it and hands it to the function."""
        return {
            "Last": self.last.isoformat() if self.last else NEVER,
            "Next": self.next.isoformat(),
            "LastUpdated": self.last_updated.isoformat(),
        }


def read_status(text: str) -> ScheduleStatus:
    """A stored status. Raises ValueError or KeyError for anything else."""
    found = json.loads(text)
    last = datetime.fromisoformat(found["Last"])
    return ScheduleStatus(
        None if last.year == 1 else last.astimezone(),
        datetime.fromisoformat(found["Next"]).astimezone(),
        datetime.fromisoformat(found["LastUpdated"]).astimezone(),
    )


class StatusStore:
    """The status blob ``timers/{hostId}/Host.Functions.{Name}/status``."""

    def __init__(self, account: StorageAccount, host_id: str, function: str) -> None:
        self._account = account
        self._name = f"timers/{host_id}/Host.Functions.{function}/status"

    def read(self) -> ScheduleStatus | None:
        """What is stored, None when nothing usable is. Raises AzureError when storage does not answer."""
        from azure.core.exceptions import ResourceNotFoundError

        try:
            return read_status(self._blob.download_blob(encoding="utf-8").readall())
        except ResourceNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            log.warning("The timer status in %s cannot be read (%s) and is replaced.", self._name, error)
            return None

    def write(self, status: ScheduleStatus) -> None:
        """Store it; a failure is logged and forgotten, as there."""
        from azure.core.exceptions import AzureError

        try:
            self._blob.upload_blob(json.dumps(status.to_json()), overwrite=True)
        except AzureError as error:
            log.error("Failed to update the timer trigger status in %s: %s.", self._name, explain(error))  # noqa: TRY400

    @property
    def _blob(self) -> "BlobClient":
        return self._account.host_container.get_blob_client(self._name)


class TimerListener:
    """One timer function."""

    def __init__(
        self,
        function: FunctionDefinition,
        schedule: Schedule,
        *,
        store: StatusStore,
        lock: ListenerLock,
        invocations: Invocations,
        clock: Callable[[], datetime] = local_now,
    ) -> None:
        self._function = function
        self._schedule = schedule
        monitored = str(function.properties.get("usemonitor", True)).casefold() != "false"
        self._store = store if monitored and not schedule.below_one_minute else None
        self._run_on_startup = str(function.properties.get("runonstartup", False)).casefold() == "true"
        self._lock = lock
        self._invocations = invocations
        self._clock = clock
        self._status: ScheduleStatus | None = None

    def listen(self, stop: threading.Event) -> None:
        """Fire until ``stop``; survives a storage account that goes away and comes back."""
        from azure.core.exceptions import AzureError

        reported = ""
        while not stop.is_set():
            problem = f"another host holds the lock of '{self._function.name}'"
            try:
                if self._lock.acquire():
                    reported = ""
                    self._fire_until(stop)
                    continue
            except AzureError as error:
                problem = explain(error)
            if problem != reported:
                log.warning("The listener for function '%s' waits: %s.", self._function.name, problem)
                reported = problem
            stop.wait(RETRY_SECONDS)
        self._lock.release()

    def run_now(self, _input: str = "") -> None:
        """One run by hand, beside the schedule: the status is handed over but not changed."""
        self._invoke(past_due=False, reason="This function was programmatically called via the host APIs.")

    def check_past_due(self, now: datetime) -> bool:
        """Whether a slot passed while no host ran. A changed schedule starts afresh and is never past due."""
        if self._store is None:
            self._status = ScheduleStatus(None, self._schedule.next_after(now), now)
            return False
        status = self._store.read()
        if status is None:
            status = ScheduleStatus(None, self._schedule.next_after(now), now)
            self._store.write(status)
        else:
            base = status.last or status.last_updated
            expected = self._schedule.next_after(base)
            if status.next != expected:
                if now > expected:
                    base, expected = now, self._schedule.next_after(now)
                status = ScheduleStatus(None, expected, base)
                self._store.write(status)
        self._status = status
        return now > status.next

    def fire(self, now: datetime, *, past_due: bool = False, early: bool = False) -> None:
        """Run and move on to the next slot. ``early`` marks a run that is not a slot of its own (start-up)."""
        self._invoke(past_due=past_due, reason=f"Timer fired at {now.isoformat()}")
        moment = now
        if not past_due and not early and self._status is not None and self._status.next > now:
            # Fired a moment before its slot: count the slot as done, or it would fire twice.
            moment = self._status.next
        self._status = ScheduleStatus(moment, self._schedule.next_after(moment), moment)
        if self._store is not None:
            self._store.write(self._status)

    def _fire_until(self, stop: threading.Event) -> None:
        now = self._clock()
        if self.check_past_due(now):
            log.info("Function '%s' is past due on startup. Executing now.", self._function.name)
            self.fire(now, past_due=True)
        elif self._run_on_startup:
            self._run_on_startup = False
            self.fire(now, early=True)
        while not stop.is_set() and self._lock.held:
            assert self._status is not None
            seconds = (self._status.next - self._clock()).total_seconds()
            if seconds <= 0:
                self.fire(self._clock())
            else:
                stop.wait(min(seconds, LONGEST_WAIT_SECONDS if self._lock.held else 0))

    def _invoke(self, *, past_due: bool, reason: str) -> None:
        kept = self._status if self._store is not None else None
        payload: dict[str, Any] = {
            "Schedule": {"AdjustForDST": True},
            "ScheduleStatus": kept.to_json() if kept else None,
            "IsPastDue": past_due,
        }
        self._invocations.run(
            self._function.name,
            [(self._function.trigger.name, datum(json.dumps(payload), "json"))],
            metadata={},
            reason=reason,
        )
