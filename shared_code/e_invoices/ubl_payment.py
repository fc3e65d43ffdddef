"""When and how a UBL invoice is to be paid: due date, discounts for early payment, means, accounts.

BT and BG numbers are the business terms of EN 16931-1, bound to UBL by CEN/TS 16931-3-2. Profiles older than it, and
those of other countries, use more of UBL's ``PaymentTerms`` (OASIS UBL 2.1) than the note.
"""

from datetime import date

from shared_code.e_invoices.codes import account_of, is_bic, payment_method, payment_of
from shared_code.e_invoices.payment_terms import (
    PaymentTerm,
    discount_terms,
    discounts_of,
    due_date_of,
    skonto_lines,
)
from shared_code.e_invoices.xml import Node, XmlValues
from shared_code.invoices.schema import BankAccount, CashDiscount, Payment


def read_payment(root: Node, issued: date | None, values: XmlValues) -> tuple[date | None, Payment | None]:
    """The due date (BT-9) and how to pay.

    :param issued: the invoice date, from which the days of a discount count.
    """
    means = root.all("PaymentMeans")
    terms = _terms(root.all("PaymentTerms"), values)
    words = [block for node in root.all("PaymentTerms/Note") if (block := node.block)]
    skonto = [discount for text in words for discount in skonto_lines(text, issued)]
    payment = payment_of(
        terms="; ".join(dict.fromkeys(words)) or None,  # BT-20
        methods=map(_method, means),
        reference=root.text("PaymentMeans/PaymentID"),  # BT-83
        accounts=(_account(node.find("PayeeFinancialAccount")) for node in means),
        discounts=(*discounts_of(terms), *skonto),
    )
    return _due(root, terms, values), payment


def _due(root: Node, terms: tuple[PaymentTerm, ...], values: XmlValues) -> date | None:
    """Credit notes and older versions have the day elsewhere than invoices."""
    stated = values.date(root.text("DueDate"), "due_date")
    if stated is not None:
        return stated
    by_means = [values.date(node.value, "due_date") for node in root.all("PaymentMeans/PaymentDueDate")]
    return due_date_of([PaymentTerm(day) for day in by_means]) or due_date_of(terms)


def _terms(nodes: list[Node], values: XmlValues) -> tuple[PaymentTerm, ...]:
    days = [values.date(node.text("PaymentDueDate", "InstallmentDueDate"), "due_date") for node in nodes]
    several = len([day for day in days if day is not None]) > 1
    return tuple(
        PaymentTerm(day, _discount(node, day if several else None, values))
        for node, day in zip(nodes, days, strict=True)
    )


def _discount(node: Node, day: date | None, values: XmlValues) -> CashDiscount | None:
    """The discount of a term; ``day`` is the term's own, when another term has the day of the net payment."""
    until = node.text("SettlementPeriod/EndDate", "ValidityPeriod/EndDate")
    return discount_terms(
        percent=node.text("SettlementDiscountPercent"),
        amount=node.text("SettlementDiscountAmount"),
        base=node.text("Amount"),
        until=values.date(until, "payment.discounts") or day,
        values=values,
    )


def _method(node: Node) -> str | None:
    code = node.part("PaymentMeansCode")
    return payment_method(code.value) or code.attribute("name")  # BT-81, BT-82


def _account(node: Node | None) -> BankAccount | None:
    if node is None:
        return None
    branch = node.code("FinancialInstitutionBranch/ID", "FinancialInstitutionBranch/FinancialInstitution/ID")
    return account_of(
        node.text("ID"),  # BT-84
        account_name=node.text("Name"),  # BT-85
        bic=branch if is_bic(branch) else None,  # BT-86
        branch=None if is_bic(branch) else branch,
        bank_name=node.text("FinancialInstitutionBranch/FinancialInstitution/Name", "FinancialInstitutionBranch/Name"),
    )
