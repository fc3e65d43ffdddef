"""``manage.py db`` and ``manage.py tokens``, as processes."""

import io
import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from shared_code.cli.main import main
from shared_code.database import key_cipher

ROOT = Path(__file__).parents[3]
RING = key_cipher.new_ring_entry("k1")
KEY = "AIzaSyCommandLine0123456789abcdefghijkl"


@pytest.fixture
def settings(tmp_path):
    return {
        "DATABASE_URL": f"sqlite:///{tmp_path / 'cli.db'}",
        "TOKEN_ENCRYPTION_KEYS": RING,
        "COLUMNS": "200",
        "AZURE_SQL_CONNECTION_STRING": "",
    }


@pytest.fixture
def manage(settings, monkeypatch, capsys, caplog):
    """Runs a command and returns its exit code, standard output, and standard error with the log."""

    # Whatever level an earlier test has left behind.
    caplog.set_level("WARNING", logger="shared_code")

    def run(*arguments, stdin="", **more):
        for name, value in (settings | more).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        caplog.clear()
        code = main(arguments)
        said = capsys.readouterr()
        return code, said.out, said.err + caplog.text

    return run


def empty_file(settings):
    """A database without anything in it."""
    Path(settings["DATABASE_URL"].removeprefix("sqlite:///")).touch()


def test_manage_py_runs_as_a_script(settings):
    empty_file(settings)
    command = [sys.executable, str(ROOT / "manage.py"), "db", "current"]
    done = subprocess.run(command, text=True, capture_output=True, cwd=ROOT, env=os.environ | settings, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "none\n", "")


def test_schema_commands(manage, settings):
    empty_file(settings)
    assert manage("db", "current") == (0, "none\n", "")
    code, out, _ = manage("db", "check", "--json")
    assert code == 1
    assert json.loads(out)["pending"][0].startswith("0001 ")
    code, out, err = manage("db", "upgrade")
    assert (code, err) == (0, f"database: SQLite file {settings['DATABASE_URL'].removeprefix('sqlite:///')}\n")
    assert out.startswith("schema: none -> 0")
    code, out, _ = manage("db", "check")
    assert code == 0
    assert "sqlite" in out


def test_a_lost_unique_index_is_named_and_made_again(manage, settings):
    manage("db", "upgrade")
    with closing(sqlite3.connect(settings["DATABASE_URL"].removeprefix("sqlite:///"))) as file:
        file.execute('DROP INDEX "UX_Claims_ClaimKey"')
    code, out, _ = manage("db", "check", "--json")
    assert (code, json.loads(out)["missing_unique_indexes"]) == (1, ["UX_Claims_ClaimKey"])
    code, _, err = manage("tokens", "list", DB_AUTO_MIGRATE="false")
    assert code == 1
    assert "lacks the unique index UX_Claims_ClaimKey on Claims" in err
    assert manage("db", "upgrade")[0] == 0
    assert manage("db", "check")[0] == 0


def test_tokens_list_says_which_keys_open_here(manage):
    manage("db", "upgrade")
    manage("tokens", "add", "nt047", stdin=f"{KEY}\n")
    manage(
        "tokens", "add", "other", stdin=f"{KEY}\n", TOKEN_ENCRYPTION_KEYS=f"{key_cipher.new_ring_entry('k9')},{RING}"
    )
    listed = json.loads(manage("tokens", "list", "--json", TOKEN_ENCRYPTION_KEYS=RING)[1])
    assert [(row["company_id"], row["opens"]) for row in listed] == [("NT047", True), ("OTHER", False)]
    assert json.loads(manage("tokens", "show", "2", "--json", TOKEN_ENCRYPTION_KEYS=RING)[1])["opens"] is False
    assert "no" in manage("tokens", "list", TOKEN_ENCRYPTION_KEYS=RING)[1].splitlines()[-1].split()


def test_tokens_list_names_keys_in_plain_text_until_they_are_encrypted(manage, settings):
    manage("db", "upgrade")
    with closing(sqlite3.connect(settings["DATABASE_URL"].removeprefix("sqlite:///"))) as file:
        file.execute("INSERT INTO TokenMaster (CompanyID, ApiKey, Status) VALUES ('NT047', ?, 'Active')", (KEY,))
        file.commit()
    line = "1 stored in plain text (1); 'manage.py tokens reencrypt' encrypts them"
    assert manage("tokens", "list")[1].splitlines()[-1] == line
    assert json.loads(manage("tokens", "list", "--json")[1])[0]["in_plain_text"] is True
    manage("tokens", "reencrypt")
    assert "plain" not in manage("tokens", "list")[1]
    assert json.loads(manage("tokens", "list", "--json")[1])[0]["in_plain_text"] is False


def test_script_for_a_dba(manage, settings):
    empty_file(settings)
    code, out, _ = manage("db", "sql", "--dialect", "mssql")
    assert code == 0
    assert "CREATE TABLE [docUpload].[TokenMaster]" in out
    code, _, err = manage("db", "sql")
    assert (code, err) == (1, "error: No script for 'sqlite': there is one for mssql and for postgresql\n")


def test_keys_are_added_from_standard_input_listed_and_rotated(manage):
    manage("db", "upgrade")
    code, out, _ = manage("tokens", "add", "nt047", "--limit", "5000", "--name", "[b]Nord[/b]", stdin=f"{KEY}\n")
    assert (code, out) == (0, "token 1 of company NT047 stored\n")
    code, out, _ = manage("tokens", "list", "--json")
    (token,) = json.loads(out)
    assert (token["company_id"], token["total_token_limit"], token["remaining_tokens"], token["threshold"]) == (
        "NT047",
        5000,
        5000,
        3000,
    )
    assert token["api_key_hint"] == KEY[-4:]
    code, out, _ = manage("tokens", "list", "--company", "nt047", "--status", "active")
    assert code == 0
    assert "[b]Nord[/b]" in out
    assert KEY not in out
    code, out, err = manage("tokens", "add", "NT047", "--api-key", KEY)
    assert (code, err) == (1, "error: Company NT047 has this API key already.\n")
    assert manage("tokens", "rotate", "1", "--yes", stdin=KEY + "new")[0] == 0
    assert manage("tokens", "rotate", "2", "--yes", stdin=KEY + "new")[0] == 1


def test_ring_is_rotated(manage):
    manage("db", "upgrade")
    manage("tokens", "add", "NT047", stdin=KEY)
    entry = manage("tokens", "new-encryption-key", "k2")[1].strip()
    assert manage("tokens", "reencrypt", TOKEN_ENCRYPTION_KEYS=f"{entry},{RING}")[:2] == (
        0,
        "1 keys and 0 webhook secrets encrypted anew\n",
    )
    code, out, err = manage("tokens", "reencrypt", TOKEN_ENCRYPTION_KEYS=RING)
    assert code == 1
    assert "do not open: 1" in out
    assert "'k2'" in err


def test_problems_are_one_line_without_secrets(manage):
    code, out, err = manage("db", "current", DATABASE_URL="mysql://root:geheim@h/db")
    assert (code, out) == (1, "")
    assert "mysql" in err
    assert "geheim" not in err
    code, _, err = manage(
        "db", "current", DATABASE_URL="postgresql://root:geheim@127.0.0.1:9/db", DB_RETRY_BUDGET_SECONDS="0.1"
    )
    assert code == 1
    assert "geheim" not in err
    assert "Traceback" not in err
    manage("db", "upgrade")
    code, _, err = manage("tokens", "add", "NT047", stdin=KEY, TOKEN_ENCRYPTION_KEYS="")
    assert code == 1
    assert "TOKEN_ENCRYPTION_KEYS" in err
