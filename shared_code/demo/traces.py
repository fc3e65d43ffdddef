"""What a service leaves behind that has run for a while: alerts, messages to receivers, lines of the log."""

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from shared_code.database.stores.demo import past
from shared_code.database.stores.operations import alerts, webhook_deliveries
from shared_code.database.stores.operations.logs import LogEntry, insert_logs
from shared_code.database.stores.operations.webhook_deliveries import DELIVERED, FAILED, PENDING, DeliveryFilter
from shared_code.demo.companies import KAVERI, NORDWIND
from shared_code.demo.documents import Document
from shared_code.demo.keys import KEYS, TokenIds
from shared_code.demo.model import REJECTS
from shared_code.demo.parts import Parts
from shared_code.records import Alert, KeyStatus
from shared_code.rollup import companies, conditions, statuses

if TYPE_CHECKING:
    from sqlalchemy import Connection

_MOST = 1_000
#: state, status, error and tries of a message
type _Fate = tuple[str, int | None, str | None, int]
_TAKEN: _Fate = (DELIVERED, 200, None, 1)
_GIVEN_UP: _Fate = (FAILED, 503, "The receiver answered with HTTP 503.", 12)
_WAITING: _Fate = (PENDING, None, "The receiver did not answer within 10 seconds.", 4)


def leave_old_alerts(parts: Parts, ids: TokenIds) -> None:
    """Conditions that are over, and keys that a vendor refuses or that have expired."""
    blocked = next(token_id for key, token_id in ids.items() if key.status is KeyStatus.BLOCKED)
    low = ids[next(key for key in KEYS if key.days_left is not None)]
    over = (
        (143, 0.2, Alert("outbox_stuck", "usage-outbox", "error",
                         "3 bookings wait in the queue usage-outbox and could not be replayed.", {"waiting": 3})),
        (96, 26, Alert("unmeasured_call", "gemini-3.5-flash-lite", "warning",
                       "2 calls of gemini-3.5-flash-lite ended without a report of their cost.",
                       {"calls": 2})),
        (58, 3.5, Alert("webhook_undelivered", KAVERI, "warning",
                        f"4 messages to the receiver of company {KAVERI} were given up: HTTP 503.",
                        {"company_id": KAVERI, "given_up": 4})),
        (31, 5, Alert("key_low", str(low), "warning",
                      f"Token {low} of company ALQASR has 41200 of 400000 tokens left; it is low below 50000.",
                      {"company_id": "ALQASR", "limit": 400_000, "threshold": 50_000, "remaining": 41_200})),
    )  # fmt: skip
    refused = Alert(
        "key_refused",
        str(blocked),
        "error",
        f"The provider refuses token {blocked} of company {KAVERI}: API key not valid. It is Blocked.",
        {"company_id": KAVERI, "reason": "invalid_key"},
    )
    for days, hours, alert in ((149, None, refused), *over):
        parts.database.run(lambda c, d=days, h=hours, a=alert: _once(c, parts, a, d, h))  # type: ignore[misc]
    expired = next(key.until for key in ids if key.status is KeyStatus.EXPIRED)
    marks = parts.database.read(past.marks)
    conditions.sync_key_alerts(parts.rollup)
    parts.database.run(lambda connection: past.move_since(connection, marks, parts.ago(days=expired)))


def leave_alerts(parts: Parts) -> None:
    """The conditions that the service itself finds in the data."""
    statuses.set_statuses(parts.rollup)
    conditions.sync_key_alerts(parts.rollup)
    companies.sync_company_alerts(parts.rollup)
    conditions.sync_model_alerts(parts.rollup)


def _once(connection: "Connection", parts: Parts, alert: Alert, days: float, hours: float | None) -> None:
    """Open a condition so many days ago, and close it so many hours later; None leaves it open."""
    marks = past.marks(connection)
    alerts.raise_alert(connection, alert)
    if hours is not None:
        alerts.close_alert(connection, alert.kind, alert.subject)
    past.move_since(connection, marks, parts.ago(days=days))
    if hours is not None:
        past.close_alerts_since(connection, marks, parts.ago(days=days, hours=-hours))


def deliver(connection: "Connection", parts: Parts) -> None:
    """Let messages have been taken, but for one that was given up and one that is tried again."""
    rows = webhook_deliveries.find_deliveries(connection, DeliveryFilter(), limit=_MOST)
    companies_rows = [row for row in rows if row.company_id]
    given_up = next((row for row in companies_rows[3:] if row.company_id == NORDWIND), None)
    for row in rows:
        state, status, error, attempts = _TAKEN
        if row is given_up:
            state, status, error, attempts = _GIVEN_UP
        elif companies_rows and row is companies_rows[0]:
            state, status, error, attempts = _WAITING
        ended = row.occurred_at + timedelta(seconds=2 if state == DELIVERED else 86_400)
        values = {
            "State": state,
            "LastStatus": status,
            "LastError": error,
            "Attempts": attempts,
            "FinishedAt": None if state == PENDING else ended,
            "NextAt": parts.ago(hours=-0.6) if state == PENDING else row.next_at,
        }
        past.end_delivery(connection, row.delivery_id, values)


def log(connection: "Connection", parts: Parts, calls: Sequence[tuple[datetime, str, Document]], seed: int) -> None:
    """Lines of the last days: of runs, of the timer, and of what went wrong."""
    lines = [*_of_runs(calls, parts.ago(days=6)), *_of_the_timer(parts, random.Random(seed))]  # noqa: S311 - no secret
    insert_logs(connection, sorted(lines, key=lambda line: line.timestamp))


def _of_runs(calls: Sequence[tuple[datetime, str, Document]], since: datetime) -> Iterator[LogEntry]:
    for moment, call_id, document in calls:
        if moment < since:
            continue
        name = "shared_code.extraction.service"
        if document.trouble == REJECTS or (document.answer is None and document.file_name.endswith(".pdf")):
            code = "PROVIDER_REJECTED" if document.trouble else "INVALID_FILE"
            text = f"not read: {code}; company {document.company_id!r}, file {document.file_name!r}"
            yield LogEntry(moment, "WARNING", "shared_code.extraction.failed_readings", text, call_id=call_id)
            continue
        method = "model" if document.answer else "embedded_xml"
        yield LogEntry(moment, "INFO", name, f"{document.file_name}: method {method}, read", None, "service",
                       "_extract", 124, call_id)  # fmt: skip


def _of_the_timer(parts: Parts, chance: random.Random) -> Iterator[LogEntry]:
    name, begun = "shared_code.rollup.run", parts.now.astimezone(UTC).replace(tzinfo=None)
    for number in range(60):
        at = begun - timedelta(minutes=5 * number, seconds=chance.uniform(1, 3))
        rows, took = chance.randrange(6), chance.randint(60, 240)
        text = f"rollup: fold {rows}/{rows}, set statuses 8/0, deliver webhooks {rows // 2}/{rows // 2}; {took} ms"
        yield LogEntry(at, "INFO", name, text, None, "run", "run_rollup", 118)
    trouble = (
        (0.6, "WARNING", "shared_code.webhooks.delivery",
         f"the receiver of company {NORDWIND} did not answer; its messages wait until the next try"),
        (3.1, "WARNING", "shared_code.extraction.key_effects",
         f"a key of company {KAVERI} rests: the vendor asks for a pause (HTTP 429)"),
        (9.4, "ERROR", "shared_code.webhooks.delivery", "a message was given up after 12 tries: HTTP 503"),
        (15.2, "WARNING", "shared_code.database.connection", "a login was dropped by the server; tried again"),
    )  # fmt: skip
    for hours, level, logger, text in trouble:
        yield LogEntry(begun - timedelta(hours=hours), level, logger, text)
