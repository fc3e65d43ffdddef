"""Tables of a model's answer: lines, taxes and withholdings, with their amounts and dates read."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

from shared_code.extraction.answer.amount_choice import AmountReader
from shared_code.extraction.answer.wire_schema import WireInvoice
from shared_code.extraction.answer.wire_values import Row, page_of, upper, value_of
from shared_code.invoices.schema import LineItem, Tax, Withholding


def lines_of(
    wire: WireInvoice, amounts: AmountReader, line_dates: Sequence[date | None]
) -> tuple[tuple[LineItem, ...], frozenset[int]]:
    """All lines, and the indexes of those whose discount is printed only as a percentage."""
    by_line = _taxes_by_line(wire, amounts)
    lines, unchecked = [], set()
    for index, given in enumerate(wire.rows["line_items"]):
        row = {name: value_of(text) for name, text in given.items()}
        if "%" in (row["discount_amount"] or ""):
            unchecked.add(index)
        lines.append(_line(row, index, by_line, amounts, line_dates[index]))
    return tuple(lines), frozenset(unchecked)


def _taxes_by_line(wire: WireInvoice, amounts: AmountReader) -> dict[str, list[Tax]]:
    by_line: dict[str, list[Tax]] = {}
    for row in wire.rows["line_taxes"]:
        tax = Tax(
            name=value_of(row["name"]),
            rate=amounts.rate(value_of(row["rate"]), "line_items.taxes.rate"),
            amount=_first(amounts.money(value_of(row["amount"]), "line_items.taxes.amount", review=False)),
        )
        by_line.setdefault(value_of(row["line_no"]) or "", []).append(tax)
    return by_line


def _line(
    row: Row, index: int, by_line: Mapping[str, Sequence[Tax]], amounts: AmountReader, day: date | None
) -> LineItem:
    path = f"line_items[{index}]"
    return LineItem(
        line_no=row["line_no"],
        description=row["description"],
        product_code=row["product_code"],
        hsn_sac=row["hsn_sac"],
        unit=row["unit"],
        **amounts.line(row, index),
        tax_rate=amounts.rate(row["tax_rate"], f"{path}.tax_rate"),
        tax_amount=_first(amounts.money(row["tax_amount"], f"{path}.tax_amount", review=False)),
        taxes=tuple(by_line.get(row["line_no"] or str(index + 1), ())),
        date=day,
        po_number=row["po_number"],
        page=page_of(row["page"]),
    )


def taxes_of(rows: Sequence[Row], amounts: AmountReader) -> tuple[Tax, ...]:
    """The taxes of the whole invoice."""
    return tuple(
        Tax(
            name=value_of(row["name"]),
            rate=amounts.rate(value_of(row["rate"]), f"taxes[{index}].rate"),
            taxable_amount=_first(amounts.money(value_of(row["taxable_amount"]), f"taxes[{index}].taxable_amount")),
            amount=_first(amounts.money(value_of(row["amount"]), f"taxes[{index}].amount")),
            category=upper(row["category"]),
        )
        for index, row in enumerate(rows)
    )


def withholdings_of(rows: Sequence[Row], amounts: AmountReader) -> tuple[Withholding, ...]:
    """What is kept back or collected for the tax authority."""
    return tuple(
        Withholding(
            name=value_of(row["name"]),
            rate=amounts.rate(value_of(row["rate"]), f"withholdings[{index}].rate"),
            amount=_first(amounts.money(value_of(row["amount"]), f"withholdings[{index}].amount")),
        )
        for index, row in enumerate(rows)
    )


def _first(readings: tuple[Decimal, ...]) -> Decimal | None:
    return readings[0] if readings else None
