"""A large database for the console: 1,000 keys, 100,000 readings, a million rows of use, the same on every backend.

The rows are made here and not by the service, which would take days. They are what a year of 400 companies leaves
behind, with sums that agree, so that the timer has nothing to mend. Which row holds what is a matter of its number.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from itertools import islice
from typing import Any

from bench import console_history as history
from bench import console_use as use
from shared_code.database.key_cipher import KeyCipher
from shared_code.database.tables import metadata

_BATCH = 20_000

#: the columns that are filled, by table
_COLUMNS = {
    "TokenMaster": (
        "TokenID CompanyID CompanyName ApiKey Provider TotalTokenLimit Status CreatedAt ApiKeyHint ApiKeyFingerprint"
    ),
    "TokenUsageSummary": (
        "TokenID TotalUsedTokens TotalRemainingTokens Threshold LastUpdated ReservedTokens OpeningTokens"
    ),
    "CompanySettings": "CompanyID TimeZone ReviewMode",
    "Quotas": "QuotaID CompanyID Scope Subject MonthlyLimit CreatedAt",
    "QuotaCounters": "QuotaID Period LimitTokens UsedTokens ReservedTokens",
    "UsageDaily": (
        "LocalDay TokenID CompanyID Branch RequestedBy Model Source Requests Errors Unmeasured InputTokens "
        "OutputTokens ThoughtsTokens CachedTokens TotalTokens CostUSD Unpriced"
    ),
    "TokenUsageLogs": (
        "UsageID TokenID Branch RequestedBy InputTokens OutputTokens TotalTokensUsed RequestCount LoggedAt "
        "CallID Attempt Kind RequestID CompanyID LocalDay Model CostUSD DurationMs Source Outcome FoldedAt"
    ),
    "Extractions": (
        "ExtractionID PublicID ClaimKey CompanyID DocumentSha256 PromptVersion Provider Model CallID State "
        "CreatedAt FinishedAt Status Result InvoiceNumber Source RequestedBy Branch FileLabel ErrorCode Error "
        "LeaseUntil"
    ),
    "Reviews": (
        "ReviewID ReadingID CompanyID DocumentSha256 State Reason Amount Currency Seller SellerKey "
        "InvoiceNumber FileLabel CreatedAt PostponedUntil DecidedAt DecidedBy Version"
    ),
    "ReviewDecisions": "ReadingID CompanyID Version Decision State DecidedBy DecidedAt Fingerprint",
    "Corrections": "ReadingID CompanyID Version Field ValueBefore ValueAfter Page ChangedBy ChangedAt",
    "ApplicationLogs": "Timestamp LogLevel Logger Message Module FunctionName LineNumber CallID RequestID",
    "RetryAttempts": "TokenID CompanyID Attempt ErrorMessage IsRetryable Timestamp CallID RequestID",
    "AdminAudit": "At Actor Action Target Before After RequestID",
    "Alerts": "Kind Subject Severity Message Details OpenedAt LastSeenAt ClosedAt Occurrences",
    "WebhookDeliveries": (
        "MessageID CompanyID Event SubjectID Facts State OccurredAt Since NextAt Attempts LastStatus FinishedAt"
    ),
}

#: name of a table, its columns, its rows
type Filled = tuple[str, Sequence[str], Iterator[tuple[Any, ...]]]


def tables(cipher: KeyCipher, now: datetime) -> Iterator[Filled]:
    """All tables with their rows.

    :param cipher: closes the companies' keys.
    :param now: naive UTC; the last day is that of this moment.
    """
    rows = {
        "TokenMaster": use.keys(cipher, now),
        "TokenUsageSummary": use.summaries(now),
        "CompanySettings": use.company_rules(),
        "Quotas": use.limits(now),
        "QuotaCounters": use.counters(now),
        "UsageDaily": use.daily(now.date()),
        "TokenUsageLogs": use.uses(now),
        "Extractions": history.readings(now),
        "Reviews": history.reviews(now),
        "ReviewDecisions": history.decisions(now),
        "Corrections": history.corrections(now),
        "ApplicationLogs": history.logs(now),
        "RetryAttempts": history.attempts(now),
        "AdminAudit": history.audits(now),
        "Alerts": history.alerts(now),
        "WebhookDeliveries": history.messages(now),
    }
    return iter([(name, _COLUMNS[name].split(), found) for name, found in rows.items()])


def fill_sqlite(path: str, cipher: KeyCipher) -> None:
    """Fill a database that has its tables and nothing in them."""
    sqlite3.register_adapter(datetime, lambda moment: moment.isoformat(" ", "microseconds"))
    sqlite3.register_adapter(date, date.isoformat)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA synchronous = OFF")
    for name, columns, rows in tables(cipher, _now()):
        named = ", ".join(f'"{column}"' for column in columns)
        statement = f"INSERT INTO {name} ({named}) VALUES ({', '.join('?' * len(columns))})"
        while batch := list(islice(rows, _BATCH)):
            connection.executemany(statement, batch)
        connection.commit()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def fill_postgresql(connection: Any, cipher: KeyCipher) -> None:
    """The same on PostgreSQL; ``connection`` is psycopg's."""
    schemas = {table.name: table.schema for table in metadata.sorted_tables}
    with connection.cursor() as cursor:
        for name, columns, rows in tables(cipher, _now()):
            where = f'"{schemas[name]}"."{name}"' if schemas[name] else f'"{name}"'
            named = ", ".join(f'"{column}"' for column in columns)
            with cursor.copy(f"COPY {where} ({named}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        cursor.execute("ANALYZE")
    connection.commit()


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None, microsecond=0)
