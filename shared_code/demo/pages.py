"""Draws the pages of an invoice as a PDF: small, the same each time, and with text that can be looked up.

Written by hand: text in one of the fonts that every reader of PDFs has, and lines. (ISO 32000-1, chapters 7 to 9.)
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from shared_code.demo.invoices import Invoice, Party

WIDTH, HEIGHT = 595, 842
_LEFT, _RIGHT = 56, 539
_ROWS_ON_FIRST, _ROWS_ON_NEXT = 24, 38
#: widths of Helvetica from blank to tilde, in thousandths (Adobe's font metrics)
_WIDTHS = (
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556,
    556, 556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667,
    556, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, 333, 556,
    556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722,
    500, 500, 500, 334, 260, 334, 584,
)  # fmt: skip
_BOLDER = 1.07
_WORDS = {
    "en": {
        "invoice": "INVOICE", "credit_note": "CREDIT NOTE", "number": "Invoice No.", "day": "Invoice date",
        "due": "Due date", "order": "PO number", "refers_to": "Original invoice", "buyer": "Bill to",
        "description": "Description", "quantity": "Qty", "unit": "Unit", "price": "Unit price", "net": "Amount",
        "subtotal": "Subtotal", "total": "Total", "account": "Account", "bank": "Bank", "page": "Page",
    },
    "de": {
        "invoice": "RECHNUNG", "credit_note": "GUTSCHRIFT", "number": "Rechnungsnummer", "day": "Rechnungsdatum",
        "due": "Zahlbar bis", "order": "Bestellnummer", "refers_to": "Zu Rechnung", "buyer": "Rechnung an",
        "description": "Bezeichnung", "quantity": "Menge", "unit": "Einheit", "price": "Einzelpreis", "net": "Betrag",
        "subtotal": "Nettobetrag", "total": "Gesamtbetrag", "account": "IBAN", "bank": "Bank", "page": "Seite",
    },
}  # fmt: skip


def words_of(invoice: Invoice) -> dict[str, str]:
    """What its labels are called."""
    words = dict(_WORDS[invoice.seller.language])
    if invoice.kind == "credit_note" and invoice.seller.language == "en":
        words["number"] = "Credit note No."
    return words


@dataclass(slots=True)
class _Page:
    """What one page shows, as operators of its content stream. Points, counted from the lower left corner."""

    colour: tuple[float, float, float]
    shown: list[str] = field(default_factory=list)

    def text(
        self, x: float, y: float, text: str, size: float = 9, *, bold: bool = False, coloured: bool = False
    ) -> None:
        """A line of text that begins at ``x``."""
        safe = text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
        ink = " ".join(f"{part:.2f}" for part in (self.colour if coloured else (0.1, 0.1, 0.12)))
        self.shown.append(f"BT {ink} rg /F{2 if bold else 1} {size:g} Tf {x:.2f} {y:.2f} Td ({safe}) Tj ET")

    def text_to(self, x: float, y: float, text: str, size: float = 9, *, bold: bool = False) -> None:
        """A line of text that ends at ``x``."""
        self.text(x - width_of(text, bold=bold) * size, y, text, size, bold=bold)

    def rule(self, y: float, left: float = _LEFT, right: float = _RIGHT, *, strong: bool = False) -> None:
        """A line across the page."""
        ink = " ".join(f"{part:.2f}" for part in (self.colour if strong else (0.8, 0.8, 0.82)))
        self.shown.append(f"{ink} RG {1.2 if strong else 0.5} w {left} {y:.2f} m {right} {y:.2f} l S")

    def band(self, y: float, height: float) -> None:
        """A bar in the seller's colour across the whole page."""
        ink = " ".join(f"{part:.2f}" for part in self.colour)
        self.shown.append(f"{ink} rg 0 {y} {WIDTH} {height} re f")


def width_of(text: str, *, bold: bool = False) -> float:
    """How wide a text is in Helvetica of size 1; letters of the bold font are about so much wider."""
    widths = (_WIDTHS[ord(letter) - 32] if " " <= letter <= "~" else 556 for letter in text)
    wider = (_BOLDER if bold and letter.isalpha() else 1 for letter in text)
    return sum(width * factor for width, factor in zip(widths, wider, strict=True)) / 1000


def draw(invoice: Invoice) -> bytes:
    """The PDF of an invoice."""
    parts, pages = _parts(invoice), []
    for number, part in enumerate(parts, start=1):
        page = _Page(invoice.seller.colour)
        y = _head(page, invoice) if number == 1 else HEIGHT - 90.0
        y = _table(page, invoice, part, y)
        if number == len(parts):
            _totals(page, invoice, y)
            _payment(page, invoice)
        page.text_to(_RIGHT, 30, f"{words_of(invoice)['page']} {number} / {len(parts)}", 7.5)
        pages.append("\n".join(page.shown).encode("cp1252", "replace"))
    return _file(pages)


def count(invoice: Invoice) -> int:
    """How many pages it takes."""
    return len(_parts(invoice))


def _parts(invoice: Invoice) -> list[range]:
    """Which lines stand on which page."""
    lines = range(len(invoice.lines))
    rest = range(_ROWS_ON_FIRST, len(lines), _ROWS_ON_NEXT)
    return [lines[:_ROWS_ON_FIRST], *(lines[start : start + _ROWS_ON_NEXT] for start in rest)]


def _head(page: _Page, invoice: Invoice) -> float:
    """Letterhead, facts and buyer; returns where the table begins."""
    seller, words = invoice.seller, words_of(invoice)
    page.band(HEIGHT - 14, 14)
    page.text(_LEFT, 782, seller.name, 15, bold=True, coloured=True)
    for number, line in enumerate(_address(seller)):
        page.text(_LEFT, 766 - 12 * number, line, 8.5)
    if seller.tax_id:
        page.text(_LEFT, 766 - 24, f"{seller.tax_label}: {seller.tax_id}", 8.5)
    page.text_to(_RIGHT, 780, words[invoice.kind], 18)
    facts = {
        words["number"]: invoice.number,
        words["day"]: invoice.printed_day(invoice.day),
        words["due"]: invoice.printed_day(invoice.due) if invoice.kind == "invoice" else None,
        words["order"]: invoice.order,
        words["refers_to"]: invoice.refers_to,
    }
    y = 690.0
    for label, value in facts.items():
        if value is not None:
            page.text(340, y, label, 9)
            page.text_to(_RIGHT, y, value, 9)
            y -= 14
    page.text(_LEFT, 690, words["buyer"], 8, coloured=True)
    for number, line in enumerate((invoice.buyer.name, *_address(invoice.buyer))):
        page.text(_LEFT, 676 - 12 * number, line, 9, bold=number == 0)
    if invoice.buyer.tax_id:
        page.text(_LEFT, 676 - 36, f"{invoice.buyer.tax_label}: {invoice.buyer.tax_id}", 9)
    return 606.0


def _address(party: Party) -> tuple[str, str]:
    return party.street, f"{party.postal_code} {party.city}, {party.country_name}".strip()


def _table(page: _Page, invoice: Invoice, rows: range, y: float) -> float:
    words = words_of(invoice)
    page.rule(y + 14, strong=True)
    page.text(_LEFT, y + 2, words["description"], 8.5, bold=True)
    if any(line.code for line in invoice.lines):
        page.text(262, y + 2, "HSN/SAC", 8.5, bold=True)
    for x, name in ((352, "quantity"), (390, "unit"), (466, "price"), (_RIGHT, "net")):
        page.text_to(x, y + 2, words[name], 8.5, bold=True)
    page.rule(y - 4)
    for row in rows:
        line = invoice.lines[row]
        y -= 17
        page.text(_LEFT, y, line.description)
        if line.code:
            page.text(262, y, line.code)
        page.text_to(352, y, f"{line.quantity.normalize():f}")
        page.text_to(390, y, line.unit)
        page.text_to(466, y, invoice.printed(line.price))
        page.text_to(_RIGHT, y, invoice.printed(line.net))
        page.rule(y - 5)
    return y


def _totals(page: _Page, invoice: Invoice, y: float) -> None:
    words = words_of(invoice)
    sums = [(words["subtotal"], invoice.net)]
    sums += [(f"{name} {rate.normalize():f} %", invoice.tax(rate)) for name, rate in invoice.taxes]
    y -= 26
    for label, amount in sums:
        page.text(340, y, label)
        page.text_to(_RIGHT, y, invoice.printed(amount))
        y -= 15
    page.rule(y + 10, left=340, strong=True)
    page.text(340, y - 5, words["total"], 11, bold=True)
    page.text_to(_RIGHT, y - 5, f"{invoice.currency} {invoice.printed(invoice.total)}", 11, bold=True)


def _payment(page: _Page, invoice: Invoice) -> None:
    seller, words = invoice.seller, words_of(invoice)
    page.rule(78)
    if seller.account:
        label = "IBAN" if seller.account[:2].isalpha() else words["account"]
        page.text(_LEFT, 62, f"{label}: {seller.account}", 8.5)
        page.text(_LEFT, 50, f"{words['bank']}: {seller.bank}", 8.5)
    page.text(_LEFT, 30, seller.name, 7.5)


def _file(pages: list[bytes]) -> bytes:
    """The file: its objects, where each begins, and which is the first."""
    kids = " ".join(f"{5 + 2 * number} 0 R" for number in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        *(
            f"<< /Type /Font /Subtype /Type1 /BaseFont /{name} /Encoding /WinAnsiEncoding >>".encode()
            for name in ("Helvetica", "Helvetica-Bold")
        ),
        *_page_objects(pages),
    ]
    written = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
    starts = []
    for number, content in enumerate(objects, start=1):
        starts.append(len(written))
        written += f"{number} 0 obj\n".encode() + content + b"\nendobj\n"
    table = len(written)
    written += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    written += b"".join(f"{start:010} 00000 n \n".encode() for start in starts)
    written += f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n".encode()
    return bytes(written)


def _page_objects(pages: list[bytes]) -> Iterator[bytes]:
    fonts = "<< /Font << /F1 3 0 R /F2 4 0 R >> >>"
    for number, content in enumerate(pages):
        box = f"/MediaBox [0 0 {WIDTH} {HEIGHT}] /Resources {fonts} /Contents {6 + 2 * number} 0 R"
        yield f"<< /Type /Page /Parent 2 0 R {box} >>".encode()
        yield f"<< /Length {len(content)} >>\nstream\n".encode() + content + b"\nendstream"
