"""``manage.py import-legacy``: looks by itself, writes with ``--do``, and goes on after it was killed."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.integration.cli.conftest import RING
from tests.integration.database import seed_database

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def earlier(tmp_path):
    """An earlier database: 12 keys, some of them odd, and 3,000 rows of the last days."""
    path = tmp_path / "earlier.db"
    seed_database.make_seed_database(f"sqlite:///{path}", keys=12, usage_rows=3_000)
    moved = (datetime.now(UTC) - timedelta(days=3)).strftime("%Y-%m-%d 10:00:00")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE TokenUsageLogs SET LoggedAt = ?", (moved,))
    return path


def one_number(path, statement):
    with closing(sqlite3.connect(path, timeout=10)) as connection:
        return connection.execute(statement).fetchone()[0]


def test_it_looks_first_and_takes_over_when_it_is_told_to(manage, earlier, tmp_path):
    source = f"sqlite:///{earlier}"
    code, out, err = manage("import-legacy", LEGACY_DATABASE=source)
    assert code == 1, "something waits for a decision"
    assert "Nothing was written" in out
    assert "database:" not in err
    assert manage("tokens", "list", "--json")[1] == []
    code, facts, _ = manage("import-legacy", "--from", source, "--json")
    assert (code, facts["done"]) == (1, False)
    to_take = sum(company["tokens_to_take"] for company in facts["companies"])
    assert to_take > 0
    code, done, err = manage("import-legacy", "--from", source, "--do", "--json")
    assert code == 1
    assert f"SQLite file {tmp_path / 'cli.db'}" in err
    assert sum(company["tokens_here"] for company in done["companies"]) == to_take
    assert {company["tokens_to_take"] for company in done["companies"]} == {0}
    assert [(one["table"], one["ids"]) for one in done["findings"] if not one["taken"] and one["ids"]] == [
        (one["table"], one["ids"]) for one in facts["findings"] if not one["taken"] and one["ids"]
    ]
    assert manage("rollup", "run", "--json")[0] in {0, 1}
    code, again, _ = manage("import-legacy", "--from", source, "--do", "--json")
    assert again["companies"] == done["companies"]
    report = manage("usage", "report", "--by", "company", "--from", "2020-01-01", "--json")[1]
    booked = one_number(tmp_path / "cli.db", "SELECT sum(TotalTokensUsed) FROM TokenUsageLogs")
    assert sum(row["total_tokens"] for row in report) == booked > 0
    assert not any("AIzaSySeed" in said for said in manage.said)


def test_what_cannot_be_meant_is_refused(manage, earlier, tmp_path):
    for arguments, words in (
        (("--from", f"sqlite:///{tmp_path / 'cli.db'}"), "the service's own database"),
        (("--from", f"sqlite:///{tmp_path / 'missing.db'}"), "there is no file"),
        (("--from", "oracle://scott:tiger@host/db"), "--from: unknown scheme"),
        (("--from", "Server=x;Initial Catalog=y;User ID=z;Password=geheim"), "--from holds an ADO.NET"),
        (("--from", f"sqlite:///{earlier}", "--zone", "Nowhere/City"), "no time zone"),
        (("--from", f"sqlite:///{earlier}", "--company", "N T"), "company_id"),
    ):
        code, _, err = manage("import-legacy", *arguments)
        assert (code, words in err) == (1, True), err
        assert "tiger" not in err
        assert "geheim" not in err
    code, _, err = manage("import-legacy", "--from", f"sqlite:///{earlier}", "--do", TOKEN_ENCRYPTION_KEYS="")
    assert code == 1
    assert "TOKEN_ENCRYPTION_KEYS" in err


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_a_killed_import_is_run_again_and_ends_the_same(manage, earlier, tmp_path):
    command = [sys.executable, "manage.py", "import-legacy", "--from", f"sqlite:///{earlier}", "--do", "--json"]
    environment = os.environ | {"DATABASE_URL": f"sqlite:///{tmp_path / 'cli.db'}", "TOKEN_ENCRYPTION_KEYS": RING}

    def booked():
        return one_number(tmp_path / "cli.db", "SELECT count(*) FROM TokenUsageLogs")

    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while booked() == 0 and process.poll() is None:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    left = booked()
    code, done, _ = manage("import-legacy", "--from", f"sqlite:///{earlier}", "--do", "--json")
    assert code == 1
    (usage,) = [table for table in done["tables"] if table["table"] == "TokenUsageLogs"]
    assert (usage["to_take"], usage["here"] + usage["not_taken"]) == (0, 3_001)
    assert booked() == usage["here"] >= left > 0
    (summary,) = {company["tokens_to_take"] for company in done["companies"]}
    assert summary == 0
