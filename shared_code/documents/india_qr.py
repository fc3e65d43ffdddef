"""The signed QR code of Indian e-invoices: facts about an invoice that cost no model tokens.

The code is issued by an Invoice Registration Portal under Rule 48(4) of the CGST Rules, 2017; the names of its values
are those of the portal's e-invoice schema (National Informatics Centre, GST Network). It is a JSON Web Token (RFC 7519)
with RS256 (RFC 7518), whose payload carries a JSON text in ``data``. It holds number, date, GSTINs and total, but no
names and no lines: it checks a model's answer and does not replace it. Payment codes (UPI) are ignored.

The signature is checked when a key is configured. The portals change their keys, so a code that fits no key is
``unverified``, not refused.
"""

import base64
import datetime as dt
import json
import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from shared_code.documents.file_type import Kind
from shared_code.errors import ConfigurationError
from shared_code.invoices.schema import IndiaQr

VERIFIED = "verified"
UNVERIFIED = "unverified"

#: pages that are searched in one document; the code is on the first page of an invoice
MAX_PAGES = 3
#: a page with less text counts as a scan
_SCAN_CHARACTERS = 50
_HINT = re.compile(
    r"\bIRN\b|\bGSTIN\b|\bAck\.?\s*(No|Date)|e-?invoice|[0-9a-f]{64}|\b\d{2}[A-Z]{5}\d{4}[A-Z][0-9A-Z]Z[0-9A-Z]\b",
    re.IGNORECASE,
)
_TOKEN = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+")
_IRN = re.compile(r"[0-9a-f]{64}")
_PEM = re.compile(r"-----BEGIN (PUBLIC KEY|RSA PUBLIC KEY|CERTIFICATE)-----.*?-----END \1-----", re.DOTALL)


def pages_to_search(kind: Kind, texts: Sequence[str]) -> tuple[int, ...]:
    """Indices of the pages that may hold a code; empty for most documents, because a search takes 10 to 60 ms a page.

    Images: the first pages. PDFs: pages without text (scans) and pages that name an IRN or a GSTIN. XML: none.
    """
    if kind is Kind.IMAGE:
        return tuple(range(min(len(texts), MAX_PAGES)))
    if kind is not Kind.PDF:
        return ()
    hinted = any(_HINT.search(text) for text in texts)
    wanted = [at for at, text in enumerate(texts) if hinted or len(text.strip()) < _SCAN_CHARACTERS]
    return tuple(wanted[:MAX_PAGES])


def read_codes(codes: Sequence[str], *, public_keys: str | None = None) -> IndiaQr | None:
    """The first signed e-invoice code among the texts of QR codes, or None.

    :param public_keys: PEM public keys or certificates, one after another (setting IRN_PUBLIC_KEYS).
    :raises errors.ConfigurationError: a code was found, and ``public_keys`` is not PEM.
    """
    for code in codes:
        payload = _payload(code.strip())
        if payload is not None:
            signature = VERIFIED if is_signed(code.strip(), public_keys) else UNVERIFIED
            return _record(payload, signature)
    return None


def is_signed(code: str, public_keys: str | None) -> bool:
    """Whether one of the keys has signed a token; False without keys.

    :raises errors.ConfigurationError: ``public_keys`` is not PEM.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.hashes import SHA256

    signed, _, signature = code.rpartition(".")
    if not public_keys or _json(_decoded(signed.split(".")[0])).get("alg") != "RS256":
        return False
    for key in load_keys(public_keys):
        if not isinstance(key, RSAPublicKey):
            continue
        try:
            key.verify(_decoded(signature), signed.encode(), PKCS1v15(), SHA256())
        except InvalidSignature:
            continue
        return True
    return False


def load_keys(public_keys: str | None) -> list[Any]:
    """The configured keys.

    :raises errors.ConfigurationError: the text is not PEM.
    """
    if not public_keys:
        return []
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    keys: list[Any] = []
    try:
        for match in _PEM.finditer(public_keys.replace("\\n", "\n")):
            pem = match[0].encode()
            is_certificate = match[1] == "CERTIFICATE"
            keys.append(
                x509.load_pem_x509_certificate(pem).public_key() if is_certificate else load_pem_public_key(pem)
            )
    except ValueError as error:
        raise ConfigurationError("IRN_PUBLIC_KEYS holds a key that cannot be read") from error
    if not keys:
        raise ConfigurationError("IRN_PUBLIC_KEYS holds no PEM public key or certificate")
    return keys


def _payload(code: str) -> dict[str, Any] | None:
    if not _TOKEN.fullmatch(code):
        return None
    body = _json(_decoded(code.split(".")[1]))
    nested = body.get("data")
    payload = _json(nested.encode()) if isinstance(nested, str) else nested if isinstance(nested, dict) else body
    irn = str(payload.get("Irn") or "").strip().lower()
    return payload if _IRN.fullmatch(irn) else None


def _record(payload: dict[str, Any], signature: str) -> IndiaQr:
    return IndiaQr(
        seller_gstin=_text(payload, "SellerGstin"),
        buyer_gstin=_text(payload, "BuyerGstin"),
        doc_no=_text(payload, "DocNo"),
        doc_date=_date(_text(payload, "DocDt")),
        total=_amount(payload.get("TotInvVal")),
        item_count=_count(payload.get("ItemCnt")),
        main_hsn=_text(payload, "MainHsnCode"),
        irn=str(payload["Irn"]).strip().lower(),
        signature=signature,
    )


def _decoded(part: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError:
        return b""


def _json(data: bytes) -> dict[str, Any]:
    try:
        value = json.loads(data, parse_float=Decimal)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _text(payload: dict[str, Any], name: str) -> str | None:
    value = payload.get(name)
    return (str(value).strip()[:100] or None) if isinstance(value, str | int) else None


def _date(text: str | None) -> dt.date | None:
    for pattern in ("%d/%m/%Y", "%Y-%m-%d", "%d-%m-%Y"):
        try:
            return dt.datetime.strptime(text or "", pattern).replace(tzinfo=dt.UTC).date()
        except ValueError:
            continue
    return None


def _amount(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        return None
    try:
        amount = Decimal(str(value).strip().replace(",", ""))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None


def _count(value: Any) -> int | None:
    text = str(value).strip()
    return int(text) if text.isdecimal() and text.isascii() and len(text) < 7 else None  # noqa: PLR2004 - a million lines
