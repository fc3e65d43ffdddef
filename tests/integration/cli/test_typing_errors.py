"""What people and scripts get wrong on the command line: told in a sentence, never acted on, never a stack trace."""

import json
import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from shared_code.cli.output import harmless
from shared_code.database import key_cipher
from shared_code.database.connection import create_database
from shared_code.database.stores.operations import logs
from shared_code.database.stores.operations.logs import LogEntry
from shared_code.settings import load_settings

ROOT = Path(__file__).resolve().parents[3]
KEY = "AIzaSyTypingErrors0123456789abcdefghijkl"
HUGE = "9" * 30


@pytest.fixture
def filled(manage):
    """A company with a key and a quota."""
    manage("tokens", "add", "NT047", "--name", "R\u00fcb\U0001f600", stdin=KEY)
    manage("quota", "set", "NT047", "--daily", "500")
    return manage


@pytest.mark.parametrize("option", ["--user", "--branch"])
def test_an_empty_name_never_means_the_whole_company(filled, option):
    """As a script with an unset variable gives it."""
    for command in (("set", "--daily", "7"), ("delete", "--yes"), ("reset", "--yes")):
        code, _, err = filled("quota", command[0], "NT047", option, "", *command[1:])
        assert (code, err) == (1, f"error: {option} is empty.\n")
    assert [item["daily_limit"] for item in filled("quota", "show", "--json")[1]] == [500]


@pytest.mark.parametrize(
    "command",
    [("tokens", "list"), ("quota", "show"), ("usage", "report"), ("usage", "forecast"), ("retries",)],
)
@pytest.mark.parametrize("company", ["", "A B"])
def test_an_empty_company_never_means_all(filled, command, company):
    option = () if command == ("quota", "show") else ("--company",)
    code, out, err = filled(*command, *option, company)
    assert (code, out) == (1, "")
    assert err.startswith("error: company_id must be 1 to 50 characters")


@pytest.mark.parametrize(
    "command",
    [
        ("tokens", "show", HUGE),
        ("tokens", "set-limit", HUGE, "5"),
        ("usage", "repair", "--token", HUGE),
        ("usage", "report", "--token", HUGE),
        ("retries", "--token", HUGE),
        ("alerts", "close", HUGE),
        ("tokens", "show", "0"),
    ],
)
def test_an_id_beyond_all_ids_is_a_wrong_argument(filled, command):
    code, _, err = filled(*command)
    assert code == 2
    assert "less than or equal" in err or "greater than or equal" in err


@pytest.mark.parametrize("amount", ["9" * 5000, str(2**53), "-1", "1e3", "\u0665", "many"])
def test_amounts_are_whole_numbers_that_can_be_stored(filled, amount):
    for command in (("tokens", "set-limit", "1"), ("quota", "set", "NT047", "--daily")):
        code, _, err = filled(*command, "--", amount) if command[0] == "tokens" else filled(*command, amount)
        assert code == 1
        assert "is a whole number up to" in err
        assert len(err) < 200


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("quota", "set", "NT047"), "Give --daily, --monthly, or both."),
        (("logs", "tail", "--level", "foo"), "--level takes DEBUG, INFO"),
        (("logs", "search", "--level", ""), "--level takes DEBUG, INFO"),
        (("tokens", "new-encryption-key", ""), "key_id must be 1 to 32 characters"),
        (("tokens", "new-encryption-key", "a:b,c"), "key_id must be 1 to 32 characters"),
        (("company", "set-zone", "NT047", "localtime"), "is not an IANA time zone"),
        (("tokens", "list", "--status", ""), "status must be one of"),
    ],
)
def test_what_is_wrong_is_said(filled, command, said):
    code, out, err = filled(*command)
    assert (code, out) == (1, "")
    assert said in err


@pytest.mark.parametrize(
    "command",
    [
        ("quota", "set", "NT047", "--daily", "1", "--user"),
        ("quota", "delete", "NT047", "--yes", "--branch"),
        ("usage", "report", "--user"),
        ("logs", "search", "--contains"),
        ("audit", "--actor"),
        ("extract", str(ROOT / "samples" / "gst-invoice.pdf"), "--company", "NT047", "--username"),
    ],
)
@pytest.mark.skipif(os.name == "nt", reason="a command line is Unicode there")
def test_an_argument_in_another_encoding_is_refused(filled, command):
    code, out, err = filled(*command, os.fsdecode(b"Jos\xe9"))
    assert (code, out) == (1, "")
    assert err == f"error: Argument {len(command) + 1} is not UTF-8: 'Jos\\udce9'.\n"


def test_a_name_that_lost_a_character_before_is_refused(filled):
    code, _, err = filled("quota", "set", "NT047", "--daily", "1", "--user", "Jos\ufffd")
    assert (code, "subject is not UTF-8" in err) == (1, True)


def test_the_beginning_of_the_calendar_has_a_report(filled):
    assert filled("usage", "report", "--to", "0001-01-01")[0] == 0


def test_moments_keep_their_zone(filled):
    database = create_database(load_settings())
    entry = LogEntry(datetime(2026, 11, 21, 6, 50), "INFO", "x", "at 6:50 UTC")
    database.run(lambda connection: logs.insert_logs(connection, [entry]))
    database.close()
    for since, found in (
        ("2026-11-21T12:19:59+05:30", 1),
        ("2026-11-21T12:20:01+0530", 0),
        ("2026-11-21T06:50:00Z", 1),
    ):
        rows = filled("logs", "search", "at", "--since", since, "--json")[1]
        assert len(rows) == found, since
    assert rows[0]["timestamp"] == "2026-11-21T06:50:00+00:00"


def test_a_setting_that_is_wrong_is_not_blamed_on_the_key(filled):
    code, out, _ = filled("tokens", "test", "1", TOKEN_ENCRYPTION_KEYS="")
    assert code == 1
    assert "TOKEN_ENCRYPTION_KEYS is not set" in out
    assert "otate" not in out


def test_setup_of_a_company_without_a_usable_key_is_not_done(filled):
    filled("tokens", "disable", "1", "--yes")
    code, out, _ = filled("setup", "--company", "nt047")
    assert code == 1
    assert "NT047 has 1, 0 usable" in out
    assert "tokens list --company NT047" in out


def test_setup_with_a_wrong_ring_does_not_have_a_good_key_replaced(filled):
    other = key_cipher.new_ring_entry("other")
    code, found, _ = filled("setup", "--company", "NT047", "--json", TOKEN_ENCRYPTION_KEYS=other)
    assert (code, found["ok"]) == (1, False)
    assert "TOKEN_ENCRYPTION_KEYS does not hold" in found["steps"]["provider"]
    assert "rotate" not in found["advice"]


def test_who_closes_a_pipe_is_told_nothing(filled):
    command = f"{sys.executable} manage.py tokens list --json | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, timeout=60)
    assert (done.stdout, done.stderr) == (b"", b"")


def test_a_url_that_is_none_is_not_shown(manage):
    for text in ("host=127.0.0.1 user=u password=s3cretpw", "garbage s3cretpw", "s3cretpw"):
        code, _, err = manage("db", "check", DATABASE_URL=text)
        assert code == 1
        assert "DATABASE_URL is not a URL" in err
        assert "s3cretpw" not in err or text == "s3cretpw"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mRED\x07", "\\x1b[31mRED\\x07"),
        ("a\x9bb\u202ec", "a\\x9bb\\u202ec"),
        ("tab\tand\nline \U0001f600", "tab\tand\nline \U0001f600"),
    ],
)
def test_nothing_that_a_terminal_would_act_on_reaches_it(text, shown):
    assert harmless(text) == shown


def process(manage, *arguments, **options):
    """The command as a process, with the settings that ``manage`` has put into the environment."""
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(
        command, cwd=ROOT, stderr=subprocess.PIPE, timeout=60, env=os.environ | options.pop("env", {}), **options
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full")
def test_streams_of_another_encoding_a_full_disk_and_a_closed_input(filled):
    narrow = {"env": {"PYTHONIOENCODING": "cp1252"}, "stdout": subprocess.PIPE}
    listed = process(filled, "tokens", "list", "--json", **narrow)
    assert json.loads(listed.stdout.decode("cp1252"))[0]["company_name"] == "R\u00fcb\U0001f600"
    assert process(filled, "tokens", "list", **narrow).returncode == 0
    with Path("/dev/full").open("wb") as full:
        done = process(filled, "tokens", "list", "--json", stdout=full)
    assert done.returncode == 1
    assert done.stderr == b"error: the output cannot be written: No space left on device\n"
    closed = subprocess.run(
        ["bash", "-c", f"{sys.executable} manage.py tokens add C9 <&-"], cwd=ROOT, capture_output=True, timeout=60
    )
    assert (closed.returncode, closed.stderr) == (1, b"error: api_key is empty.\n")


def test_tables_in_a_pipe_break_no_id_and_no_number(filled):
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    command = [sys.executable, "manage.py"]
    made = subprocess.run(
        [*command, "admin-keys", "create", "--role", "viewer", "--label", "a long label " * 7, "--json"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        check=True,
    )
    listed = subprocess.run(
        [*command, "admin-keys", "list"], cwd=ROOT, env=environment, capture_output=True, check=True
    )
    assert json.loads(made.stdout)["key_id"] in listed.stdout.decode()
