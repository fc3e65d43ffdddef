"""Diagnosis of PostgreSQL from its statistics views: activity, tables, indexes, sizes.

The four functions are those of :class:`.probe.Backend`.
"""

from pathlib import Path

from shared_code.database import unquoted_tables
from shared_code.database.diagnosis.probe import (
    Facts,
    Probe,
    by,
    index_facts,
    inspect_disk,
    ratio,
    remark_numbers,
    remark_transactions,
)

_SEE_DISK = "Look at the storage of the server: its host's df, or its metrics in the portal"
#: between the start of the server as its file has it and as it tells it
_START_SECONDS = 10
_SEE_ALL = "GRANT pg_monitor TO CURRENT_USER, as a superuser, with the login's name"
_MANY_CONNECTIONS = 0.8
_DEAD_SHARE, _DEAD_ROWS = 0.2, 10_000
_SCANNED_ROWS = 100_000
_OLD_TRANSACTION_IDS = 1_000_000_000
_HIDDEN_QUERY = "<insufficient privilege>"

_SERVER = """
SELECT current_setting('server_version') AS version, current_user AS login, current_database() AS database,
       current_setting('max_connections')::int AS max_connections,
       (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS connections,
       pg_is_in_recovery() AS is_standby, current_setting('server_encoding') AS encoding
"""
_STATES = """
SELECT coalesce(state, 'unknown') AS state, count(*) AS sessions FROM pg_stat_activity
WHERE backend_type = 'client backend' GROUP BY 1
"""
_TRANSACTIONS = """
SELECT pid AS session, usename AS login, state, query,
       extract(epoch FROM clock_timestamp() - xact_start) AS seconds
FROM pg_stat_activity
WHERE xact_start < clock_timestamp() - make_interval(secs => :limit) AND pid <> pg_backend_pid()
  AND datname = current_database() AND backend_type = 'client backend'
ORDER BY xact_start LIMIT 20
"""
_BLOCKED = """
SELECT pid AS session, pg_blocking_pids(pid)::text AS blocked_by, query,
       extract(epoch FROM clock_timestamp() - query_start) AS seconds
FROM pg_stat_activity WHERE cardinality(pg_blocking_pids(pid)) > 0 LIMIT 20
"""
_HIDDEN = "SELECT count(*) AS sessions FROM pg_stat_activity WHERE query = :text"
_DATABASE = """
SELECT blks_hit, blks_read, deadlocks, temp_files, temp_bytes, xact_commit, xact_rollback
FROM pg_stat_database WHERE datname = current_database()
"""
_SLOWEST = """
SELECT query, calls, round(total_exec_time::numeric, 1) AS total_milliseconds,
       round(mean_exec_time::numeric, 2) AS mean_milliseconds
FROM pg_stat_statements ORDER BY total_exec_time DESC LIMIT 10
"""
_TABLES = """
SELECT relname AS name, n_live_tup AS rows, n_dead_tup AS dead_rows, seq_scan, coalesce(idx_scan, 0) AS idx_scan,
       pg_total_relation_size(relid) AS bytes, greatest(last_vacuum, last_autovacuum) AS vacuumed,
       greatest(last_analyze, last_autoanalyze) AS analysed
FROM pg_stat_user_tables ORDER BY bytes DESC LIMIT 50
"""
_AGE = """
SELECT age(datfrozenxid) AS transaction_ids, pg_database_size(datname) AS bytes
FROM pg_database WHERE datname = current_database()
"""
_NUMBERS = """
SELECT sequencename AS name, last_value AS last FROM pg_sequences
WHERE data_type = 'integer'::regtype
"""
_UNUSED = """
SELECT s.relname AS table, s.indexrelname AS index, pg_relation_size(s.indexrelid) AS bytes
FROM pg_stat_user_indexes s JOIN pg_index i ON i.indexrelid = s.indexrelid
JOIN pg_stat_user_tables t ON t.relid = s.relid
WHERE s.idx_scan = 0 AND NOT i.indisunique AND t.n_live_tup > :rows ORDER BY bytes DESC LIMIT 20
"""
_INVALID = """
SELECT c.relname AS index FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE NOT i.indisvalid
"""
_INDEX_NAMES = "SELECT indexname AS name FROM pg_indexes"
_PLACE = """
SELECT current_setting('data_directory') AS folder, current_setting('port') AS port,
       extract(epoch FROM pg_postmaster_start_time()) AS started
"""


def connection(probe: Probe) -> Facts:
    """Server, login, sessions by state."""
    facts = probe.ask_one("server", _SERVER)
    if facts and facts["connections"] > facts["max_connections"] * _MANY_CONNECTIONS:
        probe.remark(
            "warning",
            f"{facts['connections']} of {facts['max_connections']} connections are in use",
            "Lower DB_POOL_SIZE x instances, or raise max_connections",
        )
    if facts.get("is_standby"):
        probe.remark("critical", "This server is a standby: it takes no writes", "Connect to the primary")
    return facts | {"sessions": by(probe.ask("sessions", _STATES), "state", "sessions")}


def performance(probe: Probe) -> Facts:
    """Long and blocked transactions, cache, slowest statements."""
    hidden = probe.ask_one("activity", _HIDDEN, text=_HIDDEN_QUERY).get("sessions")
    if hidden:
        probe.hide("statements of other logins", f"{hidden} sessions hide theirs from this login", _SEE_ALL)
    long = probe.ask("long transactions", _TRANSACTIONS, limit=probe.limits.long_transaction_seconds)
    blocked = probe.ask("blocked sessions", _BLOCKED) or []
    for row in blocked:
        # Of another login's session only the fact is visible.
        since = "" if row["seconds"] is None else f" since {row['seconds']:.0f} s"
        probe.remark(
            "warning",
            f"Session {row['session']} waits for {row['blocked_by']}{since}",
            "SELECT pg_terminate_backend(pid) for the blocking session if it does not end by itself",
        )
    database = probe.ask_one("database statistics", _DATABASE)
    slowest = probe.ask(
        "slowest statements",
        _SLOWEST,
        remedy="Add pg_stat_statements to shared_preload_libraries and run CREATE EXTENSION pg_stat_statements",
    )
    return {
        "long_transactions": remark_transactions(probe, long, remedy="SELECT pg_terminate_backend({session})"),
        "blocked": blocked,
        "cache_hit_ratio": ratio(
            database.get("blks_hit", 0), database.get("blks_hit", 0) + database.get("blks_read", 0)
        ),
        "database": database,
        "slowest": slowest or [],
    }


def schema(probe: Probe) -> Facts:
    """Rows, dead rows and sizes per table, running numbers, age of transaction ids."""
    tables = probe.ask("tables", _TABLES) or []
    for row in tables:
        if row["dead_rows"] > _DEAD_ROWS and row["dead_rows"] > row["rows"] * _DEAD_SHARE:
            probe.remark(
                "warning",
                f"{row['name']} holds {row['dead_rows']} dead rows beside {row['rows']} live ones",
                f'VACUUM (ANALYZE) "{row["name"]}"; look for long transactions, which keep autovacuum from it',
            )
    age = probe.ask_one("age", _AGE)
    if age and age["transaction_ids"] > _OLD_TRANSACTION_IDS:
        probe.remark(
            "critical",
            f"The oldest transaction id is {age['transaction_ids']} transactions old",
            "Run VACUUM (FREEZE) on the database, and end transactions that have been open for days",
        )
    remark_numbers(probe, probe.ask("running numbers", _NUMBERS))
    _remark_unquoted(probe)
    return {"tables": tables, "database": age, "disk": _inspect_disk(probe)}


def _remark_unquoted(probe: Probe) -> None:
    """Tables of the seed whose names were not quoted when they were made: they are not those that are read."""
    found = unquoted_tables.find(probe.connection)
    if found:
        names = ", ".join(table.old_name for table in found)
        probe.remark(
            "critical",
            f"Tables with unquoted names are not read: {names}",
            unquoted_tables.remedy(found),
        )


def indexes(probe: Probe) -> Facts:
    """Missing, unused and invalid indexes; tables that are read from end to end."""
    names = probe.ask("indexes", _INDEX_NAMES)
    invalid = probe.ask("invalid indexes", _INVALID) or []
    for row in invalid:
        probe.remark("warning", f"Index {row['index']} is invalid and not used", f'REINDEX INDEX "{row["index"]}"')
    scanned = [
        {"table": row["name"], "rows": row["rows"], "seq_scan": row["seq_scan"], "idx_scan": row["idx_scan"]}
        for row in probe.ask("table scans", _TABLES) or []
        if row["rows"] > _SCANNED_ROWS and row["seq_scan"] > row["idx_scan"]
    ]
    for row in scanned:
        probe.remark(
            "info",
            f"{row['table']} ({row['rows']} rows) is read from end to end more often than by an index",
            f'ANALYZE "{row["table"]}"; then look at the slowest statements on it with EXPLAIN',
        )
    return {
        **index_facts(probe, names),
        "unused": probe.ask("unused indexes", _UNUSED, rows=_DEAD_ROWS) or [],
        "invalid": [row["index"] for row in invalid],
        "read_end_to_end": scanned,
    }


def _inspect_disk(probe: Probe) -> Facts:
    """The disk below the server's data, where the server runs on this machine: it tells no client how full it is."""
    place = probe.ask_one("disk", _PLACE, remedy=_SEE_DISK)
    if not place:
        return {}
    folder = Path(place["folder"])
    if not _is_here(folder, str(place["port"]), float(place["started"])):
        probe.hide("disk", "PostgreSQL does not tell a client how full its disk is", _SEE_DISK)
        return {}
    return inspect_disk(probe, folder)


def _is_here(folder: Path, port: str, started: float) -> bool:
    """Whether the folder on this machine is that of this very server, and not of one elsewhere behind a tunnel."""
    try:
        _pid, _folder, began, its_port, *_rest = (folder / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        return its_port.strip() == port and abs(float(began) - started) < _START_SECONDS
    except (OSError, ValueError):
        return False
