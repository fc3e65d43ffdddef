"""Alembic's migrations: forward only, small, never edited once released. Run by ``shared_code.database.schema``."""
