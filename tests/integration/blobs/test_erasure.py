"""Erasing a document: nothing of it is left in storage, everything else stays, and nothing brings it back."""

import hashlib
import io
from datetime import UTC, datetime, timedelta

import pytest
from PIL import Image
from sqlalchemy import delete

from shared_code import errors
from shared_code.blobs.kept_documents import CONTAINER
from shared_code.blobs.names import error_name, result_name, source_of
from shared_code.database import tables
from shared_code.rollup.run import sweep_blobs

MINE, COPY = "NT047/RUB/photo of Mensah.png", "NT047/another name.png"
OTHERS = "OTHER/photo.png"


def picture():
    """A picture that nobody can read, so that it is kept."""
    stream = io.BytesIO()
    Image.effect_noise((64, 64), 90).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture
def stage(quiet_stack):
    """One document, dropped twice by one company and once by another, beside a document of its own."""
    quiet_stack.now = datetime.now(UTC)
    for container in (CONTAINER, "invoices", "invoice-results"):
        client = quiet_stack.blobs.get_container_client(container)
        for name in quiet_stack.names(container):
            client.delete_blob(name)
    quiet_stack.add_key("OTHER")
    quiet_stack.content, quiet_stack.beside = picture(), picture()
    for name in (MINE, COPY, OTHERS):
        quiet_stack.drop(name, quiet_stack.content)
    quiet_stack.drop("NT047/beside.png", quiet_stack.beside)
    for name in quiet_stack.names("invoices"):
        quiet_stack.services.blobs.intake.process(name)
    assert quiet_stack.services.blobs.keeper.flush(10)
    return quiet_stack


def digest(content):
    return hashlib.sha256(content).hexdigest()


def erase(stage, *, company="NT047", with_source=False):
    return stage.services.blobs.erasure.erase(company, digest(stage.content), with_source=with_source)


def test_all_of_a_document_goes_and_nothing_of_others(stage):
    stage.put_poison(MINE, etag=stage.services.blobs.store.version(MINE).etag)
    stage.put_poison(OTHERS, etag=stage.services.blobs.store.version(OTHERS).etag)
    stage.put_poison(MINE, function="TheirFunction")
    done = erase(stage)
    assert (done.copies, done.results, done.poison_messages, done.sources) == (1, 2, 1, 0)
    assert done.names == tuple(sorted([MINE, COPY]))
    beside = f"NT047/{digest(stage.beside)}"
    assert stage.names(CONTAINER) == sorted([beside, f"OTHER/{digest(stage.content)}"])
    assert stage.names() == sorted([result_name("NT047/beside.png"), result_name(OTHERS)])
    assert stage.poison() == sorted([MINE, OTHERS])
    assert stage.names("invoices") == sorted([MINE, COPY, OTHERS, "NT047/beside.png"])
    assert erase(stage).results == 0
    stage.queues.get_queue_client("webjobs-blobtrigger-poison").clear_messages()


def test_a_source_that_stays_is_not_read_again(stage):
    calls = len(stage.gemini.calls())
    erase(stage)
    stage.services.blobs.sweep.forgotten.forget_answers()
    stage.now += timedelta(minutes=16)
    sweep_blobs(stage.services.rollup)
    assert len(stage.gemini.calls()) == calls
    assert stage.names() == sorted([result_name("NT047/beside.png"), result_name(OTHERS)])


def test_sources_go_when_that_is_asked_for(stage):
    done = erase(stage, with_source=True)
    assert done.sources == 2
    assert stage.names("invoices") == sorted([OTHERS, "NT047/beside.png"])


def test_a_source_that_was_taken_away_leaves_nothing_behind(stage):
    stage.blobs.get_blob_client("invoices", MINE).delete_blob()
    assert erase(stage, with_source=True).results == 2
    assert result_name(MINE) not in stage.names()


def test_results_of_before_say_nothing_of_their_document_and_are_found_by_what_was_booked(stage):
    for name in stage.names():
        blob = stage.blobs.get_blob_client("invoice-results", name)
        found = blob.get_blob_properties().metadata
        blob.set_blob_metadata({key: found[key] for key in found if key not in {"companyid", "documentsha256"}})
    assert erase(stage).results == 2
    assert stage.names() == sorted([result_name("NT047/beside.png"), result_name(OTHERS)])


def test_the_error_file_of_a_document_goes_with_its_alert(stage):
    stage.content = b"%PDF-1.7 no document of Mensah"
    stage.drop("NT047/bad of Mensah.pdf", stage.content)
    stage.services.blobs.intake.process("NT047/bad of Mensah.pdf")
    assert "NT047/bad of Mensah.pdf" in stage.open_alerts("blob_failed")
    done = erase(stage)
    assert (done.results, done.names) == (1, ("NT047/bad of Mensah.pdf",))
    assert error_name("NT047/bad of Mensah.pdf") not in stage.names()
    assert stage.open_alerts("blob_failed") == {}
    # As whoever erases the rows does it: they name the file.
    stage.services.database.run(lambda connection: connection.execute(delete(tables.alerts)))
    stage.now += timedelta(minutes=16)
    sweep_blobs(stage.services.rollup)
    assert error_name("NT047/bad of Mensah.pdf") not in stage.names()


def test_what_a_protected_file_has_stopped_is_finished_by_the_next_run(stage):
    lease = stage.blobs.get_blob_client("invoice-results", result_name(MINE)).acquire_lease()
    with pytest.raises(errors.BlobUnavailable):
        erase(stage)
    lease.break_lease(0)
    erase(stage)
    assert stage.names() == sorted([result_name("NT047/beside.png"), result_name(OTHERS)])
    left = [
        source_of(dict(stage.blobs.get_blob_client("invoice-results", name).get_blob_properties().metadata))
        for name in stage.names()
    ]
    assert not [name for name in left if "Mensah" in name]
