"""Each reading of a document has an id of its own, and answers under it for as long as it is kept."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import delete, update

from shared_code import errors
from shared_code.bootstrap import build_services
from shared_code.database import tables
from shared_code.database.clock import utc_in, utc_now
from shared_code.database.stores.extractions import claims
from shared_code.database.stores.extractions.claims import ClaimRequest
from shared_code.labels import is_reading_id, new_reading_id

from .conftest import INVOICES, SAMPLES, Pipeline, unique

SAMPLE = SAMPLES / "ghana-vat-invoice.pdf"
E_INVOICE = INVOICES / "fx-DATA-002.xml"
#: what does not depend on the database
on_one_database = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def unhurried(pipeline_settings, gemini, monkeypatch):
    """A pipeline on the true clock, with room for all who wait for each other."""
    monkeypatch.setenv("PYTHON_THREADPOOL_THREAD_COUNT", "64")
    services = build_services(pipeline_settings())
    yield Pipeline(services, gemini)
    services.close()


def found(pipeline, reading_id: str, **options):
    return pipeline.services.stored_readings.find(reading_id, **options).data


def test_a_cached_answer_names_the_reading_and_a_forced_one_makes_a_new_one(pipeline):
    pipeline.add_key()
    document = unique(SAMPLE)
    first = pipeline.extract(document).data
    assert is_reading_id(first["id"])
    assert (first["state"], first["cached"], first["supersedes"], first["review"]) == (
        "done",
        False,
        None,
        {"state": "none"},
    )
    again = pipeline.extract(document).data
    assert (again["id"], again["cached"], again["state"]) == (first["id"], True, "done")
    forced = pipeline.extract(document, force=True).data
    assert (forced["cached"], forced["supersedes"]) == (False, first["id"])
    assert pipeline.extract(document).data["id"] == forced["id"] != first["id"]
    # Each answers its own upload's answer, with what it cost.
    assert found(pipeline, first["id"]) == first
    assert found(pipeline, forced["id"]) == forced
    assert len(pipeline.gemini.calls()) == 2


def test_forced_readings_beside_cached_ones_each_keep_their_own_result(unhurried):
    unhurried.add_key()
    document = unique(SAMPLE)
    first = unhurried.extract(document).data
    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(unhurried.extract, document, force=number % 2 == 0) for number in range(12)]
        answers = [job.result().data for job in jobs]
    made = [answer for answer in [first, *answers] if not answer["cached"]]
    assert len({answer["id"] for answer in made}) == len(made) == 7 == len(unhurried.gemini.calls())
    assert all(found(unhurried, answer["id"]) == answer for answer in made)
    # Each replaced the one before it: a chain without a fork.
    assert len({answer["supersedes"] for answer in made}) == 7
    assert {answer["id"] for answer in answers} <= {answer["id"] for answer in made}
    (claim,) = unhurried.rows(tables.claims)
    assert claim.ReadingID == unhurried.extract(document).data["id"]


def test_an_e_invoice_has_one_reading_until_another_one_is_asked_for(pipeline):
    pipeline.add_key()
    document = E_INVOICE.read_bytes()
    first = pipeline.extract(document).data
    assert (first["cached"], first["provenance"]["method"]) == (False, "embedded_xml")
    again = pipeline.extract(document).data
    assert (again["id"], again["cached"]) == (first["id"], True)
    forced = pipeline.extract(document, force=True).data
    assert (forced["cached"], forced["supersedes"]) == (False, first["id"])
    assert {row.PublicID for row in pipeline.rows(tables.extractions)} == {first["id"], forced["id"]}
    assert found(pipeline, first["id"])["invoices"] == first["invoices"]
    assert pipeline.gemini.calls() == []


def test_e_invoices_forced_at_once_make_a_chain_and_the_claim_points_to_its_end(unhurried):
    unhurried.add_key()
    document = E_INVOICE.read_bytes()
    first = unhurried.extract(document).data
    with ThreadPoolExecutor(8) as pool:
        answers = [
            job.result().data for job in [pool.submit(unhurried.extract, document, force=True) for _ in range(8)]
        ]
    made = [first, *answers]
    assert len({answer["id"] for answer in made}) == len({answer["supersedes"] for answer in made}) == 9
    (claim,) = unhurried.rows(tables.claims)
    assert {claim.ReadingID} == {answer["id"] for answer in made} - {answer["supersedes"] for answer in made}


def test_a_run_that_has_lost_its_document_to_a_later_reading_supersedes_none_but_the_newest(pipeline):
    """Who looked at the claim before a late run brought its reading must look again."""
    pipeline.add_key()
    document = unique(SAMPLE)
    first = pipeline.extract(document).data
    ledger, (row,) = pipeline.services.ledger, pipeline.rows(tables.claims)
    seen = ledger.find_claim(row.ClaimKey)
    late = update(tables.claims).values(ReadingID=new_reading_id())
    pipeline.services.database.run(lambda connection: connection.execute(late))
    request = ClaimRequest("NT047", row.DocumentSha256, row.PromptVersion, row.Provider, row.Model, "", "c" * 36, 60)
    taken = pipeline.services.database.run(
        lambda connection: claims.take_over_claim(connection, request, previous=seen, even_done=True)
    )
    assert (seen.reading_id, taken) == (first["id"], False)


def test_a_document_that_fails_leaves_a_row_with_its_code_file_and_user(pipeline):
    pipeline.add_key()
    pipeline.gemini.fault("safety", times=2)
    for data, name in ((b"PK\x03\x04 an archive", "../a\u202eb.zip"), (unique(SAMPLE), "invoice.pdf")):
        with pytest.raises(errors.ServiceError):
            pipeline.extract(data, file_name=name)
    rows = pipeline.rows(tables.extractions)
    assert [(row.State, row.ErrorCode, row.FileLabel, row.RequestedBy, row.Branch, row.Source) for row in rows] == [
        ("failed", "UNSUPPORTED_FILE_TYPE", "ab.zip", "bzumah", "RUB", "http"),
        ("failed", "PROVIDER_REJECTED", "invoice.pdf", "bzumah", "RUB", "http"),
    ]
    data = found(pipeline, rows[1].PublicID)
    assert (data["id"], data["state"]) == (rows[1].PublicID, "failed")
    assert (data["error"]["code"], data["error"]["retryable"]) == ("PROVIDER_REJECTED", False)


@on_one_database
def test_a_bug_is_noted_without_its_text(pipeline, monkeypatch):
    pipeline.add_key()
    monkeypatch.setattr("shared_code.extraction.service.open_document", lambda *_args, **_more: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        pipeline.extract(unique(SAMPLE))
    (row,) = pipeline.rows(tables.extractions)
    assert (row.ErrorCode, json.loads(row.Error)["message"]) == (
        "INTERNAL_ERROR",
        "The request failed because of an internal error.",
    )


def test_a_reading_is_found_by_its_id_and_its_company_only(pipeline):
    pipeline.add_key()
    reading_id = pipeline.extract().data["id"]
    assert found(pipeline, reading_id, company_id="NT047")["id"] == reading_id
    for unknown, company in (
        (new_reading_id(), None),
        (reading_id, "OTHER"),
        ("1", None),
        ("ext_\0", None),
        ("", None),
    ):
        with pytest.raises(errors.NotFound):
            found(pipeline, unknown, company_id=company)


def test_an_erased_reading_is_gone_and_serves_nobody(pipeline):
    pipeline.add_key()
    document = unique(SAMPLE)
    reading_id = pipeline.extract(document).data["id"]
    table = tables.extractions
    erased = update(table).values(Result=None, ErasedAt=utc_now())
    pipeline.services.database.run(lambda connection: connection.execute(erased))
    with pytest.raises(errors.Gone):
        found(pipeline, reading_id)
    again = pipeline.extract(document).data
    assert again["cached"] is False
    pipeline.services.database.run(
        lambda connection: connection.execute(delete(table).where(table.c.PublicID == again["id"]))
    )
    assert pipeline.extract(document).data["provenance"]["method"] == "model"
    assert len(pipeline.gemini.calls()) == 3


def test_the_same_key_gets_the_same_reading_even_where_a_new_one_is_asked_for(pipeline):
    pipeline.add_key()
    document = unique(SAMPLE)
    first = keyed(pipeline, document, force=True)
    again = keyed(pipeline, document, force=True)
    assert (again["id"], again["cached"], again["usage"]["total_tokens"]) == (first["id"], True, 0)
    assert again["invoices"] == first["invoices"]
    pipeline.add_key(company="OTHER")
    assert keyed(pipeline, document, company="OTHER")["id"] != first["id"]
    assert len(pipeline.gemini.calls()) == 2


def keyed(pipeline, document: bytes, **options):
    """One upload with an Idempotency-Key."""
    services = pipeline.services
    return services.idempotency.answer(
        "order 1", pipeline.submission(document, **options), services.extraction.extract
    ).data


def test_five_uploads_with_one_key_make_one_call(unhurried):
    unhurried.add_key()
    unhurried.gemini.latency(300)
    document = unique(SAMPLE)

    def send(_number: int) -> str:
        try:
            return keyed(unhurried, document, force=True)["id"]
        except errors.AlreadyProcessing as running:
            return f"again in {running.retry_after:.0f} s"

    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(send, range(5)))
    assert len(set(answers) - {"again in 2 s"}) == 1
    assert keyed(unhurried, document, force=True)["id"] in answers
    assert len(unhurried.gemini.calls()) == 1


def test_a_key_stands_for_one_upload(pipeline):
    pipeline.add_key()
    document = unique(SAMPLE)
    keyed(pipeline, document)
    for other, options in ((unique(SAMPLE), {}), (document, {"lines_required": True}), (document, {"force": True})):
        with pytest.raises(errors.IdempotencyConflict):
            keyed(pipeline, other, **options)
    assert len(pipeline.gemini.calls()) == 1


def test_a_refusal_is_not_kept_under_its_key(pipeline):
    pipeline.add_key()
    document = unique(SAMPLE)
    pipeline.gemini.fault("safety", times=2)
    with pytest.raises(errors.ProviderRejected):
        keyed(pipeline, document)
    assert keyed(pipeline, document)["state"] == "done"


def test_a_run_that_died_after_its_booking_has_answered_its_key(pipeline):
    pipeline.add_key()
    document = unique(SAMPLE)
    first = keyed(pipeline, document, force=True)
    table = tables.idempotency_keys
    for lease in (60, -1):  # at once, and for as long as the key lives
        died = update(table).values(State="running", LeaseUntil=utc_in(lease))
        pipeline.services.database.run(lambda connection, died=died: connection.execute(died))
        again = keyed(pipeline, document, force=True)
        assert (again["id"], again["cached"]) == (first["id"], True)
    assert len(pipeline.gemini.calls()) == 1


def test_a_key_whose_reading_waits_in_the_outbox_is_not_read_again(pipeline):
    pipeline.add_key()
    document = unique(SAMPLE)
    first = keyed(pipeline, document, force=True)
    stored, claim = tables.extractions, tables.claims

    def not_yet_there(connection):
        connection.execute(delete(stored))
        connection.execute(
            update(claim).values(State="running", ReadingID=None, RunningID=first["id"], LeaseUntil=utc_in(-1))
        )

    pipeline.services.database.run(not_yet_there)
    with pytest.raises(errors.AlreadyProcessing) as refused:
        keyed(pipeline, document, force=True)
    assert refused.value.retry_after
    assert len(pipeline.gemini.calls()) == 1


def test_a_key_whose_run_died_or_whose_day_is_over_is_free(pipeline):
    pipeline.add_key()
    document, other = unique(SAMPLE), unique(SAMPLE)
    first = keyed(pipeline, document)
    table = tables.idempotency_keys

    def change(**values):
        pipeline.services.database.run(lambda connection: connection.execute(update(table).values(**values)))

    # The run that died had not come to a reading.
    change(State="running", CallID="dead", ReadingID=new_reading_id(), LeaseUntil=utc_in(-1))
    assert keyed(pipeline, document)["id"] == first["id"]
    change(CreatedAt=pipeline.rows(table)[0].CreatedAt.replace(year=2020))
    assert keyed(pipeline, other)["id"] != first["id"]
