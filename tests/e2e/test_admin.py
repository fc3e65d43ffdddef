"""The admin API with curl, and manage.py as a process, on the running stack."""

import json
import os
import shutil
import subprocess
import sys
import uuid
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parents[2]

#: what was done to a key, newest first
LIFE = ["disable", "activate", "block", "rotate", "change", "add"]

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


@pytest.fixture
def said():
    """Everything that a test was answered."""
    return []


@pytest.fixture
def curl(stack, said):
    def run(method, path, body=None, *, key=True):
        command = ["curl", "-s", "-i", "--noproxy", "*", "-X", method, f"{stack['host']}/api/manage/{path}"]
        if key:
            command += ["-H", f"Authorization: Bearer {stack['admin_key']}"]
        if body is not None:
            command += ["-H", "Content-Type: application/json", "-d", json.dumps(body)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        said.append(done.stdout)
        head, _, text = (
            done.stdout.partition("\n\n") if "\r\n\r\n" not in done.stdout else done.stdout.partition("\r\n\r\n")
        )
        return int(head.split()[1]), json.loads(text)

    return run


def test_the_life_of_a_key(stack, curl, said):
    secret, rotated = (f"AIzaE2e{uuid.uuid4().hex}" for _ in range(2))
    company = f"E2E-{uuid.uuid4().hex[:8]}"
    assert curl("GET", "tokens", key=False)[0] == 401
    status, answer = curl("POST", "tokens", {"company_id": company, "api_key": secret, "total_token_limit": 500_000})
    token = answer["data"]["token_id"]
    assert (status, answer["data"]["company_id"]) == (201, company.upper())
    assert curl("POST", "tokens", {"company_id": company, "api_key": secret})[0] == 409
    assert curl("POST", f"tokens/{token}/test")[1]["data"]["accepted"] is True
    assert curl("PATCH", f"tokens/{token}", {"threshold": 9})[1]["data"]["threshold"] == 9

    upload = ["curl", "-s", "--noproxy", "*", f"{stack['host']}/api/extract", "-F", f"companyID={company}"]
    read = subprocess.run(
        [*upload, "-F", f"file=@{ROOT / 'samples' / 'gst-invoice.pdf'}"], capture_output=True, text=True, check=True
    )
    assert json.loads(read.stdout)["status"] == "success"
    (line,) = curl("GET", f"usage?company_id={company}&group_by=token")[1]["data"]["items"]
    assert (line["token_id"], line["requests"]) == (token, 1)
    assert line["total_tokens"] > 0
    used = curl("GET", f"tokens/{token}")[1]["data"]
    assert used["used_tokens"] == line["total_tokens"]

    assert curl("POST", f"tokens/{token}/rotate", {"api_key": rotated})[1]["data"]["used_tokens"] == used["used_tokens"]
    assert curl("POST", f"tokens/{token}/block")[1]["data"]["status"] == "Blocked"
    assert curl("POST", f"tokens/{token}/activate")[1]["data"]["status"] == "Active"
    assert curl("DELETE", f"tokens/{token}")[1]["data"]["status"] == "Disabled"
    audit = curl("GET", f"audit?target=token%20{token}")[1]["data"]["items"]
    assert [entry["action"].partition(".")[2] for entry in audit] == LIFE
    assert curl("GET", "nothing")[0] == 404
    assert curl("PUT", "tokens")[0] == 405
    for path in ("%ff", "%c0%ae", "%ed%a0%80", "tokens?cursor=9007199254740991", "usage?user=Jos%e9"):
        status, answer = curl("GET", path)
        assert (status, answer["error"]["code"]) == (400, "INVALID_REQUEST"), path
    assert curl("PATCH", f"tokens/{token};1", {"threshold": 10})[0] == 404
    assert curl("GET", f"tokens/{token}")[1]["data"]["threshold"] == 9
    diagnosis = curl("GET", "diagnostics")[1]["data"]
    assert diagnosis["health"]["checks"]["storage"]["status"] == "healthy"
    for page in ("logs?limit=500", "retries", "extractions", "alerts", "quotas", "openapi.json"):
        assert curl("GET", page)[0] == 200
    for value in (secret, rotated):
        assert not [text for text in said if value in text]
        assert files_that_hold(stack, value) == []


@pytest.fixture
def settings(stack):
    """Those with which the stack runs."""
    lines = (line.split("=", 1) for line in (state_of(stack) / "settings.env").read_text().splitlines())
    return {name: value.strip("'") for name, value in lines}


@pytest.fixture
def manage(settings, said):
    """Runs ``manage.py`` as a process on the stack's database."""

    def run(*arguments, stdin=""):
        command = [sys.executable, "manage.py", *map(str, arguments)]
        environment = os.environ | settings
        done = subprocess.run(
            command, cwd=ROOT, env=environment, input=stdin, capture_output=True, text=True, timeout=60
        )
        said.append(done.stdout + done.stderr)
        return done

    return run


@pytest.fixture
def manage_here(settings, said, manage_in_process):
    """The same without a process for each command."""

    def run(*arguments, stdin=""):
        code, out, err = manage_in_process(settings, *arguments, stdin=stdin)
        said.append(out + err)
        return SimpleNamespace(returncode=code, stdout=out, stderr=err)

    return run


def state_of(stack):
    return Path(stack["database_url"].removeprefix("sqlite:///")).parent


def files_that_hold(stack, secret):
    """Everything that the stack has written: database, logs of all processes, storage."""
    root = state_of(stack).parent
    files = [path for path in root.rglob("*") if path.is_file()]
    assert {"console.log", "database.sqlite"} <= {path.name for path in files}
    return [path.name for path in files if secret.encode() in path.read_bytes()]


def test_the_life_of_a_key_by_manage_py(stack, manage, manage_here, said):
    secret, rotated = (f"AIzaCli{uuid.uuid4().hex}" for _ in range(2))
    company = f"CLI-{uuid.uuid4().hex[:8]}".upper()
    added = json.loads(manage("tokens", "add", company, "--limit", "500000", "--json", stdin=secret).stdout)
    token = added["token_id"]
    assert added["api_key_hint"] == secret[-4:]
    assert manage_here("tokens", "add", company, stdin=secret).returncode == 1
    assert manage_here("tokens", "test", token).returncode == 0
    extracted = subprocess.run(
        [
            *("curl", "-s", "--noproxy", "*", f"{stack['host']}/api/extract", "-F", f"companyID={company}"),
            *("-F", f"file=@{ROOT / 'samples' / 'gst-invoice.pdf'}"),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    said.append(extracted.stdout)
    spent = json.loads(extracted.stdout)["data"]["usage"]["total_tokens"]
    (line,) = json.loads(manage_here("usage", "report", "--company", company, "--by", "token", "--json").stdout)
    assert (line["token_id"], line["total_tokens"]) == (token, spent)
    assert f"{900_000 - spent} remaining" in manage_here("tokens", "set-limit", token, 900_000).stdout
    after = json.loads(manage("tokens", "rotate", token, "--yes", "--json", stdin=rotated).stdout)
    assert (after["used_tokens"], after["api_key_hint"]) == (spent, rotated[-4:])
    assert manage_here("tokens", "block", token, stdin="n\n").returncode == 1
    for command, status in (("block", "Blocked"), ("activate", "Active"), ("disable", "Disabled")):
        yes = () if command == "activate" else ("--yes",)
        assert json.loads(manage_here("tokens", command, token, *yes, "--json").stdout)["status"] == status
    audit = json.loads(manage_here("audit", "--target", f"token {token}", "--json").stdout)
    assert [entry["action"].partition(".")[2] for entry in audit] == LIFE
    assert {entry["actor"].partition(":")[0] for entry in audit} == {"cli"}
    assert audit[3]["before"]["api_key_hint"] == secret[-4:]
    for value in (secret, rotated):
        assert not [text for text in said if value in text]
        assert files_that_hold(stack, value) == []


def test_manage_py_works_on_the_same_database(stack, curl, manage):
    key = manage("admin-keys", "create", "--role", "viewer", "--company", "NT047", "--label", "e2e").stdout.strip()
    bearer = [
        "curl",
        "-s",
        "--noproxy",
        "*",
        "-H",
        f"Authorization: Bearer {key}",
        f"{stack['host']}/api/manage/tokens",
    ]
    seen = json.loads(subprocess.run(bearer, capture_output=True, text=True, check=True).stdout)
    assert {item["company_id"] for item in seen["data"]["items"]} == {"NT047"}
    assert manage("admin-keys", "revoke", key.partition(".")[0], "--yes").returncode == 0
    refused = json.loads(subprocess.run(bearer, capture_output=True, text=True, check=True).stdout)
    assert refused["error"]["code"] == "NOT_AUTHENTICATED"
    assert files_that_hold(stack, key.partition(".")[2]) == []
    assert any(entry["action"] == "admin-key.revoke" for entry in curl("GET", "audit")[1]["data"]["items"])
