"""What the signed code of an Indian e-invoice says, and what it takes to be believed."""

import base64
import datetime as dt
import json
from decimal import Decimal

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from shared_code.documents import india_qr
from shared_code.documents.file_type import Kind
from shared_code.errors import ConfigurationError

FACTS = {
    "SellerGstin": "27AAACS1234F1ZS",
    "BuyerGstin": "27AADCM2468R1ZS",
    "DocNo": "A-1",
    "DocTyp": "INV",
    "DocDt": "07/11/2025",
    "TotInvVal": 175083.5,
    "ItemCnt": 3,
    "MainHsnCode": "39012000",
    "Irn": "ab" * 32,
}


def part(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unsigned(payload, alg: str = "RS256") -> str:
    return part(json.dumps({"alg": alg, "typ": "JWT"}).encode()) + "." + part(json.dumps(payload).encode())


def token(payload=None, key: rsa.RSAPrivateKey | None = None, alg: str = "RS256") -> str:
    body = unsigned({"data": json.dumps(FACTS), "iss": "NIC"} if payload is None else payload, alg)
    signature = key.sign(body.encode(), padding.PKCS1v15(), SHA256()) if key else b"none"
    return f"{body}.{part(signature)}"


def pem(key) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@pytest.fixture(scope="module")
def keys():
    return [rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2)]


def test_all_facts_of_a_code():
    found = india_qr.read_codes([token()])
    assert found == india_qr.IndiaQr(
        seller_gstin="27AAACS1234F1ZS",
        buyer_gstin="27AADCM2468R1ZS",
        doc_no="A-1",
        doc_date=dt.date(2025, 11, 7),
        total=Decimal("175083.5"),
        item_count=3,
        main_hsn="39012000",
        irn="ab" * 32,
        signature="unverified",
    )


def test_a_signature_counts_when_one_of_the_configured_keys_made_it(keys):
    signed = token(key=keys[1])
    assert india_qr.read_codes([signed], public_keys=pem(keys[1])).signature == "verified"
    assert india_qr.read_codes([signed], public_keys=pem(keys[0]) + pem(keys[1])).signature == "verified"
    assert india_qr.read_codes([signed], public_keys=pem(keys[1]).replace("\n", "\\n")).signature == "verified"
    assert india_qr.read_codes([signed], public_keys=pem(keys[0])).signature == "unverified"


def test_a_changed_payload_or_another_algorithm_is_not_verified(keys):
    head, _, signature = token(key=keys[0]).split(".")
    forged = f"{head}.{unsigned({'data': json.dumps(FACTS | {'TotInvVal': 1})}).split('.')[1]}.{signature}"
    assert india_qr.read_codes([forged], public_keys=pem(keys[0])).signature == "unverified"
    assert india_qr.read_codes([token(key=keys[0], alg="none")], public_keys=pem(keys[0])).signature == "unverified"
    other = pem(ec.generate_private_key(ec.SECP256R1()))
    assert india_qr.read_codes([token(key=keys[0])], public_keys=other).signature == "unverified"


@pytest.mark.parametrize("text", ["nonsense", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"])
def test_a_wrong_key_is_a_wrong_setting(text):
    with pytest.raises(ConfigurationError, match="IRN_PUBLIC_KEYS"):
        india_qr.load_keys(text)


@pytest.mark.parametrize(
    "code",
    [
        "upi://pay?pa=a@b&am=1.00",
        "https://example.com/a.b.c",
        "a.b.c",
        "",
        token({"data": "not json"}),
        token({"data": json.dumps({"Irn": "short"})}),
        token({"data": 7}),
        token([1, 2]),
        part(b"{}") + "." + part(b"\xff\xfe") + ".x",
    ],
)
def test_other_codes_are_ignored(code):
    assert india_qr.read_codes([code]) is None
    assert india_qr.read_codes([code, token()]).doc_no == "A-1"


def test_odd_values_become_none_and_never_an_error():
    odd = {
        "Irn": "AB" * 32,
        "DocDt": "31/02/2025",
        "TotInvVal": "NaN",
        "ItemCnt": [1],
        "SellerGstin": {"a": 1},
        "DocNo": "  ",
    }
    found = india_qr.read_codes([token({"data": json.dumps(odd)})])
    assert found == india_qr.IndiaQr(irn="ab" * 32, signature="unverified")


@pytest.mark.parametrize(
    ("kind", "texts", "expected"),
    [
        (Kind.IMAGE, ("", ""), (0, 1)),
        (Kind.IMAGE, ("",) * 9, (0, 1, 2)),
        (Kind.PDF, ("Invoice 1 of Adom Trading Company Ltd, Accra, total 9000.00 GHS",), ()),
        (Kind.PDF, ("Tax invoice GSTIN 27AAACS1234F1ZS and many more words on this page",), (0,)),
        (Kind.PDF, ("A page of many words that has nothing at all to do with any tax", ""), (1,)),
        (Kind.XML, ("",), ()),
    ],
)
def test_pages_are_searched_only_where_a_code_may_be(kind, texts, expected):
    assert india_qr.pages_to_search(kind, texts) == expected
