"""Keeps the schema at the version that this code needs."""

from shared_code.database.tables import SCHEMA, metadata
from shared_code.db_connection import Database


def ensure_schema(database: Database, *, auto_migrate: bool) -> None:
    """Create what is missing."""
    upgrade(database)


def upgrade(database: Database) -> None:
    """Create what is missing."""
    from sqlalchemy.schema import CreateSchema

    if database.dialect == "sqlite":
        with database.engine.connect() as connection:
            connection.connection.dbapi_connection.execute("PRAGMA journal_mode = WAL")  # type: ignore[union-attr]
    with database.transaction() as connection:
        if database.dialect != "sqlite":
            connection.execute(CreateSchema(SCHEMA, if_not_exists=database.dialect == "postgresql"))
        metadata.create_all(connection)
