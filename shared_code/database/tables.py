"""The data model: the seed's five tables with our additions, and our own.

One description for Azure SQL, PostgreSQL and SQLite. Rules that hold for every column:

* moments are naive UTC; new ones are DATETIME2 on Azure SQL (DATETIME there keeps 1/300 s only);
* token sums are BIGINT (INT ends at 2.1 billion, and Azure SQL's SUM of INT is INT);
* text that people type is NVARCHAR, because the ODBC driver turns characters outside the server's code page into
  ``?`` in VARCHAR; ids that we check at the border (CompanyID) or make ourselves may be VARCHAR;
* labels compared as written (branch, user) have a binary collation on Azure SQL, whose default ignores case;
* a unique index over a nullable column is filtered, because Azure SQL counts NULLs as equal;
* a number is given out once: the servers' identities do so by themselves, SQLite with ``sqlite_autoincrement``.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    String,
    Table,
    Unicode,
    UnicodeText,
    text,
)
from sqlalchemy.dialects import mssql
from sqlalchemy.types import TypeEngine

from shared_code.database.clock import utc_now
from shared_code.database.company_case import folded

SCHEMA = "docUpload"

metadata = MetaData(
    naming_convention={
        "ix": "IX_%(table_name)s_%(column_0_N_name)s",
        "uq": "UQ_%(table_name)s_%(column_0_N_name)s",
        "pk": "PK_%(table_name)s",
        "fk": "FK_%(table_name)s_%(column_0_name)s",
    }
)


def _moment() -> TypeEngine[datetime]:
    return DateTime().with_variant(mssql.DATETIME2(6), "mssql")


def _label(length: int) -> TypeEngine[str]:
    """Text compared exactly as written, on every backend."""
    return Unicode(length).with_variant(mssql.NVARCHAR(length, collation="Latin1_General_100_BIN2"), "mssql")


#: INTEGER on SQLite, where only that type makes an autoincrementing key.
_big_key = BigInteger().with_variant(Integer(), "sqlite")


def _where(condition: str) -> dict[str, Any]:
    """The condition of a filtered index: a column, then ``IS NULL`` or ``IS NOT NULL``.

    Azure SQL uses one with ``IS NULL`` only when the column stands in the index too.
    """
    column, _, rest = condition.partition(" ")
    quoted = text(f'"{column}" {rest}')
    options = {"mssql_where": text(f"[{column}] {rest}"), "sqlite_where": quoted, "postgresql_where": quoted}
    return options | {"mssql_include": [column]} if rest == "IS NULL" else options


token_master = Table(
    "TokenMaster",
    metadata,
    Column("TokenID", Integer, primary_key=True, autoincrement=True),
    Column("CompanyID", String(50)),
    Column("CompanyName", Unicode(200)),
    Column("ApiKey", String(1000)),
    Column("Provider", String(100)),
    Column("TotalTokenLimit", BigInteger),
    Column("Status", String(50)),
    Column("CreatedAt", DateTime, server_default=utc_now()),
    Column("UpdatedAt", _moment()),
    Column("ExpiresAt", _moment()),
    Column("CooldownUntil", _moment()),
    Column("ProviderProject", Unicode(100)),
    Column("ApiKeyHint", String(8)),
    Column("ApiKeyFingerprint", String(64)),
    schema=SCHEMA,
    sqlite_autoincrement=True,
)
# The keys of a company: asked for by every request.
Index("IX_TokenMaster_CompanyID", folded(token_master.c.CompanyID))
# A company has a key once; rows from before encryption have no fingerprint until their key is written again.
Index(
    "UX_TokenMaster_Fingerprint",
    folded(token_master.c.CompanyID),
    token_master.c.ApiKeyFingerprint,
    unique=True,
    **_where("ApiKeyFingerprint IS NOT NULL"),
)

token_usage_logs = Table(
    "TokenUsageLogs",
    metadata,
    Column("UsageID", Integer, primary_key=True, autoincrement=True),
    Column("TokenID", Integer, ForeignKey(token_master.c.TokenID)),
    Column("Branch", _label(50)),
    Column("RequestedBy", _label(100)),
    Column("InputTokens", Integer),
    Column("OutputTokens", Integer),
    Column("TextPromptTokens", Integer),
    Column("ImagePromptTokens", Integer),
    Column("TextCandidatesTokens", Integer),
    Column("TotalTokensUsed", Integer),
    Column("RequestCount", Integer),
    Column("LoggedAt", DateTime, server_default=utc_now()),
    Column("CallID", String(36)),
    Column("Attempt", Integer),
    Column("Kind", String(20)),
    Column("RequestID", String(64)),
    Column("CompanyID", String(50)),
    Column("LocalDay", Date),
    Column("Model", String(100)),
    Column("ThoughtsTokens", Integer),
    Column("CachedTokens", Integer),
    Column("CostUSD", Numeric(18, 8)),
    Column("DurationMs", Integer),
    Column("Source", String(20)),
    Column("Outcome", String(40)),
    Column("DocumentSha256", String(64)),
    Column("FoldedAt", _moment()),
    schema=SCHEMA,
    sqlite_autoincrement=True,
)
# A booking cannot double: settle, outbox replay and sweep all insert under this key.
Index(
    "UX_TokenUsageLogs_Call",
    token_usage_logs.c.CallID,
    token_usage_logs.c.Attempt,
    token_usage_logs.c.Kind,
    unique=True,
    **_where("CallID IS NOT NULL"),
)
# The timer's fold: rows not yet summed into UsageDaily.
Index(
    "IX_TokenUsageLogs_Unfolded",
    token_usage_logs.c.UsageID,
    **_where("FoldedAt IS NULL"),
)
# Reconcile reads per key; prune reads by age.
Index("IX_TokenUsageLogs_TokenID", token_usage_logs.c.TokenID)
Index("IX_TokenUsageLogs_LoggedAt", token_usage_logs.c.LoggedAt)
# The runs of one request.
Index("IX_TokenUsageLogs_RequestID", token_usage_logs.c.RequestID)

token_usage_summary = Table(
    "TokenUsageSummary",
    metadata,
    Column("SummaryID", Integer, primary_key=True, autoincrement=True),
    Column("TokenID", Integer, ForeignKey(token_master.c.TokenID)),
    Column("TotalUsedTokens", BigInteger, server_default=text("0")),
    Column("TotalRemainingTokens", BigInteger),
    Column("Threshold", Integer, server_default=text("3000")),
    Column("LastUpdated", DateTime, server_default=utc_now()),
    Column("ReservedTokens", BigInteger, nullable=False, server_default=text("0")),
    Column("OpeningTokens", BigInteger, nullable=False, server_default=text("0")),
    schema=SCHEMA,
    sqlite_autoincrement=True,
)
# One running total per key: what reservations are decided on.
Index(
    "UX_TokenUsageSummary_TokenID",
    token_usage_summary.c.TokenID,
    unique=True,
    **_where("TokenID IS NOT NULL"),
)

application_logs = Table(
    "ApplicationLogs",
    metadata,
    Column("LogID", Integer, primary_key=True, autoincrement=True),
    Column("Timestamp", DateTime, server_default=utc_now()),
    Column("LogLevel", String(20)),
    Column("Logger", String(255)),
    Column("Message", UnicodeText),
    Column("Exception", UnicodeText),
    Column("Module", String(255)),
    Column("FunctionName", String(255)),
    Column("LineNumber", Integer),
    Column("CallID", String(36)),
    Column("RequestID", String(64)),
    #: the platform's trace id where it gives one: what Application Insights calls operation_Id
    Column("OperationID", String(32)),
    sqlite_autoincrement=True,
)
# Log search and prune by age.
Index("IX_ApplicationLogs_Timestamp", application_logs.c.Timestamp)
# One request's lines (support looks them up by the id that the caller was given).
Index("IX_ApplicationLogs_RequestID", application_logs.c.RequestID)
# The lines of one run.
Index("IX_ApplicationLogs_CallID", application_logs.c.CallID)
# The lines behind a trace that somebody found in Application Insights.
Index("IX_ApplicationLogs_OperationID", application_logs.c.OperationID)

retry_attempts = Table(
    "RetryAttempts",
    metadata,
    Column("RetryID", Integer, primary_key=True, autoincrement=True),
    Column("TokenID", Integer),
    Column("CompanyID", String(50)),
    Column("Attempt", Integer),
    Column("ErrorMessage", UnicodeText),
    Column("IsRetryable", Boolean),
    Column("Timestamp", DateTime, server_default=utc_now()),
    Column("CallID", String(36)),
    Column("RequestID", String(64)),
    sqlite_autoincrement=True,
)
# Prune by age, and the operator's list of late.
Index("IX_RetryAttempts_Timestamp", retry_attempts.c.Timestamp)
# The attempts of one run, and of one request.
Index("IX_RetryAttempts_CallID", retry_attempts.c.CallID)
Index("IX_RetryAttempts_RequestID", retry_attempts.c.RequestID)

token_reservations = Table(
    "TokenReservations",
    metadata,
    Column("CallID", String(36), primary_key=True),
    Column("Attempt", Integer, primary_key=True, autoincrement=False),
    Column("TokenID", Integer),
    Column("CompanyID", String(50), nullable=False),
    Column("Branch", _label(50)),
    Column("RequestedBy", _label(100)),
    Column("RequestID", String(64)),
    Column("LocalDay", Date, nullable=False),
    Column("Provider", String(20), nullable=False),
    Column("Model", String(100), nullable=False),
    Column("Source", String(20), nullable=False),
    Column("DocumentSha256", String(64)),
    Column("BoundTokens", BigInteger, nullable=False),
    #: not used any more; instances of an earlier version that still run beside this one write it
    Column("CounterIDs", String(400), nullable=False, server_default=""),
    Column("CreatedAt", _moment(), nullable=False, server_default=utc_now()),
    Column("LeaseUntil", _moment(), nullable=False),
    schema=SCHEMA,
)
# The sweep looks for leases that ran out.
Index("IX_TokenReservations_LeaseUntil", token_reservations.c.LeaseUntil)

quotas = Table(
    "Quotas",
    metadata,
    Column("QuotaID", Integer, primary_key=True, autoincrement=True),
    Column("CompanyID", String(50), nullable=False),
    #: company, branch or user
    Column("Scope", String(10), nullable=False),
    #: the branch or user; '' for the company itself
    Column("Subject", _label(100), nullable=False, server_default=""),
    Column("DailyLimit", BigInteger),
    Column("MonthlyLimit", BigInteger),
    Column("CreatedAt", _moment(), nullable=False, server_default=utc_now()),
    Column("UpdatedAt", _moment()),
    schema=SCHEMA,
    sqlite_autoincrement=True,
)
Index("UX_Quotas_Subject", folded(quotas.c.CompanyID), quotas.c.Scope, quotas.c.Subject, unique=True)
# get_user_quota with a bare user id.
Index("IX_Quotas_Subject", quotas.c.Subject)

quota_counters = Table(
    "QuotaCounters",
    metadata,
    Column("CounterID", Integer, primary_key=True, autoincrement=True),
    Column("QuotaID", Integer, ForeignKey(quotas.c.QuotaID), nullable=False),
    #: the company's local day (2026-11-21) or month (2026-11)
    Column("Period", String(10), nullable=False),
    #: copied here because a conditional UPDATE may only read the row that it updates; NULL = no limit any more
    Column("LimitTokens", BigInteger),
    Column("UsedTokens", BigInteger, nullable=False, server_default=text("0")),
    Column("ReservedTokens", BigInteger, nullable=False, server_default=text("0")),
    schema=SCHEMA,
    sqlite_autoincrement=True,
)
Index("UX_QuotaCounters_Period", quota_counters.c.QuotaID, quota_counters.c.Period, unique=True)

company_settings = Table(
    "CompanySettings",
    metadata,
    Column("CompanyID", String(50), primary_key=True),
    #: IANA name; decides LocalDay and quota periods
    Column("TimeZone", String(64), nullable=False),
    Column("UpdatedAt", _moment()),
    #: where the company is told of its readings; NULL = nowhere
    Column("WebhookUrl", String(2000)),
    #: of which events, joined by commas
    Column("WebhookEvents", String(200)),
    #: what messages are signed with, as ciphertext: the newest secret, and the one before it
    Column("WebhookSecret", String(500)),
    Column("WebhookOldSecret", String(500)),
    #: which readings a person looks at: needs_review, everything or never; NULL = no rule of its own
    Column("ReviewMode", String(20)),
    #: beside the mode: those above this amount in the invoice's own currency, and the first so many of a seller
    Column("ReviewAboveAmount", Numeric(28, 8)),
    Column("ReviewFirstOfSeller", Integer),
    schema=SCHEMA,
)
# The keys of companies are read with the zones of their companies, by every upload.
Index("IX_CompanySettings_CompanyID", folded(company_settings.c.CompanyID))
# Every end of a reading asks whether its company wants to be told.
Index(
    "IX_CompanySettings_Webhook",
    folded(company_settings.c.CompanyID),
    **_where("WebhookUrl IS NOT NULL"),
)
# Every end of a reading asks for the rule of its company.
Index(
    "IX_CompanySettings_Review",
    folded(company_settings.c.CompanyID),
    **_where("ReviewMode IS NOT NULL"),
)

extractions = Table(
    "Extractions",
    metadata,
    Column("ExtractionID", _big_key, primary_key=True, autoincrement=True),
    #: the reading's public id, see ``shared_code.labels``; NULL only in rows that an earlier version wrote beside us
    Column("PublicID", String(36)),
    #: the claim whose run this was; '' for a document that was refused before it was claimed
    Column("ClaimKey", String(64), nullable=False),
    Column("CompanyID", String(50), nullable=False),
    Column("DocumentSha256", String(64), nullable=False),
    Column("PromptVersion", String(20), nullable=False),
    Column("Provider", String(20), nullable=False),
    Column("Model", String(100), nullable=False),
    Column("CallID", String(36), nullable=False),
    #: done or failed
    Column("State", String(10), nullable=False),
    Column("CreatedAt", _moment(), nullable=False, server_default=utc_now()),
    Column("FinishedAt", _moment()),
    Column("Status", String(20)),
    Column("Result", UnicodeText),
    #: where the values of the result stand in the document: JSON, compressed (zlib)
    Column("Evidence", LargeBinary),
    #: 2 once a late finding is kept with the reading; NULL stands for 1
    Column("EvidenceVersion", Integer),
    #: of a late finding: what is thought of the result now, as JSON
    Column("LateVerdict", UnicodeText),
    #: digest of seller + number + financial year of the first invoice: the same invoice seen again
    Column("DuplicateKey", String(64)),
    #: digest of seller + date + total: perhaps the same invoice under another number
    Column("SimilarKey", String(64)),
    Column("InvoiceNumber", Unicode(100)),
    #: the reading that this one was made instead of
    Column("SupersedesID", String(36)),
    Column("Source", String(20)),
    Column("RequestedBy", _label(100)),
    Column("Branch", _label(50)),
    Column("FileLabel", Unicode(100)),
    #: of a failed reading: the error's code, and the error as JSON
    Column("ErrorCode", String(40)),
    Column("Error", UnicodeText),
    #: the reading was erased: the row stands for its id, and holds nothing else of the document
    Column("ErasedAt", _moment()),
    # Claims had these before they had a table of their own. They stay for an earlier version that runs beside us.
    Column("LeaseUntil", _moment(), nullable=False, default=utc_now()),
    Column("NeededTokens", BigInteger),
    schema=SCHEMA,
    sqlite_autoincrement=True,
)
# A reading is found by its id.
Index(
    "UX_Extractions_PublicID",
    extractions.c.PublicID,
    unique=True,
    **_where("PublicID IS NOT NULL"),
)
# All readings of one document.
Index("IX_Extractions_Document", extractions.c.CompanyID, extractions.c.DocumentSha256)
# Of one company the earliest reading of the same invoice, and of one like it.
Index("IX_Extractions_Duplicate", extractions.c.CompanyID, extractions.c.DuplicateKey, extractions.c.ExtractionID)
Index("IX_Extractions_Similar", extractions.c.CompanyID, extractions.c.SimilarKey, extractions.c.ExtractionID)
# The newest readings of one company.
Index("IX_Extractions_Company", extractions.c.CompanyID, extractions.c.ExtractionID)
# Readings that people look for: by the number on the invoice, and by the id of the run that a log line names.
Index("IX_Extractions_InvoiceNumber", extractions.c.InvoiceNumber)
Index("IX_Extractions_CallID", extractions.c.CallID)
# Prune by age.
Index("IX_Extractions_CreatedAt", extractions.c.CreatedAt)

claims = Table(
    "Claims",
    metadata,
    Column("ClaimID", _big_key, primary_key=True, autoincrement=True),
    #: digest over company, document, prompt version, provider, model and options
    Column("ClaimKey", String(64), nullable=False),
    Column("CompanyID", String(50), nullable=False),
    Column("DocumentSha256", String(64), nullable=False),
    Column("PromptVersion", String(20), nullable=False),
    Column("Provider", String(20), nullable=False),
    Column("Model", String(100), nullable=False),
    #: fences the owner: only the run whose CallID stands here may finish or free the claim
    Column("CallID", String(36), nullable=False),
    #: running, done, or short: a limit leaves less than NeededTokens
    Column("State", String(10), nullable=False),
    Column("LeaseUntil", _moment(), nullable=False),
    #: when it was claimed last, or finished
    Column("UpdatedAt", _moment(), nullable=False, server_default=utc_now()),
    #: what the document's limit must leave before it is read again: an answer was paid for that could not be used
    Column("NeededTokens", BigInteger),
    #: the newest reading that was finished
    Column("ReadingID", String(36)),
    #: the reading that is being made
    Column("RunningID", String(36)),
    schema=SCHEMA,
    sqlite_autoincrement=True,
)
# One run per document at a time; its answer serves the next one.
Index("UX_Claims_ClaimKey", claims.c.ClaimKey, unique=True)
# The sweep looks for claims whose lease ran out.
Index("IX_Claims_State", claims.c.State, claims.c.LeaseUntil)
# A reading that is being made is found by its id.
Index("IX_Claims_RunningID", claims.c.RunningID)
# Prune by age.
Index("IX_Claims_UpdatedAt", claims.c.UpdatedAt)

idempotency_keys = Table(
    "IdempotencyKeys",
    metadata,
    Column("IdempotencyKeyID", _big_key, primary_key=True, autoincrement=True),
    Column("CompanyID", String(50), nullable=False),
    #: digest of what the client sent as Idempotency-Key
    Column("KeyDigest", String(64), nullable=False),
    #: digest over the file and the fields that were sent with it
    Column("Identity", String(64), nullable=False),
    #: the run that answers for the key
    Column("CallID", String(36), nullable=False),
    #: the reading that it makes or, once it has answered, the one that it answered with
    Column("ReadingID", String(36), nullable=False),
    #: running or done
    Column("State", String(10), nullable=False),
    Column("LeaseUntil", _moment(), nullable=False),
    Column("CreatedAt", _moment(), nullable=False, server_default=utc_now()),
    schema=SCHEMA,
    sqlite_autoincrement=True,
)
# One answer for each key.
Index("UX_IdempotencyKeys_Key", idempotency_keys.c.CompanyID, idempotency_keys.c.KeyDigest, unique=True)
# Prune by age.
Index("IX_IdempotencyKeys_CreatedAt", idempotency_keys.c.CreatedAt)

jobs = Table(
    "Jobs",
    metadata,
    Column("JobID", _big_key, primary_key=True, autoincrement=True),
    #: of the reading that the job is to make
    Column("PublicID", String(36), nullable=False),
    Column("CompanyID", String(50), nullable=False),
    Column("DocumentSha256", String(64), nullable=False),
    #: waiting (for its company's share), queued, running, resting (until the sweep tries it again), done, failed,
    #: cancelled
    Column("State", String(10), nullable=False),
    #: which place of its company's share it holds; NULL before its turn, while it rests, and after its end
    Column("Slot", Integer),
    #: when its message was put into the queue
    Column("SentAt", _moment()),
    #: fences the run that works on it
    Column("CallID", String(36)),
    Column("LeaseUntil", _moment()),
    #: the reading that answers: an earlier one where the document had been read before
    Column("ReadingID", String(36)),
    Column("CreatedAt", _moment(), nullable=False, server_default=utc_now()),
    Column("UpdatedAt", _moment(), nullable=False, server_default=utc_now()),
    schema=SCHEMA,
    sqlite_autoincrement=True,
)
# A job is found by its id.
Index("UX_Jobs_PublicID", jobs.c.PublicID, unique=True)
# Each place of a company's share is held once.
Index("UX_Jobs_Slot", jobs.c.CompanyID, jobs.c.Slot, unique=True, **_where("Slot IS NOT NULL"))
# The next job of a company.
Index("IX_Jobs_Turn", jobs.c.CompanyID, jobs.c.State, jobs.c.JobID)
# The sweep looks for jobs that nothing moves.
Index("IX_Jobs_State", jobs.c.State, jobs.c.UpdatedAt)
# Jobs of a document that is to be erased.
Index("IX_Jobs_Document", jobs.c.CompanyID, jobs.c.DocumentSha256)
# Prune by age.
Index("IX_Jobs_UpdatedAt", jobs.c.UpdatedAt)

written_results = Table(
    "WrittenResults",
    metadata,
    Column("WrittenResultID", _big_key, primary_key=True, autoincrement=True),
    #: stands for one version of a dropped file; the request id of its usage rows
    Column("Label", String(64), nullable=False),
    Column("WrittenAt", _moment(), nullable=False, server_default=utc_now()),
    schema=SCHEMA,
    sqlite_autoincrement=True,
)
# A result that was written and taken away is not written again.
Index("UX_WrittenResults_Label", written_results.c.Label, unique=True)

usage_daily = Table(
    "UsageDaily",
    metadata,
    Column("UsageDailyID", _big_key, primary_key=True, autoincrement=True),
    # Absent parts of the key are 0 or '', never NULL: the row is found by equality.
    Column("LocalDay", Date, nullable=False),
    Column("TokenID", Integer, nullable=False),
    Column("CompanyID", String(50), nullable=False),
    Column("Branch", _label(50), nullable=False),
    Column("RequestedBy", _label(100), nullable=False),
    Column("Model", String(100), nullable=False),
    Column("Source", String(20), nullable=False),
    Column("Requests", BigInteger, nullable=False),
    Column("Errors", BigInteger, nullable=False),
    Column("Unmeasured", BigInteger, nullable=False),
    Column("InputTokens", BigInteger, nullable=False),
    Column("OutputTokens", BigInteger, nullable=False),
    Column("ThoughtsTokens", BigInteger, nullable=False),
    Column("CachedTokens", BigInteger, nullable=False),
    Column("TotalTokens", BigInteger, nullable=False),
    Column("CostUSD", Numeric(18, 8), nullable=False),
    #: rows whose cost is unknown, so that a sum is never mistaken for the whole
    Column("Unpriced", BigInteger, nullable=False),
    schema=SCHEMA,
    sqlite_autoincrement=True,
)
Index(
    "UX_UsageDaily_Key",
    usage_daily.c.LocalDay,
    usage_daily.c.TokenID,
    usage_daily.c.CompanyID,
    usage_daily.c.Branch,
    usage_daily.c.RequestedBy,
    usage_daily.c.Model,
    usage_daily.c.Source,
    unique=True,
)
# Reports of one company over a range of days.
Index("IX_UsageDaily_Company", usage_daily.c.CompanyID, usage_daily.c.LocalDay)
# Reconcile per key, and the pace of single keys: without a look at their rows.
Index("IX_UsageDaily_TokenID", usage_daily.c.TokenID, usage_daily.c.LocalDay, usage_daily.c.TotalTokens)
# Charts and reports of all companies: all that they sum stands in it, so that no row is looked at.
Index(
    "IX_UsageDaily_Charts",
    usage_daily.c.LocalDay,
    usage_daily.c.CompanyID,
    usage_daily.c.Model,
    usage_daily.c.Source,
    usage_daily.c.Requests,
    usage_daily.c.Errors,
    usage_daily.c.TotalTokens,
    usage_daily.c.CostUSD,
    usage_daily.c.Unpriced,
    usage_daily.c.Unmeasured,
    usage_daily.c.InputTokens,
    usage_daily.c.OutputTokens,
    usage_daily.c.ThoughtsTokens,
    usage_daily.c.CachedTokens,
)

admin_keys = Table(
    "AdminKeys",
    metadata,
    Column("KeyID", String(32), primary_key=True),
    Column("SecretSha256", String(64), nullable=False),
    #: viewer, reviewer, operator or admin
    Column("Role", String(20), nullable=False),
    #: the one company that the key is for; NULL = all
    Column("CompanyID", String(50)),
    Column("Label", Unicode(100)),
    Column("CreatedAt", _moment(), nullable=False, server_default=utc_now()),
    Column("RevokedAt", _moment()),
    Column("LastUsedAt", _moment()),
    schema=SCHEMA,
)

console_sessions = Table(
    "ConsoleSessions",
    metadata,
    #: digest of the secret in the browser's cookie, or in a link
    Column("Sha256", String(64), primary_key=True),
    #: session, or link: one that signs its reader in once
    Column("Kind", String(10), nullable=False),
    #: the admin key that it is of, and ends with
    Column("KeyID", String(32), nullable=False),
    Column("CreatedAt", _moment(), nullable=False, server_default=utc_now()),
    Column("LastUsedAt", _moment(), nullable=False, server_default=utc_now()),
    Column("ExpiresAt", _moment(), nullable=False),
    schema=SCHEMA,
)
# Those that have ended are taken away.
Index("IX_ConsoleSessions_ExpiresAt", console_sessions.c.ExpiresAt)

admin_audit = Table(
    "AdminAudit",
    metadata,
    Column("AuditID", _big_key, primary_key=True, autoincrement=True),
    Column("At", _moment(), nullable=False, server_default=utc_now()),
    Column("Actor", Unicode(100), nullable=False),
    Column("Action", String(50), nullable=False),
    Column("Target", Unicode(200)),
    Column("Before", UnicodeText),
    Column("After", UnicodeText),
    Column("RequestID", String(64)),
    schema=SCHEMA,
    sqlite_autoincrement=True,
)
# Whoever has done something is shown its row.
Index("IX_AdminAudit_RequestID", admin_audit.c.RequestID)

alerts = Table(
    "Alerts",
    metadata,
    Column("AlertID", _big_key, primary_key=True, autoincrement=True),
    Column("Kind", String(40), nullable=False),
    #: what the condition is about: a token id, a model, a blob name
    Column("Subject", _label(200), nullable=False),
    Column("Severity", String(10), nullable=False),
    Column("Message", UnicodeText, nullable=False),
    #: JSON facts of the condition
    Column("Details", UnicodeText),
    Column("OpenedAt", _moment(), nullable=False, server_default=utc_now()),
    Column("LastSeenAt", _moment(), nullable=False, server_default=utc_now()),
    Column("ClosedAt", _moment()),
    Column("Occurrences", Integer, nullable=False, server_default=text("1")),
    schema=SCHEMA,
    sqlite_autoincrement=True,
)
# Each condition is open once.
Index(
    "UX_Alerts_Open",
    alerts.c.Kind,
    alerts.c.Subject,
    unique=True,
    **_where("ClosedAt IS NULL"),
)

webhook_deliveries = Table(
    "WebhookDeliveries",
    metadata,
    Column("DeliveryID", _big_key, primary_key=True, autoincrement=True),
    #: a digest of what happened: the same however often it is written or sent
    Column("MessageID", String(40), nullable=False),
    #: whose receiver it is for; '' for the operators' own
    Column("CompanyID", String(50), nullable=False),
    Column("Event", String(40), nullable=False),
    #: public id of a reading, or number of an alert
    Column("SubjectID", String(40), nullable=False),
    #: JSON facts that the message tells
    Column("Facts", UnicodeText, nullable=False),
    #: pending, delivered, failed (given up) or dropped (there is no receiver any more)
    Column("State", String(10), nullable=False),
    Column("OccurredAt", _moment(), nullable=False, server_default=utc_now()),
    #: from when the time is counted after which it is given up
    Column("Since", _moment(), nullable=False, server_default=utc_now()),
    Column("NextAt", _moment(), nullable=False),
    #: tries that were begun
    Column("Attempts", Integer, nullable=False, server_default=text("0")),
    #: HTTP status of the last try, or what kept it from getting one
    Column("LastStatus", Integer),
    Column("LastError", Unicode(300)),
    #: NULL while it is pending
    Column("FinishedAt", _moment()),
    schema=SCHEMA,
    sqlite_autoincrement=True,
)
# What happened is told once.
Index("UX_WebhookDeliveries_MessageID", webhook_deliveries.c.MessageID, unique=True)
# What is due, company by company.
Index(
    "IX_WebhookDeliveries_Due",
    webhook_deliveries.c.CompanyID,
    webhook_deliveries.c.NextAt,
    **_where("FinishedAt IS NULL"),
)
# Companies whose receiver does not take what it is sent.
Index(
    "IX_WebhookDeliveries_State",
    webhook_deliveries.c.State,
    webhook_deliveries.c.CompanyID,
    webhook_deliveries.c.FinishedAt,
)
# Prune by age.
Index("IX_WebhookDeliveries_FinishedAt", webhook_deliveries.c.FinishedAt)

reviews = Table(
    "Reviews",
    metadata,
    Column("ReviewID", _big_key, primary_key=True, autoincrement=True),
    #: public id of the reading
    Column("ReadingID", String(36), nullable=False),
    #: in upper case
    Column("CompanyID", String(50), nullable=False),
    Column("DocumentSha256", String(64), nullable=False),
    #: pending, postponed, confirmed, corrected or rejected
    Column("State", String(10), nullable=False),
    #: code of the first finding that asks for a person, or the rule that does
    Column("Reason", String(60), nullable=False),
    #: what lists show of the first invoice
    Column("Amount", Numeric(28, 8)),
    Column("Currency", Unicode(10)),
    Column("Seller", Unicode(200)),
    #: digest of the seller: readings of one seller are counted by it
    Column("SellerKey", String(64)),
    Column("InvoiceNumber", Unicode(100)),
    Column("FileLabel", Unicode(100)),
    Column("CreatedAt", _moment(), nullable=False, server_default=utc_now()),
    #: who looks at it, and until when nobody else gets it
    Column("TakenBy", Unicode(100)),
    Column("TakenUntil", _moment()),
    Column("PostponedUntil", _moment()),
    #: of the last decision
    Column("DecidedAt", _moment()),
    Column("DecidedBy", Unicode(100)),
    Column("DecisionReason", Unicode(1000)),
    #: one more with each decision and each change of what is to be decided
    Column("Version", Integer, nullable=False, server_default=text("1")),
    #: what persons made of the values, as JSON: a list of ``{field, value, page, box}`` to be applied in its order
    Column("CorrectedValues", UnicodeText),
    #: the version whose values the results of dropped files still have to get; NULL = none
    Column("ResultOwed", Integer),
    schema=SCHEMA,
    sqlite_autoincrement=True,
)
# One review of a reading.
Index("UX_Reviews_ReadingID", reviews.c.ReadingID, unique=True)
# Each filter and order of the list; the number of the row is the last column of each.
Index("IX_Reviews_Queue", reviews.c.State, reviews.c.ReviewID)
Index("IX_Reviews_Company", reviews.c.CompanyID, reviews.c.State, reviews.c.ReviewID)
Index("IX_Reviews_Reason", reviews.c.State, reviews.c.Reason, reviews.c.ReviewID)
Index("IX_Reviews_CompanyReason", reviews.c.CompanyID, reviews.c.State, reviews.c.Reason, reviews.c.ReviewID)
Index("IX_Reviews_Amount", reviews.c.State, reviews.c.Amount, reviews.c.ReviewID)
Index("IX_Reviews_CompanyAmount", reviews.c.CompanyID, reviews.c.State, reviews.c.Amount, reviews.c.ReviewID)
Index("IX_Reviews_ReasonAmount", reviews.c.State, reviews.c.Reason, reviews.c.Amount, reviews.c.ReviewID)
Index(
    "IX_Reviews_CompanyReasonAmount",
    reviews.c.CompanyID,
    reviews.c.State,
    reviews.c.Reason,
    reviews.c.Amount,
    reviews.c.ReviewID,
)
# Earlier reviews of a document.
Index("IX_Reviews_Document", reviews.c.CompanyID, reviews.c.DocumentSha256)
# How many readings of a seller were decided.
Index("IX_Reviews_Seller", reviews.c.CompanyID, reviews.c.SellerKey, reviews.c.State)
# Postponed ones whose time has come.
Index("IX_Reviews_Postponed", reviews.c.State, reviews.c.PostponedUntil)
# Results that the timer still has to write.
Index("IX_Reviews_ResultOwed", reviews.c.ResultOwed, **_where("ResultOwed IS NOT NULL"))
# Prune by age.
Index("IX_Reviews_CreatedAt", reviews.c.CreatedAt)

review_decisions = Table(
    "ReviewDecisions",
    metadata,
    Column("DecisionID", _big_key, primary_key=True, autoincrement=True),
    Column("ReadingID", String(36), nullable=False),
    Column("CompanyID", String(50), nullable=False),
    #: of the review, which the decision made
    Column("Version", Integer, nullable=False),
    #: confirm, correct, reject or postpone
    Column("Decision", String(10), nullable=False),
    #: of the review since then
    Column("State", String(10), nullable=False),
    Column("Reason", Unicode(1000)),
    Column("Until", _moment()),
    Column("DecidedBy", Unicode(100), nullable=False),
    Column("DecidedAt", _moment(), nullable=False, server_default=utc_now()),
    #: digest of what was sent: the same again is no second decision
    Column("Fingerprint", String(64), nullable=False),
    schema=SCHEMA,
    sqlite_autoincrement=True,
)
# One decision makes one version.
Index("UX_ReviewDecisions_Version", review_decisions.c.ReadingID, review_decisions.c.Version, unique=True)
# What was decided in a time, of one company or all.
Index("IX_ReviewDecisions_Company", review_decisions.c.CompanyID, review_decisions.c.DecidedAt)
# Prune by age, and what was decided in a time.
Index("IX_ReviewDecisions_DecidedAt", review_decisions.c.DecidedAt)

corrections = Table(
    "Corrections",
    metadata,
    Column("CorrectionID", _big_key, primary_key=True, autoincrement=True),
    Column("ReadingID", String(36), nullable=False),
    Column("CompanyID", String(50), nullable=False),
    #: of the decision
    Column("Version", Integer, nullable=False),
    #: path of the value: ``invoices[0].line_items[2].net_amount``
    Column("Field", String(200), nullable=False),
    #: JSON; NULL before is a value that was not there, NULL after one that was taken away
    Column("ValueBefore", UnicodeText),
    Column("ValueAfter", UnicodeText),
    #: where a person pointed: page from 1, box as JSON in fractions of the page
    Column("Page", Integer),
    Column("Box", String(200)),
    Column("ChangedBy", Unicode(100), nullable=False),
    Column("ChangedAt", _moment(), nullable=False, server_default=utc_now()),
    schema=SCHEMA,
    sqlite_autoincrement=True,
)
# The corrections of a reading, in their order.
Index("IX_Corrections_Reading", corrections.c.ReadingID, corrections.c.Version, corrections.c.CorrectionID)
# What was corrected in a time, of one company or all.
Index("IX_Corrections_Company", corrections.c.CompanyID, corrections.c.ChangedAt)
# Prune by age, and what was corrected in a time.
Index("IX_Corrections_ChangedAt", corrections.c.ChangedAt)

result_files = Table(
    "ResultFiles",
    metadata,
    Column("ResultFileID", _big_key, primary_key=True, autoincrement=True),
    #: the reading that the result of a dropped file shows
    Column("ReadingID", String(36), nullable=False),
    #: of the dropped file
    Column("SourceName", Unicode(1024), nullable=False),
    Column("SourceETag", String(100), nullable=False),
    #: digest of both
    Column("SourceSha256", String(64), nullable=False),
    Column("WrittenAt", _moment(), nullable=False, server_default=utc_now()),
    schema=SCHEMA,
    sqlite_autoincrement=True,
)
# The results that show a reading; each is noted once.
Index("UX_ResultFiles_Source", result_files.c.ReadingID, result_files.c.SourceSha256, unique=True)
# Prune by age.
Index("IX_ResultFiles_WrittenAt", result_files.c.WrittenAt)
