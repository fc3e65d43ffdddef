"""Reviews: readings that a person looks at, what was decided and corrected, and the rules by which they are chosen."""

import sqlalchemy as sa
from alembic import op

from shared_code.database.clock import utc_now
from shared_code.database.migrations.column_types import big_key, folded_company, moment, schema, where

revision = "0020"
down_revision = "0019"

#: the filters and orders of the list of reviews
_LISTS = {
    "Queue": ["State", "ReviewID"],
    "Company": ["CompanyID", "State", "ReviewID"],
    "Reason": ["State", "Reason", "ReviewID"],
    "CompanyReason": ["CompanyID", "State", "Reason", "ReviewID"],
    "Amount": ["State", "Amount", "ReviewID"],
    "CompanyAmount": ["CompanyID", "State", "Amount", "ReviewID"],
    "ReasonAmount": ["State", "Reason", "Amount", "ReviewID"],
    "CompanyReasonAmount": ["CompanyID", "State", "Reason", "Amount", "ReviewID"],
    "Document": ["CompanyID", "DocumentSha256"],
    "Seller": ["CompanyID", "SellerKey", "State"],
    "Postponed": ["State", "PostponedUntil"],
    "CreatedAt": ["CreatedAt"],
}


def upgrade() -> None:
    """Add columns to the settings of companies, and make the tables."""
    at = schema()
    for column in (
        sa.Column("ReviewMode", sa.String(20)),
        sa.Column("ReviewAboveAmount", sa.Numeric(28, 8)),
        sa.Column("ReviewFirstOfSeller", sa.Integer()),
    ):
        op.add_column("CompanySettings", column, schema=at)
    op.create_index(
        "IX_CompanySettings_Review",
        "CompanySettings",
        [folded_company()],
        schema=at,
        **where("ReviewMode", "IS NOT NULL"),
    )
    _make_reviews(at)
    _make_history(at)
    op.create_table(
        "ResultFiles",
        sa.Column("ResultFileID", big_key(), primary_key=True, autoincrement=True),
        sa.Column("ReadingID", sa.String(36), nullable=False),
        sa.Column("SourceName", sa.Unicode(1024), nullable=False),
        sa.Column("SourceETag", sa.String(100), nullable=False),
        sa.Column("SourceSha256", sa.String(64), nullable=False),
        sa.Column("WrittenAt", moment(), nullable=False, server_default=utc_now()),
        schema=at,
        sqlite_autoincrement=True,
    )
    op.create_index("UX_ResultFiles_Source", "ResultFiles", ["ReadingID", "SourceSha256"], unique=True, schema=at)
    op.create_index("IX_ResultFiles_WrittenAt", "ResultFiles", ["WrittenAt"], schema=at)


def _make_reviews(at: str | None) -> None:
    op.create_table(
        "Reviews",
        sa.Column("ReviewID", big_key(), primary_key=True, autoincrement=True),
        sa.Column("ReadingID", sa.String(36), nullable=False),
        sa.Column("CompanyID", sa.String(50), nullable=False),
        sa.Column("DocumentSha256", sa.String(64), nullable=False),
        sa.Column("State", sa.String(10), nullable=False),
        sa.Column("Reason", sa.String(60), nullable=False),
        sa.Column("Amount", sa.Numeric(28, 8)),
        sa.Column("Currency", sa.Unicode(10)),
        sa.Column("Seller", sa.Unicode(200)),
        sa.Column("SellerKey", sa.String(64)),
        sa.Column("InvoiceNumber", sa.Unicode(100)),
        sa.Column("FileLabel", sa.Unicode(100)),
        sa.Column("CreatedAt", moment(), nullable=False, server_default=utc_now()),
        sa.Column("TakenBy", sa.Unicode(100)),
        sa.Column("TakenUntil", moment()),
        sa.Column("PostponedUntil", moment()),
        sa.Column("DecidedAt", moment()),
        sa.Column("DecidedBy", sa.Unicode(100)),
        sa.Column("DecisionReason", sa.Unicode(1000)),
        sa.Column("Version", sa.Integer(), nullable=False, server_default=sa.text("1")),
        sa.Column("CorrectedValues", sa.UnicodeText()),
        sa.Column("ResultOwed", sa.Integer()),
        schema=at,
        sqlite_autoincrement=True,
    )
    op.create_index("UX_Reviews_ReadingID", "Reviews", ["ReadingID"], unique=True, schema=at)
    for name, columns in _LISTS.items():
        op.create_index(f"IX_Reviews_{name}", "Reviews", columns, schema=at)
    op.create_index("IX_Reviews_ResultOwed", "Reviews", ["ResultOwed"], schema=at, **where("ResultOwed", "IS NOT NULL"))


def _make_history(at: str | None) -> None:
    op.create_table(
        "ReviewDecisions",
        sa.Column("DecisionID", big_key(), primary_key=True, autoincrement=True),
        sa.Column("ReadingID", sa.String(36), nullable=False),
        sa.Column("CompanyID", sa.String(50), nullable=False),
        sa.Column("Version", sa.Integer(), nullable=False),
        sa.Column("Decision", sa.String(10), nullable=False),
        sa.Column("State", sa.String(10), nullable=False),
        sa.Column("Reason", sa.Unicode(1000)),
        sa.Column("Until", moment()),
        sa.Column("DecidedBy", sa.Unicode(100), nullable=False),
        sa.Column("DecidedAt", moment(), nullable=False, server_default=utc_now()),
        sa.Column("Fingerprint", sa.String(64), nullable=False),
        schema=at,
        sqlite_autoincrement=True,
    )
    op.create_index("UX_ReviewDecisions_Version", "ReviewDecisions", ["ReadingID", "Version"], unique=True, schema=at)
    op.create_index("IX_ReviewDecisions_Company", "ReviewDecisions", ["CompanyID", "DecidedAt"], schema=at)
    op.create_index("IX_ReviewDecisions_DecidedAt", "ReviewDecisions", ["DecidedAt"], schema=at)
    op.create_table(
        "Corrections",
        sa.Column("CorrectionID", big_key(), primary_key=True, autoincrement=True),
        sa.Column("ReadingID", sa.String(36), nullable=False),
        sa.Column("CompanyID", sa.String(50), nullable=False),
        sa.Column("Version", sa.Integer(), nullable=False),
        sa.Column("Field", sa.String(200), nullable=False),
        sa.Column("ValueBefore", sa.UnicodeText()),
        sa.Column("ValueAfter", sa.UnicodeText()),
        sa.Column("Page", sa.Integer()),
        sa.Column("Box", sa.String(200)),
        sa.Column("ChangedBy", sa.Unicode(100), nullable=False),
        sa.Column("ChangedAt", moment(), nullable=False, server_default=utc_now()),
        schema=at,
        sqlite_autoincrement=True,
    )
    op.create_index("IX_Corrections_Reading", "Corrections", ["ReadingID", "Version", "CorrectionID"], schema=at)
    op.create_index("IX_Corrections_Company", "Corrections", ["CompanyID", "ChangedAt"], schema=at)
    op.create_index("IX_Corrections_ChangedAt", "Corrections", ["ChangedAt"], schema=at)
