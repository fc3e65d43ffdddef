"""/extractions/export: many readings as JSON, CSV and workbooks, on each database."""

import csv
import io
import json
from datetime import datetime
from decimal import Decimal

import openpyxl
import pytest
from sqlalchemy import update

from shared_code.database import tables
from shared_code.database.stores.extractions import readings
from shared_code.database.stores.extractions.late_findings import LateFinding, add_late_finding
from shared_code.database.stores.extractions.readings import Finished, ReadingHead
from shared_code.database.stores.operations import company_zones
from shared_code.errors import UnsupportedFileType
from shared_code.labels import new_reading_id

table = tables.extractions
CSV, XLSX = "text/csv", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def run(api, work):
    return api.services.database.run(work)


@pytest.fixture
def add(api):
    """Stores a reading; returns its id. Each is a document of its own unless ``sha256`` says otherwise."""
    numbers = iter(range(1, 10_000))

    def store(*, company="NT047", total="10.50", supersedes=None, sha256=None, at=None, failed=None, **invoice):
        number = next(numbers)
        reading_id = new_reading_id()
        head = ReadingHead(
            reading_id,
            company,
            sha256 or f"{number:064}",
            f"call-{number}",
            file_label=f"{number}.pdf",
            supersedes=supersedes,
        )
        values = {
            "invoice_number": f"INV-{number}",
            "total": total,
            "currency": "GHS",
            "line_items": [{"net_amount": total}],
        }
        result = {"status": "ok", "invoices": [values | invoice], "warnings": []}
        if failed is None:
            run(api, lambda c: readings.insert_done(c, head, Finished("ok", json.dumps(result), head=head)))
        else:
            run(api, lambda c: readings.insert_failed(c, head, failed))
        if at is not None:
            run(api, lambda c: c.execute(update(table).where(table.c.PublicID == reading_id).values(CreatedAt=at)))
        return reading_id

    return store


def rows(answer):
    assert answer.headers["content-type"] == "text/csv; charset=utf-8", answer.text
    return list(csv.DictReader(io.StringIO(answer.text)))


def test_pages_in_every_form(api, add):
    ids = [add(total=f"{n}.10") for n in range(5)][::-1]
    page = api.get("extractions/export?limit=2").data
    assert [item["id"] for item in page["items"]] == ids[:2]
    assert page["items"][0]["result"]["invoices"][0]["total"] == "4.10"
    page = api.get(f"extractions/export?limit=3&cursor={page['next_cursor']}").data
    assert ([item["id"] for item in page["items"]], page["next_cursor"]) == (ids[2:], None)
    for table_name in ("invoices", "lines"):
        answer = api.get(f"extractions/export?format=csv&limit=2&table={table_name}")
        assert [row["reading_id"] for row in rows(answer)] == ids[:2]
        assert f'filename="extractions-{table_name}.csv"' in answer.headers["content-disposition"]
        answer = api.get(
            f"extractions/export?format=csv&limit=3&table={table_name}&cursor={answer.headers['x-next-cursor']}"
        )
        assert [row["reading_id"] for row in rows(answer)] == ids[2:]
        assert "x-next-cursor" not in answer.headers


def test_a_batch_is_no_page(api, add, monkeypatch):
    monkeypatch.setattr("shared_code.exports.export._BATCH", 2)
    ids = [add() for _ in range(5)][::-1]
    answer = api.get("extractions/export?format=csv&limit=4")
    assert ([row["reading_id"] for row in rows(answer)], "x-next-cursor" in answer.headers) == (ids[:4], True)
    assert [item["id"] for item in api.get("extractions/export").data["items"]] == ids


def test_sums_are_those_of_the_answers(api, add):
    totals = [Decimal(text) for text in ("10.50", "-5.00", "0.10", "99999.99")]
    for total in totals:
        add(total=str(total))
    by_csv = rows(api.get("extractions/export", headers={"accept": CSV}))
    assert sum(Decimal(row["total"]) for row in by_csv) == sum(totals)
    assert "-5.00" in {row["total"] for row in by_csv}
    answer = api.get("extractions/export?format=xlsx", binary=True)
    assert answer.headers["content-type"] == XLSX
    book = openpyxl.load_workbook(io.BytesIO(answer.body))
    names = [cell.value for cell in book["invoices"][1]]
    cells = [row[names.index("total")].value for row in book["invoices"].iter_rows(min_row=2)]
    assert sum(Decimal(str(cell)) for cell in cells) == sum(totals)
    assert book["lines"].max_row == len(totals) + 1


def test_what_was_read_anew_or_erased_is_left_out(api, add):
    first = add(sha256="a" * 64)
    second = add(sha256="a" * 64, supersedes=first)
    erased = add()
    run(
        api, lambda c: c.execute(update(table).where(table.c.PublicID == erased).values(ErasedAt=datetime(2026, 11, 1)))
    )
    refused = add(failed=UnsupportedFileType())
    # One that failed does not take the place of the one that it was to be made instead of.
    tried = add(sha256="a" * 64, supersedes=second, failed=UnsupportedFileType())
    items = api.get("extractions/export").data["items"]
    assert [item["id"] for item in items] == [tried, refused, second]
    assert [item["id"] for item in api.get("extractions/export?state=done").data["items"]] == [second]
    failed = rows(api.get("extractions/export?state=failed&format=csv"))
    assert {(row["state"], row["error_code"], row["total"]) for row in failed} == {
        ("failed", "UNSUPPORTED_FILE_TYPE", "")
    }


def test_days_are_the_company_s_own(api, add):
    run(api, lambda c: company_zones.set_company_zone(c, "NT047", "Asia/Kolkata"))
    late = add(at=datetime(2026, 11, 20, 18, 29))
    next_day = add(at=datetime(2026, 11, 20, 18, 30))
    other = add(company="OTHER", at=datetime(2026, 11, 20, 18, 30))

    def found(query):
        return {item["id"] for item in api.get(f"extractions/export?{query}").data["items"]}

    assert found("company=nt047&from=2026-11-21") == {next_day}
    assert found("company=nt047&to=2026-11-20") == {late}
    assert found("company=nt047&from=2026-11-20&to=2026-11-21") == {late, next_day}
    assert found("from=2026-11-20&to=2026-11-20") == {late, next_day, other}
    assert found("from=0001-01-01&to=9999-12-31") == {late, next_day, other}
    assert api.get("extractions/export?from=2026-11-02&to=2026-11-01").code == "INVALID_REQUEST"


def test_who_may_have_them(api, add):
    own, _ = add(), add(company="OTHER")
    assert api.get("extractions/export", key=api.new_key("viewer")).status == 403
    bound = api.new_key("reviewer", "NT047")
    assert [item["id"] for item in api.get("extractions/export", key=bound).data["items"]] == [own]
    assert [row["reading_id"] for row in rows(api.get("extractions/export?format=csv", key=bound))] == [own]
    assert api.get("extractions/export?company=OTHER", key=bound).status == 403
    assert len(api.get("extractions/export?company=other").data["items"]) == 1


def test_a_browser_gets_json_and_a_wrong_question_an_error(api, add):
    add()
    assert api.get("extractions/export", headers={"accept": "text/html,application/xml;q=0.9,*/*;q=0.8"}).status == 200
    assert api.get("extractions/export?format=csv&bom=true").text[0] == "\ufeff"
    for query in (
        "format=pdf",
        "table=all",
        "limit=5001",
        "state=running",
        "bom=perhaps",
        "from=yesterday",
    ):
        answer = api.get(f"extractions/export?{query}", headers={"accept": CSV})
        assert (answer.status, answer.code) == (400, "INVALID_REQUEST"), query
    assert api.get("extractions/export?limit=5000&format=csv").status == 200


def test_what_a_late_finding_thinks_of_a_reading_is_shown_wherever_it_is_asked_for(api, add):
    reading_id = add(total="10.50")
    warnings = [{"code": "text_differs_from_picture", "field": "total", "message": "another total", "review": True}]
    judged = {"status": "needs_review", "warnings": warnings, "confidence": {"total": "low"}}
    verdict = json.dumps(judged | {"invoices": [judged]})
    assert run(api, lambda c: add_late_finding(c, reading_id, LateFinding("needs_review", verdict, None)))
    [exported] = api.get("extractions/export").data["items"]
    view = api.get(f"extractions/{reading_id}").data["result"]
    for data in (exported["result"], view):
        assert data["status"] == "needs_review"
        assert data["warnings"] == data["invoices"][0]["warnings"] == warnings
        assert data["invoices"][0]["total"] == "10.50"
