"""Readings with their results, for exports: of each document what is valid now, the newest first."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, func, literal, select

from shared_code.database.stores.extractions.extraction_lists import StoredExtraction
from shared_code.database.stores.extractions.late_findings import judged_result
from shared_code.database.stores.extractions.readings import DONE
from shared_code.database.stores.operations.rows_by_age import matching, newest
from shared_code.database.stores.row_records import from_row
from shared_code.database.tables import extractions, reviews

table = extractions
#: no table shows the evidence
_READ = [column for column in table.c if column.name != "Evidence"]
_later = extractions.alias("later")

#: not erased, and not read anew: what a later reading took the place of would be counted twice
_VALID = (
    table.c.ErasedAt.is_(None),
    ~select(literal(1))
    .where(
        _later.c.CompanyID == table.c.CompanyID,
        _later.c.DocumentSha256 == table.c.DocumentSha256,
        _later.c.SupersedesID == table.c.PublicID,
        _later.c.State == DONE,
    )
    .exists(),
)


@dataclass(frozen=True, slots=True)
class ExportFilter:
    """Which readings: ``company_id`` in upper case; from ``since`` until ``until`` (naive UTC); done or failed."""

    company_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    state: str | None = None


def find_results(
    connection: Connection, wanted: ExportFilter, *, before_id: int | None = None, limit: int = 100
) -> list[StoredExtraction]:
    """The newest matching readings with results and errors; ``before_id`` is where the last page ended."""
    read = select(*_READ, reviews.c.CorrectedValues).select_from(
        table.outerjoin(reviews, reviews.c.ReadingID == table.c.PublicID)
    )
    statement = newest(_wanted(read, wanted), table.c.ExtractionID, before_id=before_id, limit=limit)
    return [
        from_row(StoredExtraction, row, id=row.PublicID, result=_result(row), error=_json(row.Error))
        for row in connection.execute(statement)
    ]


def count_results(connection: Connection, wanted: ExportFilter) -> int:
    """How many readings match."""
    found: int = connection.execute(_wanted(select(func.count()).select_from(table), wanted)).scalar_one()
    return found


def _wanted(statement: Select[Any], wanted: ExportFilter) -> Select[Any]:
    statement = matching(statement, {table.c.CompanyID: wanted.company_id, table.c.State: wanted.state}).where(*_VALID)
    if wanted.since is not None:
        statement = statement.where(table.c.CreatedAt >= wanted.since)
    return statement if wanted.until is None else statement.where(table.c.CreatedAt < wanted.until)


def _result(row: Row[Any]) -> dict[str, Any] | None:
    return judged_result(row.Result, row.LateVerdict) if row.Result else None


def _json(text: str | None) -> dict[str, Any] | None:
    facts: dict[str, Any] | None = json.loads(text) if text else None
    return facts
