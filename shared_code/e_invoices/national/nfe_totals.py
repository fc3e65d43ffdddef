"""The totals of NF-e, and the taxes that come on top of them.

``vNF`` is products and services, less discounts, with freight, insurance, other expenses and the taxes on top (Manual
de Orientacao do Contribuinte, rule W16). Some makers leave the import duty out, or take off the ICMS that the buyer is
spared (``vICMSDeson``): the total tells.
"""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from itertools import product

from shared_code.e_invoices.national.paths import amount_at
from shared_code.e_invoices.xml import Node, XmlValues, sum_of
from shared_code.invoices.schema import Invoice, Tax

#: the group of totals
SUMS = "total/ICMSTot"
ZERO = Decimal(0)
_CENT = Decimal("0.01")
#: taxes on top: name -> amount in the totals
_ON_TOP = {
    "IPI": "vIPI",
    "IPI (returned)": "vIPIDevol",
    "ICMS-ST": "vST",
    "FCP-ST": "vFCPST",
    "ICMS (single phase)": "vICMSMonoReten",
}


def with_totals(invoice: Invoice, node: Node, values: XmlValues) -> Invoice:
    """Sums before the taxes on top, and these taxes. What some makers leave out is tried until the total fits."""

    def amount(name: str, field: str, group: str = SUMS) -> Decimal:
        return amount_at(node, f"{group}/{name}", field, values) or ZERO

    subtotal = amount("vProd", "subtotal") + amount("vServ", "subtotal", "total/ISSQNtot")
    discount = amount("vDesc", "discount_total")
    charges = sum((amount(name, "charges_total") for name in ("vFrete", "vSeg", "vOutro")), ZERO)
    taxes = [*_on_top(invoice, node, values)]
    duty, spared = amount("vII", "taxes.amount"), amount("vICMSDeson", "discount_total")
    own = subtotal - discount + charges + sum((tax.amount or ZERO for tax in taxes), ZERO)
    meant = product((duty, ZERO), (ZERO, spared))
    fits = ((added, taken) for added, taken in meant if abs(own + added - taken - (invoice.total or ZERO)) <= _CENT)
    added, taken = next(fits, (duty, ZERO))
    if added:
        taxes.append(Tax(name="II", amount=added))
    whole = replace(
        invoice,
        subtotal=subtotal,
        discount_total=(discount + taken) or None,
        charges_total=charges or None,
        net_total=subtotal - discount - taken + charges,
        taxes=tuple(taxes),
        tax_total=sum((tax.amount or ZERO for tax in taxes), ZERO),
    )
    return _with_bill(whole, node, values)


def _with_bill(invoice: Invoice, node: Node, values: XmlValues) -> Invoice:
    """What the bill (``fat``) asks for; it may be over another amount than this invoice."""
    bill = node.part("cobr/fat")
    over = amount_at(bill, "vOrig", "amount_due", values)
    if over is not None and over != invoice.total:
        return invoice
    less = amount_at(bill, "vDesc", "previous_balance", values)
    due = amount_at(bill, "vLiq", "amount_due", values)
    return replace(invoice, previous_balance=-less if less else None, amount_due=due)


def _on_top(invoice: Invoice, node: Node, values: XmlValues) -> Iterable[Tax]:
    for name, tag in _ON_TOP.items():
        amount = amount_at(node, f"{SUMS}/{tag}", "taxes.amount", values)
        if amount:
            yield replace(_of_lines(invoice, name), name=name, amount=amount)
    for tag, rule in (("PISST", "indSomaPISST"), ("COFINSST", "indSomaCOFINSST")):
        added = [each for each in node.all(f"det/imposto/{tag}") if each.text(rule) == "1"]
        amount = sum_of(amount_at(each, f"v{tag[:-2]}", "taxes.amount", values) for each in added)
        if amount:
            yield Tax(name=f"{tag[:-2]}-ST", amount=amount)


def _of_lines(invoice: Invoice, name: str) -> Tax:
    """Rate and base of IPI where all lines have the same rate; that of ICMS-ST has a base of its own kind."""
    if name != "IPI":
        return Tax()
    parts = [tax for line in invoice.line_items for tax in line.taxes if tax.name == name and tax.amount]
    rates = {part.rate for part in parts}
    return (
        Tax(rate=rates.pop(), taxable_amount=sum_of(part.taxable_amount for part in parts))
        if len(rates) == 1
        else Tax()
    )
