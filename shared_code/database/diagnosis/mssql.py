"""Diagnosis of Azure SQL from its dynamic management views. The four functions are those of :class:`.probe.Backend`."""

from shared_code.database.diagnosis.probe import (
    Facts,
    Probe,
    by,
    index_facts,
    remark_fullness,
    remark_numbers,
    remark_transactions,
)

_SEE = "GRANT VIEW DATABASE STATE TO [login's user], as an administrator of the database"
_WORTHWHILE = 10_000
_UNUSED_WRITES = 1000

_SERVER = """
SELECT CAST(SERVERPROPERTY('ProductVersion') AS NVARCHAR(128)) AS version, d.name AS [database],
       d.compatibility_level, d.is_read_committed_snapshot_on, d.state_desc AS state, d.is_read_only
FROM sys.databases d WHERE d.name = DB_NAME()
"""
_STATES = """
SELECT status AS state, COUNT(*) AS sessions FROM sys.dm_exec_sessions WHERE is_user_process = 1 GROUP BY status
"""
_RESOURCES = """
SELECT MAX(avg_cpu_percent) AS cpu, MAX(avg_data_io_percent) AS data_io, MAX(avg_log_write_percent) AS log_write,
       MAX(avg_memory_usage_percent) AS memory, MAX(max_worker_percent) AS workers,
       MAX(max_session_percent) AS sessions
FROM sys.dm_db_resource_stats
"""
#: refused without VIEW DATABASE STATE
_NEEDS_PERMISSION = "SELECT TOP (1) end_time FROM sys.dm_db_resource_stats"
_TRANSACTIONS = """
SELECT TOP (20) s.session_id AS session, s.login_name AS login, s.status AS state, s.program_name AS program,
       DATEDIFF(second, t.transaction_begin_time, GETDATE()) AS seconds, '' AS query
FROM sys.dm_tran_session_transactions st
JOIN sys.dm_tran_active_transactions t ON t.transaction_id = st.transaction_id
JOIN sys.dm_exec_sessions s ON s.session_id = st.session_id
WHERE st.is_user_transaction = 1 AND st.session_id <> @@SPID
  AND DATEDIFF(second, t.transaction_begin_time, GETDATE()) >= :limit
ORDER BY t.transaction_begin_time
"""
#: where the server does not answer that: by the last statement of a session, which comes after the begin
_SESSIONS_IN_TRANSACTION = """
SELECT TOP (20) s.session_id AS session, s.login_name AS login, s.status AS state, s.program_name AS program,
       DATEDIFF(second, s.last_request_start_time, GETDATE()) AS seconds, '' AS query
FROM sys.dm_exec_sessions s
WHERE s.open_transaction_count > 0 AND s.session_id <> @@SPID
  AND DATEDIFF(second, s.last_request_start_time, GETDATE()) >= :limit
ORDER BY s.last_request_start_time
"""
_BLOCKED = """
SELECT TOP (20) r.session_id AS session, r.blocking_session_id AS blocked_by, r.wait_type, r.wait_time
FROM sys.dm_exec_requests r WHERE r.blocking_session_id > 0
"""
_SLOWEST = """
SELECT TOP (10) t.text AS query, q.execution_count AS calls, q.total_elapsed_time / 1000 AS total_milliseconds,
       q.total_worker_time / 1000 AS cpu_milliseconds, q.total_logical_reads AS reads
FROM sys.dm_exec_query_stats q CROSS APPLY sys.dm_exec_sql_text(q.sql_handle) t
ORDER BY q.total_elapsed_time DESC
"""
_TABLES = """
SELECT t.name AS name, SUM(CASE WHEN p.index_id < 2 THEN p.row_count ELSE 0 END) AS row_count,
       SUM(p.reserved_page_count) * 8192 AS bytes
FROM sys.tables t JOIN sys.dm_db_partition_stats p ON p.object_id = t.object_id
GROUP BY t.name ORDER BY 3 DESC
"""
_FILES = """
SELECT name, type_desc AS type, CAST(size AS BIGINT) * 8192 AS bytes,
       CASE WHEN max_size > 0 THEN CAST(max_size AS BIGINT) * 8192 END AS max_bytes
FROM sys.database_files
"""
_NUMBERS = """
SELECT o.name AS name, CAST(c.last_value AS BIGINT) AS last
FROM sys.identity_columns c JOIN sys.tables o ON o.object_id = c.object_id
JOIN sys.columns k ON k.object_id = c.object_id AND k.column_id = c.column_id WHERE k.system_type_id = 56
"""
_WANTED = """
SELECT TOP (20) d.statement AS [table], d.equality_columns, d.inequality_columns, d.included_columns,
       s.user_seeks + s.user_scans AS reads, s.avg_user_impact AS impact_percent,
       s.avg_total_user_cost * s.avg_user_impact * (s.user_seeks + s.user_scans) AS benefit
FROM sys.dm_db_missing_index_details d
JOIN sys.dm_db_missing_index_groups g ON g.index_handle = d.index_handle
JOIN sys.dm_db_missing_index_group_stats s ON s.group_handle = g.index_group_handle
WHERE d.database_id = DB_ID() ORDER BY 7 DESC
"""
_UNUSED = """
SELECT TOP (20) t.name AS [table], i.name AS [index], u.user_updates AS writes
FROM sys.indexes i JOIN sys.tables t ON t.object_id = i.object_id
JOIN sys.dm_db_index_usage_stats u ON u.object_id = i.object_id AND u.index_id = i.index_id
WHERE u.database_id = DB_ID() AND i.is_unique = 0
  AND u.user_seeks + u.user_scans + u.user_lookups = 0 AND u.user_updates > :writes
ORDER BY u.user_updates DESC
"""
_INDEX_NAMES = "SELECT i.name AS name FROM sys.indexes i WHERE i.name IS NOT NULL"


def connection(probe: Probe) -> Facts:
    """Server, settings, sessions by state."""
    facts = probe.ask_one("server", _SERVER)
    if facts and not facts["is_read_committed_snapshot_on"]:
        probe.remark(
            "warning",
            "READ_COMMITTED_SNAPSHOT is off: readers wait for writers",
            "ALTER DATABASE CURRENT SET READ_COMMITTED_SNAPSHOT ON WITH ROLLBACK IMMEDIATE",
        )
    if facts.get("is_read_only"):
        probe.remark("critical", "The database takes no writes", "Connect to the primary replica")
    _hide_others(probe, "sessions")
    return facts | {"sessions": by(probe.ask("sessions", _STATES, remedy=_SEE), "state", "sessions")}


def performance(probe: Probe) -> Facts:
    """Load of the last hour against the tier, long and blocked transactions, slowest statements."""
    resources = probe.ask_one("resource use", _RESOURCES, remedy=_SEE)
    for name, percent in resources.items():
        if percent is not None and percent >= probe.limits.busy_percent:
            probe.remark(
                "warning",
                f"{name} has reached {percent:.0f} % of what the service tier allows within the last hour",
                "Look at the slowest statements first; then move the database to a larger tier",
            )
    _hide_others(probe, "long transactions and blocked sessions")
    limit = probe.limits.long_transaction_seconds
    long = probe.ask("long transactions", _TRANSACTIONS, noted=False, limit=limit)
    if long is None:
        long = probe.ask("long transactions", _SESSIONS_IN_TRANSACTION, remedy=_SEE, limit=limit)
    blocked = probe.ask("blocked sessions", _BLOCKED, remedy=_SEE) or []
    for row in blocked:
        probe.remark(
            "warning",
            f"Session {row['session']} waits for session {row['blocked_by']} ({row['wait_type']})",
            f"KILL {row['blocked_by']} if that session does not end by itself",
        )
    return {
        "highest_percent_of_tier": resources,
        "long_transactions": remark_transactions(probe, long, remedy="KILL {session}"),
        "blocked": blocked,
        "slowest": probe.ask("slowest statements", _SLOWEST, remedy=_SEE) or [],
    }


def schema(probe: Probe) -> Facts:
    """Rows and sizes per table, files against their largest size, running numbers."""
    files = probe.ask("files", _FILES) or []
    for file in files:
        if file["max_bytes"] and file["type"] == "ROWS":
            remark_fullness(
                probe,
                "The database",
                file["bytes"] / file["max_bytes"] * 100,
                "Raise its largest size (ALTER DATABASE ... MODIFY (MAXSIZE = ...)), or shorten RETAIN_* settings",
            )
    remark_numbers(probe, probe.ask("running numbers", _NUMBERS))
    return {"tables": probe.ask("table sizes", _TABLES, remedy=_SEE) or [], "files": files}


def indexes(probe: Probe) -> Facts:
    """Missing indexes (ours, and those the optimiser asked for) and unused ones."""
    names = probe.ask("indexes", _INDEX_NAMES)
    wanted = probe.ask("indexes that the optimiser asked for", _WANTED, remedy=_SEE) or []
    for row in wanted:
        if row["benefit"] is not None and row["benefit"] > _WORTHWHILE:
            columns = ", ".join(part for part in (row["equality_columns"], row["inequality_columns"]) if part)
            included = f" INCLUDE ({row['included_columns']})" if row["included_columns"] else ""
            probe.remark(
                "info",
                f"The optimiser asked {row['reads']} times for an index on {row['table']} ({columns})",
                f"Consider CREATE INDEX ... ON {row['table']} ({columns}){included}",
            )
    unused = probe.ask("unused indexes", _UNUSED, remedy=_SEE, writes=_UNUSED_WRITES) or []
    return {
        **index_facts(probe, names),
        "asked_for": wanted,
        "unused": unused,
    }


def _hide_others(probe: Probe, what: str) -> None:
    """Note what a login without the permission does not see: these views then show its own session, and no error."""
    if probe.ask("permission", _NEEDS_PERMISSION, noted=False) is None:
        probe.hide(f"{what} of others", "This login sees its own session only", _SEE)
