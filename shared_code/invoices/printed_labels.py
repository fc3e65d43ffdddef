# ruff: noqa: SIM905 - a list of words reads better as text
"""What the page calls its values: the labels of invoices in the languages of their users, and what stands beside them.

"Somewhere on the page" is weak evidence: the date of an order is on the page, too. What stands beside the label of a
field is that field's value as printed. A label is read with the words before it: "order date" is another label than
"date", and "print date" is none that is known here.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import cache, lru_cache
from itertools import islice
from typing import NamedTuple

from shared_code.invoices.alternatives import by_first_character
from shared_code.invoices.currency_marks import codes_of_mark
from shared_code.invoices.month_names import fold
from shared_code.invoices.printed_dates import dates_in
from shared_code.invoices.printed_numbers import amounts_in

#: characters behind a label in which its value begins
_REACH = 60
_MOST_LABELS = 5_000

#: field -> labels in lower case, without accents, separated by commas. ``order_date`` and the like are no fields of an
#: invoice of ours: they are here so that nothing else is taken for them.
_LABELS_OF_FIELD: Mapping[str, str] = {
    "invoice_number": (
        "invoice no, invoice number, invoice #, invoice num, invoice id, inv no, bill no, bill number, "
        "document no, document number, tax invoice no, receipt no, receipt number, credit note no, "
        "credit note number, debit note no, rechnungsnummer, rechnungs-nr, rechnung nr, rechnungsnr, "
        "rechnung-nr, belegnummer, beleg-nr, gutschriftsnummer, numero de facture, facture n, facture no, "
        "n de facture, n facture, numero de factura, factura n, factura no, n de factura, numero fattura, "
        "fattura n, numero documento, factuurnummer, factuur nr, factuurnr, numero da fatura, fatura n, "
        "fatura no, numer faktury, faktura nr, nr faktury, fakturanummer, fakturanr, faktura c, cislo faktury, "
        "faktura cislo, szamlaszam, szamla sorszama, sorszam, numar factura, fatura numarasi, nomor faktur, "
        "no faktur, so hoa don, 請求書番号, 請求番号, 请求书编号, 发票号码, 發票號碼, номер счета"
    ),
    "number": "number, no, nr, numero",
    "invoice_date": (
        "invoice date, date of invoice, bill date, date of issue, issue date, issued, issued on, dated, "
        "tax invoice date, receipt date, date, rechnungsdatum, belegdatum, ausstellungsdatum, datum, "
        "date de facture, date de la facture, date d'emission, date facture, fecha de factura, fecha de emision, "
        "fecha factura, fecha, data fattura, data documento, data di emissione, data, factuurdatum, "
        "data da fatura, data de emissao, data wystawienia, data faktury, fakturadatum, fakturadato, "
        "datum vystaveni, datum vystavenia, szamla kelte, kelt, kiallitas datuma, kiallitas kelte, "
        "data facturii, data emiterii, fatura tarihi, duzenleme tarihi, tarih, tanggal, tanggal faktur, ngay, "
        "請求日, 発行日, 开票日期, 開立日期, 日期, дата"
    ),
    "due_date": (
        "due date, payment due, date due, due, due on, due by, pay by, payable by, payment date, "
        "falligkeitsdatum, fallig am, fallig, zahlbar bis, faelligkeitsdatum, date d'echeance, echeance, "
        "a payer avant, fecha de vencimiento, vencimiento, vence, data scadenza, scadenza, vervaldatum, "
        "vervaldag, data de vencimento, vencimento, termin platnosci, forfallodatum, forfallsdato, forfaldsdato, "
        "forfalder, datum splatnosti, splatnost, fizetesi hatarido, data scadentei, scadenta, vade tarihi, "
        "son odeme tarihi, jatuh tempo, 支払期限, 付款期限"
    ),
    "delivery_date": (
        "delivery date, date of delivery, date of supply, supply date, delivered, delivered on, ship date, "
        "shipping date, dispatch date, lieferdatum, leistungsdatum, date de livraison, fecha de entrega, "
        "data consegna, leverdatum, data de entrega, data dostawy, data sprzedazy, leveransdatum, leveringsdato, "
        "datum dodani, teljesites kelte, teljesites datuma, data livrarii"
    ),
    "order_date": (
        "order date, date of order, po date, purchase order date, bestelldatum, auftragsdatum, "
        "date de commande, fecha de pedido, data ordine, besteldatum, orderdatum, data zamowienia, quote date, "
        "quotation date, contract date, print date, printed, printed on, druckdatum, period, "
        "ack date, date of birth"
    ),
    "order_number": (
        "order no, order number, order #, po no, po number, p.o. number, po #, purchase order no, "
        "purchase order number, your order, your reference, bestellnummer, bestell-nr, auftragsnummer, "
        "numero de commande, commande n, numero de pedido, pedido, numero ordine, ordernummer, bestelnummer, "
        "numer zamowienia, ordrenummer"
    ),
    "quote_number": (
        "quote no, quote number, quote #, quotation no, quotation number, offer no, offer number, estimate no, "
        "estimate number, proposal no, angebotsnummer, angebots-nr, angebot nr, devis n, numero de devis, "
        "presupuesto n, numero de presupuesto, preventivo n, numero preventivo, offertenummer, offerte nr, "
        "orcamento n, numer oferty, oferta nr, tilbudsnummer, offertnummer, 見積番号, 报价单号"
    ),
    "statement": (
        "statement date, statement no, statement number, statement of account, account statement, reminder date, "
        "reminder no, payment reminder, kontoauszug, mahnung, zahlungserinnerung, releve de compte, rappel, "
        "estado de cuenta, recordatorio de pago, estratto conto, sollecito di pagamento, rekeningoverzicht, "
        "betalingsherinnering, extrato de conta, wezwanie do zaplaty, monit"
    ),
    "other_number": (
        "customer no, customer number, customer id, customer #, customer ref, client no, client id, "
        "account no, account number, reference, ref, ref no, our reference, delivery note no, delivery note, "
        "contract no, kundennummer, kunden-nr, kundennr, lieferscheinnummer, "
        "lieferschein nr, numero de client, n client, numero de cliente, codice cliente, klantnummer, "
        "kundnummer, kundenummer, eway bill no, ack no, registration no, registered, reg no, phone, tel, "
        "telephone, fax, mobile, page"
    ),
    "total": (
        "total, grand total, invoice total, total amount, total incl vat, total including vat, "
        "total inc vat, total incl tax, gross total, total gross, amount payable, total payable, total due, "
        "total amount due, gesamtbetrag, rechnungsbetrag, gesamtsumme, endbetrag, bruttobetrag, summe brutto, "
        "gesamt brutto, gesamt, total ttc, montant total, net a payer, montant ttc, total a pagar, "
        "importe total, total factura, totale, totale fattura, totale documento, totaal, totaal incl btw, "
        "totaalbedrag, total geral, valor total, razem, razem brutto, do zaplaty, wartosc brutto, att betala, "
        "totalt, total inkl moms, celkem, celkem k uhrade, k uhrade, osszesen, vegosszeg, fizetendo, "
        "total de plata, genel toplam, toplam, odenecek tutar, jumlah, tong cong, 合計, 総計, 总计, 合计, итого, "
        "всего"
    ),
    "subtotal": (
        "subtotal, sub total, sub-total, net total, total net, net amount, total excl vat, "
        "total excluding vat, total ex vat, total before tax, taxable amount, taxable value, net, zwischensumme, "
        "nettobetrag, summe netto, gesamt netto, netto, total ht, montant ht, sous-total, base imponible, "
        "imponibile, subtotaal, totaal excl btw, wartosc netto, razem netto, delsumma, summa exkl moms, "
        "mezisoucet, zaklad dane, netto osszesen, ara toplam, 小計, 小计"
    ),
    "tax_total": (
        "tax, vat, total tax, total vat, vat amount, tax amount, sales tax, gst, mwst, ust, umsatzsteuer, "
        "mehrwertsteuer, tva, iva, btw, moms, mva, dph, afa, kdv, ppn, imposta, podatek vat"
    ),
    "amount_due": (
        "balance due, amount due, balance, outstanding, amount outstanding, offener betrag, restbetrag, "
        "solde, solde du, saldo, da pagare"
    ),
    "amount_paid": (
        "paid, amount paid, deposit, deposit paid, prepaid, less paid, payment received, anzahlung, "
        "acompte, anticipo, acconto, aanbetaling, zaplacono"
    ),
    "other_amount": (
        "discount, shipping, freight, delivery, carriage, handling, round off, rounding, rounding off, "
        "less round off, previous balance, rabatt, remise, versand, descuento, sconto, korting, tip, gratuity, "
        "change, cash"
    ),
    "seller.tax_id": (
        "our vat no, our tax id, seller tax id, seller gstin, supplier gstin, vendor tax id, "
        "supplier vat no, unsere ust-idnr"
    ),
    "buyer.tax_id": (
        "customer tax id, customer vat no, customer vat, customer vat number, customer gstin, buyer gstin, "
        "buyer tax id, buyer vat no, client vat no, client tax id, your vat no, your vat number, your tax id, "
        "recipient gstin, bill to gstin, ihre ust-idnr, ust-idnr des kunden, tva client, nif cliente, "
        "p iva cliente, btw-nr klant"
    ),
    "seller.name": (
        "seller, supplier, vendor, from, sold by, issued by, lieferant, verkaufer, vendeur, fournisseur, "
        "vendedor, proveedor, emisor, fornitore, cedente, leverancier, verkoper, sprzedawca, saljare, dodavatel, "
        "elado, furnizor, satici"
    ),
    "buyer.name": (
        "bill to, billed to, bill-to, buyer, customer, sold to, invoice to, invoiced to, client, "
        "rechnung an, kunde, rechnungsempfanger, facture a, acheteur, cliente, comprador, facturar a, "
        "cessionario, klant, factuur aan, nabywca, kopare, odberatel, vevo, cumparator, alici"
    ),
    "tax_id": (
        "tax id, tax no, tax number, vat no, vat number, vat id, vat reg no, vat registration no, gstin, "
        "gstin/uin, gst no, tin, ein, abn, ust-idnr, ust-id, ustid, steuernummer, tva, n tva, numero de tva, "
        "nif, cif, partita iva, p iva, codice fiscale, btw-nummer, btw-nr, cnpj, nip, dic, adoszam, cui, vergi no"
    ),
}
#: labels that mean something else when a word stands directly before them
_GENERIC = frozenset(
    "number,no,nr,numero,date,issued,dated,due,datum,data,fecha,total,totale,totaal,gesamt,net,netto,tax,vat,ref,"
    "reference,kelt,tarih,balance,paid,po,printed,period,page,tip,change,cash,tin,issued on,from,client,customer,"
    "buyer,seller".split(",")
)
_PERCENT = re.compile(r"[0-9]+(?:[.,][0-9]+)?\s?%")
_DIGIT = re.compile("[0-9]")
_WORDS = re.compile(r"[^\W\d_]+")
_BLANKS = re.compile(r"[ .]+")
_CELL = re.compile(r"\S+")
#: characters between a label and its value
_AROUND = " :.#\t-"


class BesideLabel(NamedTuple):
    """What stands beside a label: in the line, up to the next label, or in the line below. At most 60 characters.

    ``label`` is as printed; ``start`` is where ``text`` begins among all characters of the lines and their ends.
    """

    field: str
    label: str
    text: str
    start: int


def beside_labels_in(lines: Sequence[str]) -> list[BesideLabel]:
    """What stands beside each label in the lines of a page."""
    found: list[BesideLabel] = []
    at = 0
    for number, line in enumerate(lines):
        if labels := _labels_in(line):
            below = lines[number + 1] if number + 1 < len(lines) else ""
            found += _beside(labels, line, below, at)
        at += len(line) + 1
    return found


def texts_by_field(beside: Sequence[BesideLabel]) -> Mapping[str, tuple[str, ...]]:
    """The texts beside the labels of each field."""
    found: dict[str, list[str]] = {}
    for one in beside:
        found.setdefault(one.field, []).append(one.text)
    return {field: tuple(texts) for field, texts in found.items()}


def days_in(texts: Sequence[str]) -> frozenset[date]:
    """The days that the first date of each text can mean."""
    readings = [dates_in(text)[:1] for text in texts]
    return frozenset(day for found in readings for reading in found for day in reading.candidates)


def amounts_of(texts: Sequence[str]) -> frozenset[Decimal]:
    """The amounts in the texts, without sign; words before the first digit make it the amount of something else."""
    texts = [_PERCENT.sub("", text) for text in texts]
    plain = [text for text in texts if all(map(codes_of_mark, _WORDS.findall(_DIGIT.split(text, maxsplit=1)[0])))]
    return frozenset(amount for text in plain for amount in amounts_in(text))


class _Label(NamedTuple):
    """A label in a line; ``in_row`` is its field when each label of the line heads a column of its own."""

    field: str
    in_row: str
    start: int
    end: int


def _beside(labels: Sequence[_Label], line: str, below: str, at: int) -> Iterator[BesideLabel]:
    """What stands beside the labels of a line that begins ``at``; the line below goes on behind its end."""
    next_line = at + len(line) + 1
    for place, label in enumerate(labels):
        stop = labels[place + 1].start if place + 1 < len(labels) else len(line)
        reached = line[label.end : stop][:_REACH]
        text, printed = reached.strip(_AROUND), line[label.start : label.end]
        if text:
            yield BesideLabel(label.field, printed, text, at + label.end + _lead(reached, _AROUND))
        elif len(labels) == 1:
            reached = below[:_REACH]
            yield BesideLabel(label.field, printed, reached.strip(), next_line + _lead(reached))
    if len(labels) > 1 and not any(char.isdigit() for char in line):
        cells = list(_CELL.finditer(below))
        if len(cells) == len(labels):
            for label, cell in zip(labels, cells, strict=True):
                printed = line[label.start : label.end]
                yield BesideLabel(label.in_row, printed, cell[0], next_line + cell.start())


def _lead(text: str, around: str | None = None) -> int:
    return len(text) - len(text.lstrip(around))


def _labels_in(line: str) -> list[_Label]:
    """Labels of a line in order. Those that no field of ours has are among them."""
    plain = _same_length(line)
    found: list[_Label] = []
    last = 0
    for match in islice(_pattern().finditer(plain), _MOST_LABELS):
        start, end = match.span()
        label = match[0] if match[0] in _fields() else _BLANKS.sub(" ", match[0]).strip()
        field = _fields()[label]
        qualified = behind_label = False
        if label in _GENERIC:
            before = plain[last:start].strip()
            qualified, behind_label = before[-1:].isalpha(), not before and last > 0
        found.append(
            _Label("unknown" if qualified or behind_label else field, "unknown" if qualified else field, start, end)
        )
        last = end
    return found


def _same_length(line: str) -> str:
    """Lower case without accents, character by character, so that places stay."""
    return line.lower() if line.isascii() else "".join(map(_plain_character, line))


@lru_cache(maxsize=4_096)
def _plain_character(char: str) -> str:
    # The sign of degrees stands for the raised letter of "number", which looks the same.
    return (fold("\u00ba" if char == "\u00b0" else char) or char)[:1]


@cache
def _fields() -> Mapping[str, str]:
    """Labels without dots and their fields; what begins with "n", for "number", may begin with "no" as well."""
    fields = {
        _BLANKS.sub(" ", label): field for field, labels in _LABELS_OF_FIELD.items() for label in labels.split(", ")
    }
    written_out = {
        re.sub(r"^n(?= )| n$", lambda match: match[0] + "o", label): field for label, field in fields.items()
    }
    return written_out | fields


@cache
def _pattern() -> re.Pattern[str]:
    longest_first = sorted(_fields(), key=len, reverse=True)
    alternatives = by_first_character(re.escape(label).replace(r"\ ", r"[ .]{1,2}") for label in longest_first)
    return re.compile(rf"(?<![^\W_])(?:{alternatives})(?![^\W_])")
