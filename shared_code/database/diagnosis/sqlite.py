"""Diagnosis of a SQLite file: its settings, integrity, log, lock, and the disk below it.

The four functions are those of :class:`.probe.Backend`.
"""

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from sqlalchemy import text

from shared_code.database.diagnosis.probe import Facts, Probe, index_facts, inspect_disk

_LARGE_LOG_BYTES = 64 * 1_048_576
#: read within a second or so
_LARGE_FILE_BYTES = 200 * 1_048_576
_FREE_SHARE, _FREE_BYTES = 0.5, 100 * 1_048_576
_MAX_PROBLEMS = 10


def connection(probe: Probe) -> Facts:
    """Version, file and settings."""
    path = _path(probe)
    facts: Facts = {
        "version": sqlite3.sqlite_version,
        "file": path.name,
        "megabytes": round(_size(path) / 1_048_576, 2),
        **{
            name: probe.connection.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        },
    }
    if not os.access(path, os.W_OK):
        probe.remark(
            "critical",
            f"The file {path.name} cannot be written: every booking fails",
            "Give the user of the service the right to write to the file and its folder",
        )
    if facts["journal_mode"] != "wal":
        probe.remark(
            "warning",
            f"The journal mode is {facts['journal_mode']}: readers and the writer wait for each other",
            "Keep the file on a local disk and run 'python manage.py db upgrade', which switches to WAL",
        )
    return facts


def performance(probe: Probe) -> Facts:
    """The write lock, the write-ahead log and the file's integrity."""
    path = _path(probe)
    return {
        "write_lock": _try_write_lock(probe, path),
        "log": _inspect_log(probe, path),
        "integrity": _check_integrity(probe, path),
    }


def schema(probe: Probe) -> Facts:
    """Row counts by the highest row id (exact counts would read whole tables), free pages, the disk."""
    path = _path(probe)
    tables = probe.ask("tables", "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB 'sqlite_*'")
    rows = {}
    for table in tables or []:
        # A table without row ids has no such column: its count is left out.
        quoted = table["name"].replace('"', '""')
        found = probe.ask(f"rows of {table['name']}", f'SELECT max(rowid) AS highest FROM "{quoted}"')  # noqa: S608 - a name out of the catalogue, quoted
        rows[table["name"]] = (found[0]["highest"] or 0) if found else None
    return {
        "highest_row_ids": rows,
        "free_pages": _inspect_free_pages(probe),
        "disk": inspect_disk(probe, path.parent),
    }


def indexes(probe: Probe) -> Facts:
    """What is missing, and whether the planner has statistics."""
    rows = probe.connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'index'"))
    analysed = probe.connection.execute(text("SELECT count(*) FROM sqlite_master WHERE name = 'sqlite_stat1'"))
    return {**index_facts(probe, map(dict, rows.mappings())), "planner_statistics": bool(analysed.scalar())}


def _path(probe: Probe) -> Path:
    return Path(probe.connection.engine.url.database or "").resolve()


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _try_write_lock(probe: Probe, path: Path) -> Facts:
    """How long the write lock takes to get: SQLite cannot list transactions, but a held lock shows."""
    seconds = min(float(probe.limits.long_transaction_seconds), 2.0)
    started = time.perf_counter()
    with closing(sqlite3.connect(path, timeout=seconds, isolation_level=None)) as own:
        try:
            own.execute("BEGIN IMMEDIATE")
            own.execute("ROLLBACK")
        except sqlite3.OperationalError as error:
            waited = time.perf_counter() - started
            probe.remark(
                "warning",
                f"A write transaction has held the database for over {waited:.1f} s ({error})",
                "Find the process that has the file open (lsof) and end the transaction or the process",
            )
            return {"free": False, "waited_seconds": round(waited, 2)}
    return {"free": True, "waited_seconds": round(time.perf_counter() - started, 4)}


def _inspect_log(probe: Probe, path: Path) -> Facts:
    """A log that a checkpoint cannot empty is held by a reader that has been open for long."""
    log = path.with_name(path.name + "-wal")
    before = _size(log)
    if not before:
        return {"megabytes": 0.0}
    with closing(sqlite3.connect(path, timeout=0.2, isolation_level=None)) as own:
        _busy, frames, copied = own.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    facts: Facts = {"megabytes": round(before / 1_048_576, 2), "pages": frames, "pages_copied": copied}
    if before > _LARGE_LOG_BYTES:
        probe.remark(
            "warning",
            f"The write-ahead log has grown to {facts['megabytes']:.0f} MB",
            "A long-lived reader keeps it from being emptied: end processes that have the file open, then restart",
        )
    return facts


def _check_integrity(probe: Probe, path: Path) -> Facts:
    if _size(path) > _LARGE_FILE_BYTES:
        return {"checked": False, "reason": "the file is too large to be read on the fly; run PRAGMA quick_check"}
    problems = [row[0] for row in probe.connection.execute(text(f"PRAGMA quick_check({_MAX_PROBLEMS})"))]
    problems = [] if problems == ["ok"] else problems
    orphans = len(probe.connection.execute(text("PRAGMA foreign_key_check")).fetchmany(_MAX_PROBLEMS))
    if problems:
        probe.remark(
            "critical",
            f"The file is damaged: {problems[0]}",
            "Stop the service, keep a copy, and restore a backup or run '.recover' of the sqlite3 command line",
        )
    if orphans:
        probe.remark(
            "warning",
            "Rows refer to keys that do not exist",
            "List them with PRAGMA foreign_key_check; they come from changes made with foreign keys switched off",
            area="schema",
        )
    return {"checked": True, "problems": problems, "rows_without_parent": orphans}


def _inspect_free_pages(probe: Probe) -> Facts:
    free, pages, size = (
        int(probe.connection.execute(text(f"PRAGMA {name}")).scalar() or 0)
        for name in ("freelist_count", "page_count", "page_size")
    )
    if pages and free / pages > _FREE_SHARE and free * size > _FREE_BYTES:
        probe.remark(
            "info",
            f"{free * size // 1_048_576} MB of the file are empty pages",
            "Run VACUUM while the service is stopped",
        )
    return {"free": free, "of": pages}
