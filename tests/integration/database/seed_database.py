"""A database as the seed documents made it: their CREATE TABLE statements and rows as people really have them."""

import random
from datetime import datetime, timedelta

from sqlalchemy import create_engine, text

#: rows of a table that go through the driver on Azure SQL
_WRITTEN = 2_000

#: Azure SQL: word for word.
_MSSQL = """
CREATE TABLE docUpload.TokenMaster (TokenID INT IDENTITY(1,1) PRIMARY KEY, CompanyID VARCHAR(50), CompanyName VARCHAR(200), ApiKey VARCHAR(500), Provider VARCHAR(100), TotalTokenLimit INT, Status VARCHAR(50), CreatedAt DATETIME DEFAULT GETDATE());
CREATE TABLE docUpload.TokenUsageLogs (UsageID INT IDENTITY(1,1) PRIMARY KEY, TokenID INT FOREIGN KEY REFERENCES docUpload.TokenMaster(TokenID), Branch VARCHAR(50), RequestedBy VARCHAR(100), InputTokens INT, OutputTokens INT, TextPromptTokens INT, ImagePromptTokens INT, TextCandidatesTokens INT, TotalTokensUsed INT, RequestCount INT, LoggedAt DATETIME DEFAULT GETDATE());
CREATE TABLE docUpload.TokenUsageSummary (SummaryID INT IDENTITY(1,1) PRIMARY KEY, TokenID INT FOREIGN KEY REFERENCES docUpload.TokenMaster(TokenID), TotalUsedTokens INT DEFAULT 0, TotalRemainingTokens INT, Threshold INT DEFAULT 3000, LastUpdated DATETIME DEFAULT GETDATE());
CREATE TABLE ApplicationLogs (LogID INT IDENTITY(1,1) PRIMARY KEY, Timestamp DATETIME DEFAULT GETDATE(), LogLevel VARCHAR(20), Logger VARCHAR(255), Message VARCHAR(MAX), Exception VARCHAR(MAX), Module VARCHAR(255), FunctionName VARCHAR(255), LineNumber INT);
CREATE TABLE RetryAttempts (RetryID INT IDENTITY(1,1) PRIMARY KEY, TokenID INT, CompanyID VARCHAR(50), Attempt INT, ErrorMessage VARCHAR(MAX), IsRetryable BIT, Timestamp DATETIME DEFAULT GETDATE());
"""


def _ported(dialect: str) -> str:
    """The same, in the words of the other two; names keep their case by quotes."""
    key = "SERIAL PRIMARY KEY" if dialect == "postgresql" else "INTEGER PRIMARY KEY AUTOINCREMENT"
    moment = "TIMESTAMP" if dialect == "postgresql" else "DATETIME"
    schema = '"docUpload".' if dialect == "postgresql" else ""
    ported = _MSSQL.replace("INT IDENTITY(1,1) PRIMARY KEY", key)
    for old, new in (
        ("FOREIGN KEY REFERENCES docUpload.TokenMaster(TokenID)", 'REFERENCES docUpload."TokenMaster"("TokenID")'),
        ("DATETIME DEFAULT GETDATE()", f"{moment} DEFAULT CURRENT_TIMESTAMP"),
        ("VARCHAR(MAX)", "TEXT"),
        (" BIT", " BOOLEAN"),
    ):
        ported = ported.replace(old, new)
    lines = []
    for line in filter(None, ported.splitlines()):
        head, _, columns = line.partition(" (")
        table = head.split()[-1].split(".")
        head = f'CREATE TABLE {"docUpload." if len(table) > 1 else ""}"{table[-1]}"'
        columns = ", ".join(
            f'"{name}" {rest}' for name, _, rest in (part.strip().partition(" ") for part in columns.split(", "))
        )
        lines.append(f"{head} ({columns}".replace("docUpload.", schema))
    return "\n".join(lines)


def statements(dialect: str) -> list[str]:
    made = _MSSQL if dialect == "mssql" else _ported(dialect)
    first = {"mssql": ["CREATE SCHEMA docUpload"], "postgresql": ['CREATE SCHEMA "docUpload"'], "sqlite": []}[dialect]
    return first + [line.rstrip(";") for line in made.strip().splitlines()]


def make_seed_database(url: str, *, keys: int, usage_rows: int, only: int = 5) -> None:
    """Create the first ``only`` of the five tables and fill them."""
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    dialect = engine.dialect.name
    create = statements(dialect)
    with engine.begin() as connection:
        for statement in create[: len(create) - 5 + only]:
            connection.execute(text(statement))
        for sql, typed_rows in _rows(keys, usage_rows):
            rows = [tuple(map(_as_text, row)) for row in typed_rows] if dialect == "sqlite" else typed_rows
            names = [name.strip() for name in sql.partition("(")[2].rstrip(")").split(",")]
            table = sql.partition(" ")[0]
            if dialect != "mssql":
                table = table.replace("docUpload.", '"docUpload".' if dialect == "postgresql" else "")
                table = f'{table.rpartition(".")[0]}{"." if "." in table else ""}"{table.rpartition(".")[2]}"'
            quoted = ", ".join(name if dialect == "mssql" else f'"{name}"' for name in names)
            first = rows[:_WRITTEN] if dialect == "mssql" else rows
            _insert(connection, f"INSERT INTO {table} ({quoted}) VALUES ", names, first)
            # Rows that only make the table large are copied by the server itself; the first one stays alone.
            step = max(len(first) - 1, 1)
            for start in range(len(first), len(rows), step):
                copied = min(step, len(rows) - start)
                connection.exec_driver_sql(
                    f"INSERT INTO {table} ({quoted}) SELECT TOP {copied} {quoted} FROM {table} WHERE UsageID > 1 ORDER BY UsageID"
                )
    engine.dispose()


def _as_text(value):
    return value.strftime("%Y-%m-%d %H:%M:%S") if isinstance(value, datetime) else value


def _insert(connection, head: str, names: list[str], rows: list[tuple]) -> None:
    if connection.dialect.name == "mssql":
        connection.exec_driver_sql(f"{head} ({', '.join('?' * len(names))})", rows)
        return
    size = 800
    for start in range(0, len(rows), size):
        chunk = rows[start : start + size]
        values = ", ".join("(" + ", ".join(f":p{n}_{m}" for m in range(len(names))) + ")" for n in range(len(chunk)))
        connection.execute(
            text(head + values), {f"p{n}_{m}": value for n, row in enumerate(chunk) for m, value in enumerate(row)}
        )


def key_of(number: int) -> str:
    return f"AIzaSySeed{number:06d}{'x' * 23}"


def _rows(keys: int, usage_rows: int):
    """Keys 1 to ``keys``; the last ten or so are the odd ones."""
    dice = random.Random(1)
    start = datetime(2026, 1, 1)
    odd = {
        keys: (None, None, None, None, None, None),
        keys - 1: ("NT047", "Twin", key_of(1), "gemini", 50_000, "Active"),  # same key as number 1
        keys - 2: ("nt047 ".strip(), "Low", key_of(keys - 2), "GEMINI", -1, "ACTIVE"),
        keys - 3: ("Nt048", "Odd", key_of(keys - 3) + "\r\n", " OpenAI", 2_000_000_000, " below threshold"),
        keys - 4: ("NT049", "No summary", key_of(keys - 4), None, 10_000, "active"),
        keys - 5: ("NT050", "Null summary", key_of(keys - 5), "Gemini", 10_000, "Active"),
        keys - 6: ("NT051", "Doubled", key_of(keys - 6), "Gemini", 10_000, "Active"),
        keys - 7: ("NT052", "Doubled, no limit", key_of(keys - 7), "Gemini", None, "Active"),
        keys - 8: ("NT053", "Nonsense", key_of(keys - 8), "Claude", 1, "paused"),
    }
    plain = {
        n: ("NT047" if n == 1 else f"C{n % 300:03d}", f"Company {n}", key_of(n), "Gemini", 1_000_000, "Active")
        for n in range(1, keys + 1)
    }
    masters = [(*(odd.get(n) or plain[n]), start + timedelta(minutes=n)) for n in range(1, keys + 1)]
    yield (
        "docUpload.TokenMaster (CompanyID, CompanyName, ApiKey, Provider, TotalTokenLimit, Status, CreatedAt)",
        masters,
    )
    used: dict[int, int] = dict.fromkeys(range(1, keys + 1), 0)
    logs = [(keys - 4, "B0", "late", 1, 1, None, 4_000, 1, start)]
    for n in range(usage_rows):
        token = None if n % 997 == 0 else dice.randint(1, keys - 9)
        amount = dice.randint(100, 900)
        if token:
            used[token] += amount
        logs.append(
            (
                token,
                f"B{n % 7}",
                None if n % 13 == 0 else f"user{n % 50}",
                amount - 50,
                50,
                amount if n % 3 else None,
                amount,
                1,
                start + timedelta(seconds=n),
            )
        )
    yield (
        "docUpload.TokenUsageLogs (TokenID, Branch, RequestedBy, InputTokens, OutputTokens, ImagePromptTokens, TotalTokensUsed, RequestCount, LoggedAt)",
        logs,
    )
    summaries = [(n, used[n], 1_000_000 - used[n], 3000, start) for n in range(1, keys - 8)]
    summaries += [
        (None, 5, 5, None, None),
        (keys - 1, 100, 49_900, 3000, start),
        (keys - 2, 0, -1, 3000, start),
        (keys - 3, 1_999_999_000, 1_000, 3000, start),
        (keys - 5, None, None, None, None),
        (keys - 6, 100, 9_900, 3000, start),
        (keys - 6, 50, 9_950, 3000, start),
        (keys - 7, 7, 993, 3000, start),
        (keys - 7, 8, None, 3000, start),
        (keys - 8, 0, 1, 3000, start),
    ]
    yield (
        "docUpload.TokenUsageSummary (TokenID, TotalUsedTokens, TotalRemainingTokens, Threshold, LastUpdated)",
        summaries,
    )
