"""The alerts about dropped files and jobs, and the sweep's memory of its tries, which the alerts hold.

``blob_failed``: the file cannot be read as it is. ``blob_poisoned``: a passing cause kept it from being read; the
alert's details are the :class:`RetryState`. ``job_poisoned`` is the same of a job.
"""

import logging
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from shared_code.blobs.names import alert_subject, version_label
from shared_code.database.connection import repeatable
from shared_code.database.stores.extractions import blob_answers
from shared_code.database.stores.keys import tokens
from shared_code.database.stores.operations import alerts
from shared_code.errors import (
    LimitUsedUp,
    ProviderRateLimited,
    QuotaExceeded,
    ServiceError,
    TokenExpired,
    TokenNotFound,
    TokenUnavailable,
)
from shared_code.observability.telemetry import telemetry
from shared_code.operations.alerts import raise_alert
from shared_code.records import Alert

if TYPE_CHECKING:
    from shared_code.blobs.store import SourceVersion
    from shared_code.database.connection import Database

_log = logging.getLogger(__name__)

#: codes of files that could be read if only their company had a usable key, or one with room. A limit that resets is
#: no such code: it is a passing cause, and has no ``blob_failed``.
WITHOUT_KEY = frozenset({TokenNotFound.code, TokenExpired.code, TokenUnavailable.code, LimitUsedUp.code})
FAILED = "blob_failed"
POISONED = "blob_poisoned"
#: seconds that a file's way waits for the database to take a note
_NOTE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class RetryState:
    """How often the sweep has tried a blob, and when it does so next. Moments are aware, UTC.

    ``message`` is what the last refusal said; ``until`` is when the limit that it waits for ends, as far as known.
    """

    blob: str
    etag: str
    first_at: datetime
    next_at: datetime
    tries: int = 0
    code: str | None = None
    given_up: bool = False
    message: str | None = None
    until: datetime | None = None

    def failed(self, error: ServiceError, *, now: datetime, pause: timedelta) -> "RetryState":
        """After one more try that did not help."""
        return replace(
            self,
            tries=self.tries + 1,
            code=error.code,
            message=error.message,
            next_at=now + pause,
            until=limit_ends(error, now),
        )

    def details(self) -> dict[str, Any]:
        """As the alert's JSON facts."""
        moments = {"first_at": self.first_at, "next_at": self.next_at, "until": self.until}
        return {**asdict(self), **{name: moment and moment.isoformat() for name, moment in moments.items()}}

    @classmethod
    def read(cls, details: Mapping[str, Any]) -> "RetryState | None":
        """From an alert's facts; None when a person has written them anew."""
        try:
            return _RETRY_STATE.validate_python(dict(details))
        except ValidationError:
            return None


def limit_ends(error: ServiceError, now: datetime) -> datetime | None:
    """When the limit that refused a file ends (aware, UTC); None for every other refusal, and where nobody knows."""
    if not isinstance(error, QuotaExceeded | ProviderRateLimited) or error.retry_after is None:
        return None
    return now + timedelta(seconds=error.retry_after)


_RETRY_STATE = TypeAdapter(RetryState)


@dataclass(frozen=True, slots=True)
class MissedKey:
    """A file that failed for want of a usable key.

    :ivar company_id: in upper case; '' when the alert does not say it.
    :ivar tried_with: the company's keys when it last failed though there were some; see :meth:`BlobAlerts.usable_keys`.
    """

    blob: str
    company_id: str
    tried_with: str | None


@dataclass(frozen=True, slots=True)
class Kinds:
    """Names of the two conditions for one kind of work. ``after`` says what can be done with what was given up."""

    failed: str
    poisoned: str
    after: str


@dataclass(frozen=True, slots=True)
class BlobAlerts:
    """Opens and closes the two conditions."""

    database: "Database"
    kinds: Kinds = Kinds(FAILED, POISONED, "`manage.py blobs retry` drives it again")

    def failed(self, name: str, *, etag: str, code: str, message: str, company_id: str) -> None:
        """A file cannot be read as it is; a person has to look at it."""
        raise_alert(
            self.database,
            Alert(
                kind=self.kinds.failed,
                subject=alert_subject(name),
                severity="warning",
                message=f"{name} could not be processed ({code}): {message}",
                details={"blob": name, "etag": etag, "code": code, "company_id": company_id},
            ),
        )

    def poisoned(self, state: RetryState) -> None:
        """A file has no result for a passing cause."""
        if state.given_up:
            what = f"was given up after {state.tries} tries; {self.kinds.after}"
        elif state.until is not None:
            what = f"waits for a limit that ends at {state.until:%Y-%m-%d %H:%M} UTC and is driven again by itself"
        elif state.tries:
            what = f"is still without a result after {state.tries} more tries; next at {state.next_at:%H:%M:%S} UTC"
        else:
            what = "failed as often as the platform tries; it is driven again by itself"
        cause = f" ({state.code})" if state.code else ""
        raise_alert(
            self.database,
            Alert(
                kind=self.kinds.poisoned,
                subject=alert_subject(state.blob),
                severity="error",
                message=f"{state.blob} {what}{cause}.",
                details=state.details(),
            ),
        )

    def retry_states(self) -> dict[str, RetryState]:
        """The memory of all poisoned blobs, by name."""
        found = self.database.read(lambda connection: alerts.open_alerts(connection, kind=self.kinds.poisoned))
        states = (RetryState.read(alert.details) for alert in found)
        return {state.blob: state for state in states if state is not None}

    def failures(self) -> dict[str, str]:
        """Blobs with an open ``blob_failed``: name to the ETag of the version that failed."""
        found = self.database.read(lambda connection: alerts.open_alerts(connection, kind=self.kinds.failed))
        return {
            str(alert.details["blob"]): str(alert.details.get("etag")) for alert in found if "blob" in alert.details
        }

    def without_key(self) -> list[MissedKey]:
        """The files that failed for want of a usable key."""
        found = self.database.read(lambda connection: alerts.open_alerts(connection, kind=self.kinds.failed))
        return [
            MissedKey(str(facts["blob"]), str(facts.get("company_id") or ""), facts.get("tried_with"))
            for facts in (alert.details for alert in found)
            if facts.get("code") in WITHOUT_KEY and facts.get("blob")
        ]

    def usable_keys(self) -> dict[str, str]:
        """Companies that have a usable key: a text that changes with their keys."""
        return self.database.read(tokens.usable_by_company)

    def note_keys(self, name: str, keys: str) -> None:
        """Remember with which keys a file failed for want of one: another try makes sense once they have changed."""
        self.database.run(
            lambda connection: alerts.add_facts(
                connection, self.kinds.failed, alert_subject(name), {"tried_with": keys}
            ),
            on_unknown=repeatable,
        )

    def close(self, name: str, kind: str) -> None:
        """Close the alert. Without the database it stays open until the next sweep."""
        subject = alert_subject(name)
        try:
            closed = self.database.run(
                lambda connection: alerts.close_alert(connection, kind, subject),
                budget_seconds=_NOTE_SECONDS,
                on_unknown=repeatable,
            )
        except ServiceError as error:
            _log.warning("alert %s of %r could not be closed: %s", kind, name, error.code)
            return
        if closed:
            _log.info("alert %s (%s) is over", kind, subject)
            telemetry().event("alert_closed", kind=kind, subject=subject)

    def result_written(self, version: "SourceVersion") -> None:
        """Remember that the result of a version was written.

        Without the database that is forgotten, and a result that is taken away soon after comes back once.
        """
        label = version_label(version.name, version.etag)
        try:
            self.database.run(
                lambda connection: blob_answers.note_written(connection, label),
                budget_seconds=_NOTE_SECONDS,
                on_unknown=repeatable,
            )
        except ServiceError as error:
            _log.warning("it could not be noted that the result of %r was written: %s", version.name, error.code)

    def stored_result(self, version: "SourceVersion") -> blob_answers.StoredResult | None:
        """The reading of this very version that is paid for and stored; None when there is none."""
        label = version_label(version.name, version.etag)
        return self.database.read(lambda connection: blob_answers.stored_result(connection, label))

    def answered(self, versions: "Collection[SourceVersion]", *, since_seconds: int) -> set[str]:
        """Names of the versions whose answer was written, whatever became of the file since then."""
        labels = {version_label(version.name, version.etag): version.name for version in versions}
        subjects = {(alert_subject(version.name), version.etag): version.name for version in versions}
        written = self.database.read(
            lambda connection: blob_answers.written_labels(connection, list(labels), since_seconds=since_seconds)
        )
        refused = self.database.read(
            lambda connection: blob_answers.failed_versions(
                connection, [subject for subject, _ in subjects], kind=self.kinds.failed
            )
        )
        return {labels[label] for label in written} | {subjects[key] for key in refused if key in subjects}
