"""A hundred files dropped on the running stack; the host killed three times; the model away for minutes."""

import hashlib
import json
import os
import time
import uuid

import pytest

from shared_code.blobs.names import error_name, result_name
from tests.devstack.host.running import wait_for
from tests.integration.blobs.stack import INVOICES, SAMPLES, BlobStack, unique

#: seconds for which the model is away
OUTAGE = float(os.environ.get("SOAK_OUTAGE_SECONDS", "180"))
FILES = 100
#: runs at once, by host.json
PARALLEL = 4


def documents():
    """A hundred (name, content): every test document, some under two names, the rest new ones."""
    paths = sorted(path for path in INVOICES.iterdir() if path.is_file() and path.suffix not in {".json", ".md"})
    found = [(path.name, path.read_bytes()) for path in paths]
    found += [(f"again/{name}", content) for name, content in found[::6]]
    templates = sorted(SAMPLES.glob("*.pdf"))
    found += [(f"new-{number:03d}.pdf", unique(templates[number % 3])) for number in range(max(FILES - len(found), 0))]
    return found[:FILES]


def answers(stack, names):
    """name -> its answer file; fails when one has two."""
    there = set(stack.names())
    found = {}
    for name in names:
        own = [one for one in (result_name(name), error_name(name)) if one in there]
        assert len(own) <= 1, own
        if own:
            found[name] = own[0]
    return found


def wait_for_answers(stack, names, *, seconds):
    began = time.monotonic()
    while True:
        try:
            found = answers(stack, names)
        except AssertionError:
            # Between the writing of an answer and the removal of its counterpart both are there.
            found = {}
        if len(found) == len(names) or time.monotonic() - began > seconds:
            return answers(stack, names)
        time.sleep(0.5)


def needing_a_model(stack, found):
    """Digests of the documents whose answer came from a model, at first hand or from an earlier answer."""
    results = [stack.read(name)[0]["data"] for name in found.values() if not name.endswith(".error.json")]
    return {data["provenance"]["sha256"] for data in results if data["provenance"]["method"] != "embedded_xml"}


def report(stack, what, found, began):
    failed = sum(name.endswith(".error.json") for name in found.values())
    needed, calls = len(needing_a_model(stack, found)), len(stack.billed_calls())
    print(
        f"\n{what}: {len(found)} answers ({failed} errors) in {time.monotonic() - began:.0f} s; "
        f"{needed} documents needed a model, {calls} calls were billed"
    )
    return needed, calls


def test_a_hundred_files_dropped_by_a_client_get_one_answer_each(tmp_path):
    with BlobStack(tmp_path, BLOB_DEADLINE_SECONDS="60") as stack, stack.host():
        began = time.monotonic()
        dropped = documents()
        for name, content in dropped:
            stack.drop(f"NT047/{name}", content)
        found = wait_for_answers(stack, [f"NT047/{name}" for name, _ in dropped], seconds=240)
        assert len(found) == len(dropped) == FILES
        needed, calls = report(stack, "dropped by a client", found, began)
        assert calls == needed
        assert stack.poison() == []


def test_a_hundred_files_dropped_by_hand_get_one_answer_each(tmp_path):
    folder = tmp_path / "files"
    folder.mkdir()
    paths = []
    for name, content in documents():
        path = folder / name.replace("/", "-")
        path.write_bytes(content)
        paths.append(path)
    with BlobStack(tmp_path, BLOB_DEADLINE_SECONDS="60") as stack, stack.host():
        began = time.monotonic()
        done = stack.manage("upload", *paths, "--company", "NT047", "--wait", "--json", seconds=300)
        rows = json.loads(done.stdout)
        assert {row["outcome"] for row in rows} == {"result", "error"}, done.stderr
        found = answers(stack, [row["blob"] for row in rows])
        assert len(found) == len(paths) == FILES
        needed, calls = report(stack, "dropped by manage.py upload", found, began)
        assert calls == needed


def test_a_host_killed_three_times_leaves_the_same_end_state(tmp_path):
    with BlobStack(tmp_path, visibility=5, BLOB_DEADLINE_SECONDS="15", DUPLICATE_WAIT_SECONDS="20") as stack:
        began = time.monotonic()
        stack.gemini.latency(200)
        dropped = documents()
        names = [f"NT047/{name}" for name, _ in dropped]
        for name, (_, content) in zip(names, dropped, strict=True):
            stack.drop(name, content)
        for share in (0.2, 0.45, 0.7):
            with stack.host() as host:
                wait_for(lambda share=share: len(stack.names()) >= share * FILES, seconds=120)
                host.kill()
        with stack.host():
            found = wait_for_answers(stack, names, seconds=240)
        assert len(found) == FILES
        needed, calls = report(stack, "host killed three times", found, began)
        assert needed <= calls <= needed + 3 * PARALLEL
        assert stack.poison() == []


def test_a_model_that_is_away_for_minutes_costs_no_hand_and_no_second_call(tmp_path):
    patience = {"RETRY_INITIAL_DELAY_SECONDS": "1", "RETRY_MAX_DELAY_SECONDS": "30", "BLOB_DEADLINE_SECONDS": "500"}
    with BlobStack(tmp_path, ROLLUP_SCHEDULE="*/20 * * * * *", **patience) as stack, stack.host():
        began = time.monotonic()
        stack.gemini.fault("overloaded_503", times=0)
        names = [f"NT047/{number:02d}.pdf" for number in range(20)]
        for name in names:
            stack.drop(name)
        time.sleep(OUTAGE)
        assert stack.names() == []
        print(f"\n{len(stack.poison())} of 20 files poisoned after {OUTAGE:.0f} s")
        stack.gemini.script.clear()
        found = wait_for_answers(stack, names, seconds=600)
        assert len(found) == 20
        needed, calls = report(stack, f"model away for {OUTAGE:.0f} s", found, began)
        assert (needed, calls) == (20, 20)
        wait_for(lambda: stack.poison() == [] and stack.open_alerts("blob_poisoned") == {}, seconds=60)


@pytest.mark.parametrize("size", [0, 1, 4_000_000, 19_900_000])
def test_bytes_of_any_size_arrive_as_they_were_dropped(tmp_path, size):
    """Large blobs are stored in blocks and have no digest: the present version is read again."""
    with BlobStack(tmp_path) as stack, stack.host():
        content = unique(SAMPLES / "gst-invoice.pdf") + b"% " + (bytes(range(256)) * (size // 256 + 1))[:size]
        blob = stack.blobs.get_blob_client("invoices", f"NT047/{size}.pdf")
        blocks = []
        for start in range(0, len(content), 4_000_000):
            blocks.append(uuid.uuid4().hex)
            blob.stage_block(blocks[-1], content[start : start + 4_000_000])
        blob.commit_block_list(blocks)
        body, _ = stack.result(f"NT047/{size}.pdf", seconds=60)
        assert body["data"]["provenance"]["sha256"] == hashlib.sha256(content).hexdigest()
