"""The database's own clock, as SQL: leases and stamps must not depend on the clocks of many instances.

All moments are naive UTC on every backend.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import DateTime
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class utc_now(FunctionElement[datetime]):  # noqa: N801 - reads as the SQL function that it is
    """Now, in UTC, by the database's clock."""

    type = DateTime()
    inherit_cache = True


class utc_in(FunctionElement[datetime]):  # noqa: N801
    """Now plus a number of seconds (an int or a bound parameter): ``utc_in(260)``; negative looks back."""

    type = DateTime()
    inherit_cache = True


@compiles(utc_now, "sqlite")
def _now_sqlite(_element: utc_now, _compiler: SQLCompiler, **_: Any) -> str:
    # Six digits after the point, as SQLAlchemy stores datetimes, so that text order is time order.
    return "(strftime('%Y-%m-%d %H:%M:%f', 'now') || '000')"


@compiles(utc_now, "postgresql")
def _now_postgresql(_element: utc_now, _compiler: SQLCompiler, **_: Any) -> str:
    # The statement's start, not the transaction's: a long wait for a lock must not shorten a lease.
    return "timezone('utc', statement_timestamp())"


@compiles(utc_now, "mssql")
def _now_mssql(_element: utc_now, _compiler: SQLCompiler, **_: Any) -> str:
    return "SYSUTCDATETIME()"


@compiles(utc_in, "sqlite")
def _in_sqlite(element: utc_in, compiler: SQLCompiler, **kw: Any) -> str:
    seconds = compiler.process(element.clauses, **kw)
    return f"(strftime('%Y-%m-%d %H:%M:%f', 'now', {seconds} || ' seconds') || '000')"


@compiles(utc_in, "postgresql")
def _in_postgresql(element: utc_in, compiler: SQLCompiler, **kw: Any) -> str:
    return f"(timezone('utc', statement_timestamp()) + {compiler.process(element.clauses, **kw)} * interval '1 second')"


@compiles(utc_in, "mssql")
def _in_mssql(element: utc_in, compiler: SQLCompiler, **kw: Any) -> str:
    return f"DATEADD(second, {compiler.process(element.clauses, **kw)}, SYSUTCDATETIME())"
