"""FatturaPA, the Italian e-invoice, ordinary and simplified. One file can hold several invoices of one seller.

The format leaves a lot out: the total is optional, and there is no sum of the lines. Net total and tax total are the
sums of its summary by rate, which is obligatory; a total that is not written is not made up. The simplified format has
no place for a total at all: there the gross amounts of its rows are it.
"""

from dataclasses import replace
from decimal import Decimal

from shared_code.e_invoices.codes import account_of, currency_of
from shared_code.e_invoices.fatturapa_codes import category_of, document_type_of, payment_method_of, payment_terms_of
from shared_code.e_invoices.fatturapa_lines import read_lines
from shared_code.e_invoices.xml import Node, XmlInvoice, XmlValues, sum_of
from shared_code.invoices.countries import country_code
from shared_code.invoices.schema import BankAccount, Invoice, OriginalInvoice, Party, Payment, Tax, Withholding
from shared_code.records import Finding

_HEADER = "FatturaElettronicaHeader"
_BODY = "FatturaElettronicaBody"
_GENERAL = "DatiGenerali/DatiGeneraliDocumento"
_SUMMARY = "DatiBeniServizi/DatiRiepilogo"
_PAYMENT = "DatiPagamento/DettaglioPagamento"
#: the public buyer pays the tax to the state and not to the seller
_SPLIT_PAYMENT = "S"


def read_fatturapa(root: Node) -> tuple[XmlInvoice, ...]:
    """All invoices of a ``FatturaElettronica`` or ``FatturaElettronicaSemplificata``."""
    header = root.part(_HEADER)
    version = root.attribute("versione") or header.text("DatiTrasmissione/FormatoTrasmissione")
    return tuple(_invoice(header, body, version) for body in root.all(_BODY))


def _invoice(header: Node, body: Node, version: str | None) -> XmlInvoice:
    values = XmlValues()
    general = body.part(_GENERAL)
    lines, unchecked = read_lines(body, values)
    invoice = Invoice(
        document_type=document_type_of(general.text("TipoDocumento")),
        invoice_number=general.text("Numero"),
        currency=currency_of(general.text("Divisa"), values.findings),
        po_numbers=body.texts("DatiGenerali/DatiOrdineAcquisto/IdDocumento"),
        delivery_note_numbers=body.texts("DatiGenerali/DatiDDT/NumeroDDT"),
        contract_number=body.text("DatiGenerali/DatiContratto/IdDocumento"),
        original_invoice=_original(body, values),
        seller=_party(header.part("CedentePrestatore")) or Party(),
        buyer=_party(header.part("CessionarioCommittente")),
        taxes=_taxes(body, values),
        withholdings=_withholdings(general, body, values),
        line_items=lines,
        payment=_payment(body),
        notes="\n".join(general.texts("Causale")) or None,
    )
    invoice = _with_totals(_with_dates(invoice, body, values), body, values)
    if invoice.total is None:
        message = "FatturaPA need not state a total, and this file does not."
        values.remark(Finding("missing_field", message, "total"))
    if header.text("SoggettoEmittente") == "CC":
        message = "The document is self-billed: the buyer issued it in the seller's name."
        values.remark(Finding("self_billed", message, "document_type", found="CC", review=False))
    return XmlInvoice(invoice, version, tuple(values.findings), unchecked)


def _with_dates(invoice: Invoice, body: Node, values: XmlValues) -> Invoice:
    delivered = body.text("DatiGenerali/DatiTrasporto/DataOraConsegna")
    return replace(
        invoice,
        invoice_date=values.date(body.text(f"{_GENERAL}/Data"), "invoice_date"),
        due_date=values.date(body.text(f"{_PAYMENT}/DataScadenzaPagamento"), "due_date"),
        delivery_date=values.date(delivered, "delivery_date"),
        impossible_dates=tuple(values.impossible),
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
    """The instalments together; None when they are rather alternatives, each for the whole amount."""
    amounts = [values.amount(text.value, "amount_due") for text in body.all(f"{_PAYMENT}/ImportoPagamento")]
    due = sum_of(amounts)
    if due is None or len(amounts) == 1 or total is None or due <= total:
        return due
    return None


def _allowances(general: Node, values: XmlValues) -> tuple[Decimal | None, Decimal | None]:
    """Discounts (``SC``) and surcharges (``MG``) on the whole document that are given as amounts."""
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
        address=" ".join(seat.texts("Indirizzo", "NumeroCivico")) or None,
        city=seat.text("Comune"),
        state=seat.text("Provincia"),
        postal_code=seat.text("CAP"),
        country=country_code(seat.text("Nazione")),
        email=node.text("Contatti/Email"),
        phone=node.text("Contatti/Telefono"),
    )
    return None if party == Party() else party


def _name(node: Node) -> str | None:
    return node.text("Denominazione") or " ".join(node.texts("Nome", "Cognome")) or None


def _tax_id(person: Node, node: Node) -> tuple[str | None, str | None]:
    """The VAT number with its country in front, else the national tax code."""
    for place in (person, node):
        number = place.code("IdFiscaleIVA/IdCodice")
        if number:
            country = place.code("IdFiscaleIVA/IdPaese") or ""
            return number if number.startswith(country) else country + number, "VAT"
    code = person.code("CodiceFiscale") or node.code("CodiceFiscale")
    return code, "TIN" if code else None


def _taxes(body: Node, values: XmlValues) -> tuple[Tax, ...]:
    return tuple(
        Tax(
            name="VAT",
            rate=values.amount(node.text("AliquotaIVA"), "taxes.rate"),
            taxable_amount=values.amount(node.text("ImponibileImporto"), "taxes.taxable_amount"),
            amount=values.amount(node.text("Imposta"), "taxes.amount"),
            category=category_of(node.text("Natura"), node.text("AliquotaIVA")),
        )
        for node in body.all(_SUMMARY)
    ) + tuple(
        Tax(
            name="VAT",
            rate=values.amount(node.text("DatiIVA/Aliquota"), "taxes.rate"),
            amount=values.amount(node.text("DatiIVA/Imposta"), "taxes.amount"),
            category=category_of(node.text("Natura"), node.text("DatiIVA/Aliquota")),
        )
        for node in body.all("DatiBeniServizi")
        if node.find("Importo") is not None
    )


def _withholdings(general: Node, body: Node, values: XmlValues) -> tuple[Withholding, ...]:
    """Income tax that the buyer keeps back, and the VAT of a split payment."""
    kept = [
        Withholding(
            name="WHT",
            rate=values.amount(node.text("AliquotaRitenuta"), "withholdings.rate"),
            amount=values.amount(node.text("ImportoRitenuta"), "withholdings.amount"),
        )
        for node in general.all("DatiRitenuta")
    ]
    split = [
        Withholding(
            name="VAT",
            rate=values.amount(node.text("AliquotaIVA"), "withholdings.rate"),
            amount=values.amount(node.text("Imposta"), "withholdings.amount"),
        )
        for node in body.all(_SUMMARY)
        if node.text("EsigibilitaIVA") == _SPLIT_PAYMENT
    ]
    return (*kept, *split)


def _payment(body: Node) -> Payment | None:
    details = body.all(_PAYMENT)
    accounts = [account for node in details if (account := _account(node))]
    payment = Payment(
        terms=payment_terms_of(body.text("DatiPagamento/CondizioniPagamento")),
        method=next((text for node in details if (text := payment_method_of(node.text("ModalitaPagamento")))), None),
        reference=body.text(f"{_PAYMENT}/CodicePagamento"),
        bank_accounts=tuple(dict.fromkeys(accounts)),
    )
    return None if payment == Payment() else payment


def _account(node: Node) -> BankAccount | None:
    return account_of(
        node.text("IBAN"),
        account_name=node.text("Beneficiario"),
        bic=node.code("BIC"),
        bank_name=node.text("IstitutoFinanziario"),
    )
