"""What tests run on SQLite has to be right on Azure SQL too: each statement is compiled for it and parsed once.

Those that every upload runs go past SQLAlchemy's listeners on SQLite (``database/stores/prepared``); they are shown by
the tests over the databases, on the stand-in of Azure SQL. A statement is known by SQLAlchemy's own key of it, so that
looking again costs no compilation: with one for each call, tests on SQLite spent most of their CPU here.
"""

import re
from collections.abc import Hashable, Mapping
from typing import Any

import sqlglot
from sqlalchemy import ClauseElement, TextClause
from sqlalchemy.dialects.mssql.pyodbc import MSDialect_pyodbc
from sqlalchemy.schema import DDLElement
from sqlalchemy.sql.elements import ReleaseSavepointClause, RollbackToSavepointClause, SavepointClause
from sqlalchemy.sql.selectable import SelectBase

_AZURE = MSDialect_pyodbc()
_SAVEPOINTS = SavepointClause | RollbackToSavepointClause | ReleaseSavepointClause
#: SQLite's and PostgreSQL's habits that Azure SQL refuses or reads otherwise, in what is compiled for it
_FORBIDDEN = re.compile(
    r"\bLIMIT\b|\bRETURNING\b|\bON CONFLICT\b|\bILIKE\b|\bNULLS (FIRST|LAST)\b|\bIS (NOT )?(TRUE|FALSE)\b|\b(true|false)\b"
    r"|\|\||::|\bstrftime\b|\bnow\(\)|\bMERGE\b|\bDECLARE\b|\bGROUP BY [^()]*\?|\bFOR UPDATE\b|\bUSING\b"
)
_held: set[Hashable] = set()


def hold_to_azure(_connection: Any, element: Any, multiparams: Any, params: Any, _options: Any) -> None:
    """Listens to ``before_execute``; fails where Azure SQL would refuse the statement."""
    if isinstance(element, TextClause | DDLElement | _SAVEPOINTS) or not isinstance(element, ClauseElement):
        return
    values = (multiparams[0] if multiparams else params) or {}
    form = _form(element, values)
    if form in _held:
        return
    statement = _compiled(element, values)
    found = _FORBIDDEN.search(re.sub(r"N?'[^']*'|\[[^\]]*\]", "x", statement))
    assert found is None, f"{found[0]} does not work on Azure SQL: {statement}"
    sqlglot.parse_one(statement, read="tsql")
    if form is not None:
        _held.add(form)


def _form(element: ClauseElement, values: Any) -> Hashable | None:
    """The same for statements whose text is the same; None when nobody can tell without compiling."""
    key = element._generate_cache_key()
    if key is None:
        return None
    given = values if isinstance(values, Mapping) else {}
    # Only the values of these are written into the text: lists by their length, others as they are.
    written = [
        (bound.expanding, given.get(bound.key, bound.effective_value))
        for bound in key.bindparams
        if bound.expanding or bound.literal_execute
    ]
    return key.key, tuple(values), tuple(len(value) if is_list else value for is_list, value in written)


def _compiled(element: ClauseElement, values: Any) -> str:
    if isinstance(element, SelectBase) and isinstance(values, Mapping):
        element = element.params(values)
    names = list(values) or None
    options = {"render_postcompile": True}
    return str(element.compile(dialect=_AZURE, column_keys=names, compile_kwargs=options))
