"""ebInterface 4.0 to 6.1, the Austrian e-invoice.

Elements are those of the schemas of AUSTRIAPRO (ebinterface.at). The versions differ in the names around taxes
(``Tax/VAT/Item``, ``Tax/VAT/VATItem``, ``Tax/TaxItem``), in the payment method, which 4.0 tells by ``xsi:type``, and in
attributes, which have the namespace of the elements up to 4.3. Each path is tried under all names.

The format has no sum of the lines and no sum of the taxes: net total and total tax are the sums of its taxes by rate.
``00000000`` stands for a party without a VAT number.
"""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from shared_code.e_invoices.codes import account_of, payment_of, unit_price_of
from shared_code.e_invoices.national.paths import (
    Paths,
    amount_at,
    date_at,
    read_party,
    read_record,
    reading_of_invoice,
    self_billed_if,
    text_at,
    texts_at,
)
from shared_code.e_invoices.payment_terms import discount_terms
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
    unless_empty,
)

ZERO = Decimal(0)

_INVOICE: Paths = {
    "invoice_number": "InvoiceNumber",
    "invoice_date": "InvoiceDate",
    "due_date": "PaymentConditions/DueDate",
    "delivery_date": "Delivery/Date",
    "service_period_start": "Delivery/Period/FromDate",
    "service_period_end": "Delivery/Period/ToDate",
    "currency": "@InvoiceCurrency",
    "exchange_rate": "CurrencyExchangeInformation/ExchangeRate",
    "tax_currency": (
        "Tax/TaxItem/AccountingCurrencyAmount/@Currency | Tax/VAT/VATItem/AccountingCurrencyAmount/@Currency"
    ),
    "po_numbers": "InvoiceRecipient/OrderReference/OrderID",
    "delivery_note_numbers": "Delivery/DeliveryID",
    "round_off": "RoundingAmount",
    "total": "TotalGrossAmount",
    "amount_paid": "PrepaidAmount",
    "amount_due": "PayableAmount",
}
_PARTY: Paths = {
    "name": "Address/Name | Contact/Name | Address/TradingName",
    "trading_name": "Address/TradingName",
    "tax_id": "VATIdentificationNumber",
    "address": "Address/Street & Address/POBox",
    "city": "Address/Town",
    "postal_code": "Address/ZIP",
    "country": "Address/Country/@CountryCode | Address/Country",
    "email": "Address/Email | Contact/Email",
    "phone": "Address/Phone | Contact/Phone",
}
_LINE: Paths = {
    "line_no": "PositionNumber",
    "quantity": "Quantity",
    "unit": "Quantity/@Unit",
    "net_amount": "LineItemAmount",
    "tax_rate": "TaxItem/TaxPercent | VATRate | TaxRate",
    "tax_amount": "TaxItem/TaxAmount",
    "date": "Delivery/Date",
    "po_number": "InvoiceRecipientsOrderReference/OrderID",
}
_TAX: Paths = {
    "rate": "TaxPercent | VATRate | TaxRate",
    "taxable_amount": "TaxableAmount | TaxedAmount",
    "amount": "TaxAmount | Amount",
}
_OTHER_TAX: Paths = {
    "name": "Comment",
    "rate": "TaxPercent",
    "taxable_amount": "TaxableAmount",
    "amount": _TAX["amount"],
}
_ORIGINAL: Paths = {"number": "InvoiceNumber", "date": "InvoiceDate"}
_TAXES = ("Tax/TaxItem", "Tax/VAT/VATItem", "Tax/VAT/Item")
_OTHER_VATABLE = "ReductionAndSurchargeDetails/OtherVATableTax"
_TRANSFER = "PaymentMethod/UniversalBankTransaction"
#: DocumentType; all others are invoices, also SelfBilling
_DOCUMENT_TYPES = {"CreditMemo": "credit_note", "SubsequentCredit": "credit_note", "SubsequentDebit": "debit_note"}
#: element of PaymentMethod, or ``xsi:type`` in 4.0
_METHODS = {
    "SEPADirectDebit": "SEPA direct debit",
    "DirectDebit": "direct debit",
    "UniversalBankTransaction": "credit transfer",
    "PaymentCard": "payment card",
}
#: FurtherIdentification with the number in the commercial register (Firmenbuch)
_REGISTERS = frozenset({"FN", "FBNR"})
_LINE_CHANGES = "ReductionAndSurchargeListLineItemDetails"


def read_ebinterface(root: Node) -> tuple[str | None, tuple[InvoiceReading, ...]]:
    """Version and invoice of an ``Invoice`` of ebInterface."""
    values = XmlValues()
    kind = root.attribute("DocumentType")
    lines, unchecked = _lines(root, values)
    invoice = read_record(
        Invoice,
        root,
        _INVOICE,
        values,
        document_type=_DOCUMENT_TYPES.get(kind or "", "invoice"),
        original_invoice=_original(root, values),
        seller=_party(root.find("Biller"), values, "seller") or Party(),
        buyer=_party(root.find("InvoiceRecipient"), values, "buyer"),
        ship_to=_party(root.find("Delivery"), values, "ship_to"),
        taxes=(*_taxes(root, values), *_other_taxes(root, values)),
        line_items=lines,
        payment=_payment(root, values),
        notes="\n".join(texts_at(root, "Details/HeaderDescription & Details/FooterDescription & Comment")) or None,
    )
    self_billed_if(kind if kind == "SelfBilling" else None, values)
    invoice = _with_balance(_with_totals(invoice, root, values), root, values)
    version = root.namespace.rstrip("/").rpartition("/")[2].replace("p", ".")
    return version, (reading_of_invoice(invoice, values, unchecked_lines=unchecked),)


def _original(root: Node, values: XmlValues) -> OriginalInvoice | None:
    """The invoice that is cancelled or, of a credit or debit note, the first that it names."""
    if number := root.attribute("CancelledOriginalDocument"):  # 4.0
        return OriginalInvoice(number=number)
    is_note = root.attribute("DocumentType") in _DOCUMENT_TYPES
    found = root.find("CancelledOriginalDocument", *(["RelatedDocument"] if is_note else []))
    return read_record(OriginalInvoice, found, _ORIGINAL, values, field="original_invoice") if found else None


def _party(node: Node | None, values: XmlValues, role: str) -> Party | None:
    if node is None:
        return None
    registers = (
        each for each in node.all("FurtherIdentification") if each.attribute("IdentificationType") in _REGISTERS
    )
    number = next((each.value for each in registers), None)
    party = read_party(node, _PARTY, values, role, kind="VAT", registration_number=number)
    if party and party.tax_id and not party.tax_id.removeprefix("ATU").strip("0"):
        party = unless_empty(replace(party, tax_id=None, tax_id_type=None))
    return party


def _taxes(root: Node, values: XmlValues) -> Iterable[Tax]:
    others = {_key(node) for node in root.all(_OTHER_VATABLE)}
    for node in root.all(*_TAXES):
        # some list a tax on which VAT is due among the rates of VAT once more
        name = "VAT" if _key(node) not in others else node.text("Comment")
        tax = read_record(Tax, node, _TAX, values, field="taxes", name=name, category=_category(node))
        if tax.amount is None and not tax.rate:
            tax = replace(tax, amount=ZERO)  # without a rate the tax need not be given
        yield tax


def _key(node: Node) -> tuple[str | None, str | None]:
    return node.text("TaxableAmount"), node.text("TaxPercent")


def _category(node: Node) -> str | None:
    """The category, which 5.0 and later give as a code of UNTDID 5305."""
    code = text_at(node, "TaxPercent/@TaxCategoryCode")
    if code is not None:
        return code
    exemption = node.find("TaxExemption")
    if exemption is None:
        return "S" if (text_at(node, _TAX["rate"]) or "").strip("0.") else None
    return "AE" if exemption.attribute("TaxExemptionCode") == "RCH" else "E"


def _other_taxes(root: Node, values: XmlValues) -> Iterable[Tax]:
    """Taxes besides VAT, on which no VAT is due."""
    return (read_record(Tax, node, _OTHER_TAX, values, field="taxes") for node in root.all("Tax/OtherTax"))


def _with_totals(invoice: Invoice, root: Node, values: XmlValues) -> Invoice:
    def amounts(field: str, path: str) -> Decimal | None:
        found = root.all(f"ReductionAndSurchargeDetails/{path}")
        return sum_of(amount_at(node, _TAX["amount"], field, values) for node in found)

    listed = {_key(node) for node in root.all(*_TAXES)}
    charged = [node for node in root.all(_OTHER_VATABLE) if _key(node) not in listed]
    charges = [amounts("charges_total", "Surcharge")]
    charges += [amount_at(node, _TAX["amount"], "charges_total", values) for node in charged]
    converted = root.all(*(f"{path}/AccountingCurrencyAmount" for path in _TAXES))
    taxes = [tax.amount for tax in invoice.taxes]
    return replace(
        invoice,
        discount_total=amounts("discount_total", "Reduction"),
        charges_total=sum_of(charges),
        net_total=sum_of(tax.taxable_amount for tax in invoice.taxes if tax.name == "VAT"),
        tax_total=None if None in taxes else sum_of(taxes),
        tax_total_in_tax_currency=sum_of(values.amount(node.value, "tax_total_in_tax_currency") for node in converted),
    )


def _with_balance(invoice: Invoice, root: Node, values: XmlValues) -> Invoice:
    """The items below the line, with the sign by which they lead from the total to the amount to be paid."""
    items = root.all("Details/BelowTheLineItem/LineItemAmount")
    below = sum_of(values.amount(node.value, "previous_balance") for node in items)
    if not below or invoice.total is None or invoice.amount_due is None:
        return invoice
    own = invoice.total - (invoice.amount_paid or ZERO) + (invoice.round_off or ZERO)
    signed = next((amount for amount in (below, -below) if own + amount == invoice.amount_due), None)
    return replace(invoice, previous_balance=signed)


def _payment(root: Node, values: XmlValues) -> Payment | None:
    methods = root.part("PaymentMethod")
    kinds = [node.name for node in methods.children]
    if kind := methods.attribute("type"):  # 4.0
        kinds.append(kind.rpartition(":")[2].removesuffix("Type"))
    return payment_of(
        terms="; ".join(texts_at(root, "PaymentConditions/Comment & PaymentMethod/Comment")) or None,
        methods=(_METHODS.get(kind) for kind in kinds),
        reference=root.text(f"{_TRANSFER}/PaymentReference", "PaymentMethod/PaymentReference"),
        accounts=map(_account, root.all(f"{_TRANSFER}/BeneficiaryAccount", "PaymentMethod/BeneficiaryAccount")),
        discounts=filter(None, (_discount(node, values) for node in root.all("PaymentConditions/Discount"))),
    )


def _discount(node: Node, values: XmlValues) -> CashDiscount | None:
    return discount_terms(
        percent=node.text("Percentage"),
        amount=node.text("Amount"),
        base=node.text("BaseAmount"),
        until=date_at(node, "PaymentDate", "payment.discounts.until", values),
        values=values,
    )


def _account(node: Node) -> BankAccount | None:
    return account_of(
        node.text("IBAN", "BankAccountNr"),
        account_name=node.text("BankAccountOwner"),
        bic=node.code("BIC"),
        bank_name=node.text("BankName"),
        branch=node.text("BankCode"),
    )


def _lines(root: Node, values: XmlValues) -> tuple[tuple[LineItem, ...], frozenset[int]]:
    """All lines, and the indexes of those with surcharges or with a discount that is only a percentage."""
    lines, unchecked = [], set()
    for index, node in enumerate(root.all("Details/ItemList/ListLineItem")):
        field = f"line_items[{index}]"
        price = amount_at(node, "UnitPrice", f"{field}.unit_price", values)
        base = amount_at(node, "UnitPrice/@BaseQuantity", f"{field}.unit_price", values)
        changes = node.part(_LINE_CHANGES)
        discounts = [
            amount_at(each, "Amount", f"{field}.discount_amount", values)
            for each in changes.all("ReductionListLineItem")
        ]
        line = read_record(
            LineItem,
            node,
            _LINE,
            values,
            field=field,
            description=" - ".join(node.texts("Description")) or None,
            product_code=_product_code(node),
            unit_price=unit_price_of(price, base),
            discount_amount=sum_of(discounts),
        )
        if None in discounts or changes.find("SurchargeListLineItem", "OtherVATableTaxListLineItem") is not None:
            unchecked.add(index)
        lines.append(line)
    return tuple(lines), frozenset(unchecked)


def _product_code(node: Node) -> str | None:
    """The seller's own number of the article, else the first."""
    numbers = {each.attribute("ArticleNumberType"): each.value for each in reversed(node.all("ArticleNumber"))}
    return numbers.get("BillersArticleNumber") or next(reversed(numbers.values()), None)
