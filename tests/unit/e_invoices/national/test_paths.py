"""The language of the tables by which national syntaxes are read."""

from datetime import date
from decimal import Decimal

import pytest

from shared_code.e_invoices.national.paths import (
    first_date,
    per_line,
    read_party,
    read_record,
    text_at,
    texts_at,
)
from shared_code.e_invoices.xml import XmlValues
from shared_code.e_invoices.xml_parsing import parse_xml
from shared_code.invoices.schema import India, Invoice, LineItem, Party

_ROOT = parse_xml(
    b'<a:r xmlns:a="urn:a" k="v" a:q="w"><a:b>  one\n two </a:b><a:b/><a:b z="7">three</a:b><a:c><a:d>four</a:d></a:c>'
    b"<a:day>2026-05-04</a:day><a:later>2026-06-04</a:later><a:sum>12.50</a:sum><a:yes>true</a:yes><a:cur>eur</a:cur></a:r>"
)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("b", "one two"),
        ("c/d", "four"),
        ("@k", "v"),
        ("@q", "w"),
        ("b/@z", "7"),
        ("no | c/d", "four"),
        ("b | c/d", "one two"),
        ("b & c/d", "one two four"),
        ("no & c/d", "four"),
        ("no & none | b", "one two"),
        ("no", None),
        ("@none", None),
    ],
)
def test_a_path_gives_the_first_text_that_is_there(path, expected):
    assert text_at(_ROOT, path) == expected


def test_several_texts_are_given_once_each():
    assert texts_at(_ROOT, "b & c/d & b") == ("one two", "three", "four")


def test_the_type_of_a_field_says_how_its_text_is_read():
    values = XmlValues()
    paths = {"invoice_number": "b", "invoice_date": "day", "total": "sum", "currency": "cur", "po_numbers": "b"}
    read = read_record(Invoice, _ROOT, paths, values, document_type="invoice")
    assert read == Invoice(
        document_type="invoice",
        invoice_number="one two",
        invoice_date=date(2026, 5, 4),
        total=Decimal("12.50"),
        currency="EUR",
        po_numbers=("one two", "three"),
    )
    assert read_record(India, _ROOT, {"reverse_charge": "yes"}, values) == India(reverse_charge=True)
    assert values.findings == []


def test_a_value_that_cannot_be_read_is_a_finding_with_the_name_of_its_field():
    values = XmlValues()
    assert read_record(LineItem, _ROOT, {"net_amount": "b", "date": "b"}, values, field="line_items[3]") == LineItem()
    assert [finding.field for finding in values.findings] == ["line_items[3].net_amount", "line_items[3].date"]


def test_a_party_without_any_value_is_none():
    assert read_party(_ROOT, {"name": "no", "tax_id": "no"}, XmlValues(), "buyer", kind="VAT") is None
    assert read_party(None, {"name": "b"}, XmlValues(), "buyer") is None
    assert read_party(_ROOT, {"tax_id": "b"}, XmlValues(), "buyer", kind="VAT") == Party(
        tax_id="onetwo", tax_id_type="VAT"
    )


@pytest.mark.parametrize(
    ("written", "expected"), [("ESP", "ES"), ("es", "ES"), ("Austria", "AT"), ("MEX", "MX"), ("ABC", None), ("?", None)]
)
def test_countries_are_given_by_two_letters(written, expected):
    written_out = parse_xml(f"<a><n>Acme</n><b>{written}</b></a>".encode())
    read = read_party(written_out, {"name": "n", "country": "b"}, XmlValues(), "seller")
    assert read == Party(name="Acme", country=expected)


def test_of_several_days_the_first_is_due():
    assert first_date([_ROOT], "later | day", "due_date", XmlValues()) == date(2026, 6, 4)
    nodes = [parse_xml(b"<a><b>2026-02-01</b></a>"), parse_xml(b"<a/>"), parse_xml(b"<a><b>2026-01-01</b></a>")]
    assert first_date(nodes, "b", "due_date", XmlValues()) == date(2026, 1, 1)
    assert first_date([], "b", "due_date", XmlValues()) is None


@pytest.mark.parametrize(("discount", "expected"), [("5", "5"), ("0.5", "5.0"), (None, None)])
def test_a_discount_is_for_the_line_or_for_one_unit_as_the_amount_tells(discount, expected):
    line = LineItem(quantity=Decimal(10), unit_price=Decimal(10), net_amount=Decimal(95))
    found = per_line(Decimal(discount) if discount else None, line)
    assert found == (Decimal(expected) if expected else None)
