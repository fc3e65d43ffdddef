"""Alembic's entry: runs the steps on the connection, or writes the script, that ``schema`` prepared."""

from typing import Any

from alembic import context

from shared_code.database.migrations.column_types import SCHEMA
from shared_code.database.tables import metadata

_attributes: dict[str, Any] = context.config.attributes
_dialect: str = _attributes["dialect"]
# Beside our tables: another application in the same database may have an alembic_version of its own.
_version_schema = None if _dialect == "sqlite" else SCHEMA

if context.is_offline_mode():
    context.configure(
        dialect_name=_dialect,
        literal_binds=True,
        version_table_schema=_version_schema,
        transactional_ddl=True,
    )
    with context.begin_transaction():
        for statement in _attributes["preamble"]:
            context.execute(statement)
        context.run_migrations()
else:
    # The caller's transaction: the upgrade is made as a whole or not at all.
    context.configure(
        connection=_attributes["connection"], target_metadata=metadata, version_table_schema=_version_schema
    )
    context.run_migrations()
