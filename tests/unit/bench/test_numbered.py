"""Documents that are all different, and how the model stand-in tells them apart."""

import base64
import json

import pytest

from bench import documents, numbered
from bench.fast_model import FastModel, number_of


@pytest.fixture(scope="module")
def page():
    return documents.sample()


def test_each_number_is_another_invoice_of_the_same_size(page):
    made = [page.document(number) for number in (0, 1, 2, 99_999)]
    assert len(set(made)) == 4
    assert {len(each) for each in made} == {len(made[0])}
    assert b"(ADM-26-00002)" in made[2]
    assert b"(03/01/2026)" in made[2]
    assert numbered.SAMPLE_NUMBER.encode() not in made[2]


@pytest.mark.parametrize("number", [0, 7, 60, 123_456, 9_999_999])
@pytest.mark.parametrize("kind", ["page", "xml", "photo"])
@pytest.mark.parametrize("padding", [0, 1, 2])
@pytest.mark.parametrize("separators", [None, (",", ":")])
def test_the_number_is_found_in_a_request_of_the_sdk(number, kind, padding, separators):
    data = documents.Template(kind, bytes(padding) + bytes(range(256))).document(number)
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        part = {"inlineData": {"data": encode(data).decode(), "mimeType": "x"}}
        body = json.dumps(
            {"contents": [{"parts": [part, {"text": 'document 0000042 "data": "'}]}]}, separators=separators
        )
        assert number_of(body.encode()) == number


@pytest.mark.parametrize(
    "body", [b"", b"{}", b'{"data": "', b'{"data": "AAAA"}', b'{"data": "not base64!"}', b'{"data": "a"}']
)
def test_a_request_without_a_numbered_document_has_no_number(body):
    assert number_of(body) is None


def test_the_answer_holds_what_is_printed_on_the_document():
    answer = json.loads(FastModel().answer(61))
    invoice = json.loads(answer["candidates"][0]["content"]["parts"][0]["text"])["invoices"][0]
    assert invoice["invoice_number"] == invoice["invoice_number_printed"] == "ADM-26-00061"
    assert (invoice["invoice_date"], invoice["invoice_date_printed"]) == ("2026-01-02", "02/01/2026")
    assert "{" not in answer["responseId"]


def test_dates_are_never_later_than_the_sample():
    assert max(numbered.date_of(number) for number in range(200)) <= numbered.SAMPLE_DATE
