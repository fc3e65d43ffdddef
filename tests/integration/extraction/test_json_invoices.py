"""Invoices in JSON of known kinds, through the whole pipeline: no call, no tokens, signatures by the operator's keys."""

import pytest

from shared_code.bootstrap.build import build_services
from shared_code.invoices.result import ResultData
from tests.integration.extraction.conftest import Pipeline
from tests.unit.e_invoices.national import test_gst_inv01 as gst
from tests.unit.e_invoices.national.test_india_signatures import _answered, _pem, keys
from tests.unit.e_invoices.national.test_ubl_json import _oasis

__all__ = ["keys"]

#: nothing here depends on the database
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def read(pipeline: Pipeline, data: bytes, name: str) -> ResultData:
    pipeline.add_key()
    outcome = pipeline.extract(data, file_name=name)
    assert pipeline.gemini.calls() == []
    (row,) = pipeline.rows()
    assert row.Outcome == "embedded_xml"
    return outcome.data


@pytest.mark.parametrize(
    ("data", "name", "syntax", "number"),
    [
        (gst._bytes(gst.BETWEEN), "a.json", "INV-01", "CW/26-27/0042"),
        (_oasis(), "a.json", "UBL", "JSON-INV12345"),
        (_oasis().decode().encode("utf-16"), "a.json", "UBL", "JSON-INV12345"),
        (gst._token({"Irn": gst._IRN, **gst.BETWEEN}).encode(), "a.jwt", "INV-01", "CW/26-27/0042"),
    ],
    ids=["INV-01", "UBL", "UTF-16", "token"],
)
def test_an_invoice_in_json_is_read_without_a_model(pipeline, data, name, syntax, number):
    found = read(pipeline, data, name)
    assert (found["status"], found["provenance"]["syntax"]) == ("ok", syntax)
    assert found["invoices"][0]["invoice_number"] == number


@pytest.mark.parametrize(("configured", "signature"), [(0, "verified"), (1, "unverified"), (None, "unverified")])
def test_a_registered_invoice_is_verified_by_the_configured_key(pipeline_settings, gemini, keys, configured, signature):
    pem = None if configured is None else _pem(keys[configured])
    services = build_services(pipeline_settings(irn_public_keys=pem))
    found = read(Pipeline(services, gemini), _answered(keys[0]), "a.json")
    services.close()
    assert found["invoices"][0]["india"]["qr"]["signature"] == signature
    unchecked = "signature_unverified" in {warning["code"] for warning in found["warnings"]}
    assert unchecked is (signature == "unverified")


def test_keys_that_cannot_be_read_cost_the_check_and_not_the_reading(pipeline_settings, gemini, keys):
    services = build_services(pipeline_settings(irn_public_keys="no key"))
    found = read(Pipeline(services, gemini), _answered(keys[0]), "a.json")
    services.close()
    assert found["invoices"][0]["india"]["qr"]["signature"] == "unverified"
