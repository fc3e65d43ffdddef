"""The earliest reading with a key of an invoice stands first in the key's index, however many have the same key."""

from alembic import op

from shared_code.database.migrations.column_types import schema

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Make the two indexes anew, with the number of the reading at their end."""
    at = schema()
    for name, key in (("Duplicate", "DuplicateKey"), ("Similar", "SimilarKey")):
        op.drop_index(f"IX_Extractions_{name}", "Extractions", schema=at)
        op.create_index(f"IX_Extractions_{name}", "Extractions", ["CompanyID", key, "ExtractionID"], schema=at)
