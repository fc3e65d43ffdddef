"""The sweep, with a clock that the test turns: what is driven again, when, and what is left alone."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from azure.storage.blob import BlobServiceClient

from devstack.setup.azurite import connection_string
from shared_code import errors
from shared_code.blobs.intake import Disposition
from shared_code.blobs.names import error_name, result_name
from shared_code.blobs.store import BlobStore
from shared_code.bootstrap.blobs import build_store
from shared_code.rollup.run import sweep_blobs
from tests.integration.blobs.stack import SAMPLES, unique


@pytest.fixture
def stage(quiet_stack):
    """The stack with nothing in it, and a model that works."""
    stack = quiet_stack
    stack.now = datetime.now(UTC)
    stack.gemini.script.clear()
    for container in ("invoices", "invoice-results"):
        client = stack.blobs.get_container_client(container)
        for name in stack.names(container):
            client.delete_blob(name.replace("../", "..\\"))
    stack.services.blobs.sweep.retry()
    return stack


def break_model(stack):
    stack.gemini.fault("unavailable_503", times=0)


def alert_of(stack, name):
    return stack.open_alerts("blob_poisoned").get(name)


def test_poisoned_blobs_are_driven_again_with_growing_pauses(stage):
    name = "NT047/poisoned.pdf"
    stage.put_poison(name, etag=stage.drop(name))
    break_model(stage)
    tried = []
    for seconds in (0, 1, 2, 2, 31, 301, 901, 3601):
        stage.now += timedelta(seconds=seconds)
        before = len(stage.gemini.calls())
        sweep_blobs(stage.services.rollup)
        tried.append(len(stage.gemini.calls()) > before)
        assert stage.poison() == [name]
    assert tried == [True, False, True, False, True, True, True, True]
    details = alert_of(stage, name).details
    assert (details["tries"], details["code"], details["etag"]) == (6, "PROVIDER_UNAVAILABLE", stage_etag(stage, name))
    stage.gemini.script.clear()
    stage.now += timedelta(hours=4)
    assert sweep_blobs(stage.services.rollup).changed == 1
    assert stage.read(result_name(name))[0]["status"] == "success"
    assert (stage.poison(), alert_of(stage, name)) == ([], None)


def stage_etag(stage, name):
    return stage.services.blobs.store.version(name).etag


def test_after_a_day_it_is_left_to_a_person_who_can_finish_it(stage):
    name = "NT047/given up.pdf"
    etag = stage.drop(name)
    stage.put_poison(name, etag=etag)
    break_model(stage)
    sweep_blobs(stage.services.rollup)
    stage.now += timedelta(hours=24, seconds=1)
    sweep_blobs(stage.services.rollup)
    body, metadata = stage.read(error_name(name))
    assert (body["error"]["code"], body["error"]["retryable"]) == ("PROVIDER_UNAVAILABLE", True)
    assert (metadata["givenup"], metadata["sourceetag"]) == ("true", etag)
    assert stage.poison() == []
    assert alert_of(stage, name).details["given_up"] is True
    stage.gemini.script.clear()
    before = len(stage.gemini.calls())
    sweep_blobs(stage.services.rollup)
    assert len(stage.gemini.calls()) == before
    assert alert_of(stage, name) is not None
    [driven] = stage.services.blobs.sweep.retry()
    assert (driven.name, driven.outcome) == (name, Disposition.RESULT)
    assert stage.names() == [result_name(name)]
    assert alert_of(stage, name) is None


def test_a_blob_that_was_never_delivered_is_taken_up_once_it_is_old_enough(stage):
    stage.drop("NT047/forgotten.pdf")
    sweep_blobs(stage.services.rollup)
    assert stage.names() == []
    stage.now += timedelta(minutes=16)
    sweep_blobs(stage.services.rollup)
    assert stage.names() == ["NT047/forgotten.pdf.json"]
    stage.drop("NT047/from long ago.pdf")
    stage.now += timedelta(hours=48)
    sweep_blobs(stage.services.rollup)
    assert stage.names() == ["NT047/forgotten.pdf.json"]


def test_an_answer_that_its_reader_took_away_does_not_come_back(stage):
    stage.drop("NT047/read.pdf")
    stage.drop("NT047/bad.pdf", b"no invoice")
    stage.now += timedelta(minutes=16)
    assert sweep_blobs(stage.services.rollup).changed == 2
    for name in stage.names():
        stage.blobs.get_blob_client("invoice-results", name).delete_blob()
    # As after a restart: only the rows know of the answers.
    stage.services.blobs.sweep._answered.clear()
    assert stage.services.blobs.sweep.forgotten() == []
    sweep_blobs(stage.services.rollup)
    assert stage.names() == []
    assert stage.open_alerts("blob_failed") == {}


def test_poison_of_others_stays_and_what_is_gone_is_dropped(stage):
    stage.put_poison("NT047/deleted.pdf")
    stage.put_poison("a.pdf", function="TheirFunction")
    stage.put_poison("b.pdf", container="their-container")
    stage.put_poison("", raw="not base64!")
    assert sweep_blobs(stage.services.rollup).seen == 1
    queue = stage.queues.get_queue_client("webjobs-blobtrigger-poison")
    assert len(queue.peek_messages(max_messages=32)) == 3
    assert alert_of(stage, "NT047/deleted.pdf") is None
    queue.clear_messages()


def test_a_company_whose_cause_holds_does_not_keep_the_others_waiting(stage):
    secret = stage.add_key("SICK")
    stage.gemini.fault("unavailable_503", key=secret, times=0)
    names = [f"SICK/{number}.pdf" for number in range(12)]
    for name in names:
        stage.put_poison(name, etag=stage.drop(name))
    stage.put_poison("NT047/well.pdf", etag=stage.drop("NT047/well.pdf"))
    sweep_blobs(stage.services.rollup)
    assert stage.names() == ["NT047/well.pdf.json"]
    tries = [alert.details["tries"] for alert in stage.open_alerts("blob_poisoned").values()]
    assert len(tries) == 12
    assert 2 <= sum(tries) <= 6
    stage.gemini.script.clear()
    stage.now += timedelta(seconds=30)
    assert sweep_blobs(stage.services.rollup).changed == 12
    assert stage.poison() == []


def test_delivered_twice_at_once_costs_one_call(stage):
    name = "NT047/twice.pdf"
    stage.drop(name)
    stage.gemini.latency(300)
    before = len(stage.gemini.calls())
    done = []
    threads = [
        threading.Thread(target=lambda: done.append(stage.services.blobs.intake.process(name))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stage.gemini.latency(0)
    assert len(done) == 4
    assert len(stage.gemini.calls()) - before == 1
    assert stage.names() == [result_name(name)]
    assert stage.services.blobs.intake.process(name).disposition is Disposition.SETTLED
    assert len(stage.gemini.calls()) - before == 1


def test_bytes_of_another_version_are_not_taken_for_the_present_one(stage):
    name = "NT047/late.pdf"
    old = unique(SAMPLES / "ghana-vat-invoice.pdf")
    newest = stage.drop(name, unique(SAMPLES / "gst-invoice.pdf"))
    stage.services.blobs.intake.process(name, content=old)
    body, metadata = stage.read(result_name(name))
    assert metadata["sourceetag"] == newest
    assert body["data"]["invoices"][0]["currency"] == "INR"


def test_what_a_killed_run_left_beside_the_answer_is_tidied(stage):
    name = "NT047/left.pdf"
    stage.drop(name, b"no invoice")
    stage.services.blobs.intake.process(name)
    stale = stage.blobs.get_blob_client("invoice-results", error_name(name)).download_blob()
    content, metadata = stale.readall(), stale.properties.metadata
    stage.drop(name)
    stage.services.blobs.intake.process(name)
    stage.blobs.get_blob_client("invoice-results", error_name(name)).upload_blob(content, metadata=metadata)
    assert stage.services.blobs.intake.process(name).disposition is Disposition.SETTLED
    assert stage.names() == [result_name(name)]


def test_an_unusable_answer_is_not_paid_for_again_by_itself(stage):
    name = "NT047/stubborn.pdf"
    stage.drop(name)
    stage.gemini.fault("broken_json", times=0)
    before = len(stage.gemini.calls())
    assert stage.services.blobs.intake.process(name).code == "PROVIDER_BAD_ANSWER"
    paid = len(stage.gemini.calls()) - before
    stage.now += timedelta(hours=1)
    sweep_blobs(stage.services.rollup)
    assert len(stage.gemini.calls()) - before == paid
    stage.gemini.script.clear()
    [driven] = stage.services.blobs.sweep.retry(failed=True)
    assert driven.outcome == Disposition.RESULT


def test_names_that_no_client_can_ask_for_do_not_stop_the_sweep(stage):
    # Storage turns the backslash into a slash; every HTTP client resolves the dots of the name that it lists then.
    stage.drop("..\\up.pdf")
    stage.drop("NT047/fine.pdf")
    assert stage.names("invoices") == ["../up.pdf", "NT047/fine.pdf"]
    stage.now += timedelta(minutes=16)
    assert sweep_blobs(stage.services.rollup).changed == 1


def test_storage_that_is_away_is_a_passing_cause_and_a_wrong_setting_is_named(make_settings):
    away = connection_string(blob=1, queue=1, table=1)
    impatient = BlobServiceClient.from_connection_string(away, retry_total=0)
    store = BlobStore(lambda: impatient, sources="invoices", results="invoice-results")
    with pytest.raises(errors.StorageUnavailable):
        store.version("NT047/a.pdf")
    store = build_store(make_settings("sqlite://", azurewebjobsstorage="nonsense"))
    with pytest.raises(errors.ConfigurationError, match="AzureWebJobsStorage"):
        store.version("NT047/a.pdf")
