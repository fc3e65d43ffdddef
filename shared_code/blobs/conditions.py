"""What operators are told of dropped files: ``blob_failed`` (cannot be read as it is) and ``blob_poisoned`` (a passing
cause kept it from being read). The open alert of a poisoned blob is also the sweep's memory of its tries.
"""  # noqa: D205 - one sentence that needs two lines

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from shared_code.blobs.names import alert_subject
from shared_code.database.connection import repeatable
from shared_code.database.stores import alerts, blob_answers
from shared_code.errors import ServiceError
from shared_code.observability.telemetry import telemetry
from shared_code.records import Alert

if TYPE_CHECKING:
    from collections.abc import Collection

    from shared_code.database.connection import Database
    from shared_code.metering.ledger import Ledger

_log = logging.getLogger(__name__)

FAILED = "blob_failed"
POISONED = "blob_poisoned"
_CLOSE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Tries:
    """How often the sweep has driven a blob, and when it does so next. Moments are aware, UTC."""

    blob: str
    etag: str
    first_at: datetime
    next_at: datetime
    count: int = 0
    code: str | None = None
    given_up: bool = False

    def failed(self, code: str, *, now: datetime, pause: timedelta) -> "Tries":
        """After one more try that did not help."""
        return replace(self, count=self.count + 1, code=code, next_at=now + pause)

    def details(self) -> dict[str, Any]:
        """As the alert's JSON facts."""
        return {
            "blob": self.blob,
            "etag": self.etag,
            "first_at": self.first_at.isoformat(),
            "next_at": self.next_at.isoformat(),
            "tries": self.count,
            "code": self.code,
            "given_up": self.given_up,
        }

    @classmethod
    def read(cls, details: Mapping[str, Any]) -> "Tries | None":
        """From an alert's facts; None when a person has written them anew."""
        try:
            return cls(
                blob=str(details["blob"]),
                etag=str(details["etag"]),
                first_at=datetime.fromisoformat(details["first_at"]),
                next_at=datetime.fromisoformat(details["next_at"]),
                count=int(details["tries"]),
                code=details.get("code"),
                given_up=bool(details.get("given_up")),
            )
        except (KeyError, TypeError, ValueError):
            return None


class BlobAlerts:
    """Opens and closes the two conditions."""

    def __init__(self, ledger: "Ledger", database: "Database") -> None:
        self._ledger = ledger
        self._database = database

    def failed(self, name: str, *, etag: str, code: str, message: str) -> None:
        """A file cannot be read as it is; a person has to look at it."""
        self._ledger.alert(
            Alert(
                kind=FAILED,
                subject=alert_subject(name),
                severity="warning",
                message=f"{name} could not be processed ({code}): {message}",
                details={"blob": name, "etag": etag, "code": code},
            )
        )

    def poisoned(self, tries: Tries) -> None:
        """A file has no result for a passing cause."""
        if tries.given_up:
            what = f"was given up after {tries.count} tries; `manage.py blobs retry` drives it again"
        elif tries.count:
            what = f"is still without a result after {tries.count} more tries; next at {tries.next_at:%H:%M:%S} UTC"
        else:
            what = "failed as often as the platform tries; it is driven again by itself"
        cause = f" ({tries.code})" if tries.code else ""
        self._ledger.alert(
            Alert(
                kind=POISONED,
                subject=alert_subject(tries.blob),
                severity="error",
                message=f"{tries.blob} {what}{cause}.",
                details=tries.details(),
            )
        )

    def tries(self) -> dict[str, Tries]:
        """The memory of all poisoned blobs, by name."""
        found = self._database.read(lambda connection: alerts.open_alerts(connection, kind=POISONED))
        read = (Tries.read(alert.details) for alert in found)
        return {tries.blob: tries for tries in read if tries is not None}

    def failures(self) -> dict[str, str]:
        """Blobs with an open ``blob_failed``: name to the ETag of the version that failed."""
        found = self._database.read(lambda connection: alerts.open_alerts(connection, kind=FAILED))
        return {
            str(alert.details["blob"]): str(alert.details.get("etag")) for alert in found if "blob" in alert.details
        }

    def close(self, name: str, kind: str) -> None:
        """The condition has ended. A database that is away leaves it to the next sweep."""
        subject = alert_subject(name)
        try:
            closed = self._database.run(
                lambda connection: alerts.close_alert(connection, kind, subject),
                budget_seconds=_CLOSE_SECONDS,
                on_unknown=repeatable,
            )
        except ServiceError as error:
            _log.warning("alert %s of %r could not be closed: %s", kind, name, error.code)
            return
        if closed:
            _log.info("alert %s (%s) is over", kind, subject)
            telemetry().event("alert_closed", kind=kind, subject=subject)

    def answered(self, versions: "Mapping[str, tuple[str, str]]", *, since_seconds: int) -> "Collection[str]":
        """Names whose version was answered before, whatever became of the result file since then.

        :param versions: name to (request label, ETag) of the version in question.
        """
        labels = {label: name for name, (label, _) in versions.items()}
        subjects = {(alert_subject(name), etag): name for name, (_, etag) in versions.items()}
        booked = self._database.read(
            lambda connection: blob_answers.booked_labels(connection, list(labels), since_seconds=since_seconds)
        )
        refused = self._database.read(
            lambda connection: blob_answers.failed_versions(
                connection, [subject for subject, _ in subjects], kind=FAILED
            )
        )
        return {labels[label] for label in booked} | {subjects[key] for key in refused if key in subjects}
