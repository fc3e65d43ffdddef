"""KSeF, the Polish national e-invoice: the structures FA(2) and FA(3), mandatory since 2026.

Fields are those of the logical structures FA(2) and FA(3) of the Ministry of Finance (schema of 2023-06-29, number
12648, and of 2025-06-25, number 13775) and mean what their annotations say. The law is the VAT act (ustawa o podatku od
towarow i uslug): article 106e says what an invoice shows, 106j what a correction shows, 106f what advance and final
invoices show.

* Totals are by rate, each in a field of its own (``P_13_1`` is the net value at the standard rate, ``P_14_1`` its tax).
  A value without tax has no field for the tax, which is nil.
* A correction (``KOR``) holds the difference to the corrected invoice. One that lowers the amount is a credit note, one
  that raises it a debit note. Lines marked ``StanPrzed`` are those before the correction: with their sign turned, all
  lines add up to the difference.
* A final invoice (``ROZ``) lists the whole supply and bills what the advance invoices have left.
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from shared_code.e_invoices.codes import account_of, payment_of
from shared_code.e_invoices.national.paths import (
    Paths,
    amount_at,
    first_date,
    per_line,
    read_party,
    read_record,
    reading_of_invoice,
    self_billed_if,
    text_at,
    texts_at,
)
from shared_code.e_invoices.xml import Node, XmlValues, sum_of
from shared_code.invoices.reading import InvoiceReading
from shared_code.invoices.schema import (
    BankAccount,
    CashDiscount,
    Invoice,
    LineItem,
    OriginalInvoice,
    Party,
    Payment,
    Tax,
)
from shared_code.records import Finding

ZERO = Decimal(0)

_INVOICE: Paths = {
    "invoice_number": "Fa/P_2",
    "invoice_date": "Fa/P_1",
    "delivery_date": "Fa/P_6",
    "service_period_start": "Fa/OkresFa/P_6_Od",
    "service_period_end": "Fa/OkresFa/P_6_Do",
    "currency": "Fa/KodWaluty",
    "exchange_rate": "Fa/KursWalutyZ | Fa/FaWiersz/KursWaluty",
    "po_numbers": "Fa/WarunkiTransakcji/Zamowienia/NrZamowienia",
    "delivery_note_numbers": "Fa/WZ",
    "contract_number": "Fa/WarunkiTransakcji/Umowy/NrUmowy",
    "total": "Fa/P_15",
}
_PARTY: Paths = {
    "name": "DaneIdentyfikacyjne/Nazwa",
    "tax_id": (
        "PrefiksPodatnika & DaneIdentyfikacyjne/NIP | DaneIdentyfikacyjne/KodUE & DaneIdentyfikacyjne/NrVatUE"
        " | DaneIdentyfikacyjne/NrID"
    ),
    "address": "Adres/AdresL1 & Adres/AdresL2",
    "country": "Adres/KodKraju | DaneIdentyfikacyjne/KodKraju",
    "email": "DaneKontaktowe/Email",
    "phone": "DaneKontaktowe/Telefon",
}
_LINE: Paths = {
    "line_no": "NrWierszaFa",
    "date": "P_6A",
    "description": "P_7",
    "product_code": "Indeks | GTIN",
    "hsn_sac": "CN",
    "unit": "P_8A",
    "quantity": "P_8B",
    "unit_price": "P_9A | P_9B",
    "discount_amount": "P_10",
    "net_amount": "P_11",
    "total_amount": "P_11A",
    "tax_amount": "P_11Vat",
}
_ORIGINAL: Paths = {"number": "NrFaKorygowanej", "date": "DataWystFaKorygowanej"}
#: field of the net value, rates that the law has had for it, category as in UNTDID 5305
_RATES: tuple[tuple[str, tuple[int, ...], str | None], ...] = (
    ("1", (23, 22), "S"),
    ("2", (8, 7), "S"),
    ("3", (5,), "S"),
    ("4", (4, 3), "S"),  # taxis at a flat rate
    ("5", (), "S"),  # taxes of other member states (one-stop shop)
    ("6_1", (0,), "Z"),
    ("6_2", (0,), "K"),
    ("6_3", (0,), "G"),
    ("7", (), "E"),
    ("8", (), "O"),
    ("9", (), "AE"),  # services that the buyer taxes in another member state
    ("10", (), "AE"),
    ("11", (), "E"),  # margin schemes
)
#: TFormaPlatnosci
_METHODS = {
    "1": "cash",
    "2": "payment card",
    "3": "voucher",
    "4": "cheque",
    "5": "credit",
    "6": "credit transfer",
    "7": "mobile payment",
}
_FINAL = frozenset({"ROZ", "KOR_ROZ"})
_PERCENT = re.compile(r"([0-9]{1,2}(?:[.,][0-9]{1,2})?) ?%")
_RATE = re.compile(r"[0-9]+(?:[.,][0-9]+)?(?= ?%?(?: |$))")


def read_ksef(root: Node) -> tuple[str | None, tuple[InvoiceReading, ...]]:
    """Structure and invoice of a ``Faktura``."""
    values = XmlValues()
    fa = root.part("Fa")
    invoice = read_record(
        Invoice,
        root,
        _INVOICE,
        values,
        original_invoice=_original(fa, values),
        seller=_party(root.find("Podmiot1"), values, "seller") or Party(),
        buyer=_party(root.find("Podmiot2"), values, "buyer"),
        ship_to=_party(_third(root, "2", "8", "10"), values, "ship_to"),
        remit_to=_party(_third(root, "1"), values, "remit_to"),
        due_date=first_date(fa.all("Platnosc/TerminPlatnosci"), "Termin", "due_date", values),
        line_items=_lines(fa, values),
        payment=_payment(fa),
        notes="\n".join(_notes(root)) or None,
    )
    invoice = _with_balance(_with_totals(invoice, fa, values), fa, values)
    self_billed_if("P_17" if text_at(fa, "Adnotacje/P_17") == "1" else None, values)
    kind = text_at(fa, "RodzajFaktury")
    invoice = replace(invoice, document_type=_document_type(kind, invoice.total))
    guideline = text_at(root, "Naglowek/KodFormularza/@kodSystemowy")
    return guideline, (reading_of_invoice(invoice, values, lines_of_order=kind in _FINAL),)


def _document_type(kind: str | None, total: Decimal | None) -> str:
    """A correction is a credit note or a debit note by what it does to the amount."""
    if kind is None or not kind.startswith("KOR") or not total:
        return "invoice"
    return "credit_note" if total < 0 else "debit_note"


def _original(fa: Node, values: XmlValues) -> OriginalInvoice | None:
    found = fa.find("DaneFaKorygowanej")
    return read_record(OriginalInvoice, found, _ORIGINAL, values, field="original_invoice") if found else None


def _party(node: Node | None, values: XmlValues, role: str) -> Party | None:
    if node is None:
        return None
    other = text_at(node, "DaneIdentyfikacyjne/NrID")
    return read_party(node, _PARTY, values, role, kind="OTHER" if other else "VAT")


def _third(root: Node, *roles: str) -> Node | None:
    """The first third party in one of these roles (TRolaPodmiotu3)."""
    return next((node for node in root.all("Podmiot3") if node.text("Rola") in roles), None)


def _with_totals(invoice: Invoice, fa: Node, values: XmlValues) -> Invoice:
    taxes = tuple(_taxes(fa, values))
    converted = [amount_at(fa, f"P_14_{name}W", "tax_total_in_tax_currency", values) for name, *_ in _RATES]
    return replace(
        invoice,
        taxes=taxes,
        net_total=sum_of(tax.taxable_amount for tax in taxes),
        tax_total=sum_of(tax.amount for tax in taxes),
        tax_total_in_tax_currency=(in_zloty := sum_of(converted)),
        tax_currency=None if in_zloty is None else "PLN",
    )


def _taxes(fa: Node, values: XmlValues) -> Iterable[Tax]:
    for name, rates, category in _RATES:
        net = amount_at(fa, f"P_13_{name}", "taxes.taxable_amount", values)
        tax = amount_at(fa, f"P_14_{name}", "taxes.amount", values)
        # many programs write all fields, with zeros
        if not net and not tax and not (net is not None and _is_only(fa, name)):
            continue
        yield Tax(
            name="VAT",
            rate=_rate_of(rates, net, tax),
            taxable_amount=net,
            amount=ZERO if tax is None else tax,
            category=category,
        )


def _is_only(fa: Node, name: str) -> bool:
    """Whether no other field of a net value holds anything."""
    others = (text_at(fa, f"P_13_{other}") for other, *_ in _RATES if other != name)
    return not any(text and text.strip("0.") for text in others)


def _rate_of(rates: tuple[int, ...], net: Decimal | None, tax: Decimal | None) -> Decimal | None:
    """The rate that a field is for; the law has had two for some, of which the amounts tell the one."""
    if not rates:
        return None
    if not net or tax is None:
        return Decimal(rates[0])
    return Decimal(min(rates, key=lambda rate: abs(tax * 100 / net - rate)))


def _with_balance(invoice: Invoice, fa: Node, values: XmlValues) -> Invoice:
    """What is to be paid: the total with what ``Rozliczenie`` adds and takes off, less what is paid already."""
    added = amount_at(fa, "Rozliczenie/SumaObciazen", "previous_balance", values)
    taken = amount_at(fa, "Rozliczenie/SumaOdliczen", "previous_balance", values)
    stated = amount_at(fa, "Rozliczenie/DoZaplaty", "amount_due", values)
    refund = amount_at(fa, "Rozliczenie/DoRozliczenia", "amount_due", values)
    balance = None if added is None and taken is None else (added or ZERO) - (taken or ZERO)
    due = -abs(refund) if stated is None and refund else stated
    if due is not None and due == invoice.total:
        balance = None  # the total has the deductions in it already, as some final invoices do
    base = due if due is not None else invoice.total
    paid = _paid(fa, base, values)
    if paid is not None and base is not None:
        due = base - paid
    return replace(invoice, previous_balance=balance, amount_paid=paid, amount_due=due)


def _paid(fa: Node, base: Decimal | None, values: XmlValues) -> Decimal | None:
    if text_at(fa, "Platnosc/Zaplacono") == "1":
        return base
    parts = fa.all("Platnosc/ZaplataCzesciowa")
    return sum_of(amount_at(part, "KwotaZaplatyCzesciowej", "amount_paid", values) for part in parts)


def _payment(fa: Node) -> Payment | None:
    node = fa.part("Platnosc")
    accounts = node.all("RachunekBankowyFaktora") or node.all("RachunekBankowy")
    method = node.text("FormaPlatnosci")
    terms = [" ".join(texts_at(term, "TerminOpis & TerminOpis/*")) for term in node.all("TerminPlatnosci")]
    discount = node.part("Skonto")
    terms.append(" ".join(texts_at(discount, "WysokoscSkonta & WarunkiSkonta")))
    percent = _PERCENT.fullmatch(discount.text("WysokoscSkonta") or "")  # its terms are free text
    return payment_of(
        terms="; ".join(filter(None, terms)) or None,
        methods=(_METHODS.get(method, method) if method else node.text("OpisPlatnosci"),),
        reference=node.text("IPKSeF"),
        accounts=map(_account, accounts),
        discounts=[CashDiscount(percent=Decimal(percent[1].replace(",", ".")))] if percent else [],
    )


def _account(node: Node) -> BankAccount | None:
    return account_of(
        node.text("NrRB"),
        bic=node.code("SWIFT"),
        bank_name=node.text("NazwaBanku"),
        account_name=node.text("OpisRachunku"),
    )


def _lines(fa: Node, values: XmlValues) -> tuple[LineItem, ...]:
    lines, before = [], 0
    for index, node in enumerate(fa.all("FaWiersz")):
        line = read_record(
            LineItem, node, _LINE, values, field=f"line_items[{index}]", tax_rate=_line_rate(node, values)
        )
        line = replace(line, discount_amount=per_line(line.discount_amount, line))
        if text_at(node, "StanPrzed") == "1":
            before += 1
            line = _turned(line)
        lines.append(line)
    if before:
        message = "Lines as they were before the correction are given with their sign turned."
        values.remark(Finding("lines_before_correction", message, "line_items", found=str(before), review=False))
    return tuple(lines)


def _turned(line: LineItem) -> LineItem:
    names = ("quantity", "discount_amount", "net_amount", "tax_amount", "total_amount")
    turned = {name: -amount for name in names if (amount := getattr(line, name)) is not None}
    return replace(line, **turned)


def _line_rate(node: Node, values: XmlValues) -> Decimal | None:
    """The rate of a line: ``23``, ``0 KR``; none for ``zw`` (exempt), ``oo`` (reverse charge), ``np`` (not taxed)."""
    rate = _RATE.match(text_at(node, "P_12_XII | P_12") or "")
    return values.amount(rate[0].replace(",", "."), "line_items.tax_rate") if rate else None


def _notes(root: Node) -> Iterable[str]:
    fa = root.part("Fa")
    yield from texts_at(fa, "PrzyczynaKorekty")
    for node in fa.all("DodatkowyOpis"):
        yield ": ".join(texts_at(node, "Klucz | Wartosc"))
    yield from texts_at(root, "Stopka/Informacje/StopkaFaktury")
