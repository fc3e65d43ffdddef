"""The forty documents of the demo, in the order in which they came, and what becomes of each."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from shared_code.demo.companies import ALQASR, KAVERI, NORDWIND, SELLERS, Seller, company_of
from shared_code.demo.e_invoices import as_xml
from shared_code.demo.invoices import Invoice, Line, Party
from shared_code.demo.model import NO_INVOICE, REJECTS, STUMBLES, answer_about
from shared_code.demo.pages import draw
from shared_code.records import Source

#: what becomes of an upload that is read later
QUEUED, CANCELLED = "queued", "cancelled"


@dataclass(frozen=True, slots=True)
class Decided:
    """What a clerk decided, so many hours after the document came.

    :ivar corrections: path and value of each; :ivar:`decision` is one of the reviews'.
    """

    decision: str
    hours: float = 2.0
    reason: str | None = None
    corrections: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """One document that came in.

    :ivar hours_ago: before the present moment.
    :ivar answer: the text of the model's answer; None where no model is asked.
    :ivar job: :data:`QUEUED` or :data:`CANCELLED`; None = it is read at once.
    :ivar again: an earlier document, read anew.
    """

    company_id: str
    file_name: str
    content: bytes = field(repr=False)
    hours_ago: float
    user: str
    branch: str
    source: Source
    answer: str | None = field(default=None, repr=False)
    trouble: str | None = None
    model: str | None = None
    job: str | None = None
    again: bool = False
    decided: tuple[Decided, ...] = ()


def documents(now: datetime, seed: int) -> list[Document]:
    """All of them, the oldest first.

    :param now: aware, UTC.
    """
    made = _Maker(now, random.Random(seed))  # noqa: S311 - no secret
    return sorted((*_of_nordwind(made), *_of_kaveri(made), *_of_alqasr(made)), key=lambda one: -one.hours_ago)


@dataclass(slots=True)
class _Maker:
    """Makes documents, each with numbers of its own."""

    now: datetime
    chance: random.Random
    _made: int = 0

    def invoice(self, company_id: str, seller: Seller, hours_ago: float, *, lines: int = 3, **options: Any) -> Invoice:
        """An invoice of a few days before it came in."""
        self._made += 1
        day = (self.now - timedelta(hours=hours_ago, days=self.chance.randint(1, 4))).date()
        return Invoice(
            seller.party,
            company_of(company_id).party,
            f"{seller.prefix}{4100 + self._made * 17}",
            day,
            day + timedelta(days=seller.due_days),
            seller.currency,
            tuple(self._line(seller, number) for number in range(lines)),
            seller.taxes,
            order=f"PO-{self.chance.randint(20000, 89999)}" if self.chance.random() < _SHARE_WITH_ORDER else None,
            **options,
        )

    def _line(self, seller: Seller, number: int) -> Line:
        good = seller.goods[number % len(seller.goods)]
        most = 4 if good.price > _DEAR else 40
        return Line(good.name, Decimal(self.chance.randint(1, most)), good.unit, good.price, good.code)

    def read(
        self,
        invoice: Invoice,
        company_id: str,
        hours_ago: float,
        *decided: Decided,
        misread: Mapping[str, str] | None = None,
        **options: Any,
    ) -> Document:
        """A PDF of an invoice, read by a model that may have misread some of it."""
        seen = replace(invoice, misread=misread or {})
        name = options.pop("file_name", None) or f"{invoice.number.replace('/', '-')}.pdf"
        return self.document(
            company_id, name, draw(invoice), hours_ago, answer=answer_about(seen), decided=decided, **options
        )

    def document(self, company_id: str, name: str, content: bytes, hours_ago: float, **options: Any) -> Document:
        """Any document, sent by somebody of the company."""
        company = company_of(company_id)
        user, branch = self.chance.choice(company.users), self.chance.choice(company.branches)
        return Document(
            company_id, name, content, hours_ago, user, branch, options.pop("source", Source.HTTP), **options
        )


_SHARE_WITH_ORDER = 0.6
_DEAR = 300


def _swapped(text: str) -> str:
    """With the first two neighbouring digits exchanged that differ: what a tired reader does."""
    for place in range(len(text) - 1):
        first, second = text[place], text[place + 1]
        if first.isdigit() and second.isdigit() and first != second and "0" not in {first, second}:
            return f"{text[:place]}{second}{first}{text[place + 2 :]}"
    return text


def _total(invoice: Invoice) -> dict[str, str]:
    wrong = _swapped(f"{invoice.total}")
    return {"total": wrong, "total_printed": f"{invoice.currency} {invoice.printed(Decimal(wrong))}"}


def _account(invoice: Invoice) -> dict[str, str]:
    wrong = _swapped(invoice.seller.account or "")
    return {"bank_account": wrong, "bank_account_printed": wrong, "bank_accounts.0.iban": wrong}


def _right(*pairs: tuple[str, Any], hours: float = 2.0) -> Decided:
    return Decided("correct", hours, corrections=tuple((f"invoices[0].{path}", value) for path, value in pairs))


_CONFIRMED = Decided("confirm")


def _of_nordwind(make: _Maker) -> Iterator[Document]:
    company = NORDWIND

    def new(seller: str, hours_ago: float, **options: Any) -> Invoice:
        return make.invoice(company, SELLERS[seller], hours_ago, **options)

    yield make.read(new("kraemer", 470), company, 470)
    crane = new("hafenkran", 441, lines=5)
    yield make.read(crane, company, 441, _right(("total", f"{crane.total}")), misread=_total(crane))
    yield make.read(new("pallets", 402), company, 402, source=Source.BLOB)
    yield make.read(new("thames", 366, lines=4), company, 366, model="gpt-5-mini")
    iban = new("pallets", 330)
    account = (("payment.bank_accounts[0].iban", iban.seller.account),)
    yield make.read(iban, company, 330, _right(*account, hours=5), misread=_account(iban))
    yield make.document(company, "Lieferschein 20260817.pdf", draw(new("moulin", 300))[:900], 300)
    yield make.read(new("alpin", 281, lines=4), company, 281, source=Source.BLOB)
    yield make.read(new("hafenkran", 250, lines=31), company, 250, source=Source.BLOB)
    yield make.read(new("moulin", 226), company, 226)
    rejected = new("alpin", 200)
    wrong = {"line_items.1.quantity": "90", "invoice_number": _swapped(rejected.number)}
    yield make.read(rejected, company, 200, Decided("reject", 3, "Sent for another company: returned to the seller."),
                    misread=wrong)  # fmt: skip
    yield make.read(new("brightline", 171, lines=4), company, 171, model="gpt-5-mini")
    credit = new("kraemer", 140, lines=2, kind="credit_note", refers_to="KB-2026-4117")
    yield make.read(credit, company, 140, file_name="Gutschrift Krämer.pdf")
    yield make.document(company, "xrechnung-4471.xml", as_xml(new("hafenkran", 118, lines=4)), 118, source=Source.BLOB)
    yield make.document(company, "Anschreiben.pdf", draw(new("kraemer", 96, lines=1)), 96, answer=NO_INVOICE)
    yield make.read(iban, company, 48, misread=_account(iban), again=True)
    freight = new("thames", 44, lines=5)
    yield make.read(freight, company, 44, misread=_total(freight))
    crane = new("hafenkran", 21, lines=6)
    yield make.read(crane, company, 21, misread={"line_items.2.quantity": "71"})
    iban = new("kraemer", 5, lines=5)
    yield make.read(iban, company, 5, misread=_account(iban))
    yield make.document(company, "Scan_0093.pdf", draw(new("moulin", 0.3)), 0.3, job=QUEUED)


def _of_kaveri(make: _Maker) -> Iterator[Document]:
    company = KAVERI

    def new(seller: str, hours_ago: float, **options: Any) -> Invoice:
        return make.invoice(company, SELLERS[seller], hours_ago, **options)

    first = new("sagar", 455, lines=4)
    yield make.read(first, company, 455, source=Source.BLOB)
    yield make.read(new("deccan", 420, lines=4), company, 420)
    yield make.read(new("veda", 350, lines=3), company, 350, _CONFIRMED)
    yield make.read(new("sagar", 310, lines=58), company, 310, trouble=STUMBLES)
    again = replace(first, order="PO-77120")
    yield make.read(again, company, 262, file_name="SPL reminder copy.pdf")
    yield make.read(new("veda", 210), company, 210, source=Source.BLOB)
    yield make.document(company, "passport.pdf", draw(new("deccan", 155, lines=1)), 155, answer="", trouble=REJECTS)
    yield make.document(company, "invoice_march.pdf", b"Dear team, please see below.\n", 131)
    spice = new("deccan", 66, lines=4)
    yield make.read(spice, company, 66, misread={"invoice_number": _swapped(spice.number)} | _total(spice))
    yield make.read(new("sagar", 38, lines=5), company, 38)
    cold = new("veda", 9)
    yield make.read(cold, company, 9, misread={"seller_tax_id": _swapped(cold.seller.tax_id or "")})
    yield make.document(company, "veda-batch-12.pdf", draw(new("veda", 0.2)), 0.2, job=QUEUED)


def _of_alqasr(make: _Maker) -> Iterator[Document]:
    company = ALQASR

    def new(seller: str, hours_ago: float, **options: Any) -> Invoice:
        return make.invoice(company, SELLERS[seller], hours_ago, **options)

    yield make.read(new("gulf", 430, lines=4), company, 430, _CONFIRMED)
    ropes = new("gulf", 340, lines=5)
    due = (ropes.due + timedelta(days=15)).isoformat()
    yield make.read(ropes, company, 340, _right(("due_date", due), hours=26))
    noor = _foreign(make, company, _NOOR, "AED", 236)
    yield make.document(company, "فاتورة-2291.xml", as_xml(noor), 236, source=Source.BLOB, decided=(_CONFIRMED,))
    yield make.read(new("brightline", 180), company, 180, _CONFIRMED, Decided("reject", 30, "Ordered by nobody."))
    yield make.document(company, "cancelled-twice.pdf", draw(new("gulf", 125)), 125, job=CANCELLED)
    aegean = _foreign(make, company, _AEGEAN, "EUR", 88)
    yield make.document(company, "τιμολόγιο-7731.xml", as_xml(aegean), 88)
    yield make.read(new("gulf", 52, lines=4), company, 52, Decided("postpone", 1, "Waits for the delivery note."))
    paint = new("gulf", 14, lines=5)
    yield make.read(paint, company, 14, misread=_total(paint))
    yield make.read(new("gulf", 2), company, 2, file_name="طلب حبال الإرساء.pdf")


_NOOR = Party("شركة النور للتجارة ذ.م.م", "شارع الشيخ زايد ٢١٤", "دبي", "", "AE", "100298761200003", "TRN",
              "AE450260001015827104930")  # fmt: skip
_AEGEAN = Party("Αιγαίο Ναυτιλιακή Α.Ε.", "Ακτή Μιαούλη 52", "Πειραιάς", "185 36", "GR")
_FOREIGN = {
    "AED": (("تمر مجدول فاخر، 5 كجم", "140"), ("قهوة عربية محمصة", "88"), ("زعفران، علبة 10 غ", "65")),
    "EUR": (("Ελαιόλαδο, δοχείο 5 λ", "41.50"), ("Μεταφορά και ασφάλιση", "185.00")),
}


def _foreign(make: _Maker, company_id: str, seller: Party, currency: str, hours_ago: float) -> Invoice:
    """An invoice of a seller who writes neither German nor English."""
    model = make.invoice(company_id, SELLERS["gulf"], hours_ago, lines=1)
    lines = tuple(
        Line(name, Decimal(make.chance.randint(2, 30)), "", Decimal(price)) for name, price in _FOREIGN[currency]
    )
    taxes = (("VAT", Decimal(5)),) if currency == "AED" else ()
    return replace(model, seller=seller, currency=currency, lines=lines, taxes=taxes)
