"""``manage.py export``: readings written to disk while they are read."""

import csv
import json
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest

from shared_code.database.connection import create_database
from shared_code.database.stores.extractions import readings
from shared_code.database.stores.extractions.readings import Finished, ReadingHead
from shared_code.labels import new_reading_id
from shared_code.settings import load_settings

SAMPLES = Path(__file__).parents[3] / "samples"


@pytest.fixture
def totals(manage):
    """Totals of 450 readings of two companies, more than are in memory at once."""
    manage("db", "upgrade")
    database = create_database(load_settings())
    found = [Decimal(number) / 100 for number in range(1, 451)]

    def store(connection):
        for number, total in enumerate(found):
            head = ReadingHead(new_reading_id(), ("NT047", "OTHER")[number % 2], f"{number:064}", f"call-{number}")
            invoice = {"invoice_number": f"={number}", "total": str(total), "line_items": [{"net_amount": str(total)}]}
            result = {"status": "ok", "invoices": [invoice], "warnings": []}
            readings.insert_done(connection, head, Finished("ok", json.dumps(result), head=head))

    database.run(store)
    database.close()
    return found


def table(path):
    with path.open(encoding="utf-8-sig", newline="") as content:
        return list(csv.DictReader(content))


def test_csv(manage, totals, tmp_path):
    out = tmp_path / "november"
    code, said, err = manage("export", "--out", out)
    assert (code, err) == (0, "")
    assert said.startswith("450 documents in ")
    rows = table(out / "extractions-invoices.csv")
    assert sum(Decimal(row["total"]) for row in rows) == sum(totals)
    assert rows[-1]["invoice_number"] == "'=0"
    assert len(table(out / "extractions-lines.csv")) == len(totals)
    assert sorted(path.name for path in out.iterdir()) == ["extractions-invoices.csv", "extractions-lines.csv"]


def test_a_workbook_and_json(manage, totals, tmp_path):
    assert manage("export", "--out", tmp_path, "--format", "xlsx")[0] == 0
    sheet = openpyxl.load_workbook(tmp_path / "extractions.xlsx")["invoices"]
    names = [cell.value for cell in next(sheet.rows)]
    cells = [row[names.index("total")].value for row in sheet.iter_rows(min_row=2)]
    assert sum(Decimal(str(cell)) for cell in cells) == sum(totals)
    code, facts, err = manage("export", "--out", tmp_path, "--format", "json", "--company", "nt047", "--json")
    assert (code, facts, err) == (0, {"documents": 225, "files": [str(tmp_path / "extractions.json")]}, "")
    found = json.loads((tmp_path / "extractions.json").read_text(encoding="utf-8"))
    assert sum(Decimal(one["result"]["invoices"][0]["total"]) for one in found) == sum(totals[::2])
    assert "extraction_id" not in found[0]


def test_an_export_of_nothing_is_whole_too(manage, totals, tmp_path):
    for form, file in (("csv", "extractions-invoices.csv"), ("json", "extractions.json"), ("xlsx", "extractions.xlsx")):
        options = ("--format", form, "--out", tmp_path, "--to", "2020-01-01")
        assert manage("export", *options)[1].startswith("0 documents in ")
        assert (tmp_path / file).stat().st_size > 0
    assert json.loads((tmp_path / "extractions.json").read_text()) == []
    assert openpyxl.load_workbook(tmp_path / "extractions.xlsx")["lines"].max_row == 1


def test_what_is_there_is_not_replaced_unasked(manage, totals, tmp_path):
    options = ("export", "--out", tmp_path, "--company", "OTHER")
    assert manage(*options, "--bom")[0] == 0
    before = (tmp_path / "extractions-invoices.csv").read_bytes()
    assert before.startswith(b"\xef\xbb\xbf")
    code, _, err = manage(*options)
    assert (code, "--overwrite replaces it" in err) == (1, True)
    assert (tmp_path / "extractions-invoices.csv").read_bytes() == before
    assert manage(*options, "--overwrite")[0] == 0


def test_an_export_that_breaks_leaves_nothing_that_looks_complete(manage, totals, tmp_path, monkeypatch):
    monkeypatch.setattr("shared_code.exports.workbook._MOST_ROWS", 100)
    code, _, err = manage("export", "--out", tmp_path, "--format", "xlsx")
    assert (code, "more than 100 rows" in err) == (1, True)
    assert list(tmp_path.glob("extractions*")) == []


@pytest.mark.parametrize("options", [("--format", "pdf"), ("--state", "running"), ("--company", "a b")])
def test_what_cannot_be_written_is_refused(manage, tmp_path, options):
    code, _, err = manage("export", "--out", tmp_path / "new", *options)
    assert (code, err.startswith("error: ")) == (1, True)
    assert not (tmp_path / "new").exists()


def test_the_first_day_is_not_after_the_last(manage, totals, tmp_path):
    code, _, err = manage("export", "--out", tmp_path, "--from", "2026-11-02", "--to", "2026-11-01")
    assert (code, err) == (1, "error: from is later than to.\n")


def test_sums_in_the_files_are_those_of_the_answers(manage, tmp_path):
    manage("tokens", "add", "NT047", stdin="AIzaSyExports0123456789abcdefghijklmnop")
    for file in sorted(SAMPLES.glob("*.pdf")):
        manage("extract", file)
    manage("export", "--out", tmp_path, "--format", "json")
    found = json.loads((tmp_path / "extractions.json").read_text(encoding="utf-8"))
    invoices = [invoice for one in found if one["result"] for invoice in one["result"]["invoices"]]
    totals = {(one["currency"], one["invoice_number"]): one["total"] for one in invoices}
    lines = [Decimal(line["net_amount"]) for one in invoices for line in one["line_items"] if line["net_amount"]]
    assert len(totals) > 2
    manage("export", "--out", tmp_path)
    rows = table(tmp_path / "extractions-invoices.csv")
    facts = [[row[name] or None for name in ("currency", "invoice_number", "total")] for row in rows if row["invoice"]]
    assert {(currency, number): total for currency, number, total in facts} == totals
    cells = [row["net_amount"] for row in table(tmp_path / "extractions-lines.csv") if row["net_amount"]]
    assert sum(map(Decimal, cells)) == sum(lines)
    manage("export", "--out", tmp_path, "--format", "xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "extractions.xlsx")["lines"]
    place = [cell.value for cell in sheet[1]].index("net_amount")
    cells = [row[place].value for row in sheet.iter_rows(min_row=2) if row[place].value is not None]
    assert sum(Decimal(str(cell)) for cell in cells) == sum(lines)
