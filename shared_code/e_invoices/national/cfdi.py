"""CFDI 4.0 and 3.3, the Mexican e-invoice (Comprobante Fiscal Digital por Internet).

Attributes and code lists are those of Anexo 20 of the Resolucion Miscelanea Fiscal (SAT, schemas ``cfdv40`` and
``cfdv33``), with the complements for local taxes (``implocal``) and the stamp (``TimbreFiscalDigital``).

* The number is series and folio, which a file may leave out; then it is the UUID that the stamp gives.
* A line's amount (``Importe``) and their sum (``SubTotal``) are before the discounts.
* ``Total`` is less the taxes that the buyer keeps back.
* Rates are fractions: 0.160000 is 16 percent. One per unit (``Cuota``) is no percentage and is left out.
* A credit note (``E``) has positive amounts. Payments (``P``), payroll (``N``) and transport (``T``) are no invoices.
"""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from shared_code.e_invoices.codes import currency_of, payment_of
from shared_code.e_invoices.national.paths import (
    Paths,
    amount_at,
    read_party,
    read_record,
    reading_of_invoice,
    text_at,
)
from shared_code.e_invoices.xml import Node, XmlValues, sum_of
from shared_code.invoices.reading import InvoiceReading
from shared_code.invoices.schema import (
    Fiscal,
    Invoice,
    LineItem,
    OriginalInvoice,
    Party,
    Payment,
    Tax,
    Withholding,
    unless_empty,
)

ZERO = Decimal(0)

_STAMP = "Complemento/TimbreFiscalDigital"
_LOCAL = "Complemento/ImpuestosLocales"
_INVOICE: Paths = {
    "invoice_number": f"@Serie & @Folio | {_STAMP}/@UUID",
    "invoice_date": "@Fecha",
    "subtotal": "@SubTotal",
    "discount_total": "@Descuento",
    "total": "@Total",
}
_SELLER: Paths = {"name": "@Nombre", "tax_id": "@Rfc"}
_BUYER: Paths = {
    "name": "@Nombre",
    "tax_id": "@Rfc",
    "postal_code": "@DomicilioFiscalReceptor",
    "country": "@ResidenciaFiscal",
}
_LINE: Paths = {
    "description": "@Descripcion",
    "product_code": "@NoIdentificacion | @ClaveProdServ",
    "quantity": "@Cantidad",
    "unit": "@ClaveUnidad | @Unidad",
    "unit_price": "@ValorUnitario",
    "discount_amount": "@Descuento",
    "net_amount": "@Importe",
}
_STAMPED: Paths = {"receipt_number": "@UUID", "timestamp": "@FechaTimbrado", "signature": "@SelloSAT"}
_LOCAL_TAX: Paths = {"name": "@ImpLocTrasladado", "rate": "@TasadeTraslado", "amount": "@Importe"}
_LOCAL_WITHHELD: Paths = {"name": "@ImpLocRetenido", "rate": "@TasadeRetencion", "amount": "@Importe"}
#: c_TipoDeComprobante
_DOCUMENT_TYPES = {"I": "invoice", "E": "credit_note"}
#: c_Impuesto
_TAXES = {"001": "ISR", "002": "IVA", "003": "IEPS"}
#: c_FormaPago; 99 is "to be defined"
_METHODS = {
    "01": "cash",
    "02": "cheque",
    "03": "credit transfer",
    "04": "credit card",
    "05": "electronic purse",
    "06": "electronic money",
    "08": "food vouchers",
    "12": "payment in kind",
    "17": "clearing between partners",
    "28": "debit card",
    "29": "service card",
    "30": "application of advances",
    "99": None,
}
#: c_MetodoPago
_TERMS = {"PUE": "in one payment", "PPD": "in instalments or later"}
#: c_TipoRelacion
_DEBIT_NOTE_OF, _RETURN_OF, _REPLACES = "02", "03", "04"
#: ISO 4217, of documents without amounts
_NO_CURRENCY = "XXX"
#: the tax number of every foreigner
_FOREIGNERS = "XEXX010101000"


def read_cfdi(root: Node) -> tuple[str | None, tuple[InvoiceReading, ...]]:
    """Version and invoice of a ``Comprobante``."""
    values = XmlValues()
    stamp = root.find(_STAMP)
    invoice = read_record(
        Invoice,
        root,
        _INVOICE,
        values,
        document_type=_document_type(root),
        original_invoice=_original(root),
        seller=read_party(root.find("Emisor"), _SELLER, values, "seller", kind="TIN") or Party(),
        buyer=_buyer(root.find("Receptor"), values),
        taxes=(*_taxes(root, values), *_local(Tax, root.all(f"{_LOCAL}/TrasladosLocales"), _LOCAL_TAX, values)),
        withholdings=_withholdings(root, values),
        line_items=tuple(_line(node, index, values) for index, node in enumerate(root.all("Conceptos/Concepto"))),
        payment=_payment(root),
        fiscal=stamp and read_record(Fiscal, stamp, _STAMPED, values, field="fiscal", authority="SAT"),
    )
    if (currency := root.attribute("Moneda")) != _NO_CURRENCY:
        invoice = replace(invoice, currency=currency_of(currency, values.findings))
    if invoice.currency != "MXN":
        invoice = replace(invoice, exchange_rate=amount_at(root, "@TipoCambio", "exchange_rate", values))
    return root.attribute("Version"), (reading_of_invoice(_with_totals(invoice, root, values), values),)


def _document_type(root: Node) -> str:
    kind = _DOCUMENT_TYPES.get(root.attribute("TipoDeComprobante") or "I", "other")
    is_debit_note = text_at(root, "CfdiRelacionados/@TipoRelacion") == _DEBIT_NOTE_OF
    return "debit_note" if kind == "invoice" and is_debit_note else kind


def _original(root: Node) -> OriginalInvoice | None:
    """The first invoice that a credit or debit note, or a replacement, refers to, by the UUID of its stamp."""
    relations = {_DEBIT_NOTE_OF, _RETURN_OF, _REPLACES}
    for node in root.all("CfdiRelacionados"):
        if root.attribute("TipoDeComprobante") == "E" or node.attribute("TipoRelacion") in relations:
            return unless_empty(OriginalInvoice(number=text_at(node, "CfdiRelacionado/@UUID")))
    return None


def _buyer(node: Node | None, values: XmlValues) -> Party | None:
    party = read_party(node, _BUYER, values, "buyer", kind="TIN")
    own = node.attribute("NumRegIdTrib") if node else None
    if party and own and party.tax_id == _FOREIGNERS:
        return replace(party, tax_id=own, tax_id_type="OTHER")
    return party


def _with_totals(invoice: Invoice, root: Node, values: XmlValues) -> Invoice:
    local = amount_at(root, f"{_LOCAL}/@TotaldeTraslados", "tax_total", values)
    federal = amount_at(root, "Impuestos/@TotalImpuestosTrasladados", "tax_total", values)
    # without any tax the element is left out
    tax_total = sum_of([federal, local]) if federal is not None or local is not None or invoice.taxes else ZERO
    net = None if invoice.subtotal is None else invoice.subtotal - (invoice.discount_total or ZERO)
    return replace(invoice, net_total=net, tax_total=tax_total)


def _taxes(root: Node, values: XmlValues) -> Iterable[Tax]:
    """Taxes by rate. Version 3.3 gives their bases with the lines only."""
    totals = root.all("Impuestos/Traslados/Traslado")
    bases: dict[tuple[str | None, ...], Decimal] = {}
    if any(node.attribute("Base") is None for node in totals):
        for node in root.all("Conceptos/Concepto/Impuestos/Traslados/Traslado"):
            base = amount_at(node, "@Base", "taxes.taxable_amount", values)
            bases[_key(node)] = bases.get(_key(node), ZERO) + (base or ZERO)
    for node in totals:
        tax = _tax(node, "taxes", values)
        yield tax if tax.taxable_amount is not None else replace(tax, taxable_amount=bases.get(_key(node)))


def _key(node: Node) -> tuple[str | None, ...]:
    rate = node.attribute("TasaOCuota")
    return node.attribute("Impuesto"), node.attribute("TipoFactor"), rate.rstrip("0") if rate else None


def _tax(node: Node, field: str, values: XmlValues) -> Tax:
    code = node.attribute("Impuesto")
    exempt = node.attribute("TipoFactor") == "Exento"
    rate = _rate(node, f"{field}.rate", values)
    amount = amount_at(node, "@Importe", f"{field}.amount", values)
    category = None
    if code == "002":
        category = "E" if exempt else None if rate is None else "S" if rate else "Z"
    return Tax(
        name=_TAXES.get(code, code) if code else None,
        rate=rate,
        taxable_amount=amount_at(node, "@Base", f"{field}.taxable_amount", values),
        amount=ZERO if exempt and amount is None else amount,
        category=category,
    )


def _rate(node: Node, field: str, values: XmlValues) -> Decimal | None:
    if node.attribute("TipoFactor") == "Cuota":
        return None
    share = amount_at(node, "@TasaOCuota", field, values)
    return None if share is None else _short(share * 100)


def _short(number: Decimal) -> Decimal:
    short = number.normalize()
    return short.quantize(Decimal(1)) if int(short.as_tuple().exponent) > 0 else short


def _local[R](kind: type[R], nodes: Iterable[Node], paths: Paths, values: XmlValues) -> tuple[R, ...]:
    """Taxes of states and towns, whose rates are percentages."""
    field = "taxes" if kind is Tax else "withholdings"
    return tuple(read_record(kind, node, paths, values, field=field) for node in nodes)


def _withholdings(root: Node, values: XmlValues) -> tuple[Withholding, ...]:
    """What the buyer keeps back. The rate is given with the lines only: it is taken where all have the same."""
    rates: dict[str | None, set[Decimal | None]] = {}
    for node in root.all("Conceptos/Concepto/Impuestos/Retenciones/Retencion"):
        rates.setdefault(node.attribute("Impuesto"), set()).add(_rate(node, "withholdings.rate", values))
    found = []
    for node in root.all("Impuestos/Retenciones/Retencion"):
        code = node.attribute("Impuesto")
        known = rates.get(code, set())
        name = _TAXES.get(code, code) if code else None
        amount = amount_at(node, "@Importe", "withholdings.amount", values)
        found.append(Withholding(name=name, rate=next(iter(known)) if len(known) == 1 else None, amount=amount))
    return (*found, *_local(Withholding, root.all(f"{_LOCAL}/RetencionesLocales"), _LOCAL_WITHHELD, values))


def _line(node: Node, index: int, values: XmlValues) -> LineItem:
    field = f"line_items[{index}]"
    taxes = tuple(_tax(each, f"{field}.taxes", values) for each in node.all("Impuestos/Traslados/Traslado"))
    vat = next((tax.rate for tax in taxes if tax.name == "IVA"), None)
    return read_record(
        LineItem,
        node,
        _LINE,
        values,
        field=field,
        tax_rate=vat,
        tax_amount=sum_of(tax.amount for tax in taxes),
        taxes=taxes if len(taxes) > 1 else (),
    )


def _payment(root: Node) -> Payment | None:
    method, terms = root.attribute("FormaPago"), root.attribute("MetodoPago")
    words = [root.attribute("CondicionesDePago"), _TERMS.get(terms, terms) if terms else None]
    return payment_of(
        terms="; ".join(filter(None, words)) or None,
        methods=(_METHODS.get(method, method) if method else None,),
        reference=None,
        accounts=(),
    )
