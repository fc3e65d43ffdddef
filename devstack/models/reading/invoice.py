"""A whole document: which pages are which invoice, and each invoice as a flat table of values by name.

Names are those of the usual wire schemas: ``invoice_number``, ``invoice_number_printed``, ``invoice_number_page``,
amounts as printed, ``parties``, ``line_items``, ``taxes``, ``bank_accounts``. What was not found is absent.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from devstack.models.reading import amounts, dates, header, items, labels, parties, pictures
from devstack.models.reading.layout import Page, Row
from devstack.models.reading.numbers import CODES, SIGNS, Money

_DAY_FIRST_COUNTRIES = frozenset({"IN", "GH", "GB", "DE", "NL", "FR"})
_CURRENCY_LABEL = labels.words(r"w[äa]hrung", r"currency", r"betr[äa]ge in", r"devise", r"valuta", r"moneda", r"divisa")
_CODE = re.compile(r"[A-Z]{3}\b")


@dataclass(frozen=True, slots=True)
class DocumentReading:
    """``status`` is invoice, not_an_invoice or unreadable; ``invoices`` are in the order of their pages."""

    status: str
    invoices: tuple[dict[str, Any], ...] = ()


UNREADABLE = DocumentReading("unreadable")
#: a vendor's model would look; whoever tries a photo on a laptop must learn that it is not the photo
_PICTURES = (
    "The stand-in cannot read pictures without the packages of requirements-ocr.txt: it knows the text layer of PDFs "
    "only. Real models read them."
)
UNSEEN = DocumentReading("unreadable", ({"notes": _PICTURES},))


def read_document(pages: Sequence[Page], *, part: bool = False) -> DocumentReading:
    """Read all pages; those of a ``part`` need no title, number or total to be an invoice."""
    if not any(page.rows for page in pages):
        return UNREADABLE if pictures.can_read() else UNSEEN
    readings = tuple(_read_invoice(group, part=part) for group in _groups(pages))
    found = tuple(reading for reading in readings if reading is not None)
    return DocumentReading("invoice", found) if found else DocumentReading("not_an_invoice")


def _groups(pages: Sequence[Page]) -> list[list[Page]]:
    """Pages that belong together: a page with another invoice number starts the next invoice."""
    groups: list[list[Page]] = []
    number: str | None = None
    for page in pages:
        found = header.invoice_number(page.rows)
        if not groups or (found and number and found.value != number):
            groups.append([])
        groups[-1].append(page)
        number = found.value if found else number
    return groups


def _read_invoice(pages: Sequence[Page], *, part: bool) -> dict[str, Any] | None:
    rows = [row for page in pages for row in page.rows]
    if not part and not any(header.TITLE.search(row.text) for row in rows):
        return None
    lines, in_table = items.read_items(rows)
    # Rows before the first line item hold no totals; those of the table are items.
    rest = [row for index, row in enumerate(rows) if index not in in_table]
    totals = amounts.read_totals(rest)
    number = header.invoice_number(rows)
    if number is None and totals.total is None and not (part and lines):
        return None
    seller, found_parties = parties.read_parties(rows)
    out: dict[str, Any] = {
        "document_type": header.document_type(rows),
        "first_page": str(pages[0].number),
        "last_page": str(pages[-1].number),
        "line_items": lines,
        "taxes": totals.taxes,
        "parties": found_parties,
        "bank_accounts": parties.bank_accounts(rows),
        **totals.fields,
        **header.references(rows),
        **header.dated(rows, day_first=_day_first(rows, seller)),
    }
    if number:
        out |= _evidence("invoice_number", number.value, number.value, number.page)
    if totals.total:
        out |= _evidence("total", format(totals.total.value, "f"), totals.total.printed, totals.total_page)
    _add_currency(out, rows, totals.total)
    _add_identities(out, rows, seller)
    return out


def _evidence(name: str, value: str, printed: str, page: int | None) -> dict[str, str]:
    return {name: value, f"{name}_printed": printed, f"{name}_page": str(page or 1)}


def _day_first(rows: Sequence[Row], seller: dict[str, Any]) -> bool | None:
    settled = dates.settled_order(row.text for row in rows)
    if settled is not None:
        return settled
    country = seller.get("country")
    if seller.get("tax_id_type") in {"GSTIN", "TIN", "ABN"}:
        return True
    return None if country is None else country in _DAY_FIRST_COUNTRIES


def _add_currency(out: dict[str, Any], rows: Sequence[Row], total: Money | None) -> None:
    printed, page = _currency_print(rows, total)
    if printed:
        out |= {"currency": SIGNS.get(printed, printed), "currency_printed": printed, "currency_page": str(page)}


def _currency_print(rows: Sequence[Row], total: Money | None) -> tuple[str | None, int]:
    if total and total.currency:
        page = next((row.page for row in rows if total.printed in row.text), 1)
        return total.currency, page
    found = labels.clearest(labels.labelled(rows, (_CURRENCY_LABEL,), _accept_code))
    if found:
        return found.value, found.page
    seen: dict[str, tuple[str, int]] = {}
    for row in rows:
        for entry in amounts.labelled_amounts([row]):
            for money in entry.amounts:
                if money.currency:
                    code = SIGNS.get(money.currency, money.currency)
                    seen.setdefault(code, (money.currency, row.page))
    return next(iter(seen.values())) if len(seen) == 1 else (None, 1)


def _accept_code(text: str) -> str | None:
    match = _CODE.match(text)
    return match[0] if match and match[0] in CODES else None


def _add_identities(out: dict[str, Any], rows: Sequence[Row], seller: dict[str, Any]) -> None:
    if tax_id := seller.get("tax_id"):
        page = next((row.page for row in rows if tax_id in row.text.replace(" ", "")), 1)
        out |= _evidence("seller_tax_id", tax_id, tax_id, page)
    for account in out["bank_accounts"]:
        number = account.get("iban") or account["account_number"]
        page = next((row.page for row in rows if number in row.text.replace(" ", "")), 1)
        out |= _evidence("bank_account", number, number, page)
