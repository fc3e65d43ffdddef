"""What stands in the timer's way: steps that fail, and rows that a step has set aside. Both are open alerts.

The timer writes them; health, ``diagnose`` and the admin API show them.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from shared_code.database.stores.operations import alerts
from shared_code.errors import ServiceError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from shared_code.database.connection import Database

#: its subject is the name of the step
STEP_FAILED = "rollup_step_failed"
#: its details are a :class:`SetAsideRow`
ROW_SET_ASIDE = "row_set_aside"
#: one row that is closed at once: when the timer ran last. No condition, and in no list
TIMER_RAN = "timer_ran"
_SUBJECT_LENGTH = 200


@dataclass(frozen=True, slots=True)
class SetAsideRow:
    """A row that a step could not handle. Moments are aware, UTC.

    :ivar row: how a person finds it: the id of a table's row, or what names a message.
    """

    step: str
    row: str
    cause: str
    tries: int
    first_at: datetime
    next_at: datetime

    @property
    def subject(self) -> str:
        """The subject of its alert."""
        return f"{self.step}: {self.row}"[:_SUBJECT_LENGTH]

    def due_at(self, moment: datetime) -> "SetAsideRow":
        """The same with its next try at that moment."""
        return replace(self, next_at=moment)

    def details(self) -> dict[str, Any]:
        """As the alert's JSON facts."""
        return {**asdict(self), "first_at": self.first_at.isoformat(), "next_at": self.next_at.isoformat()}

    @classmethod
    def read(cls, details: Mapping[str, Any]) -> "SetAsideRow | None":
        """From an alert's facts; None when a person has written them anew."""
        try:
            return _SET_ASIDE_ROW.validate_python(dict(details))
        except ValidationError:
            return None


_SET_ASIDE_ROW = TypeAdapter(SetAsideRow)


@dataclass(frozen=True, slots=True)
class TimerState:
    """Names of the steps that failed in the timer's last run, the rows that are set aside, and when it ran last.

    ``ran_at`` is naive UTC by the database's clock; None when the timer has never run.
    """

    failing: tuple[str, ...]
    set_aside: tuple[SetAsideRow, ...]
    ran_at: datetime | None = None


def timer_state(connection: "Connection") -> TimerState:
    """How the timer's last run ended."""
    failing = (alert.subject for alert in alerts.open_alerts(connection, kind=STEP_FAILED))
    rows = (SetAsideRow.read(alert.details) for alert in alerts.open_alerts(connection, kind=ROW_SET_ASIDE))
    aside = tuple(row for row in rows if row is not None)
    return TimerState(tuple(failing), aside, alerts.last_seen(connection, kind=TIMER_RAN))


def note_run(connection: "Connection") -> None:
    """Remember that the timer has run now."""
    alerts.note_once(connection, kind=TIMER_RAN, subject="rollup", message="The timer has run.")


def set_aside_rows(database: "Database") -> list[dict[str, Any]]:
    """The rows that are set aside, as facts for people; none when the database does not tell, which health says."""
    try:
        return [row.details() for row in database.read(timer_state).set_aside]
    except ServiceError:
        return []
