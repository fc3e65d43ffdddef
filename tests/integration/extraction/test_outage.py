"""The database goes away in the middle of requests, and storage with it: nothing is lost, nothing doubled."""

import hashlib
import itertools
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from azure.storage.blob import BlobServiceClient
from sqlalchemy import event

from shared_code import errors
from shared_code.bootstrap import build_services
from shared_code.database import tables
from shared_code.extraction.evidence_data import EvidenceWanted, shown
from shared_code.metering.booking import Booking
from shared_code.rollup.leases import end_stale_reservations
from shared_code.rollup.run import replay_outbox
from tests.devstack.host.azurite import running_azurite

from .audit import Books, audit
from .conftest import RING, SAMPLES, Pipeline
from .cuts import Proxy, cuttable
from .long_invoices import long_invoice
from .recovery import end_leases, recover
from .worker import numbered

SAMPLE = SAMPLES / "ghana-vat-invoice.pdf"
#: lines of an invoice whose result has 200 KB, and the calls that read it
LINES, CALLS = 620, 3
NO_STORAGE = "DefaultEndpointsProtocol=http;AccountName=none;AccountKey=bm9uZQ==;" + "".join(
    f"{kind}Endpoint=http://127.0.0.1:1/none;" for kind in ("Blob", "Queue")
)


@pytest.fixture(scope="module")
def storage(tmp_path_factory) -> Iterator[str]:
    with running_azurite(tmp_path_factory.mktemp("azurite")) as connection_string:
        yield connection_string


@pytest.fixture
def database_cut(database_url):
    with cuttable(database_url) as made:
        yield made


@pytest.fixture
def fragile(database_cut, gemini, make_settings, storage, request):
    """A pipeline in real time, which waits for its database no longer than a moment."""
    settings = make_settings(
        database_cut.url,
        gemini_base_url=gemini.url,
        token_encryption_keys=RING,
        db_retry_budget_seconds=0.4,
        db_login_timeout_seconds=1,
        azurewebjobsstorage=getattr(request, "param", storage),
        usage_outbox_queue=f"outbox-{time.monotonic_ns()}",
        db_pool_size=20,
    )
    services = build_services(settings)
    yield Pipeline(services, gemini)
    services.close()


def outage(pipeline, database_cut, *, calls: int, threads: int, seconds: float) -> Counter:
    """Requests all the while, and the database away in their middle; the answers' codes."""
    answers: Counter = Counter()
    begun = threading.Semaphore(0)

    def call(number: int) -> None:
        begun.release()
        try:
            pipeline.extract(numbered(SAMPLE, number), deadline_seconds=60.0)
            answers["ok"] += 1
        except errors.ServiceError as error:
            answers[error.code if error.retry_after else "no hint"] += 1

    with ThreadPoolExecutor(threads) as pool:
        running = [pool.submit(call, number) for number in range(calls // 2)]
        for _ in range(calls // 4):
            begun.acquire()
        database_cut.cut()
        time.sleep(seconds)
        # On a busy machine the next requests take a while until they need the database.
        patience = time.monotonic() + 20
        while not answers.keys() - {"ok"} and time.monotonic() < patience:
            time.sleep(0.05)
        database_cut.mend()
        running += [pool.submit(call, number) for number in range(calls // 2, calls)]
        for one in running:
            one.result()
    return answers


def check_after(pipeline, answers: Counter, calls: int) -> Books:
    replayed = recover(pipeline.services)["replay outbox"]
    assert replayed.error is None
    books = audit(
        pipeline.services,
        pipeline.gemini.calls(),
        documents={len(data): hashlib.sha256(data).hexdigest() for data in (numbered(SAMPLE, n) for n in range(calls))},
    )
    print(f"\n{dict(answers)}; {replayed.seen} messages replayed; {books}")
    assert answers.total() == calls
    assert set(answers) == {"ok", "DATABASE_UNAVAILABLE"}
    # Every call is measured: none was left to its lease, and what never called the model spent nothing.
    assert books.calls == answers["ok"]
    assert books.unsent == 0
    assert books.tokens == books.billed
    assert books.kinds == {"usage": books.calls}
    assert replayed.seen
    assert pipeline.services.outbox.depth() == 0
    return books


@pytest.mark.long
def test_a_cut_in_the_middle_of_requests_loses_and_doubles_no_call(fragile, database_cut):
    fragile.gemini.latency(150)
    fragile.add_key(limit=50_000_000)
    fragile.set_quota("company", daily=60_000_000)
    answers = outage(fragile, database_cut, calls=60, threads=12, seconds=2.0)
    check_after(fragile, answers, 60)


def test_the_answer_that_went_by_the_outbox_is_found_by_the_next_caller(fragile, database_cut):
    fragile.gemini.latency(400)
    fragile.add_key()
    document = numbered(SAMPLE, 1)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(fragile.extract, document)
        while not fragile.gemini.calls():
            time.sleep(0.01)
        database_cut.cut()
        answer = running.result().data
    database_cut.mend()
    assert fragile.services.outbox.depth() == 1
    recover(fragile.services)
    again = fragile.extract(document).data
    assert again["provenance"]["method"] == "cached"
    assert again["invoices"] == answer["invoices"]
    assert len(fragile.gemini.calls()) == 1


@pytest.mark.parametrize("fragile", [NO_STORAGE], indirect=True)
@pytest.mark.long
def test_without_storage_too_a_critical_line_holds_the_booking_and_the_lease_books_the_bound(
    fragile, database_cut, caplog
):
    fragile.gemini.latency(400)
    fragile.add_key()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(fragile.extract, numbered(SAMPLE, 1))
        while not fragile.gemini.calls():
            time.sleep(0.01)
        database_cut.cut()
        assert running.result().data["invoices"]
    database_cut.mend()
    (line,) = [record for record in caplog.records if record.levelname == "CRITICAL"]
    booking = Booking.from_text(line.getMessage().partition(": ")[2])
    assert booking.row.usage.total_tokens == fragile.gemini.calls()[0]["usage"]["totalTokenCount"]
    (reservation,) = fragile.rows(tables.token_reservations)
    end_leases(fragile.services)
    end_stale_reservations(fragile.services.rollup)
    (row,) = fragile.rows()
    assert (row.Kind, row.TotalTokensUsed) == ("unmeasured", reservation.BoundTokens)
    # A person may still put the line into the books: it corrects what the lease has booked.
    fragile.services.ledger.replay(booking)
    assert sum(row.TotalTokensUsed for row in fragile.rows()) == booking.row.usage.total_tokens


def long_document(number: int) -> bytes:
    """An invoice of 30 pages, whose size tells which one it is."""
    return long_invoice(LINES, pages=30, number=f"LX-{number:04}") + b"\n%" + b"." * number


def wait_for_calls(pipeline, number: int, running: Sequence[Future]) -> None:
    while len(pipeline.gemini.calls()) < number:
        assert not all(one.done() for one in running), [one.result() for one in running]
        time.sleep(0.01)


def outage_of_long_documents(pipeline, database_cut, *, count: int, seconds: float) -> None:
    """Documents of 30 pages get their last answer while the database is away; all results are there afterwards."""
    documents = [long_document(number) for number in range(count)]
    with ThreadPoolExecutor(count) as pool:
        running = [pool.submit(pipeline.extract, document) for document in documents]
        wait_for_calls(pipeline, CALLS * count, running)
        database_cut.cut()
        began = time.monotonic()
        answers = [one.result().data for one in running]
        time.sleep(max(seconds - (time.monotonic() - began), 0))
    database_cut.mend()
    waiting = pipeline.services.outbox.depth()
    replayed = recover(pipeline.services)["replay outbox"]
    print(f"\n{replayed.seen} of {count} results waited in the outbox")
    assert (replayed.error, replayed.seen, replayed.changed) == (None, waiting, waiting)
    assert waiting
    assert pipeline.services.outbox.depth() == 0
    calls = pipeline.gemini.calls()
    assert len(calls) == CALLS * count
    booked = Counter((row.Kind, row.TotalTokensUsed) for row in pipeline.rows())
    assert booked == Counter(("usage", call["usage"]["totalTokenCount"]) for call in calls)
    (summary,) = pipeline.rows(tables.token_usage_summary)
    assert summary.TotalUsedTokens == sum(call["usage"]["totalTokenCount"] for call in calls)
    assert (summary.ReservedTokens, pipeline.rows(tables.token_reservations)) == (0, [])
    stored = {row.DocumentSha256: row for row in pipeline.rows(tables.extractions)}
    for document, answer in zip(documents, answers, strict=True):
        row = stored[hashlib.sha256(document).hexdigest()]
        assert (row.State, row.PublicID) == ("done", answer["id"])
        assert len(row.Result) > 200_000
        assert json.loads(row.Result)["invoices"] == shown(answer["invoices"], EvidenceWanted.NONE)
        again = pipeline.extract(document).data
        assert (again["id"], again["cached"], again["invoices"]) == (answer["id"], True, answer["invoices"])
    assert len(pipeline.gemini.calls()) == CALLS * count
    assert replay_outbox(pipeline.services.rollup).seen == 0


@pytest.mark.long
def test_results_that_no_message_holds_are_all_there_after_an_outage(fragile, database_cut):
    fragile.gemini.latency(700)
    fragile.add_key(limit=50_000_000)
    outage_of_long_documents(fragile, database_cut, count=2, seconds=1.0)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_result_whose_blob_is_gone_is_told_and_its_document_can_be_read_again(fragile, database_cut, storage):
    fragile.gemini.latency(400)
    key = fragile.add_key()
    document = long_document(1)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(fragile.extract, document)
        wait_for_calls(fragile, CALLS, [running])
        database_cut.cut()
        answer = running.result().data
    database_cut.mend()
    used = answer["usage"]["total_tokens"]
    name = f"{fragile.services.settings.usage_outbox_queue}-results"
    container = BlobServiceClient.from_connection_string(storage).get_container_client(name)
    (blob,) = container.list_blob_names()
    container.delete_blob(blob)
    assert replay_outbox(fragile.services.rollup).changed == 1
    assert sum(row.TotalTokensUsed for row in fragile.rows()) == used
    assert fragile.summary(key.token_id).TotalUsedTokens == used
    (alert,) = fragile.rows(tables.alerts)
    assert (alert.Kind, alert.Subject) == ("result_lost", "NT047")
    assert hashlib.sha256(document).hexdigest() in alert.Details
    (reading,) = fragile.rows(tables.extractions)
    assert (reading.PublicID, reading.State, reading.ErrorCode) == (answer["id"], "failed", "INTERNAL_ERROR")
    told = json.loads(reading.Error)
    assert (told["details"], told["retryable"]) == ({"reason": "result_lost"}, True)
    assert fragile.extract(document).data["provenance"]["method"] == "model"


@pytest.mark.every_database
def test_a_database_that_is_away_from_the_start_costs_no_call(fragile, database_cut):
    fragile.add_key()
    database_cut.cut()
    with pytest.raises(errors.DatabaseUnavailable) as refused:
        fragile.extract()
    assert refused.value.retry_after
    assert fragile.gemini.calls() == []
    database_cut.mend()
    assert fragile.extract().data["usage"]["total_tokens"]


def lose_answer_to_commit(pipeline, database_cut, number: int, *, then_cut: bool) -> None:
    """The database will do the ``number``-th COMMIT from now, and nobody will learn of it."""
    if not isinstance(database_cut, Proxy):
        pytest.skip("there is no wire to SQLite")
    commits = itertools.count(1)

    def about_to_commit(_connection) -> None:
        if next(commits) == number:
            database_cut.lose_next_answer(then_cut=then_cut)

    event.listen(pipeline.services.database.engine, "commit", about_to_commit)


def test_a_reservation_whose_commit_nobody_heard_of_is_given_back(fragile, database_cut):
    key = fragile.add_key()
    lose_answer_to_commit(fragile, database_cut, 1, then_cut=True)
    document = numbered(SAMPLE, 1)
    with pytest.raises(errors.DatabaseUnavailable):
        fragile.extract(document)
    database_cut.mend()
    assert len(fragile.rows(tables.token_reservations)) == 1
    replay_outbox(fragile.services.rollup)
    assert fragile.rows(tables.token_reservations) == []
    assert fragile.rows() == []
    assert fragile.summary(key.token_id).ReservedTokens == 0
    assert fragile.gemini.calls() == []
    assert fragile.extract(document).data["provenance"]["method"] == "model"


def test_a_reservation_that_the_sweep_ended_first_is_given_back_all_the_same(fragile, database_cut):
    key = fragile.add_key()
    lose_answer_to_commit(fragile, database_cut, 1, then_cut=True)
    with pytest.raises(errors.DatabaseUnavailable):
        fragile.extract()
    database_cut.mend()
    end_leases(fragile.services)
    end_stale_reservations(fragile.services.rollup)
    assert fragile.summary(key.token_id).TotalUsedTokens > 0
    replay_outbox(fragile.services.rollup)
    assert [row.Kind for row in fragile.rows()] == ["unmeasured", "correction"]
    assert fragile.summary(key.token_id).TotalUsedTokens == 0


def test_a_booking_whose_commit_nobody_heard_of_is_booked_once(fragile, database_cut):
    key = fragile.add_key()
    lose_answer_to_commit(fragile, database_cut, 2, then_cut=False)
    used = fragile.extract().data["usage"]["total_tokens"]
    assert [row.TotalTokensUsed for row in fragile.rows()] == [used]
    assert fragile.summary(key.token_id).TotalUsedTokens == used
    assert fragile.services.outbox.depth() == 0


def test_a_message_that_is_no_booking_stops_no_other(fragile, database_cut, caplog):
    fragile.gemini.latency(400)
    fragile.add_key()
    fragile.services.outbox._send(fragile.services.settings.usage_outbox_queue, "hello")
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(fragile.extract, numbered(SAMPLE, 1))
        while not fragile.gemini.calls():
            time.sleep(0.01)
        database_cut.cut()
        running.result()
    database_cut.mend()
    done = replay_outbox(fragile.services.rollup)
    assert (done.seen, done.changed) == (2, 1)
    assert [row.Kind for row in fragile.rows()] == ["usage"]
