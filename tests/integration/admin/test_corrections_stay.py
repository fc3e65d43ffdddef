"""Corrections outlive what happens to a document and its company: new readings, new keys, another ring, a restart."""

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path

from shared_code.extraction.submission import Submission
from shared_code.records import Caller, CallIdentity, Source
from tests.devstack.host.running import FOREIGN
from tests.integration.admin.conftest import RING

ROOT = Path(__file__).parents[3]
DOCUMENT = ROOT / "samples" / "ghana-vat-invoice.pdf"
NEWER_RING = "newer:" + "B" * 42 + "A="


def read(api, document, **options):
    """One run of the pipeline; what the caller is answered."""
    identity = CallIdentity(str(uuid.uuid4()), Caller("NT047"), Source.HTTP, "test")
    sent = Submission(data=document, identity=identity, deadline_seconds=200.0, file_name="a.pdf", **options)
    return api.services.extraction.extract(sent).data


def decide(api, reading, version, decision, *changes, **more):
    body = {"decision": decision, "corrections": [dict(zip(("field", "value"), one, strict=True)) for one in changes]}
    made = api.post(
        f"reviews/{reading}/decision",
        body | more if changes else {"decision": decision} | more,
        headers={"If-Match": f'"{version}"'},
    )
    assert made.status == 200, made.text
    return made.data


def manage(database_url, ring, *arguments):
    """``manage.py`` as a process of its own; what it says as JSON."""
    kept = {name: value for name, value in os.environ.items() if not name.lower().startswith(FOREIGN)}
    settings = {"DATABASE_URL": database_url, "TOKEN_ENCRYPTION_KEYS": ring}
    command = [sys.executable, "manage.py", *map(str, arguments), "--json"]
    done = subprocess.run(command, cwd=ROOT, env={**kept, **settings}, capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def values(data):
    [invoice] = data["invoices"]
    return data["review"]["state"], invoice["total"], invoice["seller"]["name"], len(invoice["line_items"])


def test_corrections_stay_through_new_readings_new_keys_another_ring_and_a_restart(make_api, database_url):
    api = make_api()
    token = api.add()
    document = DOCUMENT.read_bytes() + f"\n% {uuid.uuid4()}\n".encode()
    first = read(api, document)
    lines, was = len(first["invoices"][0]["line_items"]), first["invoices"][0]["seller"]["name"]
    assert api.post(f"reviews/{first['id']}/take").status == 200
    decide(api, first["id"], 1, "correct", ("total", "1.00"), ("line_items[0]", None))
    decide(api, first["id"], 2, "correct", ("seller.name", "Ada Trading"))

    def expected(state):
        return state, "1.00", "Ada Trading", lines - 1

    cached = read(api, document)
    assert (cached["cached"], values(cached)) == (True, expected("corrected"))
    # Read again with force: another reading, which has the corrected values and asks.
    forced = read(api, document, force=True)
    assert (forced["cached"], forced["supersedes"], values(forced)) == (False, first["id"], expected("pending"))
    assert values(read(api, document)) == expected("pending")
    # By a new key of the company.
    secret = f"AIzaAdmin{uuid.uuid4().hex}"
    rotated = api.post(f"tokens/{token.id}/rotate", {"api_key": secret}, headers={"If-Match": "*"})
    assert rotated.status == 200, rotated.text
    again = read(api, document, force=True)
    assert (again["supersedes"], values(again)) == (forced["id"], expected("pending"))
    assert api.get(f"reviews/{again['id']}").data["earlier"]["id"] == first["id"]

    # Another ring, by processes of their own; the older key of it is gone then.
    api.services.close()
    assert manage(database_url, f"{NEWER_RING},{RING}", "tokens", "reencrypt")["changed"] == 1
    shown = manage(database_url, NEWER_RING, "reviews", "show", first["id"])
    assert (shown["state"], shown["version"], [one["version"] for one in shown["history"]]) == ("corrected", 3, [2, 3])
    api = make_api(token_encryption_keys=NEWER_RING)
    for reading, state in ((first, "corrected"), (forced, "pending"), (again, "pending")):
        assert values(api.services.stored_readings.find(reading["id"]).data) == expected(state)
    newest = read(api, document, force=True)
    assert (newest["cached"], values(newest)) == (False, expected("pending"))

    # What is decided about the newest one is its history, each change beside what stood there before.
    assert decide(api, newest["id"], 1, "confirm")["state"] == "corrected"
    decide(api, newest["id"], 2, "postpone", reason="ask the seller")
    decide(api, newest["id"], 3, "correct", ("total", "2.00"))
    decide(api, newest["id"], 4, "reject", reason="not ours")
    decide(api, newest["id"], 5, "correct", ("total", "3.00"), ("seller.name", was))
    history = api.get(f"reviews/{newest['id']}").data["history"]
    assert [(one["version"], one["decision"], one["reason"]) for one in history] == [
        (2, "confirm", None),
        (3, "postpone", "ask the seller"),
        (4, "correct", None),
        (5, "reject", "not ours"),
        (6, "correct", None),
    ]
    assert [one["at"] for one in history] == sorted(one["at"] for one in history)
    changes = [(each["field"], each["before"], each["after"]) for one in history for each in one["corrections"]]
    assert [one for one in changes if one[0] != "line_items"] == [
        ("total", first["invoices"][0]["total"], "1.00"),
        ("seller.name", was, "Ada Trading"),
        ("total", "1.00", "2.00"),
        ("total", "2.00", "3.00"),
        ("seller.name", "Ada Trading", was),
    ]
    [(_, before, after)] = [one for one in changes if one[0] == "line_items"]
    assert (len(before), len(after)) == (lines, lines - 1)
    stored = api.get(f"extractions/{newest['id']}").data
    assert stored["data"]["invoices"][0]["total"] == "3.00"
    assert stored["original"]["invoices"][0]["total"] == first["invoices"][0]["total"]
    # The first reading's history is as it was.
    kept = api.get(f"reviews/{first['id']}").data["history"]
    assert [len(one["corrections"]) for one in kept] == [2, 1]
