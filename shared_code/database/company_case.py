"""Company ids compared without regard to case, as SQL that an index serves on every backend, or without blanks."""

from typing import Any

from sqlalchemy import BindParameter, ColumnElement, String, func
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class folded(FunctionElement[str]):  # noqa: N801 - reads as the SQL function that it is
    """A CompanyID column in upper case; on Azure SQL the plain column, whose collation ignores case."""

    type = String(50)
    inherit_cache = True


@compiles(folded)
def _upper(element: folded, compiler: SQLCompiler, **kw: Any) -> str:
    return f"upper({compiler.process(element.clauses, **kw)})"


@compiles(folded, "mssql")
def _plain(element: folded, compiler: SQLCompiler, **kw: Any) -> str:
    return compiler.process(element.clauses, **kw)


def stripped(column: ColumnElement[Any]) -> ColumnElement[str]:
    """A company id without the blanks, tabs and line ends that typed and pasted ones have around them."""
    for character in "\t\r\n":
        column = func.replace(column, character, " ", type_=String)
    return func.trim(column, type_=String)


def same_company(column: ColumnElement[Any], company_id: str | BindParameter[str]) -> ColumnElement[bool]:
    """Whether ``column`` names this company; ``company_id`` is in upper case."""
    return folded(column) == company_id
