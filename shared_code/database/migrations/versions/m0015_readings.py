"""Each reading of a document is a row of its own with a public id; claims and Idempotency-Keys get their own tables.

Up to here a row of Extractions was claim and result in one, and a forced reading overwrote it. What such a row holds
becomes its first reading. Columns that only claims need stay, for a version before this one that runs beside this one.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from shared_code.database.clock import utc_now
from shared_code.database.migrations.column_types import big_key, dialect, label, moment, schema, where

revision = "0015"
down_revision = "0014"

#: a public id: 128 random bits in 32 hexadecimal digits. Six bits of a UUID are fixed, none of them in its last 15
#: digits (RFC 9562, section 5.4)
_UUID_DIGITS = (15, 15, 2)
_NEW_ID = {
    "sqlite": "'ext_' || lower(hex(randomblob(16)))",
    "postgresql": "'ext_' || "
    + " || ".join(f"right(replace(gen_random_uuid()::text, '-', ''), {digits})" for digits in _UUID_DIGITS),
    "mssql": "'ext_' + "
    + " + ".join(f"LOWER(RIGHT(REPLACE(CONVERT(VARCHAR(36), NEWID()), '-', ''), {digits}))" for digits in _UUID_DIGITS),
}
_SHARED = ("ClaimKey", "CompanyID", "DocumentSha256", "PromptVersion", "Provider", "Model", "CallID")
_KILLED = (
    '{"message": "The run ended without a result. Please send the document again.", "retryable": true, '
    '"details": {"reason": "lease_ended"}}'
)
#: without ``retryable``: whether that limit resets by itself was not kept
_SHORT = '{"message": "A token limit does not leave room for this document.", "details": {}}'


def upgrade() -> None:
    """Make the tables and columns, then give each old row its id and its claim."""
    at = schema()
    for column in (
        sa.Column("PublicID", sa.String(36)),
        sa.Column("SupersedesID", sa.String(36)),
        sa.Column("Source", sa.String(20)),
        sa.Column("RequestedBy", label(100)),
        sa.Column("Branch", label(50)),
        sa.Column("FileLabel", sa.Unicode(100)),
        sa.Column("ErrorCode", sa.String(40)),
        sa.Column("Error", sa.UnicodeText()),
        sa.Column("ErasedAt", moment()),
    ):
        op.add_column("Extractions", column, schema=at)
    op.drop_index("UX_Extractions_ClaimKey", "Extractions", schema=at)
    op.drop_index("IX_Extractions_State", "Extractions", schema=at)
    op.create_index(
        "UX_Extractions_PublicID",
        "Extractions",
        ["PublicID"],
        unique=True,
        schema=at,
        **where("PublicID", "IS NOT NULL"),
    )
    op.create_index("IX_Extractions_Document", "Extractions", ["CompanyID", "DocumentSha256"], schema=at)
    _create_claims(at)
    _create_idempotency_keys(at)
    _move_claims(at)


def _create_claims(at: str | None) -> None:
    op.create_table(
        "Claims",
        sa.Column("ClaimID", big_key(), primary_key=True, autoincrement=True),
        sa.Column("ClaimKey", sa.String(64), nullable=False),
        sa.Column("CompanyID", sa.String(50), nullable=False),
        sa.Column("DocumentSha256", sa.String(64), nullable=False),
        sa.Column("PromptVersion", sa.String(20), nullable=False),
        sa.Column("Provider", sa.String(20), nullable=False),
        sa.Column("Model", sa.String(100), nullable=False),
        sa.Column("CallID", sa.String(36), nullable=False),
        sa.Column("State", sa.String(10), nullable=False),
        sa.Column("LeaseUntil", moment(), nullable=False),
        sa.Column("UpdatedAt", moment(), nullable=False, server_default=utc_now()),
        sa.Column("NeededTokens", sa.BigInteger()),
        sa.Column("ReadingID", sa.String(36)),
        sa.Column("RunningID", sa.String(36)),
        schema=at,
        sqlite_autoincrement=True,
    )
    op.create_index("UX_Claims_ClaimKey", "Claims", ["ClaimKey"], unique=True, schema=at)
    op.create_index("IX_Claims_State", "Claims", ["State", "LeaseUntil"], schema=at)
    op.create_index("IX_Claims_RunningID", "Claims", ["RunningID"], schema=at)
    op.create_index("IX_Claims_UpdatedAt", "Claims", ["UpdatedAt"], schema=at)


def _create_idempotency_keys(at: str | None) -> None:
    op.create_table(
        "IdempotencyKeys",
        sa.Column("IdempotencyKeyID", big_key(), primary_key=True, autoincrement=True),
        sa.Column("CompanyID", sa.String(50), nullable=False),
        sa.Column("KeyDigest", sa.String(64), nullable=False),
        sa.Column("Identity", sa.String(64), nullable=False),
        sa.Column("CallID", sa.String(36), nullable=False),
        sa.Column("ReadingID", sa.String(36), nullable=False),
        sa.Column("State", sa.String(10), nullable=False),
        sa.Column("LeaseUntil", moment(), nullable=False),
        sa.Column("CreatedAt", moment(), nullable=False, server_default=utc_now()),
        schema=at,
        sqlite_autoincrement=True,
    )
    op.create_index("UX_IdempotencyKeys_Key", "IdempotencyKeys", ["CompanyID", "KeyDigest"], unique=True, schema=at)
    op.create_index("IX_IdempotencyKeys_CreatedAt", "IdempotencyKeys", ["CreatedAt"], schema=at)


def _move_claims(at: str | None) -> None:
    """Copy each old row into Claims, then let the row say only what its reading came to."""
    old, claims = _table("Extractions", at), _table("Claims", at)
    new_id: sa.ColumnClause[str] = sa.literal_column(_NEW_ID[dialect()])
    op.execute(old.update().values(PublicID=new_id))
    running, read = old.c.State == _text("running"), old.c.Result.is_not(None)
    values: dict[str, Any] = {name: old.c[name] for name in (*_SHARED, "State", "LeaseUntil", "NeededTokens")}
    values |= {
        "UpdatedAt": sa.func.coalesce(old.c.FinishedAt, old.c.CreatedAt),
        "ReadingID": sa.case((read, old.c.PublicID)),
        # A run whose process still lives finishes under this id.
        "RunningID": sa.case((sa.and_(running, read), new_id), (running, old.c.PublicID)),
    }
    op.execute(claims.insert().from_select(list(values), sa.select(*values.values())))
    op.execute(old.update().where(read, old.c.State != _text("done")).values(State=_text("done")))
    for state, code, error in (("running", "INTERNAL_ERROR", _KILLED), ("short", "QUOTA_EXCEEDED", _SHORT)):
        op.execute(
            old.update()
            .where(old.c.State == _text(state))
            .values(State=_text("failed"), ErrorCode=_text(code), Error=sa.literal(error, sa.UnicodeText()))
        )


def _text(value: str) -> sa.ColumnClause[str]:
    return sa.literal_column(f"'{value}'")


def _table(name: str, at: str | None) -> sa.TableClause:
    names = ("CreatedAt", "FinishedAt", "Result", "PublicID", "ErrorCode", "Error", "UpdatedAt", "ReadingID")
    columns = (*_SHARED, "State", "LeaseUntil", "NeededTokens", "RunningID", *names)
    return sa.table(name, *(sa.column(column) for column in columns), schema=at)
