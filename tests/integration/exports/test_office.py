"""What is written opens in LibreOffice as it is meant: read by it and written anew, the values are the same."""

import csv
import datetime as dt
import io
import shutil
import subprocess
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest

from shared_code.exports.files import WantedFile, table_file
from shared_code.exports.formats import Format
from shared_code.exports.tables import ExportedReading

OFFICE = shutil.which("soffice") or shutil.which("libreoffice")
pytestmark = pytest.mark.skipif(OFFICE is None, reason="no LibreOffice")

#: commas, quotes, UTF-8, from the first line: what its dialog suggests where there is one
UTF_8 = "--infilter=CSV:44,34,76,1"
HOSTILE = '=HYPERLINK("http://evil.example";"a")'


def reading(number, **values):
    invoice = {
        "invoice_number": f"00{number}",
        "invoice_date": "2026-03-05",
        "total": f"{number}.10",
        "currency": "GHS",
        "seller": {"name": "Müller & Söhne – 東京"},
        "line_items": [{"description": f"- Teil {number}", "net_amount": f"{number}.10"}],
        **values,
    }
    data = {"status": "ok", "invoices": [invoice], "warnings": []}
    return ExportedReading(f"ext_{number}", "NT047", "done", dt.datetime(2026, 11, 29, 8), f"{number}.pdf", data)


READINGS = [reading(n) for n in range(1, 40)] + [
    reading(40, total="-5.00", invoice_number=HOSTILE, notes="two\nlines\t\x02"),
    reading(41, total="123456789012345678.90", invoice_date="2026-02-30", po_numbers=["+1+1"]),
]
SUM = sum(Decimal(one.data["invoices"][0]["total"]) for one in READINGS)


def converted(path: Path, kind: str, folder: Path, *options: str) -> Path:
    """The file as LibreOffice writes it after it has read it."""
    profile = (folder / "profile").as_uri()
    command = [
        OFFICE,
        f"-env:UserInstallation={profile}",
        "--headless",
        *options,
        "--convert-to",
        kind,
        "--outdir",
        folder / "out",
        path,
    ]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=120)
    found = folder / "out" / f"{path.stem}.{kind.partition(':')[0]}"
    assert (done.returncode, found.exists()) == (0, True), done.stdout + done.stderr
    return found


def column(sheet, name):
    names = [cell.value for cell in sheet[1]]
    return [row[names.index(name)] for row in sheet.iter_rows(min_row=2)]


def number(cell):
    return Decimal(str(cell.value))


def test_a_workbook_is_the_same_after_libreoffice_has_opened_it(tmp_path):
    path = tmp_path / "export.xlsx"
    path.write_bytes(table_file(READINGS, WantedFile(Format.XLSX), name="export").content)
    ours = openpyxl.load_workbook(path)
    theirs = openpyxl.load_workbook(converted(path, "xlsx", tmp_path))
    assert theirs.sheetnames == ours.sheetnames == ["invoices", "lines", "taxes", "warnings"]
    for name in ("invoices", "lines"):
        assert theirs[name].max_row == ours[name].max_row
    assert sum(map(number, column(theirs["invoices"], "total"))) == SUM
    assert sum(map(number, column(theirs["lines"], "net_amount"))) == sum(
        map(number, column(ours["lines"], "net_amount"))
    )
    cells = column(theirs["invoices"], "invoice_number")
    assert ({cell.data_type for cell in cells}, cells[39].value) == ({"s"}, HOSTILE)
    days = column(theirs["invoices"], "invoice_date")
    assert (days[0].value, days[40].value) == (dt.datetime(2026, 3, 5), "2026-02-30")
    assert column(theirs["invoices"], "seller_name")[0].value == "Müller & Söhne – 東京"


def test_csv_is_read_without_a_formula_and_with_every_number(tmp_path):
    path = tmp_path / "export.csv"
    content = table_file(READINGS, WantedFile(Format.CSV, bom=True), name="export").content
    path.write_bytes(content)
    by_python = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    assert sum(Decimal(row["total"]) for row in by_python) == SUM
    sheet = openpyxl.load_workbook(converted(path, "xlsx", tmp_path, UTF_8)).active
    assert sheet.max_row == len(READINGS) + 1
    formulas = [cell.coordinate for row in sheet.iter_rows() for cell in row if cell.data_type == "f"]
    assert formulas == []
    totals = column(sheet, "total")
    # A program that opens CSV makes floats of numbers: the longest one is compared in the text above.
    assert sum(map(number, totals[:40])) == sum(Decimal(row["total"]) for row in by_python[:40])
    assert column(sheet, "seller_name")[0].value == "Müller & Söhne – 東京"
    assert column(sheet, "invoice_number")[39].value.endswith(HOSTILE)
