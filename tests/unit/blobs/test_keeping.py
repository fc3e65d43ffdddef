"""Which readings leave something to a person."""

import pytest

from shared_code.blobs.keeping import needs_person


@pytest.mark.parametrize(
    ("status", "warnings", "review", "expected"),
    [
        ("ok", [], "none", False),
        ("ok", [], "pending", True),
        ("ok", [], "postponed", True),
        ("ok", [], "confirmed", False),
        ("ok", [{"code": "duplicate_invoice", "review": False}], "none", False),
        ("not_an_invoice", [], "none", False),
        ("needs_review", [], "none", True),
        ("multiple_invoices", [{"code": "ok", "review": False}], "none", False),
        ("multiple_invoices", [{"code": "sum", "review": False}, {"code": "total", "review": True}], "none", True),
    ],
)
def test_a_person_looks_at_a_reading_or_at_one_of_its_invoices(status, warnings, review, expected):
    answer = {"status": status, "warnings": warnings, "review": {"state": review}}
    assert needs_person(answer) is expected
