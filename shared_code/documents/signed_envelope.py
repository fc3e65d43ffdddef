"""Opens signed envelopes (``.p7m``): a file inside a signature, as Italy's exchange system delivers invoices.

CAdES (ETSI EN 319 122-1) is a profile of the Cryptographic Message Syntax (RFC 5652), written in ASN.1 with the
encoding rules of ITU-T X.690. The signature is not verified: that would take the certificates of all trust services and
their revocation lists. Only the content is taken, and the name in the certificate that the signature points to.

The few elements on the way are walked through here: signers write content in pieces of unknown length (BER), which
parsers of DER refuse and others put together in quadratic time. Runs in the sandbox only.
"""

import base64
import binascii
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

from shared_code.documents import refusals

#: the object identifier 1.2.840.113549.1.7.2, signedData
_SIGNED_DATA = bytes.fromhex("06092a864886f70d010702")
_HEAD = 64
_SEQUENCE, _SET, _INTEGER, _OCTETS, _OCTET_PIECES = 0x30, 0x31, 0x02, 0x04, 0x24
_CONTEXT_0 = 0xA0
_INDEFINITE = 0x80
_MOST_DEPTH = 16
#: a signed file may be signed again
_MOST_SIGNED = 5
_LONGEST_NAME = 100
_ARMOUR = re.compile(rb"-----(?:BEGIN|END) [A-Z0-9 ]{1,30}-----")
_BASE64_START = re.compile(rb"MI[A-Za-z0-9+/\s]{20}")
_HEAD_BYTES = 2_048


@dataclass(frozen=True, slots=True)
class Opened:
    """What was in an envelope.

    :ivar signer: the name in the certificate of the outermost signature, as the certificate gives it; None when it
        names nobody.
    """

    content: bytes
    signer: str | None


@dataclass(frozen=True, slots=True)
class _Element:
    """One ASN.1 element: its identifier octet, where it and its content begin, and where they end."""

    tag: int
    at: int
    start: int
    end: int
    after: int


def is_envelope(head: bytes) -> bool:
    """Whether a file begins like a signed envelope, as it is or in base64."""
    if head[:1] == b"\x30":
        return _SIGNED_DATA in head[:_HEAD]
    text = _ARMOUR.sub(b"", head[:_HEAD_BYTES]).lstrip()
    if not _BASE64_START.match(text):
        return False
    letters = b"".join(text.split())[:_HEAD]
    return _SIGNED_DATA in base64.b64decode(letters[: len(letters) // 4 * 4])


def open_envelope(data: bytes) -> Opened:
    """The signed file, out of all envelopes around it.

    :raises errors.InvalidFile: reason ``envelope``: it is damaged, or the signed file is not in it.
    """
    signer: str | None = None
    for level in range(_MOST_SIGNED):
        if not is_envelope(data[:_HEAD_BYTES]):
            return Opened(data, signer)
        try:
            binary = data if data[:1] == b"\x30" else base64.b64decode(_ARMOUR.sub(b"", data))
            data, certificate = _content(binary)
        except (binascii.Error, IndexError, StopIteration, ValueError) as error:
            raise refusals.invalid_file("envelope") from error
        signer = _name(certificate) if level == 0 else signer
    raise refusals.invalid_file("envelope")


def _content(data: bytes) -> tuple[bytes, bytes | None]:
    """The content of SignedData, and the certificate of its first signer.

    :raises ValueError: the bytes are not such a structure, or the content is not in it (also as IndexError).
    """
    wrapped = _children(data, _element(data, 0, len(data)))[1]
    (signed,) = _children(data, wrapped)
    fields = _children(data, signed)
    encapsulated = _children(data, next(each for each in fields[1:] if each.tag == _SEQUENCE))
    if len(encapsulated) == 1:
        raise ValueError("the signed file lies elsewhere")
    (octets,) = _children(data, encapsulated[1])
    certificates = [one for each in fields if each.tag == _CONTEXT_0 for one in _children(data, each)]
    signers = [one for each in fields[3:] if each.tag == _SET for one in _children(data, each)]
    return b"".join(_pieces(data, octets)), _certificate_of(data, certificates, signers)


def _pieces(data: bytes, octets: _Element, depth: int = 0) -> Iterator[bytes]:
    if octets.tag == _OCTETS:
        yield data[octets.start : octets.end]
    elif octets.tag == _OCTET_PIECES and depth < _MOST_DEPTH:
        for piece in _children(data, octets):
            yield from _pieces(data, piece, depth + 1)
    else:
        raise ValueError("not an octet string")


def _certificate_of(data: bytes, certificates: list[_Element], signers: list[_Element]) -> bytes | None:
    """The certificate with the serial number that the first signer names; else the first one."""
    found = [data[one.at : one.after] for one in certificates]
    if not signers:
        return None
    identifier = _children(data, signers[0])[1]
    if identifier.tag == _SEQUENCE:
        serial = _children(data, identifier)[1]
        wanted = data[serial.start : serial.end]
        for der, one in zip(found, certificates, strict=True):
            own = next(each for each in _children(data, _children(data, one)[0]) if each.tag == _INTEGER)
            if data[own.start : own.end] == wanted:
                return der
    return found[0] if len(found) == 1 else None


def _name(certificate: bytes | None) -> str | None:
    """The common name of a certificate's subject, or its organisation."""
    from cryptography import x509

    if certificate is None:
        return None
    # A certificate that is damaged, of an unknown kind or not quite as it should be: the content is worth reading.
    with warnings.catch_warnings(action="ignore"):
        try:
            subject = x509.load_der_x509_certificate(certificate).subject
        except (ValueError, x509.InvalidVersion):
            return None
    for kind in (x509.NameOID.COMMON_NAME, x509.NameOID.ORGANIZATION_NAME):
        for attribute in subject.get_attributes_for_oid(kind):
            name = " ".join(char for char in str(attribute.value).split() if char.isprintable())
            if name:
                return name[:_LONGEST_NAME]
    return None


def _children(data: bytes, parent: _Element) -> list[_Element]:
    children, at = [], parent.start
    while at < parent.end:
        children.append(_element(data, at, parent.end))
        at = children[-1].after
    return children


def _element(data: bytes, at: int, limit: int, depth: int = 0) -> _Element:
    """The element at a place. One of indefinite length ends at two zero bytes (X.690, 8.1.3.6 and 8.1.5)."""
    tag, length, start = data[at], data[at + 1], at + 2
    if tag & 0x1F == 0x1F or depth > _MOST_DEPTH:  # noqa: PLR2004 - X.690: a tag number of 31 or more, none is in use here
        raise ValueError("an unknown structure")
    if length == _INDEFINITE:
        end = start
        while data[end : end + 2] != b"\0\0":
            end = _element(data, end, limit, depth + 1).after
        return _Element(tag, at, start, end, end + 2)
    if length > _INDEFINITE:
        count = length - _INDEFINITE
        length, start = int.from_bytes(data[start : start + count]), start + count
    if start + length > limit:
        raise ValueError("cut off")
    return _Element(tag, at, start, start + length, start + length)
