"""Writes an invoice as XML: UBL 2.1 by the rules of EN 16931, for sellers that send no pages."""

from decimal import Decimal
from xml.sax.saxutils import escape

from shared_code.demo.invoices import Invoice, Party

_SPACES = (
    'xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2" '
    'xmlns:cac="urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2" '
    'xmlns:cbc="urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"'
)


def as_xml(invoice: Invoice) -> bytes:
    """The XML of an invoice with at most one tax."""
    rate = next((rate for _, rate in invoice.taxes), Decimal(0))
    parts = [
        _element("CustomizationID", "urn:cen.eu:en16931:2017"),
        _element("ID", invoice.number),
        _element("IssueDate", invoice.day.isoformat()),
        _element("DueDate", invoice.due.isoformat()),
        _element("InvoiceTypeCode", "380"),
        _element("DocumentCurrencyCode", invoice.currency),
        _party("AccountingSupplierParty", invoice.seller),
        _party("AccountingCustomerParty", invoice.buyer),
        _payment(invoice),
        _tax(invoice, rate),
        _sums(invoice),
        *(_line(invoice, number, rate) for number in range(len(invoice.lines))),
    ]
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<Invoice {_SPACES}>\n{"\n".join(parts)}\n</Invoice>\n'
    return text.encode()


def _element(name: str, text: str, attributes: str = "") -> str:
    return f"<cbc:{name}{attributes}>{escape(text)}</cbc:{name}>"


def _amount(name: str, amount: Decimal, invoice: Invoice) -> str:
    return _element(name, f"{amount:.2f}", f' currencyID="{invoice.currency}"')


def _tax(invoice: Invoice, rate: Decimal) -> str:
    total = _amount("TaxAmount", invoice.tax_total, invoice)
    parts = _amount("TaxableAmount", invoice.net, invoice) + total + _category(rate, "TaxCategory")
    return f"<cac:TaxTotal>{total}<cac:TaxSubtotal>{parts}</cac:TaxSubtotal></cac:TaxTotal>"


def _category(rate: Decimal, name: str) -> str:
    scheme = "<cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme>"
    kind = _element("ID", "S" if rate else "Z") + _element("Percent", f"{rate.normalize():f}")
    return f"<cac:{name}>{kind}{scheme}</cac:{name}>"


def _party(role: str, party: Party) -> str:
    tax = ""
    if party.tax_id:
        scheme = "<cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme>"
        tax = f"<cac:PartyTaxScheme>{_element('CompanyID', party.tax_id)}{scheme}</cac:PartyTaxScheme>"
    zone = _element("PostalZone", party.postal_code) if party.postal_code else ""
    country = f"<cac:Country>{_element('IdentificationCode', party.country)}</cac:Country>"
    street = _element("StreetName", party.street) + _element("CityName", party.city)
    legal = f"<cac:PartyLegalEntity>{_element('RegistrationName', party.name)}</cac:PartyLegalEntity>"
    address = f"<cac:PostalAddress>{street}{zone}{country}</cac:PostalAddress>"
    return f"<cac:{role}><cac:Party>{address}{tax}{legal}</cac:Party></cac:{role}>"


def _payment(invoice: Invoice) -> str:
    if not invoice.seller.account:
        return ""
    account = f"<cac:PayeeFinancialAccount>{_element('ID', invoice.seller.account)}</cac:PayeeFinancialAccount>"
    return f"<cac:PaymentMeans>{_element('PaymentMeansCode', '58')}{account}</cac:PaymentMeans>"


def _sums(invoice: Invoice) -> str:
    sums = {
        "LineExtensionAmount": invoice.net,
        "TaxExclusiveAmount": invoice.net,
        "TaxInclusiveAmount": invoice.total,
        "PayableAmount": invoice.total,
    }
    shown = "".join(_amount(name, amount, invoice) for name, amount in sums.items())
    return f"<cac:LegalMonetaryTotal>{shown}</cac:LegalMonetaryTotal>"


def _line(invoice: Invoice, number: int, rate: Decimal) -> str:
    line = invoice.lines[number]
    parts = (
        _element("ID", str(number + 1)),
        _element("InvoicedQuantity", f"{line.quantity.normalize():f}", ' unitCode="C62"'),
        _amount("LineExtensionAmount", line.net, invoice),
        f"<cac:Item>{_element('Name', line.description)}{_category(rate, 'ClassifiedTaxCategory')}</cac:Item>",
        f"<cac:Price>{_amount('PriceAmount', line.price, invoice)}</cac:Price>",
    )
    return f"<cac:InvoiceLine>{''.join(parts)}</cac:InvoiceLine>"
