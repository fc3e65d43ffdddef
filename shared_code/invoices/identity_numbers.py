"""Tax numbers, accounts and codes that can be checked by themselves: by a check digit or by a fixed form.

python-stdnum computes the check digits; it is imported on first use.

==========  ======================================================================================================
GSTIN       15 characters, the last a check character modulo 36 (GST Network)
PAN         the Permanent Account Number of the Indian Income Tax Department: fixed form, holder type in place four
VAT number  the member states' formats as in the EU's VIES system; the United Kingdom (HMRC); Swiss UID with MWST
IBAN        ISO 13616, check digits modulo 97 (ISO/IEC 7064)
BIC         ISO 9362
IFSC        the Reserve Bank of India's code of a bank branch: four letters, ``0``, six characters
IRN         SHA-256 in hex, computed by the Invoice Registration Portal (e-invoice schema of the GST Network)
==========  ======================================================================================================
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module

from shared_code.invoices.countries import GSTIN_FORM, country_of, state_codes
from shared_code.invoices.schema import BankAccount, Invoice, Party
from shared_code.records import Finding

#: the form of an IBAN (ISO 13616)
IBAN_FORM = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
_IFSC = re.compile(r"[A-Z]{4}0[A-Z0-9]{6}")
_IRN = re.compile(r"[0-9a-f]{64}")
_EU_PREFIX = re.compile(
    r"(AT|BE|BG|CY|CZ|DE|DK|EE|EL|ES|FI|FR|HR|HU|IE|IT|LT|LU|LV|MT|NL|PL|PT|RO|SE|SI|SK|XI)[0-9A-Z]"
)


@dataclass(frozen=True, slots=True)
class IdentityCheck:
    """One number that could be checked: its field, and a finding when it failed."""

    field: str
    finding: Finding | None = None


def check_identity(invoice: Invoice) -> list[IdentityCheck]:
    """Check all tax numbers, accounts and codes of an invoice. Numbers without a known form are left out."""
    checks: list[IdentityCheck] = []
    for role, party in (("seller", invoice.seller), ("buyer", invoice.buyer), ("ship_to", invoice.ship_to)):
        if party is not None:
            checks += _party(role, party)
    for index, account in enumerate(invoice.payment.bank_accounts if invoice.payment else ()):
        checks += _account(f"payment.bank_accounts[{index}]", account)
    irn = invoice.india.irn if invoice.india else None
    if irn:
        valid = _IRN.fullmatch(irn.lower()) is not None
        checks.append(_check("india.irn", "bad_irn", "an IRN (64 hex digits)", irn, valid=valid))
    return checks


def _party(role: str, party: Party) -> Iterator[IdentityCheck]:
    field = f"{role}.tax_id"
    if party.tax_id:
        yield from _tax_id(field, party)
    if party.pan:
        yield _check(f"{role}.pan", "bad_pan", "a PAN", party.pan, valid=_is_valid("in_.pan", _compact(party.pan)))
        if _is_gstin_form(party) and _compact(party.tax_id)[2:12] != _compact(party.pan):
            message = "The PAN is not the one inside the GSTIN."
            yield IdentityCheck(
                f"{role}.pan",
                Finding("pan_mismatch", message, f"{role}.pan", _compact(party.tax_id)[2:12], party.pan),
            )
    codes = state_codes(party.state_code)
    if party.tax_id_type == "GSTIN" or _is_gstin_form(party):
        own = _compact(party.tax_id)[:2]
        yield from _state(f"{role}.state_code", codes, own, party.state_code, "the GSTIN's first two digits")
        codes = codes or (frozenset({own}) if own in state_codes(own) else frozenset())
    by_name = state_codes(party.state) if country_of(party) in {"IN", None} else frozenset()
    if by_name and codes and not by_name & codes:
        message = f"State code {'/'.join(sorted(codes))} is not {party.state}."
        yield IdentityCheck(
            f"{role}.state_code",
            Finding("state_code_mismatch", message, f"{role}.state_code", "/".join(sorted(by_name)), party.state_code),
        )


def _state(field: str, codes: frozenset[str], own: str, printed: str | None, what: str) -> Iterator[IdentityCheck]:
    if codes and own.isdigit() and own not in codes:
        message = f"The state code differs from {what}."
        yield IdentityCheck(field, Finding("state_code_mismatch", message, field, own, printed))


def _tax_id(field: str, party: Party) -> Iterator[IdentityCheck]:
    number = _compact(party.tax_id)
    if party.tax_id_type == "GSTIN" or GSTIN_FORM.fullmatch(number):
        yield _check(field, "bad_gstin", "a GSTIN", number, valid=_is_valid("in_.gstin", number))
        return
    checked = _is_vat(number) if party.tax_id_type in {"VAT", None, "OTHER"} else None
    if checked is None and party.tax_id_type == "VAT" and country_of(party) not in {None, "IN"}:
        checked = _is_vat(f"{country_of(party)}{number}")
    if checked is not None:
        yield _check(field, "bad_vat_id", "a VAT number", number, valid=checked)


def _account(field: str, account: BankAccount) -> Iterator[IdentityCheck]:
    if account.iban:
        # Only check digits and lengths: the national checks within an IBAN differ by bank and refuse numbers in use.
        valid = _is_valid("iban", account.iban, check_country=False)
        yield _check(f"{field}.iban", "bad_iban", "an IBAN", account.iban, valid=valid)
    if account.ifsc:
        valid = _IFSC.fullmatch(_compact(account.ifsc)) is not None
        yield _check(f"{field}.ifsc", "bad_ifsc", "an IFSC", account.ifsc, valid=valid)
    if account.bic:
        yield _check(f"{field}.bic", "bad_bic", "a BIC", account.bic, valid=_is_valid("bic", account.bic), review=False)


def _check(field: str, code: str, what: str, found: str, *, valid: bool, review: bool = True) -> IdentityCheck:
    message = f"The number is not {what}: its form or its check digit is wrong."
    return IdentityCheck(field, None if valid else Finding(code, message, field, found=found, review=review))


def _is_gstin_form(party: Party) -> bool:
    return GSTIN_FORM.fullmatch(_compact(party.tax_id)) is not None


def _is_valid(kind: str, number: str, **options: bool) -> bool:
    """What a module of python-stdnum, such as ``in_.pan``, says of a number."""
    return bool(import_module(f"stdnum.{kind}").is_valid(number, **options))


def _is_vat(number: str) -> bool | None:
    """Whether a VAT number with its country in front is valid; None for countries that are not known here."""
    if number.startswith("CHE"):
        return _is_valid("ch.vat", number if number.endswith(("MWST", "TVA", "IVA", "TPV")) else f"{number}MWST")
    if number.startswith("GB"):
        return _is_valid("gb.vat", number)
    return _is_valid("eu.vat", number) if _EU_PREFIX.match(number) else None


def _compact(text: str | None) -> str:
    return re.sub(r"[^0-9A-Z]", "", (text or "").upper())
