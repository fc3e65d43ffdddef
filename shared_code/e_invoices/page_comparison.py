"""Is the XML in a PDF the invoice that its pages show? Compares the values that decide what is paid, to whom and why.

Whoever can change the XML of a PDF can change what is booked, and a person who looks at the page does not notice. So
number, date, currency, seller, total and bank accounts are looked up on the pages:

* The page shows another value (another number beside its label, another account): the XML is of another invoice, or was
  tampered with. It is not used.
* The page shows no such value: the XML is used, with a finding that asks for review.
* The pages have no text: nothing is compared, and a finding says so.

Only what a person sees as text counts. The words that text recognition laid over a picture are no evidence: whoever
made the file may have written them.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum
from importlib import import_module

from shared_code.e_invoices.reader import EInvoice
from shared_code.invoices.page import PageText
from shared_code.invoices.printed_labels import amounts_of
from shared_code.invoices.schema import BankAccount, Invoice, money_text
from shared_code.invoices.text_layer import TextLayer, compact_code
from shared_code.records import Finding

_ZERO = Decimal(0)
_MAX_FOUND = 100
#: characters of a number that is a part of another one (RE2026-17 of 2026-17)
_LEAST_IN_COMMON = 4
#: digits of an account at the end of its IBAN, and how many of them are enough to know it by
_ACCOUNT_DIGITS, _LEAST_ACCOUNT_DIGITS = 10, 5
#: ISO 13616: country, check digits, and 11 to 30 characters that may be printed in groups
_IBAN_START = re.compile(r"(?<![^\W_])[A-Z]{2}[0-9]{2}(?:[ \u00a0]{0,2}[A-Z0-9]){11,30}")
_IBAN_LENGTHS = range(15, 35)
_IBAN_LABEL = re.compile(r"(?i)IBAN[^A-Z0-9\n]{0,20}$")
_BEFORE = 30
_DIGIT = re.compile("[0-9]")


class Agreement(IntEnum):
    """How far the pages bear out an XML; the larger, the less."""

    CONFIRMED = 0
    UNSURE = 1
    CONTRADICTED = 2


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the pages say of an XML, and findings on the values that they do not show."""

    agreement: Agreement
    findings: tuple[Finding, ...] = ()


def compare_with_pages(e_invoice: EInvoice, pages: Sequence[str | PageText]) -> Comparison:
    """Compare each invoice of an XML with the text of the pages.

    :param pages: the text of each page.
    """
    layer = TextLayer(pages).seen
    if not layer.usable:
        message = "The pages have no text with which the embedded XML could be compared; its values are given."
        return Comparison(Agreement.UNSURE, (Finding("xml_not_compared", message, "file"),))
    seen = [doubt for entry in e_invoice.readings for doubt in _doubts(entry.invoice, layer)]
    worst = max((doubt.agreement for doubt in seen), default=Agreement.CONFIRMED)
    return Comparison(worst, tuple(dict.fromkeys(doubt.finding for doubt in seen if doubt.agreement == worst)))


@dataclass(frozen=True, slots=True)
class _Doubt:
    agreement: Agreement
    finding: Finding


def _doubts(invoice: Invoice, layer: TextLayer) -> Iterator[_Doubt]:
    for compare in (_number, _date, _currency, _seller, _total, _accounts):
        doubt = compare(invoice, layer)
        if doubt is not None:
            yield doubt


def _doubt(field: str, words: str, xml: str, *, page: str | None = None, contradicted: bool) -> _Doubt:
    if contradicted:
        message = f"The {words} of the embedded XML is not that of the page; the XML was not used."
    else:
        message = f"The {words} of the embedded XML is not on the page; the XML's is given."
    found = "".join(char for char in xml if char.isprintable())[:_MAX_FOUND]
    finding = Finding("xml_page_mismatch", message, field, expected=page, found=found)
    return _Doubt(Agreement.CONTRADICTED if contradicted else Agreement.UNSURE, finding)


def _number(invoice: Invoice, layer: TextLayer) -> _Doubt | None:
    number = invoice.invoice_number
    if number is None or layer.has_code(number):
        return None
    printed = [text for text in layer.beside_labels.get("invoice_number", ()) if _DIGIT.search(text)]
    other = printed and not any(_is_part_of(number, text) for text in printed)
    page = printed[0][:_MAX_FOUND] if printed else None
    return _doubt("invoice_number", "number", number, page=page, contradicted=bool(other))


def _is_part_of(number: str, printed: str) -> bool:
    """Whether one is the other with something before or behind it."""
    short, long = sorted((compact_code(number), compact_code(printed)), key=len)
    return len(short) >= _LEAST_IN_COMMON and short in long


def _date(invoice: Invoice, layer: TextLayer) -> _Doubt | None:
    day = invoice.invoice_date
    if day is None or re.search(rf"(?<![0-9])(?:{day:%d.%m.%Y|%Y-%m-%d})(?![0-9])", layer.text) or layer.has_date(day):
        return None
    return _doubt("invoice_date", "date", day.isoformat(), contradicted=layer.complete and layer.has_dates)


def _currency(invoice: Invoice, layer: TextLayer) -> _Doubt | None:
    code = invoice.currency
    if code is None or re.search(rf"(?<![^\W_]){re.escape(code)}(?![^\W_])", layer.text):
        return None
    printed = layer.currencies
    if code in printed.mentioned or not printed.possible:
        return None
    page = ", ".join(sorted(printed.certain)) or None
    return _doubt("currency", "currency", code, page=page, contradicted=bool(printed.certain))


def _seller(invoice: Invoice, layer: TextLayer) -> _Doubt | None:
    seller = invoice.seller
    names = [name for name in (seller.name, seller.trading_name) if name]
    if not names or any(layer.has_words_of(name) for name in names):
        return None
    known = seller.tax_id is not None and layer.has_code(seller.tax_id)
    if known and not (layer.without_pictures and layer.shares_script_with(names[0])):
        return None  # the name may stand in a logo, or in other letters
    contradicted = not known and layer.without_pictures and layer.shares_script_with(names[0])
    return _doubt("seller.name", "seller", names[0], contradicted=contradicted)


def _total(invoice: Invoice, layer: TextLayer) -> _Doubt | None:
    total = invoice.amount_due if invoice.total is None else invoice.total
    if total is None:
        return None
    if layer.has_amount(total):
        return _beside_total(invoice, total, layer)
    on_page = next((amount for amount in _other_totals(invoice) if layer.has_amount(amount)), None)
    page = None if on_page is None else money_text(on_page)
    # The page shows what remains to be paid, or net plus tax: the XML belongs to it and holds a mistake.
    return _doubt("total", "total", money_text(total), page=page, contradicted=on_page is None)


def _beside_total(invoice: Invoice, total: Decimal, layer: TextLayer) -> _Doubt | None:
    """A doubt when the page has the amount somewhere, and calls others its total."""
    if abs(total) == layer.largest_amount:
        return None
    called = amounts_of(layer.beside_labels.get("total", ()))
    own = {abs(amount) for amount in (total, invoice.amount_due, invoice.net_total, invoice.subtotal) if amount}
    if not called or called & own or not total:
        return None
    return _doubt("total", "total", money_text(total), page=money_text(max(called)), contradicted=True)


def _other_totals(invoice: Invoice) -> Iterable[Decimal]:
    """Amounts of the XML that a page shows as its total when the XML's own is wrong."""
    if invoice.amount_due:
        yield invoice.amount_due
    if (
        invoice.net_total is not None
        and invoice.tax_total is not None
        and invoice.net_total + invoice.tax_total != _ZERO
    ):
        yield invoice.net_total + invoice.tax_total


def _accounts(invoice: Invoice, layer: TextLayer) -> _Doubt | None:
    """A doubt about the first account of the XML to which the page does not ask to pay."""
    accounts = invoice.payment.bank_accounts if invoice.payment is not None else ()
    printed = printed_ibans(layer.text) if accounts else ()
    for index, account in enumerate(accounts):
        number = account.iban or account.account_number
        if number is not None and not _shows(layer, account, printed):
            field = f"payment.bank_accounts[{index}].{'iban' if account.iban else 'account_number'}"
            page = printed[0] if printed else None
            return _doubt(field, "bank account", number, page=page, contradicted=bool(printed))
    return None


def _shows(layer: TextLayer, account: BankAccount, printed: Sequence[str]) -> bool:
    """Whether an account is printed as an IBAN, or by the number that its IBAN ends with."""
    if account.iban is not None:
        tail = account.iban[-_ACCOUNT_DIGITS:].lstrip("0")
        codes = [account.iban, account.iban[4:], *([tail] if len(tail) >= _LEAST_ACCOUNT_DIGITS else [])]
        # a page that prints IBANs prints this one as such
        return layer.has_code(account.iban) if printed else any(layer.has_code(code) for code in codes)
    number = (account.account_number or "").lstrip("0")
    ends = [iban for iban in printed if len(number) >= _LEAST_ACCOUNT_DIGITS and iban.endswith(number)]
    return bool(ends) or layer.has_code(account.account_number or "") or layer.has_code(number)


def printed_ibans(text: str) -> tuple[str, ...]:
    """The IBANs in a text, without blanks: those with sound check digits, and what stands beside the word."""
    is_valid = import_module("stdnum.iban").is_valid
    found: dict[str, None] = {}
    for match in _IBAN_START.finditer(text):
        code = re.sub(r"\s", "", match[0])
        valid = next((code[:size] for size in _IBAN_LENGTHS if size <= len(code) and is_valid(code[:size])), None)
        labelled = _IBAN_LABEL.search(text[max(0, match.start() - _BEFORE) : match.start()])
        if valid or labelled:
            found[valid or code] = None
    return tuple(found)
