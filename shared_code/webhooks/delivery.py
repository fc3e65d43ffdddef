"""Sends what is due: at least once, each message under one id, with growing pauses for up to a day, then an alert.

Several senders may run at once, the timer's and one in each process: a row is claimed before it is sent. One that is
killed in between leaves a lease that ends, and the message is sent again.

Companies do not wait for each other: each has lanes of its own in every round. A receiver that does not answer at all
is asked by one message; the others of the company wait with it, new ones too, and go as soon as it answers. One that
answers with an error is asked for each message, because the message may be why.
"""

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from shared_code.database.connection import repeatable
from shared_code.database.stores.operations import webhook_deliveries as store
from shared_code.database.stores.operations.webhook_deliveries import Delivery
from shared_code.errors import ConfigurationError
from shared_code.observability.telemetry import telemetry
from shared_code.webhooks.message import message_body
from shared_code.webhooks.receivers import Receiver, Receivers
from shared_code.webhooks.sender import NotReached, Sender
from shared_code.webhooks.signature import signed_headers

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from shared_code.database.connection import Database

_log = logging.getLogger(__name__)

#: kind of the alert: messages to a receiver were given up, and none was delivered since
UNDELIVERED = "webhook_undelivered"
#: a message that was not taken for so long is given up
GIVE_UP_AFTER = timedelta(hours=24)
LONGEST_PAUSE = timedelta(hours=6)
#: longer than a try takes; a sender that was killed is followed by another one after it
_LEASE = timedelta(seconds=60)
_TAKEN = range(200, 300)
#: in one round: companies, rows of each, requests to each at a time, and requests in all
_COMPANIES, _ROWS, _LANES, _PARALLEL = 50, 50, 2, 16
#: seconds after which a round begins no further try, so that other companies have their turn
_ROUND_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Delivered:
    """What one call of :meth:`Deliveries.deliver_due` did: tries, and those that were taken."""

    tried: int = 0
    taken: int = 0


@dataclass(frozen=True, slots=True)
class _Try:
    """What one try came to. ``reached`` is False when the receiver did not answer at all."""

    status: int | None = None
    error: str | None = None
    reached: bool = True


@dataclass(frozen=True, slots=True)
class Deliveries:
    """One for the process; safe for many threads.

    :ivar clock: the moment (aware, UTC).
    :ivar first_pause: after a first try that failed; it doubles with each further one up to ``LONGEST_PAUSE``.
    :ivar public_url: where the service answers, for links; '' = links are paths.
    """

    database: "Database"
    receivers: Receivers
    sender: Sender
    clock: Callable[[], datetime]
    first_pause: timedelta
    public_url: str

    def deliver_due(self, *, seconds: float, stopped: Callable[[], bool] = lambda: False) -> Delivered:
        """Send what is due now, and what becomes due meanwhile, for so long.

        :param stopped: says before each message that no further one is to be begun.
        :raises errors.DatabaseUnavailable: nothing is lost by trying later.
        """
        ends = time.monotonic() + seconds
        tried = taken = 0
        while (left := ends - time.monotonic()) > 0 and not stopped():
            lanes = self._lanes()
            if not lanes:
                break
            until = time.monotonic() + min(left, _ROUND_SECONDS)
            lane = partial(self._send_lane, until=until, stopped=stopped)
            with ThreadPoolExecutor(min(len(lanes), _PARALLEL), thread_name_prefix="webhooks") as pool:
                done = list(pool.map(lane, lanes))
            tried += sum(each.tried for each in done)
            taken += sum(each.taken for each in done)
        if tried:
            telemetry().metric("webhooks_delivered", taken)
            telemetry().metric("webhooks_refused", tried - taken)
        return Delivered(tried, taken)

    def seconds_until_due(self) -> float | None:
        """Until the next message is due; negative when one is, None when none is pending."""
        found = self.database.read(store.next_due)
        return None if found is None else (found - self._now()).total_seconds()

    def next_try(self, row: Delivery, attempts: int, now: datetime) -> datetime | None:
        """When to try again after so many tries in vain, one at least; None = not any more. ``now`` is naive UTC.

        The last try is made when the time is up.
        """
        ends = row.since + GIVE_UP_AFTER
        if now >= ends:
            return None
        # Bounded, because a timedelta is.
        pause: timedelta = min(self.first_pause * 2 ** min(attempts - 1, 24), LONGEST_PAUSE)
        return min(now + pause, ends)

    def _lanes(self) -> list[Sequence[Delivery]]:
        """What is due, in parts that are sent beside each other."""
        now = self._now()

        def read(connection: "Connection") -> list[tuple[datetime | None, list[Delivery]]]:
            companies = store.companies_due(connection, now, limit=_COMPANIES)
            return [
                (store.resting_until(connection, company, now), store.find_due(connection, company, now, limit=_ROWS))
                for company in companies
            ]

        lanes: list[Sequence[Delivery]] = []
        for rest, rows in self.database.read(read):
            if rest is not None:
                self._postpone(rows, until=rest)
            elif rows:
                # One message asks a receiver that did not answer the last time: the one that asked then.
                rows.sort(
                    key=lambda row: row.attempts if row.last_error and row.last_status is None else 0, reverse=True
                )
                count = 1 if rows[0].attempts and rows[0].last_status is None else min(_LANES, len(rows))
                lanes += [rows[lane::count] for lane in range(count)]
        return lanes

    def _postpone(self, rows: Sequence[Delivery], *, until: datetime) -> None:
        for company in {row.company_id for row in rows}:
            self.database.run(partial(store.postpone, company_id=company, until=until), on_unknown=repeatable)

    def _send_lane(self, rows: Sequence[Delivery], *, until: float, stopped: Callable[[], bool]) -> Delivered:
        """Send messages to one receiver, one after another, until it does not answer or time is over."""
        company = rows[0].company_id
        try:
            receiver = self.receivers.find(company)
        except ConfigurationError as error:
            _log.error("no webhook of company %s can be signed: %s", company, error.message)
            receiver = Receiver("", ())
        if receiver is None:
            self.database.run(lambda connection: store.drop(connection, company), on_unknown=repeatable)
            return Delivered()
        tried = taken = 0
        for row in rows:
            if stopped() or time.monotonic() >= until:
                break
            if not self._claimed(row):
                continue
            result = self._send(row, receiver)
            tried += 1
            taken += result.error is None
            self._note(row, result)
            if not result.reached:
                break
        return Delivered(tried, taken)

    def _claimed(self, row: Delivery) -> bool:
        now = self._now()
        return self.database.run(lambda connection: store.claim(connection, row, now=now, until=now + _LEASE))

    def _send(self, row: Delivery, receiver: Receiver) -> _Try:
        if not receiver.url:
            return _Try(error="The secret of this company does not open.", reached=False)
        try:
            body = message_body(row, public_url=self.public_url)
            moment = int(self.clock().timestamp())
            headers = signed_headers(receiver.secrets, message_id=row.message_id, timestamp=moment, body=body)
            status = self.sender.post(receiver.url, headers, body)
        except NotReached as error:
            return _Try(error=error.message, reached=False)
        except Exception:  # noqa: BLE001 - whatever one message brings out must not cost the others
            _log.exception("webhook %s could not be sent because of an unexpected error", row.message_id)
            return _Try(error="unexpected error; the log has its trace")
        return _Try(status, None if status in _TAKEN else f"the receiver answered {status}")

    def _note(self, row: Delivery, result: _Try) -> None:
        now = self._now()
        again = None if result.error is None else self.next_try(row, row.attempts + 1, now)
        state = store.DELIVERED if result.error is None else store.PENDING if again else store.FAILED

        def work(connection: "Connection") -> None:
            store.end_try(connection, row, status=result.status, error=result.error, state=state, at=again or now)
            if again is not None and not result.reached:
                store.postpone(connection, row.company_id, until=again)

        self.database.run(work, on_unknown=repeatable)
        if result.error is not None:
            _log.log(
                logging.INFO if again else logging.WARNING,
                "webhook %s (%s) of company %s: try %d failed: %s; %s",
                row.message_id,
                row.event,
                row.company_id or "of the operators",
                row.attempts + 1,
                result.error,
                f"again at {again:%Y-%m-%d %H:%M:%S}Z" if again else "given up",
            )

    def _now(self) -> datetime:
        return self.clock().astimezone(UTC).replace(tzinfo=None)
