"""The sweep, with a clock that the test turns: what is driven again, when, and what is left alone."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from azure.storage.blob import BlobServiceClient
from sqlalchemy import text

from devstack.setup.azurite import connection_string
from shared_code import errors
from shared_code.blobs.intake import Disposition
from shared_code.blobs.names import error_name, result_name
from shared_code.blobs.store import BlobStore
from shared_code.bootstrap.blobs import build_store
from shared_code.records import Provider
from shared_code.rollup.run import sweep_blobs
from shared_code.rollup.statuses import set_statuses, take_over_limits
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
    assert body["error"]["retry_after_seconds"] >= 1
    assert datetime.fromisoformat(body["error"]["retry_at"]).tzinfo is not None
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
    stage.services.blobs.sweep.forgotten.forget_answers()
    assert stage.services.blobs.sweep.forgotten.find() == []
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


def archive(stage, name):
    stage.drop(name)
    stage.blobs.get_blob_client("invoices", name).set_standard_blob_tier("Archive")


def test_blobs_that_storage_does_not_give_out_keep_no_other_waiting(stage):
    dead = [f"NT047/archived-{number}.pdf" for number in range(5)]
    fine = [f"NT047/ordinary-{number}.pdf" for number in range(3)]
    for name in dead:
        archive(stage, name)
        stage.put_poison(name, etag=stage_etag(stage, name))
    for name in fine:
        stage.put_poison(name, etag=stage.drop(name))
    sweep_blobs(stage.services.rollup)
    assert stage.names() == [result_name(name) for name in fine]
    assert stage.poison() == dead
    for name in dead:
        details = alert_of(stage, name).details
        assert (details["tries"], details["code"]) == (1, "BLOB_UNAVAILABLE")
    # Taken out of the archive, it is read like any other.
    stage.blobs.get_blob_client("invoices", dead[0]).set_standard_blob_tier("Hot")
    stage.now += timedelta(minutes=1)
    sweep_blobs(stage.services.rollup)
    assert result_name(dead[0]) in stage.names()
    assert alert_of(stage, dead[0]) is None
    stage.now += timedelta(hours=25)
    sweep_blobs(stage.services.rollup)
    assert stage.read(error_name(dead[1]))[0]["error"]["code"] == "BLOB_UNAVAILABLE"
    assert alert_of(stage, dead[1]).details["given_up"] is True


def test_a_result_file_that_is_leased_keeps_no_other_waiting(stage):
    held, fine = "NT047/held.pdf", "NT047/fine.pdf"
    stage.drop(held)
    stage.services.blobs.intake.process(held)
    lease = stage.blobs.get_blob_client("invoice-results", result_name(held)).acquire_lease()
    stage.put_poison(held, etag=stage.drop(held))
    stage.put_poison(fine, etag=stage.drop(fine))
    before = len(stage.billed_calls())
    sweep_blobs(stage.services.rollup)
    assert result_name(fine) in stage.names()
    assert alert_of(stage, held).details["code"] == "BLOB_UNAVAILABLE"
    lease.release()
    stage.now += timedelta(minutes=1)
    sweep_blobs(stage.services.rollup)
    assert alert_of(stage, held) is None
    assert stage.read(result_name(held))[1]["sourceetag"] == stage_etag(stage, held)
    assert len(stage.billed_calls()) - before == 2


@pytest.mark.parametrize("name", ["", "../up.pdf", "NT047/./a.pdf", "NT047/" + "x" * 1_100 + ".pdf"])
def test_poison_messages_whose_name_no_client_can_ask_for_stop_nothing(stage, name):
    stage.put_poison(name)
    fine = "NT047/beside.pdf"
    stage.put_poison(fine, etag=stage.drop(fine))
    sweep_blobs(stage.services.rollup)
    assert stage.names() == [result_name(fine)]
    stage.queues.get_queue_client("webjobs-blobtrigger-poison").clear_messages()


def test_folder_markers_are_no_documents(stage):
    blob = stage.blobs.get_blob_client("invoices", "NT047/marked")
    blob.upload_blob(b"", overwrite=True, metadata={"hdi_isfolder": "true"})
    stage.drop("NT047/slash/", b"")
    for name in ("NT047/marked", "NT047/slash/"):
        assert stage.services.blobs.intake.process(name, content=b"").disposition is Disposition.GONE
    stage.now += timedelta(minutes=16)
    assert sweep_blobs(stage.services.rollup).seen == 0
    assert stage.names() == []
    assert stage.open_alerts("blob_failed") == {}


def test_a_file_that_only_wanted_a_key_is_read_once_its_company_has_one(stage):
    name, other = "LATE/a.pdf", "NEVER/a.pdf"
    for each in (name, other):
        stage.drop(each)
        assert stage.services.blobs.intake.process(each).code == "TOKEN_NOT_FOUND"
    stage.now += timedelta(hours=60)
    sweep_blobs(stage.services.rollup)
    assert stage.names() == sorted([error_name(name), error_name(other)])
    stage.add_key("LATE")
    assert sweep_blobs(stage.services.rollup).changed == 1
    assert stage.names() == sorted([result_name(name), error_name(other)])
    assert set(stage.open_alerts("blob_failed")) == {other}


def test_a_key_that_is_refused_does_not_make_the_file_be_tried_without_end(stage):
    name = "WRONG/a.pdf"
    stage.drop(name)
    assert stage.services.blobs.intake.process(name).code == "TOKEN_NOT_FOUND"
    stage.add_key("WRONG")
    stage.gemini.fault("invalid_key", times=0)
    before = len(stage.gemini.calls())
    for _ in range(3):
        sweep_blobs(stage.services.rollup)
        stage.now += timedelta(hours=7)
    assert len(stage.gemini.calls()) == before + 1
    assert stage.open_alerts("blob_failed")[name].details["code"] == "TOKEN_UNAVAILABLE"
    stage.gemini.script.clear()
    stage.add_key("WRONG")
    sweep_blobs(stage.services.rollup)
    assert stage.names() == [result_name(name)]


def test_a_file_that_a_used_up_limit_has_refused_is_read_once_there_is_room(stage):
    name = "FULL/a.pdf"
    stage.add_key("FULL", limit=100)
    stage.drop(name)
    assert stage.services.blobs.intake.process(name).code == "QUOTA_EXCEEDED"
    told = stage.read(error_name(name))[0]["error"]
    assert (told["retryable"], told["retry_after_seconds"], told["retry_at"]) == (False, None, None)
    changed = []
    for _ in range(3):
        changed.append(sweep_blobs(stage.services.rollup).changed)
        set_statuses(stage.services.rollup)
    assert changed == [1, 0, 0]
    raised = text('UPDATE "TokenMaster" SET "TotalTokenLimit" = 50000000 WHERE "CompanyID" = \'FULL\'')
    stage.services.database.run(lambda connection: connection.execute(raised))
    take_over_limits(stage.services.rollup)
    set_statuses(stage.services.rollup)
    assert sweep_blobs(stage.services.rollup).changed == 1
    assert stage.names() == [result_name(name)]


def test_a_file_that_fails_with_the_keys_that_are_there_waits_for_others(stage):
    name = "OTHERS/a.pdf"
    stage.drop(name, model="gemini-3.5-flash-lite")
    assert stage.services.blobs.intake.process(name).code == "TOKEN_NOT_FOUND"
    stage.add_key("OTHERS", provider=Provider.OPENAI)
    changed = []
    for _ in range(3):
        changed.append(sweep_blobs(stage.services.rollup).changed)
        stage.now += timedelta(hours=7)
    assert changed == [1, 0, 0]
    stage.add_key("OTHERS")
    assert sweep_blobs(stage.services.rollup).changed == 1
    assert stage.names() == [result_name(name)]


def test_a_result_that_was_lost_after_its_booking_is_written_again_without_a_call(stage):
    lost = "NT047/lost.pdf"
    stage.drop(lost)
    # Nobody can write the result while somebody else holds its place.
    place = stage.blobs.get_blob_client("invoice-results", result_name(lost))
    place.upload_blob(b"")
    lease = place.acquire_lease()
    with pytest.raises(errors.StorageUnavailable):
        stage.services.blobs.intake.process(lost)
    place.delete_blob(lease=lease)
    paid = len(stage.billed_calls())
    # The key has no room for another call, and the model of the settings may be another one by now.
    stage.services.database.run(
        lambda connection: connection.execute(text('UPDATE "TokenMaster" SET "Status" = \'Disabled\''))
    )
    try:
        stage.now += timedelta(minutes=16)
        assert sweep_blobs(stage.services.rollup).changed == 1
        body, metadata = stage.read(result_name(lost))
        assert (body["status"], metadata["sourceetag"]) == ("success", stage_etag(stage, lost))
        assert body["data"]["invoices"][0]["invoice_number"]
        # Taken away by its reader, it does not come back.
        stage.blobs.get_blob_client("invoice-results", result_name(lost)).delete_blob()
        stage.services.blobs.sweep.forgotten.forget_answers()
        sweep_blobs(stage.services.rollup)
        assert stage.names() == []
        assert len(stage.billed_calls()) == paid
    finally:
        stage.services.database.run(
            lambda connection: connection.execute(text('UPDATE "TokenMaster" SET "Status" = \'Active\''))
        )


def test_answers_from_before_the_upgrade_that_were_taken_away_do_not_come_back(stage):
    name = "NT047/before.pdf"
    stage.drop(name)
    stage.services.blobs.intake.process(name)
    stage.blobs.get_blob_client("invoice-results", result_name(name)).delete_blob()

    def as_after_the_upgrade(connection):
        connection.execute(text('DELETE FROM "WrittenResults" WHERE "Label" <> \'begin\''))
        connection.execute(text('UPDATE "WrittenResults" SET "WrittenAt" = \'2999-01-01 00:00:00.000000\''))

    stage.services.database.run(as_after_the_upgrade)
    stage.now += timedelta(minutes=16)
    assert stage.services.blobs.sweep.forgotten.find() == []
    stage.services.database.run(
        lambda connection: connection.execute(text('UPDATE "WrittenResults" SET "WrittenAt" = \'2000-01-01 00:00:00\''))
    )
    stage.services.blobs.sweep.forgotten.forget_answers()
    assert [version.name for version in stage.services.blobs.sweep.forgotten.find()] == [name]
