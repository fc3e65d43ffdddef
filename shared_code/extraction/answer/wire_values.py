"""Texts, parties and accounts of a model's answer in the public schema's form. No amounts, no dates, no judgement."""

import re
from collections.abc import Mapping, Sequence

from shared_code.extraction.answer.wire_schema import PARTY_ROLES
from shared_code.invoices.countries import GSTIN_FORM, country_code, state_codes
from shared_code.invoices.schema import TAX_ID_TYPES, BankAccount, Fiscal, Party
from shared_code.records import Finding

Row = Mapping[str, str | None]

#: what models write when they mean null
_NOTHING = frozenset({"n/a", "na", "null", "none", "nil", "unknown", "not stated", "not printed", "-", "--", "—", "–"})
_IBAN_FORM = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
_CODES = ("iban", "bic", "ifsc", "sort_code", "routing_number")
_YES = frozenset({"yes", "y", "true"})
_NO = frozenset({"no", "n", "false"})


def value_of(text: str | None) -> str | None:
    """The text, or None for the words that stand for nothing."""
    return None if text is None or text.strip().casefold() in _NOTHING else text.strip()


def yes_or_no(text: str | None) -> bool | None:
    """A printed yes or no; None for anything else."""
    word = (value_of(text) or "").casefold().rstrip(".")
    return True if word in _YES else False if word in _NO else None


def page_of(text: str | None) -> int | None:
    """A page number from 1, or None."""
    return int(text) if text and text.isascii() and text.isdigit() and 0 < len(text) < 6 and int(text) else None  # noqa: PLR2004


def parties_of(rows: Sequence[Row]) -> tuple[dict[str, Party], list[Finding]]:
    """The first party of each role, and a finding for each that is given twice or has no known role."""
    parties: dict[str, Party] = {}
    findings = []
    for row in rows:
        role = row["role"] or ""
        if role not in PARTY_ROLES:
            message = "The model named a party without a role; it is left out."
            findings.append(Finding("unknown_party", message, found=row["name"], review=False))
        elif role in parties:
            message = "The document seems to name more than one; the first is given."
            findings.append(Finding("several_parties", message, role, found=row["name"], review=False))
        else:
            parties[role] = _party(row)
    return parties, findings


def _party(row: Row) -> Party:
    tax_id = code_of(row["tax_id"])
    kind = (value_of(row["tax_id_type"]) or "").upper()
    if tax_id and GSTIN_FORM.fullmatch(tax_id):
        kind = "GSTIN"
    country = country_code(value_of(row["country"]))
    state = value_of(row["state"])
    return Party(
        name=value_of(row["name"]),
        tax_id=tax_id,
        tax_id_type=None if tax_id is None else kind if kind in TAX_ID_TYPES else "OTHER",
        pan=code_of(row["pan"]),
        registration_number=value_of(row["registration_number"]),
        address=value_of(row["address"]),
        city=value_of(row["city"]),
        state=state,
        state_code=value_of(row["state_code"]),
        postal_code=value_of(row["postal_code"]),
        country=country,
        email=value_of(row["email"]),
        phone=value_of(row["phone"]),
    )


def accounts_of(rows: Sequence[Row], first: str | None) -> tuple[BankAccount, ...]:
    """The accounts; ``first`` (the critical field) makes one when the list is empty."""
    accounts = [_account(row) for row in rows]
    found = tuple(account for account in accounts if account != BankAccount())
    number = code_of(first)
    if found or number is None:
        return found
    return (BankAccount(iban=number) if _IBAN_FORM.fullmatch(number) else BankAccount(account_number=number),)


def _account(row: Row) -> BankAccount:
    values = {name: value_of(text) for name, text in row.items()}
    for name in _CODES:
        values[name] = code_of(row[name])
    number = values["account_number"]
    if number is not None:
        values["account_number"] = re.sub(r"\s", "", number)
    return BankAccount(**values)


def fiscal_of(scalars: Mapping[str, str | None]) -> Fiscal | None:
    """What a fiscal device printed, or None when it printed nothing."""
    fiscal = Fiscal(
        authority=value_of(scalars["fiscal_authority"]),
        device_id=value_of(scalars["fiscal_device_id"]),
        receipt_number=value_of(scalars["fiscal_receipt_number"]),
        signature=value_of(scalars["fiscal_signature"]),
        timestamp=value_of(scalars["fiscal_timestamp"]),
        qr_text=value_of(scalars["fiscal_qr_text"]),
    )
    return None if fiscal == Fiscal() else fiscal


def place_code_of(scalars: Mapping[str, str | None]) -> str | None:
    """The two-digit code of the place of supply: as given, else the one that the printed place names."""
    codes = state_codes(value_of(scalars["place_of_supply_code"])) or state_codes(value_of(scalars["place_of_supply"]))
    return min(codes) if len(codes) == 1 else None


def code_of(text: str | None) -> str | None:
    """A code without blanks, in upper case, without a label that ends in a colon."""
    value = value_of(text)
    if value is None:
        return None
    return re.sub(r"\s", "", value.rpartition(":")[2]).upper() or None


def upper(text: str | None) -> str | None:
    """A value in upper case (codes of taxes and currencies)."""
    value = value_of(text)
    return value.upper() if value else None
