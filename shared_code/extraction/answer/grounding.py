"""Looks up each value that moves money or identity: is it on the page, and beside which label.

A value is never left out because it was not found: it keeps a low confidence and its warning, and goes to a person.
What the page prints beside another label (the date of the order, the buyer's tax number) is doubted as well, when the
field's own label stands elsewhere. Pages that are pictures to a part contradict nothing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from shared_code.invoices.picture_text import amount_resembles, resembles
from shared_code.invoices.reading import Grounding
from shared_code.invoices.schema import ACCOUNT_CODES, BankAccount, Invoice, money_text
from shared_code.invoices.text_layer import TextLayer, code_in, compact_code
from shared_code.records import Finding

_DATES = ("invoice_date", "due_date", "delivery_date")
#: amounts whose own labels count; those in ``_MUST_BE_PRINTED`` are flagged when the page does not show them
_AMOUNTS = ("total", "subtotal", "net_total", "tax_total", "amount_due", "amount_paid")
_MUST_BE_PRINTED = frozenset({"total", "amount_due", *_DATES})
#: fields whose labels may stand beside each other's values without harm
_SAME = {
    "total": frozenset({"amount_due"}),
    "amount_due": frozenset({"total"}),
    "net_total": frozenset({"subtotal"}),
    "subtotal": frozenset({"net_total"}),
    "seller.tax_id": frozenset({"tax_id"}),
}
_LETTERHEAD_LINES = 6


@dataclass(frozen=True, slots=True)
class Grounded:
    """What the page says of the values of one invoice."""

    levels: Mapping[str, Grounding]
    findings: tuple[Finding, ...]


def ground(invoice: Invoice, layer: TextLayer, *, total_has_decimals: bool) -> Grounded:
    """Look up the values of an invoice.

    :param total_has_decimals: the total is printed with decimals; then an integer on the page does not stand for it.
    """
    found = _levels(invoice, layer, total_has_decimals=total_has_decimals) if layer.usable else {}
    if layer.seen is not layer:
        seen = _levels(invoice, layer.seen, total_has_decimals=total_has_decimals)
        found |= {field: _recognised(one, seen.get(field)) for field, one in found.items()}
    if layer.unseen.text.strip():
        unseen = _levels(invoice, layer.unseen, total_has_decimals=total_has_decimals)
        hidden = [field for field, one in unseen.items() if _is_found(one) and not _is_found(found.get(field))]
        found |= {field: _only_unseen(field) for field in hidden}
    if layer.read_from_pictures and _is_settled_by_sum(invoice, layer, found):
        found["total"] = _LookedUp("total", Grounding.FOUND)
    findings = [one.finding for one in found.values() if one.finding is not None]
    levels = {field: one.level for field, one in found.items() if one.level is not None}
    return Grounded(levels, (*findings, *(_swapped(invoice, layer) if layer.usable else ())))


@dataclass(frozen=True, slots=True)
class _LookedUp:
    """One value; ``level`` is None when the page can say nothing of it."""

    field: str
    level: Grounding | None
    finding: Finding | None = None


def _levels(invoice: Invoice, layer: TextLayer, *, total_has_decimals: bool) -> dict[str, _LookedUp]:
    looked_up = _look_up(invoice, layer, total_has_decimals=total_has_decimals)
    return {one.field: one for one in looked_up}


def _is_found(one: _LookedUp | None) -> bool:
    return one is not None and one.level in (Grounding.ANCHORED, Grounding.FOUND, Grounding.RECOGNISED)


def _recognised(one: _LookedUp, seen: _LookedUp | None) -> _LookedUp:
    """A value is anchored by what a person sees only: what was recognised in a picture may be wrong."""
    if not _is_found(one):
        return one
    return seen if seen is not None and _is_found(seen) else _LookedUp(one.field, Grounding.RECOGNISED)


def _is_settled_by_sum(invoice: Invoice, layer: TextLayer, found: Mapping[str, _LookedUp]) -> bool:
    """Whether of two readings of the total, a digit apart, the model's is the sum of amounts that both have read."""
    net = invoice.net_total if invoice.net_total is not None else invoice.subtotal
    total, tax = invoice.total, invoice.tax_total
    if total is None or net is None or tax is None or net + tax != total or found.get("total") is None:
        return False
    doubted = found["total"].finding is not None
    read = layer.has_amount(net) and layer.has_amount(tax)
    return doubted and read and tax != 0 and layer.has_amount_but_for_a_digit(total)


def _only_unseen(field: str) -> _LookedUp:
    message = "The value is only in text of the file that the page does not show."
    return _LookedUp(field, Grounding.MISSING, Finding("unseen_value", message, field))


def _look_up(invoice: Invoice, layer: TextLayer, *, total_has_decimals: bool) -> Iterator[_LookedUp]:
    if invoice.invoice_number:
        yield _code(
            layer, "invoice_number", invoice.invoice_number, rivals=("order_number", "quote_number", "other_number")
        )
    for name in _DATES:
        day = getattr(invoice, name)
        if day is not None:
            yield _day(layer, name, day)
    for name in _AMOUNTS:
        amount = getattr(invoice, name)
        if amount is not None:
            yield _amount(layer, name, amount, with_decimals=total_has_decimals and name == "total")
    yield from _parties(invoice, layer)
    for index, number in enumerate(invoice.po_numbers):
        yield _code(layer, f"po_numbers[{index}]", number, label="order_number")
    for index, account in enumerate(invoice.payment.bank_accounts if invoice.payment else ()):
        yield from _account(layer, index, account)
    yield from _lines(invoice, layer)


def _code(layer: TextLayer, field: str, value: str, *, label: str = "", rivals: tuple[str, ...] = ()) -> _LookedUp:
    beside = layer.beside_labels
    own = beside.get(label or field, ())
    # "No." alone may be the number of anything: enough to confirm this one, not to doubt it.
    unnamed = beside.get("number", ()) if field == "invoice_number" else ()
    if any(code_in(value, text) for text in (*own, *unnamed)):
        return _LookedUp(field, Grounding.ANCHORED)
    if not layer.has_code(value):
        return _missing(layer, field, value)
    if layer.read_from_pictures and any(resembles(value, text) for text in own):
        return _LookedUp(field, Grounding.FOUND)
    named = next((text for text in own if any(map(str.isdecimal, text))), None)
    other = field == "invoice_number" or any(code_in(value, text) for name in rivals for text in beside.get(name, ()))
    return _LookedUp(field, Grounding.FOUND, _called_otherwise(field, named, value) if other and named else None)


def _day(layer: TextLayer, field: str, day: date) -> _LookedUp:
    own = layer.days_beside(field)
    if day in own or {day} == layer.days:
        return _LookedUp(field, Grounding.ANCHORED)
    if not layer.has_date(day):
        if layer.read_from_pictures and not layer.has_dates:
            # The reader of pictures does not know all scripts; it leaves out what it does not know.
            return _LookedUp(field, None)
        return _missing(layer, field, day.isoformat())
    others = [name for name in (*_DATES, "order_date", "statement") if name != field and day in layer.days_beside(name)]
    printed = min(own).isoformat() if own and others else None
    return _LookedUp(
        field, Grounding.FOUND, _called_otherwise(field, printed, day.isoformat()) if printed is not None else None
    )


def _amount(layer: TextLayer, field: str, amount: Decimal, *, with_decimals: bool) -> _LookedUp:
    own = layer.amounts_beside(field)
    size = abs(amount)
    if size in own:
        return _LookedUp(field, Grounding.ANCHORED)
    if not layer.has_amount(amount, with_decimals=with_decimals):
        return _missing(layer, field, money_text(amount)) if field in _MUST_BE_PRINTED else _LookedUp(field, None)
    if layer.read_from_pictures and amount_resembles(amount, layer.beside_labels.get(field, ())):
        return _LookedUp(field, Grounding.FOUND)
    rivals = [name for name in (*_AMOUNTS, "other_amount") if name != field and name not in _SAME.get(field, ())]
    elsewhere = any(size in layer.amounts_beside(name) for name in rivals)
    doubted = field == "total" and len(own) == 1 and (elsewhere or size < max(own))
    return _LookedUp(
        field,
        Grounding.FOUND,
        _called_otherwise(field, money_text(max(own)), money_text(amount)) if doubted else None,
    )


def _parties(invoice: Invoice, layer: TextLayer) -> Iterator[_LookedUp]:
    for role in ("seller", "buyer"):
        party = getattr(invoice, role)
        if party is None:
            continue
        if party.name:
            yield _name(layer, f"{role}.name", party.name)
        if party.tax_id:
            rival = "buyer.tax_id" if role == "seller" else "seller.tax_id"
            looked_up = _code(layer, f"{role}.tax_id", party.tax_id, rivals=(rival,))
            neutral = any(code_in(party.tax_id, text) for text in layer.beside_labels.get("tax_id", ()))
            anchored = neutral and looked_up.level is Grounding.FOUND and looked_up.finding is None
            yield _LookedUp(looked_up.field, Grounding.ANCHORED) if anchored else looked_up


def _name(layer: TextLayer, field: str, name: str) -> _LookedUp:
    if any(code_in(name, text) for text in layer.beside_labels.get(field, ())):
        return _LookedUp(field, Grounding.ANCHORED)
    letterhead = "\n".join(layer.text.split("\n", _LETTERHEAD_LINES)[:_LETTERHEAD_LINES])
    if field == "seller.name" and code_in(name, letterhead):
        return _LookedUp(field, Grounding.ANCHORED)
    if layer.has_code(name) or layer.has_words_of(name):
        return _LookedUp(field, Grounding.FOUND)
    # A logo is a picture, and a model may write a name in other letters: such pages cannot say that it is not printed.
    doubted = layer.without_pictures and layer.shares_script_with(name)
    return _missing(layer, field, name) if doubted else _LookedUp(field, None)


def _account(layer: TextLayer, index: int, account: BankAccount) -> Iterator[_LookedUp]:
    for name in ACCOUNT_CODES:
        value = getattr(account, name)
        if value:
            looked_up = _code(layer, f"payment.bank_accounts[{index}].{name}", value)
            # Codes of this kind are nothing else on an invoice: wherever they stand, they are the account's.
            found = looked_up.level is Grounding.FOUND
            yield _LookedUp(looked_up.field, Grounding.ANCHORED) if found else looked_up


def _lines(invoice: Invoice, layer: TextLayer) -> Iterator[_LookedUp]:
    for index, line in enumerate(invoice.line_items):
        field = f"line_items[{index}]"
        if line.description and not layer.annotated and not layer.has_words_of(line.description):
            yield _missing(layer, f"{field}.description", line.description)
        amounts = [amount for amount in (line.net_amount, line.total_amount) if amount is not None]
        if amounts and not any(layer.has_amount(amount) for amount in amounts):
            yield _missing(layer, f"{field}.net_amount", money_text(amounts[0]))


def _missing(layer: TextLayer, field: str, value: str) -> _LookedUp:
    if not layer.complete:
        return _LookedUp(field, None)
    source = "what was read from the page's picture" if layer.read_from_pictures else "the document's text"
    message = f"The value is not in {source}."
    return _LookedUp(field, Grounding.MISSING, Finding("ungrounded", message, field, found=value[:200]))


def _called_otherwise(field: str, printed: str, value: str) -> Finding:
    message = "The page prints this value beside another label, and another value beside the label of this field."
    return Finding("label_differs", message, field, expected=printed[:200], found=value[:200])


def _swapped(invoice: Invoice, layer: TextLayer) -> Iterator[Finding]:
    """Parties that the page names the other way round, and one tax number for both."""
    seller, buyer = invoice.seller, invoice.buyer
    if buyer is None:
        return
    if seller.tax_id and buyer.tax_id and compact_code(seller.tax_id) == compact_code(buyer.tax_id):
        message = "Seller and buyer have the same tax number."
        yield Finding("same_tax_id", message, "seller.tax_id", found=seller.tax_id)
    if not (seller.name and buyer.name):
        return
    of_buyer, of_seller = (layer.beside_labels.get(name, ()) for name in ("buyer.name", "seller.name"))
    if any(code_in(seller.name, text) for text in of_buyer) and any(code_in(buyer.name, text) for text in of_seller):
        message = "The page names seller and buyer the other way round."
        yield Finding("parties_swapped", message, "seller.name", expected=buyer.name[:200], found=seller.name[:200])
