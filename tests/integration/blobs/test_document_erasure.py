"""Erasing a document: planted names and values are nowhere any more, what was paid for is booked, nothing comes back."""

import hashlib
import json
import logging
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select, update

from shared_code import errors
from shared_code.blobs.names import result_name
from shared_code.database import tables
from shared_code.database.application_log import ApplicationLogger
from shared_code.database.clock import utc_in
from shared_code.database.stores.operations.admin_audit import Actor
from shared_code.rollup.conditions import reconcile
from shared_code.rollup.fold import fold_usage
from shared_code.rollup.leases import end_stale_claims, end_stale_reservations
from shared_code.rollup.run import replay_outbox
from shared_code.web.extract import extract_response, upload_of
from tests.devstack.host.running import wait_for
from tests.integration.extraction.cuts import cuttable

from . import planted
from .planted import NAMES, VALUES
from .stack import BlobStack

ADMIN = Actor("admin-key:0123456789abcdef")
NAME = f"NT047/{NAMES['branch']}/{NAMES['file']}.pdf"
OUTBOX = "usage-outbox"
#: where docs/privacy.md says that something stays: a dropped file that was not to go, and lines of the process's own log
SOURCE = {"invoices", "invoices (name)"}
FILE = {"log file": {"file", "branch"}}


@pytest.fixture
def stage(database_url, tmp_path):
    """The stack on each database, whose logs go into its table and into a file."""
    with cuttable(database_url) as cut:
        settings = {"DB_RETRY_BUDGET_SECONDS": "0.4", "DB_LOGIN_TIMEOUT_SECONDS": "1", "LEASE_MARGIN_SECONDS": "60"}
        with BlobStack(tmp_path, DATABASE_URL=cut.url, KEEP_DOCUMENTS="all", **settings) as stack:
            stack.cut, stack.now, stack.log = cut, datetime.now(UTC), tmp_path / "process.log"
            lines = logging.FileHandler(stack.log, encoding="utf-8")
            lines.setFormatter(logging.Formatter("%(name)s %(message)s"))
            logging.getLogger().addHandler(lines)
            ApplicationLogger.configure("INFO", database=stack.services.database)
            stack.document = planted.document()
            yield stack
            ApplicationLogger.shutdown(0.5)
            logging.getLogger().removeHandler(lines)
            lines.close()


def upload(stack, *, query=""):
    """Send the document as a person's program does, under planted names."""
    fields = {"companyID": "NT047", "username": NAMES["user"], "branch": NAMES["branch"]}
    form = "".join(f'--x\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in fields.items())
    form += f'--x\r\nContent-Disposition: form-data; name="file"; filename="{NAMES["file"]}.pdf"\r\n\r\n'
    body = form.encode() + stack.document + b"\r\n--x--\r\n"
    key = f"{NAMES['request']}-{uuid.uuid4()}"
    url, kind = f"http://localhost/api/extract?{query}", "multipart/form-data; boundary=x"

    def sent():
        return upload_of(body, content_type=kind, url=url, principal=None, idempotency_key=key)

    response = extract_response(lambda: stack.services, sent, request_id=NAMES["request"])
    assert response.status_code == 200, response.body
    return json.loads(response.body)["data"]


def wait_for_call(stack, calls, running):
    while len(stack.gemini.calls()) == calls:
        assert not running.done(), running.result()
        time.sleep(0.01)


def upload_in_outage(stack, *, query="force=true"):
    """Send it while the database goes away after the model call: the booking waits in the outbox."""
    stack.gemini.latency(700)
    calls = len(stack.gemini.calls())
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(upload, stack, query=query)
        wait_for_call(stack, calls, running)
        stack.cut.cut()
        answer = running.result()
    stack.cut.mend()
    stack.gemini.latency(0)
    assert stack.services.outbox.depth() == 1
    return answer


def message(stack):
    return stack.queues.get_queue_client(OUTBOX)


def sums(stack):
    """What may never change: tokens of the rows, of the days, of the key, and of what is reserved."""
    logs, daily, summary = tables.token_usage_logs, tables.usage_daily, tables.token_usage_summary

    def read(connection):
        return (
            connection.execute(select(func.count(), func.sum(logs.c.TotalTokensUsed)).select_from(logs)).one(),
            connection.execute(select(func.sum(daily.c.Requests), func.sum(daily.c.TotalTokens))).one(),
            connection.execute(select(summary.c.TotalUsedTokens, summary.c.ReservedTokens)).one(),
        )

    return tuple(tuple(row) for row in stack.services.database.read(read))


def erase(stack, reading_id, **options):
    settle_down(stack)
    return stack.services.document_erasure.erase(reading_id, ADMIN, **options)


def refused(stack, reading_id):
    with pytest.raises(errors.ServiceError) as refusal:
        stack.services.stored_readings.find(reading_id)
    return refusal.value.code


def settle_down(stack):
    """Have all stored that is still on its way: copies and log lines, which pause after an outage."""
    wait_for(lambda: stack.services.blobs.keeper.flush(5), seconds=60)
    wait_for(lambda: ApplicationLogger.flush(5), seconds=60)


def left_in(stack):
    settle_down(stack)
    return {
        place: texts for place, texts in planted.found_in(stack).items() if place not in FILE or texts - FILE[place]
    }


@pytest.mark.long
def test_nothing_is_left_of_an_erased_document_and_an_older_message_does_not_bring_it_back(stage):
    first = upload(stage)
    stage.drop(NAME, stage.document)
    stage.services.blobs.intake.process(NAME)
    stage.services.blobs.alerts.failed(NAME, etag="0x1", code="INVALID_FILE", message=NAME, company_id="NT047")
    assert fold_usage(stage.services.rollup).changed
    second = upload_in_outage(stage)
    older = message(stage).peek_messages()[0].content
    settle_down(stage)
    before = planted.found_in(stage)
    assert set(VALUES) <= before["Extractions.Result"] & before["invoice-results"] & before[OUTBOX]
    for place, name in (
        ("TokenUsageLogs.RequestedBy", "user"),
        ("TokenUsageLogs.RequestID", "request"),
        ("Extractions.FileLabel", "file"),
        ("UsageDaily.RequestedBy", "user"),
        ("UsageDaily.Branch", "branch"),
        ("ApplicationLogs.Message", "file"),
        ("Alerts.Subject", "file"),
        ("invoice-documents", "supplier"),
        ("invoices (name)", "file"),
    ):
        assert name in before[place], place
    billed = sum(call["usage"]["totalTokenCount"] for call in stage.gemini.calls())

    done = erase(stage, first["id"])
    assert (done.id, done.readings) == (first["id"], 2)
    fold_usage(stage.services.rollup)
    assert set(left_in(stage)) == SOURCE
    assert message(stage).get_queue_properties().approximate_message_count == 0
    (rows, days, key) = books = sums(stage)
    assert (rows, days, key) == ((3, billed), (3, billed), (billed, 0))
    assert [refused(stage, reading["id"]) for reading in (first, second)] == ["GONE", "GONE"]

    message(stage).send_message(older)
    assert replay_outbox(stage.services.rollup).changed == 1
    fold_usage(stage.services.rollup)
    assert sums(stage) == books
    assert refused(stage, second["id"]) == "GONE"
    assert set(left_in(stage)) == SOURCE

    assert erase(stage, first["id"]) == done
    assert erase(stage, first["id"], with_source=True) == done
    assert left_in(stage) == {}
    assert sums(stage) == books

    anew = upload(stage)
    assert (anew["cached"], anew["supersedes"]) == (False, None)
    assert anew["id"] not in {first["id"], second["id"]}
    assert stage.services.stored_readings.find(anew["id"]).data["invoices"] == anew["invoices"]


@pytest.mark.parametrize("taken_over", [False, True], ids=["freed by the sweep", "taken over by an upload"])
@pytest.mark.long
def test_a_booking_that_turns_up_after_the_erasure_is_booked_once_and_without_names(stage, taken_over):
    lost = upload_in_outage(stage, query="")
    queue = message(stage)
    older = queue.peek_messages()[0].content
    queue.clear_messages()  # another replay has it in hand
    end_leases(stage)
    known = upload(stage) if taken_over else lost
    end_stale_reservations(stage.services.rollup)
    end_stale_claims(stage.services.rollup)
    erase(stage, known["id"])
    queue.send_message(older)
    assert replay_outbox(stage.services.rollup).changed == 1
    billed = sum(call["usage"]["totalTokenCount"] for call in stage.gemini.calls())
    ((_, booked), _, key) = sums(stage)
    assert (booked, key) == (billed, (billed, 0))
    assert refused(stage, lost["id"]) == ("NOT_FOUND" if taken_over else "GONE")
    assert left_in(stage) == {}


def end_leases(stage):
    def work(connection):
        for table in (tables.token_reservations, tables.claims):
            connection.execute(update(table).values(LeaseUntil=utc_in(-1)))

    stage.services.database.run(work)


@pytest.mark.long
def test_a_document_that_is_being_read_is_not_erased(stage):
    first = upload(stage)
    stage.gemini.latency(1_500)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(upload, stage, query="force=true")
        wait_for_call(stage, 1, running)
        with pytest.raises(errors.AlreadyProcessing) as refusal:
            erase(stage, first["id"])
        second = running.result()
    assert refusal.value.retry_after
    assert "is being read" in refusal.value.message
    assert stage.services.stored_readings.find(first["id"]).data["invoices"] == first["invoices"]
    erase(stage, second["id"])
    assert (refused(stage, first["id"]), refused(stage, second["id"])) == ("GONE", "GONE")


def days_by_user(stage):
    """Requests and tokens of UsageDaily by user and branch."""
    daily = tables.usage_daily
    names = (daily.c.RequestedBy, daily.c.Branch)
    by_name = select(*names, func.sum(daily.c.Requests), func.sum(daily.c.TotalTokens)).group_by(*names)
    return {tuple(row) for row in stage.services.database.read(lambda connection: connection.execute(by_name).all())}


@pytest.mark.long
def test_the_name_of_a_users_day_goes_with_the_last_document_behind_it(stage):
    names = (NAMES["user"], NAMES["branch"])
    first = upload(stage)
    upload(stage)  # cached, of the same document
    stage.document += b"\n% another\n"
    other = upload(stage)
    fold_usage(stage.services.rollup)
    before, costs = sums(stage), cost_of_days(stage)
    one, two = (call["usage"]["totalTokenCount"] for call in stage.gemini.calls())
    erase(stage, first["id"])
    assert days_by_user(stage) == {(*names, 1, two), ("", "", 2, one)}
    assert (sums(stage), cost_of_days(stage)) == (before, costs)
    assert stage.services.stored_readings.find(other["id"]).data["invoices"] == other["invoices"]
    erase(stage, other["id"])
    assert days_by_user(stage) == {("", "", 3, one + two)}
    assert left_in(stage) == {}
    assert (sums(stage), cost_of_days(stage)) == (before, costs)
    assert reconcile(stage.services.rollup).changed == 0


def cost_of_days(stage):
    total = select(func.sum(tables.usage_daily.c.CostUSD))
    return round(float(stage.services.database.read(lambda connection: connection.execute(total).scalar())), 8)


def test_what_storage_has_left_is_told_and_the_next_run_erases_it(stage):
    first = upload(stage)
    stage.drop(NAME, stage.document)
    stage.services.blobs.intake.process(NAME)
    lease = stage.blobs.get_blob_client("invoice-results", result_name(NAME)).acquire_lease()
    with pytest.raises(errors.StorageUnavailable) as refusal:
        erase(stage, first["id"], with_source=True)
    assert refusal.value.details == {"left": ["files"]}
    assert refused(stage, first["id"]) == "GONE"
    lease.break_lease(0)
    assert erase(stage, first["id"], with_source=True).readings == 1
    assert left_in(stage) == {}


def test_an_erasure_is_in_the_audit_without_names(stage):
    first = upload(stage)
    erase(stage, first["id"])
    (row,) = stage.services.database.read(lambda connection: connection.execute(select(tables.admin_audit)).all())
    sha256 = hashlib.sha256(stage.document).hexdigest()
    assert (row.Actor, row.Action, row.Target) == (ADMIN.name, "extraction.erase", f"document {sha256}")
    assert json.loads(row.After) == {"company_id": "NT047", "readings": 1, "with_source": False}
