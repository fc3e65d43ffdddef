"""NF-e 4.00 and NFC-e, the Brazilian e-invoice for goods, alone (``NFe``) or with its authorisation (``nfeProc``).

Elements and code lists are those of the Manual de Orientacao do Contribuinte (SEFAZ, layout 4.00, schema
``leiauteNFe_v4.00``). Amounts are in reais.

* Some taxes are within the prices (ICMS, PIS, COFINS): they stand with the lines. Others come on top (IPI, ICMS by
  substitution, import duty): these are the taxes of the invoice, and their sum is its total tax.
* A line's amount (``vProd``) and their sum are before the discounts. Lines with ``indTot`` 0 do not count.
* An entry (``tpNF`` 0) that is no return is issued by the buyer, as for an import: the other party is the seller.
"""

from collections.abc import Iterable
from dataclasses import replace
from functools import cache

from shared_code.e_invoices.codes import payment_of
from shared_code.e_invoices.national.nfe_totals import SUMS, with_totals
from shared_code.e_invoices.national.paths import (
    Paths,
    amount_at,
    first_date,
    read_party,
    read_record,
    reading_of_invoice,
    self_billed_if,
    text_at,
)
from shared_code.e_invoices.xml import Node, XmlValues
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
from shared_code.records import Finding

_INVOICE: Paths = {
    "invoice_number": "ide/nNF",
    "invoice_date": "ide/dhEmi | ide/dEmi",
    "delivery_date": "ide/dhSaiEnt | ide/dSaiEnt",
    "po_numbers": "compra/xPed & det/prod/xPed",
    "contract_number": "compra/xCont",
    "total": f"{SUMS}/vNF",
    "notes": "infAdic/infCpl & infAdic/infAdFisco",
}
_IDENTITY = {
    "name": "xNome",
    "trading_name": "xFant",
    "registration_number": "IE",
    "tax_id": "CNPJ | CPF | idEstrangeiro",
}


def _place(prefix: str) -> dict[str, str]:
    lines = " & ".join(f"{prefix}{name}" for name in ("xLgr", "nro", "xCpl", "xBairro"))
    return {
        "address": lines,
        "city": f"{prefix}xMun",
        "state": f"{prefix}UF",
        "postal_code": f"{prefix}CEP",
        "phone": f"{prefix}fone",
        "email": f"email | {prefix}email",
    }


_SELLER: Paths = _IDENTITY | _place("enderEmit/")
_BUYER: Paths = _IDENTITY | _place("enderDest/")
_SHIP_TO: Paths = _IDENTITY | _place("")
_LINE: Paths = {
    "line_no": "@nItem",
    "description": "prod/xProd & infAdProd",
    "product_code": "prod/cProd",
    "hsn_sac": "prod/NCM",
    "quantity": "prod/qCom",
    "unit": "prod/uCom",
    "unit_price": "prod/vUnCom",
    "discount_amount": "prod/vDesc",
    "net_amount": "prod/vProd",
    "po_number": "prod/xPed",
}
#: tax of a line: its name, path, and the ends of the names of base, rate and amount
_LINE_TAXES = (
    ("ICMS", "imposto/ICMS/*", "vBC", "pICMS", "vICMS"),
    ("ICMS-ST", "imposto/ICMS/*", "vBCST", "pICMSST", "vICMSST"),
    ("IPI", "imposto/IPI/IPITrib", "vBC", "pIPI", "vIPI"),
    ("II", "imposto/II", "vBC", "pII", "vII"),
    ("PIS", "imposto/PIS/*", "vBC", "pPIS", "vPIS"),
    ("COFINS", "imposto/COFINS/*", "vBC", "pCOFINS", "vCOFINS"),
    ("ISSQN", "imposto/ISSQN", "vBC", "vAliq", "vISSQN"),
)
_WITHHELD = {
    "PIS": "total/retTrib/vRetPIS",
    "COFINS": "total/retTrib/vRetCOFINS",
    "CSLL": "total/retTrib/vRetCSLL",
    "IRRF": "total/retTrib/vIRRF",
    "INSS": "total/retTrib/vRetPrev",
    "ISS": "total/ISSQNtot/vISSRet",
}
#: finNFe: complement, return, credit note, debit note
_DOCUMENT_TYPES = {"2": "debit_note", "4": "credit_note", "5": "credit_note", "6": "debit_note"}
_RETURN = "4"
#: mod 65 is the NFC-e, for consumers
_CONSUMERS = "65"
#: tPag
_METHODS = {
    "01": "cash",
    "02": "cheque",
    "03": "credit card",
    "04": "debit card",
    "05": "store credit",
    "10": "food voucher",
    "14": "trade bill",
    "15": "bank payment slip (boleto)",
    "16": "bank deposit",
    "17": "instant payment (PIX)",
    "18": "credit transfer",
    "19": "loyalty programme",
    "20": "instant payment (PIX)",
    "90": None,
}
#: cStat: authorised, also out of time
_AUTHORISED = frozenset({"100", "150"})
_BRAZIL = "1058"


def read_nfe(root: Node) -> tuple[str | None, tuple[InvoiceReading, ...]]:
    """Layout and all invoices of an ``NFe``, ``nfeProc`` or ``enviNFe``."""
    notes = root.all("infNFe", "NFe/infNFe")
    protocol = root.part("protNFe/infProt")
    version = notes[0].attribute("versao") if notes else None
    return version, tuple(_invoice(node, protocol) for node in notes)


def _invoice(node: Node, protocol: Node) -> InvoiceReading:
    values = XmlValues()
    lines = tuple(_line(each, index, values) for index, each in enumerate(node.all("det")))
    issuer = _party(node.find("emit"), _SELLER, "enderEmit/", values, "seller")
    other = _party(node.find("dest"), _BUYER, "enderDest/", values, "buyer")
    entry = node.text("ide/tpNF") == "0" and node.text("ide/finNFe") != _RETURN and other is not None
    self_billed_if("tpNF 0" if entry else None, values)
    invoice = read_record(
        Invoice,
        node,
        _INVOICE,
        values,
        currency="BRL",
        document_type=_document_type(node),
        original_invoice=_original(node),
        seller=(other if entry else issuer) or Party(),
        buyer=issuer if entry else other,
        ship_to=_party(node.find("entrega"), _SHIP_TO, "", values, "ship_to"),
        due_date=first_date(node.all("cobr/dup"), "dVenc", "due_date", values),
        withholdings=_withholdings(node, values),
        line_items=lines,
        payment=_payment(node),
        fiscal=_fiscal(node, protocol),
    )
    status = protocol.text("cStat")
    if status is not None and status not in _AUTHORISED:
        message = "The tax authority has not authorised this invoice, or has cancelled it."
        values.remark(Finding("not_authorised", message, "fiscal", found=status))
    return reading_of_invoice(with_totals(invoice, node, values), values)


def _document_type(node: Node) -> str:
    kind = _DOCUMENT_TYPES.get(node.text("ide/finNFe") or "", "invoice")
    return "receipt" if kind == "invoice" and node.text("ide/mod") == _CONSUMERS else kind


def _original(node: Node) -> OriginalInvoice | None:
    """The first invoice that this one refers to, by its access key or by its number on paper."""
    number = text_at(node, "ide/NFref/refNFe | ide/NFref/refNF/nNF | ide/NFref/refNFP/nNF")
    return unless_empty(OriginalInvoice(number=number))


def _party(node: Node | None, paths: Paths, place: str, values: XmlValues, role: str) -> Party | None:
    if node is None:
        return None
    kind = "OTHER" if node.find("idEstrangeiro") is not None else "TIN"
    return read_party(node, paths, values, role, kind=kind, country=_country(node, place))


def _country(node: Node, place: str) -> str | None:
    """The country, which is given by a number of the Banco Central and by its name in Portuguese."""
    if node.text(f"{place}cPais") == _BRAZIL:
        return "BR"
    name = (node.text(f"{place}xPais") or "").casefold()
    if not name:
        return "BR" if node.text(f"{place}UF") not in {None, "EX"} else None
    return _country_names().get(name)


@cache
def _country_names() -> dict[str, str]:
    from babel import Locale

    return {name.casefold(): code for code, name in Locale("pt").territories.items() if code.isalpha()}


def _withholdings(node: Node, values: XmlValues) -> tuple[Withholding, ...]:
    amounts = ((name, amount_at(node, path, "withholdings.amount", values)) for name, path in _WITHHELD.items())
    return tuple(Withholding(name=name, amount=amount) for name, amount in amounts if amount)


def _line(node: Node, index: int, values: XmlValues) -> LineItem:
    field = f"line_items[{index}]"
    taxes = tuple(_line_taxes(node, f"{field}.taxes", values))
    within = next((tax.rate for tax in taxes if tax.name in {"ICMS", "ISSQN"}), None)
    line = read_record(LineItem, node, _LINE, values, field=field, tax_rate=within, taxes=taxes)
    return replace(line, net_amount=None) if node.text("prod/indTot") == "0" else line


def _line_taxes(node: Node, field: str, values: XmlValues) -> Iterable[Tax]:
    for name, path, base, rate, amount in _LINE_TAXES:
        for each in node.all(path):
            if each.find(amount) is not None:
                yield Tax(
                    name=name,
                    rate=amount_at(each, rate, f"{field}.rate", values),
                    taxable_amount=amount_at(each, base, f"{field}.taxable_amount", values),
                    amount=amount_at(each, amount, f"{field}.amount", values),
                )


def _payment(node: Node) -> Payment | None:
    details = node.all("pag/detPag")
    codes = ((each.text("tPag"), each.text("xPag")) for each in details)
    return payment_of(
        terms=None,
        methods=((_METHODS.get(code, words) or words) if code else None for code, words in codes),
        reference=node.text("cobr/fat/nFat"),
        accounts=(),
    )


def _fiscal(node: Node, protocol: Node) -> Fiscal | None:
    """The access key of 44 digits by which the tax authority knows the invoice, and when it authorised it."""
    key = protocol.text("chNFe") or (node.attribute("Id") or "").removeprefix("NFe") or None
    fiscal = Fiscal(receipt_number=key, timestamp=protocol.text("dhRecbto"))
    return replace(fiscal, authority="SEFAZ") if key else None
