"""Lists on terminals of several widths: real ones, of which the screen is read."""

import hashlib
import json
import os
import re
import struct
import subprocess
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from shared_code.database.connection import create_database
from shared_code.database.stores.operations import alerts, retries
from shared_code.database.stores.usage import usage_rows
from shared_code.records import Alert, Caller, CallIdentity, RetryAttempt, Source, Usage, UsageKind, UsageRow
from shared_code.rollup.run import STEPS
from shared_code.settings import load_settings

ROOT = Path(__file__).resolve().parents[3]
KEY = "AIzaSyScreens0123456789abcdefghijklmnop"
CALL_ID = "0f8fad5b-d9cb-469f-a165-70867728950e"
TOKENS, COST = 987_654_321, Decimal("0.00887")
WIDTHS = (80, *(pytest.param(width, marks=pytest.mark.long) for width in (120, 160)))
#: SHA-256 of the key: 64 digits that must stand in one line
FINGERPRINT = hashlib.sha256(KEY.encode()).hexdigest()
pytestmark = pytest.mark.skipif(os.name == "nt", reason="opens a pseudo terminal")


def on_a_screen(width, *arguments):
    """Runs the command on a terminal so wide; what stands on its lines, and the lines themselves."""
    import fcntl
    import pty
    import termios

    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 400, width, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"} | {"TERM": "xterm-256color"}
    process = subprocess.Popen(
        [sys.executable, "manage.py", *arguments], cwd=ROOT, env=environment, stdin=its, stdout=its, stderr=its
    )
    os.close(its)
    written = b""
    try:
        while block := os.read(ours, 65536):
            written += block
    except OSError:  # the end of a terminal, on Linux
        pass
    os.close(ours)
    process.wait()
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", written.decode()).replace("\r", "")
    return [line.rstrip() for line in plain.splitlines()]


@pytest.fixture
def planted(manage):
    """Rows with large numbers, small costs and long ids."""
    assert manage("tokens", "add", "NT047", "--limit", str(2 * TOKENS), "--name", "Nord", stdin=KEY)[0] == 0
    assert manage("quota", "set", "NT047", "--daily", str(TOKENS), "--monthly", str(2 * TOKENS))[0] == 0
    row = UsageRow(
        identity=CallIdentity("c", Caller("NT047", "bzumah", "RUB"), Source.HTTP),
        attempt=1,
        kind=UsageKind.USAGE,
        token_id=1,
        usage=Usage(total_tokens=TOKENS, input_tokens=TOKENS, output_tokens=0),
        local_day=date(2026, 11, 20),
        model="gemini-3.5-flash-lite",
        outcome="ok",
        cost_usd=COST,
    )
    attempt = RetryAttempt(
        1,
        "503 UNAVAILABLE: the model is overloaded",
        retryable=True,
        token_id=1,
        company_id="NT047",
        request_id=CALL_ID,
    )
    alert = Alert("quota_low", "company NT047", "warning", f"Company NT047 has used {TOKENS} tokens of this month", {})
    database = create_database(load_settings())

    def fill(connection):
        usage_rows.insert_usage(connection, row)
        retries.insert_retries(connection, [attempt])
        alerts.raise_alert(connection, alert)

    database.run(fill)
    database.close()
    return manage


LISTS = {
    ("usage", "report", "--by", "user", "--from", "2026-11-01", "--to", "2026-11-30"): (
        "bzumah",
        "987,654,321",
        "0.00887",
    ),
    ("usage", "report", "--by", "day,model,token", "--from", "2026-11-01", "--to", "2026-11-30"): (
        "2026-11-20",
        "gemini-3.5-flash-lite",
        "987,654,321",
        "0.00887",
    ),
    ("tokens", "list"): ("NT047", "Active", "1,975,308,642"),
    ("tokens", "show", "1"): ("NT047", "1,975,308,642", FINGERPRINT),
    ("quota", "show"): ("company", "987,654,321", "1,975,308,642"),
    ("alerts", "list"): ("quota_low", "warning", "987654321"),
    ("retries",): (CALL_ID, "UNAVAILABLE:", "overloaded", "NT047"),
    ("audit",): ("token.add", "quota"),
    ("db", "check"): ("sqlite",),
}


@pytest.mark.parametrize("width", WIDTHS)
def test_no_list_cuts_a_number_an_id_or_a_word(planted, width):
    for command, whole in LISTS.items():
        lines = on_a_screen(width, *command)
        for text in whole:
            assert any(text in line for line in lines), (command, text, "\n".join(lines))
        assert max(map(len, lines)) <= width, (command, "\n".join(lines))
        assert "\u2026" not in "".join(lines), (command, "\n".join(lines))


def test_what_a_narrow_screen_has_no_room_for_is_named_and_can_be_seen(planted):
    report = ("usage", "report", "--by", "user", "--from", "2026-11-01", "--to", "2026-11-30")
    narrow = on_a_screen(80, *report)
    said = " ".join(narrow)
    assert "Left out, for want of room: cached tokens, unmeasured, unpriced." in said
    assert "To see them: --wide, --columns NAMES, --json." in said
    shown = {name for name in ("unmeasured", "cached", "unpriced") if any(name in line for line in narrow[:4])}
    assert shown == set(), narrow
    assert "Left out" not in " ".join(on_a_screen(160, *report))
    wide = " ".join(on_a_screen(80, *report, "--wide"))
    assert all(name in wide for name in ("unmeasured", "cached tokens", "unpriced"))
    chosen = " ".join(on_a_screen(80, *report, "--columns", "user,unpriced,Total-Tokens"))
    assert re.search(r"bzumah +0 +987,654,321", chosen), chosen
    assert "requests" not in chosen


def test_a_column_that_there_is_not_is_said(planted):
    code, _, err = planted("tokens", "list", "--columns", "planet")
    assert (code, "--columns takes id, company" in err) == (1, True)
    code, _, err = planted("tokens", "list", "--columns", "")
    assert (code, err) == (1, "error: --columns is empty.\n")


def test_programs_get_raw_numbers(planted):
    report = ("usage", "report", "--by", "user", "--from", "2026-11-01", "--to", "2026-11-30")
    (line,) = planted(*report, "--json")[1]
    assert (line["total_tokens"], line["cost_usd"]) == (TOKENS, "0.00887000")
    assert json.loads(json.dumps(line)) == line


def test_rollup_run_shows_the_step_that_is_under_way(planted):
    frames = "\n".join(on_a_screen(100, "rollup", "run")).split("steps ")
    counts = [rf"\b{number}/{len(STEPS)}\b.*\W{name}" for number, (name, _) in enumerate(STEPS)]
    assert [count for count in counts if not any(re.search(count, frame) for frame in frames)] == []
