"""Untrusted JSON: exact values, limits, and what is no invoice."""

import gc
import json
import time

import pytest

from shared_code import errors
from shared_code.documents import file_type
from shared_code.documents.file_type import detect_file_type
from shared_code.e_invoices.json_tree import Members, is_json, node_of, parse_json
from shared_code.e_invoices.reader import read_e_invoice


def _reason(data: bytes | str) -> str:
    with pytest.raises(errors.InvalidFile) as caught:
        node_of(parse_json(data), "json")
    return str(caught.value.details["reason"])


@pytest.mark.parametrize(
    "number", ["0.1", "100.10", "1e3", "12345678901234567890.123456789012345678", "-0", "9" * 5000]
)
def test_numbers_stay_as_they_are_written(number):
    assert parse_json(f'{{"a": {number}}}') == Members((("a", number),))


@pytest.mark.parametrize(
    "text",
    [
        '{"a": NaN}',
        '{"a": Infinity}',
        '{"a": -Infinity}',
        '{"a": 1',
        '{"a": 1,}',
        "{'a': 1}",
        '{"a": 01}',
        '{"a": 1} x',
    ],
)
def test_what_is_no_json_is_refused(text):
    assert _reason(text) == "not_well_formed"


def test_two_values_under_one_name_are_refused():
    assert _reason('{"total": "100.00", "total": "1.00"}') == "not_well_formed"
    assert parse_json('{"total": "1.00", "total": "1.00"}') == Members((("total", "1.00"), ("total", "1.00")))


def test_depth_and_number_of_members_have_a_limit():
    assert _reason("[" * 100_000 + "]" * 100_000) == "too_complex"
    assert _reason('{"a":' * 70 + "1" + "}" * 70) == "too_complex"
    assert _reason("[" + "1," * 400_001 + "1]") == "too_complex"


def test_time_grows_with_the_size_and_not_faster():
    def seconds(members: int) -> float:
        """The quickest of three: a busy machine slows one down."""
        data = json.dumps({"rows": [{"name": str(at), "value": at} for at in range(members)]})
        return min(_seconds_of_thread(data) for _ in range(3))

    assert seconds(4_000) < 24 * max(seconds(500), 0.002)


def _seconds_of_thread(data: str) -> float:
    """Without collections: they would go through what other tests have left."""
    gc.disable()
    try:
        started = time.thread_time()
        node_of(parse_json(data), "json")
        return time.thread_time() - started
    finally:
        gc.enable()


def test_characters_that_an_element_cannot_hold_are_marked_and_never_dropped():
    node = node_of(parse_json(r'{"a": "1\u00002", "b": "x\ud800y", "c": "\u0007"}'), "json")
    assert [child.value for child in node.children] == ["1\ufffd2", "x\ufffdy", "\ufffd"]


def test_arrays_are_elements_and_null_is_nothing():
    node = node_of(parse_json('{"cbc:ID": null, "cac:Line": [{"n": 1}, {"n": true}], "_D": "x", "no name": 1}'), "json")
    assert [(child.name, child.text("n")) for child in node.children] == [("Line", "1"), ("Line", "true")]


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b'{"a": 1}', file_type.JSON),
        (b"\xef\xbb\xbf [ {", file_type.JSON),
        ('{"a": 1}'.encode("utf-16"), file_type.JSON),
        ('[{"a": 1}]'.encode("utf-16-be"), file_type.JSON),
        (b"eyJhbGciOiJSUzI1NiJ9.eyJkYXRhIjoie30ifQ.c2ln\r\n", file_type.JSON),
    ],
)
def test_json_is_a_type_of_file(data, found):
    assert detect_file_type(data) is found


@pytest.mark.parametrize(
    "data", [b"eyJ but this is a letter.", b"{\\rtf1", b"[draft] Dear Sir", b"eyJa.eyJb.c and more"]
)
def test_other_text_is_no_json(data):
    assert not is_json(data)
    with pytest.raises(errors.UnsupportedFileType):
        detect_file_type(data)


@pytest.mark.parametrize(
    "document",
    [
        {},
        [],
        {"Invoice": {"ID": "1"}},
        {"Order": {"ID": "1", "AccountingSupplierParty": {}}},
        {"document": "e30="},
        {"document": "no base64 at all"},
        {"data": "eyJh.eyJkIjoxfQ.x"},
        {"DocDtls": {"No": "1"}, "SellerDtls": {}},
    ],
)
def test_json_that_is_no_invoice_is_none(document):
    with pytest.raises(errors.InvalidFile) as caught:
        read_e_invoice(json.dumps(document).encode())
    assert caught.value.details["reason"] == "not_an_e_invoice"


def test_an_invoice_without_a_number_is_incomplete():
    document = {"DocDtls": {"Typ": "INV"}, "SellerDtls": {"Gstin": "x"}, "ItemList": [{}]}
    with pytest.raises(errors.InvalidFile) as caught:
        read_e_invoice(json.dumps(document).encode())
    assert caught.value.details["reason"] == "incomplete"
