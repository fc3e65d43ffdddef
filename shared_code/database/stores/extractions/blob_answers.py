"""Which versions of dropped files have their answer, from the rows that an answer leaves behind.

A consumer may take a result file away as soon as it has read it. That must not bring the invoice in a second time, so
a missing file alone is no proof that a blob was never answered: each result that was written leaves a row here. A
version that was booked and has no such row has lost its result; its reading is stored with the claim.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import batched

from sqlalchemy import Connection, and_, case, insert, select
from sqlalchemy.exc import IntegrityError

from shared_code.database.clock import utc_in
from shared_code.database.stores.extractions.readings import DONE
from shared_code.database.stores.operations.json_facts import read_facts
from shared_code.database.stores.operations.rows_by_age import Expiring
from shared_code.database.tables import alerts, extractions, reviews, token_usage_logs, written_results
from shared_code.records import Source, UsageKind

EXPIRING = Expiring(written_results.c.WrittenResultID, written_results.c.WrittenAt)
#: The label of a row from the moment at which this table was made. What was booked before it counts as written: its
#: result left no row.
BEGIN = "begin"
#: parameters of one statement
_BATCH = 500
#: days after which a stored reading is no longer looked for under a blob's label: the sweep tries a blob for one
_STORED_DAYS = 3
_SECONDS_PER_DAY = 86_400


def note_written(connection: Connection, label: str) -> None:
    """Note that the result of a version was written; again is no harm."""
    try:
        with connection.begin_nested():
            connection.execute(insert(written_results).values(Label=label))
    except IntegrityError:  # it was written before
        pass


def written_labels(connection: Connection, labels: Sequence[str], *, since_seconds: int) -> set[str]:
    """Those labels of versions whose result was written in the last ``since_seconds``."""
    logs, written = token_usage_logs, written_results
    began = select(written.c.WrittenAt).where(written.c.Label == BEGIN).scalar_subquery()
    found: set[str] = set()
    for batch in batched(labels, _BATCH, strict=False):
        noted = select(written.c.Label).where(written.c.Label.in_(batch))
        found.update(connection.execute(noted).scalars())
        booked_before = select(logs.c.RequestID).where(
            logs.c.LoggedAt >= utc_in(-since_seconds),
            logs.c.LoggedAt < began,
            logs.c.Kind == UsageKind.USAGE.value,
            logs.c.RequestID.in_(batch),
        )
        found.update(connection.execute(booked_before).scalars())
    return found


def labels_of(connection: Connection, company_id: str, sha256: str) -> set[str]:
    """The labels of the versions of dropped files that were booked as this document of a company."""
    logs = token_usage_logs
    booked = select(logs.c.RequestID).where(
        logs.c.CompanyID == company_id,
        logs.c.DocumentSha256 == sha256,
        logs.c.Source == Source.BLOB.value,
        logs.c.RequestID.is_not(None),
    )
    return set(connection.execute(booked.distinct()).scalars())


@dataclass(frozen=True, slots=True)
class StoredResult:
    """A reading with its result as JSON text. ``reading_id`` is None when an earlier version wrote it beside us.

    ``late_verdict`` is what a late finding says of the result, ``corrected_values`` what persons made of its values, as
    JSON texts.
    """

    reading_id: str | None
    supersedes: str | None
    result: str
    evidence: bytes | None = None
    evidence_version: int | None = None
    late_verdict: str | None = None
    review_state: str | None = None
    corrected_values: str | None = None


def stored_result(connection: Connection, label: str) -> StoredResult | None:
    """The reading that the label's own run has stored, else (it gave a cached answer) the newest of the document."""
    logs, results = token_usage_logs, extractions
    same = and_(results.c.CompanyID == logs.c.CompanyID, results.c.DocumentSha256 == logs.c.DocumentSha256)
    statement = (
        select(
            results.c.PublicID,
            results.c.SupersedesID,
            results.c.Result,
            results.c.Evidence,
            results.c.EvidenceVersion,
            results.c.LateVerdict,
            reviews.c.State,
            reviews.c.CorrectedValues,
        )
        .select_from(logs.join(results, same).outerjoin(reviews, reviews.c.ReadingID == results.c.PublicID))
        .where(
            logs.c.RequestID == label,
            logs.c.Kind == UsageKind.USAGE.value,
            logs.c.LoggedAt >= utc_in(-_STORED_DAYS * _SECONDS_PER_DAY),
            results.c.State == DONE,
            results.c.Result.is_not(None),
        )
        # Others of the document may be of another model, or with lines.
        .order_by(case((results.c.CallID == logs.c.CallID, 0), else_=1), results.c.FinishedAt.desc())
        .limit(1)
    )
    row = connection.execute(statement).first()
    return None if row is None else StoredResult(*row)


def failed_versions(connection: Connection, subjects: Sequence[str], *, kind: str) -> set[tuple[str, str]]:
    """(subject, ETag) of every alert of a kind about these subjects, open or closed."""
    found: set[tuple[str, str]] = set()
    for batch in batched(subjects, _BATCH, strict=False):
        statement = select(alerts.c.Subject, alerts.c.Details).where(alerts.c.Kind == kind, alerts.c.Subject.in_(batch))
        for row in connection.execute(statement):
            found.add((row.Subject, str((read_facts(row.Details) or {}).get("etag"))))
    return found
