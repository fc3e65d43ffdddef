"""FatturaPA, the Italian e-invoice, ordinary and simplified. One file can hold several invoices of one seller.

Elements and code lists are those of the technical specifications of the FatturaPA format (Agenzia delle Entrate,
Sistema di Interscambio): TipoDocumento (TD), ModalitaPagamento (MP), CondizioniPagamento (TP), Natura (N). BT numbers
are the business terms of EN 16931-1.

The format leaves a lot out: the total is optional, and there is no sum of the lines. Net total and tax total are the
sums of its summary by rate, which is obligatory; a total that is not written is not made up. The simplified format has
no place for a total at all: there the total is the sum of the gross amounts of its rows.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal

from shared_code.e_invoices.codes import account_of, currency_of, payment_of
from shared_code.e_invoices.fatturapa_lines import read_lines
from shared_code.e_invoices.payment_terms import PaymentTerm, day_after, discount_terms, due_date_of
from shared_code.e_invoices.xml import Node, XmlValues, sum_of
from shared_code.invoices.countries import country_code
from shared_code.invoices.reading import InvoiceReading
from shared_code.invoices.schema import (
    BankAccount,
    CashDiscount,
    Invoice,
    OriginalInvoice,
    Party,
    Tax,
    Withholding,
    unless_empty,
)
from shared_code.records import Finding

_HEADER = "FatturaElettronicaHeader"
_BODY = "FatturaElettronicaBody"
_GENERAL = "DatiGenerali/DatiGeneraliDocumento"
_SUMMARY = "DatiBeniServizi/DatiRiepilogo"
_PAYMENT = "DatiPagamento/DettaglioPagamento"
#: EsigibilitaIVA of a split payment: a public buyer pays the tax to the state and not to the seller
_SPLIT_PAYMENT = "S"
#: TipoDocumento
_DOCUMENT_TYPES = {"TD04": "credit_note", "TD08": "credit_note", "TD05": "debit_note", "TD09": "debit_note"}
_INVOICES = frozenset(f"TD{number:02}" for number in (1, 2, 3, 6, 7, *range(16, 30)))
#: ModalitaPagamento
_METHODS = {
    "MP01": "cash",
    "MP02": "cheque",
    "MP03": "bank cheque",
    "MP05": "credit transfer",
    "MP07": "bank payment slip",
    "MP08": "payment card",
    "MP09": "direct debit",
    "MP12": "bank collection (RIBA)",
    "MP13": "payment slip (MAV)",
    "MP16": "direct debit",
    "MP18": "postal payment slip",
    "MP19": "SEPA direct debit",
    "MP20": "SEPA direct debit",
    "MP21": "SEPA direct debit",
    "MP22": "deducted from sums already collected",
    "MP23": "PagoPA",
}
#: CondizioniPagamento
_TERMS = {"TP01": "in instalments", "TP02": "in full", "TP03": "in advance"}
#: Natura (why there is no tax) -> category of UNTDID 5305 as in EN 16931
_CATEGORIES = {"N1": "O", "N2": "O", "N3": "G", "N4": "E", "N5": "E", "N6": "AE", "N7": "O"}


def read_fatturapa(root: Node) -> tuple[str | None, tuple[InvoiceReading, ...]]:
    """Version and all invoices of a ``FatturaElettronica`` or ``FatturaElettronicaSemplificata``."""
    header = root.part(_HEADER)
    version = root.attribute("versione") or header.text("DatiTrasmissione/FormatoTrasmissione")
    return version, tuple(_invoice(header, body) for body in root.all(_BODY))


def _invoice(header: Node, body: Node) -> InvoiceReading:
    values = XmlValues()
    general = body.part(_GENERAL)
    lines, unchecked = read_lines(body, values)
    invoice = Invoice(
        document_type=_document_type(general.text("TipoDocumento")),
        invoice_number=general.text("Numero"),
        currency=currency_of(general.text("Divisa"), values.findings),
        po_numbers=body.texts("DatiGenerali/DatiOrdineAcquisto/IdDocumento"),  # BT-13
        delivery_note_numbers=body.texts("DatiGenerali/DatiDDT/NumeroDDT"),
        contract_number=body.text("DatiGenerali/DatiContratto/IdDocumento"),  # BT-12
        original_invoice=_original(body, values),
        seller=_party(header.part("CedentePrestatore")) or Party(),
        buyer=_party(header.part("CessionarioCommittente")),
        taxes=_taxes(body, values),
        withholdings=_withholdings(general, body, values),
        line_items=lines,
        notes="\n".join(general.texts("Causale")) or None,
    )
    invoice = _with_payment(_with_totals(_with_dates(invoice, body, values), body, values), body, values)
    if invoice.total is None:
        message = "FatturaPA need not state a total, and this file does not."
        values.remark(Finding("missing_field", message, "total"))
    if header.text("SoggettoEmittente") == "CC":
        message = "The document is self-billed: the buyer issued it in the seller's name."
        values.remark(Finding("self_billed", message, "document_type", found="CC", review=False))
    return InvoiceReading(invoice, tuple(values.findings), unchecked_lines=unchecked)


def _with_dates(invoice: Invoice, body: Node, values: XmlValues) -> Invoice:
    delivered = body.text("DatiGenerali/DatiTrasporto/DataOraConsegna")
    return replace(
        invoice,
        invoice_date=values.date(body.text(f"{_GENERAL}/Data"), "invoice_date"),
        delivery_date=values.date(delivered, "delivery_date"),
    )


def _with_totals(invoice: Invoice, body: Node, values: XmlValues) -> Invoice:
    general = body.part(_GENERAL)
    total = values.amount(general.text("ImportoTotaleDocumento"), "total")
    if total is None and not body.all(_SUMMARY):
        total = sum_of(line.total_amount for line in invoice.line_items)
    discounts, charges = _allowances(general, values)
    funds = [
        values.amount(node.text("ImportoContributoCassa"), "charges_total")
        for node in general.all("DatiCassaPrevidenziale")
    ]
    return replace(
        invoice,
        discount_total=discounts,
        charges_total=sum_of([charges, *funds]),
        net_total=sum_of(tax.taxable_amount for tax in invoice.taxes),
        tax_total=sum_of(tax.amount for tax in invoice.taxes),
        round_off=values.amount(general.text("Arrotondamento"), "round_off"),
        total=total,
        amount_due=_amount_due(body, total, values),
    )


def _amount_due(body: Node, total: Decimal | None, values: XmlValues) -> Decimal | None:
    """The sum of the instalments (BT-115); None when they are alternatives, each for the whole amount."""
    amounts = [values.amount(text.value, "amount_due") for text in body.all(f"{_PAYMENT}/ImportoPagamento")]
    due = sum_of(amounts)
    if due is None or len(amounts) == 1 or total is None or due <= total:
        return due
    return None


def _allowances(general: Node, values: XmlValues) -> tuple[Decimal | None, Decimal | None]:
    """Discounts (``SC``, BT-107) and surcharges (``MG``, BT-108) on the whole document that are given as amounts."""
    kinds: dict[str, list[Decimal | None]] = {"SC": [], "MG": []}
    for node in general.all("ScontoMaggiorazione"):
        field = "discount_total" if node.text("Tipo") == "SC" else "charges_total"
        kinds.setdefault(node.text("Tipo") or "", []).append(values.amount(node.text("Importo"), field))
    return sum_of(kinds["SC"]), sum_of(kinds["MG"])


def _original(body: Node, values: XmlValues) -> OriginalInvoice | None:
    found = body.find("DatiGenerali/DatiFattureCollegate", "DatiGenerali/DatiFatturaRettificata")
    if found is None:
        return None
    return OriginalInvoice(
        number=found.text("IdDocumento", "NumeroFR"),
        date=values.date(found.text("Data", "DataFR"), "original_invoice.date"),
    )


def _party(node: Node) -> Party | None:
    person = node.part("DatiAnagrafici", "IdentificativiFiscali")
    names = node.part("DatiAnagrafici/Anagrafica", "AltriDatiIdentificativi")
    seat = node.part("Sede", "AltriDatiIdentificativi/Sede")
    tax_id, kind = _tax_id(person, node)
    party = Party(
        name=_name(names) or _name(node),
        tax_id=tax_id,
        tax_id_type=kind,
        registration_number=" ".join(node.texts("IscrizioneREA/Ufficio", "IscrizioneREA/NumeroREA")) or None,
        address=" ".join(filter(None, (seat.text("Indirizzo"), seat.text("NumeroCivico")))) or None,
        city=seat.text("Comune"),
        state=seat.text("Provincia"),
        postal_code=seat.text("CAP"),
        country=country_code(seat.text("Nazione")),
        email=node.text("Contatti/Email"),
        phone=node.text("Contatti/Telefono"),
    )
    return unless_empty(party)


def _name(node: Node) -> str | None:
    person = filter(None, (node.text("Nome"), node.text("Cognome")))
    return node.text("Denominazione") or " ".join(person) or None


def _tax_id(person: Node, node: Node) -> tuple[str | None, str | None]:
    """The VAT number with its country in front (BT-31), else the national tax code (BT-32)."""
    for place in (person, node):
        number = place.code("IdFiscaleIVA/IdCodice")
        if number:
            country = place.code("IdFiscaleIVA/IdPaese") or ""
            return number if number.startswith(country) else country + number, "VAT"
    code = person.code("CodiceFiscale") or node.code("CodiceFiscale")
    return code, "TIN" if code else None


def _taxes(body: Node, values: XmlValues) -> tuple[Tax, ...]:
    def tax(node: Node, rate: str, amount: str, base: str | None = None) -> Tax:
        return Tax(
            name="VAT",
            rate=values.amount(node.text(rate), "taxes.rate"),
            taxable_amount=values.amount(node.text(base), "taxes.taxable_amount") if base else None,
            amount=values.amount(node.text(amount), "taxes.amount"),
            category=_category(node.text("Natura"), node.text(rate)),
        )

    ordinary = [tax(node, "AliquotaIVA", "Imposta", "ImponibileImporto") for node in body.all(_SUMMARY)]
    rows = [node for node in body.all("DatiBeniServizi") if node.find("Importo") is not None]
    return (*ordinary, *(tax(node, "DatiIVA/Aliquota", "DatiIVA/Imposta") for node in rows))


def _withholdings(general: Node, body: Node, values: XmlValues) -> tuple[Withholding, ...]:
    """Income tax that the buyer keeps back, and the VAT of a split payment."""

    def withheld(node: Node, name: str, rate: str, amount: str) -> Withholding:
        return Withholding(
            name=name,
            rate=values.amount(node.text(rate), "withholdings.rate"),
            amount=values.amount(node.text(amount), "withholdings.amount"),
        )

    kept = [withheld(node, "WHT", "AliquotaRitenuta", "ImportoRitenuta") for node in general.all("DatiRitenuta")]
    split = [node for node in body.all(_SUMMARY) if node.text("EsigibilitaIVA") == _SPLIT_PAYMENT]
    return (*kept, *(withheld(node, "VAT", "AliquotaIVA", "Imposta") for node in split))


def _with_payment(invoice: Invoice, body: Node, values: XmlValues) -> Invoice:
    details = body.all(_PAYMENT)
    payment = payment_of(
        terms=_in_words(body.text("DatiPagamento/CondizioniPagamento"), _TERMS),
        methods=(_in_words(node.text("ModalitaPagamento"), _METHODS) for node in details),
        reference=body.text(f"{_PAYMENT}/CodicePagamento"),
        accounts=map(_account, details),
        discounts=filter(None, (_discount(node, values) for node in details)),
    )
    return replace(
        invoice,
        due_date=due_date_of([PaymentTerm(_due(node, values)) for node in details]),
        payment=payment,
        impossible_dates=tuple(values.impossible),
    )


def _due(node: Node, values: XmlValues) -> date | None:
    """The day of a payment; it is given, or counted from another."""
    due = values.date(node.text("DataScadenzaPagamento"), "due_date")
    if due is not None:
        return due
    start = values.date(node.text("DataRiferimentoTerminiPagamento"), "payment.terms")
    return day_after(start, values.amount(node.text("GiorniTerminiPagamento"), "payment.terms"), "DAY")


def _discount(node: Node, values: XmlValues) -> CashDiscount | None:
    return discount_terms(
        percent=None,
        amount=node.text("ScontoPagamentoAnticipato"),
        base=node.text("ImportoPagamento"),
        until=values.date(node.text("DataLimitePagamentoAnticipato"), "payment.discounts"),
        values=values,
    )


def _account(node: Node) -> BankAccount | None:
    return account_of(
        node.text("IBAN"),
        account_name=node.text("Beneficiario"),
        bic=node.code("BIC"),
        bank_name=node.text("IstitutoFinanziario"),
    )


def _document_type(code: str | None) -> str | None:
    """Our kind of document for a ``TipoDocumento``; ``other`` for an unknown one."""
    if code is None:
        return None
    return "invoice" if code in _INVOICES else _DOCUMENT_TYPES.get(code, "other")


def _in_words(code: str | None, words: Mapping[str, str]) -> str | None:
    """What a code means; the code itself for a rare one."""
    return None if code is None else words.get(code, code)


def _category(nature: str | None, rate: str | None) -> str | None:
    """The EN 16931 category of a ``Natura`` (``N3.2``: intra-community supply); without one, a rate is standard tax."""
    if nature is None:
        return "S" if rate is not None and rate.strip("0.") else None
    return "K" if nature == "N3.2" else _CATEGORIES.get(nature[:2])
