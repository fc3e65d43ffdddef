"""Number, dates, identifiers and references of an invoice."""

import re
from collections.abc import Sequence
from typing import Any

from devstack.models.reading import dates, labels
from devstack.models.reading.labels import Found, words
from devstack.models.reading.layout import Row

_NO = r"(?:number|no\.?|num\.?|nr\.?|id|#|№|n\s?[°º]\.?)"
NUMBER_LABELS = (
    words(
        rf"(?:invoice|inv|bill|(?:credit|debit)\s?note|receipt)\s*(?:#\s*)?{_NO}",
        r"(?:rechnungs?|gutschrifts?|beleg)[\s-]*(?:nummer|nr\.?|no\.?)",
        r"(?:n\s?[°º]\.?|no\.|num[ée]ro)\s*(?:de\s+)?(?:la\s+)?facture",
        r"facture\s*(?:n\s?[°º]\.?|no\.?|num[ée]ro|#)",
        r"factuur\s*-?(?:nummer|nr\.?)",
        r"(?:n[úu]mero|n\s?[º°]\.?|n[úu]m\.)\s*(?:de\s+)?(?:la\s+)?factura",
        r"factura\s*(?:n\s?[º°]\.?|no\.?|n[úu]m(?:ero|\.)?|#)",
        r"(?:numero|n\s?[°º]\.?|nr\.?|n\.)\s*(?:della\s+)?fattura",
        r"fattura\s*(?:n\s?[°º]\.?|nr\.?|n\.|numero|#)",
    ),
    words(r"^(?:tax |vat )?invoice\s*:", r"document (?:no\.?|number)", r"numero documento", r"n[úu]mero de documento"),
    words(r"^(?:tax |vat )?invoice(?=\s+\S*\d)", r"^facture(?=\s+\S*\d)", r"^rechnung(?=\s+\S*\d)"),
)
#: Only beside or under a title: "No 7" alone can be anything.
BARE_NUMBER = (re.compile(r"^(?:n\s?[°º]|nr\.?|no\.?)(?=[\s:])", re.IGNORECASE),)
TITLE = words(
    r"invoice",
    r"rechnung",
    r"handelsrechnung",
    r"facture",
    r"factuur",
    r"factura",
    r"fattura",
    r"receipt",
    r"credit note",
    r"debit note",
    r"gutschrift",
    r"avoir",
    r"creditnota",
    r"creditfactuur",
    r"nota de cr[ée]dito",
    r"nota di credito",
)
_DOCUMENT_TYPES = (
    ("proforma", words(r"pro[\s-]?forma")),
    (
        "credit_note",
        words(r"credit\s?note|gutschrift|avoir|creditnota|creditfactuur|nota (?:de cr[ée]dito|di credito)"),
    ),
    ("debit_note", words(r"debit\s?note")),
    ("invoice", words(r"invoice|(?:handels)?rechnung|facture|factuur|factura|fattura")),
    ("receipt", words(r"receipt|kassenbon|quittung|re[çc]u")),
)
_TITLE_ROWS = 12

_DATE_LABELS = (
    words(
        r"(?:tax )?invoice date",
        r"date of (?:issue|invoice)",
        r"(?:issue|bill|receipt|credit note) date",
        r"rechnungsdatum",
        r"factuurdatum",
        r"date (?:de |d['’])(?:la )?(?:facture|facturation|[ée]mission)",
        r"fecha (?:de )?(?:la )?(?:factura|emisi[óo]n|expedici[óo]n)",
        r"data (?:della )?(?:fattura|documento|emissione)",
    ),
    words(r"(?:^|(?<=\s\s)|(?<=·\s))date\s*:?", r"^datum\s*:?", r"^fecha\s*:?", r"^data\s*:?", r"^dated\s*:?"),
    words(r"^vom"),
)
_DUE_LABELS = (
    words(
        r"(?:payment )?due (?:date|on|by)",
        r"date due",
        r"f[äa]llig(?:keit|keitsdatum| am| bis)",
        r"[ée]ch[ée]ance",
        r"vervaldatum",
        r"(?:fecha de )?vencimiento",
        r"(?:data )?scadenza",
    ),
)
_DELIVERY_LABELS = (
    words(r"(?:date of supply|delivery date|supply date)", r"liefer(?:- und leistungs)?datum", r"leistungsdatum",
          r"leveringsdatum", r"date de livraison"),
)  # fmt: skip
_PO_LABELS = (words(rf"(?:p\.?\s?o\.?|purchase order)\s*{_NO}", r"bestell(?:nummer|nr\.?)", r"uw referentie"),)
_NUMBER = re.compile(r"[#:\s]*((?:[A-Z]{1,6}[ -]{1,2}){0,2}[A-Za-z]{0,12}[A-Za-z0-9/_.\-]*\d[A-Za-z0-9/_.\-]*)(?!\w)")
_LONGEST_NUMBER = 40


def accept_number(text: str) -> str | None:
    """The document number that a text starts with; a date or an amount of money is none."""
    match = _NUMBER.match(text)
    if not match or len(match[1]) > _LONGEST_NUMBER or re.match(r"\s?%", text[match.end() :]):
        return None
    number = match[1].rstrip(".-/_")
    is_date = dates.date_at(number, day_first=True) is not None and re.search(r"[-/.]", number)
    is_amount = re.fullmatch(r"\d{1,3}(?:[.,]\d{3})*[.,]\d{2}", number)
    return None if is_date or is_amount else number


def invoice_number(rows: Sequence[Row]) -> Found | None:
    """The number of the invoice that starts on these rows; None when there is none or labels contradict."""
    found = labels.labelled(rows, NUMBER_LABELS, accept_number)
    if found:
        return labels.clearest(found)
    titles = [index for index, row in enumerate(rows[:_TITLE_ROWS]) if TITLE.search(row.text)]
    if not titles:
        return None
    near = rows[max(titles[0] - 1, 0) : titles[0] + 4]
    return labels.clearest(labels.labelled(near, BARE_NUMBER, accept_number))


def document_type(rows: Sequence[Row]) -> str:
    """One of the six types, by the first title on the page."""
    for row in rows[: 2 * _TITLE_ROWS]:
        for kind, pattern in _DOCUMENT_TYPES:
            if pattern.search(row.text):
                return kind
    return "other"


def dated(rows: Sequence[Row], *, day_first: bool | None) -> dict[str, Any]:
    """Invoice, due and delivery date; the invoice date in ISO form beside its print, the others as printed."""

    def accept(text: str) -> str | None:
        date = dates.date_at(text, day_first=day_first)
        return date.printed if date else None

    due = labels.clearest(labels.labelled(rows, _DUE_LABELS, accept))
    delivery = labels.clearest(labels.labelled(rows, _DELIVERY_LABELS, accept))
    out: dict[str, Any] = {
        "due_date": due.value if due else None,
        "delivery_date": delivery.value if delivery else None,
    }
    found = labels.clearest(labels.labelled(rows, _DATE_LABELS, accept))
    if found:
        date = dates.date_at(found.value, day_first=day_first)
        out |= {"invoice_date_printed": found.value, "invoice_date_page": str(found.page)}
        out["invoice_date"] = date.value.isoformat() if date and date.value else None
    return out


_REFERENCES: tuple[tuple[str, re.Pattern[str], str], ...] = (
    ("irn", words(r"irn(?: no\.?)?"), r"([0-9a-fA-F]{64})\b"),
    ("ack_number", words(r"ack\.? no\.?"), r"(\d{6,20})\b"),
    ("ack_date", words(r"ack\.? date"), r"(\d{1,4}[-/.]\d{1,2}[-/.]\d{2,4})"),
    ("eway_bill_number", words(r"e-?way bill(?: no\.?)?"), r"(\d{10,14})\b"),
    ("reverse_charge", words(r"reverse charge"), r"(?i)[:(\s]*(yes|no|y|n)\b"),
    ("place_of_supply", words(r"place of supply"), r"([^\d(:][^(:]{2,40}?|\d{2}\s?-\s?[A-Za-z ]{3,40})(?=\s*(?:\(|$))"),
    ("place_of_supply_code", words(r"place of supply"), r"[^\d]{0,45}(\d{2})\b"),
    ("lut_number", words(r"lut(?: arn)? no\.?"), r"(\S*\d\S*)"),
    ("fiscal_device_id", words(r"sdc id"), r"(\S*\d\S*)"),
    ("contract_number", words(rf"contract {_NO}"), r"(\S*\d\S*)"),
    ("payment_terms", words(r"(?:payment )?terms:", r"zahlungsbedingungen:"), r"(.{3,80})"),
    ("payment_reference", words(r"payment reference", r"your payment"), r"(\S*\d\S*)"),
    ("original_invoice_number", words(r"original invoice(?: no\.?)?", r"against invoice(?: no\.?)?"), r"(\S*\d\S*)"),
    ("exchange_rate", words(r"exchange rate"), r"[^=]*=\s*(?:[A-Z]{3}|\S)?\s*(\d+[.,]\d+)"),
    ("supply_type", words(r"supply type"), r"([A-Z][A-Za-z0-9 -]{1,20})"),
)


def references(rows: Sequence[Row]) -> dict[str, Any]:
    """Everything else that stands behind a label, as printed."""
    out: dict[str, Any] = {}
    for name, label, expression in _REFERENCES:
        found = labels.clearest(labels.labelled(rows, (label,), labels.matching(expression)))
        if found:
            out[name] = found.value
    if charge := out.get("reverse_charge"):
        out["reverse_charge"] = "yes" if charge.lower().startswith("y") else "no"
    order = labels.clearest(labels.labelled(rows, _PO_LABELS, accept_number))
    out["po_numbers"] = [order.value] if order else []
    return out
