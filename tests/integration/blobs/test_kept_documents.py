"""Copies of documents: which are kept, under which name, what faults of storage do to them, and when they go."""

import hashlib
import io
import json
import logging
import time
import uuid
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from PIL import Image
from pydantic import SecretStr
from sqlalchemy import delete, update

from devstack.setup.azurite import connection_string
from shared_code.blobs import expiring_documents
from shared_code.blobs.keeping import DocumentKeeper
from shared_code.blobs.kept_documents import CONTAINER, KeptDocuments
from shared_code.bootstrap import build_services
from shared_code.database import tables
from shared_code.database.clock import utc_now
from shared_code.extraction.submission import Submission
from shared_code.observability.telemetry import configure_telemetry, shutdown_telemetry, telemetry
from shared_code.records import Caller, CallIdentity, Source
from shared_code.rollup.retention import remove_documents
from shared_code.settings import KeepDocuments
from shared_code.web.extract import Upload, extract_response
from tests.devstack.host.azurite import free_ports, running_azurite
from tests.integration.blobs.stack import SAMPLES, unique
from tests.integration.observability.ingestion import Ingestion

PDF = "application/pdf"
MEGABYTE = 1 << 20


@pytest.fixture
def stage(quiet_stack):
    """The stack with nothing in it."""
    quiet_stack.now = datetime.now(UTC)
    quiet_stack.gemini.script.clear()
    for container in (CONTAINER, "invoices", "invoice-results"):
        client = quiet_stack.blobs.get_container_client(container)
        for name in quiet_stack.names(container):
            client.delete_blob(name)
    return quiet_stack


@pytest.fixture
def ingestion(monkeypatch, stage):
    """Where the process's telemetry goes."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    endpoint = Ingestion()
    resource = SecretStr(endpoint.connection_string)
    configure_telemetry(stage._settings().model_copy(update={"applicationinsights_connection_string": resource}))
    yield endpoint
    shutdown_telemetry(0.5)
    endpoint.stop()


@contextmanager
def services(stage, **settings):
    """Other services on the stage's database and stand-ins."""
    made = build_services(stage._settings().model_copy(update=settings), clock=lambda: stage.now).ready()
    try:
        yield made
    finally:
        made.close()


def upload(made, content, kind=PDF, *, company="NT047"):
    """The ``data`` of the answer."""
    fields = {"companyID": company, "username": "Kwame Mensah"}
    sent = Upload(content, kind, fields, "Mensah, private.pdf", multipart=True)
    answered = extract_response(lambda: made, lambda: sent, request_id=None)
    assert answered.status_code == 200, answered.body
    return json.loads(answered.body)["data"]


def right_document():
    return unique(SAMPLES / "ghana-vat-invoice.pdf")


def unreadable_document():
    """A picture that nobody can read."""
    stream = io.BytesIO()
    Image.effect_noise((64, 64), 90).save(stream, "PNG")
    return stream.getvalue()


def path(content, company="NT047"):
    return f"{company}/{hashlib.sha256(content).hexdigest()}"


def kept(stage):
    return stage.names(CONTAINER)


# --- what is kept


def test_what_a_person_must_look_at_is_kept_and_nothing_else_and_under_no_name(stage):
    right, unreadable = right_document(), unreadable_document()
    keeper = stage.services.blobs.keeper
    assert upload(stage.services, right)["status"] == "ok"
    assert upload(stage.services, unreadable, "image/png")["status"] == "needs_review"
    assert keeper.flush(10)
    assert kept(stage) == [path(unreadable)]
    copy = stage.blobs.get_blob_client(CONTAINER, path(unreadable)).get_blob_properties()
    assert copy.content_settings.content_type == "application/octet-stream"
    assert "mensah" not in f"{copy.name} {copy.metadata} {copy.content_settings}".lower()
    assert stage.services.blobs.documents.read("NT047", path(unreadable).partition("/")[2]) == unreadable
    assert stage.services.blobs.documents.read("OTHER", path(unreadable).partition("/")[2]) is None


@pytest.mark.parametrize("policy", [KeepDocuments.ALL, KeepDocuments.OFF])
def test_all_are_kept_or_none(stage, policy):
    right, unreadable = right_document(), unreadable_document()
    with services(stage, keep_documents=policy) as made:
        upload(made, right)
        upload(made, unreadable, "image/png")
        assert made.blobs.keeper.flush(10)
    both = sorted([path(right), path(unreadable)])
    assert kept(stage) == (both if policy is KeepDocuments.ALL else [])


def test_a_dropped_file_is_kept_too_and_stays_when_its_source_is_taken_away(stage):
    unreadable = unreadable_document()
    stage.drop("NT047/photo of Mensah.png", unreadable)
    stage.services.blobs.intake.process("NT047/photo of Mensah.png")
    stage.blobs.get_blob_client("invoices", "NT047/photo of Mensah.png").delete_blob()
    assert stage.services.blobs.keeper.flush(10)
    assert kept(stage) == [path(unreadable)]


def test_reading_again_makes_the_copy_young_again_and_no_second_one(stage):
    unreadable = unreadable_document()
    ages = []
    for _ in range(2):
        upload(stage.services, unreadable, "image/png")
        assert stage.services.blobs.keeper.flush(10)
        ages.append(stage.blobs.get_blob_client(CONTAINER, path(unreadable)).get_blob_properties().last_modified)
        time.sleep(1.1)  # storage counts in seconds
    assert ages[0] < ages[1]
    assert kept(stage) == [path(unreadable)]


@pytest.mark.parametrize("company", [".", "..", "ACME.", "...", "A-B_c.D"])
def test_every_company_id_has_a_place_of_its_own(stage, company):
    documents = stage.services.blobs.documents
    documents.keep(company, "a" * 64, b"one")
    documents.keep("ACME", "a" * 64, b"other")
    assert documents.read(company, "a" * 64) == b"one"
    [mine] = [each for each in documents.page(None, size=100)[0] if each.company_id == company]
    assert (mine.sha256, mine.size) == ("a" * 64, 3)
    assert documents.remove(mine)
    assert documents.read(company, "a" * 64) is None
    assert documents.read("ACME", "a" * 64) == b"other"


# --- faults of storage


def offer(keeper, content, *, company="NT047", reading_id=None):
    digest = hashlib.sha256(uuid.uuid4().bytes).hexdigest()
    submission = Submission(content, CallIdentity("c", Caller(company), Source.HTTP), 1.0)
    provenance = {"sha256": digest}
    keeper.offer(submission, {"id": reading_id, "status": "needs_review", "warnings": [], "provenance": provenance})


def metrics(ingestion, name):
    telemetry().flush(5)
    found = [item["data"]["baseData"]["metrics"][0] for item in ingestion.of("MetricData")]
    return [metric["value"] for metric in found if metric["name"] == name]


def test_storage_that_is_away_costs_no_answer_and_holds_a_bounded_part_of_memory(stage, tmp_path, ingestion, caplog):
    blob, queue, table = ports = free_ports(3)
    account = connection_string(blob=blob, queue=queue, table=table)
    unreadable = unreadable_document()
    with services(stage, azurewebjobsstorage=SecretStr(account)) as made, caplog.at_level(logging.WARNING):
        keeper = made.blobs.keeper
        started = time.monotonic()
        assert upload(made, unreadable, "image/png")["status"] == "needs_review"
        for _ in range(60):
            offer(keeper, bytes(MEGABYTE))
        assert time.monotonic() - started < 5
        assert not keeper.flush(20)
        assert "copies of documents wait, others may not be kept: Storage is not available" in caplog.text
        with running_azurite(tmp_path / "azurite", ports=ports):
            assert keeper.flush(30)
            copies, _ = made.blobs.documents.page(None, size=1000)
            assert made.blobs.documents.read("NT047", path(unreadable).partition("/")[2]) == unreadable
        # As many as the bound allows, and those that were in the thread's hand.
        assert 32 <= len(copies) <= 32 + 16
        lost = 61 - len(copies)
        assert f"copies of {lost} documents were not kept" in caplog.text
        assert sum(metrics(ingestion, "documents_not_kept")) == lost
        assert metrics(ingestion, "document_storage_faults")
    assert "Mensah" not in caplog.text


def test_a_copy_that_storage_protects_is_told_and_stops_no_other(stage, ingestion, caplog):
    unreadable, another = unreadable_document(), unreadable_document()
    upload(stage.services, unreadable, "image/png")
    assert stage.services.blobs.keeper.flush(10)
    lease = stage.blobs.get_blob_client(CONTAINER, path(unreadable)).acquire_lease()
    with services(stage) as made, caplog.at_level(logging.WARNING):
        upload(made, unreadable, "image/png")
        upload(made, another, "image/png")
        assert made.blobs.keeper.flush(10)
    lease.break_lease(0)
    assert "copies of 1 documents were not kept: Storage does not give this file out" in caplog.text
    assert metrics(ingestion, "documents_not_kept") == [1]
    assert kept(stage) == sorted([path(unreadable), path(another)])


def test_without_an_account_or_with_one_that_is_none_uploads_are_answered(stage, caplog):
    for account in (None, SecretStr("no connection string")):
        with services(stage, azurewebjobsstorage=account) as made:
            upload(made, unreadable_document(), "image/png")
            assert made.blobs.keeper.flush(10)
    assert "copies of 1 documents were not kept: AzureWebJobsStorage does not name a storage account" in caplog.text


def test_a_copy_whose_reading_was_erased_while_it_waited_is_taken_away_again(stage):
    unreadable = unreadable_document()
    answer = upload(stage.services, unreadable, "image/png")
    mine = tables.extractions.c.PublicID == answer["id"]
    erased = update(tables.extractions).where(mine).values(ErasedAt=utc_now())
    stage.services.database.run(lambda connection: connection.execute(erased))
    assert stage.services.blobs.keeper.flush(10)
    assert kept(stage) == []


# --- when copies go


def advance(stage, **time_of):
    stage.now += timedelta(**time_of)
    return remove_documents(stage.services.rollup)


def test_copies_go_when_they_are_old_but_those_that_wait_for_a_person_90_days_later(stage):
    right, unreadable = right_document(), unreadable_document()
    with services(stage, keep_documents=KeepDocuments.ALL) as made:
        upload(made, right)
        upload(made, unreadable, "image/png")
        assert made.blobs.keeper.flush(10)
    assert advance(stage, days=29).changed == 0
    done = advance(stage, days=1, seconds=5)
    assert (done.seen, done.changed) == (2, 1)
    assert kept(stage) == [path(unreadable)]
    assert advance(stage, days=89).changed == 0
    assert advance(stage, days=1).changed == 1
    assert kept(stage) == []


def test_a_copy_goes_with_the_last_reading_that_waits_for_a_person(stage):
    unreadable = unreadable_document()
    upload(stage.services, unreadable, "image/png")
    assert stage.services.blobs.keeper.flush(10)
    assert advance(stage, days=31).changed == 0
    mine = tables.extractions.c.DocumentSha256 == hashlib.sha256(unreadable).hexdigest()
    stage.services.database.run(lambda connection: connection.execute(delete(tables.extractions).where(mine)))
    assert advance(stage, seconds=0).changed == 1


def test_each_run_goes_on_where_the_last_one_stopped(stage, monkeypatch):
    monkeypatch.setattr(expiring_documents, "_PAGE", 2)
    monkeypatch.setattr(expiring_documents, "_MOST_PAGES", 1)
    documents = stage.services.blobs.documents
    for number in range(5):
        documents.keep("NT047", f"{number:064d}", b"x")
    stage.blobs.get_blob_client(CONTAINER, "somebody else's.pdf").upload_blob(b"x")
    assert [advance(stage, days=days).changed for days in (31, 0, 0)] == [2, 2, 1]
    assert kept(stage) == ["somebody else's.pdf"]


def test_a_protected_copy_stays_and_the_others_go(stage, caplog):
    documents = stage.services.blobs.documents
    for number in range(3):
        documents.keep("NT047", f"{number:064d}", b"x")
    lease = stage.blobs.get_blob_client(CONTAINER, f"NT047/{1:064d}").acquire_lease()
    assert advance(stage, days=31).changed == 2
    assert "1 copies of documents could not be removed" in caplog.text
    lease.break_lease(0)
    assert advance(stage, seconds=0).changed == 1


def test_a_copy_that_was_renewed_meanwhile_is_not_removed(stage):
    documents = stage.services.blobs.documents
    documents.keep("NT047", "a" * 64, b"x")
    [seen], _ = documents.page(None, size=10)
    documents.keep("NT047", "a" * 64, b"x")
    assert not documents.remove(seen)
    assert documents.read("NT047", "a" * 64) == b"x"


def test_a_file_larger_than_what_usually_waits_is_kept_all_the_same(stage):
    documents = KeptDocuments(lambda: stage.blobs)
    keeper = DocumentKeeper(documents, stage.services.database, KeepDocuments.ALL, largest_bytes=40 * MEGABYTE)
    offer(keeper, bytes(40 * MEGABYTE))
    assert keeper.flush(20)
    keeper.close()
    assert len(documents.page(None, size=10)[0]) == 1
