"""Which readings leave something to a person."""

import pytest

from shared_code.blobs.keeping import needs_person


@pytest.mark.parametrize(
    ("status", "warnings", "expected"),
    [
        ("ok", [], False),
        ("ok", [{"code": "duplicate_invoice", "review": False}], False),
        ("not_an_invoice", [], False),
        ("needs_review", [], True),
        ("multiple_invoices", [{"code": "ok", "review": False}], False),
        ("multiple_invoices", [{"code": "sum", "review": False}, {"code": "total", "review": True}], True),
    ],
)
def test_a_person_looks_at_a_reading_or_at_one_of_its_invoices(status, warnings, expected):
    assert needs_person({"status": status, "warnings": warnings}) is expected
