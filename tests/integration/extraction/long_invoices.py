"""Made invoices with many lines, as PDFs with a text layer that the stand-ins read by themselves."""

import io
from decimal import Decimal

import pikepdf

_TOP, _STEP, _BOTTOM = 800, 16, 40
#: left edges of number, text, quantity, price and amount
_COLUMNS = (40, 80, 330, 400, 480)


def long_invoice(lines: int, *, pages: int, number: str = "LX-2026-0042", scanned: bool = False) -> bytes:
    """An invoice over ``lines`` articles of 2 x 5.00, evenly on ``pages``, with a sum carried on between pages.

    :param scanned: the pages show nothing that can be read as text.
    """
    each = -(-lines // pages)
    made = pikepdf.new()
    font = made.make_indirect(
        pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica)
    )
    for page in range(pages):
        rows = _rows(
            page, range(page * each + 1, min((page + 1) * each, lines) + 1), lines, number, last=page == pages - 1
        )
        size = min((_TOP - _BOTTOM) / max(len(rows), 1), _STEP)
        stream = (
            b"100 700 300 8 re f"
            if scanned
            else b"\n".join(_shown(row, _TOP - index * size, size * 0.6) for index, row in enumerate(rows))
        )
        made.add_blank_page(page_size=(595, 842))
        leaf = made.pages[-1]
        leaf.Contents = made.make_stream(stream)
        leaf.Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(F1=font))
    held = io.BytesIO()
    made.save(held)
    return held.getvalue()


def _rows(page: int, articles: range, lines: int, number: str, *, last: bool) -> list[tuple[str, ...]]:
    head: list[tuple[str, ...]] = [("", "Harbour Lane Supplies"), ("", "TAX INVOICE")]
    head += [("", f"Invoice No: {number}"), ("", "Invoice Date: 2026-11-02"), ("", "Currency: EUR")]
    titles = ("No", "Description", "Qty", "Unit price", "Amount")
    carried = [("", "Carried forward", "", "", _money(10 * (articles.start - 1)))] if page else []
    body = [(str(at), f"Article {at:04} stainless fitting", "2", "5.00", "10.00") for at in articles]
    net = Decimal(10 * lines)
    sums = [("", "Net total", "", "", _money(net)), ("", "VAT 20%", "", "", _money(net / 5))]
    sums += [("", "Total EUR", "", "", _money(net * 6 / 5))]
    return [*([] if page else head), titles, *carried, *body, *(sums if last else [])]


def _money(value: Decimal | int) -> str:
    return f"{value:.2f}"


def _shown(row: tuple[str, ...], y: float, size: float) -> bytes:
    cells = [(x, text) for x, text in zip(_COLUMNS, row, strict=False) if text]
    return " ".join(f"BT /F1 {size:.2f} Tf {x} {y:.2f} Td ({text}) Tj ET" for x, text in cells).encode()
