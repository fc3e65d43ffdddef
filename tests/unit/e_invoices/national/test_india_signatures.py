"""Signatures of registered Indian invoices, with real keys."""

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from shared_code import errors
from shared_code.e_invoices.india_signatures import with_signatures
from shared_code.e_invoices.reader import read_e_invoice
from tests.unit.e_invoices.national.test_gst_inv01 import _IRN, BETWEEN


@pytest.fixture(scope="module")
def keys() -> list[rsa.RSAPrivateKey]:
    return [rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2)]


def _pem(key: rsa.RSAPrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _token(payload: dict[str, Any], key: rsa.RSAPrivateKey) -> str:
    head, body = {"alg": "RS256"}, {"data": json.dumps(payload), "iss": "NIC"}
    signed = ".".join(_encoded(json.dumps(part).encode()) for part in (head, body))
    return f"{signed}.{_encoded(key.sign(signed.encode(), PKCS1v15(), SHA256()))}"


def _answered(key: rsa.RSAPrivateKey) -> bytes:
    code = {"DocNo": "CW/26-27/0042", "TotInvVal": 48900, "Irn": _IRN}
    return json.dumps(
        {"Irn": _IRN, "SignedInvoice": _token({"Irn": _IRN, **BETWEEN}, key), "SignedQRCode": _token(code, key)}
    ).encode()


def _signatures(data: bytes, public_keys: str | None) -> tuple[str | None, bool]:
    """What is said of the code, and whether the invoice is said to be unchecked."""
    (entry,) = with_signatures(read_e_invoice(data), data, public_keys).readings
    code = entry.invoice.india and entry.invoice.india.qr
    return code and code.signature, "signature_unverified" in {finding.code for finding in entry.findings}


def test_the_portals_key_verifies_code_and_invoice(keys):
    assert _signatures(_answered(keys[0]), _pem(keys[1]) + _pem(keys[0])) == ("verified", False)


def test_another_key_or_none_verifies_nothing(keys):
    assert _signatures(_answered(keys[0]), _pem(keys[1])) == ("unverified", True)
    assert _signatures(_answered(keys[0]), None) == ("unverified", True)


def test_a_token_alone_is_verified(keys):
    data = _token({"Irn": _IRN, **BETWEEN}, keys[0]).encode()
    assert _signatures(data, _pem(keys[0])) == (None, False)
    assert _signatures(data, _pem(keys[1])) == (None, True)


def test_a_changed_invoice_is_not_verified(keys):
    other = {**BETWEEN, "DocDtls": {"Typ": "INV", "No": "FORGED", "Dt": "16/09/2026"}}
    genuine, forged = _token({"Irn": _IRN, **BETWEEN}, keys[0]), _token({"Irn": _IRN, **other}, keys[1])
    mixed = ".".join([*forged.split(".")[:2], genuine.split(".")[2]])
    assert _signatures(mixed.encode(), _pem(keys[0])) == (None, True)


def test_keys_that_cannot_be_read_are_the_operators_mistake(keys):
    with pytest.raises(errors.ConfigurationError):
        _signatures(_answered(keys[0]), "no key")
