"""The admin API against its own OpenAPI document: every check of schemathesis, with keys of each role, on the whole stack.

``SOAK_EXAMPLES`` sets the number of valid requests per operation (250).
"""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import select

from devstack.setup.ports import free_ports
from shared_code.database import tables
from shared_code.database.connection import create_database
from shared_code.database.stores.operations import alerts
from shared_code.records import Alert
from shared_code.settings import Settings
from tests.e2e.conftest import RunningStack

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = int(os.environ.get("SOAK_EXAMPLES", "250"))
LEAST_REQUESTS = 5_000
LEAST_SUCCESS = 0.6
#: role, kinds of requests, share of EXAMPLES
RUNS = [
    ("admin", "all", 0.15),
    ("admin", "positive", 1.0),
    ("operator", "positive", 0.2),
    ("operator --company NT047", "positive", 0.1),
    ("reviewer", "positive", 0.1),
    ("viewer", "positive", 0.1),
    ("viewer --company NT047", "positive", 0.1),
]


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    running = RunningStack(tmp_path_factory.mktemp("stack"), "--port", free_ports(1)[0])
    try:
        running.wait_until_ready()
        yield running
        assert running.end() == 0, running.console
    finally:
        running.abandon()


@pytest.fixture(scope="module")
def seeded(stack):
    """Ids of rows that exist, by the names that paths give them."""
    sample = f"file=@{ROOT / 'samples' / 'gst-invoice.pdf'}"
    upload = ["curl", "-s", "--noproxy", "*", "-F", sample, "-F", "companyID=NT047", "-F", "username=bzumah"]
    subprocess.run([*upload, f"{stack.ready['host']}/api/extract"], check=True, capture_output=True, timeout=60)
    database = create_database(Settings(azure_sql_connection_string=None, database_url=stack.ready["database_url"]))
    try:
        for number in range(3):
            alert = Alert("unmeasured_call", str(number), "warning", "seeded", {"calls": 1})
            database.run(lambda connection, alert=alert: alerts.raise_alert(connection, alert))
        for number in range(3):
            _manage(stack, "quota", "set", "NT047", "--branch", f"B{number}", "--daily", "500000")
        columns = {
            "token_id": tables.token_master.c.TokenID,
            "quota_id": tables.quotas.c.QuotaID,
            "alert_id": tables.alerts.c.AlertID,
            "extraction_id": tables.extractions.c.ExtractionID,
        }
        return {
            name: list(
                database.read(lambda connection, column=column: connection.execute(select(column)).scalars().all())
            )
            for name, column in columns.items()
        }
    finally:
        database.close()


def test_the_admin_api_keeps_to_its_document(stack, seeded, tmp_path):
    assert all(seeded.values()), seeded
    counts = Counter()
    for number, (role, mode, share) in enumerate(RUNS):
        key = _manage(stack, "admin-keys", "create", "--role", *role.split()).strip()
        done = _schemathesis(stack, seeded, tmp_path / f"{number}.json", key, mode, max(int(EXAMPLES * share), 1))
        found = json.loads((tmp_path / f"{number}.json").read_text())
        print(role, mode, dict(sorted(found.items())))
        assert done.returncode == 0, done.stdout[-8000:]
        counts.update(found)
    requests = counts.total()
    succeeded = sum(count for status, count in counts.items() if status.startswith("2"))
    print(f"{requests} requests, {succeeded / requests:.0%} answered 2xx: {dict(sorted(counts.items()))}")
    assert not [status for status in counts if status.startswith("5")]
    if EXAMPLES >= 250:
        assert requests >= LEAST_REQUESTS
        assert succeeded / requests >= LEAST_SUCCESS


def _schemathesis(stack, seeded, counts, key, mode, examples):
    command = [
        *(str(Path(sys.executable).parent / "st"), "--config-file", str(ROOT / "soak" / "schemathesis.toml"), "run"),
        f"{stack.ready['host']}/api/manage/openapi.json",
        *("--checks", "all", "--mode", mode, "--max-examples", str(examples), "--continue-on-failure"),
        *("--phases", "examples,coverage,fuzzing" if mode == "all" else "examples,fuzzing"),
        *("--header", f"Authorization: Bearer {key}", "--include-path-regex", "^/api/manage/"),
    ]
    environment = os.environ | {
        "SOAK_IDS": json.dumps(seeded),
        "SOAK_COUNTS": str(counts),
        "SCHEMATHESIS_HOOKS": "soak.schemathesis_hooks",
        "PYTHONPATH": str(ROOT),
        "NO_PROXY": "127.0.0.1",
    }
    return subprocess.run(command, cwd=counts.parent, env=environment, capture_output=True, text=True, timeout=1800)


def _manage(stack, *arguments):
    lines = (stack.state / "settings.env").read_text().splitlines()
    settings = {name: value.strip("'") for name, _, value in (line.partition("=") for line in lines)}
    command = [sys.executable, "manage.py", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | settings, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout
