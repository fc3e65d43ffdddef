"""Processes are killed between COMMIT and delivery, and while they deliver: every message comes, under one id."""

import json
import signal
import threading
import time
from collections import Counter

from standardwebhooks import Webhook

from shared_code.labels import new_reading_id
from tests.integration.webhooks.conftest import RING
from tests.integration.webhooks.processes import started

KILLS = 10


def wait_until(reached) -> None:
    ends = time.monotonic() + 20
    while not reached():
        assert time.monotonic() < ends
        time.sleep(0.01)


def test_ten_kills_between_commit_and_delivery_lose_no_message(make_webhooks, database_url, receiver, clock):
    settings = {"webhook_allow_loopback": True, "token_encryption_keys": RING, "webhook_retry_seconds": 0.2}
    webhooks = make_webhooks(**settings)
    secret = webhooks.set(receiver.url)
    go_on = threading.Event()
    receiver.answer = lambda _connection: go_on.wait(20)
    told = [new_reading_id() for _ in range(KILLS)]
    for number, reading in enumerate(told):
        at_once, before = number % 2 == 0, len(receiver.requests)
        process = started(database_url, settings, reading, dies=at_once)
        if not at_once:
            # The receiver has a message, and the sender will never know. It may be what one before it has left; then
            # its own waits for an answer to that one.
            wait_until(lambda written=number + 1: len(webhooks.rows()) == written)
            wait_until(lambda before=before: len(receiver.requests) > before)
            process.kill()
        process.join(30)
        assert process.exitcode == -signal.SIGKILL
        process.close()
    go_on.set()
    receiver.answer = None
    assert len(receiver.requests) >= KILLS // 2
    assert {row.state for row in webhooks.rows()} == {"pending"}

    # What no process held is sent at once, the rest when the leases of the dead have ended.
    while webhooks.rows(state="pending"):
        webhooks.send()
        webhooks.turn_to_next()
    assert {row.state for row in webhooks.rows()} == {"delivered"}
    ids = {}
    for request in receiver.requests:
        ids.setdefault(json.loads(request.body)["data"]["id"], set()).add(request.id)
    assert sorted(ids) == sorted(told)
    assert all(len(each) == 1 for each in ids.values())
    assert len({request.id for request in receiver.requests}) == KILLS
    Webhook(secret).verify(receiver.requests[0].body, receiver.requests[0].headers)
    print(f"\n{KILLS} kills; messages came so often: {Counter(receiver.ids()).values()}")
