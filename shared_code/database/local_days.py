"""The calendar day of a stored moment, as SQL: many rows get their day without passing through Python.

All moments are naive UTC. The offset of a zone comes from Python, whose time zone data are the same on all backends.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, DateTime
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class in_seconds(FunctionElement[datetime]):  # noqa: N801 - reads as the SQL function that it is
    """A moment that compares with whole seconds. On SQLite NULL when the stored text is no date and time."""

    type = DateTime()
    inherit_cache = True


class day_at(FunctionElement[date]):  # noqa: N801
    """The day of a moment for a clock that is so many seconds ahead of UTC: ``day_at(moment, 19800)``."""

    type = Date()
    inherit_cache = True


@compiles(in_seconds)
def _as_it_is(element: in_seconds, compiler: SQLCompiler, **kw: Any) -> str:
    return compiler.process(element.clauses, **kw)


@compiles(in_seconds, "sqlite")
def _seconds_sqlite(element: in_seconds, compiler: SQLCompiler, **kw: Any) -> str:
    # People's statements write moments in more than one way; cut, because strftime rounds the last millisecond up.
    return f"strftime('%Y-%m-%d %H:%M:%S.000000', substr({compiler.process(element.clauses, **kw)}, 1, 19))"


def _parts(element: day_at, compiler: SQLCompiler, **kw: Any) -> tuple[str, str]:
    moment, seconds = element.clauses
    return compiler.process(moment, **kw), compiler.process(seconds, **kw)


@compiles(day_at, "sqlite")
def _day_sqlite(element: day_at, compiler: SQLCompiler, **kw: Any) -> str:
    moment, seconds = _parts(element, compiler, **kw)
    return f"date({moment}, {seconds} || ' seconds')"


@compiles(day_at, "postgresql")
def _day_postgresql(element: day_at, compiler: SQLCompiler, **kw: Any) -> str:
    moment, seconds = _parts(element, compiler, **kw)
    return f"CAST({moment} + {seconds} * interval '1 second' AS date)"


@compiles(day_at, "mssql")
def _day_mssql(element: day_at, compiler: SQLCompiler, **kw: Any) -> str:
    moment, seconds = _parts(element, compiler, **kw)
    return f"CAST(DATEADD(second, {seconds}, {moment}) AS date)"
