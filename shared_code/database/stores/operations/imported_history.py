"""Lines of the log and failed attempts that another database held: added once, told by an id made of what they say."""

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, Table, select

from shared_code.database.stores.operations.logs import LogEntry, insert_logs
from shared_code.database.stores.operations.retries import insert_retries
from shared_code.database.tables import application_logs, retry_attempts
from shared_code.records import RetryAttempt


def known_lines(connection: Connection, call_ids: Collection[str]) -> set[str]:
    """Those of up to 1,000 ids under which a line of the log is here."""
    return _known(connection, application_logs, call_ids)


def known_attempts(connection: Connection, call_ids: Collection[str]) -> set[str]:
    """Those of up to 1,000 ids under which a failed attempt is here."""
    return _known(connection, retry_attempts, call_ids)


def add_lines(connection: Connection, entries: Sequence[LogEntry]) -> int:
    """Add those that are not here, each with its ``call_id``; returns how many those were."""
    known = known_lines(connection, [entry.call_id or "" for entry in entries])
    new = [entry for entry in entries if entry.call_id not in known]
    insert_logs(connection, new)
    return len(new)


def add_attempts(connection: Connection, attempts: Sequence[RetryAttempt]) -> int:
    """The same for failed attempts."""
    known = known_attempts(connection, [attempt.call_id or "" for attempt in attempts])
    new = [attempt for attempt in attempts if attempt.call_id not in known]
    insert_retries(connection, new)
    return len(new)


def _known(connection: Connection, table: Table, call_ids: Collection[str]) -> set[str]:
    if not call_ids:
        return set()
    return set(connection.execute(select(table.c.CallID).where(table.c.CallID.in_(call_ids))).scalars())
