"""Which versions of dropped files were answered before, from the rows that an answer leaves behind.

A consumer may take a result file away as soon as it has read it. That must not bring the invoice in a second time, so
a missing file alone is no proof that a blob was never answered.
"""

import json
from collections.abc import Sequence
from itertools import batched

from sqlalchemy import Connection, select

from shared_code.database.clock import utc_in
from shared_code.database.tables import alerts, token_usage_logs
from shared_code.records import UsageKind

#: parameters of one statement
_BATCH = 500


def booked_labels(connection: Connection, labels: Sequence[str], *, since_seconds: int) -> set[str]:
    """Those request ids under which a document was booked in the last ``since_seconds``."""
    logs = token_usage_logs
    found: set[str] = set()
    for batch in batched(labels, _BATCH, strict=False):
        statement = select(logs.c.RequestID).where(
            logs.c.LoggedAt >= utc_in(-since_seconds),
            logs.c.Kind == UsageKind.USAGE.value,
            logs.c.RequestID.in_(batch),
        )
        found.update(row.RequestID for row in connection.execute(statement))
    return found


def failed_versions(connection: Connection, subjects: Sequence[str], *, kind: str) -> set[tuple[str, str]]:
    """(subject, ETag) of every alert of a kind about these subjects, open or closed."""
    found: set[tuple[str, str]] = set()
    for batch in batched(subjects, _BATCH, strict=False):
        statement = select(alerts.c.Subject, alerts.c.Details).where(alerts.c.Kind == kind, alerts.c.Subject.in_(batch))
        for row in connection.execute(statement):
            found.add((row.Subject, str(json.loads(row.Details or "{}").get("etag"))))
    return found
