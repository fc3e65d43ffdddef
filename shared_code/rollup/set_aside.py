"""One bad row never stops the others: what a step cannot handle is set aside, and the step goes on.

Rows come from people's SQL, from old versions and from other programs, so any of them may hold what no statement or
parser takes. Such a row is told once by the alert ``row_set_aside``, whose details remember how often it was tried. It
is tried again with growing pauses, so that it is handled some time after its cause was mended: at once when a person
closes the alert, or runs ``manage.py rollup run``.

A database or a storage account that is away is nobody's fault: it ends the step, and nothing is set aside.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from shared_code.database.connection import Database, repeatable
from shared_code.database.error_causes import classify
from shared_code.database.stores.operations import alerts
from shared_code.database.stores.operations.alerts import Changes
from shared_code.errors import (
    ConfigurationError,
    DatabaseUnavailable,
    InternalError,
    ServiceError,
    StorageUnavailable,
)
from shared_code.observability.redaction import redact
from shared_code.operations.alerts import announce_changes, raise_alert
from shared_code.operations.timer_state import ROW_SET_ASIDE, SetAsideRow, timer_state
from shared_code.records import Alert
from shared_code.rollup.step import RollupContext

_log = logging.getLogger(__name__)

#: seconds before the second try, the third, ...; the last one repeats. The first is the next run of the timer.
PAUSES = (240, 900, 3600, 3 * 3600, 6 * 3600)
#: rows set aside in one run of a step; more of them mean that the step itself is at fault
_MOST = 100
_CAUSE_LENGTH = 200
#: nobody's fault but that of the whole system, so that the other rows would fare no better now
_OUTAGES = (DatabaseUnavailable, StorageUnavailable, ConfigurationError)


class SetAside:
    """The rows that one step has set aside, in one run of it. Made by :func:`setting_aside`."""

    def __init__(self, database: Database, step: str, known: dict[str, SetAsideRow], now: datetime) -> None:
        self._database = database
        self._step = step
        self._known = known
        self._now = now
        self._failed: set[str] = set()

    def rests(self, row: str) -> bool:
        """Whether the row's next try is still to come, or it has failed in this run."""
        known = self._known.get(row)
        return row in self._failed or (known is not None and known.next_at > self._now)

    def attempt[T](self, row: str, work: Callable[[], T]) -> T | None:
        """What ``work`` returns for one row; None when the row rests, or is set aside now.

        :raises errors.DatabaseUnavailable, errors.StorageUnavailable, errors.ConfigurationError: from ``work``.
        :raises errors.InternalError: so many rows fail that the step itself is at fault.
        """
        if self.rests(row):
            return None
        try:
            return work()
        except _OUTAGES:
            raise
        except Exception as error:  # noqa: BLE001 - whatever one row brings out must not keep the others from their turn
            self._put(row, error)
            return None

    def attempt_ids[T](self, ids: Sequence[int], work: Callable[[int, int], T]) -> list[T]:
        """What ``work`` returns for ranges of ids (first and last, both included) that cover all ``ids``.

        One range for all of them, as long as nothing fails. A range that fails is halved until the row at fault is
        alone, and set aside. Raises as :meth:`attempt`.

        :param ids: in ascending order.
        """
        done: list[T] = []
        for part in self._between_resting(ids):
            done += self._attempt_part(part, work)
        return done

    def out_of_reach(self) -> set[str]:
        """The rows that are set aside at the moment: nothing is known of them."""
        return self._failed | {row for row in self._known if self.rests(row)}

    def _between_resting(self, ids: Sequence[int]) -> Iterator[Sequence[int]]:
        resting = {row for row in self._known if self.rests(row)}
        part: list[int] = []
        for number in ids:
            if str(number) in resting:
                if part:
                    yield part
                part = []
            else:
                part.append(number)
        if part:
            yield part

    def _attempt_part[T](self, ids: Sequence[int], work: Callable[[int, int], T]) -> list[T]:
        if len(ids) == 1:
            found = self.attempt(str(ids[0]), lambda: work(ids[0], ids[0]))
            return [] if found is None else [found]
        try:
            return [work(ids[0], ids[-1])]
        except _OUTAGES:
            raise
        except Exception as error:  # noqa: BLE001 - the row at fault is found below
            _log.info("step %r: rows %d to %d are taken apart (%s)", self._step, ids[0], ids[-1], _cause(error))
        middle = len(ids) // 2
        return [*self._attempt_part(ids[:middle], work), *self._attempt_part(ids[middle:], work)]

    def _put(self, row: str, error: Exception) -> None:
        self._failed.add(row)
        known = self._known.get(row)
        tries = known.tries if known else 0
        aside = SetAsideRow(
            step=self._step,
            row=row,
            cause=_cause(error),
            tries=tries + 1,
            first_at=known.first_at if known else self._now,
            next_at=self._now + timedelta(seconds=PAUSES[min(tries, len(PAUSES) - 1)]),
        )
        _log.warning("step %r sets row %s aside: %s", self._step, row, aside.cause, exc_info=error)
        raise_alert(
            self._database,
            Alert(
                kind=ROW_SET_ASIDE,
                subject=aside.subject,
                severity="error",
                message=f"The timer's step {self._step!r} cannot handle {row} and has set it aside: {aside.cause}. "
                f"Tries: {aside.tries}; the next one is after {aside.next_at:%Y-%m-%d %H:%M:%S}Z, "
                "or as soon as this alert is closed.",
                details=aside.details(),
            ),
        )
        if len(self._failed) >= _MOST:
            raise InternalError(f"The step {self._step!r} has set {len(self._failed)} rows aside in one run") from error

    def close_passed(self) -> None:
        """Close the alerts of rows whose turn it was and that did not fail again: they were handled, or are gone."""
        passed = [row for row in self._known.values() if not self.rests(row.row)]

        def work(connection: Connection) -> Changes:
            known = {alert.subject: alert for alert in alerts.open_alerts(connection, kind=ROW_SET_ASIDE)}
            closed = [
                known[row.subject]
                for row in passed
                if row.subject in known and alerts.close_alert(connection, ROW_SET_ASIDE, row.subject)
            ]
            return Changes((), tuple(closed))

        if passed:
            announce_changes(self._database.run(work, on_unknown=repeatable))


@contextmanager
def setting_aside(context: RollupContext, step: str) -> Iterator[SetAside]:
    """What a step sets aside; at the end of the block the alerts of rows that are dealt with are closed.

    A block that raises closes none: it has not seen all rows.
    """
    aside = SetAside(context.database, step, _known(context, step), context.clock())
    yield aside
    try:
        aside.close_passed()
    except ServiceError as error:
        _log.warning("alerts of rows that step %r has dealt with stay open: %s", step, error.code)


def _known(context: RollupContext, step: str) -> dict[str, SetAsideRow]:
    """The rows that the step has set aside before; none when that cannot be read, so that they are tried again."""
    try:
        found = [row for row in context.database.read(timer_state).set_aside if row.step == step]
    except InternalError:
        _log.exception("the rows that step %r has set aside cannot be read", step)
        return {}
    if context.try_resting:
        found = [row.due_at(context.clock()) for row in found]
    return {row.row: row for row in found}


def _cause(error: Exception) -> str:
    """The failure in words that hold no secret: a database's own text may quote a whole row."""
    number = classify(error.__cause__ or error).number
    if number or isinstance(error, IntegrityError):
        return f"the database refused it ({number or IntegrityError.__name__})"
    if isinstance(error, ServiceError):
        return f"{error.code}: {redact(error.message)}"[:_CAUSE_LENGTH]
    return redact(f"{type(error).__name__}: {error}")[:_CAUSE_LENGTH]
