"""Signed envelopes are opened in every form in which signers write them, and their signer is named."""

import base64
import datetime as dt
from functools import cache

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from shared_code import errors
from shared_code.documents import file_type
from shared_code.documents.signed_envelope import is_envelope, open_envelope

CONTENT = b"<?xml version='1.0'?><Invoice>" + b"x" * 5_000 + b"</Invoice>"


@cache
def certificate(*, common_name: str | None = "Anna Neri", organisation: str | None = None):
    key = ec.generate_private_key(ec.SECP256R1())
    names = ((x509.NameOID.COMMON_NAME, common_name), (x509.NameOID.ORGANIZATION_NAME, organisation))
    name = x509.Name([x509.NameAttribute(kind, value) for kind, value in names if value is not None])
    start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    built = built.serial_number(x509.random_serial_number()).not_valid_before(start)
    return built.not_valid_after(start + dt.timedelta(days=3650)).sign(key, hashes.SHA256()), key


def signed(content: bytes = CONTENT, *, others=(), detached: bool = False, **names) -> bytes:
    """A signed envelope around the content; ``others`` are certificates that are in it too."""
    own, key = certificate(**names)
    builder = pkcs7.PKCS7SignatureBuilder().set_data(content).add_signer(own, key, hashes.SHA256())
    for other in others:
        builder = builder.add_certificate(other)
    options = [pkcs7.PKCS7Options.Binary, *([pkcs7.PKCS7Options.DetachedSignature] if detached else [])]
    return builder.sign(Encoding.DER, options)


def in_pieces(content: bytes, *, size: int = 1_000) -> bytes:
    """Only the beginning of an envelope, with lengths that are not told and the content in pieces (BER)."""
    pieces = b"".join(_octets(content[at : at + size]) for at in range(0, len(content), size))
    data_type, signed_type = bytes.fromhex("06092a864886f70d010701"), bytes.fromhex("06092a864886f70d010702")
    encapsulated = _open(0x30, data_type + _open(0xA0, _open(0x24, pieces)))
    return _open(
        0x30, signed_type + _open(0xA0, _open(0x30, b"\x02\x01\x01" + b"\x31\x00" + encapsulated + b"\x31\x00"))
    )


def _open(tag: int, content: bytes) -> bytes:
    return bytes([tag, 0x80]) + content + b"\0\0"


def _octets(content: bytes) -> bytes:
    return b"\x04\x82" + len(content).to_bytes(2) + content


FORMS = {
    "DER": signed(),
    "base64": base64.b64encode(signed()),
    "base64 in lines": base64.encodebytes(signed()).replace(b"\n", b"\r\n"),
    "PEM": b"-----BEGIN PKCS7-----\n" + base64.encodebytes(signed()) + b"-----END PKCS7-----\n",
    "signed twice": signed(signed()),
    "signed twice, in base64 within": signed(base64.b64encode(signed())),
}


@pytest.mark.parametrize("data", FORMS.values(), ids=FORMS.keys())
def test_the_signed_file_and_the_signer_come_out(data):
    assert is_envelope(data[:2048])
    assert file_type.detect_file_type(data) is file_type.ENVELOPE
    opened = open_envelope(data)
    assert (opened.content, opened.signer) == (CONTENT, "Anna Neri")


@pytest.mark.parametrize("size", [1, 1_000])
def test_content_in_pieces_of_unknown_length_comes_out(size):
    data = in_pieces(CONTENT, size=size)
    assert is_envelope(data[:2048])
    assert open_envelope(data).content == CONTENT


def test_a_signed_pdf_is_an_envelope_and_no_pdf():
    assert file_type.detect_file_type(signed(b"%PDF-1.7\n" + b"x" * 100)) is file_type.ENVELOPE


def test_the_signer_is_the_one_whose_certificate_the_signature_names():
    others = [certificate(common_name=name)[0] for name in ("Root", "Issuer")]
    assert open_envelope(signed(others=others)).signer == "Anna Neri"


def test_the_outermost_signer_is_named():
    assert open_envelope(signed(signed(), common_name="Second Signer")).signer == "Second Signer"


def test_an_organisation_is_named_where_no_person_is():
    assert open_envelope(signed(common_name=None, organisation="Acme Srl")).signer == "Acme Srl"
    assert open_envelope(signed(common_name=None)).signer is None


def test_a_name_of_many_lines_is_cut_to_one():
    assert open_envelope(signed(common_name="A\nB" + "c" * 60)).signer == "A B" + "c" * 60


BROKEN = {
    "detached": signed(detached=True),
    "cut in the content": signed()[:2_000],
    "cut in base64": base64.b64encode(signed())[:2_001],
    "cut in pieces": in_pieces(CONTENT)[:2_000],
    "only the beginning": signed()[:40],
    "nested without end": bytes.fromhex("308006092a864886f70d010702a080") + b"\x30\x80" * 5_000,
    "a length beyond the file": bytes.fromhex("308006092a864886f70d010702a084ffffffff3000"),
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN.keys())
def test_a_damaged_or_empty_envelope_is_refused(data):
    with pytest.raises(errors.InvalidFile) as caught:
        open_envelope(data)
    assert caught.value.details["reason"] == "envelope"


def test_signed_again_and_again_ends():
    data = CONTENT
    for _ in range(6):
        data = signed(data)
    with pytest.raises(errors.InvalidFile):
        open_envelope(data)


def reason_of(data: bytes) -> str | None:
    try:
        open_envelope(data)
    except errors.InvalidFile as error:
        return error.details["reason"]
    return None


def test_changed_bytes_never_raise_anything_else():
    data = signed(b"<a/>")
    reasons = {
        reason_of(data[:at] + bytes([value]) + data[at + 1 :])
        for at in range(len(data))
        for value in (0x00, 0x80, 0xFF, data[at] ^ 0x20)
    }
    assert reasons == {None, "envelope"}


@pytest.mark.parametrize(
    "data", [b"MIME-Version: 1.0\n\nhello, this is text", b"Military text", b"0x30 text", b"0\x82", b"MI"]
)
def test_other_files_are_no_envelopes(data):
    assert not is_envelope(data)
