"""Svefaktura 1.0, the Swedish e-invoice before Peppol (SFTI, Single Face To Industry; UBL 1.0 with names of its own).

Elements are those of the schema SFTI-BasicInvoice-1.0; the mapping follows the guide "Svefaktura 1.0" of SFTI.
``TaxInclusiveTotalAmount`` is what is to be paid, with the rounding in it. A party gives its number of registration
under the tax scheme ``SWT`` (F-skatt) and its VAT number under ``VAT``. Accounts at Bankgirot and PlusGirot are named
by the BIC of the clearing house. A sender may put several invoices into one ``Invoices``.
"""

from decimal import Decimal

from shared_code.e_invoices.codes import (
    account_of,
    discount_of,
    document_type_of,
    payment_method,
    payment_of,
    self_billed,
    unit_price_of,
)
from shared_code.e_invoices.national.paths import (
    Paths,
    first_date,
    read_party,
    read_record,
    read_records,
    reading_of_invoice,
    texts_at,
)
from shared_code.e_invoices.xml import Node, XmlValues, sum_of
from shared_code.invoices.reading import InvoiceReading
from shared_code.invoices.schema import BankAccount, Invoice, LineItem, OriginalInvoice, Party, Payment, Tax

_INVOICE: Paths = {
    "invoice_number": "ID",
    "invoice_date": "IssueDate",
    "delivery_date": "Delivery/ActualDeliveryDateTime | TaxPointDate",
    "service_period_start": "InvoicingPeriod/StartDateTime",
    "service_period_end": "InvoicingPeriod/EndDateTime",
    "currency": "InvoiceCurrencyCode | LegalTotal/TaxInclusiveTotalAmount/@amountCurrencyID",
    "tax_currency": "TaxCurrencyCode",
    "exchange_rate": "ExchangeRate/CalculationRate",
    "subtotal": "LegalTotal/LineExtensionTotalAmount",
    "net_total": "LegalTotal/TaxExclusiveTotalAmount",
    "tax_total": "TaxTotal/TotalTaxAmount",
    "tax_total_in_tax_currency": "TaxTotal/TaxSubTotal/TaxCurrencyTaxAmount",
    "round_off": "LegalTotal/RoundOffAmount",
    "total": "LegalTotal/TaxInclusiveTotalAmount",
    "amount_due": "LegalTotal/TaxInclusiveTotalAmount",
    "notes": "Note",
}
#: of an ``Address`` or a ``DeliveryAddress``
_ADDRESS: Paths = {
    "city": "CityName",
    "state": "CountrySubentity",
    "postal_code": "PostalZone",
    "country": "Country/IdentificationCode",
}
_TAX: Paths = {
    "name": "TaxCategory/TaxScheme/ID",
    "rate": "TaxCategory/Percent",
    "taxable_amount": "TaxableAmount",
    "amount": "TaxAmount",
    "category": "TaxCategory/ID",
}
_LINE: Paths = {
    "line_no": "ID",
    "description": "Item/Description | Note",
    "product_code": "Item/SellersItemIdentification/ID | Item/StandardItemIdentification/ID",
    "quantity": "InvoicedQuantity",
    "unit": "InvoicedQuantity/@quantityUnitCode",
    "net_amount": "LineExtensionAmount",
    "tax_rate": "Item/TaxCategory/Percent",
    "po_number": "OrderLineReference/OrderReference/BuyersID",
    "date": "Delivery/ActualDeliveryDateTime",
}
_REFERENCES = "AdditionalDocumentReference"
#: UNTDID 1153 of an AdditionalDocumentReference
_CONTRACT, _DELIVERY_NOTE, _ORDER = "CT", "DQ", "ON"
_CLEARING = {"BGABSESS": "Bankgirot", "PGSISESS": "PlusGirot"}


def read_svefaktura(root: Node) -> tuple[str | None, tuple[InvoiceReading, ...]]:
    """Version and invoices of an ``Invoice``, or of an ``Invoices`` with several."""
    nodes = root.all("Invoice") if root.name == "Invoices" else [root]
    return "Svefaktura 1.0", tuple(_invoice(node) for node in nodes)


def _invoice(root: Node) -> InvoiceReading:
    values = XmlValues()
    lines, unchecked = _lines(root, values)
    type_code = root.text("InvoiceTypeCode")
    discounts, charges = _allowances(root, values)
    invoice = read_record(
        Invoice,
        root,
        _INVOICE,
        values,
        document_type=document_type_of(type_code, default="invoice"),
        due_date=first_date(root.all("PaymentMeans"), "DuePaymentDate", "due_date", values),
        po_numbers=(*_references(root, _ORDER), *texts_at(root, "OrderReference/BuyersID")),
        delivery_note_numbers=(
            *_references(root, _DELIVERY_NOTE),
            *texts_at(root, "DespatchDocumentReference/ID"),
        ),
        contract_number=next(iter(_references(root, _CONTRACT)), None),
        original_invoice=_original(root),
        seller=_party(root.find("SellerParty"), values, "seller") or Party(),
        buyer=_party(root.find("BuyerParty"), values, "buyer"),
        ship_to=_located(root.find("Delivery/DeliveryAddress"), values, "ship_to"),
        discount_total=discounts,
        charges_total=charges,
        taxes=read_records(Tax, root.all("TaxTotal/TaxSubTotal"), _TAX, values, "taxes"),
        line_items=lines,
        payment=_payment(root),
    )
    values.remark(self_billed(type_code))
    return reading_of_invoice(invoice, values, unchecked_lines=unchecked)


def _references(root: Node, kind: str) -> tuple[str, ...]:
    """The numbers of the documents of one kind."""
    ids = (node.part("ID") for node in root.all(_REFERENCES))
    return tuple(node.value for node in ids if node.attribute("identificationSchemeID") == kind and node.value)


def _original(root: Node) -> OriginalInvoice | None:
    number = root.text("InitialInvoiceDocumentReference/ID")
    return OriginalInvoice(number=number) if number else None


def _party(node: Node | None, values: XmlValues, role: str) -> Party | None:
    if node is None:
        return None
    party = node.part("Party")
    by_scheme = {entry.text("TaxScheme/ID"): entry for entry in party.all("PartyTaxScheme")}
    vat = by_scheme["VAT"].code("CompanyID") if "VAT" in by_scheme else None
    name = party.text("PartyName/Name")
    registered = party.text("PartyTaxScheme/RegistrationName")
    return _located(
        party.part("Address"),
        values,
        role,
        name=registered or name,
        trading_name=name if registered and registered != name else None,
        tax_id=vat,
        registration_number=by_scheme["SWT"].code("CompanyID") if "SWT" in by_scheme else None,
        email=party.text("Contact/ElectronicMail"),
        phone=party.text("Contact/Telephone"),
    )


def _located(address: Node | None, values: XmlValues, role: str, **given: str | None) -> Party | None:
    """A party with its address; None when nothing is known of it."""
    if address is None:
        return None
    street = " ".join(address.texts("StreetName", "BuildingNumber"))
    lines = [*address.texts("Postbox"), street, *address.texts("Department", "AddressLine/Line")]
    written = ", ".join(filter(None, lines)) or None
    return read_party(address, _ADDRESS, values, role, kind="VAT", address=written, **given)


def _allowances(root: Node, values: XmlValues) -> tuple[Decimal | None, Decimal | None]:
    """The sums of discounts (BG-20) and of surcharges (BG-21) on the whole invoice."""
    found: dict[bool, list[Decimal | None]] = {False: [], True: []}
    for node in root.all("AllowanceCharge"):
        field = "charges_total" if _is_charge(node) else "discount_total"
        found[_is_charge(node)].append(values.amount(node.text("Amount"), field))
    return sum_of(found[False]), sum_of(found[True])


def _is_charge(node: Node) -> bool:
    return (node.text("ChargeIndicator") or "").lower() in {"true", "1"}


def _lines(root: Node, values: XmlValues) -> tuple[tuple[LineItem, ...], set[int]]:
    """All lines, and the indexes of those with surcharges."""
    lines, unchecked = [], set()
    for index, node in enumerate(root.all("InvoiceLine")):
        field = f"line_items[{index}]"
        discount, has_surcharge = discount_of(
            node.all("AllowanceCharge"), field, values, indicators=("ChargeIndicator",), amount="Amount"
        )
        if has_surcharge:
            unchecked.add(index)
        lines.append(
            read_record(
                LineItem,
                node,
                _LINE,
                values,
                field=field,
                discount_amount=discount,
                unit_price=_unit_price(node, field, values),
            )
        )
    return tuple(lines), unchecked


def _unit_price(node: Node, field: str, values: XmlValues) -> Decimal | None:
    price = values.amount(node.text("Item/BasePrice/PriceAmount"), f"{field}.unit_price")
    return unit_price_of(price, values.amount(node.text("Item/BasePrice/BaseQuantity"), f"{field}.unit_price"))


def _payment(root: Node) -> Payment | None:
    means = root.all("PaymentMeans")
    return payment_of(
        terms="; ".join(root.texts("PaymentTerms/Note")) or None,
        methods=(payment_method(node.text("PaymentMeansTypeCode")) for node in means),
        reference=root.text("PaymentMeans/PayeeFinancialAccount/PaymentInstructionID"),
        accounts=(_account(node.find("PayeeFinancialAccount")) for node in means),
    )


def _account(node: Node | None) -> BankAccount | None:
    if node is None:
        return None
    bic = node.code("FinancialInstitutionBranch/FinancialInstitution/ID")
    return account_of(
        node.text("ID"),
        account_name=node.text("Name"),
        bic=bic,
        bank_name=node.text("FinancialInstitutionBranch/FinancialInstitution/Name") or _CLEARING.get(bic or ""),
    )
