"""Results of dropped files get a new version when a person has decided, also when the process died behind the decision."""

import os
import subprocess
import sys
import uuid
from contextlib import contextmanager

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from devstack.setup.azurite import connection_string
from shared_code.blobs.answer_files import success
from shared_code.blobs.names import result_name
from shared_code.bootstrap import build_services
from shared_code.database import tables
from shared_code.database.stores.operations import webhook_settings
from shared_code.database.stores.operations.admin_audit import Actor
from shared_code.database.stores.reviews import decided_reviews
from shared_code.errors import StorageUnavailable
from shared_code.reviews.corrected import Change
from shared_code.reviews.deciding import Deciding, WantedDecision
from shared_code.reviews.desk import opened
from tests.devstack.host.azurite import free_ports
from tests.devstack.host.running import FOREIGN, wait_for
from tests.integration.blobs.stack import RING, ROOT, SAMPLES, unique
from tests.integration.reviews.desk_fixture import Reviews

ANN = Actor("admin-key:ann")
CORRECT = WantedDecision("correct", (Change("total", "1.00"),))


def owed(stack):
    return stack.services.database.read(lambda c: decided_reviews.find_owed(c, limit=9))


def dropped(stack, *names):
    """Files with the same content, each with its result; the id of the reading."""
    content = unique(SAMPLES / "ghana-vat-invoice.pdf")
    for name in names:
        stack.drop(name, content)
        stack.result(name)
    return stack.result(names[0])[0]["data"]["id"]


def test_each_result_that_shows_the_reading_gets_the_corrected_values(stack):
    names = "NT047/REV/one.pdf", "NT047/REV/two.pdf"
    reading = dropped(stack, *names)
    before, metadata = stack.read(result_name(names[1]))
    stack.services.reviews.desk.decide(reading, CORRECT, ANN)
    wait_for(lambda: not owed(stack))
    for name in names:
        body, now = stack.read(result_name(name))
        assert (body["reviewed"], now["reviewed"], body["data"]["review"]) == (True, "true", {"state": "corrected"})
        assert body["data"]["invoices"][0]["total"] == "1.00"
    assert (body["source"], body["request_id"]) == (before["source"], before["request_id"])
    assert {key: now[key] for key in metadata if key != "status"} == {
        key: value for key, value in metadata.items() if key != "status"
    }

    # A file with the same content that comes later has the corrected values at once.
    stack.drop("NT047/REV/three.pdf", stack.blobs.get_blob_client("invoices", names[0]).download_blob().readall())
    later = stack.result("NT047/REV/three.pdf")[0]
    assert (later["reviewed"], later["data"]["invoices"][0]["total"]) == (True, "1.00")


def test_what_a_killed_process_owes_is_written_by_the_timer(stack):
    name = "NT047/REV/killed.pdf"
    reading = dropped(stack, name)
    # The decision is there, and nothing behind it was done.
    stack.services.database.run(Deciding(reading, CORRECT, ANN.name, None, opened))
    assert stack.read(result_name(name))[0]["data"]["invoices"][0]["total"] == "76440.00"
    assert [review.reading_id for review in owed(stack)] == [reading]
    assert stack.services.blobs.reviewed.write_owed() == (1, 1)
    assert stack.read(result_name(name))[0]["data"]["invoices"][0]["total"] == "1.00"
    assert stack.services.blobs.reviewed.write_owed() == (0, 0)


@pytest.mark.soak
def test_storage_that_is_away_gets_the_decision_later_and_once(quiet_stack, database_url, make_settings):
    stack, name = quiet_stack, f"NT047/{uuid.uuid4()}.pdf"
    settings = make_settings(
        database_url, azurewebjobsstorage=SecretStr(stack.connection), token_encryption_keys=SecretStr(RING)
    )
    with running(settings) as made, running(settings.model_copy(update=nowhere())) as away:
        reading = Reviews(made).add()
        stack.drop(name)
        write_result(made, name, reading)
        hooks = {"WebhookUrl": "https://hooks.example.com/", "WebhookEvents": "review.decided"}
        made.database.run(lambda c: webhook_settings.write_webhook(c, "NT047", hooks))

        assert away.reviews.desk.decide(reading, CORRECT, ANN).state == "corrected"
        with pytest.raises(StorageUnavailable):
            away.blobs.reviewed.write_owed()
        # The answers have it at once; what is owed to the file outlives the process.
        assert away.stored_readings.find(reading).data["invoices"][0]["total"] == "1.00"
        owing = lambda: made.database.read(lambda c: decided_reviews.find_owed(c, limit=9))  # noqa: E731
        assert [review.reading_id for review in owing()] == [reading]
        assert stack.read(result_name(name))[0]["data"]["invoices"][0]["total"] == "10.50"

        timer = manage(database_url, stack.connection, "rollup", "run")
        assert timer.returncode == 0, timer.stdout + timer.stderr
        body, metadata = stack.read(result_name(name))
        assert (body["reviewed"], metadata["reviewed"]) == (True, "true")
        assert (body["data"]["review"], body["data"]["invoices"][0]["total"]) == ({"state": "corrected"}, "1.00")
        blob = stack.blobs.get_blob_client("invoice-results", result_name(name))
        etag = blob.get_blob_properties().etag
        assert owing() == []
        assert manage(database_url, stack.connection, "rollup", "run").returncode == 0
        assert blob.get_blob_properties().etag == etag
        table = tables.webhook_deliveries
        told = select(table.c.SubjectID).where(table.c.Event == "review.decided", table.c.SubjectID == reading)
        assert made.database.read(lambda c: c.execute(told).scalars().all()) == [reading]


@contextmanager
def running(settings):
    made = build_services(settings).ready()
    made.webhooks.thread.close()
    yield made
    made.close()


def nowhere():
    """A storage account that does not answer."""
    blob, queue, table = free_ports(3)
    return {"azurewebjobsstorage": SecretStr(connection_string(blob=blob, queue=queue, table=table))}


def write_result(made, name, reading):
    """As a run does that ends; the note of the file is written again after an answer that was lost."""
    version, store = made.blobs.store.version(name), made.blobs.store
    answer = success(version, "invoices", "read", made.stored_readings.find(reading).data)
    for _ in range(2):
        made.blobs.reviewed.note(version, answer)
    assert store.write(result_name(name), answer.content, metadata=answer.metadata(version), replaces=None)
    made.blobs.reviewed.written(answer)


def manage(database_url, storage, *arguments):
    kept = {name: value for name, value in os.environ.items() if not name.lower().startswith(FOREIGN)}
    settings = {"DATABASE_URL": database_url, "TOKEN_ENCRYPTION_KEYS": RING, "AzureWebJobsStorage": storage}
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=ROOT, env={**kept, **settings}, capture_output=True, text=True, timeout=90)


def test_a_file_that_was_written_beside_two_decisions_is_written_again(stack):
    name = "NT047/REV/twice.pdf"
    reading = dropped(stack, name)
    decide = stack.services.reviews.desk.decide
    decide(reading, CORRECT, ANN)
    wait_for(lambda: not owed(stack))
    version = stack.services.blobs.store.version(name)
    data = stack.services.stored_readings.find(reading).data
    late = success(version, "invoices", "late", data)
    decide(reading, WantedDecision("correct", (Change("total", "2.00"),)), ANN, matches="2".__eq__)
    wait_for(lambda: not owed(stack))
    # Another file of the document whose run has read the values before the second decision.
    stack.services.blobs.reviewed.written(late)
    assert [review.reading_id for review in owed(stack)] == [reading]
    assert stack.services.blobs.reviewed.write_owed() == (1, 1)
    assert stack.read(result_name(name))[0]["data"]["invoices"][0]["total"] == "2.00"


def test_a_result_that_was_taken_away_comes_again_and_that_of_another_version_stays(stack):
    taken, other = "NT047/REV/taken.pdf", "NT047/REV/other.pdf"
    readings = [dropped(stack, taken), dropped(stack, other)]
    stack.blobs.get_blob_client("invoice-results", result_name(taken)).delete_blob()
    stack.drop(other)
    newer = wait_for(lambda: (found := stack.result(other)[0])["data"]["id"] != readings[1] and found)
    for reading in readings:
        stack.services.database.run(Deciding(reading, CORRECT, ANN.name, None, opened))
    assert stack.services.blobs.reviewed.write_owed() == (2, 2)
    assert stack.read(result_name(taken))[0]["data"]["invoices"][0]["total"] == "1.00"
    assert stack.read(result_name(other))[0] == newer


def test_an_erased_document_leaves_no_note_of_its_file(stack):
    name = "NT047/REV/erased.pdf"
    reading = dropped(stack, name)
    files = tables.result_files
    found = select(files.c.SourceName).where(files.c.ReadingID == reading)
    assert stack.services.database.read(lambda c: c.execute(found).scalars().all()) == [name]
    stack.services.document_erasure.erase(reading, ANN)
    assert stack.services.database.read(lambda c: c.execute(found).scalars().all()) == []
    assert result_name(name) not in stack.names()
