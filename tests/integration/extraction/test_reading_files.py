"""GET /api/extractions/{id} as CSV and as a workbook, as the platform hands it over."""

import csv
import io
import json
from decimal import Decimal
from types import SimpleNamespace

import azure.functions as func
import openpyxl
import pytest

import ExtractionFunction
from shared_code import bootstrap
from shared_code.database.stores.extractions import claims, readings
from shared_code.database.stores.extractions.claims import ClaimRequest
from shared_code.database.stores.extractions.readings import ReadingHead
from shared_code.errors import InvalidFile
from shared_code.labels import new_reading_id
from shared_code.web.extract import extract_response, upload_of

from .conftest import SAMPLES, unique

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@pytest.fixture
def database_url(tmp_path, _sqlite_template):
    """What a file holds does not depend on the database."""
    path = tmp_path / "files.db"
    path.write_bytes(_sqlite_template.read_bytes())
    return f"sqlite:///{path}"


@pytest.fixture
def get(pipeline, monkeypatch):
    monkeypatch.setattr(bootstrap, "services", lambda: pipeline.services)

    def send(reading_id, query="", **headers):
        request = func.HttpRequest(
            "GET",
            f"http://localhost/api/extractions/{reading_id}{query}",
            headers={name.replace("_", "-"): value for name, value in headers.items()},
            route_params={"id": reading_id},
            body=b"",
        )
        context = SimpleNamespace(trace_context=SimpleNamespace(trace_parent=None))
        return ExtractionFunction.main(request, context)

    return send


@pytest.fixture
def answered(pipeline):
    """``data`` of an upload that was read."""
    pipeline.add_key()
    document = unique(SAMPLES / "ghana-vat-invoice.pdf")
    url = "http://localhost/api/extract?companyID=NT047"
    sent = lambda: upload_of(document, content_type="application/pdf", url=url, principal=None)  # noqa: E731
    return json.loads(extract_response(lambda: pipeline.services, sent, request_id=None).body)["data"]


def rows(response):
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8", response.get_body()
    return list(csv.DictReader(io.StringIO(response.get_body().decode("utf-8-sig"), newline="")))


def test_a_reading_as_csv(get, answered):
    invoice = answered["invoices"][0]
    response = get(answered["id"], "?format=csv", x_request_id="mine")
    (row,) = rows(response)
    assert (row["reading_id"], row["company_id"], row["total"], row["state"]) == (
        answered["id"], "NT047", invoice["total"], "done",
    )  # fmt: skip
    assert response.headers["Content-Disposition"] == f'attachment; filename="{answered["id"]}-invoices.csv"'
    assert (response.headers["x-request-id"], response.headers["Cache-Control"]) == ("mine", "no-store")
    lines = rows(get(answered["id"], "?table=lines&companyID=NT047", accept="text/csv"))
    assert sum(Decimal(line["net_amount"]) for line in lines) == Decimal(invoice["subtotal"])
    assert get(answered["id"], "?format=csv&bom=true").get_body().startswith(b"\xef\xbb\xbf")


def test_a_reading_as_a_workbook(get, answered):
    response = get(answered["id"], accept=XLSX)
    assert response.headers["Content-Type"] == XLSX
    assert response.headers["Content-Disposition"] == f'attachment; filename="{answered["id"]}.xlsx"'
    book = openpyxl.load_workbook(io.BytesIO(response.get_body()))
    names = [cell.value for cell in book["taxes"][1]]
    taxes = [row[names.index("amount")].value for row in book["taxes"].iter_rows(min_row=2)]
    assert sum(Decimal(str(tax)) for tax in taxes) == Decimal(answered["invoices"][0]["tax_total"])


@pytest.mark.parametrize("accept", ["*/*", "text/html,application/xhtml+xml,*/*;q=0.8", "text/*", "application/json"])
def test_a_browser_and_a_program_get_json(get, answered, accept):
    response = get(answered["id"], accept=accept)
    assert json.loads(response.get_body())["data"] == answered
    assert response.headers["Vary"] == "Accept"


def test_each_form_is_an_answer_of_its_own(get, answered):
    queries = ("", "?format=csv", "?format=csv&table=lines", "?format=csv&bom=true", "?format=xlsx")
    etags = {query: get(answered["id"], query).headers["ETag"] for query in queries}
    assert len(set(etags.values())) == len(queries)
    for query, etag in etags.items():
        assert get(answered["id"], query, if_none_match=etag).status_code == 304
    assert get(answered["id"], "?format=csv", if_none_match=etags[""]).status_code == 200


@pytest.mark.parametrize(
    "query", ["?format=pdf", "?format=csv&format=xlsx", "?format=csv&table=taxes", "?format=csv&bom=yes"]
)
def test_what_cannot_be_given_is_refused_in_json(get, answered, query):
    response = get(answered["id"], query, accept="text/csv")
    assert (response.status_code, json.loads(response.get_body())["error"]["code"]) == (400, "INVALID_REQUEST")


def test_a_reading_that_is_not_done_has_no_file(pipeline, get):
    running = ClaimRequest("NT047", "a" * 64, "1", "Gemini", "model", "", "c" * 36, 60)
    failed = ReadingHead(new_reading_id(), "NT047", "b" * 64, "d" * 36)
    pipeline.services.database.run(lambda connection: claims.insert_claim(connection, running))
    pipeline.services.database.run(lambda connection: readings.insert_failed(connection, failed, InvalidFile()))
    for reading_id, code, wait in (
        (running.reading_id, "ALREADY_PROCESSING", "2"),
        (failed.reading_id, "CONFLICT", None),
    ):
        response = get(reading_id, "?format=csv")
        assert (response.status_code, json.loads(response.get_body())["error"]["code"]) == (409, code)
        assert response.headers.get("Retry-After") == wait
        assert get(reading_id).status_code == 200
