"""Checks the signatures of registered Indian e-invoices, where the operator gave the portal's keys.

The reader of INV-01 runs in the sandbox, where there are no settings, and says that the signatures were not checked.
The host does that here. It finds the tokens by their form alone and parses nothing but their heads and the small codes.
"""

import re
from dataclasses import replace

from shared_code.documents import india_qr
from shared_code.documents.file_type import is_token
from shared_code.e_invoices.reader import EInvoice
from shared_code.invoices.reading import InvoiceReading

_SYNTAX = "INV-01"
_INVOICES = re.compile(rb'"SignedInvoice"\s*:\s*"([\w.-]+)"', re.IGNORECASE)
_CODES = re.compile(rb'"SignedQRCode"\s*:\s*"([\w.-]+)"', re.IGNORECASE)
_UNVERIFIED = "signature_unverified"
#: as many as are read of one file
_MOST_TOKENS = 100


def with_signatures(found: EInvoice, data: bytes, public_keys: str | None) -> EInvoice:
    """The invoices with their signatures checked; as they are when there are no keys, or no signatures.

    :param data: the file.
    :param public_keys: PEM keys or certificates that may have signed it (setting IRN_PUBLIC_KEYS).
    :raises errors.ConfigurationError: the configured keys cannot be read.
    """
    if not public_keys or found.syntax != _SYNTAX:
        return found
    tokens = [data.strip()] if is_token(data) else _INVOICES.findall(data)[:_MOST_TOKENS]
    invoices_hold = bool(tokens) and all(india_qr.is_signed(token.decode(), public_keys) for token in tokens)
    codes = (
        india_qr.read_codes([code.decode()], public_keys=public_keys) for code in _CODES.findall(data)[:_MOST_TOKENS]
    )
    verified = {code.irn for code in codes if code is not None and code.signature == india_qr.VERIFIED}
    readings = tuple(_checked(entry, verified, invoices_hold=invoices_hold) for entry in found.readings)
    return replace(found, readings=readings)


def _checked(entry: InvoiceReading, verified: set[str | None], *, invoices_hold: bool) -> InvoiceReading:
    if invoices_hold:
        entry = replace(entry, findings=tuple(each for each in entry.findings if each.code != _UNVERIFIED))
    india = entry.invoice.india
    if india is None or india.qr is None or india.qr.irn not in verified:
        return entry
    code = replace(india.qr, signature=india_qr.VERIFIED)
    return replace(entry, invoice=replace(entry.invoice, india=replace(india, qr=code)))
