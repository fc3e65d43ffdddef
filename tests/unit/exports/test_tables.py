import datetime as dt
import typing
from decimal import Decimal

import pytest

from shared_code.exports.tables import FILES, INVOICES, LINES, SHEETS, TAXES, WARNINGS, ExportedReading
from shared_code.invoices import schema

from .answers import by_name, reading

FINDING = {"code": "total_mismatch", "field": "total", "message": "m", "expected": "1", "found": "2", "review": True}


def test_an_invoice_is_one_row_with_values_of_their_kinds():
    (row,) = by_name(INVOICES, reading())
    assert (row["reading_id"], row["company_id"], row["file"]) == ("ext_1", "NT047", "invoice.pdf")
    assert (row["invoice"], row["status"], row["document_status"], row["warnings"]) == (1, "ok", "ok", None)
    assert (row["invoice_number"], row["invoice_date"]) == ("ADM-26-00118", dt.date(2026, 3, 5))
    assert (row["total"], row["currency"], row["due_date"]) == (Decimal("76440.00"), "GHS", None)
    assert (row["seller_name"], row["fiscal_device_id"]) == ("Adom Trading Company Ltd", "EVAT000112-7734")


@pytest.mark.parametrize("table", SHEETS, ids=lambda table: table.name)
def test_every_row_has_a_cell_for_each_column_and_no_name_stands_twice(table):
    exported = reading(data={"warnings": [FINDING]})
    rows = list(table.rows(exported))
    assert rows
    assert {len(row) for row in rows} == {len(table.columns)}
    assert len(set(table.columns)) == len(table.columns)


def test_every_field_of_an_invoice_and_a_line_has_its_column():
    own_tables = {"impossible_dates", "line_items", "taxes", "withholdings"}
    for record, table in ((schema.Invoice, INVOICES), (schema.LineItem, LINES)):
        for name in typing.get_type_hints(record).keys() - own_tables:
            assert any(column == name or column.startswith(f"{name}_") for column in table.columns), name


def test_lines_and_taxes_name_their_invoice():
    lines = by_name(LINES, reading())
    assert [(line["invoice_number"], line["line_no"], line["net_amount"]) for line in lines] == [
        ("ADM-26-00118", "1", Decimal("39200.00")),
        ("ADM-26-00118", "2", Decimal("24500.00")),
    ]
    tax = {"name": "TDS", "rate": "1", "amount": "5.00"}
    taxes = by_name(TAXES, reading(withholdings=[tax], lines={"taxes": [{"name": "GST", "rate": "5"}]}))
    assert [(tax["kind"], tax["name"], tax["line_no"]) for tax in taxes] == [
        *(("tax", name, None) for name in ("NHIL", "GETFund", "VAT")),
        ("withholding", "TDS", None),
        ("line", "GST", "1"),
    ]


def test_a_document_without_an_invoice_is_a_row_too():
    letter = reading(data={"status": "not_an_invoice", "invoices": [], "warnings": [FINDING]})
    (row,) = by_name(INVOICES, letter)
    assert (row["document_status"], row["invoice"], row["total"], row["warnings"]) == (
        "not_an_invoice", None, None, "total_mismatch",
    )  # fmt: skip
    failed = ExportedReading("ext_2", "NT047", "failed", dt.datetime(2026, 11, 29), "a.zip", None, "INVALID_FILE")
    (row,) = by_name(INVOICES, failed)
    assert (row["state"], row["error_code"], row["document_status"]) == ("failed", "INVALID_FILE", None)
    assert [list(table.rows(failed)) for table in (LINES, TAXES, WARNINGS)] == [[], [], []]


def test_warnings_of_several_invoices_name_theirs():
    two = reading()
    two.data["invoices"].append(two.data["invoices"][0] | {"warnings": [FINDING]})
    two.data["warnings"] = [FINDING | {"field": "invoices[1].total"}, FINDING | {"field": None}]
    assert [row["invoice"] for row in by_name(WARNINGS, two)] == [2, None]
    assert [(row["invoice"], row["warnings"]) for row in by_name(INVOICES, two)] == [(1, None), (2, "total_mismatch")]


def test_what_is_printed_but_no_value_stays_text():
    (row,) = by_name(INVOICES, reading(invoice_date="2026-02-30", po_numbers=["A1", "A2"]))
    assert (row["invoice_date"], row["po_numbers"]) == ("2026-02-30", "A1; A2")


def test_the_account_to_pay_to_is_the_first_one():
    accounts = [{"iban": "DE02120300000000202051"}, {"iban": "DE02500105170137075030"}]
    (row,) = by_name(INVOICES, reading(payment={"terms": "30 days", "bank_accounts": accounts}))
    assert (row["payment_terms"], row["payment_iban"], row["payment_bic"]) == (
        "30 days",
        "DE02120300000000202051",
        None,
    )


def test_a_result_of_an_earlier_version_lacks_fields_and_has_empty_cells():
    exported = reading()
    exported.data["invoices"] = [{"invoice_number": "1", "seller": {"name": "S"}}]
    del exported.data["duplicate_of"]
    (row,) = by_name(INVOICES, exported)
    assert (row["invoice_number"], row["seller_name"], row["total"]) == ("1", "S", None)
    assert list(LINES.rows(exported)) == list(TAXES.rows(exported)) == []


def test_two_tables_can_be_had_as_csv():
    assert list(FILES) == ["invoices", "lines"]
