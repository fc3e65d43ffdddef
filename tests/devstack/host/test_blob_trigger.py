"""The blob trigger against a real Azurite: receipts, messages, retries, poison, bytes."""

import base64
import hashlib
import json
import time
import uuid
from contextlib import suppress

import pytest
from azure.core.exceptions import ResourceExistsError
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from tests.devstack.host.azurite import free_ports, running_azurite
from tests.devstack.host.running import Host, blob_function, lines, wait_for, write_app

RECORD = """
import hashlib, json, os, threading, time
from pathlib import Path
import azure.functions as func

HERE = Path(__file__).parent
LOCK = threading.Lock()

def main(blob: func.InputStream, context: func.Context):
    content = blob.read()
    seen = {
        "name": blob.name, "length": blob.length, "uri": blob.uri, "metadata": blob.metadata,
        "properties": blob.blob_properties, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest(),
        "seekable": blob.seekable(),
    }
    with LOCK, (HERE / "seen.jsonl").open("a") as out:
        out.write(json.dumps(seen) + "\\n")
    gate = HERE / "gate"
    if blob.name.endswith(".slow"):
        while not gate.exists():
            time.sleep(0.02)
    if blob.name.endswith(".fails"):
        raise RuntimeError("cannot read this one")
    if blob.name.endswith(".twice") and not (HERE / "failed").exists():
        (HERE / "failed").touch()
        raise RuntimeError("not this time")
"""
ALL_BYTES = bytes(range(256))
FAST = ("--blob-poll-seconds", "0.05")


class Stage:
    """An app with its own container, and the two sides of its storage."""

    def __init__(self, root, connection, *, data_type="binary", poison=5, source=None, visibility=600):
        self.container = f"c{uuid.uuid4().hex[:12]}"
        self.connection = connection
        trigger = {"path": f"{self.container}/{{name}}", "connection": "DATA"}
        trigger |= {"dataType": data_type} if data_type else {}
        trigger |= {"source": source} if source else {}
        self.root = write_app(
            root,
            {"Keep": blob_function(RECORD, **trigger)},
            host={"extensions": {"blobs": {"poisonBlobThreshold": poison, "maxDegreeOfParallelism": 4}}},
            values={"AzureWebJobsStorage": connection, "DATA": connection},
        )
        self.blobs = BlobServiceClient.from_connection_string(connection)
        self.queues = QueueServiceClient.from_connection_string(connection)
        self.arguments = (*FAST, "--blob-visibility-seconds", str(visibility))

    def host(self):
        return Host(self.root, self.arguments)

    def put(self, name, content=b"x", **metadata):
        with suppress(ResourceExistsError):
            self.blobs.create_container(self.container)
        blob = self.blobs.get_blob_client(self.container, name)
        blob.upload_blob(content, overwrite=True, metadata=metadata or None)
        return blob

    @property
    def seen(self):
        return lines(self.root / "Keep" / "seen.jsonl")

    def times(self, name):
        return [one["name"] for one in self.seen].count(f"{self.container}/{name}")

    def receipts(self):
        hosts = self.blobs.get_container_client("azure-webjobs-hosts")
        return [
            one for one in hosts.list_blobs("blobreceipts/", include=["metadata"]) if f"/{self.container}/" in one.name
        ]

    def open_gate(self):
        (self.root / "Keep" / "gate").touch()


@pytest.fixture(scope="module")
def stage(tmp_path_factory, storage):
    """A running host over a container that holds a blob from before its start."""
    stage = Stage(tmp_path_factory.mktemp("blobs") / "app", storage)
    stage.put("before.txt", b"already there")
    with stage.host() as host:
        stage.running = host
        yield stage


def test_what_lay_there_before_the_first_start_fires(stage):
    wait_for(lambda: stage.times("before.txt") == 1)


def test_all_byte_values_metadata_and_properties_arrive(stage):
    stage.put("dir/all bytes.pdf", ALL_BYTES, companyid="NT047", branch="RUB")
    wait_for(lambda: stage.times("dir/all bytes.pdf"))
    seen = next(one for one in stage.seen if one["name"].endswith("all bytes.pdf"))
    assert (seen["bytes"], seen["sha256"]) == (256, hashlib.sha256(ALL_BYTES).hexdigest())
    assert seen["length"] == 256
    assert seen["metadata"] == {"companyid": "NT047", "branch": "RUB"}
    assert seen["uri"].endswith("/dir/all%20bytes.pdf")
    assert seen["seekable"] is False
    assert seen["properties"]["ContentLength"] == 256
    # .NET writes this structure as an empty object: a function must ask storage itself.
    assert seen["properties"]["ETag"] == {}


def test_empty_blob_has_no_length(stage):
    stage.put("empty.txt", b"")
    wait_for(lambda: stage.times("empty.txt"))
    assert next(one for one in stage.seen if one["name"].endswith("empty.txt"))["length"] is None


@pytest.mark.parametrize(
    "name",
    [
        "a b#c.pdf",
        "100%.pdf",
        "a+b&c=d?.pdf",
        "\U0001f9fe.pdf",
        "चालान.pdf",
        "x" * 800 + ".pdf",
        "a/b/c/d.pdf",
        'q"uote.pdf',
    ],
)
def test_odd_names(stage, name):
    stage.put(name)
    wait_for(lambda: stage.times(name) == 1)


def test_same_version_never_fires_twice_and_overwriting_fires_again(stage):
    stage.put("again.txt", b"1")
    wait_for(lambda: stage.times("again.txt") == 1)
    stage.put("other.txt")
    wait_for(lambda: stage.times("other.txt") == 1)
    assert stage.times("again.txt") == 1
    stage.put("again.txt", b"2")
    wait_for(lambda: stage.times("again.txt") == 2)


def test_receipt_is_in_the_real_place_and_complete(stage):
    blob = stage.put("receipt.txt")
    etag = blob.get_blob_properties().etag.strip('"')
    wait_for(lambda: stage.times("receipt.txt"))
    found = wait_for(
        lambda: [one for one in stage.receipts() if one.name.endswith("/receipt.txt") and not one.metadata]
    )
    _, host, function, version, container, name = found[0].name.split("/")
    assert (function, version, container, name) == ("Host.Functions.Keep", f'"{etag}"', stage.container, "receipt.txt")
    assert len(host) <= 32
    stage.host_id = host


def test_failure_is_retried_at_once_until_it_is_poison(stage):
    stage.put("broken.fails")
    poison = stage.queues.get_queue_client("webjobs-blobtrigger-poison")
    wait_for(
        lambda: (
            f"Moving message to queue 'webjobs-blobtrigger-poison' ({stage.container}/broken.fails)"
            in stage.running.log
        )
    )
    assert stage.times("broken.fails") == 5
    [raw] = [
        one
        for one in poison.receive_messages(max_messages=32)
        if stage.container in base64.b64decode(one.content).decode()
    ]
    message = json.loads(base64.b64decode(raw.content))
    etag = stage.blobs.get_blob_client(stage.container, "broken.fails").get_blob_properties().etag
    assert message == {
        "Type": "BlobTrigger",
        "FunctionId": "Host.Functions.Keep",
        "BlobType": "BlockBlob",
        "ContainerName": stage.container,
        "BlobName": "broken.fails",
        "ETag": '"' + etag.strip('"') + '"',
    }


def test_success_after_a_failure_ends_the_retries(stage):
    stage.put("second.twice")
    wait_for(lambda: stage.times("second.twice") == 2)
    stage.put("later.txt")
    wait_for(lambda: stage.times("later.txt"))
    assert stage.times("second.twice") == 2


def test_run_by_hand_needs_no_receipt(stage):
    stage.put("hand.txt")
    wait_for(lambda: stage.times("hand.txt") == 1)
    assert stage.running.run_now("Keep", f"{stage.container}/hand.txt").status == 202
    wait_for(lambda: stage.times("hand.txt") == 2)
    stage.running.run_now("Keep", f"{stage.container}/absent.txt")
    wait_for(lambda: f"Blob '{stage.container}/absent.txt' cannot be read" in stage.running.log)


def test_unreadable_message_is_poison_and_unknown_function_is_dropped(stage):
    queue_name = next(
        one.name for one in stage.queues.list_queues("azure-webjobs-blobtrigger-") if _belongs(stage, one.name)
    )
    queue = stage.queues.get_queue_client(queue_name)
    queue.send_message("not base64!")
    queue.send_message(
        base64.b64encode(b'{"FunctionId": "Host.Functions.Gone", "ContainerName": "c", "BlobName": "b"}').decode()
    )
    wait_for(lambda: "Moving message to queue 'webjobs-blobtrigger-poison' (unreadable)" in stage.running.log)
    wait_for(lambda: "'Host.Functions.Gone' is not a function of this host" in stage.running.log)


def _belongs(stage, queue_name):
    return wait_for(stage.receipts)[0].name.split("/")[1] in queue_name


def test_without_data_type_the_bytes_are_corrupted_as_in_azure(tmp_path, storage):
    stage = Stage(tmp_path / "app", storage, data_type=None, source="EventGrid")
    stage.put("all.bin", ALL_BYTES)
    with stage.host() as host:
        wait_for(lambda: stage.times("all.bin"))
        assert stage.seen[0]["bytes"] == 512
        assert "(source EventGrid: polled here)" in host.log


def test_missing_container_is_no_error_and_a_deleted_blob_is_dropped(tmp_path, storage):
    stage = Stage(tmp_path / "app", storage)
    with stage.host() as host:
        names = [f"{number}.slow" for number in range(4)]
        for name in names:
            stage.put(name)
        wait_for(lambda: len(stage.seen) == 4)
        waiting = stage.put("waiting.txt", b"1")
        overwritten = stage.put("overwritten.txt", b"1")
        wait_for(lambda: len(stage.receipts()) == 6)
        waiting.delete_blob()
        overwritten.upload_blob(b"22", overwrite=True)
        stage.open_gate()
        wait_for(lambda: f"Blob '{stage.container}/waiting.txt' is gone" in host.log)
        wait_for(lambda: stage.times("overwritten.txt"))
        stage.put("last.txt")
        wait_for(lambda: stage.times("last.txt"))
        assert [one["bytes"] for one in stage.seen if one["name"].endswith("overwritten.txt")] == [2]
        assert "blob scan waits" not in host.log


def test_killed_host_is_followed_up_by_the_next_and_nothing_else_runs_again(tmp_path, storage):
    stage = Stage(tmp_path / "app", storage, visibility=2)
    stage.put("done.txt")
    names = [f"{number}.slow" for number in range(3)]
    with stage.host() as host:
        wait_for(lambda: "Executed 'Functions.Keep' (Succeeded" in host.log)
        for name in names:
            stage.put(name)
        wait_for(lambda: len(stage.seen) == 4)
        host.kill()
    stage.open_gate()
    with stage.host():
        wait_for(lambda: all(stage.times(name) == 2 for name in names))
        assert stage.times("done.txt") == 1


def test_long_run_keeps_its_message_and_a_deleted_receipt_fires_again(tmp_path, storage):
    stage = Stage(tmp_path / "app", storage, visibility=1)
    stage.put("long.slow")
    with stage.host() as host:
        wait_for(lambda: stage.times("long.slow") == 1)
        began = time.monotonic()
        # Longer than the visibility timeout: the renewal alone keeps it from a second run.
        wait_for(lambda: time.monotonic() - began > 1.7)
        stage.open_gate()
        wait_for(lambda: "Executed 'Functions.Keep' (Succeeded" in host.log)
        assert host.stop() == 0
        assert stage.times("long.slow") == 1
    [receipt] = stage.receipts()
    stage.blobs.get_blob_client("azure-webjobs-hosts", receipt.name).delete_blob()
    with stage.host():
        wait_for(lambda: stage.times("long.slow") == 2)


@pytest.mark.soak
def test_storage_that_goes_away_and_comes_back(tmp_path):
    ports = free_ports(3)
    with running_azurite(tmp_path / "azurite", ports=ports) as connection:
        stage = Stage(tmp_path / "app", connection)
        stage.put("first.txt")
        host = stage.host().__enter__()
        wait_for(lambda: stage.times("first.txt"))
    try:
        wait_for(lambda: "The blob scan waits: storage cannot be reached" in host.log)
        assert host.get("/admin/host/ping").status == 200
        with running_azurite(tmp_path / "azurite", ports=ports):
            stage.put("second.txt")
            wait_for(lambda: stage.times("second.txt"), seconds=20)
            assert stage.times("first.txt") == 1
            host.stop()
    finally:
        host.__exit__()
