"""What the diagnoses of the three backends share: questions to the database, remarks, and what could not be seen.

A question that the login may not ask, or that this server does not know, is noted as not visible and the diagnosis
goes on. Nothing here changes data.
"""

import shutil
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, Protocol

from sqlalchemy import Connection, Index, inspect, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import CreateIndex

from shared_code.database.diagnosis.refusals import Kind, denied_tables, grant_statements, kind_of
from shared_code.database.error_causes import classify
from shared_code.database.tables import SCHEMA, metadata
from shared_code.observability.redaction import redact

Severity = Literal["info", "warning", "critical"]
Facts = dict[str, Any]

_MAX_REASON_CHARACTERS = 300
_MAX_QUERY_CHARACTERS = 300
INT_MAX = 2_147_483_647


@dataclass(frozen=True, slots=True)
class Limits:
    """From where on something is remarked.

    :ivar long_transaction_seconds: age of an open transaction.
    :ivar full_percent: share of a disk or of a database's largest size.
    :ivar busy_percent: share of what the service tier allows.
    """

    long_transaction_seconds: int = 60
    full_percent: float = 90.0
    busy_percent: float = 80.0


@dataclass(slots=True)
class Probe:
    """Asks on one connection and collects what is found.

    :ivar area: the section that is being filled, for remarks.
    """

    connection: Connection
    area: str
    limits: Limits
    remarks: list[Facts] = field(default_factory=list)
    hidden: list[dict[str, str]] = field(default_factory=list)

    def ask(
        self, what: str, statement: str, *, remedy: str = "", noted: bool = True, **parameters: Any
    ) -> list[Facts] | None:
        """The rows as JSON-ready dicts; None, and a note unless ``noted`` is off, when they cannot be had.

        Texts in a column ``query`` are statements of others: they are masked and cut.

        :param what: name of the question for the note.
        :param remedy: what would make it visible.
        :raises sqlalchemy.exc.DBAPIError: the connection is lost, or the database is away.
        """
        try:
            # PostgreSQL would refuse all further questions after a failed one; the others need no savepoint.
            guarded = self.connection.dialect.name == "postgresql"
            with self.connection.begin_nested() if guarded else nullcontext():
                rows = self.connection.execute(text(statement), parameters).mappings().all()
        except DBAPIError as error:
            failure = classify(error)
            if failure.disconnect or failure.transient:
                raise
            if noted:
                self.hide(what, _reason(error, failure.number), remedy)
            return None
        return [
            {name: short(value) if name == "query" else plain(value) for name, value in row.items()} for row in rows
        ]

    def ask_one(self, what: str, statement: str, *, remedy: str = "", **parameters: Any) -> Facts:
        """The first row, or no facts."""
        rows = self.ask(what, statement, remedy=remedy, **parameters)
        return rows[0] if rows else {}

    def hide(self, what: str, reason: str, remedy: str) -> None:
        """Note that something cannot be seen."""
        self.hidden.append({"what": what, "reason": reason, "remedy": remedy})

    def remark(self, severity: Severity, message: str, remedy: str, *, area: str | None = None) -> None:
        """Note that something is not as it should be, and what to do; ``area`` where it belongs to another section."""
        self.remarks.append({"severity": severity, "area": area or self.area, "message": message, "remedy": remedy})


class Backend(Protocol):
    """The questions of one backend, by the seed's four sections. Each returns facts and leaves remarks in the probe."""

    def connection(self, probe: Probe) -> Facts:
        """Server, login, sessions."""

    def performance(self, probe: Probe) -> Facts:
        """Load, slow statements, long transactions."""

    def schema(self, probe: Probe) -> Facts:
        """Tables, rows, sizes."""

    def indexes(self, probe: Probe) -> Facts:
        """Missing, unused and broken indexes."""


def expected_schema(probe: Probe) -> Facts:
    """Tables and columns that this code needs and the database lacks, and tables that this login may not read."""
    schema = None if probe.connection.dialect.name == "sqlite" else SCHEMA
    inspector = inspect(probe.connection)
    present = {
        (wanted, name): {column["name"] for column in inspector.get_columns(name, schema=wanted)}
        for wanted in {schema, None}
        for name in inspector.get_table_names(schema=wanted)
        if name in {table.name for table in metadata.sorted_tables}
    }
    denied = _denied_tables(probe)
    missing_tables, missing_columns = [], []
    for table in metadata.sorted_tables:
        columns = present.get((schema if table.schema else None, table.name))
        if columns is None and table.name not in denied:
            missing_tables.append(table.name)
        elif columns is not None:
            missing_columns += [f"{table.name}.{column.name}" for column in table.columns if column.name not in columns]
    if missing_tables or missing_columns:
        probe.remark(
            "critical",
            "The database lacks: " + ", ".join(missing_tables + missing_columns),
            "Run 'python manage.py db upgrade'",
        )
    return {"missing_tables": missing_tables, "missing_columns": missing_columns, "denied_tables": denied}


def _denied_tables(probe: Probe) -> list[str]:
    """Those that are there and that this login may not read."""
    denied = denied_tables(probe.connection)
    names = [table.name for table in denied]
    if denied:
        probe.remark(
            "critical",
            f"This login has no permission to read: {', '.join(names)}",
            f"As an administrator: {grant_statements(probe.connection, denied)}",
        )
    return names


def index_facts(probe: Probe, rows: Iterable[Facts] | None) -> Facts:
    """How many indexes there are, and those that this code relies on and the database lacks.

    :param rows: every index by its ``name``; None when they cannot be seen.
    """
    if rows is None:
        return {"count": None, "missing": []}
    names = {str(row["name"]) for row in rows}
    have = {name.lower() for name in names}
    missing = []
    for table in metadata.sorted_tables:
        for index in sorted(table.indexes, key=lambda item: str(item.name)):
            if str(index.name).lower() not in have:
                statement = _create_statement(probe.connection, index)
                missing.append({"table": table.name, "index": str(index.name), "create": statement})
                probe.remark(
                    "critical" if index.unique else "warning",
                    f"Index {index.name} on {table.name} is missing"
                    + (": bookings or claims could double" if index.unique else ""),
                    statement,
                )
    return {"count": len(names), "missing": missing}


def remark_transactions(probe: Probe, rows: list[Facts] | None, *, remedy: str) -> list[Facts]:
    """Remark each open transaction in ``rows`` (``session``, ``seconds``) and return them."""
    for row in rows or []:
        probe.remark(
            "warning",
            f"A transaction of session {row['session']} has been open for {row['seconds']:.0f} s",
            remedy.format(session=row["session"]),
        )
    return rows or []


def remark_numbers(probe: Probe, rows: list[Facts] | None) -> None:
    """Remark running numbers (``name``, ``last``) of type INT that are nearly used up."""
    for row in rows or []:
        if row["last"] is not None and row["last"] > INT_MAX * probe.limits.busy_percent / 100:
            probe.remark(
                "critical",
                f"The running number of {row['name']} is at {row['last']} of {INT_MAX}",
                "Shorten the retention of that table, and widen the column to BIGINT before it is used up",
            )


def short(query: Any) -> str:
    """A statement's text for people: one line, masked, cut."""
    return redact(" ".join(str(query or "").split()))[:_MAX_QUERY_CHARACTERS]


def plain(value: Any) -> Any:
    """A database value as JSON knows it."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    return value


def inspect_disk(probe: Probe, folder: Path) -> Facts:
    """How full the disk of a folder on this machine is, with a remark when it nearly is."""
    disk = shutil.disk_usage(folder)
    # As df counts: what is kept for the system is neither used nor free.
    used = disk.used / max(disk.used + disk.free, 1) * 100
    remark_fullness(
        probe,
        "The disk that holds the database",
        used,
        "Free space there, or shorten the RETAIN_* settings and let the timer prune",
    )
    return {"used_percent": round(used, 1), "free_megabytes": disk.free // 1_048_576}


def remark_fullness(probe: Probe, what: str, used_percent: float, remedy: str) -> None:
    """Remark a disk or database that is nearly full."""
    if used_percent >= probe.limits.full_percent:
        probe.remark("critical", f"{what} is {used_percent:.0f} % full", remedy)


def _create_statement(connection: Connection, index: Index) -> str:
    schema_map = {SCHEMA: None} if connection.dialect.name == "sqlite" else {}
    made = CreateIndex(index).compile(
        dialect=connection.dialect,
        schema_translate_map=schema_map,
        render_schema_translate=bool(schema_map),
    )
    return " ".join(str(made).split())


def _reason(error: DBAPIError, number: str) -> str:
    kind = kind_of(error)
    if kind is Kind.DENIED:
        return f"This login may not see it (error {number})"
    words = " ".join(str(error.orig).split())
    beginning = "There is no such thing here" if kind is Kind.MISSING else "This server does not answer it"
    return redact(f"{beginning}: {words}")[:_MAX_REASON_CHARACTERS]


def ratio(part: Any, whole: Any) -> float | None:
    """``part / whole`` rounded, or None without a whole."""
    return round(float(part) / float(whole), 4) if whole else None


def by(rows: list[Facts] | None, key: str, value: str) -> Mapping[str, Any]:
    """Rows of two columns as a mapping."""
    return {str(row[key]): row[value] for row in rows or []}
