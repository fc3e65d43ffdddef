"""The queue trigger against a real Azurite: texts, tries, pauses, poison, batches, kills."""

import base64
import itertools
import json
import time
import uuid
from contextlib import suppress

import pytest
from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.queue import QueueServiceClient

from devstack.host.errors import HostStartError
from devstack.host.queue_trigger import message_encoding, queue_options
from devstack.host.settings import HostConfig
from tests.devstack.host.running import Host, lines, wait_for, write_app

RECORD = """
import json, threading, time
from pathlib import Path
import azure.functions as func

HERE = Path(__file__).parent
LOCK = threading.Lock()

def main(message: func.QueueMessage, context: func.Context):
    text = message.get_body().decode()
    seen = {"text": text, "id": message.id, "tries": message.dequeue_count, "at": time.time(),
            "inserted": str(message.insertion_time), "expires": str(message.expiration_time)}
    with LOCK, (HERE / "seen.jsonl").open("a") as out:
        out.write(json.dumps(seen) + "\\n")
    if text.startswith("slow"):
        while not (HERE / "gate").exists():
            time.sleep(0.02)
    if text.startswith("fails"):
        raise RuntimeError("cannot work on this one")
    with LOCK, (HERE / "done.jsonl").open("a") as out:
        out.write(json.dumps(text) + "\\n")
"""


class Stage:
    """An app with a queue of its own."""

    def __init__(self, root, connection, *, visibility=600, **queues):
        self.name = f"q{uuid.uuid4().hex[:12]}"
        trigger = {"name": "message", "type": "queueTrigger", "direction": "in", "queueName": "%QUEUE%"}
        self.root = write_app(
            root,
            {"Work": ({"bindings": [trigger]}, RECORD)},
            host={"extensions": {"queues": queues}},
            values={"AzureWebJobsStorage": connection, "QUEUE": self.name},
        )
        self.queues = QueueServiceClient.from_connection_string(connection)
        self.arguments = ("--blob-poll-seconds", "0.05", "--blob-visibility-seconds", str(visibility))

    def host(self):
        return Host(self.root, self.arguments)

    def send(self, *texts, raw=False):
        queue = self.queues.get_queue_client(self.name)
        with suppress(ResourceExistsError):
            queue.create_queue()
        for text in texts:
            queue.send_message(text if raw else base64.b64encode(text.encode()).decode())

    def waiting(self, suffix=""):
        try:
            found = self.queues.get_queue_client(self.name + suffix).peek_messages(max_messages=32)
        except ResourceNotFoundError:
            return []
        return [message.content for message in found]

    def seen(self):
        return lines(self.root / "Work" / "seen.jsonl")

    def done(self):
        return lines(self.root / "Work" / "done.jsonl")


@pytest.fixture
def stage(tmp_path, storage):
    def make(**options):
        return Stage(tmp_path / "app", storage, **options)

    return make


def test_a_message_reaches_the_function_as_the_text_that_was_sent(stage):
    own = stage()
    with own.host() as host:
        assert f"Work: queueTrigger {own.name}" in host.log
        time.sleep(0.3)  # a queue that is not there yet is no error
        own.send('{"name": "Grüße/ext", "id": "1"}')
        (seen,) = wait_for(own.seen)
        wait_for(lambda: own.waiting() == [])
    assert seen["text"] == '{"name": "Grüße/ext", "id": "1"}'
    assert seen["tries"] == 1
    assert seen["id"]
    assert seen["inserted"].startswith("20")
    assert "error" not in host.log.lower()


def test_a_message_whose_run_fails_comes_again_after_a_pause_and_is_poison_after_its_last_try(stage):
    own = stage(maxDequeueCount=3, visibilityTimeout="00:00:01")
    with own.host():
        own.send("fails always")
        wait_for(lambda: own.waiting("-poison"))
    tries = own.seen()
    assert [one["tries"] for one in tries] == [1, 2, 3]
    assert all(later["at"] - earlier["at"] >= 0.9 for earlier, later in itertools.pairwise(tries))
    assert own.waiting("-poison") == [base64.b64encode(b"fails always").decode()], "as it was sent"
    assert own.waiting() == []


def test_a_message_in_another_encoding_is_poison_at_once(stage):
    own = stage()
    with own.host():
        own.send("no base64!", raw=True)
        own.send("good")
        wait_for(lambda: own.waiting("-poison"))
        wait_for(own.done)
    assert [one["text"] for one in own.seen()] == ["good"]
    assert own.waiting("-poison") == ["no base64!"]


def test_messages_without_an_encoding_arrive_where_host_json_says_so(stage):
    own = stage(messageEncoding="none")
    with own.host():
        own.send("plain text", raw=True)
        wait_for(own.done)
    assert own.seen()[0]["text"] == "plain text"


def test_no_more_run_at_once_than_a_batch_and_the_threshold_for_the_next_one(stage):
    own = stage(batchSize=4, newBatchThreshold=2)
    own.send(*(f"slow {number}" for number in range(12)))
    with own.host():
        wait_for(lambda: len(own.seen()) >= 4)
        time.sleep(1)
        begun = len(own.seen())
        (own.root / "Work" / "gate").touch()
        wait_for(lambda: len(own.done()) == 12)
    # The first batch is not followed by another one before only two of it are left.
    assert begun == 4
    assert own.waiting() == []


def test_a_killed_hosts_message_comes_back_after_the_visibility_timeout(stage):
    own = stage(visibility=2)
    own.send("slow and killed")
    with own.host() as host:
        wait_for(own.seen)
        host.kill()
    (own.root / "Work" / "gate").touch()
    with own.host():
        assert own.done() == []
        wait_for(own.done, seconds=10)
    assert [one["tries"] for one in own.seen()] == [1, 2]


def test_a_function_can_be_run_by_hand_with_a_text(stage):
    own = stage()
    with own.host() as host:
        assert host.run_now("Work", "by hand").status == 202
        wait_for(own.done)
    assert own.seen()[0] | {"at": 0} == {
        "text": "by hand", "id": None, "tries": None, "inserted": "None", "expires": "None", "at": 0,
    }  # fmt: skip


@pytest.mark.parametrize(
    "queues",
    [{"batchSize": 33}, {"visibilityTimeout": "soon"}, {"newBatchThreshold": -1}, {"messageEncoding": "rot13"}],
)
def test_values_that_the_platform_refuses_end_the_start(queues):
    config = HostConfig({"extensions": {"queues": queues}})

    def read():
        message_encoding(config)
        queue_options(config, poll_seconds=1, visibility_seconds=600)

    with pytest.raises(HostStartError, match=r"host\.json: extensions\.queues"):
        read()


def test_what_host_json_does_not_say_is_as_in_azure():
    options = queue_options(HostConfig({}), poll_seconds=1, visibility_seconds=600)
    assert (options.batch, options.parallel, options.poison_threshold, options.retry_seconds) == (16, 24, 5, 0)


def test_a_trigger_without_a_queue_is_in_error(tmp_path, storage):
    trigger = {"name": "message", "type": "queueTrigger", "direction": "in"}
    root = write_app(
        tmp_path / "app", {"Work": ({"bindings": [trigger]}, RECORD)}, values={"AzureWebJobsStorage": storage}
    )
    with Host(root) as host:
        assert "The queueTrigger binding has no queueName." in host.log
    assert json.loads((root / "host.json").read_text())
