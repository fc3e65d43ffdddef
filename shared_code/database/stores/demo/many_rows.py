"""Adds many rows at once."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Table, insert

#: parameters that one statement may have on Azure SQL, with some to spare
_PARAMETERS = 2_000


def insert_rows(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Add rows, many with one statement: Azure SQL's driver sends sets of parameters one by one."""
    if not rows:
        return
    if connection.dialect.name != "mssql":
        connection.execute(insert(table), rows)
        return
    most = _PARAMETERS // len(rows[0])
    for start in range(0, len(rows), most):
        connection.execute(insert(table).values(rows[start : start + most]))
