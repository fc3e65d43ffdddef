"""SQLite has no schemas: tables that are declared within one are called by their names alone.

Not by SQLAlchemy's ``schema_translate_map``, which writes each statement anew each time that it is run.
"""

from typing import Any

from sqlalchemy import Engine
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler

_NO_ALIASES = {"ambiguous_table_name_map": None}


def call_tables_by_their_names(engine: Engine) -> None:
    """Have an engine of SQLite compile all statements so; to be called before the first one."""
    engine.dialect.identifier_preparer.schema_for_object = _without_schema
    engine.dialect.statement_compiler = _PlainNames


def _without_schema(_table: Any) -> str:
    return ""


class _PlainNames(SQLiteCompiler):
    """Gives no aliases.

    Where a declared schema is not written, SQLAlchemy expects another table of that name and gives the first an alias:
    in a condition of a DELETE or UPDATE also to the table whose rows those are, which is then not found.
    """

    def visit_table(self, *arguments: Any, **options: Any) -> Any:
        return super().visit_table(*arguments, **options | _NO_ALIASES)

    def visit_column(self, *arguments: Any, **options: Any) -> Any:
        return super().visit_column(*arguments, **options | _NO_ALIASES)
