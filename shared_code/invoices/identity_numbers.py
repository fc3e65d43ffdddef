"""Numbers that prove themselves: tax numbers, accounts and codes with check digits or a fixed form.

python-stdnum knows the check digits; it is imported on first use.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from shared_code.invoices.countries import GSTIN_FORM, country_of, state_codes
from shared_code.invoices.schema import BankAccount, Invoice, Party
from shared_code.records import Finding

_IFSC = re.compile(r"[A-Z]{4}0[A-Z0-9]{6}")
_IRN = re.compile(r"[0-9a-f]{64}")
_EU_PREFIX = re.compile(
    r"(AT|BE|BG|CY|CZ|DE|DK|EE|EL|ES|FI|FR|HR|HU|IE|IT|LT|LU|LV|MT|NL|PL|PT|RO|SE|SI|SK|XI)[0-9A-Z]"
)
#: tax numbers without a country in front are checked only where their form leaves no doubt
_GST_NUMBER_LENGTH = 16


@dataclass(frozen=True, slots=True)
class IdentityCheck:
    """One number that could be checked: its field, and a finding when it failed."""

    field: str
    finding: Finding | None = None


def check_identity(invoice: Invoice) -> list[IdentityCheck]:
    """Check digits and forms of all tax numbers, accounts and codes; values without a known form are not checked."""
    checks: list[IdentityCheck] = []
    for role, party in (("seller", invoice.seller), ("buyer", invoice.buyer), ("ship_to", invoice.ship_to)):
        if party is not None:
            checks += _party(role, party)
    for index, account in enumerate(invoice.payment.bank_accounts if invoice.payment else ()):
        checks += _account(f"payment.bank_accounts[{index}]", account)
    return checks + _india(invoice)


def _party(role: str, party: Party) -> Iterator[IdentityCheck]:
    field = f"{role}.tax_id"
    if party.tax_id:
        yield from _tax_id(field, party)
    if party.pan:
        yield _check(f"{role}.pan", "bad_pan", "a PAN", party.pan, valid=_is_pan(party.pan))
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
        yield _check(field, "bad_gstin", "a GSTIN", number, valid=_is_gstin(number))
        return
    checked = _is_vat(number) if party.tax_id_type in {"VAT", None, "OTHER"} else None
    if checked is None and party.tax_id_type == "VAT" and country_of(party) not in {None, "IN"}:
        checked = _is_vat(f"{country_of(party)}{number}")
    if checked is not None:
        yield _check(field, "bad_vat_id", "a VAT number", number, valid=checked)


def _account(field: str, account: BankAccount) -> Iterator[IdentityCheck]:
    if account.iban:
        yield _check(f"{field}.iban", "bad_iban", "an IBAN", account.iban, valid=_is_iban(account.iban))
    if account.ifsc:
        valid = _IFSC.fullmatch(_compact(account.ifsc)) is not None
        yield _check(f"{field}.ifsc", "bad_ifsc", "an IFSC", account.ifsc, valid=valid)
    if account.bic:
        yield _check(f"{field}.bic", "bad_bic", "a BIC", account.bic, valid=_is_bic(account.bic), review=False)


def _india(invoice: Invoice) -> list[IdentityCheck]:
    irn = invoice.india.irn if invoice.india else None
    if not irn:
        return []
    return [_check("india.irn", "bad_irn", "an IRN (64 hex digits)", irn, valid=bool(_IRN.fullmatch(irn.lower())))]


def _check(field: str, code: str, what: str, found: str, *, valid: bool, review: bool = True) -> IdentityCheck:
    message = f"The number is not {what}: its form or its check digit is wrong."
    return IdentityCheck(field, None if valid else Finding(code, message, field, found=found, review=review))


def _is_gstin_form(party: Party) -> bool:
    return GSTIN_FORM.fullmatch(_compact(party.tax_id)) is not None


def _is_gstin(number: str) -> bool:
    from stdnum.in_ import gstin

    return bool(gstin.is_valid(number))


def _is_pan(number: str) -> bool:
    from stdnum.in_ import pan

    return bool(pan.is_valid(_compact(number)))


def _is_vat(number: str) -> bool | None:
    """Whether a VAT number with its country in front is valid; None for countries that are not known here."""
    if number.startswith("CHE"):
        from stdnum.ch import vat as swiss

        return bool(swiss.is_valid(number if number.endswith(("MWST", "TVA", "IVA", "TPV")) else f"{number}MWST"))
    if number.startswith("GB"):
        from stdnum.gb import vat as british

        return bool(british.is_valid(number))
    if not _EU_PREFIX.match(number):
        return None
    from stdnum.eu import vat

    return bool(vat.is_valid(number))


def _is_iban(number: str) -> bool:
    from stdnum import iban

    # Only the check digits and lengths: the accounts' own checks differ by bank and refuse numbers in use.
    return bool(iban.is_valid(number, check_country=False))


def _is_bic(code: str) -> bool:
    from stdnum import bic

    return bool(bic.is_valid(code))


def _compact(text: str | None) -> str:
    return re.sub(r"[^0-9A-Z]", "", (text or "").upper())
