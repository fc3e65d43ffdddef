"""Whether XML or JSON of an unknown kind is an invoice, by the names and values in it.

The same idea as for pages (:func:`shared_code.invoices.result.looks_like_an_invoice`): an invoice names itself, has a
number, a date and amounts, and says in which currency or by whom it was issued. Programmers write those names in many
languages and in one word, so the stems of words are looked for within a name. What names itself otherwise (an order,
an offer, a statement of account) is none, also when it mentions invoices.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from shared_code.e_invoices.xml import Node
from shared_code.invoices.month_names import fold
from shared_code.invoices.text_layer import TextLayer

#: values that are looked at; those of an invoice's head come first, or soon
_MOST_VALUES = 1_500
_SHOWN = 100
#: an invoice shows an amount and its tax, or two lines
_LEAST_AMOUNTS = 2
#: levels between an invoice's element and its number: a head, a group in it
_MOST_BETWEEN = 2
#: a document kind is one or two words
_KIND_LENGTH = 40


def _stems(words: str) -> re.Pattern[str]:
    """A pattern for names that :func:`fold` has folded: it takes the letters of some scripts apart."""
    return re.compile(fold(words))


_INVOICE = _stems(
    "invoice|rechnung|factur|fattura|fatura|faktur|faktuur|fapiao|szamla|lasku(?!tus)|racun|saskait|rekin|arve(?![a-z])|"
    "^bill(?!ing)|(?:tax|e)bill(?!ing)|^inv(?:no|num|nr|id|date|dt|amt)|(?:credit|debit) ?(?:note|memo)|gutschrift|"
    "nota ?(?:de ?)?(?:credit|debit|fiscal)|creditnota|avoir|kreditnota|receipt(?!advice)|quittung|hoa ?don|chungtu|"
    "timologio|τιμολογ|счет|счёт|рахунок|фактур|請求書|领受書|発票|发票|發票|영수증|계산서|ใบแจ้งหนี้|ใบกำกับ|فاتورة|חשבונית|बीजक|चालान"
)
_ANOTHER_KIND = _stems(
    "order|quot|offer|estimate|proposal|tender|catalog|pricelist|despatch|dispatch|delivery|shipment|shipping|packing|"
    "statement|remittance|payment|reminder|dunning|timesheet|payroll|payslip|contract|inventory|forecast|response|"
    "angebot|bestell|auftrag|lieferschein|kontoauszug|mahnung|zahlungs|preisliste|vertrag|pedido|presupuesto|albaran|"
    "extracto|commande|devis|livraison|releve|ordine|preventivo|bolla|estratto|bestelling|offerte|zamowien|oferta|"
    "objednavk|nabidk|megrendel|ajanlat|comanda|siparis|teklif|encomenda|orcamento|tilaus|tarjous|bkto|cstmr|pain\\.|camt\\.|"
    "receiptadvice|retention|retencion|assignment"
)
#: roots that name invoices and are messages about them
_ABOUT_INVOICES = _stems("^query.*request$|notification|attestazione")
#: names of a number, after the word for an invoice or alone
_NUMBER_WORDS = (
    "number|numero|num|nummer|numer|numar|numarasi|nr|no|n|id|code|codigo|serial|cislo|broj|sorszam|szam|szama|ref|"
    "reference|numara|nomer|номер|番号|號碼|号码|번호"
)
_NUMBER = _stems(f"(?:{_NUMBER_WORDS})$")
#: what is left of ``numeroFactura``, ``InvoiceNo`` without the stem of the word for an invoice
_NUMBER_BESIDE = _stems(f"^(?:{_NUMBER_WORDS})(?:de|da|di|der|of)?[a-z]{{0,2}}$|(?:{_NUMBER_WORDS})$")
#: what such a name can also mean
_NO_NUMBER = _stems("type|typ|status|line|count|period|currenc|country|address|adress|original|preced|related|correct")
#: names with the word for an invoice that do not make the whole an invoice
_NO_INVOICE = _stems(
    "addr|adress|direccion|indirizzo|recipient|ref|status|period|party|contact|email|to$|prefix|option"
)
_KIND_NAME = _stems("(?:type|typ|tipo|kind|art|doctype|title|titel|titre|titolo|category|doccode|种类|種類)$")
_HEAD = _stems(
    "head|kopf|general|info|document|dokument|documento|basic|detail|data|daten|meta|summary|main|core|envelope|body|"
    "content|payload|cabecera|entete|testata|intestazione|identification|result|record|message|root|json|naglowek|hlavick"
)
_WRAPPER = _stems("envelope|document$|message$|^root$")
_AMOUNT = _stems(
    "amount|amt|total|price|sum|net|gross|tax|vat|gst|subtotal|payable|balance|due$|betrag|summe|preis|brutto|netto|mwst|ust|steuer|importe|"
    "precio|impuesto|iva|montant|prix|ttc|tva|importo|prezzo|imposta|totale|bedrag|prijs|btw|kwota|cena|wartosc|podatek|"
    "castka|dph|osszeg|afa|valor|preco|imposto|tutar|kdv|belopp|moms|pris|belob|summa|alv|suma|金額|税|合計|金额|合计|總計"
)
_PLAIN_NUMBER = re.compile(r"[+-]?[0-9][0-9.,' ]*")
_CURRENCY = _stems(
    "currency|currenc|waehrung|wahrung|moneda|devise|valuta|waluta|divisa|moeda|mena$|penznem|parabirimi|"
    "通貨|货币|幣別|币种"
)
_CURRENCY_CODE = re.compile("[A-Za-z]{3}|[^\\w\\s]")
_DATE = _stems("date|datum|data|fecha|dato|kelt|tarih|pvm|paiva|dt$|日")
_COMPACT_DATE = re.compile(r"(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])(?:[0-9]{4,6})?")
_SELLER = _stems(
    "seller|supplier|vendor|issuer|biller|creditor|merchant|provider|payee|(?:bill|sold|issued)?from$|lieferant|verkaufer|verkaeufer|aussteller|"
    "rechnungssteller|emisor|proveedor|vendedor|emetteur|fournisseur|vendeur|fornitore|cedente|emittente|leverancier|"
    "verkoper|sprzedaw|wystawc|dodavatel|elado|szallito|furnizor|satici|leverandor|saljare|toimittaja|myyja|emitente|"
    "prestador|company|firma|vatid|vatno|vatnumber|taxid|taxnumber|ustid|gstin|nif|cif$|nip$|rfc$|cnpj|trn$|販売|売主|发行|卖方|销方|賣方"
)
_BORDERS = re.compile(
    r"(?<=[a-zß-öø-ÿ0-9])(?=[A-ZÀ-ÖØ-Þ])|(?<=[A-ZÀ-ÖØ-Þ])(?=[A-ZÀ-ÖØ-Þ][a-zß-öø-ÿ])|(?<=[0-9])(?=[A-Za-z])|[_.\-/:]+"
)


@dataclass(frozen=True, slots=True)
class _Value:
    """A text and the squeezed names that lead to it, its own last."""

    path: tuple[str, ...]
    words: str
    text: str

    @property
    def name(self) -> str:
        return self.path[-1]


def words_of(name: str) -> str:
    """The name of an element or a key as words: ``InvoiceDate``, ``invoice_date`` -> "Invoice Date", "invoice date"."""
    return " ".join(_BORDERS.sub(" ", name).split())


def looks_like_an_invoice(root: Node) -> bool:
    """Whether a tree has what letters, orders and settings rarely have together: see the module."""
    values = list(islice(_values(root), _MOST_VALUES))
    if _is_another_kind(root, values):
        return False
    if not any(map(_is_number, values)) and not (_says_invoice(root, values) and any(map(_is_plain_number, values))):
        return False
    # Without the month names of all languages: data has its dates in figures, and a new process takes a second to load
    # those names.
    layer = TextLayer(["\n".join(f"{value.words}: {value.text}" for value in values)])
    if sum(map(_is_amount, values)) < _LEAST_AMOUNTS or not (layer.dates or any(map(_is_compact_date, values))):
        return False
    return bool(layer.currencies.possible) or any(map(_is_currency, values)) or _names_seller(values)


def _values(root: Node) -> Iterator[_Value]:
    """Texts and attributes in order. Without recursion: the depth is the sender's choice."""
    waiting: list[tuple[Node, tuple[str, ...]]] = [(root, ())]
    while waiting:
        node, above = waiting.pop()
        path = (*above[-8:], _squeezed(node.name))
        if node.value:
            yield _Value(path, words_of(node.name), node.value[:_SHOWN])
        for name, text in node.attributes:
            yield _Value((*path, _squeezed(name)), words_of(name), text[:_SHOWN])
        waiting += [(child, path) for child in reversed(node.children)]


@lru_cache(maxsize=4096)
def _squeezed(name: str) -> str:
    return fold(re.sub(r"[\W_]+", "", name[:_SHOWN]))


def _is_another_kind(root: Node, values: Sequence[_Value]) -> bool:
    """Whether the outermost names, or what the file gives as its kind, say something else than an invoice."""
    names = [_squeezed(root.name)]
    inner = root.children
    if len(inner) == 1 or _WRAPPER.search(names[0]):
        names += [_squeezed(child.name) for child in inner]
    names += [fold(value.text) for value in values if _is_kind(value)]
    said = " ".join(names)
    if _ABOUT_INVOICES.search(names[0]):
        return True
    return _ANOTHER_KIND.search(said) is not None and _INVOICE.search(said) is None


def _says_invoice(root: Node, values: Sequence[_Value]) -> bool:
    """Whether the outermost names or the kind that it gives say invoice."""
    names = [_squeezed(root.name), *(_squeezed(child.name) for child in root.children)]
    kinds = [fold(value.text) for value in values if _is_kind(value)]
    return any(_INVOICE.search(name) and not _NO_INVOICE.search(name) for name in names) or any(
        map(_INVOICE.search, kinds)
    )


def _is_kind(value: _Value) -> bool:
    near = len(value.path) <= 1 + _MOST_BETWEEN
    return near and len(value.text) <= _KIND_LENGTH and _KIND_NAME.search(value.name) is not None


def _is_number(value: _Value) -> bool:
    """Whether this is the number of an invoice: its name says so, or it stands in the head of one."""
    if not any(map(str.isdecimal, value.text)) or _NO_NUMBER.search(value.name):
        return False
    if _INVOICE.search(value.name):
        return _NUMBER_BESIDE.search(_INVOICE.sub("", value.name)) is not None
    if not _NUMBER.search(value.name) or _ANOTHER_KIND.search(value.name):
        return False
    for between, name in enumerate(reversed(value.path[:-1])):
        if _INVOICE.search(name):
            return not _NO_INVOICE.search(name)
        if between == _MOST_BETWEEN or not _HEAD.search(name):
            return False
    return False


def _is_plain_number(value: _Value) -> bool:
    near = len(value.path) <= 1 + _MOST_BETWEEN and any(map(str.isdecimal, value.text))
    return near and bool(_NUMBER.search(value.name)) and not _ANOTHER_KIND.search(value.name)


def _is_amount(value: _Value) -> bool:
    return bool(_PLAIN_NUMBER.fullmatch(value.text.strip())) and any(map(_AMOUNT.search, value.path[-2:]))


def _is_compact_date(value: _Value) -> bool:
    return bool(_COMPACT_DATE.fullmatch(value.text)) and any(map(_DATE.search, value.path[-2:]))


def _is_currency(value: _Value) -> bool:
    return bool(_CURRENCY.search(value.name)) and bool(_CURRENCY_CODE.fullmatch(value.text))


def _names_seller(values: Sequence[_Value]) -> bool:
    return any(_SELLER.search(name) for value in values for name in value.path)
